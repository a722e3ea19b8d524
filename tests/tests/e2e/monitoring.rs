//! What a monitor is told: `status --check`, by the clock and by what the configuration expects.

mod aged;
mod metrics;

use std::fs;

use forgekeep_tests::{Action, Fault, RequestKind, Run};
use serde_json::{Value, json};

use crate::support::World;
use aged::{age, change_reports, runs};

/// A world with one repository that was backed up.
fn backed_up() -> World {
    let world = World::new();
    world.forge.repository("web").commit("one");
    world.backup().expect(0);
    world
}

#[track_caller]
fn check(world: &World, code: i32) -> Run {
    world.forgekeep(&["status", "--check"]).run().expect(code)
}

#[track_caller]
fn document(world: &World, code: i32) -> Value {
    let run = world.forgekeep(&["status", "--check", "--json"]).run();
    crate::json::document(&run.expect(code), "status")
}

fn first(run: &Run) -> &str {
    run.stdout.lines().next().unwrap_or_default()
}

#[track_caller]
fn assert_first(run: &Run, wanted: &str) {
    assert!(first(run).starts_with(wanted), "{}", run.stdout);
}

fn with_status(world: &World, sources: &[Value], status: Value) {
    let network = json!({"retries": 0, "limitWaitMinutes": 0});
    world.configure_with(sources, &json!({"network": network, "status": status}));
}

#[test]
fn a_good_backup_is_told_in_one_line() {
    let world = backed_up();
    let run = check(&world, 0);
    let wanted = "OK: 1 source backed up, oldest good run just now\n";
    assert_eq!(run.stdout, wanted);
    assert_eq!(run.stderr, "");
    let told = document(&world, 0);
    assert_eq!(
        (&told["level"], &told["concerns"]),
        (&json!("ok"), &json!([]))
    );
    assert_eq!(told["sources"][0]["maxAgeSeconds"], 36 * 3600);
    assert_eq!(told["sources"][0]["overdue"], false);
    assert!(told["space"]["freeBytes"].as_u64().unwrap() > 0);
    // What was never verified changes nothing, and is told to people.
    let shown = world.forgekeep(&["status"]).run().expect(0).stdout;
    assert!(
        shown.contains("  verified: 1 repository never\n"),
        "{shown}"
    );
    assert!(shown.contains("\nfree: "), "{shown}");
}

#[test]
fn six_days_without_a_run_are_critical() {
    let world = backed_up();
    age(&world, 6 * 24);
    let run = check(&world, 2);
    assert_eq!(
        first(&run),
        "CRITICAL: acme: its last good run is 6 days old, and maxAge is 36h"
    );
    assert!(
        run.stdout
            .contains("\n  hint: check that the backup is scheduled")
    );
    let told = document(&world, 2);
    assert_eq!(told["level"], "critical");
    assert_eq!(told["sources"][0]["overdue"], true);
    let shown = world.forgekeep(&["status"]).run().expect(0).stdout;
    assert!(shown.contains("acme    ok      6 days ago"), "{shown}");
    assert!(shown.contains(", older than maxAge (36h)\n"), "{shown}");
}

#[test]
fn each_source_has_its_own_limit_before_the_one_for_all() {
    let world = backed_up();
    age(&world, 37);
    check(&world, 2);
    with_status(&world, &[world.source()], json!({"maxAge": "2d"}));
    check(&world, 0);
    let weekly = world.source_with("maxAge", "8d");
    with_status(
        &world,
        std::slice::from_ref(&weekly),
        json!({"maxAge": "1h"}),
    );
    check(&world, 0);
    age(&world, 8 * 24);
    let run = check(&world, 2);
    assert!(
        first(&run).ends_with("9 days old, and maxAge is 8d"),
        "{}",
        run.stdout
    );
}

#[test]
fn what_no_run_has_backed_up_is_critical() {
    let world = World::new();
    let run = check(&world, 2);
    assert_first(&run, "CRITICAL: there is no backup yet in ");
    assert!(
        run.stdout
            .contains("critical: acme: no run has backed it up")
    );
    world.forge.repository("web").commit("one");
    world.backup().expect(0);
    // One source more in the configuration, which nobody backs up.
    let other = world.source_with("title", "other");
    world.configure(&[world.source(), other]);
    let run = world.forgekeep(&["backup", "--source", "acme"]).run();
    run.expect(0);
    assert_first(
        &check(&world, 2),
        "CRITICAL: other: no run has backed it up",
    );
    // One that was taken out is not missed.
    world.configure(&[world.source()]);
    check(&world, 0);
}

#[test]
fn a_source_that_fails_is_critical_and_a_part_of_it_is_a_warning_for_a_time() {
    let world = backed_up();
    world.forge.repository("api").commit("one");
    world.backup().expect(0);
    let broken = Fault::on(RequestKind::InfoRefs, Action::status(500));
    world.forge.inject(broken.repository("web"));
    world.backup().expect(3);
    let run = check(&world, 1);
    assert_eq!(
        first(&run),
        "WARNING: acme: not everything is backed up: acme/web"
    );
    let shown = world.forgekeep(&["status"]).run().expect(0).stdout;
    assert!(
        shown.contains("  acme/web\n    failing since 20"),
        "{shown}"
    );
    let since = |told: &Value| told["sources"][0]["repositories"][1]["failingSince"].clone();
    let before = since(&document(&world, 1));
    assert!(before.is_string());
    world.backup().expect(3);
    assert_eq!(since(&document(&world, 1)), before);
    // It is not good by being tried.
    age(&world, 40);
    world.backup().expect(3);
    let run = check(&world, 2);
    assert!(first(&run).contains("is 40 hours old"), "{}", run.stdout);
    // The whole source fails, too.
    world.forge.clear_faults();
    world.backup().expect(0);
    check(&world, 0);
    let refused = Fault::on(RequestKind::Api, Action::status(401));
    world.forge.inject(refused);
    world.backup().expect(12);
    let run = check(&world, 2);
    assert_first(&run, "CRITICAL: acme: it failed: ");
    let since = document(&world, 2)["sources"][0]["failingSince"].clone();
    world.backup().expect(12);
    assert_eq!(document(&world, 2)["sources"][0]["failingSince"], since);
}

/// Without a mark, since nobody is at work: as after a kill.
#[test]
fn a_run_that_died_or_is_under_way_never_hides_the_age() {
    let world = backed_up();
    let mark = runs(&world).join("7.begun");
    let begun = json!({"run": 7, "started": "2026-01-01T00:00:00Z", "host": "h", "pid": 1});
    fs::write(&mark, begun.to_string()).unwrap();
    let run = check(&world, 1);
    assert_first(&run, "WARNING: run 7 ended without a report");
    fs::remove_file(&mark).unwrap();
    age(&world, 48);
    world.forge.repository("web").commit("two");
    world.forge.reset_log();
    let hang = Fault::on(RequestKind::UploadPack, Action::Hang);
    world.forge.inject(hang);
    let running = world.forgekeep(&["backup"]).spawn();
    world.forge.wait_for(RequestKind::UploadPack, 1);
    let run = check(&world, 2);
    assert!(first(&run).contains("is 2 days old"), "{}", run.stdout);
    assert!(
        run.stdout.contains("\nrun 1 is under way\n"),
        "{}",
        run.stdout
    );
    let told = document(&world, 2);
    assert_eq!(told["underWay"]["run"], 1);
    assert!(told["underWay"]["started"].is_string());
    let shown = world.forgekeep(&["status"]).run().expect(0).stdout;
    assert!(shown.contains("\nrun 1 is under way since 20"), "{shown}");
    world.forge.clear_faults();
    world.forge.release();
    running.wait();
    world.backup().expect(0);
    check(&world, 0);
    assert_eq!(document(&world, 0)["underWay"], Value::Null);
}

#[test]
fn alerts_and_credentials_that_expire_are_warnings() {
    let world = backed_up();
    let day = |days: i64| {
        let now = jiff::Timestamp::now();
        let day = now.checked_add(jiff::SignedDuration::from_hours(24 * days));
        day.unwrap().strftime("%Y-%m-%d").to_string()
    };
    for (days, code, wanted) in [
        (200, 0, "OK: "),
        (10, 1, "WARNING: acme: its credentials expire in "),
        (0, 1, "WARNING: acme: its credentials expire today"),
        (-3, 1, "WARNING: acme: its credentials have expired"),
    ] {
        world.configure(&[world.source_with("expires", day(days))]);
        assert_first(&check(&world, code), wanted);
        let shown = world.forgekeep(&["status"]).run().expect(0).stdout;
        assert!(shown.contains(&format!(" on {}\n", day(days))), "{shown}");
    }
    world.configure(&[world.source()]);
    let web = world.forge.repository("web");
    web.force_push("main");
    world.backup().expect(0);
    assert_first(&check(&world, 1), "WARNING: acme: alert: acme/web: ");
    world.backup().expect(0);
    check(&world, 0);
}

#[test]
fn a_damaged_page_of_state_is_a_warning_and_what_is_foreign_is_none() {
    let world = backed_up();
    fs::write(runs(&world).join("notes.txt"), "mine").unwrap();
    check(&world, 0);
    fs::write(runs(&world).join("2020-01-01T00-00-00.000Z.json"), "{\"sch").unwrap();
    let run = check(&world, 1);
    assert!(first(&run).contains("2020-01-01T00-00-00.000Z.json cannot be used"));
    fs::remove_file(runs(&world).join("2020-01-01T00-00-00.000Z.json")).unwrap();
    let verified = world.sandbox.backup().join(".forgekeep/verify.json");
    fs::write(&verified, "{").unwrap();
    let run = check(&world, 1);
    assert!(
        first(&run).contains("verify.json cannot be used"),
        "{}",
        run.stdout
    );
    fs::remove_file(verified).unwrap();
    fs::write(world.folder("web").join("forgekeep.json"), "{").unwrap();
    let run = check(&world, 1);
    assert!(
        first(&run).contains("its state file cannot be read: acme/web"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_last_run_in_the_future_has_no_age() {
    let world = backed_up();
    age(&world, -50);
    let run = check(&world, 3);
    assert_first(
        &run,
        "UNKNOWN: acme: its last good run is 50 hours in the future",
    );
    // A few minutes are another machine's clock.
    let world = backed_up();
    change_reports(&world, |report| {
        for key in ["started", "finished"] {
            let time: jiff::Timestamp = report[key].as_str().unwrap().parse().unwrap();
            let later = time
                .checked_add(jiff::SignedDuration::from_mins(10))
                .unwrap();
            report[key] = later.to_string().into();
        }
    });
    check(&world, 0);
}

/// An interrupted run makes no alarm: the next one may be under way already.
#[cfg(unix)]
#[test]
fn a_run_that_was_interrupted_is_a_warning() {
    let world = backed_up();
    world.forge.repository("web").commit("two");
    world.forge.reset_log();
    world
        .forge
        .inject(Fault::on(RequestKind::UploadPack, Action::Hang));
    let running = world.forgekeep(&["backup"]).spawn();
    world.forge.wait_for(RequestKind::UploadPack, 1);
    running.interrupt();
    running.wait().expect(130);
    assert_first(&check(&world, 1), "WARNING: the last run was interrupted");
}

#[test]
fn a_run_that_could_not_begin_its_work_is_critical() {
    let world = backed_up();
    fs::remove_dir_all(world.sandbox.backup().join("_config")).unwrap();
    world.sandbox.write("backup/_config", "somebody's own");
    world.backup().expect(1);
    let run = check(&world, 2);
    assert_first(&run, "CRITICAL: the last run backed up nothing: ");
}

#[test]
fn without_a_configuration_the_default_holds_for_all_that_was_ever_backed_up() {
    let world = backed_up();
    fs::remove_file(world.sandbox.path("settings.yml")).unwrap();
    let run = check(&world, 3);
    assert_first(&run, "UNKNOWN: ");
    let backup = world.sandbox.backup();
    let folder = ["status", "--check", "--folder", backup.to_str().unwrap()];
    assert_first(&world.forgekeep(&folder).run().expect(0), "OK: 1 source");
    age(&world, 37);
    let run = world.forgekeep(&folder).run().expect(2);
    assert!(
        first(&run).ends_with("37 hours old, and maxAge is 36h"),
        "{}",
        run.stdout
    );
    let shown = ["status", "--folder", backup.to_str().unwrap()];
    let shown = world.forgekeep(&shown).run().expect(0).stdout;
    assert!(
        shown.contains("acme    ok      1 day ago       1        1"),
        "{shown}"
    );
    let nowhere = ["status", "--check", "--folder", "nowhere"];
    assert_first(
        &world.forgekeep(&nowhere).run().expect(2),
        "CRITICAL: there is no backup",
    );
    world
        .forgekeep(&["status", "--timeout", "3"])
        .run()
        .expect(2);
}

#[test]
fn a_configuration_that_cannot_be_read_is_unknown_also_in_json() {
    let world = backed_up();
    world.sandbox.write("settings.yml", "localFolder: [\n");
    assert_first(&check(&world, 3), "UNKNOWN: ");
    let told = document(&world, 3);
    assert_eq!(
        (&told["schema"], &told["level"]),
        (&json!(1), &json!("unknown"))
    );
    assert!(
        told["concerns"][0]["message"]
            .as_str()
            .unwrap()
            .contains("settings.yml")
    );
    // No secret is needed to tell.
    world.configure(&[world.source_with("password", "%NOT_SET_HERE%")]);
    check(&world, 0);
}

#[test]
fn a_name_in_the_first_line_cannot_pass_for_a_figure() {
    let world = World::new();
    world.configure(&[world.source_with("title", "a | b=0;0;0")]);
    let run = check(&world, 2);
    assert!(!run.stdout.contains('|'), "{}", run.stdout);
    assert!(run.stdout.contains("a / b=0;0;0: no run"), "{}", run.stdout);
}

/// A monitor is another user.
#[cfg(unix)]
#[test]
fn a_folder_that_may_not_be_read_is_unknown_and_not_empty() {
    use std::os::unix::fs::{PermissionsExt, chown};

    use crate::machine::{SOMEBODY, give, is_root};

    let world = backed_up();
    let forbid = |path: &std::path::Path, mode: u32| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        if is_root() {
            chown(path, Some(if mode == 0 { 0 } else { SOMEBODY }), None).unwrap();
        }
    };
    let check = |code: i32| {
        let invocation = world.forgekeep(&["status", "--check"]);
        let run = match is_root() {
            true => invocation.user(SOMEBODY).run(),
            false => invocation.run(),
        };
        run.expect(code)
    };
    if is_root() {
        give(&world.sandbox.path(""), SOMEBODY);
    }
    check(0);
    let backup = world.sandbox.backup();
    let report = fs::read_dir(runs(&world)).unwrap().next().unwrap();
    for path in [backup.clone(), backup.join(".forgekeep"), runs(&world)] {
        forbid(&path, 0);
        let run = check(3);
        forbid(&path, 0o700);
        assert_first(&run, "UNKNOWN: ");
        assert!(first(&run).contains("Permission denied"), "{}", run.stdout);
    }
    // No report that may be read: it is not taken for a backup that never ran.
    let report = report.unwrap().path();
    forbid(&report, 0);
    let run = check(3);
    assert!(
        first(&run).contains("cannot be used: Permission denied"),
        "{}",
        run.stdout
    );
    forbid(&report, 0o600);
    check(0);
}

/// As one on a file server that is away.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_does_not_answer_is_unknown_in_time() {
    let world = backed_up();
    let library = world.sandbox.path("hang.so");
    forgekeep_tests::c_plugin::compile(
        "hang/hang.c",
        &library,
        &["-shared", "-fPIC", "-D_GNU_SOURCE"],
    );
    let run = world.forgekeep(&["status", "--check", "--timeout", "1"]);
    let run = run
        .env("LD_PRELOAD", &library)
        .env("HANGS", ".forgekeep/runs");
    let run = run.run().expect(3);
    assert!(
        first(&run).ends_with("/backup did not answer within 1 s"),
        "{}",
        run.stdout
    );
    assert!(
        run.time < std::time::Duration::from_secs(60),
        "{:?}",
        run.time
    );
}
