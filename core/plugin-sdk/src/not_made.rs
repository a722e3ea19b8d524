//! Why there is none: what a hoster's refusal to make a repository is about, and what to do.

use forgekeep_plugin_documents::{Concern, ErrorKind, HosterError, HttpResponse};

/// Why a hoster has not made something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotMade<'hint> {
    /// The credentials lack a right.
    Rights,
    /// A plan, a policy or a limit is against all that are to be made; what to do.
    Rule(&'hint str),
    /// The place where all are to be made is not there.
    Place,
    /// There is one of that name.
    Taken,
    /// It is about this one alone.
    Itself,
}

impl NotMade<'_> {
    /// What a refusal is about where the status is all that tells: 404 and 410 are about the place, 409 is a name
    /// that is taken, and all else is about the one repository.
    pub fn by_status(status: u16) -> Self {
        match status {
            404 | 410 => Self::Place,
            409 => Self::Taken,
            _ => Self::Itself,
        }
    }
}

/// The error of something that was not made, with what it is about: one repository, or all. Where rights are
/// missing (403), `rights` says which are needed; where room is used up (402, 413), it is about all. Where the
/// place is not found (404, 410), or what was sent is refused (400, 409, 422), `why` judges: by the status
/// ([`NotMade::by_status`]), or by the answer's fields, never by its words. What else there is, such as a limit on
/// requests, stays as it is.
pub fn not_made<'hint>(
    mut error: HosterError,
    rights: &'hint str,
    why: impl FnOnce(u16) -> NotMade<'hint>,
) -> HosterError {
    let status = error.status.unwrap_or_default();
    let why = match (error.kind, status) {
        (ErrorKind::Forbidden, _) => NotMade::Rights,
        (ErrorKind::Other, 402 | 413) => {
            NotMade::Rule("make room at the hoster: its quota of repositories or bytes is used up")
        }
        (ErrorKind::NotFound | ErrorKind::Gone, _) | (ErrorKind::Other, 400 | 409 | 422) => {
            why(status)
        }
        _ => return error,
    };
    error.concerns = match why {
        NotMade::Rights | NotMade::Rule(_) | NotMade::Place => Concern::Source,
        NotMade::Taken | NotMade::Itself => Concern::Repository,
    };
    match why {
        NotMade::Rights => {
            error.kind = ErrorKind::Forbidden;
            error.with_hint(rights)
        }
        NotMade::Rule(hint) => error.with_hint(hint),
        NotMade::Taken => {
            error.kind = ErrorKind::Other;
            "a repository of this name is already there".clone_into(&mut error.message);
            error
                .with_hint("give it another name by rename in the target, or look at what is there")
        }
        NotMade::Itself if error.hint.is_empty() => {
            error.with_hint("give it another name by rename in the target, if it is the name")
        }
        NotMade::Place | NotMade::Itself => error,
    }
}

/// Whether an API has answered 200. No answer is none.
pub fn is_there(answer: Result<HttpResponse, HosterError>) -> bool {
    answer.is_ok_and(|answer| answer.status == 200)
}

/// That no repository has an id, so that none of it is removed.
pub fn no_such_id(id: &str) -> HosterError {
    let why = format!("no repository with the id {id} is found");
    HosterError::new(ErrorKind::NotFound, why).about(Concern::Repository)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::status_error;

    fn answer(status: u16) -> HttpResponse {
        HttpResponse {
            status,
            ..HttpResponse::default()
        }
    }

    #[test]
    fn what_concerns_one_repository_does_not_end_the_others() {
        for (status, kind, concerns) in [
            (409, ErrorKind::Other, Concern::Repository),
            (422, ErrorKind::Other, Concern::Repository),
            (400, ErrorKind::Other, Concern::Repository),
            (403, ErrorKind::Forbidden, Concern::Source),
            (402, ErrorKind::Other, Concern::Source),
            (413, ErrorKind::Other, Concern::Source),
            (401, ErrorKind::Credentials, Concern::Source),
            (404, ErrorKind::NotFound, Concern::Source),
            (410, ErrorKind::Gone, Concern::Source),
            (429, ErrorKind::RateLimited, Concern::Source),
            (503, ErrorKind::Unavailable, Concern::Other),
        ] {
            let error = status_error(&answer(status));
            let error = not_made(error, "ask an owner", NotMade::by_status);
            assert_eq!((error.kind, error.concerns), (kind, concerns), "{status}");
            assert_eq!(error.status, Some(status));
            assert_eq!(error.hint == "ask an owner", status == 403);
            let says_taken = error.message.contains("already there");
            assert_eq!(says_taken, status == 409, "{error}");
            assert_eq!(
                error.hint.contains("by rename"),
                matches!(status, 400 | 409 | 422)
            );
        }
    }

    #[test]
    fn a_hoster_judges_what_it_was_sent() {
        let of = |kind, status, why: NotMade<'static>| {
            let error = HosterError::new(kind, "no").with_status(status);
            not_made(error, "ask for rights", move |told| {
                assert_eq!(told, status);
                why
            })
        };
        let rights = of(ErrorKind::NotFound, 404, NotMade::Rights);
        assert_eq!(
            (rights.kind, rights.concerns),
            (ErrorKind::Forbidden, Concern::Source)
        );
        assert_eq!(rights.hint, "ask for rights");
        let rule = of(ErrorKind::Other, 422, NotMade::Rule("pay"));
        assert_eq!((rule.concerns, &*rule.hint), (Concern::Source, "pay"));
        let taken = of(ErrorKind::Other, 422, NotMade::Taken);
        assert_eq!(taken.concerns, Concern::Repository);
        assert!(taken.message.contains("already there"));
        assert_eq!(of(ErrorKind::Other, 409, NotMade::Itself).message, "no");
        let limited = of(ErrorKind::RateLimited, 403, NotMade::Taken);
        assert_eq!(
            (limited.concerns, &*limited.message),
            (Concern::Other, "no")
        );
    }

    #[test]
    fn an_advice_that_is_there_stays() {
        let error = HosterError::new(ErrorKind::Other, "no").with_status(400);
        let error = not_made(error.with_hint("pay"), "", NotMade::by_status);
        assert_eq!(error.hint, "pay");
    }

    #[test]
    fn what_does_not_answer_is_not_there() {
        let none = no_such_id("7");
        assert_eq!(none.concerns, Concern::Repository);
        assert!(is_there(Ok(answer(200))));
        assert!(!is_there(Ok(answer(404))) && !is_there(Err(none)));
    }
}
