//! The files that packages are made of.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use forgekeep_tests::{Sandbox, binaries};

use super::{done, has, packaging, repository, text};

/// The lines of a unit that are no remarks.
fn unit(name: &str) -> Vec<String> {
    let unit = fs::read_to_string(repository("core/schedule/units").join(name)).unwrap();
    let lines = unit
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(str::to_owned).collect()
}

fn value<'u>(unit: &'u [String], key: &str) -> &'u str {
    let mut values = unit
        .iter()
        .filter_map(|line| line.strip_prefix(&format!("{key}=")));
    values.next().unwrap_or_else(|| panic!("no {key}"))
}

#[test]
fn the_service_runs_for_its_timer_alone() {
    let service = unit("forgekeep-backup.service");
    // With it, it would run at every boot.
    assert!(!service.iter().any(|line| line == "[Install]"));
    // One that is not met skips without a word, and without `OnFailure=`.
    assert!(!service.iter().any(|line| line.starts_with("Condition")));
    assert_eq!(value(&service, "User"), "forgekeep");
    // A run that a shutdown ended is none that failed.
    assert_eq!(value(&service, "SuccessExitStatus"), "130 SIGTERM");
    assert_eq!(value(&service, "RestartPreventExitStatus"), "2 10 11 12");
    let command = value(&service, "ExecStart");
    let words: Vec<_> = command.split(' ').collect();
    assert_eq!(words[0], "/usr/bin/forgekeep");
    // The command line is one.
    let sandbox = Sandbox::new();
    sandbox
        .program(binaries().forgekeep(), &words[1..])
        .arg("--help")
        .run()
        .expect(0);
}

#[test]
fn the_timer_waits_for_an_hour_that_every_night_has() {
    let timer = unit("forgekeep-backup.timer");
    let time = value(&timer, "OnCalendar").rsplit(' ').next().unwrap();
    let hour: u32 = time.split(':').next().unwrap().parse().unwrap();
    assert!((4..24).contains(&hour), "{time}");
    assert_eq!(value(&timer, "Persistent"), "true");
    assert_eq!(value(&timer, "FixedRandomDelay"), "true");
}

#[test]
fn systemd_takes_the_units() {
    if !has("systemd-analyze") {
        return;
    }
    let sandbox = Sandbox::new();
    let mut verify = Command::new("systemd-analyze");
    verify.args(["verify", "--man=no"]);
    for entry in fs::read_dir(repository("core/schedule/units")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        // What it starts has to be there.
        let unit = fs::read_to_string(&path).unwrap();
        let program = binaries().forgekeep();
        let unit = unit.replace("/usr/bin/forgekeep", program.to_str().unwrap());
        verify.arg(sandbox.write(&name, unit));
    }
    let verified = verify.output().unwrap();
    let said = text(&verified.stderr);
    // What it says of other units of the machine is theirs.
    let ours: Vec<_> = said
        .lines()
        .filter(|line| line.contains("forgekeep"))
        .collect();
    assert!(ours.is_empty(), "{said}");
}

/// As systemd 252 counts, for which these units were written.
#[test]
fn services_may_do_no_more_than_they_need() {
    if !has("systemd-analyze") {
        return;
    }
    let mut seen = 0;
    for entry in fs::read_dir(repository("core/schedule/units")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "service") {
            continue;
        }
        let arguments = ["security", "--offline=yes", "--threshold=15", "--no-pager"];
        let done = Command::new("systemd-analyze")
            .args(arguments)
            .arg(&path)
            .output()
            .unwrap();
        let said = text(&done.stdout);
        assert!(done.status.success(), "{}: {said}", path.display());
        seen += 1;
    }
    assert_eq!(seen, 5);
}

#[test]
fn nothing_that_cleans_up_knows_the_backup_folder() {
    let lines = fs::read_to_string(packaging("tmpfiles.d/forgekeep.conf")).unwrap();
    let paths = lines.lines().filter(|line| !line.starts_with('#'));
    let paths: Vec<_> = paths
        .filter_map(|line| line.split_whitespace().nth(1))
        .collect();
    assert_eq!(paths, ["/var/lib/forgekeep"]);
    let example = fs::read_to_string(packaging("etc/config.yml.example")).unwrap();
    assert!(example.contains("\nlocalFolder: /srv/backup\n"));
}

#[test]
fn the_example_is_a_good_configuration() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.backup()).unwrap();
    let example = fs::read_to_string(packaging("etc/config.yml.example")).unwrap();
    let backup = sandbox.backup().to_str().unwrap().to_owned();
    sandbox.write("config.yml", example.replace("/srv/backup", &backup));
    let run = sandbox
        .forgekeep(["check", "--offline", "--config", "config.yml"])
        .env("BITBUCKET_TOKEN", "ATATT3xFfGF0-T3st=4711")
        .run();
    assert_eq!(run.expect(0).stderr, "");
}

#[test]
fn every_plugin_of_the_repository_is_in_the_packages() {
    let plugins = fs::read_dir(repository("plugins")).unwrap();
    let plugins = plugins.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let plugins: BTreeSet<_> = plugins
        .filter(|name| name != "template")
        .map(|name| name.replace('-', "_"))
        .collect();
    let stage = fs::read_to_string(packaging("stage")).unwrap();
    let named = stage
        .lines()
        .find_map(|line| line.strip_prefix("plugins='"));
    let named = named
        .unwrap()
        .trim_end_matches('\'')
        .split(' ')
        .map(str::to_owned);
    assert_eq!(named.collect::<BTreeSet<_>>(), plugins);
}

#[test]
fn recipes_are_of_this_version() {
    let version = env!("CARGO_PKG_VERSION");
    let recipe = |path: &str| fs::read_to_string(packaging(path)).unwrap();
    assert!(recipe("aur/PKGBUILD").contains(&format!("\npkgver={version}\n")));
    assert!(recipe("aur/PKGBUILD").contains("forgekeep-plugin-abi-1"));
    assert!(recipe("homebrew/forgekeep.rb").contains(&format!("/v{version}.tar.gz")));
    for script in [
        "aur/PKGBUILD",
        "aur/forgekeep.install",
        "build",
        "stage",
        "glibc-needed",
    ] {
        done(Command::new("bash").arg("-n").arg(packaging(script)));
    }
    for script in ["postinst", "prerm", "postrm"] {
        done(
            Command::new("sh")
                .arg("-n")
                .arg(packaging("debian").join(script)),
        );
    }
    if has("ruby") {
        done(
            Command::new("ruby")
                .arg("-c")
                .arg(packaging("homebrew/forgekeep.rb")),
        );
    }
}

#[test]
fn no_library_is_linked_that_a_machine_may_not_have() {
    if !has("objdump") {
        return;
    }
    let binaries = binaries();
    let plugin = |id: &str| binaries.library(&format!("forgekeep_hoster_{id}"));
    for file in [binaries.forgekeep(), plugin("bitbucket"), plugin("git")] {
        let output = done(Command::new("objdump").arg("-p").arg(&file));
        let output = text(&output.stdout);
        let needed = output
            .lines()
            .filter_map(|line| line.trim().strip_prefix("NEEDED"));
        for library in needed.map(str::trim) {
            let is_of_glibc = [
                "libc.so",
                "libm.so",
                "libgcc_s.so",
                "ld-linux",
                "libdl.so",
                "libpthread.so",
            ];
            let is_known = is_of_glibc.iter().any(|name| library.starts_with(name));
            assert!(is_known, "{} needs {library}", file.display());
        }
    }
    let newest = done(Command::new(packaging("glibc-needed")).arg(binaries.forgekeep()));
    assert!(text(&newest.stdout).starts_with("2."), "{newest:?}");
}
