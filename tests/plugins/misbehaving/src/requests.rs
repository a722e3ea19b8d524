//! Requests of a listing, and what the host says to them:
//!
//! - `moved-…`, `moved-post-…`: a GET, or a POST with the secret in its body, to its own API at
//!   `/2.0/moved-…`, with the secret in a field of the hoster's own, `PRIVATE-TOKEN`, as its credentials;
//! - `moved-field-…`: the same GET with that field among the others;
//! - `token-scheme`: a GET of its own API with `Authorization: token …`;
//! - `once-<method>`, `marked-<method>`: a request to the other origin; the second is marked as harmless to
//!   repeat.

use forgekeep_plugin_sdk::{
    Auth, Host, HosterError, HttpRequest, HttpResponse, Result, Source, status_error,
};

use crate::access;
use crate::settings::{clone_base, foreign_origin, misbehaviour};

/// The error that the request of the misbehaviour ends in, if any.
pub(crate) fn failure(source: &Source, host: &Host<'_>) -> Option<HosterError> {
    let mode = misbehaviour();
    let of_api = format!("{}/2.0/{mode}", clone_base());
    let private = source
        .password()
        .map_or(Auth::None, |secret| Auth::header("PRIVATE-TOKEN", secret));
    let request = if mode.starts_with("moved-post-") {
        let secret = source.password().map_or("", |secret| secret.expose());
        let body = format!("{{\"token\": \"{secret}\"}}");
        HttpRequest::new("POST", of_api, &private).with_body("application/json", body)
    } else if mode.starts_with("moved-field-") {
        let secret = source.password().map_or("", |secret| secret.expose());
        HttpRequest::get(of_api, &Auth::None).with_header("Private-Token", secret)
    } else if mode.starts_with("moved-") {
        HttpRequest::get(of_api, &private)
    } else if mode == "token-scheme" {
        let of_api = format!("{}/2.0/repositories/acme", clone_base());
        HttpRequest::get(of_api, &access::by_scheme(source))
    } else {
        let (mark, method) = mode.split_once('-')?;
        if !matches!(mark, "once" | "marked") {
            return None;
        }
        HttpRequest {
            idempotent: mark == "marked",
            ..HttpRequest::new(
                method,
                format!("{}/2.0/{mode}", foreign_origin()),
                &Auth::None,
            )
        }
    };
    good(host.http(request)).err()
}

/// An answer with a good status.
fn good(answer: Result<HttpResponse>) -> Result<HttpResponse> {
    let response = answer?;
    match response.status {
        200..=299 => Ok(response),
        _ => Err(status_error(&response)),
    }
}
