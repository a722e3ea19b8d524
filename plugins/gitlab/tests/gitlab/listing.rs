//! What is listed, of whom, and when the listing ends.

use forgekeep_plugin_sdk::{Advice, ErrorKind, PartKind, Sees, Visibility};
use forgekeep_plugin_testkit::Script;
use serde_json::{Value, json};

use crate::support::*;

fn entries(numbers: std::ops::Range<u64>) -> Vec<Value> {
    numbers.map(|n| entry(n, &format!("r{n}"))).collect()
}

#[test]
fn pages_of_a_group_are_followed_by_their_numbers_whatever_address_the_links_have() {
    let script = linked(server(), &[entries(1..4), Vec::new(), entries(4..5)]);
    let pages = listed(&source("group", "acme"), &script);
    assert_eq!(names(&pages), ["acme/r1", "acme/r2", "acme/r3", "acme/r4"]);
    let asked = script.requests();
    assert!(asked.iter().all(|request| request.url.starts_with(WEB)));
    assert_eq!(said(&pages), "");
    let owner = &pages[0].owners[0];
    let expected = ("5", "acme", Sees::All);
    assert_eq!((&*owner.id, &*owner.name, owner.sees), expected);
}

#[test]
fn by_keyset_it_goes_on_after_an_id_and_without_links_to_an_empty_page() {
    let first = |after: &str| keyset_of("users/7/projects", "archived=false", after);
    let page = |id: u64| [entry_of(id, &format!("r{id}"), 9, "dev")];
    let archived = keyset_of("users/7/projects", "archived=true", "");
    let next = |query: &str| format!("<http://10.0.0.7:80/x?a=b&{query}>; rel=\"next\"");
    let (by_id, by_cursor) = (next("id_after=3"), next("cursor=eyJ%3D"));
    let script = server()
        .answer(&first(""), Ok(answer(&page(3), &[("link", &by_id)])))
        .answer(
            &first("&id_after=3"),
            Ok(answer(&page(4), &[("link", &by_cursor)])),
        )
        // A proxy has taken the links away.
        .answer(&first("&cursor=eyJ%3D"), Ok(answer(&page(5), &[])))
        .answer(&first("&id_after=5"), Ok(answer(&[], &[])))
        .answer(&archived, Ok(answer(&[], &[])));
    let pages = listed(&source("user", "dev"), &script);
    assert_eq!(names(&pages), ["dev/r3", "dev/r4", "dev/r5"]);
    assert_eq!(pages[0].owners[0].id, "user/7");
    let mut all = pages.iter().flat_map(|page| &page.repositories);
    assert!(all.all(|one| one.owner.id == "user/7"));
}

#[test]
fn where_there_are_no_pages_by_keyset_they_are_numbered() {
    let numbered = |page: usize| {
        let query = "membership=true&order_by=id&sort=asc";
        at(&format!("projects?{query}&page={page}&per_page=100"))
    };
    let groups = at("groups?min_access_level=10&order_by=id&sort=asc&page=1&per_page=100");
    let first = keyset_of("projects", "membership=true", "");
    let refused = json!({ "error": "Keyset pagination is not yet available" });
    let script = server()
        .json(&first, 405, &refused)
        .answer(&numbered(1), Ok(answer(&entries(1..3), &[])))
        .answer(&numbered(2), Ok(answer(&[], &[])))
        .answer(&groups, Ok(answer(&[], &[])));
    let pages = listed(&source("", "*"), &script);
    assert_eq!(names(&pages), ["acme/r1", "acme/r2"]);
    assert_eq!(pages[0].repositories[0].owner.id, "5");
}

#[test]
fn what_a_name_is_is_found_out_where_type_does_not_say() {
    for (kind, name, id) in [("", "eve", 8), ("user", "eve", 8), ("user", "dev", 7)] {
        let page = |which| keyset_of(&format!("users/{id}/projects"), which, "");
        let script = server()
            .answer(&page("archived=false"), Ok(answer(&[], &[])))
            .answer(&page("archived=true"), Ok(answer(&[], &[])));
        let said = said(&listed(&source(kind, name), &script));
        let none = format!("no repository of {name} is visible");
        assert!(said.contains(&none), "{said}");
    }
    for (kind, name) in [
        ("", "nobody"),
        ("group", "eve"),
        ("org", "eve"),
        ("user", "nobody"),
    ] {
        let error = open(&source(kind, name), &server()).list(None).unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotFound, "{kind} {name}");
        assert!(error.hint.contains("check name and type"), "{error}");
    }
}

#[test]
fn a_page_of_a_proxy_in_place_of_a_group_does_not_make_it_a_user() {
    let page = "<html><title>Not Found</title></html>";
    let script = Script::new().body(&group_at("eve"), 404, "text/html", page);
    let error = open(&source("", "eve"), &script).list(None).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(error.hint.contains("check apiUrl"), "{}", error.hint);
}

#[test]
fn a_path_that_is_a_number_is_no_id() {
    let search = at("groups?search=2024&all_available=true&per_page=100");
    let found = json!([group(9, "x2024"), group(11, "2024")]);
    let of = |archived| page_of(archived, 1).replace("groups/5", "groups/11");
    let page = [entry_of(1, "r", 11, "2024")];
    let script = server()
        .json(&search, 200, &found)
        .answer(&of(false), Ok(answer(&page, &LAST)))
        .answer(&of(true), Ok(answer(&[], &LAST)));
    let pages = listed(&source("group", "2024"), &script);
    assert_eq!(names(&pages), ["2024/r"]);
}

#[test]
fn an_entry_becomes_a_repository_with_all_that_is_said_of_it() {
    let mut web = entry(1, "web");
    let url = "http://dev:x@git.example:3000/lab/acme/web.git";
    for (key, value) in [
        ("http_url_to_repo", json!(url)),
        ("visibility", json!("internal")),
        ("archived", json!(true)),
        ("forked_from_project", json!({ "id": 2 })),
        ("mirror", json!(true)),
        // Also said of a full one.
        ("empty_repo", json!(true)),
        ("wiki_enabled", json!(true)),
        ("wiki_access_level", json!("private")),
        ("topics", json!(["shop"])),
        ("last_activity_at", json!("2026-11-01T00:00:00Z")),
    ] {
        web[key] = value;
    }
    let script = linked(server(), &[vec![web]]);
    let pages = listed(&source("group", "acme"), &script);
    let found = &pages[0].repositories[0];
    assert_eq!((&*found.id, &*found.full_name), ("1", "acme/web"));
    assert_eq!(found.visibility, Visibility::Internal);
    assert!(found.archived && found.fork && found.mirror);
    assert_eq!((&*found.owner.id, &*found.owner.name), ("5", "acme"));
    assert_eq!(found.attributes.topics, ["shop"]);
    assert_eq!(found.attributes.pushed_at, None);
    let git = found.part(&PartKind::Git).unwrap();
    assert_eq!(git.url, "https://git.example/lab/acme/web.git");
    let branch = git.default_branch.as_deref();
    assert_eq!((branch, &git.version), (Some("main"), &None));
    let wiki = found.part(&PartKind::Wiki).unwrap();
    assert_eq!(wiki.url, "https://git.example/lab/acme/web.wiki.git");
    assert!(wiki.uncertain);
    assert_eq!(found.skip, None);
    let advice = |wanted: Advice| -> Vec<_> {
        let refs = found.refs.iter().filter(|one| one.advice == wanted);
        refs.map(|one| one.pattern.as_str()).collect()
    };
    let made = ["keep-around", "pipelines", "environments", "tmp"];
    let made = made.map(|made| format!("refs/{made}/*"));
    let (kept, moving) = (advice(Advice::NotPushed), advice(Advice::Volatile));
    assert_eq!(
        (kept[0], &kept[1..]),
        (
            "refs/merge-requests/*",
            &made.each_ref().map(|one| &**one)[..]
        )
    );
    assert_eq!(
        (moving[0], &moving[1..]),
        ("refs/merge-requests/*/merge", &kept[1..])
    );
}

#[test]
fn one_that_is_marked_for_deletion_is_left_out_by_nothing_and_the_day_is_told() {
    let mut web = entry(1, "web-deletion_scheduled-1");
    web["archived"] = true.into();
    web["marked_for_deletion_on"] = "2026-11-28".into();
    let script = linked(server(), &[vec![web]]);
    let pages = listed(&source("group", "acme"), &script);
    assert!(pages[0].repositories[0].deletion_scheduled);
    let said = said(&pages);
    let told = "acme/web-deletion_scheduled-1 is marked for deletion since 2026-11-28";
    assert!(said.contains(told), "{said}");
}

#[test]
fn a_group_that_was_renamed_or_marked_is_found_by_the_id_that_it_had() {
    for marked in [Value::Null, json!("2026-11-28")] {
        let source = source("group", "acme");
        let mut renamed = group(5, "acme-deletion_scheduled-5");
        renamed["marked_for_deletion_on"] = marked.clone();
        let script = linked(server(), &[entries(1..2)]);
        listed(&source, &script);
        let gone = answer_of(404, &not_found(), &[]);
        let script = script
            .before(&group_at("acme"), Ok(gone))
            .before(&group_at("5"), Ok(answer_of(200, &renamed, &[])));
        let pages = listed(&source, &script);
        assert_eq!(names(&pages), ["acme/r1"]);
        let told = match marked.is_null() {
            true => "acme is called acme-deletion_scheduled-5 now",
            false => "the group acme is marked for deletion since 2026-11-28",
        };
        assert!(said(&pages).contains(told), "{}", said(&pages));
    }
}

#[test]
fn one_that_a_shift_of_the_pages_hides_is_listed_all_the_same() {
    let source = source("group", "acme");
    let script = linked(server(), &[entries(1..5)])
        .json(&at("projects/2"), 404, &not_found())
        .json(&at("projects/3"), 200, &entry(3, "r3"))
        .json(&at("projects/4"), 200, &entry_of(4, "moved", 6, "acme-inc"));
    assert_eq!(names(&listed(&source, &script)).len(), 4);
    let kept = |script: &Script| script.state("listed-ids").unwrap().expose().to_owned();
    assert_eq!(kept(&script), "5 1 1 1 1");
    // The second one was deleted, the third is on neither page, and the fourth was moved.
    let page = answer(&entries(1..2), &LAST);
    let script = script.before(&page_of(false, 1), Ok(page));
    let opened = open(&source, &script);
    let pages = all_of(&opened);
    assert_eq!(names(&pages), ["acme/r1", "acme/r3"]);
    assert_eq!(kept(&script), "5 1 2");
    // Asked for again, the last page is the same.
    let cursor = pages[0].next.as_deref();
    assert_eq!(opened.list(cursor).unwrap(), pages[1]);
    // In another process it is not known what was listed before.
    let again = open(&source, &script).list(cursor).unwrap();
    assert!(again.repositories.is_empty());
    assert_eq!(kept(&script), "5 1 2");
}

#[test]
fn code_that_is_switched_off_is_skipped() {
    let mut web = entry(1, "web");
    web["repository_access_level"] = "disabled".into();
    let script = linked(server(), &[vec![web]]);
    let pages = listed(&source("group", "acme"), &script);
    let why = pages[0].repositories[0].skip.as_deref().unwrap();
    assert!(why.contains("switched off"), "{why}");
}

#[test]
fn an_entry_that_is_none_is_an_error_and_the_others_are_listed() {
    let bad = vec![json!({ "id": "x" }), entry(1, "web"), json!(7)];
    let pages = listed(&source("group", "acme"), &linked(server(), &[bad]));
    assert_eq!(names(&pages), ["acme/web"]);
    let said = said(&pages);
    assert_eq!(said.matches("Error : entry").count(), 2, "{said}");
}

#[test]
fn wikis_of_groups_have_identities_of_their_own() {
    let query = "all_available=true&order_by=id&sort=asc&page=1&per_page=100";
    let below = at(&format!("groups/5/descendant_groups?{query}"));
    let some = [
        premium(6, "acme/team", "enabled"),
        premium(8, "acme/off", "disabled"),
    ];
    let acme = premium(5, "acme", "private");
    let script = server_with(&acme, &["api"], 50);
    let script = linked(script, &[entries(1..2)])
        .answer(&below, Ok(answer(&some, &LAST)))
        .json(&at("groups/5/wikis"), 200, &json!([{ "slug": "home" }]))
        .json(&at("groups/6/wikis"), 200, &json!([]));
    let pages = listed(&source("group", "acme"), &script);
    assert_eq!(names(&pages), ["acme/r1", "acme/-/wiki"]);
    let wiki = &pages.last().unwrap().repositories[0];
    assert_eq!((&*wiki.id, &*wiki.owner.id), ("wiki/5", "5"));
    assert_eq!(wiki.parts[0].url, format!("{WEB}/acme.wiki.git"));
    let asked = script.requests();
    assert!(!asked.iter().any(|request| request.url.contains("groups/8")));
}

#[test]
fn a_limit_on_one_of_several_requests_ends_the_page_and_not_the_listing() {
    let acme = premium(5, "acme", "private");
    let query = "all_available=true&order_by=id&sort=asc&page=1&per_page=100";
    let below = at(&format!("groups/5/descendant_groups?{query}"));
    let limited = answer_of(429, &Value::Null, &[("retry-after", "7")]);
    let script = linked(server_with(&acme, &["api"], 50), &[entries(1..2)])
        .answer(&below, Ok(answer(&[], &LAST)))
        .json(&at("groups/5/wikis"), 200, &json!([{ "slug": "home" }]))
        .before(&at("groups/5/wikis"), Ok(limited));
    let opened = open(&source("group", "acme"), &script);
    let first = opened.list(None).unwrap();
    let second = opened.list(first.next.as_deref()).unwrap();
    let error = opened.list(second.next.as_deref()).unwrap_err();
    assert_eq!(
        (error.kind, error.retry_after),
        (ErrorKind::RateLimited, Some(7))
    );
    let third = opened.list(second.next.as_deref()).unwrap();
    assert_eq!(names(&[third]), ["acme/-/wiki"]);
}
