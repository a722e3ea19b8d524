use forgekeep_page_text::page_text;
use forgekeep_plugin_documents::{Concern, ErrorKind, HosterError, HttpResponse};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::limits::{limit, retry};

/// Most characters of somebody else's text in a message.
const MAX_QUOTE: usize = 200;

/// Reads an answer's body as JSON.
///
/// # Errors
///
/// [`ErrorKind::BadAnswer`], as transient where a proxy or an outage page is the likely cause: a web
/// page in place of JSON, a body that breaks off, a field missing or of another type.
pub fn json<T: DeserializeOwned>(response: &HttpResponse) -> Result<T, HosterError> {
    let body = response.body.as_slice();
    if is_page(response) {
        return Err(HosterError::new(
            ErrorKind::BadAnswer,
            with_words(
                format!("{} answered with a web page instead of JSON", response.url),
                &page_text(&String::from_utf8_lossy(body)),
            ),
        )
        .with_hint("try again later and check apiUrl: the hoster may be out of order, or a proxy or login page is in between")
        .with_status(response.status)
        .transient());
    }
    serde_json::from_slice(body).map_err(|error| {
        // The message may quote a value of any length.
        let why: String = error.to_string().chars().take(MAX_QUOTE).collect();
        HosterError::new(
            ErrorKind::BadAnswer,
            with_words(
                format!(
                    "{} answered with JSON that is not as documented: {why}",
                    response.url
                ),
                &words_in(body),
            ),
        )
        .with_hint(
            "try again later; if it persists, the hoster has changed its API and the \
        plugin needs an update",
        )
        .with_status(response.status)
        .transient()
    })
}

/// Whether it is a web page.
pub(crate) fn is_page(response: &HttpResponse) -> bool {
    let content_type = response.header("content-type").unwrap_or_default();
    content_type.starts_with("text/html") || response.body.trim_ascii_start().starts_with(b"<")
}

/// Whether an answer comes from the origin that was asked: redirects are followed, and what lies at another
/// origin is not what the source names, whatever it lists.
///
/// # Errors
///
/// [`ErrorKind::BadAnswer`], naming the origin, if it comes from elsewhere.
pub fn from_origin(response: &HttpResponse, base: &str) -> Result<(), HosterError> {
    let origin = |url: &str| Url::parse(url).ok().map(|url| url.origin());
    match (origin(base), origin(&response.url)) {
        (Some(asked), Some(answered)) if asked != answered => Err(HosterError::new(
            ErrorKind::BadAnswer,
            format!(
                "{} was asked, and led to {}: that is not the API of the source",
                asked.ascii_serialization(),
                answered.ascii_serialization()
            ),
        )
        .with_hint("check apiUrl, and whether a proxy or a login page is in between")),
        _ => Ok(()),
    }
}

/// What the hoster says in the body of an error, in one line; empty if it says nothing for people.
pub fn said(response: &HttpResponse) -> String {
    let content_type = response.header("content-type").unwrap_or_default();
    let text = String::from_utf8_lossy(&response.body);
    let words = match text.trim_start().as_bytes().first() {
        Some(b'<') => page_text(&text),
        Some(b'{' | b'[' | b'"') => words_in(&response.body),
        _ if content_type.starts_with("text/plain") => text.into_owned(),
        _ => String::new(),
    };
    one_line(&words)
}

/// What a document says for people, in the forms that hosters have.
fn words_in(body: &[u8]) -> String {
    let Ok(document) = serde_json::from_slice::<Value>(body) else {
        // A document that breaks off is not for people.
        return match body.trim_ascii_start() {
            [b'{' | b'[' | b'"', ..] => String::new(),
            text => String::from_utf8_lossy(text).into_owned(),
        };
    };
    let places = [
        "/error/message",
        "/message",
        "/errors/0/message",
        "/errors/0/title",
        "/errors/0",
        "/error_description",
        "/error",
        "/detail",
        "/title",
        "",
    ];
    let found = places
        .iter()
        .find_map(|place| document.pointer(place)?.as_str());
    found.unwrap_or_default().to_owned()
}

fn one_line(words: &str) -> String {
    let words: Vec<&str> = words
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ").chars().take(MAX_QUOTE).collect()
}

fn with_words(message: String, words: &str) -> String {
    // Bytes, and nothing for people.
    if words.contains('\0') {
        return message;
    }
    match one_line(words) {
        words if words.is_empty() => message,
        words => format!("{message}; it says: {words}"),
    }
}

/// The error for an answer that is none: what its status means with any hoster, when to ask again, and
/// what the hoster says. Where a hoster means something else by a status, change the error's fields.
pub fn status_error(response: &HttpResponse) -> HosterError {
    let status = response.status;
    let said = said(response);
    let again = retry(response);
    let because = match said.is_empty() {
        true => String::new(),
        false => format!(": {said}"),
    };
    let message = format!("{} answered {status}{because}", response.url);
    // Some hosters say so by 403.
    let used_up = limit(response).is_some_and(|limit| limit.remaining == Some(0));
    let is_limit = used_up || again.after.is_some() || is_about_limits(response);
    let limited = status == 429 || (status == 403 && is_limit);
    let error = HosterError::new(kind_of(status, limited), message);
    let mut error = match error.kind {
        ErrorKind::Credentials => error
            .with_hint("check password and apiAuthName of the source: the hoster refuses them")
            .about(Concern::Source),
        ErrorKind::Forbidden => error.with_hint(
            "check the rights of the credentials: they are good, but not for this; a scope may be missing",
        ),
        // An API says so in its own words.
        ErrorKind::NotFound if is_page(response) => error.with_hint(
            "check apiUrl of the source: there is a web page, and no API",
        ),
        ErrorKind::NotFound => error
            .with_hint("check name of the source, and whether the account may see what it names"),
        ErrorKind::Gone => {
            error.with_hint("look for a newer version of the plugin, or ask the hoster")
        }
        ErrorKind::RateLimited => error
            .with_hint("run again in an hour, or less often: the hoster's request limit is used up")
            .about(Concern::Source)
            .transient(),
        ErrorKind::Unavailable => error
            .with_hint("look at the hoster's status page and run again later: it is out of order")
            .transient(),
        ErrorKind::BadAnswer => error.with_hint(
            "check apiUrl of the source, and whether a proxy or a login page is in between",
        ),
        _ => error,
    };
    error.retry_after = again.after;
    error.retry_at = again.at;
    error.said = said;
    error.with_status(status)
}

/// Whether a refusal points to documentation of limits: some say nothing else of one.
fn is_about_limits(response: &HttpResponse) -> bool {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let page = body["documentation_url"].as_str().unwrap_or_default();
    page.contains("rate-limit")
}

fn kind_of(status: u16, limited: bool) -> ErrorKind {
    match status {
        _ if limited => ErrorKind::RateLimited,
        401 => ErrorKind::Credentials,
        403 => ErrorKind::Forbidden,
        404 => ErrorKind::NotFound,
        410 => ErrorKind::Gone,
        408 | 425 | 500..=599 => ErrorKind::Unavailable,
        200..=399 => ErrorKind::BadAnswer,
        _ => ErrorKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use forgekeep_plugin_documents::Header;

    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> HttpResponse {
        HttpResponse {
            status,
            url: "https://api.example/x".into(),
            headers: headers
                .iter()
                .map(|(name, value)| Header {
                    name: (*name).into(),
                    value: (*value).into(),
                })
                .collect(),
            body: body.into(),
            ..HttpResponse::default()
        }
    }

    #[test]
    fn each_status_has_its_kind() {
        for (status, kind, permanent) in [
            (401, ErrorKind::Credentials, true),
            (403, ErrorKind::Forbidden, true),
            (404, ErrorKind::NotFound, true),
            (410, ErrorKind::Gone, true),
            (429, ErrorKind::RateLimited, false),
            (408, ErrorKind::Unavailable, false),
            (500, ErrorKind::Unavailable, false),
            (503, ErrorKind::Unavailable, false),
            (302, ErrorKind::BadAnswer, true),
            (400, ErrorKind::Other, true),
            (451, ErrorKind::Other, true),
        ] {
            let error = status_error(&answer(status, &[], ""));
            assert_eq!((error.kind, error.permanent), (kind, permanent), "{status}");
            assert_eq!(error.status, Some(status));
        }
        let limited = [("retry-after", "7")];
        let error = status_error(&answer(403, &limited, "{\"message\":\"secondary limit\"}"));
        assert_eq!(error.kind, ErrorKind::RateLimited);
        assert_eq!(error.retry_after, Some(7));
        assert_eq!(error.said, "secondary limit");
        assert_eq!(error.concerns, Concern::Source);
    }

    #[test]
    fn a_refusal_that_points_to_limits_is_one() {
        let kind = |page: &str| {
            let body = serde_json::json!({ "message": "no", "documentation_url": page });
            status_error(&answer(403, &[], &body.to_string())).kind
        };
        assert_eq!(
            kind("https://docs.example/rest/rate-limits-for-the-api"),
            ErrorKind::RateLimited
        );
        assert_eq!(
            kind("https://docs.example/rest/permissions"),
            ErrorKind::Forbidden
        );
    }

    #[test]
    fn the_hosters_words_in_each_form() {
        for body in [
            r#"{"error":{"message":"no"}}"#,
            r#"{"message":"no"}"#,
            r#"{"errors":[{"message":"no"}]}"#,
            r#"{"errors":["no"]}"#,
            r#"{"error":"invalid_grant","error_description":"no"}"#,
            r#"{"error":"no"}"#,
            r#""no""#,
            "<html><title>no</title>",
        ] {
            assert_eq!(said(&answer(500, &[], body)), "no", "{body}");
        }
        let plain = [("content-type", "text/plain; charset=utf-8")];
        assert_eq!(said(&answer(500, &plain, " no\r\n\u{1b}more ")), "no more");
        for nothing in ["", "{\"message\": \"cut o", "{}", "[1]", "\u{0}binary"] {
            assert_eq!(said(&answer(500, &[], nothing)), "", "{nothing}");
        }
    }

    #[test]
    fn an_answer_from_another_origin_is_not_the_sources() {
        let response = answer(200, &[], "[]");
        assert_eq!(from_origin(&response, "https://api.example/base/"), Ok(()));
        for other in [
            "http://api.example",
            "https://api.example:8443",
            "https://example",
        ] {
            let error = from_origin(&response, other).unwrap_err();
            assert_eq!(error.kind, ErrorKind::BadAnswer, "{other}");
            assert!(
                error.message.contains("led to https://api.example"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_web_page_is_no_json() {
        let error = json::<Value>(&answer(200, &[], " <title>Log in</title>")).unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadAnswer);
        assert!(!error.permanent);
        assert!(error.message.ends_with("it says: Log in"), "{error}");
    }
}
