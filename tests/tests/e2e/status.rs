//! Reports that are kept, and what `status` tells by them.

mod schema;

use std::fs;
use std::path::PathBuf;

use forgekeep_tests::{Action, Fault, RequestKind};
use serde_json::{Value, json};

use crate::support::{World, content, report};

fn runs(world: &World) -> PathBuf {
    world.sandbox.backup().join(".forgekeep/runs")
}

/// The kept reports, the oldest first.
fn kept(world: &World) -> Vec<(String, Value)> {
    let Ok(entries) = fs::read_dir(runs(world)) else {
        return Vec::new();
    };
    let mut all: Vec<_> = entries
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let report = serde_json::from_slice(&fs::read(entry.path()).unwrap());
            (name, report.unwrap_or_default())
        })
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

/// `status --json`.
#[track_caller]
fn status(world: &World) -> Value {
    let run = world.forgekeep(&["status", "--json"]).run().expect(0);
    crate::json::document(&run, "status")
}

#[track_caller]
fn text(world: &World, arguments: &[&str]) -> String {
    let run = world.forgekeep(&["status"]).args(arguments).run().expect(0);
    run.stdout
}

fn is_time(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    text.starts_with("20") && text.ends_with('Z') && text.contains('T')
}

#[test]
fn every_run_leaves_its_report_and_a_dry_run_none() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let first = world.backup().expect(0);
    world.forgekeep(&["backup", "--dry-run"]).run().expect(0);
    world.forgekeep(&["list"]).run().expect(0);
    world
        .forge
        .inject(Fault::on(RequestKind::InfoRefs, Action::status(500)));
    let second = world.backup().expect(3);
    let kept = kept(&world);
    assert_eq!(kept.len(), 2);
    for ((name, kept), run) in kept.iter().zip([first, second]) {
        assert_eq!(kept, report(&run));
        // 2026-11-22T17:05:33.123456789Z -> 2026-11-22T17-05-33.123Z.json
        let started = kept["started"].as_str().unwrap().replace(':', "-");
        let milliseconds = started.get(..23).unwrap();
        assert_eq!(*name, format!("{milliseconds}Z.json"));
    }
}

#[test]
fn old_reports_go_and_files_of_others_stay() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    for minute in 0..110 {
        let name = format!(
            "2020-01-01T{:02}-{:02}-00.000Z.json",
            minute / 60,
            minute % 60
        );
        world.sandbox.write(runs(&world).join(name), "{}");
    }
    world.sandbox.write(runs(&world).join("0.json"), "{}");
    world.backup().expect(0);
    let names: Vec<_> = kept(&world).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), 101);
    assert_eq!(names[..2], ["0.json", "2020-01-01T00-11-00.000Z.json"]);
    assert!(!names[100].starts_with("2020"), "{names:?}");
}

#[test]
fn a_run_that_was_refused_with_the_lock_in_hand_leaves_a_report_too() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    // The copy of the configuration cannot be written.
    world.sandbox.write("backup/_config", "somebody's own");
    world.backup().expect(1);
    let kept = kept(&world);
    assert_eq!(kept.len(), 1);
    let report = &kept[0].1;
    assert_eq!(
        (&report["outcome"], &report["exitCode"]),
        (&"failed".into(), &1.into())
    );
    assert_eq!(report["error"]["kind"], "disk");
    let last = &status(&world)["lastRun"];
    assert_eq!(last["exitCode"], 1);
    assert!(
        text(&world, &[]).contains("_config"),
        "{}",
        text(&world, &[])
    );
}

#[test]
fn a_report_that_cannot_be_kept_is_told_and_loses_nothing_else() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world
        .sandbox
        .write("backup/.forgekeep/runs", "somebody's own");
    let run = world.backup().expect(1);
    assert!(
        run.stderr.contains("the run's report is not kept"),
        "{}",
        run.stderr
    );
    assert!(
        run.stdout.contains("Backup complete, with an error: "),
        "{}",
        run.stdout
    );
    assert_eq!(report(&run)["exitCode"], 1);
    assert_eq!(report(&run)["error"]["kind"], "disk");
    assert_eq!(run.outcome("acme/web"), "cloned");
    world.assert_mirrored(web);
    // What is worse stays worse.
    world
        .forge
        .inject(Fault::on(RequestKind::InfoRefs, Action::status(500)));
    world.backup().expect(3);
    world.forgekeep(&["status"]).run().expect(1);
}

#[test]
fn without_a_run_there_is_nothing_to_tell() {
    let world = World::new();
    for folder_exists in [false, true] {
        if folder_exists {
            fs::create_dir(world.sandbox.backup()).unwrap();
        }
        let status = status(&world);
        assert_eq!(
            (&status["schema"], &status["lastRun"]),
            (&1.into(), &Value::Null)
        );
        assert_eq!(status["sources"][0]["title"], "acme");
        assert_eq!(status["sources"][0]["lastGood"], Value::Null);
        assert!(text(&world, &[]).contains("no run yet"));
    }
    assert!(content(&world.sandbox.backup()).is_empty());
}

#[test]
fn the_last_run_and_the_last_good_one_are_told_apart() {
    let world = World::new();
    for slug in ["web", "api"] {
        world.forge.repository(slug).commit("one");
    }
    world.backup().expect(0);
    let fault = Fault::on(RequestKind::InfoRefs, Action::status(500));
    world.forge.inject(fault.repository("web"));
    world.backup().expect(3);
    world.forge.reset_log();
    let status = status(&world);
    let reports = kept(&world);
    let started = |run: usize| &reports[run].1["started"];
    let last = &status["lastRun"];
    assert_eq!(
        (&last["outcome"], &last["exitCode"]),
        (&"partial".into(), &3.into())
    );
    assert_eq!(&last["started"], started(1));
    assert!(
        is_time(&last["finished"]) && is_time(&status["now"]),
        "{status:#}"
    );
    let acme = &status["sources"][0];
    assert_eq!(
        (&acme["lastOutcome"], &acme["listed"]),
        (&"partial".into(), &2.into())
    );
    assert_eq!(
        (&acme["lastGood"], &acme["lastRun"]),
        (started(0), started(1))
    );
    assert!(acme["ageSeconds"].is_u64());
    let [api, web] = &acme["repositories"].as_array().unwrap()[..] else {
        panic!("{acme:#}");
    };
    assert_eq!(
        (&api["path"], &api["lastOutcome"]),
        (&"acme/acme#api".into(), &"unchanged".into())
    );
    assert_eq!(
        (&api["lastGood"], &api["lastError"]),
        (started(1), &Value::Null)
    );
    assert_eq!(
        (&web["lastGood"], &web["lastOutcome"]),
        (started(0), &"failed".into())
    );
    assert_eq!(web["lastError"]["kind"], "unavailable");
    assert!(web["ageSeconds"].is_u64());

    let short = text(&world, &[]);
    for wanted in [
        "just now): partial, exit code 3",
        "acme    partial  just now        2        2",
    ] {
        assert!(short.contains(wanted), "{short}");
    }
    assert!(
        short.contains("  acme/web\n    failing since 20"),
        "{short}"
    );
    assert!(!short.contains("acme/api"), "{short}");
    let long = text(&world, &["-v"]);
    assert!(long.contains("  acme/web    failed     just now"), "{long}");
    assert!(world.forge.requests().is_empty());
}

#[test]
fn no_plugin_no_secret_and_no_hoster_is_needed() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    world.backup().expect(0);
    let acme = world.source_with("password", "%NOT_SET_HERE%");
    let other = json!({"title": "other", "hoster": "no-such-hoster", "name": "x"});
    world.configure(&[acme, other]);
    world.backup().expect(10);
    let World { forge, sandbox } = world;
    drop(forge);
    let run = sandbox.forgekeep(["status", "--json"]).run().expect(0);
    let status = crate::json::document(&run, "status");
    assert_eq!(status["sources"][0]["lastOutcome"], "ok");
    assert_eq!(status["sources"][1]["lastOutcome"], Value::Null);
    // The folder itself has to be known.
    let config = json!({"localFolder": "%NOT_SET_HERE%/backup", "sources": []});
    sandbox.write("settings.yml", config.to_string());
    sandbox.forgekeep(["status"]).run().expect(10);
}

#[test]
fn a_run_that_is_under_way_is_no_obstacle() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    world.backup().expect(0);
    world.forge.repository("web").commit("two");
    world.forge.reset_log();
    world
        .forge
        .inject(Fault::on(RequestKind::UploadPack, Action::Hang));
    let running = world.forgekeep(&["backup"]).spawn();
    world.forge.wait_for(RequestKind::UploadPack, 1);
    assert_eq!(status(&world)["lastRun"]["outcome"], "ok");
    world.forge.clear_faults();
    world.forge.release();
    running.wait();
    assert_eq!(kept(&world).len(), 2);
}

#[test]
fn damaged_and_unknown_reports_are_named_and_skipped() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    world.backup().expect(0);
    for (name, text) in [
        ("2099-01-01T00-00-00.000Z.json", "{\"sch"),
        ("notes.txt", "mine"),
    ] {
        world.sandbox.write(runs(&world).join(name), text);
    }
    let run = world.forgekeep(&["status"]).run().expect(0);
    assert!(
        run.stdout.contains("acme    ok      just now"),
        "{}",
        run.stdout
    );
    for name in [
        "2099-01-01T00-00-00.000Z.json is skipped",
        "notes.txt is skipped",
    ] {
        assert!(run.stderr.contains(name), "{}", run.stderr);
    }
    assert_eq!(status(&world)["unreadable"].as_array().unwrap().len(), 2);
}

/// As an earlier state of Forgekeep wrote them: `alarm` for `alert`, `brake` for `shortfall`.
#[test]
fn a_report_with_the_old_words_is_read() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    world.backup().expect(0);
    let (name, mut report) = kept(&world).remove(0);
    let error = |kind: &str| json!({"kind": kind, "message": "what", "hint": ""});
    let members = report.as_object_mut().unwrap();
    // Version 0.1 gave no numbers and no checksums, and had nothing else in this folder.
    fs::remove_dir_all(world.sandbox.backup().join(".forgekeep")).unwrap();
    members.remove("run");
    members.remove("checksum");
    report["error"] = error("alarm");
    let source = &mut report["sources"][0];
    source["alarm"] = "upstream rewrote or deleted branches".into();
    source["error"] = error("brake");
    let web = &mut source["repositories"][0];
    web["alarm"] = "upstream rewrote or deleted every branch (1)".into();
    web["error"] = error("network");
    world
        .sandbox
        .write(runs(&world).join(name), report.to_string());
    let status = status(&world);
    assert_eq!(status["unreadable"], json!([]));
    assert_eq!(status["lastRun"]["error"]["kind"], "alert");
    let acme = &status["sources"][0];
    assert_eq!(acme["lastError"]["kind"], "shortfall");
    assert_eq!(acme["repositories"][0]["lastError"]["kind"], "network");
    let next = world.backup().expect(0);
    assert_eq!(crate::support::report(&next).get("warnings"), None);
    world.forgekeep(&["verify"]).run().expect(0);
}

#[test]
fn what_is_on_disk_is_told_with_tombstones_and_damage() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    let api = world.forge.repository("api").commit("one");
    world.backup().expect(0);
    web.commit("two");
    api.delete();
    world.backup().expect(0);
    let source = &status(&world)["sources"][0];
    let [of_api, of_web] = [0, 1].map(|index| &source["repositories"][index]);
    assert_eq!(of_web["name"], "acme/web");
    assert_eq!(of_web["snapshots"], 2);
    assert!(of_web["size"].as_u64().unwrap() > 1000, "{of_web:#}");
    assert!(is_time(&of_web["newestSnapshot"]["time"]));
    assert_eq!(of_web["gone"], Value::Null);
    assert_eq!(of_web["verified"], Value::Null);
    assert!(is_time(&of_api["gone"]));
    let shown = text(&world, &[]);
    assert!(
        shown.contains("  acme/api\n    gone at the hoster since 20"),
        "{shown}"
    );
    let row = shown.lines().find(|line| line.starts_with("acme "));
    let words: Vec<_> = row.unwrap().split_whitespace().collect();
    // Listed and on disk; the snapshots.
    assert_eq!((&words[4..6], words[8]), (&["1", "2"][..], "3"), "{shown}");
    // Damage, as verify has seen it.
    let packs = world.mirror("web").join("objects/pack");
    let mut packs = fs::read_dir(packs)
        .unwrap()
        .map(|pack| pack.unwrap().path());
    let pack = packs.find(|path| path.extension().is_some_and(|e| e == "pack"));
    fs::remove_file(pack.unwrap()).unwrap();
    world.forgekeep(&["verify"]).run().expect(3);
    let source = &status(&world)["sources"][0];
    let of_web = &source["repositories"][1];
    assert!(is_time(&of_web["verified"]));
    let damage = of_web["damage"][0]["file"].as_str().unwrap();
    assert!(damage.starts_with("acme/acme#web/repo"), "{damage}");
    let shown = text(&world, &[]);
    assert!(shown.contains("damaged, as verified at 20"), "{shown}");
}

#[test]
fn what_the_reports_have_forgotten_and_other_sources_are_still_there() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    world.backup().expect(0);
    fs::remove_dir_all(runs(&world)).unwrap();
    world.configure(&[world.source_with("title", "renamed")]);
    let sources = status(&world)["sources"].clone();
    assert_eq!(sources[0]["title"], "renamed");
    assert_eq!(sources[0]["configured"], true);
    assert_eq!(sources[1]["title"], "acme");
    assert_eq!(sources[1]["configured"], false);
    let web = &sources[1]["repositories"][0];
    assert_eq!(
        (&web["name"], &web["snapshots"]),
        (&"acme/web".into(), &1.into())
    );
    assert_eq!(web["lastRun"], Value::Null);
    let shown = text(&world, &["-v"]);
    assert!(
        shown.contains("acme     not configured  -               -        1"),
        "{shown}"
    );
}

#[test]
fn what_a_newer_version_has_written_is_told_and_not_skipped() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    world.backup().expect(0);
    let (name, mut report) = kept(&world).remove(0);
    // Without number and checksum, as version 0.1 wrote them: nothing else of it is checked.
    let fields = report.as_object_mut().unwrap();
    fields.remove("run");
    fields.remove("checksum");
    report["outcome"] = json!("resting");
    report["sources"][0]["outcome"] = json!("resting");
    report["sources"][0]["repositories"][0]["outcome"] = json!("mirrored");
    let file = runs(&world).join(name);
    world.sandbox.write(&file, report.to_string());
    let unknown = "(a word that this version does not know)";
    let told = text(&world, &[]);
    assert!(
        told.contains(&format!(": resting {unknown}, exit")),
        "{told}"
    );
    assert!(
        told.contains(&format!("acme    resting {unknown}")),
        "{told}"
    );
    assert!(told.contains(&format!("mirrored {unknown}")), "{told}");
    assert_eq!(status(&world)["sources"][0]["lastOutcome"], "resting");
    // Whether it was backed up cannot be told, so that nothing is missing cannot be either.
    fs::remove_dir_all(world.sandbox.backup().join("acme/acme#web")).unwrap();
    let run = world.forgekeep(&["verify"]).run().expect(3);
    assert!(run.stdout.contains("had it is not known"), "{}", run.stdout);
}
