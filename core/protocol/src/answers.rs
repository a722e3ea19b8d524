//! What a server, or what stands before it, says when it does not speak git's protocol.
//!
//! Its own words are shown: "an admin must whitelist your IP" is worth more than what we can guess
//! from a status. They decide nothing.

use std::io::Read;
use std::time::Duration;

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_http::{Authorization, Response, refused};
use forgekeep_page_text::page_text;
use forgekeep_untrusted::{Printable, Redactor, Untrusted};

/// How much of an answer is looked at, and how much of it is shown.
const LOOKED_AT: u64 = 8 * 1024;
const SHOWN: usize = 300;

/// The failure behind a status of git's HTTP protocol.
pub(super) fn status_failure(answer: &mut Response, authorization: &Authorization) -> Failure {
    let status = answer.status;
    let words = words(answer, authorization);
    let url = &answer.url;
    let said = |what: &str| match &words {
        Some(words) => format!("{url} answered {status}: {what}; it says: {words}"),
        None => format!("{url} answered {status}: {what}"),
    };
    let demanded = words.as_ref().and_then(|words| demanded(words));
    // The server's words come first: they may ask for something else than we would guess.
    let advice = |ours: &str| match (demanded, &words) {
        (Some(demanded), _) => demanded.to_owned(),
        (None, Some(_)) => theirs_first(ours),
        (None, None) => ours.to_owned(),
    };
    let failure = match status {
        401 => {
            let mut failure = refused(url, authorization);
            if let Some(words) = &words {
                failure.message.push_str(&format!("; it says: {words}"));
                failure.hint = match demanded {
                    Some(demanded) => demanded.into(),
                    None => theirs_first(&failure.hint).into(),
                };
            }
            failure
        }
        402 => Failure::new(ErrorKind::Forbidden, said("payment required"))
            .with_hint(demanded.unwrap_or(PLAN)),
        403 => Failure::new(
            ErrorKind::Forbidden,
            said("the credentials are not enough for this repository"),
        )
        .with_hint(advice(
            "give the token the scope to read repositories, and its user access to this one",
        )),
        404 => Failure::new(
            ErrorKind::NotFound,
            said("there is no such repository, or the credentials do not show it"),
        )
        .with_hint(advice(
            "run again: it may have been deleted or renamed since it was listed, \
        and the next run shows which",
        )),
        407 => Failure::new(ErrorKind::Network, said("the proxy asks for credentials")).with_hint(
            "put user and password into the proxy's address, or have this machine allowed",
        ),
        408 | 423 | 425 => Failure::new(ErrorKind::Unavailable, said("it cannot answer now"))
            .with_hint("run again later")
            .transient(),
        410 => Failure::new(ErrorKind::Gone, said("the hoster has withdrawn it")).with_hint(
            advice("run `forgekeep check`: the hoster may have withdrawn this kind of credentials"),
        ),
        413 => Failure::new(
            ErrorKind::BadAnswer,
            said("the request is too large for it"),
        )
        .with_hint("have the limit on request bodies raised (nginx: client_max_body_size)"),
        429 => {
            let mut failure = Failure::new(ErrorKind::RateLimited, said("too many requests"))
                .with_hint("run again in an hour, or less often")
                .transient();
            failure.retry_after = answer
                .header("retry-after")
                .and_then(|seconds| seconds.trim().parse().ok())
                .map(Duration::from_secs);
            failure
        }
        451 => Failure::new(
            ErrorKind::Forbidden,
            said("not available for legal reasons"),
        )
        .with_hint("ask the hoster's support; what the backup has is kept"),
        511 => Failure::new(
            ErrorKind::Network,
            said("this network requires a login first"),
        )
        .with_hint("log in to the network, then run again"),
        500.. => Failure::new(ErrorKind::Unavailable, said("the hoster is out of order"))
            .with_hint("look at its status page and run again later")
            .transient(),
        300..=399 => Failure::new(
            ErrorKind::BadAnswer,
            said("a redirect that cannot be followed"),
        )
        .with_hint("report it to the hoster"),
        400..=499 => {
            Failure::new(ErrorKind::BadAnswer, said("the request was refused")).with_hint(advice(
                "check the address of the source, and any proxy or firewall in \
            between",
            ))
        }
        _ => Failure::new(
            ErrorKind::BadAnswer,
            said("not an answer in git's protocol"),
        )
        .with_hint("check the address of the source"),
    };
    failure.with_status(status)
}

fn theirs_first(ours: &str) -> String {
    format!("do what the server's message asks for; if it asks for nothing, {ours}")
}

/// What to do where a plan forbids it.
const PLAN: &str =
    "check the plan, the number of users and the billing of the account that owns the repository";

/// What to do about demands for which hosters have words of their own, whichever the hoster. Only the hint
/// depends on them.
fn demanded(words: &str) -> Option<&'static str> {
    let words = words.to_lowercase();
    let says = |any: &[&str]| any.iter().any(|word| words.contains(word));
    if says(&[
        "whitelist",
        "allowlist",
        "allow list",
        "allow-list",
        "your ip",
        "ip address",
    ]) {
        Some(
            "have this machine's public IP address added to those that may use the repository; the token is not at fault",
        )
    } else if says(&["two-step", "two step", "two-factor", "2fa"]) {
        Some("turn on two-step login for the account, or use a token that belongs to no person")
    } else if says(&["privilege scope", "required scope", "missing scope"]) {
        Some(
            "make a new token with the scope to read repositories: the scopes of a token are fixed, and one does not imply another",
        )
    } else if says(&[
        "upgrade your plan",
        "user limit",
        "plan limit",
        "read-only",
        "read only",
    ]) {
        Some(PLAN)
    } else {
        None
    }
}

/// Checks that an answer is git's: gitprotocol-http(5) asks clients to.
pub(super) fn expect_kind(
    answer: &mut Response,
    expected: &str,
    authorization: &Authorization,
) -> Result<(), Failure> {
    let kind = answer.header("content-type").unwrap_or("no content type");
    let kind = Printable::from(kind);
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    let body = begin_of(answer);
    let url = &answer.url;
    if is_list_of_refs(&body) {
        return Err(Failure::new(
            ErrorKind::BadAnswer,
            format!("{url}: the server speaks only git's old, \"dumb\" HTTP protocol"),
        )
        .with_hint("have git's http-backend set up on the server; git clone --mirror can copy it until then"));
    }
    let mut message = format!("{url} answered with {kind} instead of git's protocol");
    if let Some(words) = clean(&text_of(&body, is_html(essence, &body)), authorization) {
        message = format!("{message}; it says: {words}");
    }
    Err(Failure::new(ErrorKind::BadAnswer, message)
        .with_hint(
            "look for a login page, a proxy or an outage page in between, and run again later",
        )
        .transient())
}

/// Adds what is said by whoever answers with the kind of git's answers and is none of them.
pub(super) fn with_words(mut failure: Failure, body: &[u8], with: &Authorization) -> Failure {
    let is_packet = |begin: &[u8]| begin.iter().all(u8::is_ascii_hexdigit);
    if body.get(..4).is_some_and(|begin| !is_packet(begin)) {
        let most = usize::try_from(LOOKED_AT).unwrap_or(usize::MAX);
        let begin = body.get(..most).unwrap_or(body);
        if let Some(words) = clean(&text_of(begin, is_html("", begin)), with) {
            failure.message.push_str(&format!("; it says: {words}"));
        }
    }
    failure
}

/// What a server says with a status, if it is for people.
fn words(answer: &mut Response, authorization: &Authorization) -> Option<Printable> {
    let kind = answer.header("content-type").unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_owned();
    let body = begin_of(answer);
    clean(&text_of(&body, is_html(&essence, &body)), authorization)
}

fn begin_of(answer: &mut Response) -> Vec<u8> {
    let mut body = Vec::new();
    // What cannot be read is not shown: the status says enough.
    let _ = (&mut answer.body).take(LOOKED_AT).read_to_end(&mut body);
    body
}

fn is_html(essence: &str, body: &[u8]) -> bool {
    essence.eq_ignore_ascii_case("text/html") || body.trim_ascii_start().starts_with(b"<")
}

/// Whether a server lists refs for the old protocol: `<id> TAB <name>`.
fn is_list_of_refs(body: &[u8]) -> bool {
    let line = body.split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.get(..40)
        .is_some_and(|oid| oid.iter().all(u8::is_ascii_hexdigit))
        && line.get(40) == Some(&b'\t')
}

/// Text of an answer: of a page, what a browser would show.
fn text_of(body: &[u8], is_html: bool) -> String {
    let text = Untrusted::lossy(body);
    let text = text.raw();
    if text.contains('\0') {
        return String::new();
    }
    // A packet of git's protocol with a status that is none of its.
    let packet = text.get(4..).and_then(|rest| rest.strip_prefix("ERR "));
    if let Some(said) = packet {
        return said.to_owned();
    }
    if !is_html {
        return message_in(body).unwrap_or_else(|| text.to_owned());
    }
    page_text(text)
}

/// The message in an error document, as the hosters' APIs send it, with what they add to it.
fn message_in(body: &[u8]) -> Option<String> {
    let document: serde_json::Value = serde_json::from_slice(body).ok()?;
    let first = |places: &[&str]| {
        places
            .iter()
            .find_map(|place| Some(document.pointer(place)?.as_str()?.to_owned()))
    };
    let message = first(&[
        "/error/message",
        "/message",
        "/errors/0/message",
        "/errors/0/title",
        "/errors/0",
        "/error",
        "/title",
    ]);
    let detail = first(&[
        "/error/detail",
        "/error_description",
        "/errors/0/detail",
        "/detail",
    ]);
    match (message, detail) {
        (Some(message), Some(detail)) => Some(format!("{message} {detail}")),
        (message, detail) => message.or(detail),
    }
}

/// Words of a server in one line, without secrets and without what a terminal would obey.
fn clean(text: &str, authorization: &Authorization) -> Option<Printable> {
    let secrets: Vec<_> = authorization.secret().into_iter().collect();
    let text = Redactor::new(&secrets).clean(text).into_owned();
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    let mut shown: String = line.chars().take(SHOWN).collect();
    if shown.len() < line.len() {
        shown.push('…');
    }
    (!shown.is_empty()).then(|| shown.into())
}

#[cfg(test)]
mod tests {
    use forgekeep_http::Body;
    use forgekeep_untrusted::Secret;
    use url::Url;

    use super::*;

    fn answer(status: u16, kind: &str, body: &'static [u8]) -> Response {
        Response {
            status,
            url: Url::parse("https://example.com/a/b.git/info/refs").unwrap(),
            headers: vec![("content-type".to_owned(), kind.to_owned())],
            body: Body::new(body),
        }
    }

    fn status(code: u16, kind: &str, body: &'static [u8]) -> Failure {
        let secret = Authorization::Bearer(Secret::new("t0ps3cret-token".to_owned()));
        status_failure(&mut answer(code, kind, body), &secret)
    }

    #[test]
    fn the_servers_own_words_are_shown_and_the_hint_fits() {
        let failure = status(
            403,
            "text/plain",
            b"To access this repository, an admin must\nwhitelist your IP t0ps3cret-token \x1b[31m",
        );
        assert_eq!(failure.kind, ErrorKind::Forbidden);
        let wanted = "an admin must whitelist your IP";
        assert!(failure.message.contains(wanted), "{failure}");
        assert!(!failure.message.contains("t0ps3cret"), "{failure}");
        assert!(!failure.message.contains('\u{1b}'), "{failure}");
        assert!(
            failure.hint.starts_with("have this machine's public IP"),
            "{}",
            failure.hint
        );
        let silent = status(403, "text/plain", b"");
        assert!(silent.hint.starts_with("give the token the scope"));
    }

    #[test]
    fn what_a_server_demands_in_words_of_its_own_is_the_hint() {
        for (code, body, hint) in [
            (
                401,
                &b"Your IP address is not on the allowlist"[..],
                "public IP address",
            ),
            (
                403,
                b"You must enable two-step verification",
                "two-step login",
            ),
            (
                403,
                b"Your credentials lack one or more required privilege scopes.",
                "a new token with the scope",
            ),
            (
                402,
                b"Please upgrade your plan",
                "the plan, the number of users",
            ),
            (
                403,
                b"The workspace is over its user limit",
                "the plan, the number of users",
            ),
            (403, b"Ask the owner", "do what the server's message asks"),
            (
                401,
                b"Invalid credentials",
                "do what the server's message asks",
            ),
            (402, b"", "the plan"),
        ] {
            let failure = status(code, "text/plain", body);
            assert!(
                failure.hint.contains(hint),
                "{code} {hint}: {}",
                failure.hint
            );
        }
    }

    #[test]
    fn of_a_page_the_title_is_shown() {
        let page = b"<!DOCTYPE html><html><head><TITLE lang=en> Just a moment... </TITLE></head>";
        let failure = status(503, "text/html", page);
        assert!(
            failure.message.ends_with("it says: Just a moment..."),
            "{failure}"
        );
        let failure = expect_kind(
            &mut answer(200, "text/html; charset=utf-8", page),
            "application/x-git-upload-pack-advertisement",
            &Authorization::Anonymous,
        )
        .unwrap_err();
        assert!(
            failure.message.contains("instead of git's protocol"),
            "{failure}"
        );
        assert!(failure.message.contains("Just a moment"), "{failure}");
    }

    #[test]
    fn of_an_error_document_the_message_is_shown() {
        let body = br#"{"type": "error", "error": {"message": "No access"}}"#;
        let failure = status(403, "application/json", body);
        assert!(failure.message.ends_with("it says: No access"), "{failure}");
    }

    #[test]
    fn what_is_no_packet_is_shown() {
        let shown = |body: &[u8]| {
            let failure = Failure::new(ErrorKind::BadAnswer, "no packets");
            with_words(failure, body, &Authorization::Anonymous).message
        };
        let page = b"<h1>blocked</h1> by proxy";
        assert_eq!(shown(page), "no packets; it says: blocked by proxy");
        assert_eq!(shown(b"not\nnow"), "no packets; it says: not now");
        for silent in [&b""[..], b"PAC", b"0000", b"00a1ERR", b"PACK\0\0"] {
            assert_eq!(shown(silent), "no packets", "{silent:?}");
        }
    }

    #[test]
    fn a_server_of_the_old_protocol_is_named_as_such() {
        let body = b"1234567890123456789012345678901234567890\trefs/heads/main\n";
        let failure = expect_kind(
            &mut answer(200, "text/plain", body),
            "application/x-git-upload-pack-advertisement",
            &Authorization::Anonymous,
        )
        .unwrap_err();
        assert!(failure.permanent);
        assert!(failure.message.contains("dumb"), "{failure}");
    }

    #[test]
    fn each_status_has_its_own_kind() {
        for (code, kind, permanent) in [
            (402, ErrorKind::Forbidden, true),
            (404, ErrorKind::NotFound, true),
            (407, ErrorKind::Network, true),
            (408, ErrorKind::Unavailable, false),
            (413, ErrorKind::BadAnswer, true),
            (418, ErrorKind::BadAnswer, true),
            (423, ErrorKind::Unavailable, false),
            (429, ErrorKind::RateLimited, false),
            (451, ErrorKind::Forbidden, true),
            (502, ErrorKind::Unavailable, false),
            (511, ErrorKind::Network, true),
        ] {
            let failure = status(code, "text/plain", b"words\n");
            assert_eq!(
                (failure.kind, failure.permanent),
                (kind, permanent),
                "{code}"
            );
            assert!(failure.message.contains("it says: words"), "{failure}");
        }
    }
}
