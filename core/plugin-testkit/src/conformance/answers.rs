//! What a hoster may answer instead, and what follows for listing, check, access and lookup.

use forgekeep_plugin_documents::{
    Access, AccessRequest, Auth, CheckReport, CheckRequest, Deed, ErrorKind, Header, HosterError,
    LookupRequest, Presence, Way, method,
};

use super::asker::Asker;
use super::listing::three_pages;
use super::{Entry, Forge};
use crate::script::{Outcome, Script, response};

pub(super) fn check(asker: &mut Asker<'_>, forge: &dyn Forge) {
    statuses(asker, forge);
    in_the_middle(asker, forge);
    other_bodies(asker, forge);
    interrupted(asker, forge);
    accesses(asker, forge);
    lookups(asker, forge);
    checks(asker, forge);
}

/// Statuses, the kind of error they mean, and whether asking again may help.
const STATUSES: [(u16, ErrorKind, bool); 8] = [
    (401, ErrorKind::Credentials, false),
    (403, ErrorKind::Forbidden, false),
    (404, ErrorKind::NotFound, false),
    (410, ErrorKind::Gone, false),
    (429, ErrorKind::RateLimited, true),
    (500, ErrorKind::Unavailable, true),
    (502, ErrorKind::Unavailable, true),
    (503, ErrorKind::Unavailable, true),
];

/// How a hoster says no.
fn refusal(status: u16) -> Outcome {
    let mut answer = response(status, "application/json", r#"{"message":"no"}"#);
    if status == 429 {
        answer.headers.push(Header {
            name: "retry-after".to_owned(),
            value: "7".to_owned(),
        });
    }
    Ok(answer)
}

/// The first page of a listing that is answered like that, once.
fn first_page(asker: &mut Asker<'_>, forge: &dyn Forge, answer: Outcome) -> Option<HosterError> {
    let script = forge
        .script(&three_pages())
        .before(&forge.address(0), answer);
    let object = asker.open(&forge.source(), &script)?;
    let listed = asker.list(&script, object, None);
    asker.drop_object(object);
    match listed? {
        Ok(_) => {
            asker.fault("it is taken for a page");
            None
        }
        Err(error) => Some(error),
    }
}

fn statuses(asker: &mut Asker<'_>, forge: &dyn Forge) {
    for (status, kind, transient) in STATUSES {
        asker.step(format!("{status} in place of the first page"));
        let Some(error) = first_page(asker, forge, refusal(status)) else {
            continue;
        };
        asker.expect(
            error.kind == kind,
            format!("the error is of kind {}, not {kind}", error.kind),
        );
        asker.expect(
            error.status == Some(status),
            "the error does not name the status",
        );
        asker.expect(
            error.permanent != transient,
            match transient {
                true => "the error says that asking again is pointless",
                false => "the error says that asking again may help",
            },
        );
        asker.expect(!error.hint.is_empty(), "the error has no hint");
        if status == 429 {
            asker.expect(
                error.retry_after == Some(7),
                "the error does not say when to ask again, though the hoster did",
            );
        }
    }
    asker.step("no answer in place of the first page");
    let failure = HosterError::new(ErrorKind::Network, "connection reset").transient();
    if let Some(error) = first_page(asker, forge, Err(failure)) {
        asker.expect(
            error.kind == ErrorKind::Network,
            "the host's error becomes another",
        );
    }
}

fn in_the_middle(asker: &mut Asker<'_>, forge: &dyn Forge) {
    asker.step("429 in place of the second page, then the page");
    let pages = three_pages();
    let undisturbed = forge.script(&pages);
    let script = forge.script(&pages).before(&forge.address(1), refusal(429));
    let source = forge.source();
    let Some(object) = asker.open(&source, &script) else {
        return;
    };
    let Some(other) = asker.open(&source, &undisturbed) else {
        return;
    };
    if let Some(Ok(first)) = asker.list(&script, object, None) {
        let cursor = first.next.as_deref();
        let failed = asker.list(&script, object, cursor);
        asker.expect(matches!(failed, Some(Err(_))), "it is taken for a page");
        let again = asker.list(&script, object, cursor);
        let _ = asker.list(&undisturbed, other, None);
        let good = asker.list(&undisturbed, other, cursor);
        let same = matches!((&again, &good), (Some(Ok(again)), Some(Ok(good))) if again == good);
        asker.expect(
            same,
            "asked for again, the page is not the one it would have been",
        );
    }
    asker.drop_object(object);
    asker.drop_object(other);
}

fn other_bodies(asker: &mut Asker<'_>, forge: &dyn Forge) {
    let deep = "[".repeat(100_000);
    for (what, kind, body) in [
        (
            "a web page",
            "text/html",
            "<html><title>Log in</title></html>",
        ),
        (
            "a body that breaks off",
            "application/json",
            "{\"values\": [{\"id\":",
        ),
        ("an empty body", "application/json", ""),
        ("null", "application/json", "null"),
        ("a number", "application/json", "7"),
        (
            "a body that is no text",
            "application/json",
            "\u{0}\u{1}\u{7f}",
        ),
        (
            "a body of 100,000 brackets",
            "application/json",
            deep.as_str(),
        ),
    ] {
        asker.step(format!("{what} in place of the first page"));
        let answer = Ok(response(200, kind, body));
        if let Some(error) = first_page(asker, forge, answer) {
            // Some hosters ask for a login so.
            let is_login = what == "a web page" && error.kind == ErrorKind::Credentials;
            asker.expect(
                error.kind == ErrorKind::BadAnswer || is_login,
                format!("the error is of kind {}, not bad-answer", error.kind),
            );
            let short = error.message.chars().count() < 2_000;
            asker.expect(short, "the error's message is longer than 2,000 characters");
        }
    }
}

fn interrupted(asker: &mut Asker<'_>, forge: &dyn Forge) {
    asker.step("a run that was interrupted before");
    let source = forge.source();
    let script = forge.script(&three_pages());
    if let Some(object) = asker.open(&source, &script) {
        let before = script.requests().len();
        script.cancel();
        match asker.list(&script, object, None) {
            Some(Err(error)) if error.kind == ErrorKind::Cancelled => {}
            Some(_) => asker.fault("the listing is not ended by it"),
            None => {}
        }
        let made = script.requests().len() - before;
        asker.expect(made == 0, format!("{made} requests are made all the same"));
        asker.drop_object(object);
    }
    asker.step("a run that is interrupted after the first page");
    let script = forge.script(&three_pages());
    if let Some(object) = asker.open(&source, &script)
        && let Some(Ok(page)) = asker.list(&script, object, None)
    {
        script.cancel();
        match asker.list(&script, object, page.next.as_deref()) {
            Some(Err(error)) if error.kind == ErrorKind::Cancelled => {}
            Some(_) => asker.fault("the listing is not ended by it"),
            None => {}
        }
        asker.drop_object(object);
    }
}

fn accesses(asker: &mut Asker<'_>, forge: &dyn Forge) {
    asker.step("access");
    let source = forge.source();
    let script = forge.script(&three_pages());
    let Some(object) = asker.open(&source, &script) else {
        return;
    };
    let Some(Ok(page)) = asker.list(&script, object, None) else {
        return;
    };
    for repository in &page.repositories {
        for part in &repository.parts {
            for refused_before in [false, true] {
                let mut what = AccessRequest::new(repository, part, Deed::Fetch);
                what.refused_before = refused_before;
                let access = asker.ask::<_, Access>(&script, object, method::ACCESS, &what);
                if let Some(Ok(access)) = access {
                    whole(asker, &access);
                }
            }
        }
    }
    // A deed of a newer host, and a repository that was never listed.
    let newer = br#"{"id":"1","deed":"teleport"}"#;
    let unknown = asker.ask_bytes::<Access>(&script, object, method::ACCESS, newer, &[]);
    asker.expect(
        !matches!(unknown, Some(Ok(_))),
        "it gives credentials for a deed that it does not know",
    );
    let stranger = AccessRequest::default();
    let _ = asker.ask::<_, Access>(&script, object, method::ACCESS, &stranger);
    asker.drop_object(object);
}

/// Credentials are whole: an empty secret is a bug of the plugin, not a source without one.
fn whole(asker: &mut Asker<'_>, access: &Access) {
    let secret = match &access.way {
        Way::Http(
            Auth::Basic { secret, .. }
            | Auth::Bearer { secret }
            | Auth::Header { secret, .. }
            | Auth::Scheme { secret, .. },
        ) => secret,
        _ => return,
    };
    asker.expect(!secret.is_empty(), "it gives credentials without a secret");
}

fn lookups(asker: &mut Asker<'_>, forge: &dyn Forge) {
    let entry = Entry::new(1, "one");
    let what = LookupRequest {
        id: forge.id(&entry),
        full_name: forge.full_name(&entry),
        ..LookupRequest::default()
    };
    for (status, ..) in STATUSES {
        asker.step(format!("{status} to all that a lookup asks"));
        let script = Script::new().otherwise(refusal(status));
        let Some(object) = asker.open(&forge.source(), &script) else {
            continue;
        };
        let found = asker.ask::<_, Presence>(&script, object, method::LOOKUP, &what);
        match found {
            Some(Ok(Presence::Deleted { .. })) => {
                asker.fault("it is taken for a proof that the repository was deleted");
            }
            Some(Ok(Presence::Present(_))) => asker.fault("the repository is there"),
            _ => {}
        }
        asker.drop_object(object);
    }
    asker.step("a lookup of what is no identity");
    let script = Script::new();
    if let Some(object) = asker.open(&forge.source(), &script) {
        for id in ["", "../../user", "a b", "{}", "\u{0}"] {
            let what = LookupRequest {
                id: id.to_owned(),
                ..LookupRequest::default()
            };
            let found = asker.ask::<_, Presence>(&script, object, method::LOOKUP, &what);
            let deleted = matches!(found, Some(Ok(Presence::Deleted { .. })));
            asker.expect(
                !deleted,
                format!("`{id}` is taken for a deleted repository"),
            );
        }
        asker.drop_object(object);
    }
}

fn checks(asker: &mut Asker<'_>, forge: &dyn Forge) {
    for status in [401, 403, 500] {
        asker.step(format!("{status} to all that a check asks"));
        let script = Script::new().otherwise(refusal(status));
        let Some(object) = asker.open(&forge.source(), &script) else {
            continue;
        };
        let request = CheckRequest::default();
        let report = asker.ask::<_, CheckReport>(&script, object, method::CHECK, &request);
        asker.expect(
            !matches!(report, Some(Ok(_))),
            "the source is taken for one that works",
        );
        asker.drop_object(object);
    }
}
