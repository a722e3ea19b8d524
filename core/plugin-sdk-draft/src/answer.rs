use forgekeep_abi_draft::{HosterError, HttpResponse, error_kind};
use serde::de::DeserializeOwned;

use forgekeep_page_text::page_text;

/// Most characters of somebody else's text in a message.
const MAX_QUOTE: usize = 200;

/// Reads an answer's body as JSON.
///
/// # Errors
///
/// [`error_kind::BAD_ANSWER`], as transient where a proxy or an outage page is the likely cause:
/// a web page in place of JSON, a truncated body, a field missing or of another type.
pub fn json<T: DeserializeOwned>(response: &HttpResponse) -> Result<T, HosterError> {
    let content_type = response.header("content-type").unwrap_or_default();
    let body = response.body.as_slice();
    if content_type.starts_with("text/html") || body.trim_ascii_start().starts_with(b"<") {
        return Err(HosterError::new(
            error_kind::BAD_ANSWER,
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
            error_kind::BAD_ANSWER,
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

/// What a server says in a document that is not the one that was asked for.
fn words_in(body: &[u8]) -> String {
    let Ok(document) = serde_json::from_slice::<serde_json::Value>(body) else {
        // A document that breaks off is not for people.
        return match body.trim_ascii_start() {
            [b'{' | b'[' | b'"', ..] => String::new(),
            text => String::from_utf8_lossy(text).into_owned(),
        };
    };
    ["/error/message", "/message", "/errors/0/message", "/error"]
        .iter()
        .find_map(|place| document.pointer(place)?.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn with_words(message: String, words: &str) -> String {
    let words: Vec<&str> = words.split_whitespace().collect();
    let words: String = words.join(" ").chars().take(MAX_QUOTE).collect();
    match words.is_empty() || words.contains('\0') {
        true => message,
        false => format!("{message}; it says: {words}"),
    }
}

/// The error for a status that needs no knowledge of the hoster: 429, 5xx, and what is left.
pub fn status_error(response: &HttpResponse, said: &str) -> HosterError {
    let status = response.status;
    let because = if said.is_empty() {
        String::new()
    } else {
        format!(": {said}")
    };
    let message = format!("{} answered {status}{because}", response.url);
    match status {
        429 => {
            let mut error = HosterError::new(error_kind::RATE_LIMITED, message)
                .with_hint(
                    "run again in an hour, or less often: the hoster's request limit is used up",
                )
                .transient();
            error.retry_after = response
                .header("retry-after")
                .and_then(|seconds| seconds.trim().parse().ok())
                .into();
            error
        }
        500..=599 => HosterError::new(error_kind::UNAVAILABLE, message)
            .with_hint("look at the hoster's status page and run again later: it is out of order")
            .transient(),
        _ => HosterError::new(error_kind::OTHER, message),
    }
    .with_status(status)
}
