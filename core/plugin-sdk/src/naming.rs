//! What is made at a target: names and texts in the form that a hoster takes, and why something was not made.

use forgekeep_plugin_documents::{
    Concern, ErrorKind, Finding, HosterError, HttpResponse, Severity, TargetName,
};

/// Groups and name in one piece, for a hoster without groups: joined by `-`.
///
/// ```
/// # use forgekeep_plugin_sdk::joined;
/// assert_eq!(joined("team/deep/web"), "team-deep-web");
/// ```
pub fn joined(name: &str) -> String {
    let parts: Vec<_> = name.split('/').filter(|part| !part.is_empty()).collect();
    parts.join("-")
}

/// A name of characters that a hoster takes: each run of others becomes one `-`. What is more than `longest`
/// bytes is cut off.
pub fn slug(name: &str, takes: impl Fn(char) -> bool, longest: usize) -> String {
    let mut slug = String::new();
    let mut is_taken = true;
    for c in name.chars() {
        let was_taken = std::mem::replace(&mut is_taken, takes(c));
        let next = match (is_taken, was_taken) {
            (true, _) => c,
            (false, true) => '-',
            (false, false) => continue,
        };
        if slug.len() + next.len_utf8() > longest {
            break;
        }
        slug.push(next);
    }
    slug
}

/// A name without these endings, which a hoster keeps to itself, however often they stand there and in
/// whatever case.
pub fn without_endings<'name>(name: &'name str, endings: &[&str]) -> &'name str {
    let ends = |ending: &&str| {
        let at = name.len().checked_sub(ending.len())?;
        let end = name.get(at..)?;
        (!ending.is_empty() && end.eq_ignore_ascii_case(ending)).then(|| &name[..at])
    };
    match endings.iter().find_map(ends) {
        Some(shorter) => without_endings(shorter, endings),
        None => name,
    }
}

/// A path as some hosters want it: letters, digits, `-`, `_` and `.`; it begins and ends with a letter or
/// digit, has no two others in a row, is of `longest` bytes at most, and has none of some endings.
pub fn path_slug(name: &str, longest: usize, endings: &[&str]) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric();
    let mut path = String::new();
    for c in slug(name, |c| is_word(c) || "-_.".contains(c), usize::MAX).chars() {
        if path.len() < longest && (is_word(c) || path.ends_with(is_word)) {
            path.push(c);
        }
    }
    let mut left = path.as_str();
    loop {
        let shorter = without_endings(left, endings).trim_end_matches(|c| !is_word(c));
        if shorter.len() == left.len() {
            return shorter.to_owned();
        }
        left = shorter;
    }
}

/// What is good to know of a target, and what to do.
pub fn info(message: impl Into<String>, hint: &str) -> Finding {
    Finding::new(Severity::Info, "", message).with_hint(hint)
}

/// That no repository has an id, so that none of it is removed.
pub fn no_such_id(id: &str) -> HosterError {
    let why = format!("no repository with the id {id} is found");
    HosterError::new(ErrorKind::NotFound, why).about(Concern::Repository)
}

/// Whether an API has answered 200. No answer is none.
pub fn is_there(answer: Result<HttpResponse, HosterError>) -> bool {
    answer.is_ok_and(|answer| answer.status == 200)
}

/// Why a hoster has not made something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotMade<'hint> {
    /// The credentials lack a right.
    Rights,
    /// A plan, a policy or a limit is against all that are to be made; what to do.
    Rule(&'hint str),
    /// There is one of that name.
    Taken,
    /// It is about this one alone.
    Itself,
}

/// The error of something that was not made, with what it is about. Where rights are missing (403, or 404, as
/// some hide that), `rights` says which are needed; where a document is refused (400, 409, 422), `why` judges by
/// the answer's fields, not by its words. What else there is, such as a limit on requests, stays as it is.
pub fn why_not_made<'hint>(
    mut error: HosterError,
    rights: &'hint str,
    why: impl FnOnce() -> NotMade<'hint>,
) -> HosterError {
    let why = match (error.kind, error.status) {
        (ErrorKind::Forbidden | ErrorKind::NotFound, _) => NotMade::Rights,
        (_, Some(400 | 409 | 422)) => why(),
        _ => return error,
    };
    error.concerns = match why {
        NotMade::Rights | NotMade::Rule(_) => Concern::Source,
        NotMade::Taken | NotMade::Itself => Concern::Repository,
    };
    match why {
        NotMade::Rights => {
            error.kind = ErrorKind::Forbidden;
            error.with_hint(rights)
        }
        NotMade::Rule(hint) => error.with_hint(hint),
        NotMade::Taken => {
            "a repository of this name is already there".clone_into(&mut error.message);
            error.with_hint("give it another name by rename, or look at what is there")
        }
        NotMade::Itself => error,
    }
}

/// A name as a target has it, and why there can be none of it, if so.
pub fn as_target(name: impl Into<String>, refused: Option<&str>) -> TargetName {
    TargetName {
        name: name.into(),
        refused: refused.map(str::to_owned),
    }
}

/// A text in one line of at most so many characters, without control characters.
pub fn line(text: &str, longest: usize) -> String {
    let is_space = |c: char| c.is_whitespace() || c.is_control();
    let words: Vec<_> = text
        .split(is_space)
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ").chars().take(longest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_become_part_of_the_name() {
        for (name, expected) in [("web", "web"), ("/a//b/", "a-b"), ("", ""), ("/", "")] {
            assert_eq!(joined(name), expected);
        }
    }

    #[test]
    fn a_run_of_other_characters_is_one_dash() {
        let of = |name: &str| slug(name, |c| c.is_ascii_alphanumeric(), 6);
        for (name, expected) in [
            ("web", "web"),
            ("ä b", "-b"),
            ("a b--c", "a-b-c"),
            ("日本", "-"),
            ("abcdefgh", "abcdef"),
            ("", ""),
        ] {
            assert_eq!(of(name), expected, "{name}");
        }
        assert_eq!(slug("ééé", |_| true, 5), "éé");
    }

    #[test]
    fn endings_go_however_often_they_stand_there() {
        let of = |name| without_endings(name, &[".git", ".atom"]);
        for (name, expected) in [
            ("web.git", "web"),
            ("web.git.ATOM.Git", "web"),
            ("web.github", "web.github"),
            (".git", ""),
            ("日git", "日git"),
            ("é", "é"),
        ] {
            assert_eq!(of(name), expected, "{name}");
        }
        assert_eq!(without_endings("web", &[""]), "web");
    }

    #[test]
    fn a_path_begins_and_ends_with_a_word() {
        for (name, expected) in [
            ("web", "web"),
            ("-_web_.", "web"),
            ("a--b__c.-d", "a-b_c.d"),
            ("a b.git.atom", "a-b"),
            ("äöü", ""),
            ("日本 web", "web"),
            (".git", "git"),
            ("abcdefghijklm-no", "abcdefghijklm"),
        ] {
            assert_eq!(path_slug(name, 14, &[".git", ".atom"]), expected, "{name}");
        }
    }

    #[test]
    fn why_there_is_none_says_whom_it_concerns() {
        let of = |kind, status, why: NotMade<'static>| {
            let error = HosterError::new(kind, "no").with_status(status);
            why_not_made(error, "ask for rights", move || why)
        };
        let rights = of(ErrorKind::NotFound, 404, NotMade::Itself);
        assert_eq!(
            (rights.kind, rights.concerns),
            (ErrorKind::Forbidden, Concern::Source)
        );
        assert_eq!(rights.hint, "ask for rights");
        let rule = of(ErrorKind::Other, 422, NotMade::Rule("pay"));
        assert_eq!((rule.concerns, &*rule.hint), (Concern::Source, "pay"));
        let taken = of(ErrorKind::Other, 409, NotMade::Taken);
        assert_eq!(taken.concerns, Concern::Repository);
        assert!(taken.message.contains("already there"));
        assert_eq!(of(ErrorKind::Other, 400, NotMade::Itself).message, "no");
        let limited = of(ErrorKind::RateLimited, 403, NotMade::Taken);
        assert_eq!(
            (limited.concerns, &*limited.message),
            (Concern::Other, "no")
        );
        assert_eq!(no_such_id("7").concerns, Concern::Repository);
        assert_eq!(info("it is so", "").severity, Severity::Info);
        let answer = |status| HttpResponse {
            status,
            ..HttpResponse::default()
        };
        assert!(is_there(Ok(answer(200))) && !is_there(Ok(answer(404))) && !is_there(Err(taken)));
    }

    #[test]
    fn a_text_is_one_line() {
        assert_eq!(line(" the\r\n\tshop \u{7} é", 10), "the shop é");
        assert_eq!(line("éèà", 2), "éè");
        let none = as_target("web", Some("why"));
        assert_eq!((&*none.name, none.refused.as_deref()), ("web", Some("why")));
    }
}
