//! Who is asking. The API and git take different credentials for the same account.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::model::{Account, CredentialKind};

/// The user name of an API token in git, instead of the account's own.
const API_TOKEN_USER: &str = "x-bitbucket-api-token-auth";
/// The user name of an access token in git.
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
pub(crate) fn of_api<'a>(accounts: &'a [Account], authorization: Option<&str>) -> Caller<'a> {
    find(accounts, authorization, |account, credentials| {
        match (account.kind, credentials) {
            (CredentialKind::ApiToken, Credentials::Basic(user, _)) => *user == account.email,
            (CredentialKind::AccessToken, Credentials::Bearer(_)) => true,
            (CredentialKind::AppPassword, Credentials::Basic(user, _)) => *user == account.user,
            _ => false,
        }
    })
}

/// Who is cloning.
pub(crate) fn of_git<'a>(accounts: &'a [Account], authorization: Option<&str>) -> Caller<'a> {
    find(accounts, authorization, |account, credentials| {
        let Credentials::Basic(user, _) = credentials else {
            return false;
        };
        match account.kind {
            CredentialKind::ApiToken => user == API_TOKEN_USER || *user == account.user,
            CredentialKind::AccessToken => user == ACCESS_TOKEN_USER,
            CredentialKind::AppPassword => *user == account.user,
        }
    })
}

fn find<'a>(
    accounts: &'a [Account],
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
    let account = accounts
        .iter()
        .find(|a| a.token == *secret && fits(a, &credentials));
    match account {
        None => Caller::Refused,
        Some(account) if account.kind == CredentialKind::AppPassword => Caller::AppPassword,
        Some(account) => Caller::Known(account),
    }
}
