//! Users and groups, whose the token is, and how far it reaches.

use std::sync::OnceLock;

use forgekeep_plugin_sdk::{
    self as sdk, Auth, Host, ListedIds, Page, Repository, Result, Secret, Sees, Source,
    is_hexadecimal, kept, sees_all_if,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which page is asked for, and which one comes after it.
pub(crate) type At<'a> = Option<&'a str>;
pub(crate) type Next = Result<Option<String>>;

/// In the order of ids, which a new one does not disturb.
pub(crate) const BY_ID: [(&str, &str); 2] = [("order_by", "id"), ("sort", "asc")];

pub(crate) const ALSO_PUBLIC: (&str, &str) = ("all_available", "true");

/// The parameter for the length of a page, and the most that GitLab gives.
pub(crate) const LENGTH: (&str, u64) = ("per_page", 100);

/// The role of owners.
const OWNER: u64 = 50;
/// Digits of a token of OAuth.
const OAUTH: usize = 64;

#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    #[default]
    Group,
    User,
    /// What the account is a member of.
    All,
}

/// A group, a user or a namespace. Plans without wikis of groups have no `wiki_access_level`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Owner {
    #[serde(rename = "listed as")]
    pub(crate) kind: Kind,
    pub(crate) id: u64,
    #[serde(alias = "username")]
    pub(crate) full_path: String,
    pub(crate) visibility: Option<String>,
    pub(crate) wiki_access_level: Option<String>,
    pub(crate) marked_for_deletion_on: Option<String>,
}

impl Owner {
    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.full_path.eq_ignore_ascii_case(name)
    }

    /// As whom what is listed belongs to it; with all, each project tells. Users and groups are counted apart.
    pub(crate) fn identity(&self) -> Option<sdk::Owner> {
        let (id, name) = (self.id.to_string(), self.full_path.clone());
        let of_user = (self.kind == Kind::User).then(|| format!("user/{id}"));
        let id = of_user.unwrap_or(id);
        (!name.is_empty()).then_some(sdk::Owner { id, name })
    }

    /// Puts a repository on a page.
    pub(crate) fn put(&self, mut found: Repository, page: &mut Page) {
        found.owner = self.identity().unwrap_or(found.owner);
        page.repositories.push(found);
    }
}

pub(crate) type Server<'a> = sdk::Server<'a, Kept>;

/// What is kept of a source between calls.
#[derive(Default)]
pub(crate) struct Kept {
    sight: OnceLock<Sight>,
    pub(crate) ids: ListedIds,
    pub(crate) place: OnceLock<Owner>,
}

/// Whose the token is, and what it says of itself, which tokens of OAuth do not.
type Sight = (Option<Owner>, Option<Token>);

#[derive(Deserialize)]
pub(crate) struct Token {
    pub(crate) name: String,
    pub(crate) scopes: Vec<String>,
    /// The day at whose beginning, in UTC, it has ended.
    expires_at: Option<String>,
}

impl Token {
    pub(crate) fn expires(&self) -> Option<sdk::Timestamp> {
        let day = self.expires_at.as_deref()?;
        format!("{day}T00:00:00Z").parse().ok()
    }

    pub(crate) fn has(&self, scopes: &[&str]) -> bool {
        self.scopes.iter().any(|s| scopes.contains(&s.as_str()))
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
