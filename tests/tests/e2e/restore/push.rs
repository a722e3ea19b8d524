//! `restore --push`: an empty repository elsewhere is set to a state.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use forgekeep_tests::{Invocation, PushTarget, Run, compare, git};

use super::{snapshots, text};
use crate::support::World;

const USER: &str = "ada";
const PASSWORD: &str = "push-T0ken=4711/xyz";

/// A repository with a history, and where to push it.
fn worlds() -> (World, PushTarget) {
    let world = World::new();
    let web = world
        .forge
        .repository("web")
        .private()
        .commit("one")
        .commit("two");
    web.commit_to("feature", "three")
        .annotated_tag("v1")
        .tag("light");
    world.backup().expect(0);
    (world, PushTarget::new(USER, PASSWORD))
}

fn push<'w>(world: &'w World, to: &str, more: &[&str]) -> Invocation<'w> {
    world
        .forgekeep(&[&["restore", "web", "--push", to], more].concat())
        .env("FORGEKEEP_PUSH_USER", USER)
        .env("FORGEKEEP_PUSH_PASSWORD", PASSWORD)
}

#[track_caller]
fn assert_secret(run: &Run) {
    for text in [&run.stdout, &run.stderr] {
        assert!(!text.contains(PASSWORD), "{text}");
        // The same in base64, as it travels.
        assert!(!text.contains("cHVzaC1UMGtlbj00NzEx"), "{text}");
    }
}

#[test]
fn an_empty_repository_is_set_to_the_state() {
    let (world, target) = worlds();
    let web = world.forge.repository("web");
    let upstream = compare::refs(&web.git_dir());
    web.git(&["notes", "add", "-m", "later", "main"])
        .force_push("main");
    world.backup().expect(0);
    let first = snapshots(&world, "web")[0].clone();
    let at = ["--at", text(&first, "id"), "-vvv"];
    let run = push(&world, target.url(), &at).run().expect(0);
    assert_secret(&run);
    assert_eq!(compare::refs(target.git_dir()), upstream);
    compare::assert_sound(target.git_dir());
    assert!(
        run.stdout.contains("set the default branch there to main"),
        "{}",
        run.stdout
    );
    // Nothing else came along.
    let fsck = git::run(target.git_dir(), &["fsck", "--full", "--unreachable"]);
    assert_eq!(fsck, "");
    // A request says how long it is: not every server takes another.
    let requests = target.requests();
    let post = requests.iter().find(|r| r.method == "POST").unwrap();
    let length: usize = post.header("content-length").unwrap().parse().unwrap();
    assert_eq!(length, post.body.len());
    assert!(post.header("transfer-encoding").is_none());
    // What was needed meanwhile is gone.
    assert_eq!(fs::read_dir(world.sandbox.path("tmp")).unwrap().count(), 0);
}

#[test]
fn one_that_is_not_empty_is_left_alone_unless_told() {
    let (world, target) = worlds();
    push(&world, target.url(), &[]).run().expect(0);
    let before = compare::refs(target.git_dir());
    let web = world.forge.repository("web");
    web.force_push("main")
        .delete_branch("feature")
        .commit_to("new", "x");
    world.backup().expect(0);
    git::run(
        target.git_dir(),
        &["update-ref", "refs/heads/theirs", "main"],
    );
    let with_theirs = compare::refs(target.git_dir());
    let run = push(&world, target.url(), &[]).run().expect(2);
    assert!(
        run.stderr.contains("is not empty: it has 5 refs"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("--force"), "{}", run.stderr);
    assert_eq!(compare::refs(target.git_dir()), with_theirs);
    assert!(
        target
            .requests()
            .iter()
            .filter(|r| r.method == "POST")
            .count()
            == 1
    );
    let run = push(&world, target.url(), &["--force"]).run().expect(0);
    assert!(
        run.stdout.contains("2 of them were there already"),
        "{}",
        run.stdout
    );
    let now = compare::refs(target.git_dir());
    for line in compare::refs(&web.git_dir()).lines() {
        assert!(now.lines().any(|found| found == line), "{line} in {now}");
    }
    // Nothing is deleted: neither what only they have, nor what the backup had once.
    for line in before.lines().filter(|line| line.contains("feature")) {
        assert!(now.contains(line), "{now}");
    }
    assert!(now.contains("refs/heads/theirs "), "{now}");
    compare::assert_sound(target.git_dir());
    // And once more: there is nothing to do.
    let run = push(&world, target.url(), &["--force"]).run().expect(0);
    assert!(run.stdout.contains("4 refs (4 of them"), "{}", run.stdout);
}

#[test]
fn wrong_or_missing_credentials_are_said_and_not_shown() {
    let (world, target) = worlds();
    let run = push(&world, target.url(), &["-vvv"])
        .env("FORGEKEEP_PUSH_USER", "eve")
        .run()
        .expect(12);
    assert_secret(&run);
    assert!(
        run.stderr.contains("the credentials were refused"),
        "{}",
        run.stderr
    );
    let plain = ["restore", "web", "--push", target.url()];
    let run = world.forgekeep(&plain).run().expect(12);
    assert!(
        run.stderr.contains("it requires credentials"),
        "{}",
        run.stderr
    );
    let half = world.forgekeep(&plain).env("FORGEKEEP_PUSH_USER", USER);
    let run = half.run().expect(2);
    assert!(
        run.stderr.contains("FORGEKEEP_PUSH_PASSWORD is not set"),
        "{}",
        run.stderr
    );
    // Also where its slash is no slash, and so no parser knows where the password is.
    for password in [PASSWORD.to_owned(), PASSWORD.replace('/', "%2F")] {
        let user = format!("//{USER}:{password}@");
        let address = target.url().replace("//", &user);
        let run = world.forgekeep(&["restore", "web", "-vvv", "--push", &address]);
        let run = run.run().expect(2);
        assert_secret(&run);
        assert!(!run.stderr.contains(&password), "{}", run.stderr);
        assert!(run.stderr.contains("FORGEKEEP_PUSH_USER"), "{}", run.stderr);
    }
    let run = push(&world, "http://192.0.2.1/x.git", &[]).run().expect(2);
    assert!(run.stderr.contains("plain HTTP"), "{}", run.stderr);
    for ssh in ["ssh://git@hoster.example/x", "git@hoster.example:x"] {
        let run = push(&world, ssh, &[]).run().expect(2);
        assert!(
            run.stderr.contains("cannot push over ssh"),
            "{}",
            run.stderr
        );
    }
    assert_eq!(compare::refs(target.git_dir()), "");
}

fn hook(git_dir: &Path, name: &str, script: &str) {
    let hooks = git_dir.join("hooks");
    fs::create_dir_all(&hooks).unwrap();
    let file = hooks.join(name);
    fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_ref_that_is_refused_is_named_and_the_others_stay() {
    let (world, target) = worlds();
    hook(
        target.git_dir(),
        "update",
        "echo \"not $1\" >&2; test \"$1\" != refs/heads/feature",
    );
    git::run(
        target.git_dir(),
        &["config", "receive.hiderefs", "refs/tags/light"],
    );
    let run = push(&world, target.url(), &["-v"]).run().expect(3);
    for name in ["refs/heads/feature", "refs/tags/light"] {
        assert!(
            run.stderr.contains(&format!("refused: {name}: ")),
            "{}",
            run.stderr
        );
    }
    assert!(
        run.stderr
            .contains("the server says: not refs/heads/feature"),
        "{}",
        run.stderr
    );
    let there = git::run(target.git_dir(), &["for-each-ref", "--format=%(refname)"]);
    assert_eq!(there, "refs/heads/main\nrefs/tags/v1");
    assert!(run.stdout.contains("2 refs, 2 refused"), "{}", run.stdout);
}

#[test]
fn a_push_that_is_refused_as_a_whole_sets_nothing() {
    let (world, target) = worlds();
    hook(target.git_dir(), "pre-receive", "echo quota >&2; exit 1");
    let run = push(&world, target.url(), &[]).run().expect(3);
    assert!(
        run.stderr.contains("pre-receive hook declined"),
        "{}",
        run.stderr
    );
    assert_eq!(compare::refs(target.git_dir()), "");
    git::run(target.git_dir(), &["config", "receive.maxInputSize", "10"]);
    let run = push(&world, target.url(), &[]).run().expect(3);
    assert!(run.stderr.contains("refused the objects"), "{}", run.stderr);
    assert_eq!(compare::refs(target.git_dir()), "");
}

#[test]
fn an_address_that_is_no_repository_is_said() {
    let (world, target) = worlds();
    let url = target.url().replace("target.git", "none.git");
    let run = push(&world, &url, &[]).run().expect(2);
    assert!(
        run.stderr.contains("there is no such repository"),
        "{}",
        run.stderr
    );
    let run = push(&world, "http://127.0.0.1:1/x.git", &[])
        .run()
        .expect(3);
    assert!(run.stderr.contains("hint: "), "{}", run.stderr);
}

#[test]
fn a_path_of_this_machine_will_do() {
    let (world, _) = worlds();
    let upstream = compare::refs(&world.forge.repository("web").git_dir());
    let root = world.sandbox.path("");
    git::run(&root, &["init", "-q", "--bare", "local.git"]);
    git::run(&root, &["init", "-q", "tree"]);
    let run = push(&world, "local.git", &[]).run().expect(0);
    assert!(
        run.stdout
            .contains("pushed acme/web (source acme) to local.git"),
        "{}",
        run.stdout
    );
    assert_eq!(compare::refs(&root.join("local.git")), upstream);
    compare::assert_sound(&root.join("local.git"));
    let url = format!("file://{}", root.join("local.git").display());
    let run = push(&world, &url, &[]).run().expect(2);
    assert!(run.stderr.contains("is not empty"), "{}", run.stderr);
    push(&world, &url, &["--force"]).run().expect(0);
    let run = push(&world, "tree", &[]).run().expect(2);
    assert!(run.stderr.contains("has a work tree"), "{}", run.stderr);
    let run = push(&world, "nowhere", &[]).run().expect(2);
    assert!(run.stderr.contains("git init --bare"), "{}", run.stderr);
    let mirror = world.mirror("web");
    let before = compare::refs(&mirror);
    let run = push(&world, mirror.to_str().unwrap(), &["--force"])
        .run()
        .expect(2);
    assert!(
        run.stderr.contains("in the backup folder"),
        "{}",
        run.stderr
    );
    assert_eq!(compare::refs(&mirror), before);
}

#[test]
fn a_damaged_backup_pushes_nothing() {
    let (world, target) = worlds();
    let packs = crate::support::files(&world.mirror("web").join("objects/pack"));
    for pack in packs
        .iter()
        .filter(|path| path.extension().is_some_and(|e| e == "pack"))
    {
        super::flip_a_byte(pack, 20);
    }
    let run = push(&world, target.url(), &[]).run().expect(3);
    assert!(
        run.stderr.contains("the backup is damaged"),
        "{}",
        run.stderr
    );
    assert_eq!(compare::refs(target.git_dir()), "");
    assert_eq!(fs::read_dir(world.sandbox.path("tmp")).unwrap().count(), 0);
}

#[test]
fn many_refs_and_odd_names_arrive() {
    let (world, target) = worlds();
    let web = world.forge.repository("web").many_branches(3_000);
    web.git(&["update-ref", "refs/heads/\u{fc}/%41", "main"]);
    web.git(&["update-ref", "refs/custom/x", "main^{tree}"]);
    world.backup().expect(0);
    push(&world, target.url(), &[]).run().expect(0);
    assert_eq!(
        compare::refs(target.git_dir()),
        compare::refs(&web.git_dir())
    );
    compare::assert_sound(target.git_dir());
}
