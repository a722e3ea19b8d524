//! Where output goes: reports that replace nothing but reports, and output that is lost.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::path::Path;
use std::thread;

use forgekeep_tests::Run;
use serde_json::Value;

use crate::support::World;

fn world() -> World {
    let world = World::new();
    world.forge.repository("web").commit("one");
    world
}

#[track_caller]
fn is_report(bytes: &[u8]) {
    let report: Value = serde_json::from_slice(bytes).unwrap();
    assert_eq!(report["schema"], 1);
}

/// Names in a folder that look like a temporary file's.
fn partial(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| {
        let name = entry.unwrap().file_name();
        name.into_string().unwrap()
    });
    names.filter(|name| name.contains("partial")).collect()
}

#[test]
fn a_report_on_standard_output_is_all_that_is_there() {
    for name in ["-", "/dev/stdout", "/proc/self/fd/1", "/dev/fd/1"] {
        let world = world();
        let run = world
            .sandbox
            .forgekeep(["backup", "--report", name])
            .run()
            .expect(0);
        is_report(run.stdout.as_bytes());
        assert!(run.stderr.contains("All good"), "{name}: {}", run.stderr);
    }
    let world = world();
    let run = world
        .forgekeep(&["backup", "--report", "-", "--progress", "json"])
        .run()
        .expect(2);
    assert!(run.stderr.contains("--progress json"), "{}", run.stderr);
    assert!(!world.sandbox.backup().exists());
}

#[cfg(unix)]
#[test]
fn a_report_to_a_device_leaves_the_device() {
    use std::os::unix::fs::FileTypeExt;
    let world = world();
    // Ours to lose, if this user may make one.
    let device = world.sandbox.path("null");
    let made = std::process::Command::new("mknod")
        .arg(&device)
        .args(["c", "1", "3"])
        .status();
    let mut targets = vec!["null"];
    if !made.is_ok_and(|status| status.success()) {
        targets = vec!["/dev/null"];
    }
    std::os::unix::fs::symlink("/dev/null", world.sandbox.path("link")).unwrap();
    targets.push("link");
    for target in targets {
        world
            .forgekeep(&["backup", "--report", target])
            .run()
            .expect(0);
        let found = fs::metadata(world.sandbox.path(target)).unwrap();
        assert!(found.file_type().is_char_device(), "{target}");
    }
    let link = fs::symlink_metadata(world.sandbox.path("link")).unwrap();
    assert!(link.is_symlink());
}

#[cfg(unix)]
#[test]
fn a_report_to_a_fifo_is_read_from_it() {
    let world = world();
    let fifo = world.sandbox.path("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    let path = fifo.clone();
    let reader = thread::spawn(move || {
        let mut text = Vec::new();
        File::open(path).unwrap().read_to_end(&mut text).unwrap();
        text
    });
    world
        .forgekeep(&["backup", "--report", "fifo"])
        .run()
        .expect(0);
    is_report(&reader.join().unwrap());
    assert!(!fs::symlink_metadata(&fifo).unwrap().is_file());
}

#[cfg(unix)]
#[test]
fn a_link_is_written_through_and_no_name_is_guessed() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let world = world();
    fs::create_dir(world.sandbox.path("there")).unwrap();
    let real = world.sandbox.write("there/real.json", "old");
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("there/real.json", world.sandbox.path("link.json")).unwrap();
    symlink("there/new.json", world.sandbox.path("dangling.json")).unwrap();
    // What an older version would have written through.
    let precious = world.sandbox.write("precious", "precious");
    for name in ["there/real.json", "there/new.json", "link.json"] {
        let planted = world.sandbox.path(format!("{name}.partial"));
        symlink(&precious, planted).unwrap();
    }
    for (name, wrote) in [
        ("link.json", "there/real.json"),
        ("dangling.json", "there/new.json"),
    ] {
        world
            .forgekeep(&["backup", "--report", name])
            .run()
            .expect(0);
        let link = fs::symlink_metadata(world.sandbox.path(name)).unwrap();
        assert!(link.is_symlink(), "{name}");
        is_report(&fs::read(world.sandbox.path(wrote)).unwrap());
    }
    let mode = fs::metadata(&real).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert_eq!(fs::read(&precious).unwrap(), b"precious");
    let mut left = partial(&world.sandbox.path("there"));
    left.sort();
    assert_eq!(left, ["new.json.partial", "real.json.partial"]);
}

#[test]
fn a_place_that_cannot_take_a_report_is_said_before_the_run() {
    let world = world();
    fs::create_dir(world.sandbox.path("folder")).unwrap();
    world.sandbox.write("file", "x");
    for place in [
        "folder",
        "no/such/folder/r.json",
        "file/r.json",
        "folder/..",
    ] {
        let run = world
            .forgekeep(&["backup", "--report", place])
            .run()
            .expect(1);
        assert!(run.stderr.contains(place), "{place}: {}", run.stderr);
        assert!(!world.sandbox.backup().exists(), "{place}");
    }
    assert!(world.forge.requests().is_empty());
}

#[test]
fn a_report_replaces_neither_the_configuration_nor_the_backup() {
    let world = world();
    world.backup().expect(0);
    let lock = "backup/.forgekeep/lock";
    let state = "backup/acme/acme#web/forgekeep.json";
    for (place, what) in [
        ("settings.yml", "the configuration"),
        (lock, "a file of the backup"),
        (state, "a file of the backup"),
    ] {
        let before = fs::read(world.sandbox.path(place)).unwrap();
        // The harness removes old reports; this one is not to be found.
        let run = world
            .sandbox
            .forgekeep(["backup", &format!("--report={place}")])
            .run()
            .expect(2);
        assert!(run.stderr.contains(what), "{place}: {}", run.stderr);
        assert_eq!(fs::read(world.sandbox.path(place)).unwrap(), before);
    }
    let run = world
        .forgekeep(&["backup", "--report", "backup/report.json"])
        .run()
        .expect(0);
    assert!(run.report.is_some());
}

/// Every command that has something to say on standard output.
const SAYS: &[&[&str]] = &[
    &["list"],
    &["list", "--json"],
    &["check"],
    &["check", "--offline"],
    &["status"],
    &["status", "--json"],
    &["snapshots", "acme/web"],
    &["snapshots", "acme/web", "--json"],
    &["verify"],
    &["verify", "--json"],
    &["forget", "--dry-run"],
    &["forget", "--json"],
    &["plugins", "list"],
    &["plugins", "info", "bitbucket"],
    &["backup", "--dry-run"],
    &["backup"],
    &["backup", "--progress", "json"],
    &["backup", "--json"],
    &["backup", "--dry-run", "--json"],
    &["plugins", "list", "--json"],
    &["restore", "acme/web", "--to", "restored"],
    &["--help"],
    &["--version"],
    &["backup", "--help"],
    &["demo"],
];

fn full() -> Option<File> {
    OpenOptions::new().write(true).open("/dev/full").ok()
}

#[track_caller]
fn says_that_output_is_lost(run: &Run, arguments: &[&str]) {
    assert_eq!(run.code, Some(1), "{arguments:?}: {}", run.stderr);
    assert!(
        run.stderr.contains("cannot write to standard output"),
        "{arguments:?}: {}",
        run.stderr
    );
}

#[test]
fn lost_output_is_no_success() {
    if full().is_none() {
        return;
    }
    let world = world();
    world.backup().expect(0);
    for arguments in SAYS {
        let run = world.forgekeep(arguments).stdout(full().unwrap()).run();
        says_that_output_is_lost(&run, arguments);
    }
    // A code that says more stays.
    world.forge.change(|state| state.accounts.clear());
    for arguments in [&["list"][..], &["check"], &["backup"]] {
        let run = world.forgekeep(arguments).stdout(full().unwrap()).run();
        assert_eq!(run.code, Some(12), "{arguments:?}: {}", run.stderr);
        if arguments != ["list"] {
            assert!(run.stderr.contains("standard output"), "{}", run.stderr);
        }
    }
    world
        .forgekeep(&["no-such-command"])
        .stdout(full().unwrap())
        .run()
        .expect(2);
}

#[test]
fn lost_warnings_are_no_success() {
    let Some(full) = full() else { return };
    let world = world();
    let run = world.forgekeep(&["backup"]).stderr(full).run();
    assert_eq!(run.code, Some(1), "{}", run.stdout);
    world.backup().expect(0);
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_is_no_failure() {
    use std::os::fd::OwnedFd;
    let world = world();
    world.backup().expect(0);
    for arguments in SAYS {
        if arguments.first() == Some(&"restore") {
            fs::remove_dir_all(world.sandbox.path("restored")).ok();
        }
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let run = world
            .forgekeep(arguments)
            .stdout(File::from(OwnedFd::from(writer)))
            .run();
        assert_eq!(run.code, Some(0), "{arguments:?}: {}", run.stderr);
        assert!(!run.stderr.contains("standard output"), "{}", run.stderr);
    }
}

#[test]
fn without_a_plugin_a_demo_does_not_begin() {
    let world = world();
    let empty = world.sandbox.path("bin");
    // A binary of its own, so that no plugin lies beside it.
    let binary = empty.join("forgekeep");
    crate::support::place(&forgekeep_tests::binaries().forgekeep(), &binary);
    let run = world
        .sandbox
        .program(&binary, ["demo", "--dir", "demo"])
        .run()
        .expect(11);
    assert!(run.stdout.is_empty(), "{}", run.stdout);
    assert!(run.stderr.contains("no plugin for"), "{}", run.stderr);
    assert!(
        run.stderr.contains("lib/forgekeep/plugins"),
        "{}",
        run.stderr
    );
    assert!(!world.sandbox.path("demo").exists());

    let run = world.sandbox.program(&binary, ["plugins", "list"]).run();
    let run = run.expect(11);
    assert!(run.stdout.contains("no plugins found"), "{}", run.stdout);
    world.sandbox.write(
        format!("bin/{}", crate::support::plugin_file("bitbucket")),
        "no library",
    );
    let run = world.sandbox.program(&binary, ["plugins", "list"]).run();
    let run = run.expect(11);
    assert!(
        run.stdout.contains("none of the plugins found can be used"),
        "{}",
        run.stdout
    );
    let run = world.sandbox.program(&binary, ["demo"]).run().expect(11);
    assert!(
        run.stderr.contains("forgekeep_hoster_bitbucket"),
        "{}",
        run.stderr
    );
}
