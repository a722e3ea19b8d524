//! The endpoints of the API.

use forgekeep_demo_hoster::{Request, Response};
use serde_json::{Value, json};

use super::Refused;
use super::caller::Caller;
use super::documents::{self, refused};
use super::model::{Account, Minted, Repository, State};
use super::writes;

type Answer = Result<Response, Refused>;

/// Answers a request to the API, by its path behind `/api/v3/`.
pub(super) fn api(state: &mut State, path: &str, request: &Request) -> Response {
    let answered = answer(state, path, request).unwrap_or_else(|refusal| *refusal);
    let date = documents::http_date(state.now());
    let mut answered = answered.with_header("Date", date);
    if let Some(sunset) = &state.sunset {
        // Source: GitHub's *API versions*.
        answered = answered.with_header("Sunset", sunset.clone());
    }
    let caller = Caller::of(state, request.header("Authorization"));
    if let Some(token) = caller.and_then(|caller| caller.token) {
        // Source: GitHub's *Scopes for OAuth apps*; a classic token's alone.
        if let Some(scopes) = &token.scopes {
            answered = answered.with_header("X-OAuth-Scopes", scopes.join(", "));
        }
        if let Some(expires) = &token.expires {
            let name = "github-authentication-token-expiration";
            answered = answered.with_header(name, expires.clone());
        }
    }
    answered
}

fn not_found<T>() -> Result<T, Refused> {
    refused(404, "Not Found")
}

fn answer(state: &mut State, path: &str, request: &Request) -> Answer {
    let segments: Vec<&str> = path.split('/').collect();
    if segments[0] == "app" {
        return app(state, &segments, request);
    }
    if request.method != "GET" || segments[0] == "repos" {
        return writes::answer(state, &segments, request);
    }
    let Some(caller) = Caller::of(state, request.header("Authorization")) else {
        return refused(401, "Bad credentials");
    };
    if state.gists_are_down && path.contains("gists") {
        return refused(502, "Server Error");
    }
    let account = |login: &str| state.named(login).map_or_else(not_found, Ok);
    let list = |is_of_it: &dyn Fn(&Repository) -> bool| {
        let all = state.repositories.iter();
        let mut seen: Vec<_> = all
            .filter(|one| is_of_it(one) && caller.sees(state, one))
            .map(|one| documents::repository(state, one))
            .collect();
        if request.parameter("direction").as_deref() != Some("asc") {
            seen.reverse();
        }
        seen
    };
    let gists = |is_of_it: &dyn Fn(&super::Gist) -> bool| {
        let all = state.gists.iter().filter(|gist| is_of_it(gist));
        all.map(|gist| documents::gist(state, gist))
            .collect::<Vec<_>>()
    };
    match segments[..] {
        ["user"] => Ok(documents::ok(&documents::user(state, caller.signed_in()?))),
        ["user", "repos"] => {
            let me = caller.signed_in()?;
            let is_owner_alone = request.parameter("affiliation").as_deref() == Some("owner");
            let listed = list(&|one| {
                let organisation = state
                    .account(one.owner)
                    .filter(|owner| owner.is_organisation);
                let works_on = |owner: &Account| {
                    let is_shown = owner.policy.is_none() && caller.is_authorised(owner);
                    // Internal ones are left out without a right of one's own.
                    is_shown && owner.role(me).is_some() && one.visibility != "internal"
                };
                one.owner == me.id || !is_owner_alone && organisation.is_some_and(works_on)
            });
            Ok(partial(state, &caller, page(state, request, listed)))
        }
        ["user", "memberships", "orgs"] => {
            let me = caller.signed_in()?;
            caller.may("read:org")?;
            let all = state
                .accounts
                .iter()
                .filter(|one| caller.is_authorised(one));
            let all = all.filter_map(|one| {
                one.role(me)
                    .map(|is_owner| documents::membership(state, one, me, is_owner))
            });
            Ok(partial(state, &caller, page(state, request, all.collect())))
        }
        ["users", login] => Ok(documents::ok(&documents::user(state, account(login)?))),
        ["users", login, "repos"] => {
            let owner = account(login)?.id;
            // Public ones alone, even of oneself.
            let listed = list(&|one| one.owner == owner && one.visibility == "public");
            Ok(page(state, request, listed))
        }
        ["users", login, "gists"] => {
            let owner = account(login)?.id;
            Ok(page(
                state,
                request,
                gists(&|gist| gist.owner == owner && gist.public),
            ))
        }
        ["orgs", login, "repos"] => {
            let owner = account(login)?;
            if !owner.is_organisation {
                return not_found();
            }
            caller.is_let_in(owner)?;
            Ok(page(state, request, list(&|one| one.owner == owner.id)))
        }
        ["orgs", login] => Ok(documents::ok(&documents::organisation(
            state,
            account(login)?,
        ))),
        ["gists"] => {
            let me = caller.signed_in()?.id;
            // Without the scope, secret ones are left out silently.
            let sees_secret = caller.may("gist").is_ok();
            Ok(page(
                state,
                request,
                gists(&|gist| gist.owner == me && (gist.public || sees_secret)),
            ))
        }
        ["gists", "starred"] => {
            let me = caller.signed_in()?.id;
            Ok(page(
                state,
                request,
                gists(&|gist| gist.starred_by.contains(&me)),
            ))
        }
        ["installation", "repositories"] => {
            let Some(installation) = caller.installation else {
                return refused(
                    403,
                    "You must authenticate with an installation access token in order to list repositories for an installation.",
                );
            };
            let listed = list(&|one| one.owner == installation.account);
            let count = listed.len();
            Ok(paged(
                state,
                request,
                listed,
                |listed| json!({ "total_count": count, "repository_selection": "all", "repositories": listed }),
            ))
        }
        ["repositories", id] => {
            let mut all = state.repositories.iter();
            let found = all.find(|one| one.id.to_string() == id);
            match found.filter(|one| caller.sees(state, one)) {
                Some(found) => Ok(documents::ok(&documents::repository(state, found))),
                None => not_found(),
            }
        }
        _ => not_found(),
    }
}

/// What is asked as the App.
fn app(state: &mut State, segments: &[&str], request: &Request) -> Answer {
    if let Err(why) = super::caller::is_app(request.header("Authorization"), state.now()) {
        return refused(401, why);
    }
    match segments {
        ["app"] => Ok(documents::ok(&documents::app(state))),
        ["app", "installations"] => {
            let all = state.installations.iter();
            let all = all.map(|one| documents::installation(state, one)).collect();
            Ok(page(state, request, all))
        }
        ["app", "installations", id, "access_tokens"] if request.method == "POST" => {
            let mut all = state.installations.iter();
            let Some(found) = all.find(|one| one.id.to_string() == **id).cloned() else {
                return not_found();
            };
            if found.suspended {
                return refused(403, "This installation has been suspended");
            }
            // About 520 characters, with dots and underscores, since 2026. Source: GitHub's changelog.
            let secret = format!(
                "ghs_4711_{}.{}_{}",
                state.next(),
                "x".repeat(480),
                state.minted.len()
            );
            state.minted.push(Minted {
                secret: secret.clone(),
                installation: found.id,
                lives: true,
                refusals: state.slow_tokens,
            });
            Ok(documents::with_status(
                201,
                &documents::minted(state, &found, &secret),
            ))
        }
        _ => not_found(),
    }
}

/// Says which organisations were left out of an answer. Source: GitHub's *Authenticating with SSO*.
fn partial(state: &State, caller: &Caller<'_>, answer: Response) -> Response {
    let Some(me) = caller.account else {
        return answer;
    };
    let all = state.accounts.iter();
    let left_out = all.filter(|one| one.role(me).is_some() && !caller.is_authorised(one));
    let ids: Vec<_> = left_out.map(|one| one.id.to_string()).collect();
    match ids.is_empty() {
        true => answer,
        false => answer.with_header(
            "X-GitHub-SSO",
            format!("partial-results; organizations={}", ids.join(",")),
        ),
    }
}

fn page(state: &State, request: &Request, all: Vec<Value>) -> Response {
    paged(state, request, all, Value::from)
}

/// The page that is asked for, with the links that GitHub gives. Source: GitHub's *Using pagination in
/// the REST API*.
fn paged(
    state: &State,
    request: &Request,
    all: Vec<Value>,
    wrap: impl FnOnce(Vec<Value>) -> Value,
) -> Response {
    let number = |name: &str| {
        let given = request.parameter(name)?.parse::<usize>().ok();
        given.filter(|number| *number > 0)
    };
    let length = number("per_page").unwrap_or(30).min(state.page_cap);
    let (now, last) = (number("page").unwrap_or(1), all.len().div_ceil(length));
    let some = all
        .into_iter()
        .skip((now - 1) * length)
        .take(length)
        .collect();
    let answer = documents::ok(&wrap(some));
    let query: String = request
        .query()
        .split('&')
        .filter(|pair| !pair.starts_with("page="))
        .map(|pair| format!("{pair}&"))
        .collect();
    let link = |page: usize, rel: &str| {
        let path = request.path();
        let origin = state.url.strip_suffix(&state.below).unwrap_or(&state.url);
        format!("<{origin}{path}?{query}page={page}>; rel=\"{rel}\"")
    };
    let mut links = Vec::new();
    if now > 1 {
        links.push(link(now - 1, "prev"));
    }
    if now < last {
        links.extend([link(now + 1, "next"), link(last, "last")]);
    }
    // Since a version has an end. Source: GitHub's *API versions*.
    links.push(
        "<https://docs.github.com/rest/about-the-rest-api/api-versions>; rel=\"deprecation\""
            .to_owned(),
    );
    answer.with_header("Link", links.join(", "))
}
