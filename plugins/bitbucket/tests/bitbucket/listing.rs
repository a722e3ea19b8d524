use forgekeep_plugin_sdk::{
    ErrorKind, Header, HttpResponse, Owner, PartKind, Severity, Source, Visibility,
};
use forgekeep_plugin_testkit::Script;
use serde_json::{Value, json};

use crate::support::*;

#[test]
fn a_repository_as_documented() {
    let repository = read(&entry(1, "web"));
    assert_eq!(repository.id, uuid(1));
    assert_eq!(repository.full_name, "acme/web");
    assert_eq!(git(&repository).url, "https://bitbucket.org/acme/web.git");
    assert_eq!(repository.part(&PartKind::Wiki), None);
    assert_eq!(git(&repository).default_branch.as_deref(), Some("main"));
    assert_eq!(git(&repository).size, Some(123_456));
    assert_eq!(git(&repository).version, None);
    assert_eq!(repository.visibility, Visibility::Private);
    assert!(!repository.fork);
    assert_eq!(
        repository.owner,
        Owner {
            id: "{22222222-0000-0000-0000-000000000000}".into(),
            name: "acme".into(),
        }
    );
    assert_eq!(repository.skip, None);
}

#[test]
fn who_may_see_it_and_whether_it_is_a_fork() {
    let mut other = entry(1, "web");
    other["is_private"] = json!(false);
    other["parent"] = json!({ "type": "repository", "full_name": "upstream/web", "uuid": uuid(9) });
    other["language"] = "python".into();
    let repository = read(&other);
    assert_eq!(repository.visibility, Visibility::Public);
    assert!(repository.fork);
    assert_eq!(repository.attributes.languages, ["python"]);
}

#[test]
fn half_an_owner_is_none() {
    for workspace in [
        Value::Null,
        json!({ "slug": "acme" }),
        json!({ "uuid": "{22222222-0000-0000-0000-000000000000}" }),
        json!({ "slug": "acme", "uuid": 7 }),
    ] {
        let mut odd = entry(1, "web");
        odd["workspace"] = workspace;
        assert_eq!(read(&odd).owner, Owner::default());
    }
}

#[test]
fn the_least_a_repository_needs() {
    let repository = read(&json!({
        "uuid": uuid(1),
        "full_name": "acme/web",
        "links": { "clone": [{ "name": "https", "href": "https://bitbucket.org/acme/web.git" }] },
    }));
    assert_eq!(repository.skip, None);
    assert_eq!(git(&repository).default_branch, None);
    assert_eq!(git(&repository).size, None);
}

#[test]
fn fields_of_another_type_do_not_spoil_a_repository() {
    let mut odd = entry(1, "web");
    odd["mainbranch"] = Value::Null;
    odd["size"] = json!("much");
    odd["has_wiki"] = Value::Null;
    odd["is_private"] = json!(1);
    odd["scm"] = Value::Null;
    odd["parent"] = json!("upstream/web");
    let repository = read(&odd);
    assert_eq!(repository.skip, None);
    assert_eq!(repository.visibility, Visibility::Other);
    assert!(!repository.fork);
    assert_eq!(repository.part(&PartKind::Wiki), None);
    assert_eq!(git(&repository).default_branch, None);
    assert_eq!(git(&repository).size, None);
}

#[test]
fn the_clone_link_is_chosen_by_name_and_loses_its_user() {
    for href in [
        "https://bitbucket.org/acme/web.git",
        "https://devuser@bitbucket.org/acme/web.git",
        "https://devuser:secret@bitbucket.org/acme/web.git",
        "https://dev%40example.com@bitbucket.org/acme/web.git/",
    ] {
        let mut turned = entry(1, "web");
        turned["links"]["clone"] = json!([
            { "name": "ssh", "href": "ssh://git@bitbucket.org/acme/web.git" },
            { "name": "http", "href": "http://bitbucket.org/acme/web.git" },
            { "name": "https", "href": href },
        ]);
        assert_eq!(
            git(&read(&turned)).url,
            "https://bitbucket.org/acme/web.git"
        );
    }
}

#[test]
fn no_https_link_leaves_the_address_empty_for_the_host_to_fail() {
    for links in [
        Value::Null,
        json!({}),
        json!({ "clone": null }),
        json!({ "clone": "https://bitbucket.org/acme/web.git" }),
        json!({ "clone": [{ "name": "ssh", "href": "git@bitbucket.org:acme/web.git" }] }),
        json!({ "clone": [{ "name": "http", "href": "http://bitbucket.org/acme/web.git" }] }),
        json!({ "clone": [{ "name": "https" }] }),
    ] {
        let mut bare = entry(1, "web");
        bare["links"] = links;
        bare["has_wiki"] = json!(true);
        let repository = read(&bare);
        assert_eq!(git(&repository).url, "");
        assert_eq!(repository.part(&PartKind::Wiki), None);
        assert_eq!(repository.skip, None);
    }
}

#[test]
fn a_link_that_is_not_https_in_truth_is_the_hosts_to_refuse() {
    for href in [
        "http://bitbucket.org/acme/web.git",
        "file:///etc/passwd",
        "ext::sh -c id",
        "bitbucket.org/acme/web.git",
    ] {
        let mut bad = entry(1, "web");
        bad["links"]["clone"] = json!([{ "name": "https", "href": href }]);
        let repository = read(&bad);
        assert_eq!(repository.skip, None);
        assert!(!git(&repository).url.starts_with("https"), "{href}");
    }
}

#[test]
fn plain_http_goes_only_with_a_plain_http_api() {
    let first = "http://127.0.0.1:8080/2.0/repositories/acme?pagelen=100&sort=created_on";
    for name in ["http", "https"] {
        let mut local = entry(1, "web");
        local["links"]["clone"] =
            json!([{ "name": name, "href": "http://u@127.0.0.1:8080/acme/web.git" }]);
        let script = Script::new().json(first, 200, &json!({ "values": [local] }));
        let mut source = good();
        source.api_url = "http://127.0.0.1:8080/2.0".into();
        let page = open(source, &script).list(None).unwrap();
        assert_eq!(
            git(&page.repositories[0]).url,
            "http://127.0.0.1:8080/acme/web.git"
        );
    }
}

#[test]
fn the_wiki_is_beside_the_repository() {
    let mut with_wiki = entry(1, "web");
    with_wiki["has_wiki"] = json!(true);
    let repository = read(&with_wiki);
    assert_eq!(repository.parts.len(), 2);
    assert_eq!(
        repository.part(&PartKind::Wiki).unwrap().url,
        "https://bitbucket.org/acme/web.git/wiki"
    );
}

/// The version of an entry that is listed at a time by Bitbucket's clock.
fn version(entry: &Value, date: &str) -> Option<String> {
    let listed = HttpResponse {
        status: 200,
        url: FIRST.into(),
        headers: vec![Header {
            name: "Date".into(),
            value: date.into(),
        }],
        body: json!({ "values": [entry] }).to_string().into(),
        ..HttpResponse::default()
    };
    let script = Script::new().answer(FIRST, Ok(listed));
    let page = open(good(), &script).list(None).unwrap();
    let parts = &page.repositories[0].parts;
    assert!(parts.iter().skip(1).all(|wiki| wiki.version.is_none()));
    parts[0].version.clone()
}

#[test]
fn the_stamp_with_the_default_branch_is_a_version_once_it_is_settled() {
    let settled = "Sat, 31 Oct 2026 08:25:31 GMT";
    let mut web = entry(1, "web");
    web["has_wiki"] = json!(true);
    let first = version(&web, settled);
    assert!(first.is_some());
    assert_eq!(version(&web, "Sun, 01 Nov 2026 00:00:00 GMT"), first);
    assert_eq!(version(&web, "Sat, 31 Oct 2026 08:25:30 GMT"), None);
    web["mainbranch"]["name"] = json!("trunk");
    let trunk = version(&web, settled);
    assert!(trunk.is_some() && trunk != first);
    web["mainbranch"] = Value::Null;
    let none = version(&web, settled);
    assert!(none.is_some() && none != trunk && none != first);
    web["updated_on"] = Value::Null;
    assert_eq!(version(&web, settled), None);
    // Without the hoster's clock nothing can be told.
    assert_eq!(git(&read(&entry(1, "web"))).version, None);
}

#[test]
fn mercurial_is_skipped() {
    let mut old = entry(1, "old");
    old["scm"] = json!("hg");
    assert_eq!(
        skip(&read(&old)),
        "Mercurial repository: Bitbucket removed Mercurial in 2020; nothing to clone"
    );
    assert!(read(&old).parts.is_empty());
    old["scm"] = json!("fossil\u{1b}[2J");
    assert_eq!(skip(&read(&old)), "it is kept by `fossil [2J`, not by git");
}

#[test]
fn nothing_on_a_page_is_dropped_in_silence() {
    let mut nameless = entry(1, "web");
    nameless["full_name"] = Value::Null;
    let mut without_id = entry(2, "api");
    without_id.as_object_mut().unwrap().remove("uuid");
    let mut another = entry(4, "docs");
    another.as_object_mut().unwrap().remove("uuid");
    let page = first_page(
        good(),
        &json!({ "values": [nameless, without_id, {}, null, "x", 7, another, entry(3, "good")] }),
    );
    let ids: Vec<_> = page
        .repositories
        .iter()
        .map(|repository| (repository.id.as_str(), repository.full_name.as_str()))
        .collect();
    assert_eq!(
        ids,
        [
            (uuid(1).as_str(), "acme/web"),
            ("", "acme/api"),
            ("", "acme/docs"),
            (uuid(3).as_str(), "acme/good"),
        ]
    );
    // A stand-in for the name; no identity, which the host fails it for.
    assert!(page.repositories.iter().all(|r| r.skip.is_none()));
    assert_eq!(page.notes.len(), 4);
    assert!(
        page.notes
            .iter()
            .all(|note| note.severity == Severity::Error)
    );
    insta::assert_snapshot!(page.notes[0].message, @"entry 3 of a page of Bitbucket's listing has neither uuid nor full_name, so it is not backed up");
}

#[test]
fn an_empty_listing_is_never_a_silent_success() {
    let note = |source: Source, body: &Value| {
        let page = first_page(source, body);
        let [note] = page.notes.as_slice() else {
            panic!("{:?}", page.notes);
        };
        assert_eq!(note.severity, Severity::Warning);
        format!("{}\n  -> {}", note.message, note.hint)
    };
    let none = json!({ "values": [], "size": 0 });
    assert_eq!(first_page(good(), &none).total, Some(0));
    insta::assert_snapshot!(note(good(), &none), @r"
    the API token of dev@example.com sees no repository in workspace acme
      -> check that name is the right workspace, that the account is a member with access to its repositories, and that the token has the scope read:repository:bitbucket; nothing is treated as deleted
    ");
    insta::assert_snapshot!(note(source("", "", ACCESS_TOKEN), &none), @r"
    the access token sees no repository in workspace acme
      -> check that the token was made in this workspace, and with the scope Repositories: Read; nothing is treated as deleted
    ");
    insta::assert_snapshot!(note(source("", "", ""), &json!({ "values": [] })), @r"
    workspace acme shows no public repository
      -> check name, and give credentials for private repositories
    ");
}

#[test]
fn how_many_there_are_is_said_only_where_it_is_known() {
    let counted = json!({ "values": [entry(1, "web")], "size": 12, "pagelen": 100, "page": 1 });
    let page = first_page(good(), &counted);
    // That the listing ended early is for the host to see.
    assert_eq!((page.total, page.next), (Some(12), None));
    assert_eq!(page.notes, []);
    // Bitbucket's number need not be the public ones'.
    assert_eq!(first_page(source("", "", ""), &counted).total, None);
    for size in [
        Value::Null,
        json!("12"),
        json!(-1),
        json!(1.5),
        json!(1u64 << 53),
    ] {
        let odd = json!({ "values": [entry(1, "web")], "size": size });
        assert_eq!(first_page(good(), &odd).total, None);
    }
}

#[test]
fn an_answer_without_values_is_not_an_empty_listing() {
    for body in [
        json!({}),
        json!({ "values": null }),
        json!({ "values": "x".repeat(10_000) }),
        json!([]),
        json!({ "values": [], "next": 2 }),
    ] {
        let script = Script::new().json(FIRST, 200, &body);
        let error = open(good(), &script).list(None).unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadAnswer);
        assert!(error.message.chars().count() < 400);
    }
}

#[test]
fn a_workspace_may_be_named_by_its_uuid_or_in_capitals() {
    for (name, segment) in [
        (
            "{0DE4FB31-9C5E-4A02-8B39-6F3A5C2E1D77}",
            "%7B0de4fb31-9c5e-4a02-8b39-6f3a5c2e1d77%7D",
        ),
        ("Acme", "acme"),
    ] {
        let script = Script::new();
        let mut source = good();
        source.name = name.into();
        let _ = open(source, &script).list(None);
        assert_eq!(
            script.requests()[0].url,
            format!("{API}/2.0/repositories/{segment}?pagelen=100&sort=created_on")
        );
    }
}

#[test]
fn a_description_is_one_line_and_whole() {
    let mut described = entry(1, "web");
    described["description"] = format!("The\r\n\tsite {}", "x".repeat(2000)).into();
    assert_eq!(
        read(&described).description,
        format!("The site {}", "x".repeat(2000))
    );
    described["description"] = serde_json::Value::Null;
    assert_eq!(read(&described).description, "");
}
