//! What is listed, of whom, and when the listing ends.

use forgekeep_plugin_sdk::{Advice, ErrorKind, Header, HttpResponse, PartKind, Sees, Visibility};
use forgekeep_plugin_testkit::Script;
use serde_json::{Value, json};

use crate::support::*;

const REPOS: &str = "orgs/acme/repos";

fn acme() -> Value {
    organisation(5, "acme")
}

fn entries(numbers: std::ops::Range<u64>) -> Vec<Value> {
    numbers
        .map(|n| entry(n, &format!("r{n}"), &acme()))
        .collect()
}

/// Pages of an organisation without any link.
fn unlinked(pages: &[(&[Value], Option<&str>)]) -> Script {
    let mut script = server();
    for (number, (entries, total)) in pages.iter().enumerate() {
        let headers: Vec<_> = total
            .iter()
            .map(|total| ("x-total-count", *total))
            .collect();
        script = script.answer(&page_of(REPOS, number + 1), Ok(answer(entries, &headers)));
    }
    script
}

#[test]
fn pages_are_followed_by_their_numbers_whatever_address_the_links_have() {
    // 20 to a page, though 50 were asked for, and one of which all is hidden.
    let pages = [entries(1..21), Vec::new(), entries(21..22)];
    let script = linked(server(), REPOS, &pages);
    let listed = listed(&source("org", "acme"), &script);
    assert_eq!(names(&listed).len(), 21);
    assert_eq!(listed.len(), 3);
    assert!(
        script
            .requests()
            .iter()
            .all(|request| request.url.starts_with(WEB))
    );
    assert_eq!(said(&listed), "");
    assert!(listed.iter().all(|page| page.total.is_none()));
}

#[test]
fn without_links_it_goes_on_to_an_empty_page() {
    let (one, two) = (entries(1..31), entries(31..40));
    let script = unlinked(&[(&one, None), (&two, None), (&[], None)]);
    assert_eq!(names(&listed(&source("org", "acme"), &script)).len(), 39);
}

#[test]
fn an_empty_page_in_the_middle_is_no_end_where_more_is_counted() {
    let (one, two) = (entries(1..31), entries(31..40));
    let total = Some("120");
    let script = unlinked(&[(&one, total), (&[], total), (&two, total), (&[], total)]);
    let pages = listed(&source("org", "acme"), &script);
    assert_eq!(names(&pages).len(), 39);
    let said = said(&pages);
    assert!(
        said.contains("Info : of 120 repositories in orgs/acme/repos, the server shows 39"),
        "{said}"
    );
}

#[test]
fn a_total_that_is_too_low_ends_nothing() {
    let (one, two) = (entries(1..31), entries(31..40));
    let total = Some("1");
    let script = unlinked(&[(&one, total), (&two, total), (&[], total)]);
    assert_eq!(names(&listed(&source("org", "acme"), &script)).len(), 39);
}

#[test]
fn gogs_gives_all_at_once_and_a_search_what_its_counter_hides() {
    let all = entries(1..60);
    let mut script = Script::new().json(&at("user"), 200, &user(7, "dev")).json(
        &at("orgs/acme"),
        200,
        &json!({ "id": 5, "username": "acme", "full_name": "" }),
    );
    // Whichever page is asked for.
    for page in 1..4 {
        script = script.answer(&page_of(REPOS, page), Ok(answer(&all, &[])));
    }
    let found = [all[3].clone(), entry(99, "more", &acme())];
    let search = |page| at(&format!("repos/search?uid=5&page={page}&limit=50"));
    let script = script
        .json(&search(1), 200, &json!({ "ok": true, "data": found }))
        .json(&search(2), 200, &json!({ "ok": true, "data": [] }));
    let pages = listed(&source("org", "acme"), &script);
    let names = names(&pages);
    assert_eq!(names.len(), 60, "{names:?}");
    assert_eq!(names.iter().filter(|name| *name == "acme/more").count(), 1);
    // It never shows that all is seen.
    assert_eq!(pages[0].owners[0].sees, Sees::Other);
}

#[test]
fn what_a_name_is_is_found_out_where_type_does_not_say() {
    for (kind, name, listing) in [
        ("", "acme", "orgs/acme/repos"),
        ("", "eve", "users/eve/repos"),
        ("user", "eve", "users/eve/repos"),
        ("", "dev", "user/repos"),
        ("user", "dev", "user/repos"),
    ] {
        let script = linked(server(), listing, &[vec![]]);
        let pages = listed(&source(kind, name), &script);
        assert_eq!(names(&pages), [""; 0]);
        let said = said(&pages);
        assert!(
            said.contains(&format!("no repository of {name} is visible")),
            "{said}"
        );
        assert!(said.contains("nothing is treated as deleted"), "{said}");
    }
    let error = open(&source("org", "eve"), &server())
        .list(None)
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(error.hint.contains("check name"), "{error}");
}

#[test]
fn ones_own_repositories_are_listed_with_the_private_ones_and_no_others() {
    let (dev, acme) = (user(7, "dev"), acme());
    let mut hidden = entry(2, "hidden", &dev);
    hidden["private"] = true.into();
    let all = vec![entry(1, "web", &dev), hidden, entry(3, "api", &acme)];
    let script = linked(server(), "user/repos", &[all]);
    let pages = listed(&source("user", "dev"), &script);
    assert_eq!(names(&pages), ["dev/web", "dev/hidden"]);
    let owner = &pages[0].owners[0];
    assert_eq!((owner.id.as_str(), owner.name.as_str()), ("7", "dev"));
}

#[test]
fn where_it_is_not_told_whose_the_token_is_that_is_a_warning() {
    let refused =
        json!({ "message": "token does not have at least one of required scope(s): [read:user]" });
    let script = linked(
        server(),
        "users/eve/repos",
        &[vec![entry(1, "web", &user(8, "eve"))]],
    )
    .before(
        &at("user"),
        Ok(HttpResponse {
            status: 403,
            body: refused.to_string().into(),
            ..HttpResponse::default()
        }),
    );
    let pages = listed(&source("user", "eve"), &script);
    assert_eq!(names(&pages), ["eve/web"]);
    assert!(
        said(&pages).contains("who may have private ones"),
        "{}",
        said(&pages)
    );
}

/// Two organisations, given in the wrong order, one of which is not shown.
fn everything() -> Script {
    let (dev, acme, beta, eve) = (
        user(7, "dev"),
        acme(),
        organisation(9, "beta"),
        user(8, "eve"),
    );
    let script = server()
        .json(&at("user/orgs?page=1&limit=50"), 200, &json!([beta, acme]))
        .json(&at("user/orgs?page=2&limit=50"), 200, &json!([]));
    let own = vec![
        entry(1, "web", &dev),
        entry(2, "shared", &eve),
        entry(3, "api", &acme),
    ];
    let script = linked(script, "user/repos", &[own]);
    linked(
        script,
        REPOS,
        &[
            vec![entry(3, "api", &acme)],
            vec![entry(4, "public", &acme)],
        ],
    )
}

#[test]
fn everything_is_ones_own_and_that_of_each_organisation_once() {
    let script = linked(
        everything(),
        "orgs/beta/repos",
        &[vec![entry(5, "b", &organisation(9, "beta"))]],
    );
    let pages = listed(&source("", "*"), &script);
    assert_eq!(
        names(&pages),
        ["dev/web", "eve/shared", "acme/api", "acme/public", "beta/b"]
    );
    let owners = pages.iter().flat_map(|page| &page.owners);
    let owners: Vec<_> = owners.map(|owner| owner.name.as_str()).collect();
    assert_eq!(owners, ["dev", "acme", "beta"]);
    assert_eq!(said(&pages), "");
    // From each cursor in a new process.
    for pair in pages.windows(2) {
        let again = open(&source("", "*"), &script)
            .list(pair[0].next.as_deref())
            .unwrap();
        assert_eq!(names(std::slice::from_ref(&again)), names(&pair[1..]));
        assert_eq!(again.next, pair[1].next);
    }
}

#[test]
fn an_organisation_that_cannot_be_listed_is_an_error_of_its_own() {
    let refused = json!({ "message": "token does not have at least one of required scope(s): [read:organization]" });
    for status in [403, 404, 500] {
        let script = everything().json(&page_of("orgs/beta/repos", 1), status, &refused);
        let pages = listed(&source("", "*"), &script);
        assert_eq!(names(&pages).len(), 4);
        assert_eq!(said(&pages), "");
        let owners: Vec<_> = pages.iter().flat_map(|page| &page.owners).collect();
        let of_others = owners[..2].iter().filter_map(|owner| owner.error.as_ref());
        assert_eq!(of_others.count(), 0);
        let beta = owners[2];
        assert_eq!((beta.name.as_str(), beta.id.as_str()), ("beta", "9"));
        let said = &beta.error.as_ref().unwrap().message;
        assert!(said.starts_with("beta is not backed up: "), "{said}");
        assert!(said.contains("read:organization"), "{said}");
    }
}

#[test]
fn a_renamed_organisation_is_told() {
    let script = server().json(&at("orgs/old"), 200, &acme());
    let script = linked(script, REPOS, &[entries(1..2)]);
    let pages = listed(&source("org", "old"), &script);
    assert!(
        said(&pages).contains("old is called acme now"),
        "{}",
        said(&pages)
    );
    assert_eq!(names(&pages), ["acme/r1"]);
}

#[test]
fn an_entry_becomes_a_repository_with_all_that_is_said_of_it() {
    let mut web = entry(1, "web", &acme());
    for (key, value) in [
        (
            "clone_url",
            json!("http://dev:x@git.example:3000/forge/acme/web.git"),
        ),
        ("private", json!(false)),
        ("internal", json!(true)),
        ("archived", json!(true)),
        ("fork", json!(true)),
        ("mirror", json!(true)),
        // Also said of a full one.
        ("empty", json!(true)),
        ("has_wiki", json!(true)),
        ("wiki_branch", json!("pages")),
        ("topics", json!(["shop"])),
        ("language", json!("Rust")),
    ] {
        web[key] = value;
    }
    let pages = listed(
        &source("org", "acme"),
        &linked(server(), REPOS, &[vec![web]]),
    );
    let found = &pages[0].repositories[0];
    assert_eq!(
        (found.id.as_str(), found.full_name.as_str()),
        ("1", "acme/web")
    );
    assert_eq!(found.visibility, Visibility::Internal);
    assert!(found.archived && found.fork && found.mirror);
    assert_eq!(
        (found.owner.id.as_str(), found.owner.name.as_str()),
        ("5", "acme")
    );
    assert_eq!(found.attributes.topics, ["shop"]);
    assert_eq!(found.attributes.languages, ["Rust"]);
    assert_eq!(
        (found.refs[0].pattern.as_str(), &found.refs[0].advice),
        ("refs/pull/*", &Advice::NotPushed)
    );
    let git = found.part(&PartKind::Git).unwrap();
    assert_eq!(git.url, "https://git.example/forge/acme/web.git");
    assert_eq!(
        (git.size, git.default_branch.as_deref(), &git.version),
        (Some(12288), Some("main"), &None)
    );
    let wiki = found.part(&PartKind::Wiki).unwrap();
    assert_eq!(wiki.url, "https://git.example/forge/acme/web.wiki.git");
    assert_eq!(wiki.default_branch.as_deref(), Some("pages"));
    assert_eq!(found.skip, None);
}

#[test]
fn a_wiki_elsewhere_or_without_pages_is_no_part() {
    let with = |key: &str, value: Value| {
        let mut web = entry(1, "web", &acme());
        web["has_wiki"] = true.into();
        web[key] = value;
        let pages = listed(
            &source("org", "acme"),
            &linked(server(), REPOS, &[vec![web]]),
        );
        pages[0].repositories[0]
            .part(&PartKind::Wiki)
            .map(|wiki| wiki.url.clone())
    };
    assert!(with("has_wiki_contents", json!(true)).is_some());
    assert_eq!(with("has_wiki_contents", json!(false)), None);
    assert_eq!(
        with(
            "external_wiki",
            json!({ "external_wiki_url": "https://x.example" })
        ),
        None
    );
}

#[test]
fn an_entry_that_is_none_is_an_error_and_the_others_are_listed() {
    let bad = vec![json!({ "id": "x" }), entry(1, "web", &acme()), json!(7)];
    let pages = listed(&source("org", "acme"), &linked(server(), REPOS, &[bad]));
    assert_eq!(names(&pages), ["acme/web"]);
    assert_eq!(
        said(&pages).matches("Error : entry").count(),
        2,
        "{}",
        said(&pages)
    );
}

#[test]
fn hints_fit_what_was_sent_and_what_came_back() {
    let first = page_of(REPOS, 1);
    let refused = |source: &forgekeep_plugin_sdk::Source, status: u16, kind: &str, body: &str| {
        let script = server().body(&first, status, kind, body);
        let error = open(source, &script).list(None).unwrap_err();
        format!("{error} -> {}", error.hint)
    };
    let json = "application/json";
    let with_token = source("org", "acme");
    let said = refused(
        &with_token,
        403,
        json,
        r#"{"message":"token does not have at least one of required scope(s): [read:organization]"}"#,
    );
    assert!(
        said.contains("[read:organization]")
            && said.contains(
                "-> make a token at https://git.example/forge/user/settings/applications"
            ),
        "{said}"
    );
    let said = refused(
        &with_token,
        401,
        json,
        r#"{"message":"invalid username, password or token"}"#,
    );
    assert!(said.contains("set password to it"), "{said}");
    let said = refused(
        &with_token,
        401,
        json,
        r#"{"message":"Only signed in user is allowed to call APIs. OTP is required"}"#,
    );
    assert!(said.contains("two-factor"), "{said}");
    let said = refused(
        &anonymous("org", "acme"),
        403,
        json,
        r#"{"message":"Only signed in user is allowed to call APIs."}"#,
    );
    assert!(said.contains("and set password to it"), "{said}");
    let said = refused(
        &with_token,
        404,
        "text/html",
        "<html><title>Page Not Found - Forge</title></html>",
    );
    assert!(
        said.contains("check apiUrl of the source") && said.contains("Page Not Found"),
        "{said}"
    );
}

#[test]
fn a_redirect_to_somewhere_else_is_no_listing() {
    let mut response = answer(&entries(1..2), &[]);
    response.url = "https://login.example/".into();
    response.headers.push(Header {
        name: "x".into(),
        value: "y".into(),
    });
    let script = server().answer(&page_of(REPOS, 1), Ok(response));
    let error = open(&source("org", "acme"), &script)
        .list(None)
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::BadAnswer);
    assert!(error.message.contains("https://login.example"), "{error}");
}

#[test]
fn an_organisation_that_cannot_be_read_is_no_organisation_less() {
    let orgs = json!([acme(), {"name": "beta"}]);
    let script = server()
        .json(&at("user/orgs?page=1&limit=50"), 200, &orgs)
        .json(&at("user/orgs?page=2&limit=50"), 200, &json!([]));
    let script = linked(
        script,
        "user/repos",
        &[vec![entry(1, "web", &user(7, "dev"))]],
    );
    let error = open(&source("", "*"), &script).list(None).unwrap_err();
    assert_eq!(error.kind, ErrorKind::BadAnswer);
    assert!(error.message.starts_with("entry 2 "), "{}", error.message);
}
