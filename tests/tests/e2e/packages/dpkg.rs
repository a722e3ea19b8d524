//! Installed, upgraded, removed and purged by dpkg, in a root of its own.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use forgekeep_tests::{Action, Fault, RequestKind, Sandbox, binaries};
use serde_json::json;

use super::{deb, done, has};
use crate::support::{World, plugin_file};

/// A root in which nothing is installed; what scripts call there writes down what it was asked.
struct Machine {
    sandbox: Sandbox,
}

impl Machine {
    fn new() -> Option<Self> {
        if !has("dpkg") || !rustix::process::geteuid().is_root() {
            println!("skipped: installing needs dpkg and root");
            return None;
        }
        let sandbox = Sandbox::new();
        for folder in [
            "root/var/lib/dpkg/info",
            "root/var/lib/dpkg/updates",
            "root/run/systemd/system",
            "root/etc/systemd/system/timers.target.wants",
            "root/var/lib/systemd/timers",
        ] {
            fs::create_dir_all(sandbox.path(folder)).unwrap();
        }
        for file in ["status", "available"] {
            fs::write(sandbox.path("root/var/lib/dpkg").join(file), "").unwrap();
        }
        for name in ["systemctl", "systemd-sysusers", "systemd-tmpfiles"] {
            let log = sandbox.path("calls");
            let script = format!("#!/bin/sh\necho \"{name} $*\" >> '{}'\n", log.display());
            let path = sandbox.write(format!("bin/{name}"), script);
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Some(Self { sandbox })
    }

    fn path(&self, path: &str) -> PathBuf {
        self.sandbox.path("root").join(path)
    }

    /// What was called since the last time, without the root's name.
    fn calls(&self) -> Vec<String> {
        let file = self.sandbox.path("calls");
        let calls = fs::read_to_string(&file).unwrap_or_default();
        fs::write(&file, "").unwrap();
        let root = format!(" --root={}", self.path("").display());
        let root = root.trim_end_matches('/');
        calls.lines().map(|line| line.replace(root, "")).collect()
    }

    fn dpkg(&self, arguments: &[&str]) -> String {
        let path = std::env::var("PATH").unwrap();
        let mut command = Command::new("dpkg");
        command
            .arg(format!("--root={}", self.sandbox.path("root").display()))
            .args(["--log=/dev/null", "--no-triggers"])
            .args([
                "--force-script-chrootless",
                "--force-depends",
                "--force-bad-path",
            ])
            .args(arguments)
            .env(
                "PATH",
                format!("{}:{path}", self.sandbox.path("bin").display()),
            );
        let output = done(&mut command);
        super::text(&output.stderr)
    }

    fn install(&self, deb: &Path) {
        self.dpkg(&["--install", deb.to_str().unwrap()]);
    }

    /// What `schedule install`, or systemctl, makes; and what systemd and a user's work leave.
    fn enable(&self) {
        let unit = "/usr/lib/systemd/system/forgekeep-backup.timer";
        symlink(unit, self.path(ENABLED)).unwrap();
        let stamp = "var/lib/systemd/timers/stamp-forgekeep-backup.timer";
        fs::write(self.path(stamp), "").unwrap();
        let changes = "etc/systemd/system/forgekeep-backup.service.d";
        fs::create_dir(self.path(changes)).unwrap();
        fs::write(self.path(changes).join("folder.conf"), "[Service]\n").unwrap();
        fs::write(self.path("etc/forgekeep/config.yml"), "localFolder: /srv\n").unwrap();
        fs::create_dir_all(self.path("var/lib/forgekeep")).unwrap();
        fs::write(self.path("var/lib/forgekeep/report.json"), "{}").unwrap();
    }

    /// Every file and folder that has our name.
    fn left(&self) -> Vec<String> {
        let root = self.sandbox.path("root");
        let found = done(
            Command::new("find")
                .arg(&root)
                .args(["-name", "*forgekeep*"]),
        );
        let found = super::text(&found.stdout);
        let root = root.to_str().unwrap();
        let mut found: Vec<_> = found.lines().map(|line| line.replace(root, "")).collect();
        found.sort();
        found
    }
}

const ENABLED: &str = "etc/systemd/system/timers.target.wants/forgekeep-backup.timer";

/// The same package in its next version.
fn newer(sandbox: &Sandbox, deb: &Path) -> PathBuf {
    let folder = sandbox.path("newer");
    done(
        Command::new("dpkg-deb")
            .arg("--raw-extract")
            .arg(deb)
            .arg(&folder),
    );
    let control = folder.join("DEBIAN/control");
    let text = fs::read_to_string(&control).unwrap();
    let version = format!("Version: {}\n", env!("CARGO_PKG_VERSION"));
    assert!(text.contains(&version));
    fs::write(&control, text.replace(&version, "Version: 99.0\n")).unwrap();
    let file = sandbox.path("newer.deb");
    let mut build = Command::new("dpkg-deb");
    done(
        build
            .args(["--root-owner-group", "-Znone", "--build"])
            .arg(folder)
            .arg(&file),
    );
    file
}

#[test]
fn an_installation_schedules_nothing_and_an_upgrade_changes_nothing() {
    let (Some(deb), Some(machine)) = (deb(), Machine::new()) else {
        return;
    };
    machine.install(deb);
    let made = [
        "systemd-sysusers forgekeep.conf",
        "systemd-tmpfiles --create forgekeep.conf",
        "systemctl daemon-reload",
    ];
    assert_eq!(machine.calls(), made, "no enable, no start");
    assert!(fs::symlink_metadata(machine.path(ENABLED)).is_err());

    machine.enable();
    let example = machine.path("etc/forgekeep/config.yml.example");
    fs::write(&example, "# mine\n").unwrap();
    machine.install(&newer(&machine.sandbox, deb));
    assert_eq!(machine.calls(), made, "no stop, no restart");
    assert!(
        fs::symlink_metadata(machine.path(ENABLED)).is_ok(),
        "it stays enabled"
    );
    assert_eq!(fs::read_to_string(example).unwrap(), "# mine\n");
    assert!(
        machine
            .path("etc/systemd/system/forgekeep-backup.service.d")
            .is_dir()
    );
}

#[test]
fn a_removal_stops_and_a_purge_leaves_the_backup_alone() {
    let (Some(deb), Some(machine)) = (deb(), Machine::new()) else {
        return;
    };
    machine.install(deb);
    machine.enable();
    let backup = machine.path("srv/backup/.forgekeep");
    fs::create_dir_all(&backup).unwrap();
    machine.calls();
    machine.dpkg(&["--remove", "forgekeep"]);
    let stopped = [
        "systemctl stop forgekeep-backup.timer",
        "systemctl stop forgekeep-drill.timer",
        "systemctl stop forgekeep-verify.timer",
        "systemctl stop forgekeep-backup.service",
        "systemctl stop forgekeep-check.service",
        "systemctl stop forgekeep-drill.service",
        "systemctl stop forgekeep-verify.service",
        "systemctl daemon-reload",
    ];
    assert_eq!(machine.calls(), stopped);
    assert!(machine.path("etc/forgekeep/config.yml").is_file());
    assert!(
        fs::symlink_metadata(machine.path(ENABLED)).is_ok(),
        "for when it comes back"
    );

    machine.dpkg(&["--purge", "forgekeep"]);
    assert_eq!(machine.left(), ["/srv/backup/.forgekeep"]);
    assert_eq!(machine.calls(), ["systemctl daemon-reload"]);
}

#[test]
fn a_purge_takes_no_backup_that_lies_in_the_folder_of_the_state() {
    for trace in [
        "backup/.forgekeep/runs",
        "backup/acme/acme#web/repo/objects",
    ] {
        let (Some(deb), Some(machine)) = (deb(), Machine::new()) else {
            return;
        };
        machine.install(deb);
        machine.enable();
        let trace = machine.path("var/lib/forgekeep").join(trace);
        fs::create_dir_all(&trace).unwrap();
        let said = machine.dpkg(&["--purge", "forgekeep"]);
        assert!(said.contains("stays: there is a backup in it"), "{said}");
        assert!(trace.is_dir());
        assert!(!machine.path("etc/forgekeep").exists());
    }
}

#[test]
fn a_purge_follows_no_link() {
    let (Some(deb), Some(machine)) = (deb(), Machine::new()) else {
        return;
    };
    machine.install(deb);
    fs::create_dir_all(machine.path("home/somebody")).unwrap();
    fs::write(machine.path("home/somebody/file"), "").unwrap();
    symlink(
        machine.path("home/somebody"),
        machine.path("var/lib/forgekeep"),
    )
    .unwrap();
    machine.dpkg(&["--purge", "forgekeep"]);
    assert!(machine.path("home/somebody/file").is_file());
}

/// As dpkg and rpm do it: the new file beside the old one, then in its place.
fn replace(file: &Path) {
    let new = file.with_extension("dpkg-new");
    fs::write(&new, "of the next version").unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(new, file).unwrap();
}

#[test]
fn a_run_under_way_goes_on_through_an_upgrade() {
    for kind in [RequestKind::Api, RequestKind::UploadPack] {
        let world = World::new();
        world.forge.repository("web").commit("one");
        world.forge.repository("api").commit("one");
        let program = world.sandbox.path("usr/bin/forgekeep");
        let plugin = world
            .sandbox
            .path("usr/lib/forgekeep/plugins")
            .join(plugin_file("bitbucket"));
        for (from, to) in [
            (binaries().forgekeep(), &program),
            (binaries().library("forgekeep_hoster_bitbucket"), &plugin),
        ] {
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            // By another process: a child that another test starts meanwhile would hold a file open for
            // writing, and that cannot be run.
            done(Command::new("cp").arg(from).arg(to));
        }
        // What follows is asked of the plugin, too: each repository's access.
        world.configure_with(&[world.source()], &json!({"network": {"retries": 3}}));
        world.forge.inject(Fault::on(kind, Action::Hang).first(1));
        let running = world
            .sandbox
            .program(&program, ["backup", "--jobs", "1"])
            .spawn();
        world.forge.wait_for(kind, 1);
        replace(&program);
        replace(&plugin);
        world.forge.release();
        running.wait().expect(0);
        for slug in ["web", "api"] {
            world.assert_mirrored(world.forge.repository(slug));
        }
    }
}
