//! Folders that SCM Backup made: taken over in place, without downloading again.

use std::fs;

use forgekeep_tests::{RequestKind, compare, git};

use serde_json::Value;

use crate::support::{World, kept};

/// Does what SCM Backup does for each repository.
fn scm_backup(world: &World, slug: &str, kind: &str, url: &str) {
    let folder = world.folder(slug).join(kind);
    fs::create_dir_all(&folder).unwrap();
    git::run(&folder, &["init", "-q", "--bare"]);
    git::run(
        &folder,
        &[
            "fetch",
            "-q",
            "--force",
            "--prune",
            url,
            "refs/heads/*:refs/heads/*",
            "refs/tags/*:refs/tags/*",
        ],
    );
    assert!(
        folder
            .join("refs/heads")
            .read_dir()
            .unwrap()
            .next()
            .is_some(),
        "loose refs"
    );
}

#[test]
fn a_folder_of_scm_backup_is_adopted_without_downloading_again() {
    let world = World::new();
    let web = world
        .forge
        .repository("web")
        .commit("one")
        .annotated_tag("v1");
    web.branch("trunk", "main")
        .default_branch("trunk")
        .commit_to("side/x", "two")
        .wiki();
    scm_backup(&world, "web", "repo", &web.clone_url());
    scm_backup(&world, "web", "wiki", &format!("{}/wiki", web.clone_url()));
    let plan = world.forgekeep(&["backup", "--dry-run"]).run().expect(0);
    assert!(
        plan.stdout.contains("adopt   acme/web -> acme#web"),
        "{}",
        plan.stdout
    );
    world.forge.reset_log();
    let run = world.backup().expect(0);
    assert_eq!(world.forge.count(RequestKind::UploadPack), 0);
    assert_eq!(run.repository("acme/web")["bytesReceived"], 0);
    assert_eq!(run.repository("acme/web")["path"], "acme/acme#web");
    world.assert_mirrored(web);
    compare::assert_mirror(&web.wiki_dir(), &world.folder("web").join("wiki"));
    assert_eq!(
        world
            .sandbox
            .backup()
            .join("acme")
            .read_dir()
            .unwrap()
            .count(),
        1
    );
    assert!(world.folder("web").join("forgekeep.json").is_file());
    assert_eq!(world.backup().expect(0).outcome("acme/web"), "unchanged");
}

#[test]
fn what_upstream_rewrote_since_is_kept_from_the_adopted_folder() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one").commit("two");
    web.commit_to("gone", "three");
    let old = [web.rev_parse("main"), web.rev_parse("gone")];
    scm_backup(&world, "web", "repo", &web.clone_url());
    web.force_push("main").delete_branch("gone");
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "updated");
    world.assert_mirrored(web);
    let kept = kept(&world.mirror("web")).join("\n");
    assert!(old.iter().all(|tip| kept.contains(tip)), "{kept}");
    // What was found is the first snapshot.
    let run = world.forgekeep(&["snapshots", "web", "--json"]).run();
    let said: Value = serde_json::from_str(&run.expect(0).stdout).unwrap();
    let [first, second] = [0, 1].map(|index| &said["snapshots"][index]);
    assert_eq!(
        (&first["origin"], &second["origin"]),
        (&"adopted".into(), &"run".into())
    );
    assert_eq!(first["counts"]["refs"], 2);
    assert_eq!(second["counts"]["forced"], 1);
    assert_eq!(second["counts"]["deleted"], 1);
    let id = first["id"].as_str().unwrap();
    let to = world.sandbox.path("found");
    let restore = [
        "restore",
        "web",
        "--at",
        id,
        "--bare",
        "--to",
        to.to_str().unwrap(),
    ];
    world.forgekeep(&restore).run().expect(0);
    let refs = format!("refs/heads/gone {}\nrefs/heads/main {}", old[1], old[0]);
    assert_eq!(compare::refs(&to), refs);
}

#[test]
fn an_adopted_empty_repository_is_no_problem() {
    let world = World::new();
    let web = world.forge.repository("web");
    let folder = world.folder("web").join("repo");
    fs::create_dir_all(&folder).unwrap();
    git::run(&folder, &["init", "-q", "--bare"]);
    assert_eq!(world.backup().expect(0).outcome("acme/web"), "empty");
    web.commit("one");
    world.backup().expect(0);
    world.assert_mirrored(web);
}
