use forgekeep_plugin_documents::{Finding, Severity, Source};

use crate::source::token;

/// A warning about a key of the source, and what to do.
pub fn warning(key: &str, message: impl Into<String>, hint: &str) -> Finding {
    Finding::new(Severity::Warning, key, message).with_hint(hint)
}

/// That a setting is open, or good to know: a finding of severity info, and what to do.
pub fn remark(message: impl Into<String>, hint: &str) -> Finding {
    Finding::new(Severity::Info, "", message).with_hint(hint)
}

/// What there is to say once pushes should start workflows, or none: `on` is what was asked for, and `now` what is
/// so, as far as the hoster tells. `what` is what it calls them, and `again` says how to switch it on by hand.
pub fn automation_finding(on: bool, now: Option<bool>, what: &str, again: &str) -> Finding {
    let unset = |wanted| format!("{what} could not be switched {wanted}");
    match (on, now) {
        (_, None) => remark(format!("the server has no {what}: no push starts any"), ""),
        (false, Some(false)) => {
            let message = format!("{what} is switched off, so that no push starts any");
            remark(message, &format!("switch it on again: {again}"))
        }
        (true, Some(true)) => remark(format!("{what} is switched on"), ""),
        (false, Some(true)) => {
            let message = unset("off") + ": what is pushed may start some";
            warning("", message, "give the account the right to administer it")
        }
        (true, Some(false)) => warning("", unset("on"), again),
    }
}

/// What is wrong with the keys of a client that gets tokens for its id and secret, whatever the hoster is:
/// `keys` go together, all or none, and the last one is the secret; no id holds a colon, which ends it in
/// Basic authentication, and no secret a control character; and there is no password beside them.
pub fn client_findings(source: &Source, keys: &[&str]) -> Vec<Finding> {
    let value = |key: &str| {
        let secret = source.secret(key).map(|secret| secret.expose());
        secret.or(source.text(key)).unwrap_or_default().trim()
    };
    let (Some(last), all) = (keys.last(), keys.join(", ")) else {
        return Vec::new();
    };
    if keys.iter().all(|key| value(key).is_empty()) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let mut flaw = |key: &str, message: String, hint: &str| {
        findings.push(Finding::new(Severity::Error, key, message).with_hint(hint));
    };
    if let Some(missing) = keys.iter().find(|key| value(key).is_empty()) {
        let message = format!("{all} go together, and {missing} is missing");
        flaw(missing, message, "set all of them, or none");
    }
    for key in keys {
        let odd = |c: char| c.is_control() || (c == ':' && key != last);
        if value(key).contains(odd) {
            let message = format!("{key} holds a colon or a control character, which it cannot");
            flaw(key, message, "copy it again, all of it and nothing else");
        }
    }
    if token(source).is_some() {
        let message = format!("there is a password beside {all}: it is not clear which to use");
        flaw("password", message, "remove the one or the others");
    }
    findings
}

#[cfg(test)]
mod tests {
    use forgekeep_plugin_documents::{OptionValue, Secret};

    use super::*;

    fn keys(id: &str, secret: &str, password: &str) -> Vec<String> {
        let mut source = Source::default();
        let text = OptionValue::Text(id.to_owned());
        source.options.insert("clientId".to_owned(), text);
        for (key, value) in [("clientSecret", secret), ("password", password)] {
            source.secrets.insert(key.to_owned(), Secret::new(value));
        }
        let findings = client_findings(&source, &["clientId", "clientSecret"]).into_iter();
        findings.map(|finding| finding.key).collect()
    }

    #[test]
    fn all_or_none_and_nothing_beside_them() {
        assert_eq!(keys("", "", "token"), [""; 0]);
        assert_eq!(keys("id", " se:cret\n", ""), [""; 0]);
        assert_eq!(keys("id", "", ""), ["clientSecret"]);
        assert_eq!(keys(" ", "secret", ""), ["clientId"]);
        assert_eq!(keys("i:d", "secret", ""), ["clientId"]);
        assert_eq!(keys("id", "se\ncret", ""), ["clientSecret"]);
        assert_eq!(keys("id", "secret", "token"), ["password"]);
    }

    #[test]
    fn what_could_not_be_switched_is_a_warning() {
        let said = |on, now| automation_finding(on, now, "Actions", "by its settings");
        for (on, now, severity) in [
            (false, Some(false), Severity::Info),
            (false, None, Severity::Info),
            (true, Some(true), Severity::Info),
            (false, Some(true), Severity::Warning),
            (true, Some(false), Severity::Warning),
        ] {
            assert_eq!(said(on, now).severity, severity, "{on} {now:?}");
        }
        let off = said(false, Some(false));
        assert_eq!(off.hint, "switch it on again: by its settings");
    }
}
