//! The endpoints, and git's two requests.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use forgekeep_demo_hoster::{Request, Response};
use serde_json::{Value, json};

use super::Refused;
use super::documents;
use super::model::{Account, Repository, State, Token, Wiki};
use crate::{pkt_line, pushes};

/// Who asks.
pub(super) struct Caller<'s> {
    account: Option<&'s Account>,
    token: Option<&'s Token>,
    /// Whether user name and secret were sent.
    basic: bool,
}

pub(super) type Answer = Result<Response, Refused>;

/// Answers a request to the API, by its path behind `/api/v1/`.
pub(super) fn api(state: &State, path: &str, request: &Request) -> Response {
    answer(state, path, request).unwrap_or_else(|refusal| *refusal)
}

pub(super) fn refused<T>(state: &State, status: u16, message: &str) -> Result<T, Refused> {
    Err(Box::new(documents::refusal(state, status, message)))
}

pub(super) fn not_found<T>(state: &State) -> Result<T, Refused> {
    refused(state, 404, "The target couldn't be found.")
}

fn answer(state: &State, path: &str, request: &Request) -> Answer {
    let caller = Caller::of(state, request.header("Authorization")).ok_or_else(|| {
        Box::new(documents::refusal(
            state,
            401,
            "invalid username, password or token",
        ))
    })?;
    let segments: Vec<&str> = path.split('/').collect();
    let user = |name: &str| state.named(name).map_or_else(|| not_found(state), Ok);
    let organisation = |name: &str| {
        user(name).and_then(|found| match found.is_organisation {
            true => Ok(found),
            false => not_found(state),
        })
    };
    let of_owner = |owner: u64| move |one: &Repository| one.owner == owner;
    match segments[..] {
        ["version"] => Ok(documents::ok(&json!({ "version": state.version }))),
        ["user"] => {
            caller.may(state, "user")?;
            Ok(documents::ok(&documents::user(caller.signed_in(state)?)))
        }
        ["user", "repos"] => {
            caller.may(state, "user")?;
            caller.may(state, "repository")?;
            let me = caller.signed_in(state)?;
            // What a team gives a right to, and not what is merely public.
            list(state, request, &caller, |one| {
                one.owner == me.id || is_member(state, me, one.owner).is_some()
            })
        }
        ["user", "orgs"] => {
            caller.may(state, "organization")?;
            let me = caller.signed_in(state)?;
            let all = state
                .accounts
                .iter()
                .filter(|one| is_member(state, me, one.id).is_some());
            let all: Vec<_> = all.map(documents::organisation).collect();
            Ok(documents::ok(&Value::from(
                cut(state, request, &all).to_vec(),
            )))
        }
        ["users", name] => {
            caller.may(state, "user")?;
            Ok(documents::ok(&documents::user(user(name)?)))
        }
        ["users", name, "repos"] => {
            caller.may(state, "user")?;
            list(state, request, &caller, of_owner(user(name)?.id))
        }
        ["users", name, "tokens"] => {
            // Source: Gitea's `routers/api/v1/api.go`: by user name and password alone.
            let me = caller.account.filter(|me| caller.basic && me.name == name);
            let me = me.filter(|_| caller.token.is_none() || state.tells_tokens);
            let Some(me) = me else {
                return refused(state, 401, "auth required");
            };
            let own = state
                .tokens
                .iter()
                .enumerate()
                .filter(|(_, token)| token.user == me.id);
            let own: Vec<_> = own
                .map(|(at, token)| documents::token(state, token, at))
                .collect();
            Ok(documents::ok(&Value::from(
                cut(state, request, &own).to_vec(),
            )))
        }
        ["users", name, "orgs", organisation_name, "permissions"] => {
            let (user, organisation) = (user(name)?, organisation(organisation_name)?);
            let role = is_member(state, user, organisation.id);
            let is_owner = role == Some(true);
            Ok(documents::ok(&json!({
                "is_owner": is_owner, "is_admin": is_owner, "can_write": is_owner,
                "can_read": role.is_some(), "can_create_repository": is_owner,
            })))
        }
        ["orgs", name] => {
            caller.may(state, "organization")?;
            Ok(documents::ok(&documents::organisation(organisation(name)?)))
        }
        ["orgs", name, "repos"] => {
            caller.may(state, "organization")?;
            list(state, request, &caller, of_owner(organisation(name)?.id))
        }
        ["user", "quota"] => {
            caller.may(state, "user")?;
            caller.signed_in(state)?;
            quota(state)
        }
        ["orgs", name, "quota"] => {
            caller.may(state, "organization")?;
            organisation(name)?;
            quota(state)
        }
        ["repos", owner, name, "wiki", "pages"] => {
            caller.may(state, "repository")?;
            let owner = user(owner)?.id;
            let mut all = state.repositories.iter();
            let found = all.find(|one| one.owner == owner && one.name == name);
            match found.filter(|one| caller.sees(state, one) && one.wiki == Wiki::Pages) {
                Some(_) => Ok(documents::ok(
                    &json!([{ "title": "Home", "sub_url": "Home" }]),
                )),
                None => not_found(state),
            }
        }
        ["repositories", id] => {
            caller.may(state, "repository")?;
            let found = state
                .repositories
                .iter()
                .find(|one| one.id.to_string() == id);
            match found.filter(|one| caller.sees(state, one)) {
                Some(found) => Ok(documents::ok(&documents::repository(state, found))),
                None => not_found(state),
            }
        }
        _ => not_found(state),
    }
}

/// `#/definitions/QuotaInfo`.
fn quota(state: &State) -> Answer {
    match &state.quota {
        Some(quota) => Ok(documents::ok(quota)),
        None => not_found(state),
    }
}

/// Whether somebody is a member of an organisation, and then whether among its owners.
pub(super) fn is_member(state: &State, user: &Account, organisation: u64) -> Option<bool> {
    let organisation = state.account(organisation)?;
    let mut members = organisation.members.iter();
    members
        .find(|(id, _)| *id == user.id)
        .map(|(_, is_owner)| *is_owner)
}

impl<'s> Caller<'s> {
    /// `None`: the credentials are not good.
    pub(super) fn of(state: &'s State, authorization: Option<&str>) -> Option<Self> {
        let by_token = |secret: &str| state.tokens.iter().find(|token| token.sha1 == secret);
        let known = |token: &'s Token, basic| Self {
            account: state.account(token.user),
            token: Some(token),
            basic,
        };
        let Some(authorization) = authorization else {
            return Some(Self {
                account: None,
                token: None,
                basic: false,
            });
        };
        let (scheme, sent) = authorization.split_once(' ')?;
        if scheme != "Basic" {
            return by_token(sent).map(|token| known(token, false));
        }
        let pair = String::from_utf8(STANDARD.decode(sent).ok()?).ok()?;
        let (name, secret) = pair.split_once(':')?;
        // A token may stand for the password. Source: Gitea's `services/auth/basic.go`.
        if let Some(token) = by_token(secret) {
            return Some(known(token, true));
        }
        let account = state.named(name)?;
        let is_it = |(id, password): &(u64, String)| *id == account.id && password == secret;
        state.passwords.iter().any(is_it).then_some(Self {
            account: Some(account),
            token: None,
            basic: true,
        })
    }

    pub(super) fn signed_in(&self, state: &State) -> Result<&'s Account, Refused> {
        self.account
            .map_or_else(|| refused(state, 401, "token is required"), Ok)
    }

    fn may(&self, state: &State, what: &str) -> Result<(), Refused> {
        let read = [format!("read:{what}"), format!("write:{what}")];
        self.has_scope(state, &read)
    }

    pub(super) fn may_write(&self, state: &State, what: &str) -> Result<(), Refused> {
        self.has_scope(state, &[format!("write:{what}")])
    }

    /// Whether it may push and administer: its owner, the owners of an organisation, administrators of the server;
    /// with a token for it.
    pub(super) fn writes_to(&self, state: &State, one: &Repository) -> bool {
        let is_in = |me: &Account| {
            me.is_admin || me.id == one.owner || is_member(state, me, one.owner) == Some(true)
        };
        self.sees(state, one) && self.account.is_some_and(is_in)
    }

    fn has_scope(&self, state: &State, scopes: &[String]) -> Result<(), Refused> {
        let Some(token) = self.token else {
            return Ok(());
        };
        let fits = |scope: &String| scope == "all" || scopes.contains(scope);
        match token.scopes.iter().any(fits) {
            true => Ok(()),
            // Source: Gitea's `routers/api/v1/api.go`.
            false => refused(
                state,
                403,
                &format!(
                    "token does not have at least one of required scope(s): [{}]",
                    scopes[0]
                ),
            ),
        }
    }

    pub(super) fn sees(&self, state: &State, one: &Repository) -> bool {
        let is_chosen = |token: &Token| {
            token
                .repositories
                .as_ref()
                .is_none_or(|chosen| chosen.contains(&one.id))
        };
        if one.hidden || !self.token.is_none_or(is_chosen) {
            return false;
        }
        let confined = self
            .token
            .is_some_and(|token| token.scopes.iter().any(|scope| scope == "public-only"));
        let is_in = |me: &Account| {
            me.is_admin || me.id == one.owner || is_member(state, me, one.owner).is_some()
        };
        !one.private || (!confined && self.account.is_some_and(is_in))
    }
}

fn number(request: &Request, name: &str) -> usize {
    let given = request
        .parameter(name)
        .and_then(|number| number.parse().ok());
    given.filter(|number| *number > 0).unwrap_or(1)
}

/// The entries of the page that is asked for.
fn cut<'a, T>(state: &State, request: &Request, all: &'a [T]) -> &'a [T] {
    let length = length(state, request);
    let from = ((number(request, "page") - 1) * length).min(all.len());
    &all[from..all.len().min(from + length)]
}

fn length(state: &State, request: &Request) -> usize {
    match request.parameter("limit") {
        Some(_) => number(request, "limit").min(state.page_cap),
        None => 30.min(state.page_cap),
    }
}

/// `#/responses/RepositoryList`, with links as Gitea's `services/context/pagination.go` makes them.
fn list(
    state: &State,
    request: &Request,
    caller: &Caller<'_>,
    is_of_it: impl Fn(&Repository) -> bool,
) -> Answer {
    caller.may(state, "repository")?;
    let sees = |one: &&Repository| caller.sees(state, one);
    let all = state.repositories.iter().filter(|one| is_of_it(one));
    let all: Vec<&Repository> = match state.hides_after_cutting {
        true => all.collect(),
        false => all.filter(sees).collect(),
    };
    let page = cut(state, request, &all).iter().copied().filter(sees);
    let page: Vec<_> = page.map(|one| documents::repository(state, one)).collect();
    let mut answer = documents::ok(&Value::from(page));
    if state.totals {
        answer = answer.with_header("X-Total-Count", all.len().to_string());
    }
    let (now, last) = (
        number(request, "page"),
        all.len().div_ceil(length(state, request)),
    );
    if state.links && last > 1 {
        let link = |page: usize, rel: &str| {
            format!(
                "<{}{}?limit=50&page={page}>; rel=\"{rel}\"",
                state.root_url,
                request.path()
            )
        };
        let mut links = Vec::new();
        if now < last {
            links.extend([link(now + 1, "next"), link(last, "last")]);
        }
        if now > 1 {
            links.extend([link(1, "first"), link(now - 1, "prev")]);
        }
        answer = answer.with_header("Link", links.join(","));
    }
    Ok(answer)
}

/// Where a request of git's leads: a folder, and the path below it.
pub(super) fn git(
    state: &State,
    path: &str,
    request: &Request,
) -> Result<(PathBuf, String), Refused> {
    let text = |status, words: &str| Err(Box::new(Response::text(status, words)));
    let mut segments = path.trim_start_matches('/').splitn(3, '/');
    let (owner, name, rest) = (segments.next(), segments.next(), segments.next());
    let (
        Some(owner),
        Some(name),
        Some(rest @ ("info/refs" | "git-upload-pack" | "git-receive-pack")),
    ) = (owner, name, rest)
    else {
        return Err(Box::new(documents::page(404, "Page Not Found")));
    };
    let Some(caller) = Caller::of(state, request.header("Authorization")) else {
        return text(401, "Unauthorized");
    };
    let name = name.strip_suffix(".git").unwrap_or(name);
    let (name, is_wiki) = match name.strip_suffix(".wiki") {
        Some(name) => (name, true),
        None => (name, false),
    };
    let owner = state.named(owner).map(|owner| owner.id);
    let mut all = state.repositories.iter();
    let found = all.find(|one| Some(one.owner) == owner && one.name == name);
    let Some(found) = found.filter(|one| caller.sees(state, one)) else {
        return match caller.account {
            None => Err(Box::new(asks_for_credentials())),
            Some(_) => text(404, "Not found"),
        };
    };
    let is_push = pushes::is_push(request, rest);
    if is_push && !caller.writes_to(state, found) {
        return match caller.account {
            None => Err(Box::new(asks_for_credentials())),
            Some(_) => text(403, "User permission denied for writing."),
        };
    }
    if is_push && (caller.may_write(state, "repository").is_err() || found.archived) {
        return text(
            403,
            "This repo is archived, or the token lacks write:repository.",
        );
    }
    match (is_wiki, found.wiki) {
        // Source: Gitea's `routers/web/repo/githttp.go`: git is run in a folder that is not there.
        (true, Wiki::Missing) if is_push => {
            Err(Box::new(documents::page(500, "Internal Server Error")))
        }
        (false, _) => Ok((
            state.folder.join(format!("{}.git", found.id)),
            rest.to_owned(),
        )),
        (true, Wiki::Pages) => Ok((
            state.folder.join(format!("{}.wiki.git", found.id)),
            rest.to_owned(),
        )),
        (true, Wiki::Missing) => {
            let mut body = Vec::new();
            pkt_line::push(&mut body, "# service=git-upload-pack\n");
            body.extend(pkt_line::FLUSH);
            let kind = "application/x-git-upload-pack-advertisement";
            Err(Box::new(Response::new(200, kind, body)))
        }
        (true, Wiki::Denied | Wiki::Off) => text(403, "repository wiki is disabled"),
    }
}

fn asks_for_credentials() -> Response {
    let asks = Response::text(401, "Unauthorized");
    asks.with_header("WWW-Authenticate", "Basic realm=\"Gitea\"")
}
