//! Whose the token is, how far it reaches, and what is proved by it.

use std::sync::OnceLock;

use forgekeep_plugin_sdk::{
    self as sdk, Auth, Host, ListedIds, Result, Secret, Sees, Source, answers_instead,
    is_hexadecimal, kept, sees_all_if,
};
use serde::Deserialize;
use serde_json::Value;

use crate::owner::Owner;

/// The role of owners.
const OWNER: u64 = 50;
/// Digits of a token of OAuth.
const OAUTH: usize = 64;

pub(crate) type Server<'a> = sdk::Server<'a, Kept>;

/// What is kept of a source between calls.
#[derive(Default)]
pub(crate) struct Kept {
    sight: OnceLock<Sight>,
    pub(crate) ids: ListedIds,
}

/// Whose the token is, and what it says of itself, which tokens of OAuth do not.
type Sight = (Option<Owner>, Option<Token>);

#[derive(Deserialize)]
pub(crate) struct Token {
    pub(crate) name: String,
    pub(crate) scopes: Vec<String>,
    /// The day at whose beginning, in UTC, it has ended.
    pub(crate) expires_at: Option<String>,
}

impl Token {
    fn has(&self, scopes: &[&str]) -> bool {
        let mut own = self.scopes.iter().map(String::as_str);
        own.any(|one| scopes.contains(&one))
    }

    /// Whether it reaches as far as its account. Fine-grained ones have no such scope.
    pub(crate) fn is_classic(&self) -> bool {
        self.has(&["api", "read_api"])
    }

    /// Whether git takes it, as far as its scopes are known.
    pub(crate) fn is_for_code(&self) -> bool {
        let for_code = ["api", "read_repository", "write_repository", "granular"];
        self.has(&for_code) || self.scopes.is_empty()
    }
}

pub(crate) fn server_of<'a>(source: &'a Source, host: &'a Host<'a>) -> Result<Server<'a>> {
    let auth = |secret: &Secret| match is_hexadecimal(secret, OAUTH) {
        true => Auth::bearer(secret),
        false => Auth::header("PRIVATE-TOKEN", secret),
    };
    Server::of(source, host, "/api/v4", auth)
}

/// Asked once, as far as it is told.
pub(crate) fn sight<'a>(server: &Server<'a>) -> Result<&'a Sight> {
    kept(&server.kept.sight, || {
        let me = server.told(&["user"])?;
        let token = match &server.secret {
            Some(secret) if is_hexadecimal(secret, OAUTH) => None,
            _ => server.told(&["personal_access_tokens", "self"])?,
        };
        Ok((me, token))
    })
}

/// How much is seen of the user or top group that a path begins with. All of it sees its owner, with a token
/// of the classic kind, where what is listed is known and no policy service hides single projects.
pub(crate) fn sees(server: &Server<'_>, path: &str) -> Result<Sees> {
    let root = path.split('/').next().unwrap_or_default();
    let (Some(me), Some(token)) = sight(server)? else {
        return Ok(Sees::Other);
    };
    let member = ["groups", root, "members", "all", &me.id.to_string()];
    let role = |member: Value| member["access_level"].as_u64();
    let owns = || Ok(server.told(&member)?.and_then(role) >= Some(OWNER));
    let reaches = token.is_classic() && server.kept.ids.count().is_some();
    Ok(sees_all_if(reaches && (me.is_called(root) || owns()?)))
}

/// What proves that a project was deleted, once it is not found: its top group or user is there, who asks sees
/// all of that, and is shown another project of it.
pub(crate) fn proof(server: &Server<'_>, id: u64, full_name: &str) -> Result<Option<String>> {
    let root = full_name.split('/').next().unwrap_or_default();
    if sees(server, root)? != Sees::All {
        return Ok(None);
    }
    let owner = Owner::find(server, root)?;
    let (listed, _) = owner.page(&server.api, "false", None)?;
    let other = answers_instead(&server.api, "projects", id, &listed)?;
    // Under another name it may be a stranger's: that is not known here.
    let other = other.filter(|_| owner.is_called(root));
    Ok(other.map(|other| {
        let other = &other["path_with_namespace"];
        format!("not found (404) by who sees all of {root}, and is shown {other} of it")
    }))
}
