//! Who asks, and what they may see.

use forgekeep_demo_hoster::{Request, Response};
use serde_json::json;

use super::Refused;
use super::documents;
use super::model::{Namespace, Project, State, Token};

pub(super) struct Caller<'s> {
    pub(super) token: Option<&'s Token>,
}

impl<'s> Caller<'s> {
    /// By `PRIVATE-TOKEN` or `Authorization: Bearer`; tokens of OAuth by the latter alone. Source:
    /// docs.gitlab.com/api/rest/authentication.
    pub(super) fn of(state: &'s State, request: &Request) -> Result<Self, Refused> {
        let private = request.header("PRIVATE-TOKEN");
        let bearer = request.header("Authorization");
        let bearer = bearer.and_then(|field| field.strip_prefix("Bearer "));
        let Some(sent) = private.or(bearer) else {
            return Ok(Self { token: None });
        };
        let known = |token: &&Token| token.secret == sent && (!token.is_oauth || private.is_none());
        match state.tokens.iter().find(known) {
            Some(token) => Ok(Self { token: Some(token) }),
            None => Err(Box::new(documents::message(401, "401 Unauthorized"))),
        }
    }

    /// Whether the token is for reading by the API. Source: docs.gitlab.com/api/rest/troubleshooting, status
    /// 403; GitLab's `lib/api/api_guard.rs` for the form.
    pub(super) fn may_read(&self, state: &State) -> Result<(), Refused> {
        let may = |token: &Token| {
            token
                .scopes
                .iter()
                .any(|one| one == "api" || one == "read_api")
        };
        match state.reads_without_scope || self.token.is_none_or(may) {
            true => Ok(()),
            false => Err(Box::new(Response::new(
                403,
                "application/json",
                json!({
                    "error": "insufficient_scope",
                    "error_description": "The request requires higher privileges than provided by the access token.",
                    "scope": "api read_api",
                })
                .to_string(),
            ))),
        }
    }

    /// Whether the token is for writing by the API, and its account has a role in a namespace.
    pub(super) fn may_write(
        &self,
        state: &State,
        namespace: u64,
        role: u64,
    ) -> Result<(), Refused> {
        self.signed_in()?;
        let has_scope = |token: &Token| token.scopes.iter().any(|one| one == "api");
        let may = self.token.is_some_and(has_scope) && self.role(state, namespace) >= Some(role);
        match may {
            true => Ok(()),
            false => Err(Box::new(documents::message(403, "403 Forbidden"))),
        }
    }

    pub(super) fn signed_in(&self) -> Result<u64, Refused> {
        let unauthorized = || Box::new(documents::message(401, "401 Unauthorized"));
        self.token.map(|token| token.user).ok_or_else(unauthorized)
    }

    /// The role in a namespace, also by what it lies in. Source: docs.gitlab.com/user/permissions.
    pub(super) fn role(&self, state: &State, namespace: u64) -> Option<u64> {
        let user = self.token?.user;
        role_of(state, user, namespace)
    }

    pub(super) fn sees_group(&self, state: &State, group: &Namespace) -> bool {
        !group.private || self.role(state, group.id).is_some()
    }

    pub(super) fn sees(&self, state: &State, project: &Project) -> bool {
        let is_open = match &*project.visibility {
            "public" => true,
            "internal" => self.token.is_some(),
            _ => false,
        };
        !project.hidden && (is_open || self.role(state, project.namespace).is_some())
    }
}

pub(super) fn role_of(state: &State, user: u64, namespace: u64) -> Option<u64> {
    let roles = state.upwards(namespace).flat_map(|one| {
        let own = (one.user == Some(user)).then_some(50);
        let members = one.members.iter();
        let as_member = members.filter(|(id, _)| *id == user).map(|(_, role)| *role);
        own.into_iter().chain(as_member)
    });
    roles.max()
}
