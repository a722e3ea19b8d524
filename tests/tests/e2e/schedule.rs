//! `forgekeep schedule`, with the schedulers' programs replaced by ones that note how they are called; and what
//! systemd's unit for failures tells.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{TOKEN, World};

/// Says that there is no table as cron's own does.
const CRONTAB: &str = "case $1 in -l) [ -f \"$0.table\" ] && cat \"$0.table\" || { echo 'no crontab' >&2; exit 1; } ;; *) cat \"$1\" >\"$0.table\" ;; esac";

/// Answers as the real one would.
const SYSTEMCTL: &str = "echo \"$*\" >>\"$0.log\"\ncase \"$*\" in *show*) if grep -q 'enable --now' \"$0.log\" && ! grep -q disable \"$0.log\"; then echo UnitFileState=enabled; echo 'LastTriggerUSec=Mon 2026-11-30 04:20:11 CET'; echo 'NextElapseUSecRealtime=Tue 2026-12-01 04:20:11 CET'; else echo UnitFileState=disabled; fi ;; esac";

/// Starts the unit for checks as systemd does: its program, with the environment and the credentials of its drop-in
/// and nothing else.
const START: &str = r#"
units=ROOT/etc/systemd/system
case "$*" in
*"show --property Result"*) echo Result=exit-code; echo ExecMainStatus=$(cat "$0.status"); exit 0 ;;
*"start forgekeep-check.service"*)
    [ -f "$0.denied" ] && { echo 'Access denied' >&2; exit 4; }
    drop=$units/forgekeep-check.service.d/50-forgekeep-schedule.conf
    credentials=ROOT/run/credentials
    rm -rf $credentials; mkdir -p $credentials
    for line in $(sed -n 's/^LoadCredential=//p' "$drop"); do
        name=${line%%:*}
        grep -q "^SetCredential=$name:" "$drop" && printf '\n' >"$credentials/$name"
        cat "${line#*:}" 2>/dev/null >"$credentials/.new" && mv "$credentials/.new" "$credentials/$name"
        [ -f "$credentials/$name" ] || { echo 243 >"$0.status"; echo 'Job failed.' >&2; exit 1; }
    done
    rm -f "$credentials/.new"
    cd /
    env -i PATH=/usr/bin:/bin STATE_DIRECTORY=ROOT/var/lib/forgekeep CREDENTIALS_DIRECTORY=$credentials \
        $(sed -n 's/^Environment=//p' "$drop") $(sed -n 's/^ExecStart=//p' "$units/forgekeep-check.service") >/dev/null
    code=$?; echo $code >"$0.status"; exit $((code != 0)) ;;
esac"#;

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
        fs::create_dir_all(root.join("var/lib/forgekeep")).unwrap();
        let scene = Self {
            world,
            root,
            programs,
        };
        // Says what it was asked, and answers as the real one would.
        let start = START.replace("ROOT", scene.root.to_str().unwrap());
        scene.program("systemctl", &format!("{start}\n{SYSTEMCTL}"));
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

    /// The same with a variable of the terminal.
    fn schedule_with(&self, arguments: &[&str], name: &str, value: &str) -> forgekeep_tests::Run {
        let root = self.root.to_str().unwrap();
        let all = [&["schedule", "--root", root][..], arguments].concat();
        self.world
            .forgekeep(&all)
            .env("PATH", self.programs.to_str().unwrap())
            .env("USER", "me")
            .env(name, value)
            .run()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.programs.join("systemctl.log")).unwrap_or_default()
    }

    fn units(&self) -> PathBuf {
        self.root.join("etc/systemd/system")
    }

    fn states(&self, arguments: &[&str]) -> Vec<(bool, usize)> {
        let run = self.schedule(&[arguments, &["status", "--json", "--no-check"]].concat());
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
    let output = Command::new("/bin/sh")
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

/// What `status` says of the check.
fn tried(scene: &Scene, arguments: &[&str], code: i32) -> Value {
    let run = scene
        .schedule(&[arguments, &["status", "--json"]].concat())
        .expect(code);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document["exitCode"], code);
    document["check"].clone()
}

#[test]
fn secrets_beside_the_configuration_are_given_to_the_services() {
    let scene = Scene::new();
    let world = &scene.world;
    let token = TOKEN;
    let path = world.sandbox.write("keys/token", token);
    let mut source = world.source();
    source.as_object_mut().unwrap().remove("password");
    source["passwordFile"] = "keys/token".into();
    let settings = serde_json::json!({
        "localFolder": world.sandbox.backup(),
        "sources": [source],
        "notify": [{"kind": "webhook", "urlFile": "hook"}],
    });
    world.sandbox.write("settings.yml", settings.to_string());
    let run = scene.schedule(&[SYSTEM, &["install"]].concat()).expect(0);
    assert!(run.stderr.contains("`notify[0].urlFile`"), "{}", run.stderr);
    assert!(run.stderr.contains("/etc/credstore/hook"), "{}", run.stderr);
    let stored = scene.root.join("etc/credstore.encrypted");
    fs::create_dir_all(&stored).unwrap();
    fs::write(stored.join("hook"), "x").unwrap();
    let run = scene.schedule(&[SYSTEM, &["install"]].concat()).expect(0);
    assert_eq!(run.stderr, "");
    let drop_in = |unit: &str| {
        let name = format!("{unit}.service.d/50-forgekeep-schedule.conf");
        scene.units().join(name)
    };
    let text = |unit: &str| fs::read_to_string(drop_in(unit)).unwrap();
    let of_token = format!("LoadCredential=keys-token:{}\n", path.display());
    let of_hook =
        "SetCredential=hook:\\n\nLoadCredentialEncrypted=hook:/etc/credstore.encrypted/hook\n";
    for (unit, has_token) in [
        ("forgekeep-backup", true),
        ("forgekeep-check", true),
        ("forgekeep-verify", false),
        ("forgekeep-drill", false),
        ("forgekeep-failed@", false),
    ] {
        let text = text(unit);
        assert_eq!(text.contains(&of_token), has_token, "{unit}: {text}");
        assert!(text.ends_with(of_hook), "{unit}: {text}");
        assert!(!text.contains(token), "{unit}");
    }
    assert_eq!(scene.states(SYSTEM), [(true, 0); 3]);
    systemd_takes(&scene.units());
    // What the service has comes before what is beside the configuration.
    let name = "credentials/keys-token";
    let folder = world.sandbox.write(name, token);
    world.sandbox.write("keys/token", "ATATT3xFfGF0-wrong=1234");
    let check = || world.forgekeep(&["check"]);
    let folder = folder.parent().unwrap();
    check().env("CREDENTIALS_DIRECTORY", folder).run().expect(0);
    check().run().expect(12);
    // A unit of before the secret was moved into a file.
    let good = text("forgekeep-backup");
    fs::write(drop_in("forgekeep-backup"), good.replace(&of_token, "")).unwrap();
    let run = scene
        .schedule(&[SYSTEM, &["status", "--no-check"]].concat())
        .expect(3);
    assert!(
        run.stdout
            .contains("`sources[0].passwordFile`: it has no LoadCredential=keys-token"),
        "{}",
        run.stdout
    );
    // Somebody's own drop-in has it.
    let own = drop_in("forgekeep-backup").with_file_name("60-own.conf");
    fs::write(&own, "[Service]\nLoadCredential=keys-token:/elsewhere\n").unwrap();
    assert_eq!(scene.states(SYSTEM), [(true, 0); 3]);
    scene.schedule(&[SYSTEM, &["install"]].concat()).expect(0);
    assert!(!text("forgekeep-backup").contains("keys-token"));
    scene.schedule(&[SYSTEM, &["remove"]].concat()).expect(0);
    assert_eq!(
        below(&scene.units()),
        ["forgekeep-backup.service.d/60-own.conf"]
    );
}

#[test]
fn status_checks_what_the_unit_would_find() {
    let scene = Scene::new();
    let world = &scene.world;
    // What the credentials of the unit have, and nothing beside the configuration.
    let token = world.sandbox.write("elsewhere/acme.token", TOKEN);
    let mut source = world.source();
    source.as_object_mut().unwrap().remove("password");
    source["passwordFile"] = "acme.token".into();
    world.configure(&[source]);
    let own = scene.units().join("forgekeep-check.service.d");
    scene.schedule(&[SYSTEM, &["install"]].concat()).expect(0);
    let failed = tried(&scene, SYSTEM, 3);
    assert_eq!(failed["outcome"], "failed", "{failed}");
    assert_eq!(failed["exitCode"], 10, "{failed}");
    let said = failed["problems"][0]["message"].as_str().unwrap();
    assert!(said.contains("passwordFile"), "{said}");
    let ours = own.join("50-forgekeep-schedule.conf");
    let mut text = fs::read_to_string(&ours).unwrap();
    text.push_str(&format!("LoadCredential=acme.token:{}\n", token.display()));
    fs::write(&ours, text).unwrap();
    let good = tried(&scene, SYSTEM, 3);
    // The backup's own unit has not got it.
    assert_eq!(good["outcome"], "ok", "{good}");
    let backup = scene.units().join("forgekeep-backup.service.d/60-own.conf");
    fs::write(backup, "LoadCredential=acme.token:/x\n").unwrap();
    let run = scene.schedule(&[SYSTEM, &["status"]].concat()).expect(0);
    assert!(
        run.stdout.contains("as the scheduler runs it: ok"),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains("last Mon 2026-11-30 04:20:11 CET"),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains("next Tue 2026-12-01 04:20:11 CET"),
        "{}",
        run.stdout
    );
    assert_eq!(below(&scene.root.join("var")), [""; 0]);
    fs::write(&token, "ATATT3xFfGF0-wrong=1234").unwrap();
    let run = scene.schedule(&[SYSTEM, &["status"]].concat()).expect(3);
    assert!(
        run.stdout
            .contains("as the scheduler runs it: failed\n  acme: "),
        "{}",
        run.stdout
    );
    fs::remove_file(&token).unwrap();
    let lost = tried(&scene, SYSTEM, 3);
    let said = lost["problems"][0]["message"].as_str().unwrap();
    assert!(said.contains("credentials could not be loaded"), "{said}");
    // Who may not start it is told so, and may leave it out.
    fs::write(scene.programs.join("systemctl.denied"), "").unwrap();
    fs::remove_file(scene.programs.join("systemctl.status")).unwrap();
    let unknown = tried(&scene, SYSTEM, 3);
    assert_eq!(unknown["outcome"], "unknown", "{unknown}");
    let said = unknown["problems"][0]["message"].as_str().unwrap();
    assert!(said.contains("Access denied"), "{said}");
    scene
        .schedule(&[SYSTEM, &["status", "--no-check"]].concat())
        .expect(0);
}

#[test]
fn status_checks_with_the_environment_of_cron_and_launchd() {
    for kind in ["cron", "launchd"] {
        let scene = Scene::new();
        scene.program("launchctl", "");
        let arguments = ["--kind", kind, "--user"];
        scene
            .schedule(&[&arguments[..], &["install", "--at", "5:30"]].concat())
            .expect(0);
        let good = tried(&scene, &arguments, 0);
        assert_eq!(good["outcome"], "ok", "{kind}: {good}");
        scene.world.backup().expect(0);
        let run = scene.schedule(&[&arguments[..], &["status", "--json", "--no-check"]].concat());
        let document: Value = serde_json::from_str(&run.stdout).unwrap();
        let backup = &document["jobs"][0];
        let year = |key: &str| backup[key].as_str().unwrap()[4..6].to_owned();
        assert_eq!(
            (year("last"), year("next")),
            ("20".into(), "20".into()),
            "{backup}"
        );
        assert!(
            backup["next"].as_str().unwrap().contains(" 05:30:00 "),
            "{backup}"
        );
        assert!(document["jobs"][2]["last"].is_null(), "{document}");
        // A variable of the terminal is none of theirs.
        let mut source = scene.world.source();
        source["password"] = "%ONLY_IN_THE_TERMINAL%".into();
        scene.world.configure(&[source]);
        let run = scene
            .schedule_with(
                &[&arguments[..], &["status"]].concat(),
                "ONLY_IN_THE_TERMINAL",
                TOKEN,
            )
            .expect(3);
        assert!(
            run.stdout.contains("as the scheduler runs it: failed"),
            "{}",
            run.stdout
        );
        assert!(
            run.stdout.contains("ONLY_IN_THE_TERMINAL"),
            "{}",
            run.stdout
        );
    }
}

#[test]
fn check_tells_of_units_that_do_not_fit_the_configuration() {
    let scene = Scene::new();
    let arguments = ["--kind", "systemd", "--user", "install"];
    scene.schedule(&arguments).expect(0);
    let run = scene
        .world
        .forgekeep(&["check", "--offline"])
        .run()
        .expect(0);
    assert!(!run.stdout.contains("does not fit"), "{}", run.stdout);
    let drop_in = scene
        .world
        .sandbox
        .path("home/.config/systemd/user/forgekeep-backup.service.d/50-forgekeep-schedule.conf");
    let text = fs::read_to_string(&drop_in).unwrap();
    fs::write(
        &drop_in,
        text.replace("RequiresMountsFor=", "RequiresMountsFor=/other"),
    )
    .unwrap();
    let run = scene
        .world
        .forgekeep(&["check", "--offline"])
        .run()
        .expect(0);
    assert!(
        run.stdout.contains("does not fit the configuration")
            && run.stdout.contains("schedule install"),
        "{}",
        run.stdout
    );
    // Those of another configuration are none of this one's.
    let text = fs::read_to_string(&drop_in).unwrap();
    fs::write(
        &drop_in,
        text.replace("FORGEKEEP_CONFIG=", "FORGEKEEP_CONFIG=/other"),
    )
    .unwrap();
    let run = scene
        .world
        .forgekeep(&["check", "--offline"])
        .run()
        .expect(0);
    assert!(!run.stdout.contains("does not fit"), "{}", run.stdout);
}

/// Has systemd read the units with their drop-ins, where it is installed.
fn systemd_takes(units: &Path) {
    let mut verify = Command::new("systemd-analyze");
    verify.args(["verify", "--man=no"]);
    for service in ["backup", "check", "verify", "drill"] {
        verify.arg(format!("forgekeep-{service}.service"));
    }
    verify.arg("forgekeep-failed@x.service");
    let path = format!("{}:", units.display());
    let Ok(output) = verify.env("SYSTEMD_UNIT_PATH", path).output() else {
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    let ours: Vec<_> = said
        .lines()
        .filter(|line| line.contains("forgekeep"))
        .collect();
    assert!(ours.is_empty(), "{said}");
}
