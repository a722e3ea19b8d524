use forgekeep_plugin_sdk::Sees;
use serde::Deserialize;

/// A user (by `login`) or an organisation (by `name`). Older servers call either by `username`.
#[derive(Clone, Deserialize)]
pub(crate) struct Account {
    pub(crate) id: u64,
    login: Option<String>,
    name: Option<String>,
    username: Option<String>,
    pub(crate) is_admin: Option<bool>,
}

impl Account {
    pub(crate) fn name(&self) -> &str {
        let name = self.login.as_ref().or(self.name.as_ref());
        name.or(self.username.as_ref()).map_or("", String::as_str)
    }
}

/// Who the credentials belong to, and how far they reach.
#[derive(Default)]
pub(crate) struct Sight {
    pub(crate) me: Option<Account>,
    /// All: as far as the account, whatever that may see.
    pub(crate) reach: Sees,
    /// The scopes of the token, where it is shown.
    pub(crate) scopes: Vec<String>,
}
