//! Tokens for OAuth consumers, by client credentials (RFC 6749, section 4.4).

use serde_json::{Value, json};
use url::form_urlencoded;

use crate::credentials::of_consumer;
use crate::http::{Request, Response};
use crate::model::HosterState;

/// Whether a request is for a token.
pub fn is_oauth(request: &Request) -> bool {
    request.path() == "/site/oauth2/access_token"
}

/// Answers a request for a token.
pub(crate) fn respond(state: &mut HosterState, request: &Request) -> Response {
    if request.method != "POST" {
        return answer(405, &json!({"error": "invalid_request"}));
    }
    let form = form_urlencoded::parse(&request.body);
    let is_known = form
        .into_iter()
        .any(|(key, value)| key == "grant_type" && value == "client_credentials");
    if !is_known {
        return refusal("unsupported_grant_type", "Unsupported grant type");
    }
    let consumer = of_consumer(state, request.header("Authorization"));
    let Some((id, scopes)) = consumer.map(|c| (c.user.clone(), c.scopes.join(" "))) else {
        return refusal("unauthorized_client", "Invalid OAuth client credentials");
    };
    let (token, life) = state.mint(&id);
    answer(
        200,
        &json!({
            "access_token": token,
            "token_type": "bearer",
            "expires_in": life,
            "scopes": scopes,
            "state": "client_credentials",
        }),
    )
}

fn refusal(error: &str, description: &str) -> Response {
    answer(
        400,
        &json!({"error": error, "error_description": description}),
    )
}

fn answer(status: u16, document: &Value) -> Response {
    Response::new(status, "application/json", document.to_string())
}
