//! The endpoints.

use forgekeep_demo_hoster::{Request, Response};
use serde_json::Value;

use super::Refused;
use super::caller::{Caller, role_of};
use super::model::{Namespace, Project, State, Wiki};
use super::{documents, pages};

type Answer = Result<Response, Refused>;

/// What each listing takes, by its page of docs.gitlab.com/api. GitLab passes over what it does not know; a
/// parameter that is not there is refused here, so that none is made up.
const PAGE: [&str; 4] = ["page", "per_page", "order_by", "sort"];
const KEYSET: [&str; 2] = ["pagination", "id_after"];

/// Answers a request to the API, by its path behind `/api/v4/`.
pub(super) fn api(state: &State, path: &str, request: &Request) -> Response {
    answer(state, path, request).unwrap_or_else(|refusal| *refusal)
}

/// Source of the words: docs.gitlab.com/api/rest/troubleshooting; GitLab's `lib/api/helpers.rb`.
fn not_found<T>(what: &str) -> Result<T, Refused> {
    let message = format!("404 {what} Not Found");
    Err(Box::new(documents::message(404, &message)))
}

fn takes(request: &Request, known: &[&[&str]]) -> Result<(), Refused> {
    let names = request.query().split('&').filter(|pair| !pair.is_empty());
    let mut names = names.map(|pair| pair.split('=').next().unwrap_or_default());
    match names.find(|name| !known.iter().any(|some| some.contains(name))) {
        Some(name) => Err(Box::new(documents::error(
            400,
            &format!("{name} is not documented"),
        ))),
        None => Ok(()),
    }
}

/// The segments of a path, decoded: "`/` is represented by `%2F`".
fn segments(path: &str) -> Vec<String> {
    path.split('/')
        .map(|part| part.replace("%2F", "/").replace("%20", " "))
        .collect()
}

fn answer(state: &State, path: &str, request: &Request) -> Answer {
    let caller = Caller::of(state, request)?;
    let segments = segments(path);
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    // Any token may ask what it is; those of OAuth are none of these.
    if segments[..] == ["personal_access_tokens", "self"] {
        caller.signed_in()?;
        let token = caller
            .token
            .filter(|token| !token.is_oauth && state.tells_tokens);
        return match token {
            Some(token) => Ok(documents::ok(&documents::token(token))),
            None => Err(Box::new(documents::message(400, "400 Bad request"))),
        };
    }
    caller.may_read(state)?;
    match segments[..] {
        ["user"] => {
            let me = caller.signed_in()?;
            let me = state.namespaces.iter().find(|one| one.user == Some(me));
            Ok(documents::ok(&documents::user(
                me.expect("the user is there"),
            )))
        }
        ["users"] => {
            takes(request, &[&PAGE, &["username"]])?;
            let name = request.parameter("username").unwrap_or_default();
            let named =
                |one: &&Namespace| one.user.is_some() && one.path.eq_ignore_ascii_case(&name);
            let found = state.namespaces.iter().filter(named).map(documents::user);
            Ok(pages::numbered(state, request, found.collect()))
        }
        ["users", user, "projects"] => {
            takes(request, &[&PAGE, &KEYSET, &["archived"]])?;
            let of = state.namespaces.iter().find(|one| {
                one.user.is_some_and(|id| id.to_string() == user)
                    || (one.user.is_some() && one.path == user)
            });
            let Some(of) = of else {
                return not_found("User");
            };
            projects(state, request, &caller, false, |one| one.namespace == of.id)
        }
        ["projects"] => {
            takes(request, &[&PAGE, &KEYSET, &["archived", "membership"]])?;
            let members = request.parameter("membership").as_deref() == Some("true");
            projects(state, request, &caller, false, |one| {
                !members || caller.role(state, one.namespace).is_some()
            })
        }
        // "An administrator's token." Source: docs.gitlab.com/api/settings.
        ["application", "settings"] => match &state.settings {
            Some(settings) => Ok(documents::ok(settings)),
            None => Err(Box::new(documents::message(403, "403 Forbidden"))),
        },
        ["projects", id] => {
            let is_it = |one: &&Project| one.id.to_string() == id || state.project_path(one) == id;
            match state
                .projects
                .iter()
                .find(is_it)
                .filter(|one| caller.sees(state, one))
            {
                Some(one) => Ok(documents::ok(&documents::project(
                    state,
                    one,
                    caller.token.is_some(),
                ))),
                None => not_found("Project"),
            }
        }
        ["snippets"] => {
            takes(request, &[&["page", "per_page"]])?;
            let me = caller.signed_in()?;
            let own = state.snippets.iter().filter(|one| one.author == me);
            let own = own.map(|one| documents::snippet(state, one)).collect();
            Ok(pages::numbered(state, request, own))
        }
        ["groups"] => {
            takes(
                request,
                &[&PAGE, &["search", "all_available", "min_access_level"]],
            )?;
            let search = request.parameter("search").unwrap_or_default();
            let least = request
                .parameter("min_access_level")
                .and_then(|role| role.parse().ok());
            let is_wanted = |one: &&Namespace| {
                one.path.contains(&search) && caller.role(state, one.id) >= least
            };
            groups(state, request, &caller, is_wanted)
        }
        ["groups", which, ref rest @ ..] => {
            let group = state.namespaces.iter().filter(|one| one.user.is_none());
            let mut group = group.filter(|one| caller.sees_group(state, one));
            // A number is an id, never a path. Source: GitLab's `lib/api/helpers.rb`, `find_group`.
            let is_id = which.bytes().all(|b| b.is_ascii_digit());
            let group = group.find(|one| match is_id {
                true => one.id.to_string() == which,
                false => state.full_path(one.id).eq_ignore_ascii_case(which),
            });
            let Some(group) = group else {
                return not_found("Group");
            };
            of_group(state, request, &caller, group, rest)
        }
        _ => Err(Box::new(documents::error(404, "404 Not Found"))),
    }
}

fn of_group(
    state: &State,
    request: &Request,
    caller: &Caller<'_>,
    group: &Namespace,
    rest: &[&str],
) -> Answer {
    let is_below = |id: u64| state.upwards(id).any(|one| one.id == group.id);
    match rest {
        [] => {
            takes(request, &[&["with_projects"]])?;
            Ok(documents::ok(&documents::group(state, group)))
        }
        ["projects"] => {
            let flags = ["archived", "include_subgroups", "with_shared"];
            takes(request, &[&PAGE, &flags])?;
            let subgroups = request.parameter("include_subgroups").as_deref() == Some("true");
            // "Include projects shared to this group. Default is `true`."
            let shared = request.parameter("with_shared").as_deref() != Some("false");
            projects(state, request, caller, state.hides_archived, |one| {
                let is_in = one.namespace == group.id || (subgroups && is_below(one.namespace));
                is_in || (shared && one.shared_with.contains(&group.id))
            })
        }
        ["descendant_groups"] => {
            takes(request, &[&PAGE, &["all_available"]])?;
            groups(state, request, caller, |one| {
                one.id != group.id && is_below(one.id)
            })
        }
        ["members", "all", user] => {
            caller.signed_in()?;
            let user = user.parse().unwrap_or(0);
            match role_of(state, user, group.id) {
                Some(role) => Ok(documents::ok(&documents::member(user, role))),
                None => not_found("Not found"),
            }
        }
        ["wikis"] => match group.wiki {
            _ if !state.premium => Err(Box::new(documents::message(403, "403 Forbidden"))),
            Wiki::Pages => Ok(documents::ok(&Value::from(vec![documents::wiki_page()]))),
            Wiki::Empty | Wiki::Missing => Ok(documents::ok(&Value::from(Vec::<Value>::new()))),
            Wiki::Denied | Wiki::Off => Err(Box::new(documents::message(403, "403 Forbidden"))),
        },
        _ => Err(Box::new(documents::error(404, "404 Not Found"))),
    }
}

fn groups(
    state: &State,
    request: &Request,
    caller: &Caller<'_>,
    is_wanted: impl Fn(&&Namespace) -> bool,
) -> Answer {
    let groups = state.namespaces.iter().filter(|one| one.user.is_none());
    let groups = groups
        .filter(|one| caller.sees_group(state, one))
        .filter(is_wanted);
    let groups = groups.map(|one| documents::group(state, one)).collect();
    Ok(pages::numbered(state, request, groups))
}

fn projects(
    state: &State,
    request: &Request,
    caller: &Caller<'_>,
    hides_archived: bool,
    is_of_it: impl Fn(&Project) -> bool,
) -> Answer {
    let archived = request
        .parameter("archived")
        .map(|archived| archived == "true");
    let archived = archived.or(hides_archived.then_some(false));
    let mut all: Vec<&Project> = state.projects.iter().filter(|one| is_of_it(one)).collect();
    all.retain(|one| {
        caller.sees(state, one) && archived.is_none_or(|wanted| one.archived == wanted)
    });
    all.sort_by_key(|one| one.id);
    let all = all.into_iter();
    let all = all.map(|one| documents::project(state, one, caller.token.is_some()));
    match request.parameter("pagination").as_deref() {
        Some("keyset") => Ok(pages::keyset(state, request, all.collect())),
        _ => Ok(pages::numbered(state, request, all.collect())),
    }
}
