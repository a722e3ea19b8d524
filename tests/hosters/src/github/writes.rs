//! The endpoints that make, change and remove repositories, and those below `/repos`. Source: GitHub's *REST API
//! endpoints for repositories* and *for GitHub Actions permissions*.

use forgekeep_demo_hoster::{Request, Response};
use serde_json::{Value, json};

use super::Refused;
use super::caller::Caller;
use super::documents::{self, refused};
use super::model::{Actions, State, Told, Wiki};
use crate::pushes;

type Answer = Result<Response, Refused>;

/// Longest name and description. Source: answers of GitHub's to longer ones.
const LONGEST: (usize, usize) = (100, 350);

pub(super) fn answer(state: &mut State, segments: &[&str], request: &Request) -> Answer {
    let authorization = request.header("Authorization");
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let Some(caller) = Caller::of(state, authorization) else {
        return refused(401, "Bad credentials");
    };
    let method = request.method.as_str();
    match (method, segments) {
        ("POST", ["user", "repos"]) => {
            let me = caller.signed_in()?;
            caller.writes(me)?;
            let me = me.id;
            create(state, me, &body)
        }
        ("POST", ["orgs", login, "repos"]) => {
            let Some(owner) = state.named(login).filter(|one| one.is_organisation) else {
                return refused(404, "Not Found");
            };
            caller.writes(owner)?;
            let role = caller.account.and_then(|me| owner.role(me));
            if role == Some(false) && !state.members_create {
                let why =
                    "You need admin access to the organization before adding a repository to it.";
                return refused(403, why);
            }
            let owner = owner.id;
            create(state, owner, &body)
        }
        (_, ["repos", login, name, rest @ ..]) => {
            let owner = state.named(login);
            let is_it = |one: &&super::Repository| {
                Some(one.owner) == owner.map(|owner| owner.id)
                    && one.name.eq_ignore_ascii_case(name)
                    && caller.sees(state, one)
            };
            let (Some(owner), Some(found)) = (owner, state.repositories.iter().find(is_it)) else {
                return refused(404, "Not Found");
            };
            let id = found.id;
            if (method, rest) == ("GET", &[]) {
                return Ok(documents::ok(&documents::full_repository(state, found)));
            }
            caller.writes(owner)?;
            let deletes = caller.token.and_then(|token| token.scopes.as_ref());
            let deletes = deletes.is_none_or(|all| all.iter().any(|one| one == "delete_repo"));
            match (method, rest) {
                ("DELETE", []) if !deletes => refused(403, "Must have admin rights to Repository."),
                ("DELETE", []) => {
                    state.delete(id);
                    Ok(nothing())
                }
                ("PATCH", []) => change(state, id, &body),
                (_, ["actions", "permissions"]) => actions(state, id, method, &body),
                _ => refused(404, "Not Found"),
            }
        }
        _ => refused(404, "Not Found"),
    }
}

/// 204.
fn nothing() -> Response {
    Response::new(204, "application/json; charset=utf-8", "")
}

fn invalid<T>(field: &str, words: &str) -> Result<T, Refused> {
    let message = "Repository creation failed.";
    Err(Box::new(documents::invalid(message, field, words)))
}

fn create(state: &mut State, owner: u64, body: &Value) -> Answer {
    if state.create_limit.is_some_and(|most| state.created >= most) {
        state.created = 0;
        return Ok(documents::limited(state, Told::Secondary));
    }
    let name = body["name"].as_str().unwrap_or_default();
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let description = body["description"].as_str().unwrap_or_default();
    if name.is_empty() || !name.chars().all(is_of_name) || name.len() > LONGEST.0 {
        return invalid("name", "name is not as it would be made");
    }
    let is_there =
        |one: &super::Repository| one.owner == owner && one.name.eq_ignore_ascii_case(name);
    if state.repositories.iter().any(is_there) {
        return invalid("name", "name already exists on this account");
    }
    if description.chars().count() > LONGEST.1 || description.contains(char::is_control) {
        return invalid(
            "description",
            "description control characters are not allowed",
        );
    }
    let private = body["private"] == true;
    if private && state.refuses_private {
        let words = "Visibility can't be private. Please upgrade your subscription to create a new private repository.";
        return invalid("visibility", words);
    }
    let login = state.account(owner).map(|owner| owner.login.clone());
    let id = state.add_repository(&login.unwrap_or_default(), name);
    state.created += 1;
    pushes::make(&state.folder.join(format!("{id}.git")));
    let (unseen, now) = (state.unseen, state.now());
    let made = state.repository_mut(id);
    made.visibility = if private { "private" } else { "public" }.to_owned();
    made.description = (!description.is_empty()).then(|| description.to_owned());
    made.wiki = Wiki::Missing;
    made.unseen = unseen;
    // That of its making.
    made.pushed = Some(now);
    let made = documents::full_repository(state, state.repository(id));
    Ok(documents::with_status(201, &made))
}

fn change(state: &mut State, id: u64, body: &Value) -> Answer {
    let is_archived = state.repository(id).archived;
    if is_archived && body["archived"] != false {
        return refused(403, "Repository was archived so is read-only.");
    }
    if let Some(branch) = body["default_branch"].as_str() {
        let folder = state.folder.join(format!("{id}.git"));
        if !pushes::set_default_branch(&folder, branch, false) {
            let words = format!(
                "The branch {branch} was not found. Please push that ref first or create it via the Git Data API."
            );
            let failed = documents::invalid("Validation Failed", "default_branch", &words);
            return Err(Box::new(failed));
        }
        branch.clone_into(&mut state.repository_mut(id).default_branch);
    }
    let repository = state.repository_mut(id);
    if let Some(archived) = body["archived"].as_bool() {
        repository.archived = archived;
    }
    if let Some(private) = body["private"].as_bool() {
        repository.visibility = if private { "private" } else { "public" }.to_owned();
    }
    if let Some(description) = body["description"].as_str() {
        repository.description = Some(description.to_owned());
    }
    let changed = documents::full_repository(state, state.repository(id));
    Ok(documents::ok(&changed))
}

fn actions(state: &mut State, id: u64, method: &str, body: &Value) -> Answer {
    match (state.actions, method) {
        (Actions::Missing, _) => refused(404, "Not Found"),
        (Actions::Denied, _) => refused(403, "Resource not accessible by personal access token"),
        (Actions::There, "GET") => {
            let enabled = state.repository(id).automation;
            Ok(documents::ok(
                &json!({ "enabled": enabled, "sha_pinning_required": false }),
            ))
        }
        (Actions::There, "PUT") => {
            state.repository_mut(id).automation = body["enabled"] == true;
            Ok(nothing())
        }
        _ => refused(404, "Not Found"),
    }
}

impl State {
    pub(super) fn repository(&self, id: u64) -> &super::Repository {
        let mut all = self.repositories.iter();
        all.find(|one| one.id == id).expect("it is there")
    }

    /// The repository of a git address.
    fn at(&mut self, path: &str) -> Option<&mut super::Repository> {
        let mut segments = path.trim_start_matches('/').split('/');
        let (owner, name) = (segments.next()?, segments.next()?);
        let owner = self.named(owner)?.id;
        let name = name.strip_suffix(".git").unwrap_or(name);
        let mut all = self.repositories.iter_mut();
        all.find(|one| one.owner == owner && one.name == name)
    }

    /// Whether what was just made is not known to git yet.
    pub(super) fn is_unseen(&mut self, path: &str) -> bool {
        self.at(path).is_some_and(|one| {
            let is_unseen = one.unseen > 0;
            one.unseen = one.unseen.saturating_sub(1);
            is_unseen
        })
    }

    /// It was pushed to.
    pub(super) fn pushed(&mut self, path: &str) {
        let now = self.now();
        if let Some(one) = self.at(path) {
            one.pushed = Some(now);
        }
    }
}
