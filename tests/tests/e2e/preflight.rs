//! What `check` tells of a source, and what a run tells of its credentials.

use forgekeep_tests::RequestKind;
use jiff::{Timestamp, ToSpan, Zoned, tz::TimeZone};
use serde_json::{Value, json};

use crate::support::{EMAIL, World, notes, source};

/// The day so many days from now, in UTC.
fn day(days: i64) -> String {
    let now = Zoned::new(Timestamp::now(), TimeZone::UTC);
    now.date().checked_add(days.days()).unwrap().to_string()
}

fn checked(world: &World, arguments: &[&str], code: i32) -> Value {
    let words = [&["check", "--json"], arguments].concat();
    let run = world.forgekeep(&words).run().expect(code);
    crate::json::document(&run, "check")
}

#[test]
fn a_check_tells_each_thing_in_a_field_of_its_own() {
    let world = World::new();
    world.forge.repository("web").private().commit("one");
    world.forge.repository("public").commit("one");
    let expires = day(200);
    world.configure(&[world.source_with("expires", expires.as_str())]);
    let said = checked(&world, &[], 0);
    assert_eq!(said["schema"], 1);
    assert_eq!(said["exitCode"], 0);
    assert_eq!(said["offline"], false);
    assert_eq!(said["warnings"], json!([]));
    let configuration = said["configuration"].as_str().unwrap();
    assert!(configuration.ends_with("settings.yml"), "{configuration}");
    assert!(said["backupFolder"].is_string());
    let acme = &said["sources"][0];
    for (key, wanted) in [
        ("title", json!("acme")),
        ("hoster", json!("bitbucket")),
        ("outcome", json!("ok")),
        ("error", Value::Null),
        ("visible", json!(2)),
        ("private", json!(1)),
        ("missingScopes", json!([])),
        ("limits", json!([])),
        ("findings", json!([])),
    ] {
        assert_eq!(acme[key], wanted, "{key} of {acme:#}");
    }
    assert!(acme["identity"].as_str().unwrap().contains(EMAIL));
    assert!(acme["accountId"].is_string() && acme["scopes"].as_array().unwrap().len() > 1);
    let owner = &acme["owners"][0];
    assert_eq!(
        (&owner["name"], &owner["sees"]),
        (&json!("acme"), &json!("unknown"))
    );
    let until = acme["expires"].as_str().unwrap();
    assert_eq!(until, format!("{}T00:00:00Z", day(201)));
    // The same for people.
    let run = world.forgekeep(&["check"]).run().expect(0);
    assert!(
        run.stdout.contains("  sees: 2 repositories"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("  expires: 20"), "{}", run.stdout);
    // What fails is in it, too, and nothing is asked offline.
    world.forge.reset_log();
    let said = checked(&world, &["--offline"], 0);
    assert_eq!(said["offline"], true);
    assert_eq!(said["sources"][0]["visible"], Value::Null);
    assert!(world.forge.requests().is_empty());
    world.forge.change(|state| state.accounts.clear());
    let said = checked(&world, &[], 12);
    assert_eq!(said["exitCode"], 12);
    let acme = &said["sources"][0];
    assert_eq!(acme["outcome"], "failed");
    assert_eq!(acme["error"]["kind"], "credentials");
}

#[test]
fn credentials_that_expire_soon_are_warned_of_and_are_no_failure() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    for (days, warned) in [
        (30, None),
        (15, None),
        (13, Some("in 13 days")),
        (-2, Some("expired on")),
    ] {
        world.configure(&[world.source_with("expires", day(days))]);
        let run = world.backup().expect(0);
        let said = notes(&run, "acme");
        let of_check = checked(&world, &[], 0)["sources"][0]["findings"].to_string();
        let offline = checked(&world, &["--offline"], 0)["sources"][0]["findings"].to_string();
        for said in [said, of_check, offline] {
            match warned {
                Some(words) => assert!(said.contains(words), "{days}: {said}"),
                None => assert!(!said.contains("expire"), "{days}: {said}"),
            }
        }
    }
}

#[test]
fn a_user_name_without_a_secret_backs_up_nothing() {
    let world = World::new();
    world.forge.repository("web").private().commit("one");
    world.forge.repository("public").commit("one");
    let mut source = world.source();
    source.as_object_mut().unwrap().remove("password");
    world.configure(&[source.clone()]);
    for command in ["backup", "list", "check"] {
        let run = world.forgekeep(&[command]).run().expect(10);
        assert!(
            run.stderr.contains("sources[0].apiAuthName"),
            "{}",
            run.stderr
        );
        assert!(run.stderr.contains("`password`"), "{}", run.stderr);
    }
    assert!(world.forge.requests().is_empty());
    assert!(!world.folder("public").exists());
    // Without any name it is said and done.
    source.as_object_mut().unwrap().remove("apiAuthName");
    world.configure(&[source]);
    world.backup().expect(0);
    assert!(world.folder("public").exists());
}

#[test]
fn everything_and_a_part_of_it_do_not_overlap() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let mut all = world.source_with("title", "all");
    all["name"] = "*".into();
    world.configure(&[world.source(), all.clone()]);
    for command in ["backup", "list", "check"] {
        let run = world.forgekeep(&[command]).run().expect(10);
        assert!(run.stderr.contains("same account"), "{}", run.stderr);
    }
    assert!(world.forge.requests().is_empty());
}

#[test]
fn a_report_tells_owners_and_requests_by_kind() {
    let world = World::new();
    world.forge.repository("web").private().commit("one");
    world.forge.repository("docs").private().commit("one");
    for _ in 0..2 {
        world.forge.reset_log();
        let run = world.backup().expect(0);
        let acme = source(&run, "acme");
        let owners = acme["owners"].as_array().unwrap();
        assert_eq!(owners.len(), 1);
        assert_eq!(owners[0]["name"], "acme");
        assert_eq!(owners[0]["listed"], 2);
        assert_eq!(owners[0]["error"], Value::Null);
        let asked = |kind| world.forge.count(kind);
        assert_eq!(acme["requests"]["api"], asked(RequestKind::Api));
        let git = asked(RequestKind::InfoRefs) + asked(RequestKind::UploadPack);
        assert_eq!(acme["requests"]["git"], git);
    }
}
