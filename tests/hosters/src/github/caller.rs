//! Who asks, and what they see; and git's two requests.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use forgekeep_demo_hoster::{Request, Response};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::Value;

use super::Refused;
use super::documents::{self, refused};
use super::model::{Account, Installation, Repository, Served, State, Token, Wiki};
use crate::pushes;

/// Who asks.
pub(super) struct Caller<'s> {
    pub(super) account: Option<&'s Account>,
    pub(super) token: Option<&'s Token>,
    pub(super) installation: Option<&'s Installation>,
}

impl<'s> Caller<'s> {
    /// `None`: the credentials are not good.
    pub(super) fn of(state: &'s State, authorization: Option<&str>) -> Option<Self> {
        let mut caller = Self {
            account: None,
            token: None,
            installation: None,
        };
        let Some(authorization) = authorization else {
            return Some(caller);
        };
        let (scheme, sent) = authorization.split_once(' ')?;
        let secret = match scheme {
            // Any user name goes with a token.
            "Basic" => {
                let pair = String::from_utf8(STANDARD.decode(sent).ok()?).ok()?;
                pair.split_once(':')?.1.to_owned()
            }
            _ => sent.to_owned(),
        };
        if let Some(minted) = state.minted.iter().find(|minted| minted.secret == secret) {
            let mut all = state.installations.iter();
            let found = all.find(|one| one.id == minted.installation && !one.suspended);
            caller.installation = Some(found.filter(|_| minted.lives && minted.refusals == 0)?);
            return Some(caller);
        }
        let token = state.tokens.iter().find(|token| token.secret == secret)?;
        caller.account = state.account(token.user);
        caller.token = Some(token);
        Some(caller)
    }

    pub(super) fn signed_in(&self) -> Result<&'s Account, Refused> {
        match (self.account, self.installation) {
            (Some(account), _) => Ok(account),
            (None, Some(_)) => refused(403, "Resource not accessible by integration"),
            (None, None) => refused(401, "Requires authentication"),
        }
    }

    /// Whether a classic token has a scope. A fine-grained one tells no memberships.
    pub(super) fn may(&self, scope: &str) -> Result<(), Refused> {
        let scopes = self.token.and_then(|token| token.scopes.as_ref());
        match scopes.is_some_and(|scopes| scopes.iter().any(|one| one == scope)) {
            true => Ok(()),
            false => refused(
                403,
                "You need at least read:org scope or user scope to list your organizations.",
            ),
        }
    }

    pub(super) fn is_authorised(&self, organisation: &Account) -> bool {
        !organisation.single_sign_on || self.token.is_none_or(|token| token.authorised)
    }

    /// Whether an organisation takes the token at all.
    pub(super) fn is_let_in(&self, organisation: &Account) -> Result<(), Refused> {
        if let (Some(policy), Some(_)) = (&organisation.policy, self.token) {
            return refused(403, policy);
        }
        if !self.is_authorised(organisation) {
            let words = "Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this organization.";
            let url = format!(
                "required; url=https://github.com/orgs/{}/sso?authorization_request=AZSC",
                organisation.login
            );
            return Err(Box::new(
                documents::refusal(403, words).with_header("X-GitHub-SSO", url),
            ));
        }
        Ok(())
    }

    /// Whether who asks may write to what an account owns: to make repositories there, or to change them.
    pub(super) fn writes(&self, owner: &Account) -> Result<(), Refused> {
        if let Some(installation) = self.installation {
            return match installation.writes && installation.account == owner.id {
                true => Ok(()),
                false => refused(403, "Resource not accessible by integration"),
            };
        }
        let me = self.signed_in()?;
        self.is_let_in(owner)?;
        let token = self.token.expect("who signs in has one");
        let scopes = token.scopes.as_ref();
        // Without the scope, GitHub does not say that there is such a thing.
        if scopes.is_some_and(|scopes| scopes.iter().all(|one| one != "repo")) {
            return refused(404, "Not Found");
        }
        if scopes.is_none() && !token.writes {
            return refused(403, "Resource not accessible by personal access token");
        }
        match me.id == owner.id || owner.role(me).is_some() {
            true => Ok(()),
            false => refused(404, "Not Found"),
        }
    }

    pub(super) fn sees(&self, state: &State, one: &Repository) -> bool {
        if one.hidden {
            return false;
        }
        if one.visibility == "public" {
            return true;
        }
        if let Some(installation) = self.installation {
            let selected = installation.selected.as_ref();
            return installation.account == one.owner
                && selected.is_none_or(|ids| ids.contains(&one.id));
        }
        let scopes = self.token.and_then(|token| token.scopes.as_ref());
        let is_confined = scopes.is_some_and(|scopes| scopes.iter().all(|scope| scope != "repo"));
        let owner = state.account(one.owner).expect("it has an owner");
        let is_in = |me: &Account| me.id == owner.id || owner.role(me).is_some();
        !is_confined && self.is_authorised(owner) && self.account.is_some_and(is_in)
    }
}

/// Whether a request is signed by the App. Source: GitHub's *Generating a JSON Web Token for a GitHub App*.
pub(super) fn is_app(authorization: Option<&str>, now: i64) -> Result<(), &'static str> {
    const NOT_DECODED: &str = "A JSON web token could not be decoded";
    let sent = authorization.and_then(|sent| sent.strip_prefix("Bearer "));
    let (said, signature) = sent
        .and_then(|sent| sent.rsplit_once('.'))
        .ok_or(NOT_DECODED)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| NOT_DECODED)?;
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, include_bytes!("app.der"));
    key.verify(said.as_bytes(), &signature)
        .map_err(|_| NOT_DECODED)?;
    let claims = said
        .split_once('.')
        .map(|(_, claims)| URL_SAFE_NO_PAD.decode(claims));
    let claims = claims.and_then(Result::ok).unwrap_or_default();
    let claims: Value = serde_json::from_slice(&claims).map_err(|_| NOT_DECODED)?;
    let (from, until) = (claims["iat"].as_i64(), claims["exp"].as_i64());
    match (from, until, claims["iss"].as_str()) {
        (Some(from), _, Some("4711")) if from > now => Err(
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
        ),
        (_, Some(until), Some("4711")) if until > now + 600 => {
            Err("'Expiration time' claim ('exp') is too far in the future")
        }
        (Some(_), Some(until), Some("4711")) if until > now => Ok(()),
        (_, _, Some("4711")) => Err(
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
        ),
        _ => Err("Integration not found"),
    }
}

/// Whether who asks lacks what pushes of workflows take.
pub(super) fn lacks_workflow(state: &State, request: &Request) -> bool {
    let caller = Caller::of(state, request.header("Authorization"));
    let token = caller.and_then(|caller| caller.token);
    let scopes = token.and_then(|token| token.scopes.as_ref());
    scopes.is_some_and(|scopes| scopes.iter().all(|one| one != "workflow"))
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
        return text(404, "Not Found");
    };
    let caller = Caller::of(state, request.header("Authorization"));
    let asks = || {
        let asks = Response::text(401, "No anonymous write access.");
        Err(Box::new(
            asks.with_header("WWW-Authenticate", "Basic realm=\"GitHub\""),
        ))
    };
    let Some(caller) = caller else {
        return asks();
    };
    let name = name.strip_suffix(".git").unwrap_or(name);
    let folder = |name: &str| Ok((state.folder.join(name), rest.to_owned()));
    if owner == "gist" {
        return match state.gists.iter().any(|gist| gist.id == name) {
            true => folder(&format!("{name}.git")),
            false => text(404, "Repository not found."),
        };
    }
    let (name, is_wiki) = match name.strip_suffix(".wiki") {
        Some(name) => (name, true),
        None => (name, false),
    };
    let owner = state.named(owner);
    let mut all = state.repositories.iter();
    let is_its = |id: u64| owner.is_some_and(|owner| owner.id == id);
    let found = all.find(|one| is_its(one.owner) && one.name == name);
    let Some(found) = found.filter(|one| caller.sees(state, one)) else {
        let is_anonymous = caller.account.is_none() && caller.installation.is_none();
        return if is_anonymous {
            asks()
        } else {
            text(404, "Repository not found.")
        };
    };
    if pushes::is_push(request, rest) {
        let is_anonymous = caller.account.is_none() && caller.installation.is_none();
        let may = owner.is_some_and(|owner| caller.writes(owner).is_ok());
        if is_anonymous {
            return asks();
        }
        if !may {
            return text(403, "Write access to repository not granted.");
        }
        if found.archived {
            return text(403, "This repository was archived so it is read-only.");
        }
    }
    match (is_wiki, found.served, found.wiki) {
        (_, Served::Blocked, _) => text(451, "Repository unavailable due to DMCA takedown."),
        (_, Served::Disabled, _) => text(
            403,
            "Access to this repository has been disabled by GitHub staff.",
        ),
        (false, ..) => folder(&format!("{}.git", found.id)),
        (true, _, Wiki::Pages) => folder(&format!("{}.wiki.git", found.id)),
        (true, _, Wiki::Denied) => text(403, "Write access to repository not granted."),
        (true, ..) => text(404, "Repository not found."),
    }
}
