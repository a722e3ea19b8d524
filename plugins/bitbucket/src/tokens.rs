//! The tokens that an OAuth consumer is given for its id and secret (client credentials).

use forgekeep_plugin_sdk::{ErrorKind, Grant, Host, HosterError, HttpRequest, Result};

use crate::api::Account;
use crate::status::{astray_of, consumer_refusal};

/// Asks for a token. It may be asked for twice: the one of which the answer was lost just ends unused. The
/// token to renew it with is not used: id and secret are at hand.
pub(crate) fn ask(account: &Account, host: &Host<'_>) -> Result<Grant> {
    let auth = account.credentials.of_consumer();
    let mut request = HttpRequest::new("POST", &account.token_url, &auth)
        .with_header("accept", "application/json")
        .with_body(
            "application/x-www-form-urlencoded",
            "grant_type=client_credentials",
        );
    request.idempotent = true;
    let response = host.http(request)?;
    if let Some(error) = astray_of(&response, &account.token_url, "oauthUrl") {
        return Err(error);
    }
    if response.status != 200 {
        return Err(consumer_refusal(&response, account));
    }
    // Not a word of what it says: it may hold a token.
    Grant::of_oauth(&response).ok_or_else(|| {
        HosterError::new(
            ErrorKind::BadAnswer,
            "Bitbucket was asked for an OAuth token and answered without one",
        )
        .with_hint("check oauthUrl and apiUrl; if they are right, run again later")
        .with_status(200)
        .transient()
    })
}
