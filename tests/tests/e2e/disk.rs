//! The backup folder: where it may be, and what is in it that is not ours.

use std::fs;

use forgekeep_tests::git;
use serde_json::{Value, json};

use crate::support::{World, content, error, report};

#[test]
fn a_backup_folder_whose_parent_is_missing_is_refused() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let folder = world.sandbox.path("not-mounted/backup");
    let config = json!({"localFolder": folder, "sources": [world.source()]});
    world.sandbox.write("settings.yml", config.to_string());
    let run = world.backup();
    assert!(run.code.is_some_and(|code| code != 0), "{run:#?}");
    assert!(
        run.stderr.contains("is the disk mounted?"),
        "{}",
        run.stderr
    );
    assert!(!world.sandbox.path("not-mounted").exists());
    assert_eq!(report(&run)["exitCode"], run.code.unwrap());
    assert!(world.forge.requests().is_empty());
}

#[test]
fn a_backup_folder_that_is_a_file_is_refused() {
    let world = World::new();
    world.sandbox.write("backup", "not a folder");
    let run = world.backup();
    assert!(run.code.is_some_and(|code| code != 0), "{run:#?}");
    assert!(run.stderr.contains("backup"), "{}", run.stderr);
    assert_eq!(
        fs::read_to_string(world.sandbox.backup()).unwrap(),
        "not a folder"
    );
}

/// A run with something of somebody else's where the backup of `web` would be.
fn with_foreign(file: &str) -> World {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let api = world.forge.repository("api").commit("one");
    fs::create_dir_all(world.folder("web")).unwrap();
    world
        .sandbox
        .write(format!("backup/acme/acme#web/{file}"), "somebody's own");
    let before = content(&world.folder("web"));
    let run = world.backup().expect(3);
    let said = error(run.repository("acme/web"));
    assert!(
        said.starts_with("foreign-folder: ") && said.contains("acme#web"),
        "{said}"
    );
    assert_eq!(content(&world.folder("web")), before);
    world.assert_mirrored(api);
    world
}

#[test]
fn a_folder_with_foreign_content_is_left_alone_and_named() {
    with_foreign("thesis.odt");
    with_foreign("repo/thesis.odt");
}

#[test]
fn a_foreign_folder_that_is_moved_away_makes_room() {
    let world = with_foreign("thesis.odt");
    fs::rename(world.folder("web"), world.sandbox.path("elsewhere")).unwrap();
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "cloned");
    world.assert_mirrored(world.forge.repository("web"));
}

#[test]
fn the_folder_says_whose_it_is() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world.backup().expect(0);
    let state = fs::read(world.folder("web").join("forgekeep.json")).unwrap();
    let state: Value = serde_json::from_slice(&state).unwrap();
    assert_eq!(state["id"], web.uuid().as_str());
    assert_eq!(state["hoster"], "bitbucket");
    assert_eq!(state["fullName"], "acme/web");
}

#[test]
fn a_damaged_state_file_fails_its_repository_alone_and_is_named() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let api = world.forge.repository("api").commit("one");
    world.backup().expect(0);
    let state = world.folder("web").join("forgekeep.json");
    fs::write(&state, "{\"format\": 1, \"hos").unwrap();
    let before = content(&world.folder("web"));
    let run = world.backup().expect(3);
    let said = error(run.repository("acme/web"));
    assert!(
        said.starts_with("damaged: ") && said.contains("forgekeep.json"),
        "{said}"
    );
    assert_eq!(content(&world.folder("web")), before);
    world.assert_mirrored(api);
    // As the hint says.
    fs::remove_file(state).unwrap();
    world.backup().expect(0);
    world.assert_mirrored(world.forge.repository("web"));
}

#[test]
fn a_damaged_mirror_is_not_overwritten() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world.backup().expect(0);
    let packed = world.mirror("web").join("packed-refs");
    fs::write(&packed, "0123456789 nonsense").unwrap();
    web.commit("two");
    let before = content(&world.mirror("web"));
    let run = world.backup().expect(3);
    let said = error(run.repository("acme/web"));
    assert!(
        said.starts_with("damaged: ") && said.contains("packed-refs"),
        "{said}"
    );
    assert_eq!(content(&world.mirror("web")), before);
}

#[test]
fn nobodys_git_configuration_changes_what_is_mirrored() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    let rewrite = format!(
        "[url \"http://localhost:1/\"]\n\tinsteadOf = {}\n",
        world.forge.git_url()
    );
    world.sandbox.write("home/.gitconfig", rewrite);
    world.backup().expect(0);
    world.assert_mirrored(web);
    assert_eq!(git::run(&world.mirror("web"), &["remote"]), "");
}
