use std::ops::Deref;
use std::sync::OnceLock;

use forgekeep_plugin_sdk::{
    self as sdk, Api, Auth, ErrorKind, Host, Result, Secret, Source, first_filled, is_hexadecimal,
    kept,
};
use serde_json::Value;

use crate::account::{Account, Sight};

/// Entries of a page. Servers cap it without a word, most of them at this.
pub(crate) const PAGE_LENGTH: u64 = 50;

/// What is kept of a source between calls.
#[derive(Default)]
pub(crate) struct Kept {
    version: OnceLock<Option<String>>,
    pub(crate) sight: OnceLock<Sight>,
    pub(crate) organisations: OnceLock<Vec<Account>>,
    pub(crate) makes_in_organisation: OnceLock<bool>,
}

/// A source's server and credentials, for the duration of a call.
pub(crate) struct Server<'a>(sdk::Server<'a, Kept>);

impl<'a> Deref for Server<'a> {
    type Target = sdk::Server<'a, Kept>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'a> Server<'a> {
    pub(crate) fn of(source: &'a Source, host: &'a Host<'a>) -> Result<Self> {
        let auth = |secret: &Secret| match user_of_password(source, secret) {
            Some(user) => Auth::basic(user, secret),
            None => Auth::scheme("token", secret),
        };
        sdk::Server::of(source, host, "/api/v1", auth).map(Self)
    }

    /// Which version the server says it is. `None`: it does not say, as Gogs does not.
    pub(crate) fn version(&self) -> Result<Option<&'a str>> {
        let version = kept(&self.kept.version, || {
            let response = self.api.get(&["version"], &[])?;
            let said: Value = match response.status {
                // Where one has to sign in for everything, for this too.
                401 | 403 | 404 => Value::Null,
                _ => Api::document(&response)?,
            };
            let version = said["version"].as_str().map(str::to_owned);
            let shown = version.as_deref().unwrap_or("unknown, as that of Gogs is");
            self.host.info(&format!("version of {}: {shown}", self.web));
            Ok(version)
        })?;
        Ok(version.as_deref())
    }

    /// With what is to be done here where the credentials are refused, or reach too little.
    pub(crate) fn advised<T>(&self, answer: Result<T>) -> Result<T> {
        answer.map_err(|error| match error.kind {
            ErrorKind::Forbidden if self.secret.is_some() && !error.said.contains("scope") => error,
            ErrorKind::Credentials | ErrorKind::Forbidden => error.with_hint(format!(
                "make a token at {}/user/settings/applications with the scopes read:repository, read:user and read:organization, and set password to it; the password of an account needs authName, and is not enough with two-factor login",
                self.web
            )),
            _ => error,
        })
    }
}

/// The user whose password a secret is, as far as its form tells: access tokens are 40 hexadecimal digits,
/// tokens of OAuth three parts with dots between them.
pub(crate) fn user_of_password<'s>(source: &'s Source, secret: &Secret) -> Option<&'s str> {
    let is_token = is_hexadecimal(secret, 40) || secret.expose().split('.').count() == 3;
    let user = first_filled(&[&source.api_auth_name, &source.auth_name]);
    (!is_token && !user.is_empty()).then_some(user)
}
