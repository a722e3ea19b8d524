//! The listing part of Bitbucket Cloud's REST API: a pure function from a state and a request to a
//! response.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

use crate::credentials::{self, Caller};
use crate::documents;
use crate::http::{Request, Response};
use crate::model::{Account, CredentialKind, HosterState, Repository, Workspace};
use crate::scope;

const INVALID: &str = "Token is invalid, expired, or not supported for this endpoint.";
const NO_ACCESS: &str = "You may not have access to this repository or it no longer exists in this \
     workspace. If you think this repository exists and you have access, make sure you are authenticated.";
const DEFAULT_PAGE: usize = 10;
const LONGEST_PAGE: usize = 100;

/// Whether a request is for the API, and not for git.
pub fn is_api(request: &Request) -> bool {
    request.path() == "/2.0" || request.path().starts_with("/2.0/")
}

/// Has an endpoint that is not of this module answer to who asks, as this hoster does: nobody without
/// credentials, and with what each answer tells of them.
pub fn respond_by(
    state: &mut HosterState,
    request: &Request,
    endpoint: impl FnOnce(&mut HosterState, &Account) -> Result<Response, Response>,
) -> Response {
    let caller = match credentials::of_api(state, request.header("Authorization")) {
        Caller::Known(account) => account.clone(),
        _ => return refusal(401, INVALID),
    };
    let answer = endpoint(state, &caller);
    dated(
        state,
        about(&caller, answer.unwrap_or_else(|refusal| refusal)),
    )
}

/// A repository, as the API shows it; 404 if there is none.
pub fn show(state: &HosterState, workspace: &str, repository: &str, caller: &Account) -> Response {
    let workspace = state.workspace(workspace);
    let found = workspace.and_then(|of| Some((of, of.repository(repository)?)));
    match found {
        Some((of, found)) => ok(&documents::repository(state, of, found, Some(caller))),
        None => refusal(404, NO_ACCESS),
    }
}

/// Answers a request to the API. Each answer tells of the credentials that were sent.
pub fn respond(state: &HosterState, request: &Request) -> Response {
    let caller = credentials::of_api(state, request.header("Authorization"));
    let known = match &caller {
        Caller::Known(account) => Some(*account),
        _ => None,
    };
    let response = answer(state, request, &caller).unwrap_or_else(|refusal| refusal);
    let response = match known {
        Some(account) => about(account, response),
        None => response,
    };
    dated(state, response)
}

fn dated(state: &HosterState, response: Response) -> Response {
    match state.clock {
        Some(now) => response.with_header("Date", documents::http_date(now)),
        None => response,
    }
}

/// An answer with what Bitbucket tells of the credentials in each.
fn about(account: &Account, response: Response) -> Response {
    let response = response.with_header("X-OAuth-Scopes", account.scopes.join(", "));
    match account.kind {
        CredentialKind::ApiToken => response.with_header("X-Credential-Type", "api_token"),
        // The limit is told to these alone.
        CredentialKind::AccessToken => response
            .with_header("X-RateLimit-Limit", "1000")
            .with_header("X-RateLimit-Resource", "api")
            .with_header("X-RateLimit-NearLimit", "false"),
        _ => response,
    }
}

/// Both sides are complete answers; `Err` only ends the work early.
type Answer = Result<Response, Response>;

fn answer(state: &HosterState, request: &Request, caller: &Caller<'_>) -> Answer {
    let segments = request.segments();
    let path: Vec<&str> = segments.iter().skip(1).map(String::as_str).collect();
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return Err(refusal(405, "Method not allowed"));
    }
    if let [] | ["workspaces"] | ["repositories"] | ["user", "permissions", _] = path[..] {
        return Err(refusal(410, "This API has been removed: see CHANGE-2770."));
    }
    let caller = match caller {
        Caller::Anonymous => None,
        Caller::Known(account) => Some(*account),
        Caller::AppPassword | Caller::Refused => return Err(refusal(401, INVALID)),
    };
    match path[..] {
        ["repositories", workspace] => {
            let workspace = find_workspace(state, workspace)?;
            require(caller, scope::REPOSITORY)?;
            list_repositories(state, workspace, request, caller)
        }
        ["repositories", workspace, repository] => {
            let workspace = find_workspace(state, workspace)?;
            require(caller, scope::REPOSITORY)?;
            let found = workspace
                .repository(repository)
                .ok_or_else(|| refusal(404, NO_ACCESS))?;
            if caller.is_some_and(|account| account.hides(found)) {
                return Err(refusal(404, NO_ACCESS));
            }
            if found.is_private && !caller.is_some_and(|account| account.is_member_of(workspace)) {
                return Err(refusal(403, NO_ACCESS));
            }
            Ok(ok(&documents::repository(state, workspace, found, caller)))
        }
        ["user"] => {
            let account = signed_in(caller)?;
            require(caller, scope::USER)?;
            Ok(ok(&documents::user(account)))
        }
        ["user", "workspaces"] => {
            let account = signed_in(caller)?;
            // It belongs to one workspace, and to no user.
            if account.kind == CredentialKind::AccessToken {
                return Err(refusal(401, INVALID));
            }
            require(caller, scope::WORKSPACE)?;
            let all = state
                .workspaces
                .iter()
                .filter(|w| account.is_member_of(w))
                .collect();
            paginated(state, request, all, |w| {
                documents::workspace_access(state, w, account)
            })
        }
        ["workspaces", workspace] => {
            let workspace = find_workspace(state, workspace)?;
            require(caller, scope::WORKSPACE)?;
            Ok(ok(&documents::workspace(state, workspace)))
        }
        _ => Err(refusal(404, "Resource not found")),
    }
}

fn list_repositories(
    state: &HosterState,
    workspace: &Workspace,
    request: &Request,
    caller: Option<&Account>,
) -> Answer {
    if let Some(role) = request.parameter("role")
        && !["admin", "contributor", "member", "owner"].contains(&role.as_str())
    {
        return Err(refusal(400, "role: not a valid role"));
    }
    let sees = |repository: &Repository| match caller {
        None => !repository.is_private,
        Some(account) => account.sees(workspace, repository),
    };
    let mut visible: Vec<&Repository> = workspace.repositories.iter().filter(|r| sees(r)).collect();
    if let Some(query) = request.parameter("q") {
        let wanted = is_private(&query).ok_or_else(|| refusal(400, "q: not a valid query"))?;
        visible.retain(|repository| repository.is_private == wanted);
    }
    if let Some(sort) = request.parameter("sort") {
        match sort.trim_start_matches('-') {
            "created_on" => visible.sort_by_key(|r| r.created_on),
            "updated_on" => visible.sort_by_key(|r| r.updated_on),
            "name" => visible.sort_by(|a, b| a.name.cmp(&b.name)),
            "size" => visible.sort_by_key(|r| r.size),
            _ => return Err(refusal(400, "sort: not a field that can be sorted by")),
        }
        if sort.starts_with('-') {
            visible.reverse();
        }
    }
    paginated(state, request, visible, |r| {
        documents::repository(state, workspace, r, caller)
    })
}

/// What a query wants, of the one kind that is known here: `is_private = true`.
fn is_private(query: &str) -> Option<bool> {
    let (field, value) = query.split_once('=')?;
    match (field.trim(), value.trim()) {
        ("is_private", "true") => Some(true),
        ("is_private", "false") => Some(false),
        _ => None,
    }
}

fn paginated<T>(
    state: &HosterState,
    request: &Request,
    all: Vec<&T>,
    document: impl Fn(&T) -> Value,
) -> Answer {
    let length = request
        .parameter("pagelen")
        .map_or(Ok(DEFAULT_PAGE), |text| text.parse());
    let length = length
        .ok()
        .filter(|length| (1..=LONGEST_PAGE).contains(length));
    let length = length.ok_or_else(|| refusal(400, "Invalid pagelen"))?;
    let page = request
        .parameter("page")
        .map_or(Some(1), |text| page_number(&text));
    let page = page.ok_or_else(|| refusal(400, "Invalid page"))?;
    let start = (page - 1).saturating_mul(length).min(all.len());
    let end = all.len().min(start + length);

    let mut envelope = json!({"pagelen": length});
    if end < all.len() {
        envelope["next"] = page_url(state, request, page + 1).into();
    }
    if !state.opaque_cursors {
        envelope["size"] = all.len().into();
        envelope["page"] = page.into();
        if page > 1 {
            envelope["previous"] = page_url(state, request, page - 1).into();
        }
    }
    envelope["values"] = all[start..end].iter().map(|item| document(item)).collect();
    Ok(ok(&envelope))
}

/// A number, or a cursor this hoster made itself.
fn page_number(text: &str) -> Option<usize> {
    let page: usize = match text.parse() {
        Ok(number) => number,
        Err(_) => {
            let cursor = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
            cursor.strip_prefix("page:")?.parse().ok()?
        }
    };
    (page >= 1).then_some(page)
}

fn page_url(state: &HosterState, request: &Request, page: usize) -> String {
    let page = match state.opaque_cursors {
        true => URL_SAFE_NO_PAD.encode(format!("page:{page}")),
        false => page.to_string(),
    };
    let others =
        url::form_urlencoded::parse(request.query().as_bytes()).filter(|(k, _)| k != "page");
    let query = Serializer::new(String::new())
        .extend_pairs(others)
        .append_pair("page", &page)
        .finish();
    format!("{}{}?{query}", state.api_url, request.path())
}

fn find_workspace<'a>(state: &'a HosterState, id: &str) -> Result<&'a Workspace, Response> {
    let message = format!("No workspace with identifier '{id}'.");
    state.workspace(id).ok_or_else(|| refusal(404, &message))
}

fn signed_in(caller: Option<&Account>) -> Result<&Account, Response> {
    caller.ok_or_else(|| refusal(401, "Access token expired or missing."))
}

/// Without credentials there are no scopes, only less to see.
///
/// # Errors
///
/// What is answered to credentials without the scope.
pub fn require(caller: Option<&Account>, scope: &str) -> Result<(), Response> {
    match caller.filter(|account| !account.may(scope)) {
        Some(account) => Err(json_response(
            403,
            &documents::missing_scope(scope, account),
        )),
        None => Ok(()),
    }
}

fn ok(document: &Value) -> Response {
    json_response(200, document)
}

/// An answer that is none, as the API words it.
pub fn refusal(status: u16, message: &str) -> Response {
    json_response(status, &documents::error(message))
}

/// A document.
pub fn json_response(status: u16, document: &Value) -> Response {
    Response::new(
        status,
        "application/json; charset=utf-8",
        document.to_string(),
    )
}
