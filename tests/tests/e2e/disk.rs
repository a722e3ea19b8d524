//! The backup folder: where it may be, and what is in it that is not ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use forgekeep_tests::{Action, Fault, Repo, RequestKind, compare, git};
use serde_json::{Value, json};

use crate::support::{World, content, error, files, report};

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
        run.stderr.contains("whether the disk is mounted"),
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
fn a_damaged_state_file_without_snapshots_fails_its_repository_alone_and_is_named() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let api = world.forge.repository("api").commit("one");
    world.backup().expect(0);
    let state = world.folder("web").join("forgekeep.json");
    fs::write(&state, "{\"format\": 1, \"hos").unwrap();
    fs::remove_dir_all(world.folder("web").join("snapshots")).unwrap();
    let before = content(&world.folder("web"));
    let run = world.backup().expect(3);
    let said = error(run.repository("acme/web"));
    assert!(
        said.starts_with("damaged: ") && said.contains("forgekeep.json"),
        "{said}"
    );
    assert_eq!(content(&world.folder("web")), before);
    world.assert_mirrored(api);
    // Somebody who knows whose folder it is.
    fs::remove_file(state).unwrap();
    world.backup().expect(0);
    world.assert_mirrored(world.forge.repository("web"));
}

#[test]
fn a_damaged_state_file_is_made_again_from_the_snapshots() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world.backup().expect(0);
    let state = world.folder("web").join("forgekeep.json");
    let good = fs::read_to_string(&state).unwrap();
    let bad = good.replace("acme/web", "acme/wfb");
    fs::write(&state, &bad).unwrap();
    assert_eq!(world.backup().expect(0).outcome("acme/web"), "unchanged");
    let made: Value = serde_json::from_slice(&fs::read(&state).unwrap()).unwrap();
    let good: Value = serde_json::from_str(&good).unwrap();
    for key in ["hoster", "id", "fullName"] {
        assert_eq!(made[key], good[key], "{key}");
    }
    let aside = world.folder("web").join("forgekeep.json.damaged");
    assert_eq!(fs::read_to_string(aside).unwrap(), bad);
    world.assert_mirrored(web);
    assert_eq!(world.backup().expect(0).outcome("acme/web"), "unchanged");
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

#[test]
fn a_clone_that_is_stated_to_be_larger_than_the_disk_is_not_begun() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one").size(1 << 50);
    let api = world.forge.repository("api").commit("one");
    let run = world.backup().expect(3);
    let path = world.mirror("web");
    let parts = [
        path.to_str().unwrap(),
        "it needs 1.0 PiB by the hoster's figure",
        "is missing",
    ];
    let said = error(run.repository("acme/web"));
    for part in parts {
        assert!(said.contains(part), "no \"{part}\" in: {said}");
    }
    assert!(!world.folder("web").exists());
    assert_eq!(
        run.outcome("acme/api"),
        "cloned",
        "its size is nobody else's matter"
    );
    assert_eq!(world.forge.count(RequestKind::InfoRefs), 1);
    world.assert_mirrored(api);
    web.size(1000);
    world.backup().expect(0);
    // Once it is there, its size is no reason any more.
    web.commit("two").size(1 << 50);
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "updated");
    world.assert_mirrored(web);
}

/// Commits a file that cannot be compressed, different each time.
pub fn commit_random(repository: Repo<'_>, size: usize) -> Repo<'_> {
    let before = git::try_run(&repository.git_dir(), &["rev-parse", "refs/heads/main"]);
    let mut state = 0x9E37_79B9_7F4A_7C15_u64 ^ size as u64;
    for byte in before.as_deref().unwrap_or("").bytes() {
        state = state.rotate_left(5) ^ u64::from(byte);
    }
    let mut content = Vec::with_capacity(size + 8);
    while content.len() < size {
        // xorshift64, and never from 0.
        state |= u64::from(state == 0);
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        content.extend(state.to_le_bytes());
    }
    content.truncate(size);
    let from = before.map_or(String::new(), |id| format!("from {id}\n"));
    let head = format!(
        "commit refs/heads/main\ncommitter Ada <ada@example.com> 1700000000 +0000\n\
         data 6\nrandom\n{from}M 100644 inline random-{state:x}\ndata {size}\n"
    );
    let mut stream = head.into_bytes();
    stream.extend(&content);
    stream.push(b'\n');
    git::run_with_input(
        &repository.git_dir(),
        &["fast-import", "--quiet", "--force"],
        &stream,
    );
    repository.git(&["rev-parse", "HEAD"])
}

/// What libgit2 is writing into a mirror.
fn half_written(mirror: &Path) -> Vec<PathBuf> {
    let mut found = files(&mirror.join("objects"));
    found.retain(|path| path.to_string_lossy().contains("forgekeep-incoming"));
    found
}

#[test]
fn what_a_killed_fetch_leaves_in_a_mirror_is_removed_by_the_next_one() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world.backup().expect(0);
    let before = compare::refs(&world.mirror("web"));
    commit_random(web, 4 << 20);
    world
        .forge
        .inject(Fault::on(RequestKind::UploadPack, Action::Stall));
    let mut running = world.forgekeep(&["backup"]).spawn();
    let begun = Instant::now();
    let is_large = |path: &PathBuf| fs::metadata(path).is_ok_and(|m| m.len() > 1 << 20);
    while !half_written(&world.mirror("web")).iter().any(is_large) {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "no pack is written"
        );
        thread::sleep(Duration::from_millis(2));
    }
    running.kill();
    running.wait();
    let mirror = world.mirror("web");
    assert_eq!(half_written(&mirror).len(), 1);
    assert_eq!(compare::refs(&mirror), before);
    compare::assert_sound(&mirror);
    // git's own, at work now for all one knows, and left behind the day before yesterday.
    let packs = mirror.join("objects/pack");
    let (new, old) = (packs.join("tmp_pack_new"), packs.join("tmp_pack_old"));
    fs::write(&new, "new").unwrap();
    fs::write(&old, "old").unwrap();
    let date = SystemTime::now() - Duration::from_secs(2 * 24 * 60 * 60);
    let file = fs::File::options().write(true).open(&old).unwrap();
    file.set_modified(date).unwrap();
    // Also if that fetch comes to nothing itself.
    world.forge.clear_faults();
    world
        .forge
        .inject(Fault::on(RequestKind::UploadPack, Action::Close));
    world.backup().expect(3);
    assert!(half_written(&mirror).is_empty());
    assert!(new.exists() && !old.exists());
    world.forge.clear_faults();
    world.backup().expect(0);
    world.assert_mirrored(web);
    assert!(new.exists());
}

#[test]
fn of_large_repositories_two_are_worked_on_at_a_time_and_small_ones_pass_them() {
    let world = World::new();
    let slugs = ["large-1", "large-2", "large-3"];
    for slug in slugs {
        world
            .forge
            .repository(slug)
            .commit("one")
            .size((1 << 30) + 1);
        let hang = Fault::on(RequestKind::InfoRefs, Action::Hang);
        world.forge.inject(hang.repository(slug));
    }
    for slug in ["small-1", "small-2"] {
        world.forge.repository(slug).commit("one");
    }
    let running = world.forgekeep(&["backup", "--jobs", "4"]).spawn();
    // The small ones are done, though one large one, which comes before them, has not begun.
    world.forge.wait_for(RequestKind::UploadPack, 2);
    thread::sleep(Duration::from_millis(300));
    assert_eq!(world.forge.count(RequestKind::InfoRefs), 4);
    world.forge.clear_faults();
    world.forge.release();
    // Those that hung are cut off; the third has its turn now.
    let run = running.wait().expect(3);
    let cloned = slugs.map(|slug| run.outcome(&format!("acme/{slug}")) == "cloned");
    assert_eq!(cloned.iter().filter(|cloned| **cloned).count(), 1);
    world.backup().expect(0);
}
