//! What hosters have in common in making repositories: names, descriptions, and why there is none.

use forgekeep_plugin_documents::{Concern, ErrorKind, Finding, HosterError, Severity, TargetName};

use crate::findings::warning;

/// The name that a repository gets where names are flat: groups and name are joined by `-`, and so is what is
/// on both sides of characters that the hoster does not take. What is over `longest` characters is cut off.
/// Empty where nothing is left of it. The name of a name is that name.
///
/// ```
/// # use forgekeep_plugin_sdk::flat_name;
/// let takes = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
/// assert_eq!(flat_name("shop/web app", 100, takes), "shop-web-app");
/// assert_eq!(flat_name("日本", 100, takes), "");
/// ```
pub fn flat_name(wanted: &str, longest: usize, takes: impl Fn(char) -> bool) -> String {
    let mut name = String::new();
    let mut length = 0;
    let mut is_gap = false;
    for one in wanted.chars() {
        if one == '/' || !takes(one) {
            is_gap = true;
            continue;
        }
        let needs_joint = is_gap && one != '-' && !name.is_empty() && !name.ends_with('-');
        is_gap = false;
        for one in needs_joint.then_some('-').into_iter().chain([one]) {
            if length == longest {
                return name;
            }
            name.push(one);
            length += 1;
        }
    }
    name
}

/// A name of a target: refused where nothing is left of it, or for a reason of the hoster's.
pub fn target_name(name: String, refused: Option<String>) -> TargetName {
    let is_empty = "no character of it may stand in a name there".to_owned();
    let refused = match name.is_empty() {
        true => Some(is_empty),
        false => refused,
    };
    TargetName { name, refused }
}

/// A text in one line, as descriptions are.
pub fn in_one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// That a setting is open, or good to know: a finding of severity info.
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

/// What an address has of a repository's full name: its owner, and its name.
///
/// # Errors
///
/// [`ErrorKind::BadAnswer`], where it is no full name.
pub fn owner_and_name(full_name: &str) -> Result<(&str, &str), HosterError> {
    let no_name = || {
        let message = "the full name of a repository is not one";
        HosterError::new(ErrorKind::BadAnswer, message)
            .with_hint("run again later; if it persists, the plugin needs an update")
    };
    let parts = full_name
        .split_once('/')
        .filter(|(owner, name)| !owner.is_empty() && !name.is_empty() && !name.contains('/'));
    parts.ok_or_else(no_name)
}

/// Why a repository was not made, by the status behind the error: a name that is taken (409) or refused (400, 422)
/// is about the one repository; a right that is missing (403), room that is used up (402, 413, 507) and a place
/// that is not there are about all of them. `right` says what to do for that right.
pub fn not_made(error: HosterError, right: &str) -> HosterError {
    match (error.status.unwrap_or_default(), error.kind) {
        (_, ErrorKind::RateLimited | ErrorKind::Credentials | ErrorKind::Unavailable) => error,
        (409, _) => HosterError::new(
            ErrorKind::Other,
            "a repository of this name is already there",
        )
        .with_status(409)
        .with_said(error.said)
        .with_hint("give it another name by rename in the target, or remove what is there")
        .about(Concern::Repository),
        (403, _) => error.with_hint(right).about(Concern::Source),
        (402 | 413 | 507, _) => error
            .with_hint("make room at the hoster: its quota of repositories or bytes is used up")
            .about(Concern::Source),
        (404 | 410, _) => error.about(Concern::Source),
        _ => error
            .with_hint("give it another name by rename in the target, if it is the name")
            .about(Concern::Repository),
    }
}

#[cfg(test)]
mod tests {
    use forgekeep_plugin_documents::HttpResponse;

    use super::*;
    use crate::answer::status_error;

    fn ascii(c: char) -> bool {
        c.is_ascii_alphanumeric() || "-_.".contains(c)
    }

    #[test]
    fn names_are_joined_and_stay_what_they_are() {
        for (wanted, name) in [
            ("web", "web"),
            ("Sub/deep/Web", "Sub-deep-Web"),
            ("a - b", "a-b"),
            ("a/-b", "a-b"),
            ("große Straße", "gro-e-Stra-e"),
            ("/../..//x", "..-..-x"),
            ("日本/web", "web"),
            ("web日本", "web"),
            ("-", "-"),
            ("---", "---"),
            ("x\u{202e}y\0z\n", "x-y-z"),
            ("日本", ""),
            ("", ""),
        ] {
            let made = flat_name(wanted, 100, ascii);
            assert_eq!(made, name, "{wanted:?}");
            assert_eq!(flat_name(&made, 100, ascii), made, "{wanted:?}");
        }
    }

    #[test]
    fn length_counts_characters_and_what_is_cut_stays() {
        assert_eq!(flat_name(&"ü".repeat(70), 64, |_| true), "ü".repeat(64));
        for length in 1..8 {
            let name = flat_name("ab cd/ef", length, ascii);
            assert_eq!(name, "ab-cd-ef"[..length]);
            assert_eq!(flat_name(&name, length, ascii), name);
        }
    }

    #[test]
    fn a_name_of_nothing_is_refused() {
        assert!(target_name(String::new(), None).refused.is_some());
        assert_eq!(target_name("web".to_owned(), None).refused, None);
    }

    #[test]
    fn a_description_is_one_line() {
        assert_eq!(in_one_line(" Shop\r\n  of\tacme\0"), "Shop of acme");
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

    #[test]
    fn a_full_name_has_two_parts() {
        assert_eq!(owner_and_name("acme/web"), Ok(("acme", "web")));
        for wrong in ["", "web", "/web", "acme/", "a/b/c"] {
            assert!(owner_and_name(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_concerns_one_repository_does_not_end_the_others() {
        for (status, kind, concerns) in [
            (409, ErrorKind::Other, Concern::Repository),
            (422, ErrorKind::Other, Concern::Repository),
            (400, ErrorKind::Other, Concern::Repository),
            (403, ErrorKind::Forbidden, Concern::Source),
            (413, ErrorKind::Other, Concern::Source),
            (401, ErrorKind::Credentials, Concern::Source),
            (404, ErrorKind::NotFound, Concern::Source),
            (429, ErrorKind::RateLimited, Concern::Source),
        ] {
            let response = HttpResponse {
                status,
                ..HttpResponse::default()
            };
            let error = not_made(status_error(&response), "ask an owner");
            assert_eq!((error.kind, error.concerns), (kind, concerns), "{status}");
            assert_eq!(error.status, Some(status));
            assert_eq!(error.hint == "ask an owner", status == 403);
        }
    }
}
