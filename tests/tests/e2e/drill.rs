//! `forgekeep drill`: what is in the backup is brought back, compared, and removed again.

use std::fs;
use std::path::{Path, PathBuf};

use forgekeep_tests::{Run, git};
use serde_json::Value;

use crate::support::{World, files};
use crate::verify::damage::flip;

/// A backup of two repositories; one has a wiki, a default branch that is not `main`, and a branch that is gone.
fn world() -> World {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    web.git(&["branch", "gone"]);
    web.git(&["branch", "-m", "main", "trunk"]);
    web.git(&["symbolic-ref", "HEAD", "refs/heads/trunk"]);
    web.wiki();
    world.forge.repository("api").commit("one");
    world.backup().expect(0);
    web.git(&["branch", "-D", "gone"]);
    world.backup().expect(0);
    world
}

fn drill(world: &World, arguments: &[&str]) -> Run {
    // What runs here finds no program unless it is told where.
    let path = std::env::var("PATH").unwrap();
    let drill = world.forgekeep(&[&["drill"], arguments].concat());
    drill.env("PATH", path).run()
}

fn document(run: &Run) -> Value {
    crate::json::document(run, "drill")
}

fn temporary(world: &World) -> PathBuf {
    world.sandbox.backup().join(".forgekeep/tmp")
}

#[track_caller]
fn assert_clean(folder: &Path) {
    let left: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    assert_eq!(left, Vec::<PathBuf>::new());
}

fn pack(world: &World, slug: &str) -> PathBuf {
    let mut all = files(&world.mirror(slug).join("objects/pack"));
    all.retain(|path| path.extension().is_some_and(|ending| ending == "pack"));
    all.remove(0)
}

#[test]
fn a_good_backup_comes_back_as_it_was_and_nothing_is_left() {
    let world = world();
    let run = drill(&world, &["--json"]).expect(0);
    let found = document(&run);
    assert_eq!(found["outcome"], "ok", "{found:#}");
    let all = found["repositories"].as_array().unwrap();
    let web = all
        .iter()
        .find(|one| one["name"] == "acme/acme/web")
        .unwrap();
    let states: Vec<(&str, &str)> = web["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| {
            (
                part["part"].as_str().unwrap(),
                part["state"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("repository", "newest"),
        ("repository", "withGoneBranches"),
        ("wiki", "newest"),
    ];
    assert_eq!(states, expected, "{web:#}");
    assert_eq!(web["parts"][0]["comparedBy"], "git");
    assert_clean(&temporary(&world));
    let status = world.forgekeep(&["status"]).run().expect(0).stdout;
    assert!(
        status.contains("drill: 2 repositories restored within 1 day"),
        "{status}"
    );
    assert!(
        world
            .forge
            .requests()
            .iter()
            .all(|request| request.method != "PUT")
    );
}

#[test]
fn without_git_libgit2_compares() {
    let world = world();
    let run = world.forgekeep(&["drill", "--json"]).run().expect(0);
    let found = document(&run);
    assert_eq!(
        found["repositories"][0]["parts"][0]["comparedBy"], "libgit2",
        "{found:#}"
    );
}

#[test]
fn a_flipped_byte_a_missing_pack_and_a_wrong_head_are_each_named() {
    let flipped = |world: &World| {
        let pack = pack(world, "web");
        let middle = usize::try_from(fs::metadata(&pack).unwrap().len() / 2).unwrap();
        flip(&pack, middle);
    };
    let missing = |world: &World| fs::remove_file(pack(world, "web")).unwrap();
    let wrong = |world: &World| {
        let head = world.mirror("web").join("HEAD");
        fs::write(head, "ref: refs/heads/none\n").unwrap();
    };
    type Case<'c> = (&'c str, &'c dyn Fn(&World), &'c str);
    let cases: [Case<'_>; 3] = [
        ("byte", &flipped, "cannot be read"),
        ("pack", &missing, "is not there"),
        (
            "head",
            &wrong,
            "HEAD is damaged: it points to refs/heads/none",
        ),
    ];
    for (what, damage, words) in cases {
        let world = world();
        damage(&world);
        let said = drill(&world, &[]).expect(3).stdout;
        assert!(
            said.contains("acme/acme/web: did not come back as it was"),
            "{what}: {said}"
        );
        assert!(said.contains(words), "{what}: {said}");
        assert!(!said.contains("acme/acme/api: did not"), "{what}: {said}");
        assert_clean(&temporary(&world));
        let status = world.forgekeep(&["status"]).run().expect(0).stdout;
        assert!(
            status.contains("not as it was: acme/web"),
            "{what}: {status}"
        );
    }
}

#[test]
fn a_part_of_all_is_brought_back_in_turn() {
    let world = world();
    let name = |run: &Run| {
        document(run)["repositories"][0]["name"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let first = name(&drill(&world, &["--subset", "auto", "--json"]).expect(0));
    let status = world.forgekeep(&["status"]).run().expect(0).stdout;
    assert!(status.contains("never restored: acme/"), "{status}");
    let second = name(&drill(&world, &["--subset", "auto", "--json"]).expect(0));
    assert_ne!(first, second);
    let one = drill(&world, &["web", "--json"]).expect(0);
    assert_eq!(name(&one), "acme/acme/web");
    drill(&world, &["--subset", "0/3"]).expect(2);
    let (parts, mut all) = (3, 0);
    for part in 1..=parts {
        let run = drill(&world, &["--subset", &format!("{part}/{parts}"), "--json"]).expect(0);
        all += document(&run)["repositories"].as_array().unwrap().len();
    }
    assert_eq!(all, 2);
}

#[test]
fn what_a_killed_drill_has_left_goes_with_the_next_one() {
    let world = world();
    let left = temporary(&world).join("drill-killed");
    fs::create_dir_all(left.join("r1/.git")).unwrap();
    fs::write(left.join("lock"), "forgekeep drill\n").unwrap();
    let elsewhere = world.sandbox.path("elsewhere");
    let folder = elsewhere.to_str().unwrap();
    drill(&world, &["--temp", folder]).expect(0);
    assert!(left.exists());
    assert_clean(&elsewhere);
    drill(&world, &[]).expect(0);
    assert_clean(&temporary(&world));
    // Somebody's own folder that is only called like one of a drill.
    let own = elsewhere.join("drill-down");
    fs::create_dir(&own).unwrap();
    fs::write(own.join("lock"), "mine\n").unwrap();
    drill(&world, &["--temp", folder]).expect(0);
    assert!(own.join("lock").exists());
    git::run(&world.mirror("web"), &["fsck", "--full"]);
}

#[cfg(unix)]
#[test]
fn an_interruption_ends_it_soon_and_leaves_nothing() {
    use std::os::unix::fs::PermissionsExt;

    let world = world();
    let programs = world.sandbox.path("programs");
    fs::create_dir(&programs).unwrap();
    let begun = programs.join("begun");
    // A git that never ends once it has something to compare.
    let script = format!(
        "#!/bin/sh\ncase \"$1\" in --version) exit 0;; esac\n: > '{}'\nexec /bin/sleep 3600\n",
        begun.to_str().unwrap()
    );
    let git = programs.join("git");
    fs::write(&git, script).unwrap();
    fs::set_permissions(&git, fs::Permissions::from_mode(0o755)).unwrap();
    let drill = world.forgekeep(&["drill"]);
    let running = drill.env("PATH", programs.to_str().unwrap()).spawn();
    crate::streaming::wait_until("a git that compares", || begun.exists());
    running.signal("TERM");
    let run = running.wait();
    assert_eq!(run.code, Some(130), "{}", run.stderr);
    assert!(run.stdout.contains("interrupted: "), "{}", run.stdout);
    assert_clean(&temporary(&world));
}
