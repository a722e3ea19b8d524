//! Who is asking. The API and git take different credentials for the same account.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::model::{Account, CredentialKind, HosterState};

/// The user name of an API token in git, instead of the account's own.
const API_TOKEN_USER: &str = "x-bitbucket-api-token-auth";
/// The user name of an access token in git, and of a token that a consumer was given.
pub(crate) const ACCESS_TOKEN_USER: &str = "x-token-auth";

/// Who is asking.
pub(crate) enum Caller<'a> {
    /// Nobody in particular.
    Anonymous,
    /// An account.
    Known(&'a Account),
    /// Somebody with an app password.
    AppPassword,
    /// Somebody with credentials that are wrong.
    Refused,
}

enum Credentials {
    Basic(String, String),
    Bearer(String),
}

impl Credentials {
    fn parse(authorization: &str) -> Option<Self> {
        let (scheme, value) = authorization.trim().split_once(' ')?;
        match scheme.to_ascii_lowercase().as_str() {
            "basic" => {
                let text = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
                let (user, secret) = text.split_once(':')?;
                Some(Self::Basic(user.to_owned(), secret.to_owned()))
            }
            "bearer" => Some(Self::Bearer(value.trim().to_owned())),
            _ => None,
        }
    }
}

/// Who is asking the API.
pub(crate) fn of_api<'a>(state: &'a HosterState, authorization: Option<&str>) -> Caller<'a> {
    find(state, authorization, |account, credentials| {
        match (account.kind, credentials) {
            (CredentialKind::ApiToken, Credentials::Basic(user, _)) => *user == account.email,
            (
                CredentialKind::AccessToken | CredentialKind::OAuthConsumer,
                Credentials::Bearer(_),
            ) => true,
            (CredentialKind::AppPassword, Credentials::Basic(user, _)) => *user == account.user,
            _ => false,
        }
    })
}

/// Who is cloning.
pub(crate) fn of_git<'a>(state: &'a HosterState, authorization: Option<&str>) -> Caller<'a> {
    find(state, authorization, |account, credentials| {
        let Credentials::Basic(user, _) = credentials else {
            return false;
        };
        match account.kind {
            CredentialKind::ApiToken => user == API_TOKEN_USER || *user == account.user,
            CredentialKind::AccessToken | CredentialKind::OAuthConsumer => {
                user == ACCESS_TOKEN_USER
            }
            CredentialKind::AppPassword => *user == account.user,
        }
    })
}

/// The consumer that asks for a token, by its own id and secret.
pub(crate) fn of_consumer<'a>(
    state: &'a HosterState,
    authorization: Option<&str>,
) -> Option<&'a Account> {
    let Credentials::Basic(id, secret) = Credentials::parse(authorization?)? else {
        return None;
    };
    state.accounts.iter().find(|account| {
        account.kind == CredentialKind::OAuthConsumer
            && account.user == id
            && account.token == secret
    })
}

fn find<'a>(
    state: &'a HosterState,
    authorization: Option<&str>,
    fits: impl Fn(&Account, &Credentials) -> bool,
) -> Caller<'a> {
    let Some(authorization) = authorization else {
        return Caller::Anonymous;
    };
    let Some(credentials) = Credentials::parse(authorization) else {
        return Caller::Refused;
    };
    let (Credentials::Basic(_, secret) | Credentials::Bearer(secret)) = &credentials;
    // Of a consumer, a token that it was given; never its own secret.
    let mut minted = state.minted.iter();
    let minted = minted.find(|minted| minted.token == *secret && minted.is_good());
    let account = state.accounts.iter().find(|account| {
        let is_its = match account.kind {
            CredentialKind::OAuthConsumer => {
                minted.is_some_and(|minted| minted.client_id == account.user)
            }
            _ => account.token == *secret,
        };
        is_its && fits(account, &credentials)
    });
    match account {
        None => Caller::Refused,
        Some(account) if account.kind == CredentialKind::AppPassword => Caller::AppPassword,
        Some(account) => Caller::Known(account),
    }
}
