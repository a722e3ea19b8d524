//! `forgekeep schedule`, with the schedulers' programs replaced by ones that note how they are called; and what
//! systemd's unit for failures tells.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::World;

/// Says that there is no table as cron's own does.
const CRONTAB: &str = "case $1 in -l) [ -f \"$0.table\" ] && cat \"$0.table\" || { echo 'no crontab' >&2; exit 1; } ;; *) cat \"$1\" >\"$0.table\" ;; esac";

struct Scene {
    world: World,
    root: PathBuf,
    programs: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let world = World::new();
        world.forge.repository("web").commit("one");
        let (root, programs) = (world.sandbox.path("root"), world.sandbox.path("programs"));
        for folder in [&root, &programs, &world.sandbox.backup()] {
            fs::create_dir_all(folder).unwrap();
        }
        let scene = Self {
            world,
            root,
            programs,
        };
        // Says what it was asked, and answers as the real one would.
        scene.program(
            "systemctl",
            "echo \"$*\" >>\"$0.log\"\ncase \"$*\" in *show*) if grep -q 'enable --now' \"$0.log\" && ! grep -q disable \"$0.log\"; then echo UnitFileState=enabled; echo 'NextElapseUSecRealtime=Tue 2026-12-01 04:20:11 CET'; else echo UnitFileState=disabled; fi ;; esac",
        );
        scene.program("loginctl", "echo Linger=no");
        scene.program("crontab", CRONTAB);
        scene
    }

    fn program(&self, name: &str, body: &str) {
        let path = self.programs.join(name);
        fs::write(&path, format!("#!/bin/sh\nPATH=/usr/bin:/bin\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn schedule(&self, arguments: &[&str]) -> forgekeep_tests::Run {
        let root = self.root.to_str().unwrap();
        let all = [&["schedule", "--root", root][..], arguments].concat();
        self.world
            .forgekeep(&all)
            .env("PATH", self.programs.to_str().unwrap())
            .env("USER", "me")
            .run()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.programs.join("systemctl.log")).unwrap_or_default()
    }

    fn units(&self) -> PathBuf {
        self.root.join("etc/systemd/system")
    }

    fn states(&self, arguments: &[&str]) -> Vec<(bool, usize)> {
        let run = self.schedule(&[arguments, &["status", "--json"]].concat());
        let document: Value = serde_json::from_str(&run.stdout).unwrap();
        let of = |job: &Value| {
            let problems = job["problems"].as_array().unwrap().len();
            (job["installed"].as_bool().unwrap(), problems)
        };
        document["jobs"]
            .as_array()
            .unwrap()
            .iter()
            .map(of)
            .collect()
    }
}

fn below(folder: &Path) -> Vec<String> {
    let mut all: Vec<String> = crate::support::files(folder)
        .iter()
        .map(|path| {
            path.strip_prefix(folder)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    all.sort();
    all
}

const SYSTEM: &[&str] = &["--kind", "systemd", "--system"];

#[test]
fn units_are_written_enabled_compared_and_removed() {
    let scene = Scene::new();
    assert_eq!(scene.states(SYSTEM), [(false, 0); 3]);
    scene.schedule(&[SYSTEM, &["install"]].concat()).expect(0);
    assert!(scene.log().contains("daemon-reload\nenable --now forgekeep-backup.timer forgekeep-verify.timer forgekeep-drill.timer\n"), "{}", scene.log());
    let service = fs::read_to_string(scene.units().join("forgekeep-backup.service")).unwrap();
    assert!(
        service.contains("OnFailure=forgekeep-failed@%N.service"),
        "{service}"
    );
    assert!(
        !service.contains("ExecStart=/usr/bin/forgekeep"),
        "{service}"
    );
    let drop_in = scene
        .units()
        .join("forgekeep-backup.service.d/50-forgekeep-schedule.conf");
    let text = fs::read_to_string(&drop_in).unwrap();
    let folder = scene.world.sandbox.backup();
    assert!(
        text.contains(&format!("ReadWritePaths=-{}\n", folder.display())),
        "{text}"
    );
    assert!(
        text.contains(&format!("RequiresMountsFor={}\n", folder.display())),
        "{text}"
    );
    assert!(text.contains("Environment=FORGEKEEP_CONFIG=/"), "{text}");
    assert_eq!(scene.states(SYSTEM), [(true, 0); 3]);
    // Somebody has written another folder into it.
    fs::write(
        &drop_in,
        text.replace("ReadWritePaths=-", "ReadWritePaths=-/other"),
    )
    .unwrap();
    assert_eq!(scene.states(SYSTEM), [(true, 1), (true, 0), (true, 0)]);
    scene.schedule(&[SYSTEM, &["status"]].concat()).expect(3);
    scene
        .schedule(&[SYSTEM, &["install", "--at", "5:30"]].concat())
        .expect(0);
    scene.schedule(&[SYSTEM, &["status"]].concat()).expect(0);
    let timer = scene
        .units()
        .join("forgekeep-backup.timer.d/50-forgekeep-schedule.conf");
    assert!(
        fs::read_to_string(timer)
            .unwrap()
            .ends_with("OnCalendar=\nOnCalendar=*-*-* 05:30\n")
    );
    scene.schedule(&[SYSTEM, &["remove"]].concat()).expect(0);
    assert_eq!(below(&scene.units()), [""; 0]);
    assert_eq!(scene.states(SYSTEM), [(false, 0); 3]);
}

#[test]
fn units_of_a_package_are_left_as_they_are() {
    let scene = Scene::new();
    let packaged = scene.root.join("usr/lib/systemd/system");
    fs::create_dir_all(&packaged).unwrap();
    fs::write(
        packaged.join("forgekeep-backup.service"),
        "as it was packaged",
    )
    .unwrap();
    scene.schedule(&[SYSTEM, &["install"]].concat()).expect(0);
    assert!(
        below(&scene.units())
            .iter()
            .all(|name| name.contains(".d/50-forgekeep-")),
        "{:?}",
        below(&scene.units())
    );
    scene.schedule(&[SYSTEM, &["remove"]].concat()).expect(0);
    assert_eq!(
        below(&scene.root),
        ["usr/lib/systemd/system/forgekeep-backup.service"]
    );
}

#[test]
fn a_user_whose_timers_end_with_the_login_is_told() {
    let scene = Scene::new();
    let run = scene
        .schedule(&["--kind", "systemd", "--user", "install"])
        .expect(0);
    assert!(
        run.stderr.contains("loginctl enable-linger me"),
        "{}",
        run.stderr
    );
    assert!(
        scene.log().contains("--user enable --now"),
        "{}",
        scene.log()
    );
    let folder = scene.world.sandbox.path("home/.config/systemd/user");
    let service = fs::read_to_string(folder.join("forgekeep-backup.service")).unwrap();
    assert!(!service.contains("ProtectSystem="), "{service}");
}

#[test]
fn units_need_an_owner_of_the_backup() {
    let scene = Scene::new();
    fs::remove_dir(scene.world.sandbox.backup()).unwrap();
    let run = scene.schedule(&[SYSTEM, &["install"]].concat()).expect(10);
    assert!(run.stderr.contains("install -d -m 700"), "{}", run.stderr);
    assert_eq!(below(&scene.root), [""; 0]);
    // Those of a user are that user's.
    let arguments = ["--kind", "systemd", "--user", "install"];
    scene.schedule(&arguments).expect(0);
}

#[test]
fn a_scheduler_that_fails_is_named() {
    let scene = Scene::new();
    scene.program("systemctl", "echo 'Failed to connect to bus' >&2; exit 1");
    let run = scene.schedule(&[SYSTEM, &["install"]].concat()).expect(1);
    assert!(
        run.stderr
            .contains("systemctl failed: Failed to connect to bus"),
        "{}",
        run.stderr
    );
}

#[test]
fn the_line_of_the_crontab_runs_under_sh_with_the_path_of_cron() {
    let scene = Scene::new();
    fs::write(scene.programs.join("crontab.table"), "MAILTO=me\n").unwrap();
    for _ in 0..2 {
        scene.schedule(&["--kind", "cron", "install"]).expect(0);
    }
    assert_eq!(scene.states(&["--kind", "cron"]), [(true, 0); 3]);
    let table = fs::read_to_string(scene.programs.join("crontab.table")).unwrap();
    assert_eq!(table.matches(" backup ").count(), 1, "{table}");
    let line = table
        .lines()
        .find(|line| line.contains(" backup "))
        .unwrap();
    // As cron does: the first five words are the time, and `\%` is a percent sign.
    let command = line.splitn(6, ' ').nth(5).unwrap().replace(r"\%", "%");
    let output = std::process::Command::new("/bin/sh")
        .args(["-c", &command])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", scene.world.sandbox.path("home"))
        .current_dir("/")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {said}");
    assert_eq!((said.as_ref(), output.stdout.len()), ("", 0));
    // What cannot be listed is not replaced.
    scene.program(
        "crontab",
        "case $1 in -l) echo 'PATH=/bin'; exit 1 ;; *) cat \"$1\" >\"$0.table\" ;; esac",
    );
    for command in ["install", "remove", "status"] {
        scene.schedule(&["--kind", "cron", command]).expect(1);
    }
    assert_eq!(
        fs::read_to_string(scene.programs.join("crontab.table")).unwrap(),
        table
    );
    scene.program("crontab", CRONTAB);
    scene.schedule(&["--kind", "cron", "remove"]).expect(0);
    assert_eq!(
        fs::read_to_string(scene.programs.join("crontab.table")).unwrap(),
        "MAILTO=me\n"
    );
}
