//! Git's two requests.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use forgekeep_demo_hoster::{Request, Response};

use super::Refused;
use super::caller::Caller;
use super::documents;
use super::model::{Project, State, Token, Wiki};
use crate::pushes;

/// Where a request leads: a folder, and the path below it. Source of the words: GitLab's
/// `lib/gitlab/git_access.rb` and docs.gitlab.com/topics/git/troubleshooting_git.
pub(super) fn find(
    state: &State,
    path: &str,
    request: &Request,
) -> Result<(PathBuf, String), Refused> {
    let refused = |status, words: &str| Err(Box::new(Response::text(status, words)));
    let asked = ["info/refs", "git-upload-pack", "git-receive-pack"]
        .into_iter()
        .find_map(|rest| {
            let name = path.strip_suffix(rest)?.strip_suffix(".git/")?;
            Some((name.trim_start_matches('/'), rest))
        });
    let Some((name, rest)) = asked else {
        return Err(Box::new(documents::page(404, "Not Found")));
    };
    let denied = "HTTP Basic: Access denied. The provided password or token is incorrect or your account has 2FA enabled and you must use a personal access token instead of a password.";
    let caller = caller(state, request).filter(|_| !state.ends_after_listing);
    let Some(caller) = caller else {
        return refused(401, denied);
    };
    let not_found = || match caller.token {
        Some(_) => refused(
            404,
            "The project you were looking for could not be found or you don't have permission to view it.",
        ),
        None => {
            let asks = Response::text(401, denied);
            Err(Box::new(
                asks.with_header("WWW-Authenticate", "Basic realm=\"GitLab\""),
            ))
        }
    };
    let served = |folder: String| Ok((state.folder.join(folder), rest.to_owned()));
    let is_at = |name: &str| {
        let mut all = state.projects.iter();
        all.find(|one| state.project_path(one) == name)
    };
    // "`X.wiki.git`" is looked up as a project first.
    let is_push = pushes::is_push(request, rest);
    let may_push = |project: &Project| {
        let mut scopes = caller.token.iter().flat_map(|token| &token.scopes);
        let is_for_it = scopes.any(|one| matches!(one.as_str(), "api" | "write_repository"));
        is_for_it && !project.archived && caller.role(state, project.namespace) >= Some(30)
    };
    let not_pushed = || refused(403, "You are not allowed to push code to this project.");
    if let Some(project) = is_at(name).filter(|one| caller.sees(state, one)) {
        if is_push && !may_push(project) {
            return not_pushed();
        }
        if project.is_made {
            pushes::settle_default_branch(&state.folder.join(format!("{}.git", project.id)));
        }
        return match &*project.repository {
            "disabled" => refused(
                403,
                "You are not allowed to download code from this project.",
            ),
            _ => served(format!("{}.git", project.id)),
        };
    }
    if let Some(id) = name.strip_prefix("snippets/") {
        let is_it = |one: &&super::model::Snippet| one.id.to_string() == id;
        let user = caller.token.map(|token| token.user);
        let found = state.snippets.iter().find(is_it);
        return match found.filter(|one| Some(one.author) == user) {
            Some(found) => served(format!("snippet-{}.git", found.id)),
            None => not_found(),
        };
    }
    let Some(name) = name.strip_suffix(".wiki") else {
        return not_found();
    };
    let group = state
        .namespaces
        .iter()
        .find(|one| one.user.is_none() && state.full_path(one.id) == name);
    let (folder, wiki) = match (is_at(name).filter(|one| caller.sees(state, one)), group) {
        (Some(project), _) if is_push && !may_push(project) => return not_pushed(),
        (Some(project), _) => (format!("{}.wiki.git", project.id), project.wiki),
        (None, Some(group)) => (format!("group-{}.wiki.git", group.id), group.wiki),
        (None, None) => return not_found(),
    };
    match wiki {
        Wiki::Pages | Wiki::Empty => served(folder),
        Wiki::Missing => refused(404, "A repository for this project does not exist yet."),
        Wiki::Denied | Wiki::Off => {
            refused(403, "You are not allowed to download files from this wiki.")
        }
    }
}

/// Any user name beside a token for code. Source: docs.gitlab.com/user/profile/personal_access_tokens, "Clone
/// repository using personal access token", and its scopes. `None`: the credentials are not good.
fn caller<'s>(state: &'s State, request: &Request) -> Option<Caller<'s>> {
    let Some(sent) = request.header("Authorization") else {
        return Some(Caller { token: None });
    };
    let pair = STANDARD.decode(sent.strip_prefix("Basic ")?).ok()?;
    let pair = String::from_utf8(pair).ok()?;
    let (user, secret) = pair.split_once(':')?;
    let is_for_code = |token: &&Token| {
        let mut scopes = token.scopes.iter().map(String::as_str);
        token.secret == secret
            && scopes.any(|one| matches!(one, "api" | "read_repository" | "write_repository"))
    };
    let token = state.tokens.iter().find(is_for_code);
    // "oauth2" is the user name beside a token of OAuth. Source: docs.gitlab.com/api/oauth2.
    let is_named = |token: &&Token| !user.is_empty() && (!token.is_oauth || user == "oauth2");
    token
        .filter(is_named)
        .map(|token| Caller { token: Some(token) })
}
