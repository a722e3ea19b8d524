//! Tokens of service principals, as Entra gives them (OAuth 2, client credentials).

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use forgekeep_demo_hoster::{Request, Response};
use serde_json::json;

use super::model::{Minted, State};

/// What is asked for: the id of Azure DevOps. Source: Microsoft's page on service principals.
const SCOPE: &str = "scope=499b84ac-1321-427f-aa17-267ca6975798%2F.default";

/// Makes a token.
pub(super) fn token(state: &mut State, path: &[String], request: &Request) -> Response {
    // Source: Microsoft's page on error codes of Entra.
    let refused = |status: u16, error: &str, description: &str| {
        let body = json!({ "error": error, "error_description": description });
        Response::new(status, "application/json; charset=utf-8", body.to_string())
    };
    let form = String::from_utf8_lossy(&request.body).into_owned();
    let fields: Vec<&str> = form.split('&').collect();
    if !fields.contains(&"grant_type=client_credentials") || !fields.contains(&SCOPE) {
        return refused(
            400,
            "invalid_request",
            "AADSTS900144: a parameter is missing",
        );
    }
    let shown = request.header("Authorization").and_then(|sent| {
        let pair = STANDARD.decode(sent.strip_prefix("Basic ")?).ok()?;
        String::from_utf8(pair).ok()
    });
    let is_it = |principal: &&[String; 3]| {
        let [tenant, id, secret] = principal;
        path.first() == Some(tenant) && shown == Some(format!("{id}:{secret}"))
    };
    if !state.principals.iter().any(|one| is_it(&one)) {
        let words = "AADSTS7000215: Invalid client secret provided.";
        return refused(401, "invalid_client", words);
    }
    let secret = format!("eyJ0.entra-token-{}.signed", state.minted.len() + 1);
    state.minted.push(Minted {
        secret: secret.clone(),
        until: SystemTime::now() + state.token_life,
    });
    let body = json!({
        "token_type": "Bearer", "expires_in": state.token_life.as_secs(),
        "ext_expires_in": state.token_life.as_secs(), "access_token": secret,
    });
    Response::new(200, "application/json; charset=utf-8", body.to_string())
}
