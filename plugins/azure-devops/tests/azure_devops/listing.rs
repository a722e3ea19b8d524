//! What is made of the answers.

use forgekeep_plugin_sdk::{ErrorKind, Sees, Severity, Visibility};
use forgekeep_plugin_testkit::Script;
use serde_json::{Value, json};

use crate::support::*;

const WEB: &str = "5febef5a-833d-4e14-b9c0-14cb638f91e6";
const WIKI: &str = "1c2e3a4b-0000-4000-8000-000000000001";

fn wiki(kind: &str, disabled: bool) -> Value {
    json!({ "id": WIKI, "name": "shop.wiki", "type": kind, "repositoryId": WIKI, "isDisabled": disabled })
}

#[test]
fn a_repository_as_it_is_listed() {
    let mut fork = entry(WEB, "web");
    fork["isFork"] = true.into();
    fork["project"]["visibility"] = "public".into();
    let found = listed(&source(), &shop(&[fork]))
        .remove(0)
        .repositories
        .remove(0);
    assert_eq!(
        (found.full_name.as_str(), found.fork),
        ("acme/shop/web", true)
    );
    assert_eq!(found.visibility, Visibility::Public);
    assert_eq!(
        (found.owner.id.as_str(), found.owner.name.as_str()),
        (SHOP, "acme/shop")
    );
    let git = &found.parts[0];
    // Made of the address of the API and of what never changes.
    assert_eq!(git.url, format!("{BASE}/{SHOP}/_git/{WEB}"));
    assert_eq!(
        (git.default_branch.as_deref(), git.size),
        (Some("main"), Some(728))
    );
    assert_eq!(git.version, None);
}

#[test]
fn clone_addresses_lose_the_user_and_stay_at_the_host_of_the_api() {
    let server = |api_url: &str, remote: Value| {
        let mut entry = entry(WEB, "web");
        entry["remoteUrl"] = remote;
        entry
            .as_object_mut()
            .unwrap()
            .retain(|_, value| !value.is_null());
        let base = format!("{}/acme", api_url.trim_end_matches("/acme"));
        let base = match api_url.contains("visualstudio") {
            true => api_url.to_owned(),
            false => base,
        };
        let at = |path: &str| format!("{base}/{path}api-version=7.1");
        let script = Script::new()
            .json(
                &at("_apis/projects?%24top=100&"),
                200,
                &envelope(&[project(SHOP, "shop")]),
            )
            .json(
                &at(&format!("{SHOP}/_apis/git/repositories?")),
                200,
                &envelope(&[entry]),
            )
            .json(
                &at(&format!("{SHOP}/_apis/wiki/wikis?")),
                200,
                &envelope(&[]),
            );
        let source = with(|source| source.api_url = api_url.into());
        listed(&source, &script)[0].repositories[0].parts[0]
            .url
            .clone()
    };
    let by_ids = |base: &str| format!("{base}/{SHOP}/_git/{WEB}");
    let old = "https://acme.visualstudio.com";
    let own = "https://devops.example.com/tfs";
    for (api_url, remote, expected) in [
        (
            "https://dev.azure.com",
            json!("https://acme@dev.azure.com/acme/shop/_git/web"),
            by_ids(BASE),
        ),
        (
            "https://dev.azure.com/acme",
            json!("https://acme.visualstudio.com/shop/_git/web"),
            by_ids(BASE),
        ),
        ("https://dev.azure.com", Value::Null, by_ids(BASE)),
        (
            old,
            json!("https://acme@dev.azure.com/acme/shop/_git/web"),
            by_ids(old),
        ),
        (
            own,
            json!(format!("{own}/acme/shop/_git/My%20Web")),
            format!("{own}/acme/shop/_git/My%20Web"),
        ),
        (
            own,
            json!("https://x@clones.example.com/acme/_git/web"),
            "https://clones.example.com/acme/_git/web".into(),
        ),
        (
            own,
            json!("http://devops.example.com/tfs/acme/_git/web"),
            format!("{own}/acme/_git/web"),
        ),
    ] {
        assert_eq!(server(api_url, remote), expected, "{api_url}");
    }
}

#[test]
fn an_unreadable_entry_is_told_and_the_others_are_listed() {
    let script = shop(&[entry(WEB, "web"), json!({ "name": "no id" }), json!(7)]);
    let pages = listed(&source(), &script);
    assert_eq!(names(&pages), ["acme/shop/web"]);
    let errors = pages[0]
        .notes
        .iter()
        .filter(|note| note.severity == Severity::Error);
    assert_eq!(errors.count(), 2);
}

#[test]
fn an_empty_page_is_not_the_end_and_the_same_token_again_is_a_loop() {
    let last = envelope(&[project(SHOP, "shop")]);
    let script = server()
        .answer(&page_of(None), Ok(leading_to("7", &[])))
        .answer(&page_of(Some("7")), Ok(leading_to("9", &[])))
        .json(&page_of(Some("9")), 200, &last);
    let pages = listed(&source(), &having(script, SHOP, &[entry(WEB, "web")]));
    assert_eq!(
        (pages.len(), names(&pages)),
        (3, vec!["acme/shop/web".to_owned()])
    );
    let script = server()
        .answer(&page_of(None), Ok(leading_to("7", &[])))
        .answer(&page_of(Some("7")), Ok(leading_to("7", &[])));
    let (pages, error) = open(&source(), &script).all();
    assert_eq!(
        (pages.len(), error.unwrap().kind),
        (1, ErrorKind::BadAnswer)
    );
}

#[test]
fn a_project_with_very_many_repositories_comes_in_pages() {
    let all: Vec<_> = (0..9_000)
        .map(|n| entry(&format!("{n:08}"), &format!("r{n}")))
        .collect();
    let pages = listed(&source(), &shop(&all));
    let lengths: Vec<_> = pages.iter().map(|page| page.repositories.len()).collect();
    assert_eq!(lengths, [4_000, 4_000, 1_000]);
    let mut found = names(&pages);
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 9_000);
}

#[test]
fn a_projects_wiki_is_a_repository_of_its_own_by_what_is_listed() {
    let with_wiki = |wiki: Value, status: u16| {
        let answer = match status {
            200 => entry(WIKI, "shop.wiki"),
            _ => json!({ "message": "TF401019: no", "typeKey": "GitRepositoryNotFoundException" }),
        };
        let script = shop(&[entry(WEB, "web")])
            .before(&of(SHOP, "wiki/wikis"), Ok(answer_of(&envelope(&[wiki]))))
            .json(
                &of(SHOP, &format!("git/repositories/{WIKI}")),
                status,
                &answer,
            );
        listed(&source(), &script).remove(0).repositories
    };
    // An outage is an error of the project, and the others are listed.
    let others = with_wiki(wiki("projectWiki", false), 500);
    assert_eq!(others.len(), 1);
    let found = with_wiki(wiki("projectWiki", false), 200);
    let wiki_of = |found: &[forgekeep_plugin_sdk::Repository]| {
        found.iter().find(|one| one.id == WIKI).cloned().unwrap()
    };
    assert_eq!(found.len(), 2);
    let one = wiki_of(&found);
    assert_eq!(
        (one.full_name.as_str(), one.skip),
        ("acme/shop/shop.wiki", None)
    );
    // One that was published from code is in a repository that is listed.
    assert_eq!(with_wiki(wiki("codeWiki", false), 200).len(), 1);
    assert!(
        wiki_of(&with_wiki(wiki("projectWiki", true), 200))
            .skip
            .is_some()
    );
    let missing = wiki_of(&with_wiki(wiki("projectWiki", false), 404));
    assert_eq!(missing.full_name, "acme/shop/shop.wiki");
    assert!(missing.skip.unwrap().contains("but not its repository"));
}

#[test]
fn a_pipelines_token_is_known_and_sees_what_was_selected() {
    let connection = format!("{BASE}/_apis/connectionData?api-version=7.1-preview");
    let mut pipeline = identity();
    pipeline["authenticatedUser"]["descriptor"] =
        "Microsoft.TeamFoundation.ServiceIdentity;1:Build:2".into();
    let script = shop(&[entry(WEB, "web")]).before(&connection, Ok(answer_of(&pipeline)));
    let page = listed(&source(), &script).remove(0);
    assert!(page.notes[0].message.contains("the token is a pipeline's"));
    let project = page.owners.iter().find(|owner| owner.id == SHOP).unwrap();
    assert_eq!(project.sees, Sees::Selected);
}

#[test]
fn wikis_that_are_denied_are_a_warning_and_an_outage_is_an_error_of_the_project() {
    let listing = |status: u16| {
        let refused = answer(status, &[("content-type", "application/json")], "{}");
        let wikis = of(SHOP, "wiki/wikis");
        let script = shop(&[entry(WEB, "web")]).before(&wikis, Ok(refused));
        open(&source(), &script).list(None)
    };
    for status in [401, 403, 404] {
        let page = listing(status).unwrap();
        assert_eq!(page.repositories.len(), 1, "{status}");
        let said = &page.notes[0].message;
        assert!(
            said.starts_with("the wikis of 1 of 1 projects are not backed up"),
            "{said}"
        );
        assert!(
            page.owners.iter().all(|owner| owner.error.is_none()),
            "{status}"
        );
    }
    let page = listing(500).unwrap();
    assert_eq!((page.repositories.len(), page.notes.len()), (1, 0));
    let failed = page.owners.iter().rfind(|owner| owner.id == SHOP).unwrap();
    let why = failed.error.clone().unwrap();
    assert_eq!(why.kind, ErrorKind::Unavailable);
    assert_eq!(listing(429).unwrap_err().kind, ErrorKind::RateLimited);
}

#[test]
fn the_organisation_is_an_owner_by_its_id_and_an_outage_there_ends_the_listing() {
    let page = listed(&source(), &shop(&[])).remove(0);
    let owners = page.owners.iter().map(|owner| owner.name.as_str());
    assert_eq!(owners.collect::<Vec<_>>(), ["acme", "acme/shop"]);
    assert!(
        page.notes[0]
            .message
            .starts_with("acme/shop has no git repository")
    );
    let connection = format!("{BASE}/_apis/connectionData?api-version=7.1-preview");
    let refused = |status| answer(status, &[("content-type", "application/json")], "{}");
    let script = shop(&[]).before(&connection, Ok(refused(403)));
    let page = open(&source(), &script).list(None).unwrap();
    assert_eq!(page.owners.len(), 1);
    let script = shop(&[]).before(&connection, Ok(refused(500)));
    let error = open(&source(), &script).list(None).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
}
