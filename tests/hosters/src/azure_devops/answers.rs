//! The endpoints, and who may ask them.

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use forgekeep_demo_hoster::{Request, Response};

use super::Refused;
use super::documents;
use super::model::{Organisation, Project, Repository, SignIn, State, Token, Wiki};

/// Scopes that read code: those that write it read it too.
pub(super) const CODE: [&str; 3] = ["vso.code", "vso.code_write", "vso.code_manage"];

pub(super) type Answer = Result<Response, Refused>;

/// Who asks.
pub(super) enum Caller<'s> {
    Nobody,
    Token(&'s Token),
    /// A service principal, which may do everything.
    Principal,
}

/// Answers a request to the API.
pub(super) fn api(state: &State, path: &[&str], request: &Request) -> Response {
    answer(state, path, request).unwrap_or_else(|refusal| *refusal)
}

pub(super) fn refused<T>(status: u16, type_key: &str, message: &str) -> Result<T, Refused> {
    Err(Box::new(documents::refusal(status, type_key, message)))
}

fn answer(state: &State, path: &[&str], request: &Request) -> Answer {
    let name = path.first().copied().unwrap_or_default();
    let mut organisations = state.organisations.iter();
    let organisation = organisations.find(|one| one.name.eq_ignore_ascii_case(name));
    let Some(organisation) = organisation else {
        // A page, whatever is accepted. Source: tried by the reviewers.
        return Err(Box::new(documents::page(
            404,
            "The resource cannot be found.",
        )));
    };
    let caller = Caller::of(state, request.header("Authorization"));
    let caller = caller.ok_or_else(|| Box::new(sign_in(state)))?;
    let asked = request.parameter("api-version").unwrap_or_default();
    let version = asked.strip_suffix("-preview").unwrap_or(&asked);
    if version > state.version.as_str() {
        let words = format!(
            "The requested REST API version of {version} is out of range for this server. The latest REST API version this server supports is {}.",
            state.version
        );
        return refused(400, "VssVersionOutOfRangeException", &words);
    }
    match path[1..] {
        // Source: as that of the document; it is in preview in each version.
        ["_apis", "connectionData"] if asked.ends_with("-preview") => {
            let (descriptor, name) = caller.identity();
            Ok(documents::ok(&documents::connection(
                organisation,
                descriptor,
                name,
            )))
        }
        ["_apis", "projects"] => projects(state, organisation, &caller, request),
        ["_apis", "projects", named] => {
            caller.may(state, &["vso.project", "vso.profile"])?;
            match find(state, organisation, &caller, named) {
                Some(found) => Ok(documents::ok(&documents::project(
                    state,
                    organisation,
                    found,
                ))),
                None => no_project(named),
            }
        }
        [project, "_apis", ref rest @ ..] => {
            let found = find(state, organisation, &caller, project);
            let Some(project) = found else {
                return no_project(project);
            };
            of_project(state, organisation, project, &caller, rest)
        }
        _ => Err(Box::new(documents::page(404, "Page not found"))),
    }
}

pub(super) fn no_project<T>(named: &str) -> Result<T, Refused> {
    let words = format!("TF200016: The following project does not exist: {named}.");
    refused(404, "ProjectDoesNotExistWithNameException", &words)
}

fn projects(
    state: &State,
    organisation: &Organisation,
    caller: &Caller<'_>,
    request: &Request,
) -> Answer {
    caller.may(state, &["vso.project", "vso.profile"])?;
    let number = |name: &str| {
        request
            .parameter(name)
            .and_then(|n| n.parse::<usize>().ok())
    };
    let from = number("continuationToken").unwrap_or_default();
    let length = number("$top").unwrap_or(100).min(state.page_cap);
    let of_it = |one: &&Project| one.organisation == organisation.id;
    let all: Vec<_> = state.projects.iter().filter(of_it).collect();
    let page = all.iter().skip(from).take(length);
    // What is hidden is left out of a page that was cut before: some are empty.
    let page = page.filter(|one| caller.sees(one));
    let page = page.map(|one| documents::project(state, organisation, one));
    let answer = documents::envelope(page.collect());
    Ok(match from + length < all.len() {
        true => answer.with_header("x-ms-continuationtoken", (from + length).to_string()),
        false => answer,
    })
}

pub(super) fn find<'s>(
    state: &'s State,
    organisation: &Organisation,
    caller: &Caller<'_>,
    named: &str,
) -> Option<&'s Project> {
    let mut all = state
        .projects
        .iter()
        .filter(|one| one.organisation == organisation.id);
    let found = all.find(|one| one.id == named || one.name.eq_ignore_ascii_case(named))?;
    caller.sees(found).then_some(found)
}

fn of_project(
    state: &State,
    organisation: &Organisation,
    project: &Project,
    caller: &Caller<'_>,
    rest: &[&str],
) -> Answer {
    let own = state
        .repositories
        .iter()
        .filter(|one| one.project == project.id);
    let there = own.clone().filter(|one| !one.deleted && !one.hidden);
    let document = |one: &Repository| documents::repository(state, organisation, project, one);
    match rest {
        ["git", "repositories"] => {
            caller.may(state, &CODE)?;
            if let Some(status) = project.refused {
                return refused(
                    status,
                    "AccessCheckException",
                    "TF401027: You need the Git permission.",
                );
            }
            let listed = there.filter(|one| !one.is_wiki);
            Ok(documents::envelope(listed.map(document).collect()))
        }
        ["git", "repositories", id] => {
            caller.may(state, &CODE)?;
            let named = |one: &&Repository| one.id == *id || one.name.eq_ignore_ascii_case(id);
            let missing = |one: &&Repository| !one.is_wiki || project.wiki != Wiki::Missing;
            match there.filter(missing).find(named) {
                Some(found) => Ok(documents::ok(&document(found))),
                None => refused(404, "GitRepositoryNotFoundException", &no_repository(id)),
            }
        }
        ["git", "recycleBin", "repositories"] => {
            caller.may(state, &CODE)?;
            let deleted = own.filter(|one| one.deleted);
            let deleted = deleted.map(|one| documents::deleted(state, organisation, project, one));
            Ok(documents::envelope(deleted.collect()))
        }
        ["wiki", "wikis"] => {
            caller.may(state, &["vso.wiki"])?;
            let of_code = |one: &&Repository| one.is_wiki || project.wiki == Wiki::Code;
            let wiki = own
                .clone()
                .find(of_code)
                .filter(|_| project.wiki != Wiki::None);
            let wiki =
                wiki.map(|one| documents::wiki(state, organisation, project, &one.id, &one.name));
            Ok(documents::envelope(wiki.into_iter().collect()))
        }
        _ => Err(Box::new(documents::page(404, "Page not found"))),
    }
}

/// How a repository is told to be missing, or not to be had. Source: reports of users.
pub(super) fn no_repository(name: &str) -> String {
    format!(
        "TF401019: The Git repository with name or identifier {name} does not exist or you do not have permissions for the operation you are attempting."
    )
}

/// What somebody gets who is not signed in.
pub(super) fn sign_in(state: &State) -> Response {
    match state.sign_in {
        SignIn::Unauthorized => documents::page(
            401,
            "Access Denied: The Personal Access Token used has expired.",
        )
        .with_header(
            "WWW-Authenticate",
            "Bearer authorization_uri=https://login.example.com",
        )
        .with_header(
            "WWW-Authenticate",
            "Basic realm=\"https://azure.example.com/\"",
        ),
        SignIn::Page => documents::page(203, "Azure DevOps Services | Sign In"),
        SignIn::Redirect => documents::page(302, "Object moved")
            .with_header("Location", format!("{}/_signin", state.login_url)),
        SignIn::Windows => documents::page(401, "Unauthorized")
            .with_header("WWW-Authenticate", "Negotiate")
            .with_header("WWW-Authenticate", "NTLM"),
    }
}

impl<'s> Caller<'s> {
    /// `None`: the credentials are not good.
    pub(super) fn of(state: &'s State, authorization: Option<&str>) -> Option<Self> {
        let Some(authorization) = authorization else {
            return Some(Self::Nobody);
        };
        let (scheme, sent) = authorization.split_once(' ')?;
        let (user, secret) = match scheme {
            "Basic" => {
                let pair = String::from_utf8(STANDARD.decode(sent).ok()?).ok()?;
                let (user, secret) = pair.split_once(':')?;
                (Some(user.to_owned()), secret.to_owned())
            }
            _ => (None, sent.to_owned()),
        };
        let is_good = |one: &&super::Minted| one.secret == secret && one.until > SystemTime::now();
        // As a password, it wants a user. Source: reports of users.
        if state.minted.iter().any(|one| is_good(&one)) && user.as_deref() != Some("") {
            return Some(Self::Principal);
        }
        let token = state.tokens.iter().find(|token| token.secret == secret)?;
        // A personal access token is no bearer. Source: reports of users.
        (user.is_some() || token.is_pipeline).then_some(Self::Token(token))
    }

    /// The descriptor without its beginning, and the name.
    fn identity(&self) -> (&'static str, &'static str) {
        match self {
            Self::Token(token) if token.is_pipeline => (
                "TeamFoundation.ServiceIdentity;1:Build:2",
                "shop Build Service (acme)",
            ),
            Self::Token(_) => (
                "IdentityModel.Claims.ClaimsIdentity;1\\dev@example.com",
                "Dev",
            ),
            Self::Principal => (
                "VisualStudio.Services.Claims.AadServicePrincipal;1",
                "backup",
            ),
            Self::Nobody => ("VisualStudio.Services.PublicAccess;1", "Anonymous"),
        }
    }

    /// The scopes are those of the descriptions; one is enough.
    pub(super) fn may(&self, state: &State, scopes: &[&str]) -> Result<(), Refused> {
        let has = match self {
            Self::Token(token) => token
                .scopes
                .iter()
                .any(|one| scopes.contains(&one.as_str())),
            Self::Principal => true,
            // Public projects alone; whoever has none is told to sign in.
            Self::Nobody => state.projects.iter().any(|one| one.public),
        };
        match (has, self) {
            (true, _) => Ok(()),
            (false, Self::Nobody) => Err(Box::new(sign_in(state))),
            (false, _) => refused(
                403,
                "UnauthorizedRequestException",
                "TF400813: The user is not authorized to access this resource.",
            ),
        }
    }

    pub(super) fn sees(&self, project: &Project) -> bool {
        !project.hidden && (project.public || !matches!(self, Self::Nobody))
    }
}
