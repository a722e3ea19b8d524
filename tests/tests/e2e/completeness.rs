//! Listings that fall short: of the last one, or of what the hoster counts.

use std::fs;
use std::path::PathBuf;

use forgekeep_tests::{Action, Answer, Fault, Forge, RequestKind};
use serde_json::{Value, json};

use crate::support::{TOKEN, World, assert_all, content, error, notes, report, source};

/// A backup of these repositories.
fn backed_up(slugs: &[&str]) -> World {
    let world = World::new();
    for slug in slugs {
        world.forge.repository(slug).private().commit("one");
    }
    world.backup().expect(0);
    world
}

fn five() -> World {
    backed_up(&["a", "b", "c", "d", "e"])
}

fn hide(world: &World, slugs: &[&str]) {
    for slug in slugs {
        world.forge.repository(slug).delete();
    }
}

fn remembered(world: &World) -> PathBuf {
    world.sandbox.backup().join(".forgekeep/listings.json")
}

#[test]
fn as_many_others_do_not_stand_in_for_what_is_no_longer_listed() {
    let world = five();
    hide(&world, &["a", "b", "c", "d"]);
    for slug in ["v", "w", "x", "y", "z"] {
        world.forge.repository(slug).private().commit("one");
    }
    let run = world.backup().expect(3);
    let said = error(source(&run, "acme"));
    let begin = "shortfall: 4 of the 5 repositories that are in the backup are no longer listed";
    assert!(said.starts_with(begin), "{said}");
    assert_eq!(source(&run, "acme")["gone"], json!([]));
    assert_eq!(run.outcome("acme/v"), "cloned");
    let accept = ["backup", "--accept-shrinkage"];
    let run = world.forgekeep(&accept).run().expect(0);
    assert_eq!(source(&run, "acme")["gone"].as_array().unwrap().len(), 4);
    world.backup().expect(0);
}

#[test]
fn less_than_half_of_last_time_falls_short_until_it_is_accepted() {
    let world = five();
    let mirrors = content(&world.sandbox.backup().join("acme"));
    let memory = fs::read(remembered(&world)).unwrap();
    hide(&world, &["b", "c", "d", "e"]);
    for message in ["two", "three"] {
        let a = world.forge.repository("a").commit(message);
        let run = world.backup().expect(3);
        assert_eq!(report(&run)["outcome"], "partial");
        let acme = source(&run, "acme");
        assert_eq!(
            (&acme["outcome"], &acme["listed"]),
            (&"partial".into(), &1.into())
        );
        let said = error(acme);
        let begin = "shortfall: 1 repository is listed, but 5 last time (20";
        assert!(said.starts_with(begin), "{said}");
        for output in [&said, &run.stdout] {
            assert!(output.contains("--accept-shrinkage"), "{output}");
        }
        assert!(run.stderr.contains("but 5 last time"), "{}", run.stderr);
        // What is listed is backed up all the same, and nothing else is touched.
        assert_eq!(run.outcome("acme/a"), "updated");
        world.assert_mirrored(a);
        let now = content(&world.sandbox.backup().join("acme"));
        for slug in ["b", "c", "d", "e"] {
            let of = |all: &[(PathBuf, Vec<u8>)]| -> Vec<_> {
                let folder = world.folder(slug);
                all.iter()
                    .filter(|(p, _)| p.starts_with(&folder))
                    .cloned()
                    .collect()
            };
            assert_eq!(of(&now), of(&mirrors), "{slug}");
        }
        assert_eq!(fs::read(remembered(&world)).unwrap(), memory);
    }
    let accept = ["backup", "--accept-shrinkage"];
    let run = world.forgekeep(&accept).run().expect(0);
    assert!(notes(&run, "acme").contains("but 5 last time"), "{run:#?}");
    world.backup().expect(0);
    assert!(world.mirror("e").exists());
}

#[test]
fn nothing_listed_is_not_everything_deleted() {
    let world = backed_up(&["web"]);
    hide(&world, &["web"]);
    let run = world.backup().expect(3);
    assert_eq!(report(&run)["outcome"], "failed");
    let acme = source(&run, "acme");
    assert_eq!(acme["outcome"], "failed");
    let said = error(acme);
    assert!(
        said.starts_with("shortfall: 0 repositories are listed, but 1 last time"),
        "{said}"
    );
    assert!(world.mirror("web").exists());
    // It is back: all is well again, without an acceptance.
    world.forge.repository("web").private().commit("one");
    world.backup().expect(0);
}

#[test]
fn a_little_less_than_last_time_is_everyday_life() {
    let world = five();
    hide(&world, &["d", "e"]);
    world.backup().expect(0);
    let memory: Value = serde_json::from_slice(&fs::read(remembered(&world)).unwrap()).unwrap();
    assert_eq!(memory["format"], 2);
    let entry = &memory["sources"][0];
    assert_eq!(entry["listed"], 3);
    for (key, value) in [("title", "acme"), ("hoster", "bitbucket"), ("name", "acme")] {
        assert_eq!(entry[key], value);
    }
}

/// Two more than there are.
fn count_too_many(answer: &mut Answer) {
    let mut page: Value = serde_json::from_slice(&answer.body).unwrap();
    page["size"] = (page["size"].as_u64().unwrap() + 2).into();
    answer.body = page.to_string().into();
}

#[test]
fn less_than_the_hoster_counts_falls_short_the_first_time_too() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    let fault = Fault::on(RequestKind::Api, Action::Alter(count_too_many));
    world.forge.inject(fault.containing("/repositories/acme"));
    let run = world.backup().expect(3);
    let said = error(source(&run, "acme"));
    assert!(
        said.starts_with("shortfall: 1 repository is listed, but the hoster counts 3 / "),
        "{said}"
    );
    assert!(said.contains("--accept-shrinkage"), "{said}");
    world.assert_mirrored(web);
    assert!(!remembered(&world).exists());
    // A hoster that always counts too many is accepted once.
    let accept = ["backup", "--accept-shrinkage"];
    world.forgekeep(&accept).run().expect(0);
    world.backup().expect(0);
}

#[test]
fn filters_make_no_shortfall() {
    let world = five();
    world.configure(&[world.source_with("includeRepos", vec!["a"])]);
    let run = world.backup().expect(0);
    assert_eq!(source(&run, "acme")["listed"], 5);
}

#[test]
fn another_workspace_starts_again() {
    let forge = Forge::builder()
        .workspace("acme")
        .workspace("beta")
        .api_token("dev@example.com", "devuser", TOKEN)
        .build();
    let world = World::of(forge);
    for slug in ["a", "b", "c", "d"] {
        world.forge.repository(slug).commit("one");
    }
    world.forge.repository_in("beta", "x").commit("one");
    world.backup().expect(0);
    world.configure(&[world.source_with("name", "beta")]);
    world.backup().expect(0);
    // The first one's number is still known.
    hide(&world, &["b", "c", "d"]);
    world.configure(&[world.source()]);
    let run = world.backup().expect(3);
    assert_eq!(source(&run, "acme")["error"]["kind"], "shortfall");
}

#[test]
fn a_listing_that_breaks_off_changes_no_memory() {
    let world = five();
    let memory = fs::read(remembered(&world)).unwrap();
    world
        .forge
        .inject(Fault::on(RequestKind::Api, Action::status(500)));
    let run = world.backup().expect(3);
    assert_ne!(source(&run, "acme")["error"]["kind"], "shortfall");
    assert_eq!(fs::read(remembered(&world)).unwrap(), memory);
}

#[test]
fn a_damaged_memory_is_set_aside_told_once_and_made_again() {
    let world = five();
    let web = world.forge.repository("a").commit("two");
    fs::write(remembered(&world), "{\"format\": 1, \"sour").unwrap();
    let run = world.backup().expect(0);
    let said = report(&run)["warnings"].to_string();
    assert!(said.contains("listings.json is damaged"), "{said}");
    assert!(run.stderr.contains("listings.json"), "{}", run.stderr);
    assert!(notes(&run, "acme").contains("taken from the report of"));
    world.assert_mirrored(web);
    let aside = remembered(&world).with_file_name("listings.json.damaged");
    assert_eq!(fs::read_to_string(aside).unwrap(), "{\"format\": 1, \"sour");
    assert!(remembered(&world).exists());
    let run = world.backup().expect(0);
    assert_eq!(report(&run).get("warnings"), None);
}

#[test]
fn a_dry_run_says_it_too_and_remembers_nothing() {
    let world = five();
    hide(&world, &["b", "c", "d", "e"]);
    let before = content(&world.sandbox.backup());
    for (arguments, code) in [
        (&["backup", "--dry-run"][..], 3),
        (&["backup", "--dry-run", "--accept-shrinkage"], 0),
    ] {
        let run = world.forgekeep(arguments).run().expect(code);
        let says = format!("{}{}", run.stdout, run.stderr).contains("but 5 last time");
        assert!(says || code == 0, "{run:#?}");
        assert_eq!(content(&world.sandbox.backup()), before);
    }
}

#[test]
fn a_listing_of_more_than_is_borne_fails_its_source_and_takes_nothing_for_gone() {
    let world = World::new();
    for slug in ["a", "b", "c"] {
        world.forge.repository(slug).commit("one");
    }
    let limited = |most: u32| {
        let options = json!({"network": {"retries": 0}, "backup": {"maxRepositories": most}});
        world.configure_with(&[world.source()], &options);
    };
    limited(3);
    world.backup().expect(0);
    limited(2);
    let run = world.backup().expect(3);
    let said = error(source(&run, "acme"));
    assert!(
        said.starts_with("bad-answer: the listing has more than 2 repositories"),
        "{said}"
    );
    assert!(said.contains("options.backup.maxRepositories"), "{said}");
    assert_eq!(source(&run, "acme")["gone"], json!([]));
    limited(3);
    assert_all(&world.backup().expect(0), "unchanged", 3);
}
