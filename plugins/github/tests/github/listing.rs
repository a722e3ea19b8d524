//! What is listed, and what is said of it.

use forgekeep_plugin_sdk::{Advice, ErrorKind, PartKind, Sees, Visibility};
use serde_json::{Value, json};

use crate::support::*;

#[test]
fn pages_are_followed_by_their_links_alone() {
    let pages = [vec![of_acme(1, "web")], Vec::new(), vec![of_acme(2, "api")]];
    let script = linked(server(), REPOS, &pages);
    let listed = listed(&source("acme"), &script);
    assert_eq!(names(&listed), ["acme/web", "acme/api"]);
    assert_eq!(listed.len(), 3);
    // From each cursor in a new process.
    for pair in listed.windows(2) {
        let again = open(&source("acme"), &script)
            .list(pair[0].next.as_deref())
            .unwrap();
        assert_eq!(names(std::slice::from_ref(&again)), names(&pair[1..2]));
    }
    let versions = script.requests().into_iter().map(|request| {
        let mut headers = request.headers.into_iter();
        headers
            .find(|header| header.name == "x-github-api-version")
            .unwrap()
            .value
    });
    assert!(
        versions
            .collect::<Vec<_>>()
            .iter()
            .all(|version| version == "2022-11-28")
    );
}

#[test]
fn what_is_said_of_a_repository() {
    let mut said = of_acme(1, "web");
    for (key, value) in [
        ("private", json!(true)),
        ("visibility", json!("internal")),
        ("archived", json!(true)),
        ("fork", json!(true)),
        ("has_wiki", json!(true)),
        ("topics", json!(["shop"])),
        ("language", json!("Rust")),
    ] {
        said[key] = value;
    }
    let date = ("date", "Mon, 30 Nov 2026 08:00:00 GMT");
    let page = answer(200, &json!([said]), &[date]);
    let script = server().answer(&page_of(REPOS, 1), Ok(page));
    let listed = listed(&source("acme"), &script);
    let found = &listed[0].repositories[0];
    assert_eq!(found.visibility, Visibility::Internal);
    assert!(found.archived && found.fork);
    assert_eq!(found.attributes.topics, ["shop"]);
    assert_eq!(found.attributes.languages, ["Rust"]);
    assert!(found.attributes.pushed_at.is_some());
    assert!(found.part(&PartKind::Git).unwrap().version.is_some());
    let wiki = found.part(&PartKind::Wiki).unwrap();
    assert_eq!(wiki.url, "https://github.com/acme/web.wiki.git");
    assert!(wiki.uncertain && wiki.version.is_none());
    let refs: Vec<_> = found
        .refs
        .iter()
        .map(|advice| (advice.pattern.as_str(), advice.advice))
        .collect();
    let wanted = [
        ("refs/pull/*/merge", Advice::Volatile),
        ("refs/pull/*", Advice::NotPushed),
        ("refs/heads/gh-readonly-queue/*", Advice::NotPushed),
    ];
    assert_eq!(refs, wanted);
}

#[test]
fn a_bad_entry_is_a_note_and_not_the_end() {
    let mut bad = of_acme(1, "bad");
    bad["id"] = "one".into();
    let script = linked(server(), REPOS, &[vec![bad, of_acme(2, "web")]]);
    let listed = listed(&source("acme"), &script);
    assert_eq!(names(&listed), ["acme/web"]);
    assert!(
        said(&listed).contains("Error : entry 1 of a page"),
        "{}",
        said(&listed)
    );
}

#[test]
fn all_is_seen_by_an_owner_with_a_classic_token_for_all_alone() {
    for (scopes, sees) in [
        (Some("repo, read:org"), Sees::All),
        (Some("public_repo, read:org"), Sees::Other),
        (Some("repo_deployment"), Sees::Other),
        (Some(""), Sees::Other),
        (None, Sees::Other),
    ] {
        let script = linked(with_scopes(scopes), REPOS, &[vec![of_acme(1, "web")]]);
        let listed = listed(&source("acme"), &script);
        assert_eq!(listed[0].owners[0].sees, sees, "{scopes:?}");
        assert_eq!(listed[0].owners[0].id, "5");
    }
    let memberships =
        json!([{ "role": "member", "state": "active", "organization": account(5, "acme", "") }]);
    let script = linked(server(), REPOS, &[vec![of_acme(1, "web")]]);
    let place = at("user/memberships/orgs?state=active&per_page=100");
    let script = script.before(&place, Ok(answer(200, &memberships, &[])));
    assert_eq!(
        listed(&source("acme"), &script)[0].owners[0].sees,
        Sees::Other
    );
}

#[test]
fn ones_own_listing_has_nothing_of_others() {
    let dev = account(7, "dev", "User");
    let pages = [vec![
        entry(1, "web", &dev),
        entry(2, "shared", &account(8, "eve", "User")),
    ]];
    let script = linked(server(), "user/repos", &pages);
    assert_eq!(names(&listed(&source("dev"), &script)), ["dev/web"]);
    // Whose the token is decides, not the name alone.
    let script = linked(server(), "users/eve/repos", &[vec![]]);
    let listed = listed(&source("eve"), &script);
    assert!(
        said(&listed).contains("no repository of eve is visible"),
        "{}",
        said(&listed)
    );
}

#[test]
fn a_refused_token_is_tried_once() {
    let refused = json!({ "message": "Bad credentials", "status": "401" });
    let script = server().before(&at("user"), Ok(answer(401, &refused, &[])));
    let error = open(&source("acme"), &script).list(None).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Credentials);
    assert!(
        error.hint.contains("https://github.com/settings/tokens"),
        "{}",
        error.hint
    );
    assert_eq!(asked(&script), ["user"]);
}

#[test]
fn a_token_that_says_nothing_of_its_account_lists_by_name() {
    let refused = json!({ "message": "Resource not accessible by integration" });
    let script = linked(server(), REPOS, &[vec![of_acme(1, "web")]]);
    let script = script.before(&at("user"), Ok(answer(403, &refused, &[])));
    assert_eq!(names(&listed(&source("acme"), &script)), ["acme/web"]);
    let script = linked(server(), "users/eve/repos", &[vec![]]);
    let script = script.before(&at("user"), Ok(answer(403, &refused, &[])));
    let told = said(&listed(&source("eve"), &script));
    assert!(
        told.contains("Warning password: GitHub does not say whose"),
        "{told}"
    );
    let script = server().before(&at("user"), Ok(answer(403, &refused, &[])));
    let error = open(&source("*"), &script).list(None).unwrap_err();
    assert!(error.message.contains("whose the token is"), "{error}");
}

#[test]
fn a_stranger_is_not_followed_for_a_star() {
    let mut stars = source("dev");
    for key in ["includeGists", "includeStarred"] {
        let on = forgekeep_plugin_sdk::OptionValue::Flag(true);
        stars.options.insert(key.into(), on);
    }
    let gist = |id: &str, owner: Value, public: bool| {
        let url = format!("https://gist.github.com/{id}.git");
        json!({ "id": id, "git_pull_url": url, "public": public, "owner": owner })
    };
    let (dev, eve) = (account(7, "dev", "User"), account(8, "eve", "User"));
    let script = linked(server(), "user/repos", &[vec![]])
        .json(
            &at("gists?per_page=100"),
            200,
            &json!([gist("aa", dev.clone(), false), { "id": 3 }]),
        )
        .json(
            &at("gists/starred?per_page=100"),
            200,
            &json!([
                gist("aa", dev, false),
                gist("1", eve, true),
                gist("2", Value::Null, true)
            ]),
        );
    let listed = listed(&stars, &script);
    assert_eq!(
        names(&listed),
        ["dev/gists/aa", "eve/gists/1", "anonymous/gists/2"]
    );
    let all: Vec<_> = listed.iter().flat_map(|page| &page.repositories).collect();
    assert_eq!(
        (all[0].id.as_str(), all[0].owner.id.as_str()),
        ("gist-aa", "7")
    );
    assert_eq!(all[0].visibility, Visibility::Other);
    assert_eq!(all[1].owner.id, "");
    assert!(all.iter().all(|gist| gist.parts[0].version.is_none()));
    assert!(
        said(&listed).contains("Error : entry 2 of a page"),
        "{}",
        said(&listed)
    );
}
