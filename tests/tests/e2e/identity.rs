//! Repositories that are renamed, moved, gone and back: known by the hoster's id.

use std::fs;
use std::path::Path;

use forgekeep_tests::{Action, Fault, Forge, RequestKind, Run, compare, git};
use serde_json::{Value, json};

use crate::support::{EMAIL, TOKEN, USER, World, kept, notes, source};

/// The folders below a source's.
fn folders(world: &World, source: &str) -> Vec<String> {
    let entries = fs::read_dir(world.sandbox.backup().join(source)).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn state(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("forgekeep.json")).unwrap()).unwrap()
}

/// How many snapshots a repository has.
fn snapshots(folder: &Path) -> usize {
    fs::read_dir(folder.join("snapshots/repo")).unwrap().count()
}

#[test]
fn the_folder_follows_a_rename_with_everything_in_it() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world.backup().expect(0);
    let old = web.rev_parse("main");
    web.rename("website").force_push("main");
    let plan = world.forgekeep(&["backup", "--dry-run"]).run().expect(0);
    assert!(
        plan.stdout
            .contains("acme/website -> acme#website (now acme#web)"),
        "{}",
        plan.stdout
    );
    let run = world.backup().expect(0);
    let report = run.repository("acme/website");
    assert_eq!(report["path"], "acme/acme#website");
    assert_eq!(report["note"], "moved here from acme/acme#web");
    assert_eq!(folders(&world, "acme"), ["acme#website"]);
    world.assert_mirrored(web);
    assert_eq!(
        kept(&world.mirror("website")),
        [format!("refs/forgekeep/kept/{old}")]
    );
    assert_eq!(snapshots(&world.folder("website")), 2);
    assert_eq!(state(&world.folder("website"))["fullName"], "acme/website");
    assert_eq!(
        world.backup().expect(0).outcome("acme/website"),
        "unchanged"
    );
    // Another one may have the old name now.
    let new = world.forge.repository("web").commit("other");
    world.backup().expect(0);
    world.assert_mirrored(new);
    world.assert_mirrored(web);
}

#[test]
fn two_that_swap_their_names_keep_their_histories_apart() {
    let world = World::new();
    let a = world.forge.repository("a").commit("of a");
    let b = world.forge.repository("b").commit("of b");
    world.backup().expect(0);
    a.rename("c");
    b.rename("a");
    a.rename("b");
    let run = world.backup().expect(0);
    let mirror = |run: &Run, name: &str| {
        let path = run.repository(name)["path"].as_str().unwrap().to_owned();
        world.sandbox.backup().join(path).join("repo")
    };
    compare::assert_mirror(&a.git_dir(), &mirror(&run, "acme/b"));
    compare::assert_mirror(&b.git_dir(), &mirror(&run, "acme/a"));
    // Now that the names are free.
    let run = world.backup().expect(0);
    assert_eq!(folders(&world, "acme"), ["acme#a", "acme#b"]);
    compare::assert_mirror(&a.git_dir(), &mirror(&run, "acme/b"));
    compare::assert_mirror(&b.git_dir(), &mirror(&run, "acme/a"));
    assert_eq!(run.outcome("acme/a"), "unchanged");
    assert!(kept(&mirror(&run, "acme/a")).is_empty());
}

#[test]
fn a_folder_that_is_in_the_way_of_a_rename_is_left_alone() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world.backup().expect(0);
    web.rename("website").commit("two");
    let foreign = world.folder("website").join("notes.txt");
    fs::create_dir_all(foreign.parent().unwrap()).unwrap();
    fs::write(&foreign, "mine").unwrap();
    let run = world.backup().expect(0);
    let path = run.repository("acme/website")["path"].as_str().unwrap();
    assert!(path.starts_with("acme/acme#website~"), "{path}");
    compare::assert_mirror(
        &web.git_dir(),
        &world.sandbox.backup().join(path).join("repo"),
    );
    assert_eq!(fs::read_to_string(foreign).unwrap(), "mine");
}

/// Two workspaces, a source for each.
fn two_workspaces() -> World {
    let forge = Forge::builder()
        .workspace("acme")
        .workspace("beta")
        .api_token(EMAIL, USER, TOKEN)
        .build();
    let world = World::of(forge);
    let mut beta = world.source();
    beta["title"] = "second".into();
    beta["name"] = "beta".into();
    world.configure(&[world.source(), beta]);
    world
}

#[test]
fn a_repository_that_moves_to_another_workspace_takes_its_history_along() {
    let world = two_workspaces();
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
    web.force_push("main");
    let run = world.backup().expect(0);
    let moved = &run.repository("beta/web");
    assert_eq!(moved["outcome"], "updated");
    assert_eq!(moved["path"], "second/beta#web");
    assert_eq!(moved["refs"]["forced"], 1);
    let folder = world.sandbox.backup().join("second/beta#web");
    compare::assert_mirror(&web.git_dir(), &folder.join("repo"));
    assert_eq!(snapshots(&folder), 2);
    assert_eq!(folders(&world, "acme"), ["acme#stays"]);
    assert_eq!(source(&run, "acme")["gone"], json!([]));
}

#[test]
fn what_is_gone_upstream_becomes_a_tombstone_and_comes_back_as_it_was() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    let api = world.forge.repository("api").commit("one");
    world.backup().expect(0);
    let before = state(&world.folder("web"));
    let entry = web.entry();
    let tip = web.rev_parse("main");
    web.delete();
    let run = world.backup().expect(0);
    let gone = &source(&run, "acme")["gone"];
    assert_eq!(gone[0]["name"], "acme/web");
    assert_eq!(gone[0]["id"], before["id"]);
    assert_eq!(gone[0]["path"], "acme/acme#web");
    let said = "acme/web is no longer listed: what is in the backup is kept, in acme/acme#web";
    assert!(
        notes(&run, "acme").contains(said),
        "{}",
        notes(&run, "acme")
    );
    let since = state(&world.folder("web"))["gone"].clone();
    assert_eq!(since, gone[0]["since"]);
    assert_eq!(git::run(&world.mirror("web"), &["rev-parse", "main"]), tip);
    // Said once, and the date stays.
    let run = world.backup().expect(0);
    assert_eq!(source(&run, "acme")["gone"][0]["since"], since);
    assert!(!notes(&run, "acme").contains("no longer listed"));
    // It is back.
    world
        .forge
        .change(|state| state.workspaces[0].repositories.push(entry));
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "unchanged");
    assert_eq!(source(&run, "acme")["gone"], json!([]));
    assert_eq!(state(&world.folder("web")).get("gone"), None);
    assert_eq!(state(&world.folder("web"))["created"], before["created"]);
    world.assert_mirrored(api);
}

#[test]
fn what_is_only_filtered_or_not_listed_for_a_doubt_is_not_gone() {
    let world = World::new();
    for slug in ["a", "b", "c", "d"] {
        world.forge.repository(slug).commit("one");
    }
    world.backup().expect(0);
    world.configure(&[world.source_with("ignoreRepos", json!(["a"]))]);
    let run = world.backup().expect(0);
    assert_eq!(source(&run, "acme")["gone"], json!([]));
    // A listing that falls short is no proof of anything.
    world.configure(&[world.source()]);
    for slug in ["a", "b", "c"] {
        world.forge.repository(slug).delete();
    }
    let run = world.backup().expect(3);
    assert_eq!(source(&run, "acme")["gone"], json!([]));
    let run = world
        .forgekeep(&["backup", "--accept-shrinkage"])
        .run()
        .expect(0);
    assert_eq!(source(&run, "acme")["gone"].as_array().unwrap().len(), 3);
}

/// Makes a tombstone old, and missed often enough.
pub fn backdate(folder: &Path) {
    let path = folder.join("forgekeep.json");
    let mut state = state(folder);
    state["gone"] = "2024-01-01T00:00:00Z".into();
    state["created"] = "2023-01-01T00:00:00Z".into();
    state["missing"]["runs"] = 9.into();
    state["missing"]["days"] = 9.into();
    // As a version before checksums wrote it.
    state["format"] = 1.into();
    state.as_object_mut().unwrap().remove("checksum");
    fs::write(path, state.to_string()).unwrap();
}

/// With deleted repositories removed after a grace period.
pub fn configure_removal(world: &World, source: Value) {
    let options = json!({
        "network": {"retries": 0, "limitWaitMinutes": 0},
        "backup": {"removeDeletedRepos": true, "deletedGraceDays": 30},
    });
    world.configure_with(&[source], &options);
}

#[test]
fn no_answer_of_bitbuckets_removes_anything() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world.forge.repository("api").commit("one");
    configure_removal(&world, world.source());
    world.backup().expect(0);
    let asked = web.uuid().replace('{', "%7B").replace('}', "%7D");
    web.delete();
    world.backup().expect(0);
    backdate(&world.folder("web"));
    let json = b"{\"type\": \"error\", \"error\": {\"message\": \"no\"}}";
    for status in [404, 410, 401, 403, 429, 500] {
        let answer = Action::Respond {
            status,
            headers: Vec::new(),
            body: json.to_vec(),
        };
        world
            .forge
            .inject(Fault::on(RequestKind::Api, answer).containing(&asked));
        let run = world.forgekeep(&["backup", "-q"]).run().expect(0);
        world.forge.clear_faults();
        assert!(world.mirror("web").is_dir(), "{status}");
        let gone = &source(&run, "acme")["gone"][0];
        assert_eq!(gone["removed"], false);
        let state = match status {
            404 | 410 => "hidden",
            _ => "missing",
        };
        assert_eq!(gone["state"], state, "{status}");
        // However quiet a run is.
        for output in [&run.stdout, &run.stderr] {
            assert!(output.contains("acme/web"), "{status}: {run:?}");
        }
    }
    // What the forge answers by itself for a repository that it does not have.
    let run = world.backup().expect(0);
    assert_eq!(source(&run, "acme")["gone"][0]["state"], "hidden");
    assert!(
        notes(&run, "acme").contains("does not prove"),
        "{}",
        notes(&run, "acme")
    );
    assert!(world.mirror("web").is_dir());
}

#[test]
fn without_the_option_nothing_is_ever_removed() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world.forge.repository("api").commit("one");
    world.backup().expect(0);
    web.delete();
    world.backup().expect(0);
    backdate(&world.folder("web"));
    let run = world.backup().expect(0);
    assert_eq!(source(&run, "acme")["gone"][0]["removed"], false);
    assert!(world.mirror("web").is_dir());
}

fn alerts(run: &Run) -> (Value, Value) {
    let of_source = source(run, "acme").get("alert").cloned();
    let of_web = run.repository("acme/web").get("alert").cloned();
    (of_source.unwrap_or_default(), of_web.unwrap_or_default())
}

#[test]
fn an_alert_is_loud_and_fails_only_on_request() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one").commit("two");
    for slug in ["a", "b", "c"] {
        world.forge.repository(slug).commit("one");
    }
    assert_eq!(
        alerts(&world.backup().expect(0)),
        (Value::Null, Value::Null)
    );
    let old = web.rev_parse("main");
    web.force_push("main");
    let run = world.forgekeep(&["backup", "-q"]).run().expect(0);
    assert!(run.stdout.contains("ALERT: acme/web: "), "{}", run.stdout);
    assert!(!run.stdout.contains("All good"), "{}", run.stdout);
    let message = "upstream rewrote or deleted every branch (1)";
    assert_eq!(alerts(&run), (Value::Null, message.into()));
    assert!(run.stderr.contains(message), "{}", run.stderr);
    assert!(
        run.stderr.contains("forgekeep restore --at"),
        "{}",
        run.stderr
    );
    assert_eq!(
        kept(&world.mirror("web")),
        [format!("refs/forgekeep/kept/{old}")]
    );
    // A quarter of the source, and as a failure.
    let options = json!({"network": {"retries": 0}, "alert": {"action": "fail"}});
    world.configure_with(&[world.source()], &options);
    web.force_push("main");
    let api = world.forge.repository("a");
    api.force_push("main");
    let run = world.backup().expect(3);
    let source = source(&run, "acme");
    assert_eq!(source["error"]["kind"], "alert");
    assert_eq!(
        source["alert"],
        "upstream rewrote or deleted branches in 2 of 4 repositories"
    );
    assert_eq!(run.outcome("acme/web"), "updated");
    world.assert_mirrored(web);
    world.assert_mirrored(api);
    assert_eq!(world.backup().expect(0).outcome("acme/web"), "unchanged");
}
