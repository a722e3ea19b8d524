//! Which workspaces there are, what is seen of them, and the listing of all.

use forgekeep_plugin_sdk::{ErrorKind, HosterError, Page, Sees, Severity, Source};
use forgekeep_plugin_testkit::Script;
use serde_json::{Value, json};

use crate::support::*;

fn first(slug: &str) -> String {
    FIRST.replace("acme", slug)
}

/// A repository of another workspace than acme.
fn entry_of(number: u32, workspace: u32, full_name: &str) -> Value {
    let (slug, name) = full_name.split_once('/').unwrap();
    let mut entry = entry(number, name);
    entry["full_name"] = json!(full_name);
    entry["workspace"] = json!({ "slug": slug, "uuid": workspace_uuid(workspace) });
    entry
}

fn all() -> Source {
    Source {
        name: "*".into(),
        ..good()
    }
}

/// Three workspaces, which are not in the order of their uuids.
fn three() -> Script {
    let members = json!({ "values": [member(4, "gamma", false), member(2, "acme", true), member(3, "beta", false)] });
    Script::new()
        .json(MEMBERS, 200, &members)
        .json(
            &first("acme"),
            200,
            &json!({ "values": [entry(1, "web")], "size": 1 }),
        )
        .json(
            &first("beta"),
            200,
            &json!({ "values": [entry_of(2, 3, "beta/web")], "size": 1 }),
        )
        .json(
            &first("gamma"),
            200,
            &json!({ "values": [entry_of(3, 4, "gamma/web")], "size": 1 }),
        )
}

fn sees(pages: &[Page]) -> Vec<(String, Sees)> {
    let owners = pages.iter().flat_map(|page| &page.owners);
    owners
        .filter(|owner| owner.error.is_none())
        .map(|owner| (owner.name.clone(), owner.sees))
        .collect()
}

/// Why workspaces could not be listed.
fn errors(pages: &[Page]) -> Vec<String> {
    let owners = pages.iter().flat_map(|page| &page.owners);
    let errors = owners.filter_map(|owner| owner.error.as_ref());
    errors.map(|error| error.message.clone()).collect()
}

fn notes(pages: &[Page]) -> Vec<String> {
    let notes = pages.iter().flat_map(|page| &page.notes);
    notes
        .inspect(|note| assert_eq!(note.severity, Severity::Error))
        .map(|note| note.message.clone())
        .collect()
}

#[test]
fn an_administrators_token_sees_all_of_a_named_workspace() {
    let named = |name: &str| Source {
        name: name.into(),
        ..good()
    };
    for name in ["acme", "ACME", &workspace_uuid(2)] {
        let address = FIRST.replace(
            "acme",
            &name.to_lowercase().replace('{', "%7B").replace('}', "%7D"),
        );
        let listing = json!({ "values": [entry(1, "web")] });
        for (administrator, owners) in [(true, 1), (false, 0)] {
            let members =
                json!({ "values": [member(3, "beta", true), member(2, "acme", administrator)] });
            let script = Script::new()
                .json(&address, 200, &listing)
                .json(MEMBERS, 200, &members);
            let opened = open(named(name), &script);
            let page = opened.list(None).unwrap();
            assert_eq!(page.owners.len(), owners, "{name}");
            for owner in &page.owners {
                assert_eq!(
                    (owner.id.as_str(), owner.name.as_str()),
                    (workspace_uuid(2).as_str(), "acme")
                );
                assert_eq!(owner.sees, Sees::All);
            }
            // Asked again, it says the same, and asks nothing more beside the page.
            assert_eq!(opened.list(None).unwrap(), page);
            assert_eq!(urls(&script), [address.as_str(), MEMBERS, address.as_str()]);
        }
    }
}

#[test]
fn that_it_is_not_known_what_a_token_sees_fails_nothing() {
    for answer in [
        Ok(answered(403, &refusal())),
        Ok(answered(404, &refusal())),
        Ok(answered(429, &refusal())),
        Ok(answered(500, &refusal())),
        Ok(answered(200, &json!({}))),
        // The token lives: its account has a name.
        Ok(answered(401, &refusal())),
        Err(HosterError::new(ErrorKind::Network, "reset")),
    ] {
        let script = Script::new()
            .json(FIRST, 200, &json!({ "values": [entry(1, "web")] }))
            .json(USER, 200, &json!({}))
            .answer(MEMBERS, answer);
        let page = open(good(), &script).list(None).unwrap();
        assert!(page.owners.is_empty() && page.notes.is_empty());
    }
}

#[test]
fn a_dead_token_beside_a_public_listing_ends_it() {
    let script = Script::new()
        .json(FIRST, 200, &json!({ "values": [entry(1, "web")] }))
        .json(USER, 401, &refusal())
        .json(MEMBERS, 401, &refusal());
    let error = open(good(), &script).list(None).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Credentials);
    assert_eq!(urls(&script), [FIRST, MEMBERS, USER]);
}

#[test]
fn what_other_credentials_see_is_never_known_nor_asked() {
    for source in [
        source("", "", ACCESS_TOKEN),
        source("devuser", "", "hunter2"),
        source("", "", ""),
        consumer(),
    ] {
        let script =
            granting(&[("minted", 7200)]).json(FIRST, 200, &json!({ "values": [entry(1, "web")] }));
        let page = open(source, &script).list(None).unwrap();
        assert!(page.owners.is_empty());
        assert!(!urls(&script).contains(&MEMBERS.to_owned()));
    }
}

#[test]
fn all_workspaces_are_listed_one_after_the_other() {
    let script = three();
    let (pages, error) = open(all(), &script).all();
    assert_eq!(error, None);
    assert_eq!(names(&pages), ["acme/web", "beta/web", "gamma/web"]);
    assert!(notes(&pages).is_empty());
    assert_eq!(
        sees(&pages),
        [
            ("acme".to_owned(), Sees::All),
            ("beta".to_owned(), Sees::Other),
            ("gamma".to_owned(), Sees::Other),
        ]
    );
    // What there is in one workspace is not what there is in all.
    assert!(pages.iter().all(|page| page.total.is_none()));
    assert_eq!(
        urls(&script),
        [MEMBERS, &first("acme"), &first("beta"), &first("gamma")]
    );
}

#[test]
fn a_cursor_is_good_in_another_process() {
    let next = format!("{API}/2.0/repositories/beta?ctx=opaque");
    let page = json!({ "values": [entry_of(2, 3, "beta/web")], "next": next });
    let script = three()
        .before(&first("beta"), Ok(answered(200, &page)))
        .json(
            &next,
            200,
            &json!({ "values": [entry_of(5, 3, "beta/more")] }),
        );
    let (pages, error) = open(all(), &script).all();
    assert_eq!(error, None);
    assert_eq!(
        names(&pages),
        ["acme/web", "beta/web", "beta/more", "gamma/web"]
    );
    // A workspace is told of when its listing was read to its end.
    let told: Vec<_> = pages.iter().map(|page| page.owners.len()).collect();
    assert_eq!(told, [1, 0, 1, 1]);
    let script = three().json(
        &next,
        200,
        &json!({ "values": [entry_of(5, 3, "beta/more")] }),
    );
    let other = open(all(), &script);
    let again = other.list(pages[1].next.as_deref()).unwrap();
    assert_eq!(again, pages[2]);
    assert_eq!(other.list(again.next.as_deref()).unwrap(), pages[3]);
    assert!(
        pages
            .iter()
            .filter_map(|page| page.next.as_ref())
            .all(|next| next.len() <= 8 << 10)
    );
}

#[test]
fn a_workspace_that_cannot_be_listed_costs_only_itself() {
    for status in [403, 404, 410, 500, 503] {
        for slug in ["acme", "beta", "gamma"] {
            let script = three().before(&first(slug), Ok(answered(status, &refusal())));
            let (pages, error) = open(all(), &script).all();
            assert_eq!(error, None);
            assert_eq!(names(&pages).len(), 2, "{status} {slug}");
            assert!(notes(&pages).is_empty());
            let errors = errors(&pages);
            assert_eq!(errors.len(), 1);
            assert!(
                errors[0].starts_with(&format!("workspace {slug} cannot be listed: ")),
                "{errors:?}"
            );
            assert!(errors[0].contains(&status.to_string()), "{errors:?}");
            // Whoever reads owners reads what was listed whole.
            assert!(sees(&pages).iter().all(|(name, _)| name != slug));
        }
    }
}

#[test]
fn a_workspace_whose_listing_breaks_off_is_told_of() {
    let next = format!("{API}/2.0/repositories/acme?ctx=2");
    let page = json!({ "values": [entry(1, "web")], "next": next });
    let script = three()
        .before(&first("acme"), Ok(answered(200, &page)))
        .json(&next, 500, &refusal());
    let (pages, error) = open(all(), &script).all();
    assert_eq!(error, None);
    assert_eq!(names(&pages), ["acme/web", "beta/web", "gamma/web"]);
    assert!(errors(&pages)[0].starts_with("workspace acme was listed in part only: "));
    assert!(sees(&pages).iter().all(|(name, _)| name != "acme"));
}

#[test]
fn a_workspace_that_counts_more_than_it_lists_is_told_of() {
    let next = format!("{API}/2.0/repositories/acme?ctx=2");
    let page = |count: u64| json!({ "values": [entry(1, "web")], "next": next, "size": count });
    let last = |count: u64| json!({ "values": [entry(2, "api")], "size": count });
    for (count, is_short) in [(2, false), (3, true), (500, true)] {
        let script = three()
            .before(&first("acme"), Ok(answered(200, &page(count))))
            .json(&next, 200, &last(count));
        let (pages, error) = open(all(), &script).all();
        assert_eq!(error, None);
        assert_eq!(names(&pages).len(), 4);
        let said = errors(&pages);
        match is_short {
            true => assert!(
                said[0].starts_with("workspace acme was listed in part only: 2 repositories"),
                "{said:?}"
            ),
            false => assert!(said.is_empty(), "{said:?}"),
        }
    }
}

#[test]
fn a_workspace_whose_pages_lead_nowhere_costs_only_itself() {
    let acme = first("acme");
    for next in ["https://evil.example/2.0/x", "::", acme.as_str()] {
        let page = json!({ "values": [entry(1, "web")], "next": next });
        let script = three().before(&acme, Ok(answered(200, &page)));
        let (pages, error) = open(all(), &script).all();
        assert_eq!(error, None, "{next}");
        assert_eq!(names(&pages), ["acme/web", "beta/web", "gamma/web"]);
        assert!(errors(&pages)[0].starts_with("workspace acme was listed in part only: "));
        assert!(sees(&pages).iter().all(|(name, _)| name != "acme"));
        assert!(urls(&script).iter().all(|url| url.starts_with(API)));
    }
}

#[test]
fn what_concerns_all_workspaces_ends_the_listing() {
    for (answer, kind) in [
        (Ok(answered(401, &refusal())), ErrorKind::Credentials),
        (Ok(answered(429, &refusal())), ErrorKind::RateLimited),
        (Ok(answered(302, &refusal())), ErrorKind::BadAnswer),
        (
            Err(HosterError::new(ErrorKind::Network, "reset")),
            ErrorKind::Network,
        ),
    ] {
        let script = three().before(&first("beta"), answer);
        let opened = open(all(), &script);
        let (pages, error) = opened.all();
        assert_eq!(error.unwrap().kind, kind);
        assert_eq!(names(&pages), ["acme/web"]);
        // Asked again, it goes on.
        let page = opened.list(pages[0].next.as_deref()).unwrap();
        assert_eq!(names(&[page]), ["beta/web"]);
    }
}

#[test]
fn where_none_can_be_listed_that_is_the_error() {
    let mut script = three();
    for slug in ["acme", "beta", "gamma"] {
        script = script.before(&first(slug), Ok(answered(403, &refusal())));
    }
    let (pages, error) = open(all(), &script).all();
    let error = error.unwrap();
    assert_eq!(error.kind, ErrorKind::Forbidden);
    assert!(error.message.contains("gamma"), "{error}");
    assert_eq!(errors(&pages).len(), 2);
}

#[test]
fn a_workspace_that_comes_or_goes_in_mid_listing_moves_no_other() {
    let script = three();
    let (pages, _) = open(all(), &script).all();
    let members =
        |all: Value| three().before(MEMBERS, Ok(answered(200, &json!({ "values": all }))));
    let after_acme = pages[0].next.as_deref();
    let gone = members(json!([member(2, "acme", true), member(4, "gamma", false)]));
    let page = open(all(), &gone).list(after_acme).unwrap();
    assert_eq!(names(&[page]), ["gamma/web"]);
    let more = members(json!([
        member(1, "alpha", true),
        member(2, "acme", true),
        member(3, "beta", true)
    ]));
    let page = open(all(), &more).list(after_acme).unwrap();
    assert_eq!(names(&[page]), ["beta/web"]);
    let none = members(json!([member(1, "alpha", true)]));
    let page = open(all(), &none).list(after_acme).unwrap();
    assert_eq!((page.repositories.len(), page.next), (0, None));
}

#[test]
fn an_account_without_a_workspace_is_no_silent_success() {
    let script = Script::new().json(MEMBERS, 200, &json!({ "values": [] }));
    let page = open(all(), &script).list(None).unwrap();
    assert_eq!(page.next, None);
    assert_eq!(page.notes[0].severity, Severity::Warning);
    assert!(page.notes[0].message.contains("member of no workspace"));
}

#[test]
fn without_the_scope_for_workspaces_all_of_them_is_forbidden() {
    for source in [
        all(),
        Source {
            name: "*".into(),
            ..consumer()
        },
    ] {
        for status in [403, 401] {
            let granted = json!({ "access_token": "minted", "expires_in": 7200 });
            let script = Script::new().json(MEMBERS, status, &refusal()).on(
                "POST",
                TOKENS,
                Ok(answered(200, &granted)),
            );
            let is_consumer = source.secret("clientSecret").is_some();
            let error = open(source.clone(), &script).list(None).unwrap_err();
            match (is_consumer, status) {
                (false, 401) => assert_eq!(error.kind, ErrorKind::Credentials),
                _ => {
                    assert_eq!(error.kind, ErrorKind::Forbidden);
                    assert!(
                        error.hint.contains("read:workspace:bitbucket"),
                        "{}",
                        error.hint
                    );
                }
            }
        }
    }
}

#[test]
fn many_workspaces_come_in_pages() {
    let next = format!("{API}/2.0/user/workspaces?page=2");
    let script = Script::new()
        .json(
            MEMBERS,
            200,
            &json!({ "values": [member(3, "beta", true), {}, null], "next": next }),
        )
        .json(
            &next,
            200,
            &json!({ "values": [member(2, "acme", true), member(3, "beta", true)] }),
        )
        .json(&first("acme"), 200, &json!({ "values": [entry(1, "web")] }))
        .json(
            &first("beta"),
            200,
            &json!({ "values": [entry_of(2, 3, "beta/web")] }),
        );
    let (pages, error) = open(all(), &script).all();
    assert_eq!(error, None);
    assert_eq!(sees(&pages).len(), 2);
    // What names no workspace is not dropped in silence.
    assert_eq!(
        notes(&pages),
        [
            "2 of the account's workspaces cannot be backed up: Bitbucket names neither uuid nor id of them"
        ]
    );
    // To another origin or in a circle leads no link.
    for next in ["https://evil.example/2.0/user/workspaces", MEMBERS] {
        let page = json!({ "values": [], "next": next });
        let script = Script::new().json(MEMBERS, 200, &page);
        let error = open(all(), &script).list(None).unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadAnswer);
        assert_eq!(urls(&script), [MEMBERS]);
    }
}

#[test]
fn a_check_of_all_counts_in_each() {
    let glance = |slug: &str| format!("{API}/2.0/repositories/{slug}?pagelen=1");
    let private = |slug: &str| format!("{}&q=is_private%3Dtrue", glance(slug));
    let counted = |size: u64| json!({ "values": [entry(1, "x")], "size": size });
    let script = three()
        .json(USER, 200, &json!({ "uuid": uuid(7) }))
        .json(&glance("acme"), 200, &counted(10))
        .json(&private("acme"), 200, &counted(4))
        .json(&glance("beta"), 200, &counted(5))
        .json(&private("beta"), 200, &counted(5))
        .json(&glance("gamma"), 200, &counted(1))
        .json(&private("gamma"), 200, &json!({ "values": [], "size": 0 }));
    let opened = open(all(), &script);
    let report = opened.check().unwrap();
    assert_eq!((report.visible, report.private), (Some(16), Some(9)));
    assert!(report.findings.is_empty());
    assert_eq!(report.missing_scopes, [""; 0]);
    assert_eq!(urls(&script).len(), 2 + 2 * 3);
    opened.list(None).unwrap();
    assert_eq!(urls(&script).len(), 2 + 2 * 3 + 1);

    let script = script.before(&glance("beta"), Ok(answered(404, &refusal())));
    let report = open(all(), &script).check().unwrap();
    assert_eq!((report.visible, report.private), (None, None));
    assert_eq!(report.findings[0].severity, Severity::Error);
    assert!(
        report.findings[0]
            .message
            .starts_with("workspace beta cannot be listed")
    );

    let named = with_headers(
        answered(200, &json!({ "values": [] })),
        &[("x-oauth-scopes", "read:repository:bitbucket")],
    );
    let script = Script::new().answer(MEMBERS, Ok(named));
    let report = open(all(), &script).check().unwrap();
    assert_eq!(report.missing_scopes, ["read:workspace:bitbucket"]);
}
