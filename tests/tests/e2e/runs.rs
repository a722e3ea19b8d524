//! Runs in their order, whatever a clock says; runs that died; and files beside the backup that are
//! damaged or gone.

use std::fs;
use std::path::PathBuf;

use forgekeep_tests::{Action, Fault, RequestKind};
use serde_json::Value;

use crate::support::{World, report};

fn own(world: &World) -> PathBuf {
    world.sandbox.backup().join(".forgekeep")
}

fn status(world: &World) -> Value {
    let run = world.forgekeep(&["status", "--json"]).run().expect(0);
    serde_json::from_str(&run.stdout).unwrap()
}

/// The only report there is.
fn only_report(world: &World) -> PathBuf {
    let all = fs::read_dir(own(world).join("runs")).unwrap();
    let mut all = all.map(|entry| entry.unwrap().path());
    all.find(|path| path.extension().is_some_and(|e| e == "json"))
        .unwrap()
}

/// A backup of five, and nothing to tell.
fn world() -> World {
    let world = World::new();
    for slug in ["a", "b", "c", "d", "e"] {
        world.forge.repository(slug).commit("one");
    }
    let run = world.backup().expect(0);
    assert_eq!(report(&run)["run"], 1);
    assert_eq!(report(&run).get("warnings"), None);
    world
}

/// What a quiet run says, besides what is in its report.
fn told(world: &World) -> String {
    let run = world.forgekeep(&["backup", "-q"]).run().expect(0);
    let warnings = report(&run)["warnings"].to_string();
    for warning in report(&run)["warnings"].as_array().into_iter().flatten() {
        let message = warning["message"].as_str().unwrap();
        assert!(run.stderr.contains(message), "{}", run.stderr);
    }
    warnings
}

#[test]
fn a_run_of_2099_hides_nothing_that_came_after_it() {
    let world = world();
    // What version 0.1 wrote under a clock that was wrong.
    let old = fs::read_to_string(only_report(&world)).unwrap();
    let mut old: Value = serde_json::from_str(&old).unwrap();
    for key in ["run", "checksum"] {
        old.as_object_mut().unwrap().remove(key);
    }
    old["started"] = "2099-01-01T00:00:00Z".into();
    old["finished"] = "2099-01-01T00:00:01Z".into();
    let path = own(&world).join("runs/2099-01-01T00-00-00.000Z.json");
    fs::write(path, old.to_string()).unwrap();
    assert_eq!(status(&world)["lastRun"]["run"], 1);
    world
        .forge
        .inject(Fault::on(RequestKind::Api, Action::status(500)));
    world.backup().expect(3);
    let status = status(&world);
    assert_eq!(status["lastRun"]["run"], 2);
    assert_eq!(status["lastRun"]["outcome"], "failed");
    assert_eq!(status["sources"][0]["lastOutcome"], "failed");
}

#[test]
fn a_clock_that_ran_backwards_is_told_once_and_ages_are_honest() {
    let world = world();
    let path = only_report(&world);
    let text = fs::read_to_string(&path).unwrap();
    let mut old: Value = serde_json::from_str(&text).unwrap();
    for key in ["run", "checksum"] {
        old.as_object_mut().unwrap().remove(key);
    }
    old["started"] = "2099-01-01T00:00:00Z".into();
    old["finished"] = "2099-01-01T00:00:01Z".into();
    fs::remove_file(own(&world).join("runs.json")).unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(&path, old.to_string()).unwrap();
    assert!(status(&world)["lastRun"]["ageSeconds"].as_i64().unwrap() < 0);
    let run = world.forgekeep(&["status"]).run().expect(0);
    assert!(run.stdout.contains("in the future"), "{}", run.stdout);
    let said = told(&world);
    assert!(said.contains("the clock ran backwards"), "{said}");
    assert_eq!(told(&world), "null");
    assert!(status(&world)["lastRun"]["ageSeconds"].as_i64().unwrap() >= 0);
}

#[test]
fn a_run_that_was_killed_is_told_by_status_and_by_the_next_one() {
    let world = world();
    world.forge.repository("a").commit("two");
    world
        .forge
        .inject(Fault::on(RequestKind::UploadPack, Action::Hang));
    world.forge.reset_log();
    let running = world.forgekeep(&["backup"]).spawn();
    world.forge.wait_for(RequestKind::UploadPack, 1);
    assert_eq!(status(&world)["died"], serde_json::json!([]));
    drop(running);
    world.forge.clear_faults();
    world.forge.release();
    assert_eq!(status(&world)["died"][0]["run"], 2);
    let run = world.forgekeep(&["status"]).run().expect(0);
    assert!(run.stdout.contains("run 2 of 20"), "{}", run.stdout);
    let said = told(&world);
    assert!(said.contains("run 2, begun 20"), "{said}");
    assert_eq!(status(&world)["died"], serde_json::json!([]));
    assert_eq!(status(&world)["lastRun"]["run"], 3);
    assert_eq!(told(&world), "null");
}

#[test]
fn numbers_go_on_whatever_is_lost() {
    let world = world();
    world.backup().expect(0);
    fs::remove_dir_all(own(&world).join("runs")).unwrap();
    let run = world.backup().expect(0);
    assert_eq!(report(&run)["run"], 3);
    fs::remove_file(own(&world).join("runs.json")).unwrap();
    let said = told(&world);
    assert!(said.contains("runs.json is missing"), "{said}");
    assert_eq!(status(&world)["lastRun"]["run"], 4);
    assert_eq!(told(&world), "null");
}

#[test]
fn a_state_file_that_is_cut_flipped_or_gone_is_told_once() {
    type Harm = fn(&[u8]) -> Option<Vec<u8>>;
    let harms: [Harm; 3] = [
        |good| Some(good[..good.len() / 2].to_vec()),
        |good| {
            let mut bad = good.to_vec();
            let at = bad.len() / 3;
            bad[at] ^= 1;
            Some(bad)
        },
        |_| None,
    ];
    for harm in harms {
        for name in ["listings.json", "verify.json", "runs.json", "report"] {
            let world = world();
            world.forgekeep(&["verify"]).run().expect(0);
            assert_eq!(told(&world), "null");
            let path = match name {
                "report" => {
                    let file = status(&world)["lastRun"]["report"].clone();
                    PathBuf::from(file.as_str().unwrap())
                }
                name => own(&world).join(name),
            };
            match harm(&fs::read(&path).unwrap()) {
                Some(bad) => fs::write(&path, bad).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            let file = path.file_name().unwrap().to_str().unwrap().to_owned();
            let said = told(&world);
            assert!(said.contains(&file), "{name}: {said}");
            assert_eq!(told(&world), "null", "{name}");
            world.forgekeep(&["verify"]).run().expect(0);
        }
    }
}

/// The reports, the oldest first.
fn reports(world: &World) -> Vec<PathBuf> {
    let mut all = crate::support::files(&own(world).join("runs"));
    all.retain(|path| path.extension().is_some_and(|e| e == "json"));
    all.sort();
    all
}

#[test]
fn a_flipped_byte_in_any_report_is_told_once() {
    let world = world();
    for _ in 0..7 {
        world.backup().expect(0);
    }
    for which in [0, 3, 6] {
        let path = reports(&world).remove(which);
        let mut bad = fs::read(&path).unwrap();
        let at = bad.len() * 2 / 3;
        bad[at] ^= 1;
        fs::write(&path, bad).unwrap();
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        let said = told(&world);
        assert!(said.contains(&file), "{which}: {said}");
        assert_eq!(told(&world), "null", "{which}");
        assert!(path.with_extension("json.damaged").exists());
    }
    world.forgekeep(&["verify"]).run().expect(0);
    // What verify sets aside is told by verify.
    let path = reports(&world).remove(1);
    fs::write(&path, "{").unwrap();
    world.forgekeep(&["verify"]).run().expect(3);
    assert_eq!(told(&world), "null");
    // A whole one that is gone is another matter.
    fs::remove_file(reports(&world).remove(1)).unwrap();
    assert!(told(&world).contains("is missing"));
}

#[test]
fn a_flipped_byte_in_a_report_of_version_0_1_is_told_once() {
    let world = world();
    let path = only_report(&world);
    let mut old: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    for key in ["run", "checksum"] {
        old.as_object_mut().unwrap().remove(key);
    }
    let path = own(&world).join("runs/2020-01-01T00-00-00.000Z.json");
    fs::write(&path, old.to_string()).unwrap();
    assert_eq!(told(&world), "null");
    let text = old.to_string().replace("acme/a", "acme/z");
    fs::write(&path, text).unwrap();
    assert!(told(&world).contains("2020-01-01"));
    assert_eq!(told(&world), "null");
}

#[cfg(unix)]
#[test]
fn what_is_no_file_in_the_place_of_a_state_file_is_told_once() {
    type Put = fn(&std::path::Path);
    let puts: [Put; 3] = [
        |path| std::os::unix::fs::symlink("/dev/null", path).unwrap(),
        |path| fs::create_dir(path).unwrap(),
        |path| drop(std::os::unix::net::UnixListener::bind(path).unwrap()),
    ];
    for put in puts {
        for name in ["listings.json", "verify.json", "runs.json", "report"] {
            let world = world();
            world.forgekeep(&["verify"]).run().expect(0);
            world.backup().expect(0);
            let path = match name {
                "report" => reports(&world).remove(0),
                name => own(&world).join(name),
            };
            fs::remove_file(&path).unwrap();
            // The name of a socket must not be long.
            let here = world.sandbox.path("s");
            put(&here);
            fs::rename(&here, &path).unwrap();
            let file = path.file_name().unwrap().to_str().unwrap().to_owned();
            let said = told(&world);
            assert!(said.contains(&file), "{name}: {said}");
            assert!(said.contains("set aside"), "{name}: {said}");
            assert_eq!(told(&world), "null", "{name}");
            world.forgekeep(&["verify"]).run().expect(0);
        }
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_file_in_the_place_of_a_mark_is_told_once_and_keeps_no_report_away() {
    type Put = fn(&std::path::Path);
    let puts: [Put; 4] = [
        |path| std::os::unix::fs::symlink("/dev/null", path).unwrap(),
        |path| {
            fs::create_dir(path).unwrap();
            fs::write(path.join("somebody's"), "").unwrap();
        },
        |path| drop(std::os::unix::net::UnixListener::bind(path).unwrap()),
        |path| crate::support::pipe(path),
    ];
    for put in puts {
        // A run that has a report, one that may have died, and one that is to come.
        for number in [1, 2, 7] {
            let world = world();
            world.backup().expect(0);
            let path = own(&world).join(format!("runs/{number}.begun"));
            let here = world.sandbox.path("s");
            put(&here);
            fs::rename(&here, &path).unwrap();
            let said = told(&world);
            assert!(said.contains(&format!("{number}.begun")), "{said}");
            assert!(said.contains("set aside"), "{said}");
            assert!(!said.contains("without a report"), "{said}");
            let run = status(&world)["lastRun"]["run"].clone();
            assert_eq!(run, if number == 7 { 8 } else { 3 });
            assert_eq!(told(&world), "null", "{number}");
            assert_eq!(status(&world)["died"], serde_json::json!([]));
            world.forgekeep(&["verify"]).run().expect(0);
        }
    }
}

#[test]
fn a_damaged_report_makes_verify_fail_once() {
    let world = world();
    let path = only_report(&world);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("acme/a", "acme/z")).unwrap();
    world.forgekeep(&["verify"]).run().expect(3);
    world.forgekeep(&["verify"]).run().expect(0);
}

#[test]
fn without_its_memory_a_shortfall_is_found_by_the_reports() {
    let world = world();
    fs::remove_file(own(&world).join("listings.json")).unwrap();
    for slug in ["b", "c", "d", "e"] {
        world.forge.repository(slug).delete();
    }
    let run = world.backup().expect(3);
    let source = &report(&run)["sources"][0];
    let said = source["error"]["message"].as_str().unwrap();
    assert!(said.contains("but 5 last time"), "{said}");
    assert_eq!(source["gone"], serde_json::json!([]));
    world.backup().expect(3);
}
