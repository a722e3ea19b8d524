//! Requests to addresses that are secrets.

use std::io::Read as _;
use std::sync::Arc;

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_http::{Authorization, Client, CredentialScope, HttpClient as _, Request};
use forgekeep_untrusted::{Redactor, Secret, Shown, Untrusted};
use url::Url;

/// Most bytes of an answer that are read.
const MAX_ANSWER: u64 = 4096;

/// Most characters of an answer that are told.
const MAX_WORDS: usize = 200;

/// Shorter parts of an address are words, not secrets.
const SHORTEST_PART: usize = 12;

/// An answer of the class 2xx.
pub(super) struct Answer {
    /// Its text.
    pub text: Untrusted,
    /// How much of a ping's body is kept, where the service says so.
    pub body_limit: Option<usize>,
}

/// Sends JSON or text to an address. A redirect that would take it to another host is not followed.
///
/// # Errors
///
/// There was no answer, or it was none of the class 2xx. The failure names the host alone.
pub(super) fn post(
    client: &Client,
    url: &Url,
    allow_insecure_http: bool,
    content_type: &str,
    body: Vec<u8>,
) -> Result<Answer, Failure> {
    let scope = CredentialScope::new(url.clone(), true, &[], allow_insecure_http);
    scope.check_address(url).map_err(|mut failure| {
        failure.message = cleaned(url, &failure.message).into();
        failure
    })?;
    let mut request = Request::get(url.clone(), Authorization::Anonymous, Arc::new(scope))
        .header("content-type", content_type);
    request.method = "POST".to_owned();
    request.body = body;
    let sent = client.send(&request);
    let mut response = sent.map_err(|mut failure| {
        failure.message = cleaned(url, &failure.message).into();
        failure
    })?;
    let mut bytes = Vec::new();
    // What was taken was taken: an answer that breaks off is one.
    let _ = (&mut response.body)
        .take(MAX_ANSWER)
        .read_to_end(&mut bytes);
    let text = Untrusted::new(cleaned(url, Untrusted::lossy(&bytes).raw()));
    if !(200..300).contains(&response.status) {
        return Err(refused(response.status, &text));
    }
    let body_limit = response.header("ping-body-limit");
    Ok(Answer {
        text,
        body_limit: body_limit.and_then(|limit| limit.trim().parse().ok()),
    })
}

fn refused(status: u16, text: &Untrusted) -> Failure {
    let words = words(text);
    let said = match words.is_empty() {
        true => String::new(),
        false => format!(": {words}"),
    };
    let hint = match status {
        300..400 => "write the address that it redirects to: a message is not sent on",
        401 | 403 | 404 | 410 => "check the address, which may have been replaced or removed",
        413 => "tell it less by another preset or template",
        429 => "tell this channel of fewer runs (`on`)",
        400..500 => "check the preset or the template against what the service takes",
        _ => "look at the service's own log; the next run tells it again",
    };
    Failure::new(
        ErrorKind::BadAnswer,
        format!("it answered with status {status}{said}"),
    )
    .with_hint(hint)
    .with_status(status)
}

/// The begin of an answer, as one line.
pub(super) fn words(text: &Untrusted) -> String {
    let line: Vec<&str> = text.raw().split_whitespace().collect();
    let line = line.join(" ");
    let cut: String = line.chars().take(MAX_WORDS).collect();
    Shown::of(&cut).to_string()
}

/// What of an address is looked for in what is said.
pub(super) fn secrets_of(address: &Secret) -> Vec<Secret> {
    let mut secrets = vec![address.clone()];
    let Ok(url) = Url::parse(address.expose()) else {
        return secrets;
    };
    secrets.push(Secret::new(url.as_str()));
    let path = &url[url::Position::BeforePath..];
    let mut parts: Vec<String> = vec![path.to_owned()];
    parts.extend(url.path().split('/').map(str::to_owned));
    parts.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
    let parts = parts.into_iter().filter(|part| part.len() >= SHORTEST_PART);
    secrets.extend(parts.map(Secret::new));
    secrets
}

fn cleaned(url: &Url, text: &str) -> String {
    let secrets = secrets_of(&Secret::new(url.as_str()));
    let secrets: Vec<&Secret> = secrets.iter().collect();
    // Without what follows the host, it says who was asked.
    let mut whole = url.clone();
    whole.set_path("");
    whole.set_query(None);
    whole.set_fragment(None);
    let text = text.replace(url.as_str(), whole.as_str());
    Redactor::new(&secrets).clean(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_address_the_host_alone_is_said() {
        let url = Url::parse(
            "https://hooks.example.com/services/T0000000000/xoxb-1234567890?k=abcdefghijkl",
        )
        .unwrap();
        for text in [
            url.as_str(),
            "cannot reach https://hooks.example.com/services/T0000000000/xoxb-1234567890?k=abcdefghijkl: no",
            "no such hook: xoxb-1234567890",
            "key abcdefghijkl",
        ] {
            let said = cleaned(&url, text);
            assert!(!said.contains("xoxb"), "{said}");
            assert!(!said.contains("abcdefghijkl"), "{said}");
        }
        assert!(cleaned(&url, url.as_str()).contains("hooks.example.com"));
    }
}
