//! Refs in git's reftable format, and formats that nobody here knows.

use std::fs;

use forgekeep_tests::{compare, git};

use super::{adopted, restored, verified, warnings};
use crate::support::{World, content, error, kept};

const OPTION: &[&str] = &["--ref-format=reftable"];

#[test]
fn an_adopted_reftable_mirror_is_converted_and_nothing_is_lost() {
    let world = World::new();
    let web = world
        .forge
        .repository("web")
        .commit("one")
        .annotated_tag("v1");
    web.commit_to("side/x", "two").many_branches(300);
    web.branch("trunk", "main").default_branch("trunk").wiki();
    let mirror = adopted(&world, "web", web, OPTION);
    // Logs, many small blocks with an index, several tables.
    git::run(&mirror, &["config", "core.logAllRefUpdates", "always"]);
    git::run(&mirror, &["config", "reftable.blockSize", "300"]);
    git::run(&mirror, &["config", "reftable.restartInterval", "3"]);
    git::run(&mirror, &["pack-refs", "--all"]);
    // What only the backup has.
    git::run(&mirror, &["branch", "only-here", "side/x"]);
    git::run(&mirror, &["branch", "-D", "many/7"]);
    git::run(
        &mirror,
        &["symbolic-ref", "refs/heads/alias", "refs/heads/main"],
    );
    let only = git::run(
        &mirror,
        &["commit-tree", "-p", "main", "-m", "x", "main^{tree}"],
    );
    git::run(&mirror, &["update-ref", "refs/heads/only-here", &only]);
    let before = content(&mirror);

    // Without a backup in between.
    let found = verified(&world, 0);
    let said = found["repositories"][0]["warnings"].to_string();
    assert!(said.contains("reftable"), "{said}");
    let to = restored(&world, "web", "before");
    assert_eq!(git::run(&to, &["rev-parse", "only-here"]), only);
    assert_eq!(compare::head(&to), compare::head(&mirror));
    assert_eq!(content(&mirror), before, "reading changes nothing");

    let run = world.backup().expect(0);
    let said = warnings(&run, "acme/web");
    assert!(
        said.contains("reftable format") && said.contains("reftable.set-aside"),
        "{said}"
    );
    assert!(said.contains("remote.origin.url"), "{said}");
    assert!(run.stdout.contains("reftable format"), "{}", run.stdout);
    let alias = git::run(&mirror, &["symbolic-ref", "refs/heads/alias"]);
    assert_eq!(alias, "refs/heads/main");
    git::run(&mirror, &["symbolic-ref", "-d", "refs/heads/alias"]);
    world.assert_mirrored(web);
    assert!(mirror.join("reftable.set-aside/tables.list").is_file());
    assert!(kept(&mirror).join("\n").contains(&only));
    assert!(git::run(&mirror, &["config", "-l"]).contains("repositoryformatversion=0"));
    verified(&world, 0);
    assert_eq!(world.backup().expect(0).outcome("acme/web"), "unchanged");
    assert_eq!(warnings(&world.backup().expect(0), "acme/web"), "");
    // The state as it was found is a snapshot.
    let first = world
        .forgekeep(&["snapshots", "web", "--json"])
        .run()
        .expect(0);
    let first: serde_json::Value = serde_json::from_str(&first.stdout).unwrap();
    let id = first["snapshots"][0]["id"].as_str().unwrap();
    let to = world.sandbox.path("first");
    let arguments = [
        "restore",
        "web",
        "--at",
        id,
        "--bare",
        "--to",
        to.to_str().unwrap(),
    ];
    world.forgekeep(&arguments).run().expect(0);
    assert_eq!(git::run(&to, &["rev-parse", "only-here"]), only);
}

#[test]
fn our_own_mirror_after_a_migration_is_converted_back() {
    let world = World::new();
    let web = world
        .forge
        .repository("web")
        .commit("one")
        .annotated_tag("v1");
    web.commit_to("gone", "two");
    world.backup().expect(0);
    let old = web.rev_parse("gone");
    web.delete_branch("gone");
    world.backup().expect(0);
    let mirror = world.mirror("web");
    let refs = git::run(&mirror, &["for-each-ref"]);
    git::run(&mirror, &["refs", "migrate", "--ref-format=reftable"]);
    let said = verified(&world, 0);
    assert!(
        said["repositories"][0]["warnings"]
            .to_string()
            .contains("reftable")
    );
    for command in ["status", "snapshots"] {
        let arguments: &[&str] = if command == "status" {
            &["status"]
        } else {
            &["snapshots", "web"]
        };
        world.forgekeep(arguments).run().expect(0);
    }
    let forget = world.forgekeep(&["forget", "--prune"]).run();
    assert_ne!(forget.code, Some(101));
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "unchanged");
    assert!(warnings(&run, "acme/web").contains("reftable"));
    assert_eq!(git::run(&mirror, &["for-each-ref"]), refs);
    assert!(refs.contains(&old));
    verified(&world, 0);
    web.commit("three");
    world.backup().expect(0);
    world.assert_mirrored(web);
}

#[test]
fn tables_of_our_own_mirror_that_cannot_be_read_are_made_good_by_the_snapshots() {
    let world = World::new();
    let web = world
        .forge
        .repository("web")
        .commit("one")
        .annotated_tag("v1");
    web.commit_to("gone", "two");
    world.backup().expect(0);
    let old = web.rev_parse("gone");
    web.delete_branch("gone");
    world.backup().expect(0);
    let mirror = world.mirror("web");
    let refs = git::run(&mirror, &["for-each-ref"]);
    for what in ["table", "list"] {
        git::run(&mirror, &["refs", "migrate", "--ref-format=reftable"]);
        let list = mirror.join("reftable/tables.list");
        match what {
            "table" => {
                let name = fs::read_to_string(&list).unwrap();
                let file = mirror.join("reftable").join(name.lines().next().unwrap());
                fs::write(file, "REFT").unwrap();
            }
            _ => fs::remove_file(&list).unwrap(),
        }
        verified(&world, 3);
        let run = world.backup().expect(0);
        assert!(
            run.repository("acme/web").to_string().contains("repaired"),
            "{what}"
        );
        assert_eq!(git::run(&mirror, &["for-each-ref"]), refs, "{what}");
        assert!(refs.contains(&old));
        verified(&world, 0);
    }
}

#[test]
fn a_conversion_that_was_killed_is_finished() {
    let world = World::new();
    let web = world
        .forge
        .repository("web")
        .commit("one")
        .annotated_tag("v1");
    let mirror = adopted(&world, "web", web, OPTION);
    git::run(&mirror, &["branch", "only-here", "main"]);
    // Before the configuration is switched: the tables count.
    let id = web.rev_parse("main");
    fs::write(
        mirror.join("packed-refs"),
        format!("{id} refs/heads/half\n"),
    )
    .unwrap();
    fs::write(mirror.join("HEAD"), "ref: refs/heads/main\n").unwrap();
    fs::remove_file(mirror.join("refs/heads")).unwrap();
    fs::create_dir(mirror.join("refs/heads")).unwrap();
    fs::write(mirror.join("refs/heads/old"), format!("{id}\n")).unwrap();
    let to = restored(&world, "web", "between");
    assert!(compare::refs(&to).contains("refs/heads/only-here"));
    assert!(!compare::refs(&to).contains("half"));
    world.backup().expect(0);
    world.assert_mirrored(web);
    assert!(mirror.join("packed-refs.set-aside").is_file());
    assert!(mirror.join("refs.set-aside/heads/old").is_file());
    // After it.
    fs::rename(mirror.join("reftable.set-aside"), mirror.join("reftable")).unwrap();
    assert_eq!(world.backup().expect(0).outcome("acme/web"), "unchanged");
    assert!(!mirror.join("reftable").exists());
    verified(&world, 0);
}

#[test]
fn an_empty_reftable_mirror_is_empty() {
    let world = World::new();
    let web = world.forge.repository("web");
    let mirror = world.mirror("web");
    fs::create_dir_all(&mirror).unwrap();
    git::run(&mirror, &["init", "-q", "--bare", "--ref-format=reftable"]);
    assert_eq!(world.backup().expect(0).outcome("acme/web"), "empty");
    web.commit("one");
    world.backup().expect(0);
    world.assert_mirrored(web);
}

#[test]
fn what_is_no_bare_repository_is_a_clear_failure() {
    for what in ["work tree", "file"] {
        let world = World::new();
        let web = world.forge.repository("web").commit("one");
        let mirror = world.mirror("web");
        fs::create_dir_all(mirror.parent().unwrap()).unwrap();
        let source = web.git_dir();
        let (from, to) = (source.to_str().unwrap(), mirror.to_str().unwrap());
        let mut arguments = vec!["clone", "-q", from, to];
        let apart = world.sandbox.path("apart");
        if what == "file" {
            arguments.extend(["--separate-git-dir", apart.to_str().unwrap()]);
        }
        git::run(std::path::Path::new("."), &arguments);
        let before = content(&mirror);
        let run = world.backup().expect(3);
        let said = error(run.repository("acme/web"));
        assert!(said.starts_with("foreign-folder: "), "{said}");
        let to = world.sandbox.path("none");
        let restore = ["restore", "web", "--to", to.to_str().unwrap()];
        assert_ne!(world.forgekeep(&restore).run().code, Some(0));
        assert_eq!(content(&mirror), before);
    }
}

#[test]
fn a_damaged_reftable_mirror_loses_nothing_by_a_backup() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    let mirror = adopted(&world, "web", web, OPTION);
    let table = mirror.join("reftable");
    let name = fs::read_to_string(table.join("tables.list")).unwrap();
    let file = table.join(name.lines().last().unwrap());
    let good = fs::read(&file).unwrap();
    let mut bad = good.clone();
    let last = bad.len() - 1;
    bad[last] ^= 1;
    fs::write(&file, &bad).unwrap();
    let to = world.sandbox.path("none");
    let restore = ["restore", "web", "--bare", "--to", to.to_str().unwrap()];
    let run = world.forgekeep(&restore).run();
    assert!(!matches!(run.code, Some(0)), "{}", run.stderr);
    assert!(run.stderr.contains("checksum"), "{}", run.stderr);
    verified(&world, 3);
    let run = world.backup().expect(3);
    assert_eq!(run.outcome("acme/web"), "failed");
    assert_eq!(fs::read(&file).unwrap(), bad);
    fs::write(&file, good).unwrap();
    world.backup().expect(0);
    world.assert_mirrored(web);
}

#[test]
fn a_format_that_is_not_known_is_refused_and_nothing_is_touched() {
    for what in ["sha256", "version", "extension", "of ours"] {
        let world = World::new();
        let web = world.forge.repository("web").commit("one");
        let mirror = match what {
            "of ours" => {
                world.backup().expect(0);
                world.mirror("web")
            }
            "sha256" => {
                let mirror = world.mirror("web");
                fs::create_dir_all(&mirror).unwrap();
                git::run(&mirror, &["init", "-q", "--bare", "--object-format=sha256"]);
                let tree = git::run_with_input(&mirror, &["mktree"], b"");
                let commit = git::run(&mirror, &["commit-tree", "-m", "x", &tree]);
                git::run(&mirror, &["update-ref", "refs/heads/main", &commit]);
                git::run(&mirror, &["pack-refs", "--all"]);
                mirror
            }
            _ => adopted(&world, "web", web, &[]),
        };
        let set = |key, value| git::run(&mirror, &["config", key, value]);
        match what {
            "version" => drop(set("core.repositoryformatversion", "2")),
            "extension" | "of ours" => {
                set("core.repositoryformatversion", "1");
                set("extensions.frobnicate", "yes");
            }
            _ => {}
        }
        let before = content(&mirror);
        let run = world.backup().expect(3);
        let said = error(run.repository("acme/web"));
        assert!(said.starts_with("foreign-format: "), "{what}: {said}");
        assert!(said.contains("move "), "{said}");
        let to = world.sandbox.path("none");
        let restore = ["restore", "web", "--bare", "--to", to.to_str().unwrap()];
        let run = world.forgekeep(&restore).run();
        assert!(
            run.code != Some(0) && !to.exists(),
            "{what}: {}",
            run.stderr
        );
        let found = verified(&world, 3);
        assert_eq!(found["repositories"][0]["error"]["kind"], "foreign-format");
        assert_eq!(content(&mirror), before, "{what}");
    }
}

#[test]
fn extensions_that_change_nothing_are_no_obstacle() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    let mirror = adopted(&world, "web", web, &[]);
    git::run(&mirror, &["config", "core.repositoryformatversion", "1"]);
    for (key, value) in [
        ("noop", "1"),
        ("preciousObjects", "false"),
        ("worktreeConfig", "true"),
        ("refStorage", "files"),
        ("objectFormat", "sha1"),
        ("noop-v1", "1"),
    ] {
        git::run(&mirror, &["config", &format!("extensions.{key}"), value]);
    }
    world.backup().expect(0);
    web.commit("two");
    world.backup().expect(0);
    world.assert_mirrored(web);
    // One that this git may not know.
    let config = mirror.join("config");
    let text = fs::read_to_string(&config).unwrap() + "[extensions]\n\trelativeWorktrees = true\n";
    fs::write(&config, text).unwrap();
    world.backup().expect(0);
    verified(&world, 0);
}
