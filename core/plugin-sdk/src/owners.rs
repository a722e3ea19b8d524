use forgekeep_plugin_documents::{
    ErrorKind, Finding, HosterError, HttpResponse, OwnerSeen, Sees, Severity,
};

/// Whether an error concerns one owner (workspace, organisation, project), so that the next one may well be
/// listed. A refused credential, a limit and whatever stands before all of the API concern all of them.
pub fn is_of_one_owner(error: &HosterError) -> bool {
    match error.kind {
        ErrorKind::Credentials
        | ErrorKind::Cancelled
        | ErrorKind::RateLimited
        | ErrorKind::Network
        | ErrorKind::Tls
        | ErrorKind::Policy
        | ErrorKind::Plugin
        | ErrorKind::Unsupported => false,
        // A redirect or a page for people is what stands before all of the API.
        ErrorKind::BadAnswer => error.status == Some(200),
        _ => true,
    }
}

/// An owner, and how much of its repositories is seen.
pub fn owner_seen(id: impl ToString, name: &str, sees: Sees) -> OwnerSeen {
    OwnerSeen {
        id: id.to_string(),
        name: name.to_owned(),
        sees,
        ..OwnerSeen::default()
    }
}

/// An owner that could not be listed, and why. The listing goes on with the next one.
pub fn owner_failed(id: impl ToString, name: &str, error: HosterError) -> OwnerSeen {
    let message = format!("{name} is not backed up: {}", error.message);
    OwnerSeen {
        error: Some(HosterError { message, ..error }),
        ..owner_seen(id, name, Sees::Other)
    }
}

/// What there is to say of the owner that a source names, on the first page of its listing: that it is
/// called otherwise `now`, and that nothing of it is visible, where the listing ends without a repository.
pub fn owner_findings(name: &str, now: &str, is_empty: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut warn = |message: String, hint: &str| {
        findings.push(Finding::new(Severity::Warning, "name", message).with_hint(hint));
    };
    if !now.eq_ignore_ascii_case(name) {
        let message = format!("{name} is called {now} now");
        warn(message, "change name: others may take the old one");
    }
    if is_empty {
        let message = format!("no repository of {name} is visible: nothing is treated as deleted");
        warn(message, "check name and the account's rights");
    }
    findings
}

/// The scopes of a token, where an answer tells them (`X-OAuth-Scopes`).
pub fn scopes(response: &HttpResponse) -> Vec<String> {
    let line = response.header("x-oauth-scopes").unwrap_or_default();
    let scopes = line.split([',', ' ']).filter(|scope| !scope.is_empty());
    scopes.map(str::to_owned).collect()
}

/// The scopes of `needed` that a token has not, as far as its scopes are known: none at all says nothing.
/// `implies` says whether it has one by another.
pub fn missing_scopes(
    scopes: &[String],
    needed: &[&str],
    implies: impl Fn(&str, &str) -> bool,
) -> Vec<String> {
    let is_missing = |needed: &&&str| {
        let has = |one: &String| one == **needed || implies(one, needed);
        !scopes.is_empty() && !scopes.iter().any(has)
    };
    let missing = needed.iter().filter(is_missing);
    missing.map(|scope| (*scope).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_owner_refuses_does_not_end_the_others() {
        let is = |kind, status| {
            let error = HosterError::new(kind, "no");
            is_of_one_owner(&HosterError { status, ..error })
        };
        assert!(is(ErrorKind::NotFound, Some(404)));
        assert!(is(ErrorKind::Forbidden, Some(403)));
        assert!(is(ErrorKind::BadAnswer, Some(200)));
        assert!(!is(ErrorKind::BadAnswer, Some(302)));
        assert!(!is(ErrorKind::RateLimited, Some(429)));
        assert!(!is(ErrorKind::Credentials, Some(401)));
    }

    #[test]
    fn an_owner_that_failed_says_whose_failure_it_is() {
        let error = HosterError::new(ErrorKind::Forbidden, "403").with_hint("ask");
        let owner = owner_failed(7, "acme", error);
        assert_eq!((&*owner.id, &*owner.name), ("7", "acme"));
        let error = owner.error.unwrap();
        assert_eq!(error.message, "acme is not backed up: 403");
        assert_eq!(error.hint, "ask");
    }

    #[test]
    fn another_name_and_nothing_at_all_are_told() {
        let say = |now, is_empty| -> Vec<_> {
            let findings = owner_findings("acme", now, is_empty).into_iter();
            findings.map(|finding| finding.message).collect()
        };
        assert!(say("Acme", false).is_empty());
        assert_eq!(say("beta", false), ["acme is called beta now"]);
        assert!(say("acme", true)[0].starts_with("no repository of acme is visible"));
    }

    #[test]
    fn scopes_are_missing_only_where_some_are_known() {
        let missing = |scopes: &[&str]| {
            let scopes: Vec<_> = scopes.iter().map(|&scope| scope.to_owned()).collect();
            missing_scopes(&scopes, &["read:a", "read:b"], |has, needed| {
                has == "all" || has == needed.replace("read:", "write:")
            })
        };
        assert!(missing(&[]).is_empty());
        assert!(missing(&["all"]).is_empty());
        assert_eq!(missing(&["write:a"]), ["read:b"]);
    }
}
