//! Sources with a new title: what was backed up under the old one is taken over.

use std::fs;
use std::path::{Path, PathBuf};

use forgekeep_tests::{Forge, RequestKind, compare};
use serde_json::{Value, json};

use crate::support::{EMAIL, TOKEN, USER, World, assert_all, kept, notes, source};

/// A backup of repositories under the title `acme`, with a history.
fn backed_up(slugs: &[&str]) -> World {
    let world = World::new();
    for slug in slugs {
        world.forge.repository(slug).private().commit("one");
    }
    world.backup().expect(0);
    for slug in slugs {
        world
            .forge
            .repository(slug)
            .force_push("side")
            .commit("two");
    }
    world.backup().expect(0);
    world.forge.reset_log();
    world
}

fn titled(world: &World, title: &str) -> Value {
    world.source_with("title", title)
}

fn path(world: &World, below: &str) -> PathBuf {
    world.sandbox.backup().join(below)
}

fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

const TAKEN: &str =
    "taken over, with the history, from \"acme\", a title that is no longer configured";

#[test]
fn what_was_backed_up_under_the_old_title_is_taken_over_and_told() {
    let world = backed_up(&["api", "web"]);
    let old = fs::read(world.mirror("web").join("packed-refs")).unwrap();
    world.configure(&[titled(&world, "work")]);
    let plan = world.forgekeep(&["backup", "--dry-run"]).run().expect(0);
    assert!(!plan.stderr.contains("taken over"), "{}", plan.stderr);
    assert!(world.folder("web").is_dir());
    let run = world.forgekeep(&["backup", "-q"]).run().expect(0);
    assert_all(&run, "unchanged", 2);
    assert_eq!(world.forge.count(RequestKind::UploadPack), 0);
    let said = format!("2 repositories were {TAKEN}");
    assert_eq!(notes(&run, "work"), said);
    assert!(run.stderr.contains(&said), "{}", run.stderr);
    assert!(!path(&world, "acme").exists());
    let web = path(&world, "work/acme#web");
    assert_eq!(fs::read(web.join("repo/packed-refs")).unwrap(), old);
    let upstream = world.forge.repository("web");
    compare::assert_mirror(&upstream.git_dir(), &web.join("repo"));
    assert_eq!(fs::read_dir(web.join("snapshots/repo")).unwrap().count(), 2);
    let listings = json_of(&path(&world, ".forgekeep/listings.json"));
    let titles: Vec<_> = listings["sources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| &s["title"])
        .collect();
    assert_eq!(titles, ["work"]);
    // Said once.
    let run = world.backup().expect(0);
    assert_eq!(notes(&run, "work"), "");
    assert!(kept(&web.join("repo")).len() <= 1);
    world.forgekeep(&["verify"]).run().expect(0);
}

#[test]
fn the_number_to_compare_with_goes_along() {
    let world = backed_up(&["a", "b", "c", "d", "e"]);
    for slug in ["a", "b", "c", "d"] {
        world.forge.repository(slug).delete();
    }
    world.configure(&[titled(&world, "work")]);
    let run = world.backup().expect(3);
    let shortfall = &source(&run, "work")["error"];
    assert_eq!(shortfall["kind"], "shortfall");
    assert!(
        shortfall["message"]
            .as_str()
            .unwrap()
            .contains("but 5 last time"),
        "{shortfall}"
    );
    // What is listed no more came along too.
    assert!(notes(&run, "work").contains("5 repositories were taken over"));
    assert!(path(&world, "work/acme#a/repo").is_dir());
}

#[test]
fn what_is_still_configured_is_not_taken_whatever_sources_are_asked_for() {
    let world = backed_up(&["web"]);
    world.configure(&[world.source(), titled(&world, "work")]);
    let only = ["backup", "--source", "work"];
    let run = world.forgekeep(&only).run().expect(0);
    assert_eq!(run.outcome("acme/web"), "cloned");
    assert_eq!(notes(&run, "work"), "");
    assert!(world.mirror("web").is_dir());
    // Now it is not, and the other one that lists the same has it already.
    world.configure(&[titled(&world, "first"), titled(&world, "work")]);
    world.forge.reset_log();
    let run = world.forgekeep(&only).run().expect(0);
    assert_eq!(
        (run.outcome("acme/web"), notes(&run, "work")),
        ("unchanged", String::new())
    );
    assert!(world.mirror("web").is_dir());
    let run = world
        .forgekeep(&["backup", "--source", "first"])
        .run()
        .expect(0);
    assert_eq!(run.outcome("acme/web"), "unchanged");
    assert_eq!(notes(&run, "first"), format!("1 repository was {TAKEN}"));
    assert_eq!(world.forge.count(RequestKind::UploadPack), 0);
}

#[test]
fn of_two_new_sources_the_one_that_lists_it_has_it_and_else_the_first() {
    let forge = Forge::builder()
        .workspace("acme")
        .workspace("beta")
        .api_token(EMAIL, USER, TOKEN)
        .build();
    let world = World::of(forge);
    world.forge.repository("web").commit("one");
    world.forge.repository_in("beta", "api").commit("one");
    let mut beta = titled(&world, "old beta");
    beta["name"] = "beta".into();
    world.configure(&[world.source(), beta.clone()]);
    world.backup().expect(0);
    world.forge.reset_log();
    beta["title"] = "second".into();
    world.configure(&[beta, titled(&world, "one"), titled(&world, "two")]);
    let run = world.backup().expect(0);
    assert!(notes(&run, "second").contains("from \"old beta\""));
    assert_eq!(notes(&run, "one"), format!("1 repository was {TAKEN}"));
    assert_eq!(notes(&run, "two"), "");
    assert!(path(&world, "second/beta#api/repo").is_dir());
    assert!(path(&world, "one/acme#web/repo").is_dir());
    assert!(path(&world, "two/acme#web/repo").is_dir());
    assert!(!path(&world, "old%20beta").exists() && !path(&world, "old beta").exists());
}

#[test]
fn what_is_gone_goes_along_and_what_is_of_another_server_does_not() {
    let world = backed_up(&["api", "web"]);
    world.forge.repository("web").delete();
    world.backup().expect(0);
    let other = Forge::builder().api_token(EMAIL, USER, TOKEN).build();
    let mut source_of_other = titled(&world, "other");
    source_of_other["apiUrl"] = other.api_url().into();
    other.repository("api").commit("one");
    world.configure(&[source_of_other, titled(&world, "work")]);
    let run = world.backup().expect(0);
    assert_eq!(notes(&run, "work"), format!("2 repositories were {TAKEN}"));
    assert_eq!(notes(&run, "other"), "");
    let gone = &source(&run, "work")["gone"];
    assert_eq!(gone[0]["path"], "work/acme#web", "{gone}");
    assert!(json_of(&path(&world, "work/acme#web/forgekeep.json"))["gone"].is_string());
}

#[test]
fn a_run_that_was_killed_in_the_middle_goes_on() {
    let world = backed_up(&["api", "web"]);
    // As it leaves it: the number was written first, and one folder was moved.
    world.configure(&[titled(&world, "work")]);
    fs::create_dir(path(&world, "work")).unwrap();
    fs::rename(world.folder("api"), path(&world, "work/acme#api")).unwrap();
    fs::create_dir_all(world.folder("new").join("repo.forgekeep-partial")).unwrap();
    let run = world.backup().expect(0);
    assert_all(&run, "unchanged", 2);
    assert_eq!(world.forge.count(RequestKind::UploadPack), 0);
    assert_eq!(notes(&run, "work"), format!("1 repository was {TAKEN}"));
    assert!(!path(&world, "acme").exists());
}

#[test]
fn a_name_that_is_taken_is_in_nobodys_way() {
    let world = backed_up(&["web"]);
    world.configure(&[titled(&world, "work")]);
    let mine = path(&world, "work/acme#web/notes.txt");
    fs::create_dir_all(mine.parent().unwrap()).unwrap();
    fs::write(&mine, "mine").unwrap();
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "unchanged");
    assert_eq!(fs::read_to_string(&mine).unwrap(), "mine");
    assert!(!path(&world, "acme").exists());
}

#[test]
fn what_nobody_claimed_is_left() {
    let world = backed_up(&["web"]);
    for file in ["forgekeep.json", "snapshots"] {
        let file = world.folder("web").join(file);
        let _ = fs::remove_file(&file).or_else(|_| fs::remove_dir_all(&file));
    }
    world.configure(&[titled(&world, "work")]);
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "cloned");
    assert!(world.mirror("web").is_dir());
}

#[test]
fn known_damage_and_the_trash_have_the_new_title_too() {
    let world = backed_up(&["api", "web"]);
    // What verify has seen.
    let packs = world.mirror("web").join("objects/pack");
    let pack = fs::read_dir(packs).unwrap().map(|e| e.unwrap().path());
    let pack = pack
        .filter(|p| p.extension().is_some_and(|e| e == "pack"))
        .max_by_key(|p| fs::metadata(p).unwrap().len())
        .unwrap();
    let mut bytes = fs::read(&pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    make_writable(&pack);
    fs::write(&pack, bytes).unwrap();
    world.forgekeep(&["verify"]).run().expect(3);
    // One that was removed. Format 1 needs no checksum.
    let mut state = json_of(&world.folder("api").join("forgekeep.json"));
    state["id"] = "{gone}".into();
    state["format"] = 1.into();
    state["trashed"] =
        json!({"at": "2026-01-01T00:00:00Z", "source": "acme", "folder": "acme#gone"});
    state.as_object_mut().unwrap().remove("checksum");
    let trashed = path(&world, ".forgekeep/trash/2026-01-01-acme-acme#gone");
    fs::create_dir_all(&trashed).unwrap();
    fs::write(trashed.join("forgekeep.json"), state.to_string()).unwrap();
    world.configure(&[titled(&world, "work")]);
    let run = world.backup();
    assert!(notes(&run, "work").contains("2 repositories were"));
    let web = run.repository("acme/web");
    // It was repaired, by what is known under its id.
    assert!(web.to_string().contains("repaired"), "{web:#}");
    let known = json_of(&path(&world, ".forgekeep/verify.json"));
    let all = known["repositories"].as_array().unwrap();
    assert_eq!(all.len(), 2, "{known:#}");
    assert!(all.iter().all(|r| r["source"] == "work"), "{known:#}");
    let state = json_of(&trashed.join("forgekeep.json"));
    assert_eq!(state["trashed"]["source"], "work", "{state:#}");
}

#[allow(clippy::permissions_set_readonly_false)]
fn make_writable(file: &Path) {
    let mut mode = fs::metadata(file).unwrap().permissions();
    mode.set_readonly(false);
    fs::set_permissions(file, mode).unwrap();
}
