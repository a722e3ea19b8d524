//! What goes wrong between two runs, by other programs, kills and changes of mind, and must not cost
//! any history.

use std::fs;
use std::path::Path;

use forgekeep_tests::{Action, Fault, Forge, RequestKind, compare, git};
use serde_json::{Value, json};

use crate::support::{EMAIL, TOKEN, USER, World, kept, source};

fn snapshots(world: &World, slug: &str, field: &str) -> Vec<Value> {
    let run = world.forgekeep(&["snapshots", slug, "--json"]).run();
    let said: Value = serde_json::from_str(&run.expect(0).stdout).unwrap();
    let all = said["snapshots"].as_array().unwrap().iter();
    all.map(|snapshot| snapshot[field].clone()).collect()
}

/// Every snapshot comes back, also after git has thrown away what it could.
fn assert_all_restorable(world: &World, slug: &str) {
    let mirror = world.mirror(slug);
    git::run(&mirror, &["reflog", "expire", "--expire=now", "--all"]);
    git::run(&mirror, &["gc", "--quiet", "--prune=now"]);
    for id in snapshots(world, slug, "id") {
        let id = id.as_str().unwrap();
        let to = world.sandbox.path(format!("restored-{id}"));
        let restore = ["restore", slug, "--at", id, "--bare", "--to"];
        world.forgekeep(&restore).arg(&to).run().expect(0);
        compare::assert_sound(&to);
    }
    world.forgekeep(&["verify"]).run().expect(0);
}

#[test]
fn what_another_program_fetched_is_recorded_and_what_it_lost_is_held() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one").commit("two");
    world.backup().expect(0);
    let old = web.rev_parse("main");
    web.force_push("main");
    // SCM Backup is still in the schedule.
    let url = web.git_dir();
    let fetch = [
        "fetch",
        "-q",
        url.to_str().unwrap(),
        "+refs/heads/*:refs/heads/*",
    ];
    git::run(&world.mirror("web"), &fetch);
    world.backup().expect(0);
    assert_eq!(snapshots(&world, "web", "origin"), ["run", "found"]);
    assert_eq!(
        kept(&world.mirror("web")),
        [format!("refs/forgekeep/kept/{old}")]
    );
    assert_all_restorable(&world, "web");
}

#[test]
fn what_another_program_lost_is_held_even_if_the_run_that_sees_it_fails() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one").commit("two");
    web.commit_to("side", "three");
    world.backup().expect(0);
    git::run(
        &world.mirror("web"),
        &["update-ref", "-d", "refs/heads/side"],
    );
    web.delete_branch("side").commit("four");
    world
        .forge
        .inject(Fault::on(RequestKind::UploadPack, Action::Close));
    world.backup().expect(3);
    world.forge.clear_faults();
    world.backup().expect(0);
    assert_eq!(snapshots(&world, "web", "origin"), ["run", "found", "run"]);
    assert_all_restorable(&world, "web");
}

#[test]
fn a_tip_that_is_there_without_its_history_is_fetched_with_it() {
    let world = World::new();
    let options = json!({"network": {"retries": 0}, "history": {"keepDaily": 1}});
    world.configure_with(&[world.source()], &options);
    let web = world.forge.repository("web").commit("one").commit("two");
    web.commit_to("side", "three");
    world.backup().expect(0);
    let side = web.rev_parse("side");
    web.delete_branch("side");
    world.backup().expect(0);
    world.forgekeep(&["forget"]).run().expect(0);
    // It comes back with one commit more, and the run breaks off after the download.
    web.branch("again", &side).commit_to("again", "four");
    let lock = world.mirror("web").join("packed-refs.lock");
    fs::write(&lock, "").unwrap();
    world.backup().expect(3);
    fs::remove_file(lock).unwrap();
    // What that commit needs goes.
    world.forgekeep(&["forget", "--prune"]).run().expect(0);
    world.backup().expect(0);
    world.assert_mirrored(web);
    assert_all_restorable(&world, "web");
}

#[test]
fn a_folder_whose_state_file_is_missing_is_still_whose_it_was() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one").commit("two");
    world.backup().expect(0);
    // Killed before it was written, and meanwhile another repository has the name.
    fs::remove_file(world.folder("web").join("forgekeep.json")).unwrap();
    let (old, tip) = (web.uuid(), web.rev_parse("main"));
    web.delete();
    let new = world.forge.repository("web").commit("another");
    let run = world.backup().expect(0);
    let path = run.repository("acme/web")["path"].as_str().unwrap();
    assert_ne!(path, "acme/acme#web");
    compare::assert_mirror(
        &new.git_dir(),
        &world.sandbox.backup().join(path).join("repo"),
    );
    assert_eq!(git::run(&world.mirror("web"), &["rev-parse", "main"]), tip);
    let all = fs::read_dir(world.folder("web").join("snapshots/repo")).unwrap();
    for file in all {
        let text = fs::read(file.unwrap().path()).unwrap();
        let snapshot: Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(snapshot["repository"], old.as_str());
    }
    // And one that was renamed is found by it.
    fs::remove_file(world.sandbox.backup().join(path).join("forgekeep.json")).unwrap();
    new.rename("website");
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/website"), "unchanged");
    assert_eq!(run.repository("acme/website")["path"], "acme/acme#website");
}

fn state(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("forgekeep.json")).unwrap()).unwrap()
}

fn backdate(folder: &Path) {
    let mut state = state(folder);
    state["gone"] = "2024-01-01T00:00:00Z".into();
    state["format"] = 1.into();
    state.as_object_mut().unwrap().remove("checksum");
    fs::write(folder.join("forgekeep.json"), state.to_string()).unwrap();
}

fn removing() -> Value {
    json!({
        "network": {"retries": 0},
        "backup": {"removeDeletedRepos": true, "deletedGraceDays": 30},
    })
}

#[test]
fn what_came_back_and_goes_again_has_its_grace_period_again() {
    for ignored in [false, true] {
        let world = World::new();
        let web = world.forge.repository("web").commit("one");
        world.forge.repository("api").commit("one");
        world.configure_with(&[world.source()], &removing());
        world.backup().expect(0);
        let entry = web.entry();
        web.delete();
        world.backup().expect(0);
        backdate(&world.folder("web"));
        // Listed again, but not backed up.
        world
            .forge
            .change(|state| state.workspaces[0].repositories.push(entry));
        if ignored {
            let source = world.source_with("ignoreRepos", json!(["web"]));
            world.configure_with(&[source], &removing());
        } else {
            let fault = Fault::on(RequestKind::InfoRefs, Action::status(503));
            world.forge.inject(fault.repository("web"));
        }
        world.backup();
        assert_eq!(state(&world.folder("web")).get("gone"), None);
        world.forge.clear_faults();
        web.delete();
        world.backup().expect(0);
        assert!(world.mirror("web").is_dir(), "ignored: {ignored}");
    }
}

#[test]
fn a_source_that_lists_another_workspace_says_nothing_about_the_old_one() {
    let forge = Forge::builder()
        .workspace("acme")
        .workspace("beta")
        .api_token(EMAIL, USER, TOKEN)
        .build();
    let world = World::of(forge);
    world.configure_with(&[world.source()], &removing());
    for slug in ["a", "b", "c"] {
        world.forge.repository(slug).commit("one");
    }
    world.forge.repository_in("beta", "z").commit("one");
    world.backup().expect(0);
    world.configure_with(&[world.source_with("name", "beta")], &removing());
    let run = world.backup().expect(0);
    assert_eq!(source(&run, "acme")["gone"], json!([]));
    assert_eq!(source(&run, "acme").get("alert"), None);
    for slug in ["a", "b", "c"] {
        backdate(&world.folder(slug));
    }
    world.backup().expect(0);
    assert!(
        ["a", "b", "c"]
            .iter()
            .all(|slug| world.mirror(slug).is_dir())
    );
}

#[test]
fn a_repository_moves_to_one_source_only() {
    let forge = Forge::builder()
        .workspace("acme")
        .workspace("beta")
        .api_token(EMAIL, USER, TOKEN)
        .build();
    let world = World::of(forge);
    let titled = |title: &str| {
        let mut source = world.source_with("name", "beta");
        source["title"] = title.into();
        source
    };
    world.configure(&[world.source(), titled("second"), titled("third")]);
    let web = world.forge.repository("web").commit("one");
    world.forge.repository("stays").commit("one");
    world.forge.repository_in("beta", "other").commit("one");
    world.backup().expect(0);
    let uuid = web.uuid();
    world.forge.change(|state| {
        let all = &mut state.workspaces[0].repositories;
        let at = all.iter().position(|r| r.uuid == uuid).unwrap();
        let moved = all.remove(at);
        state.workspaces[1].repositories.push(moved);
    });
    let run = world.backup().expect(0);
    for (title, outcome) in [("second", "unchanged"), ("third", "cloned")] {
        let all = source(&run, title)["repositories"].as_array().unwrap();
        let of_web = all.iter().find(|r| r["name"] == "beta/web").unwrap();
        assert_eq!(of_web["outcome"], outcome, "{title}");
        assert_eq!(of_web["path"], format!("{title}/beta#web"));
    }
}

#[test]
fn a_file_with_an_absurd_number_is_no_snapshot() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world.backup().expect(0);
    let name = "18446744073709551615-2026-11-22T17-05-33.123Z-0123456789ab.json";
    let folder = world.folder("web").join("snapshots/repo");
    fs::write(folder.join(name), "{}").unwrap();
    web.commit("two");
    world.backup().expect(0);
    assert_eq!(snapshots(&world, "web", "number"), [1, 2]);
}

#[test]
fn a_ref_that_would_be_in_the_way_of_ours_is_not_taken() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one").commit("two");
    web.git(&["update-ref", "refs/forgekeep", "main"]);
    // Left out, and told; also where nothing else has changed.
    for _ in 0..2 {
        let run = world.backup().expect(3);
        let report = run.repository("acme/web");
        assert_eq!(report["outcome"], "partial");
        let message = report["error"]["message"].as_str().unwrap();
        assert!(
            message.contains("\"refs/forgekeep\" is not backed up"),
            "{message}"
        );
    }
    web.force_push("main");
    world.backup().expect(3);
    let refs = git::run(
        &world.mirror("web"),
        &["for-each-ref", "--format=%(refname)"],
    );
    assert!(!refs.lines().any(|name| name == "refs/forgekeep"), "{refs}");
    assert_all_restorable(&world, "web");
}

#[test]
fn refs_of_a_backup_that_was_pushed_to_the_hoster_are_no_news() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one").commit("two");
    let tip = git::run(&web.git_dir(), &["rev-parse", "main"])
        .trim()
        .to_owned();
    web.git(&["update-ref", &format!("refs/forgekeep/kept/{tip}"), &tip]);
    world.backup().expect(0);
    web.git(&["update-ref", "refs/forgekeep/kept/mine", &tip]);
    let run = world.backup().expect(3);
    let error = run.repository("acme/web")["error"].to_string();
    assert!(error.contains("refs/forgekeep/kept/mine"), "{error}");
    assert!(!error.contains(&tip), "{error}");
}

#[test]
fn what_is_missing_altogether_is_not_called_sound() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world.forge.repository("api").commit("one");
    world.backup().expect(0);
    let damaged = |named: &str| {
        let run = world.forgekeep(&["verify"]).run().expect(3);
        assert!(run.stdout.contains(named), "{}", run.stdout);
    };
    let folder = world.folder("web");
    let aside = world.sandbox.path("aside");
    for gone in ["", "repo", "snapshots"] {
        fs::rename(folder.join(gone), &aside).unwrap();
        damaged(match gone {
            "snapshots" => "all snapshots are missing",
            _ => "acme/acme#web",
        });
        fs::rename(&aside, folder.join(gone)).unwrap();
    }
    fs::remove_file(folder.join("forgekeep.json")).unwrap();
    fs::rename(folder.join("repo/HEAD"), &aside).unwrap();
    damaged("acme/acme#web");
    fs::rename(&aside, folder.join("repo/HEAD")).unwrap();
    fs::rename(world.sandbox.backup().join("acme"), &aside).unwrap();
    damaged("acme/acme#api");
    fs::rename(&aside, world.sandbox.backup().join("acme")).unwrap();
    world.backup().expect(0);
    world.forgekeep(&["verify"]).run().expect(0);
    world.assert_mirrored(web);
}

#[test]
fn damage_that_was_seen_before_a_rename_is_repaired_after_it() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one").commit("two");
    world.backup().expect(0);
    let packs = fs::read_dir(world.mirror("web").join("objects/pack")).unwrap();
    let mut packs = packs.map(|entry| entry.unwrap().path());
    let pack = packs.find(|path| path.extension().is_some_and(|e| e == "pack"));
    fs::remove_file(pack.unwrap()).unwrap();
    world.forgekeep(&["verify"]).run().expect(3);
    web.rename("site");
    let run = world.backup().expect(0);
    let note = run.repository("acme/site")["note"].as_str().unwrap();
    assert!(note.contains("repaired"), "{note}");
    world.assert_mirrored(web);
    world.forgekeep(&["verify"]).run().expect(0);
}

#[test]
fn a_hole_behind_the_newest_of_several_new_commits_is_seen() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world.backup().expect(0);
    web.commit("two").commit("three").commit("four");
    // Another program has brought all of it but one file, and no ref.
    let mirror = world.mirror("web");
    let all = git::run(&web.git_dir(), &["rev-list", "--objects", "main"]);
    let two = web.rev_parse("main~2^{tree}");
    let base = web.rev_parse("main~3^{tree}");
    let tree = |id: &str| git::run(&web.git_dir(), &["ls-tree", id]);
    let (of_two, of_base) = (tree(&two), tree(&base));
    let new = of_two
        .lines()
        .find(|line| !of_base.contains(*line))
        .unwrap();
    let hole = new.split_whitespace().nth(2).unwrap();
    let ids: Vec<&str> = all
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    let kept: Vec<&str> = ids.into_iter().filter(|id| *id != hole).collect();
    let pack = world.sandbox.path("part");
    git::run_with_input(
        &web.git_dir(),
        &["pack-objects", "-q", pack.to_str().unwrap()],
        kept.join("\n").as_bytes(),
    );
    for file in fs::read_dir(pack.parent().unwrap()).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if let Some(rest) = name.strip_prefix("part-") {
            let to = mirror.join(format!("objects/pack/pack-{rest}"));
            fs::copy(&path, to).unwrap();
        }
    }
    world.backup().expect(0);
    world.assert_mirrored(web);
}

#[test]
fn a_loose_object_that_is_cut_off_ends_nothing_in_a_loop() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    web.annotated_tag("v1");
    world.backup().expect(0);
    let mirror = world.mirror("web");
    let packs = mirror.join("objects/pack");
    let aside = world.sandbox.path("packs");
    fs::rename(&packs, &aside).unwrap();
    fs::create_dir(&packs).unwrap();
    for file in fs::read_dir(&aside).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "pack") {
            let pack = fs::read(path).unwrap();
            git::run_with_input(&mirror, &["unpack-objects", "-q"], &pack);
        }
    }
    for name in ["v1", "main", "main^{tree}"] {
        let oid = web.rev_parse(name);
        let path = mirror.join("objects").join(&oid[..2]).join(&oid[2..]);
        let whole = fs::read(&path).unwrap();
        for cut in [whole.len() / 2, whole.len() - 5] {
            fs::remove_file(&path).unwrap();
            fs::write(&path, &whole[..cut]).unwrap();
            let limit = std::time::Duration::from_secs(60);
            let verify = world.forgekeep(&["verify"]).limit(limit).run().expect(3);
            assert!(verify.stdout.contains(&oid[2..]), "{}", verify.stdout);
            let to = world.sandbox.path("restored");
            let restore = ["restore", "web", "--bare", "--to"];
            world
                .forgekeep(&restore)
                .arg(&to)
                .limit(limit)
                .run()
                .expect(3);
        }
        fs::remove_file(&path).unwrap();
        fs::write(&path, &whole).unwrap();
    }
    world.forgekeep(&["verify"]).run().expect(0);
}
