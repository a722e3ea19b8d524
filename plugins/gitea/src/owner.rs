use forgekeep_plugin_sdk::{Api, Result};
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::server::Server;

/// Which listing has somebody's repositories.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    Org,
    /// A user other than the account.
    User,
    /// The account's own. The listing of it as a user hides what is private, on some servers from itself too.
    Own,
    /// The account's own, but for what comes with the organisations that it is a member of.
    All,
    /// One of these organisations.
    Each,
}

/// Whose repositories are listed, and by which listing.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Listed {
    pub(crate) kind: Kind,
    pub(crate) id: u64,
    pub(crate) name: String,
}

impl Listed {
    pub(crate) fn new(kind: Kind, account: &Account) -> Self {
        let (id, name) = (account.id, account.name().to_owned());
        Self { kind, id, name }
    }

    /// Whose a name is. An organisation answers as a user too, so it is asked for first.
    pub(crate) fn find(server: &Server<'_>, name: &str) -> Result<Self> {
        let kind = server.source.kind.as_str();
        if kind != "user" {
            let response = server.api.get(&["orgs", name], &[])?;
            if kind == "org" || response.status != 404 {
                return Ok(Self::new(Kind::Org, &Api::document(&response)?));
            }
        }
        let user: Account = server.api.read(&["users", name])?;
        let me = server.sight()?.me.as_ref();
        let is_own = me.is_some_and(|me| me.id == user.id);
        let kind = if is_own { Kind::Own } else { Kind::User };
        Ok(Self::new(kind, &user))
    }

    /// The path of its listing.
    pub(crate) fn path(&self) -> Vec<&str> {
        match self.kind {
            Kind::Org | Kind::Each => vec!["orgs", &self.name, "repos"],
            Kind::User => vec!["users", &self.name, "repos"],
            Kind::Own | Kind::All => vec!["user", "repos"],
        }
    }
}
