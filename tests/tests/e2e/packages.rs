//! Packages of the binary that is tested: built by the script that releases use, laid out in a clean root,
//! and taken through installation, upgrade, removal and purge by dpkg itself.
//!
//! A tool that the machine has not is named, and its part skipped.

// What is skipped is said.
#![allow(clippy::print_stdout)]

mod container;
mod dpkg;
mod files;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use forgekeep_tests::{Sandbox, binaries};

/// A time at which everything in a package was made, whenever that is.
const EPOCH: &str = "1794787200";

/// A file of the repository.
fn repository(path: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    root.join(path).canonicalize().unwrap()
}

fn packaging(path: &str) -> PathBuf {
    repository("host/packaging").join(path)
}

/// Whether there is a program; says that its part is skipped where there is none.
fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    if !found {
        println!("skipped: there is no {program}");
    }
    found
}

#[track_caller]
fn done(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Builds a package, in surroundings that must not show in it.
fn build(kind: &str, out: &Path, zone: &str, umask: &str) -> PathBuf {
    let script = format!("umask {umask} && exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command
        .args(["-c", &script])
        .arg(packaging("build"))
        .arg(kind)
        .arg(&binaries().folder)
        .arg(out)
        .env("SOURCE_DATE_EPOCH", EPOCH)
        .env("PACKAGE_LEVEL", "1")
        .env("TZ", zone);
    let output = done(&mut command);
    PathBuf::from(text(&output.stdout).trim())
}

/// The deb, built once; `None` where nobody can.
fn deb() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<(tempfile::TempDir, PathBuf)>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        if !has("dpkg-deb") || !has("strip") {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let file = build("deb", folder.path(), "UTC", "022");
        Some((folder, file))
    });
    built.as_ref().map(|(_, file)| file.as_path())
}

/// A field of the deb's control file.
fn field(deb: &Path, name: &str) -> String {
    let output = done(Command::new("dpkg-deb").arg("--field").arg(deb).arg(name));
    text(&output.stdout).trim().to_owned()
}

#[test]
fn what_a_deb_holds_runs_where_it_is_laid_out() {
    let Some(deb) = deb() else { return };
    let sandbox = Sandbox::new();
    let root = sandbox.path("root");
    done(
        Command::new("dpkg-deb")
            .arg("--extract")
            .arg(deb)
            .arg(&root),
    );
    let program = root.join("usr/bin/forgekeep");
    let run = |arguments: &[&str]| sandbox.program(&program, arguments).run();

    // Its own plugins, from the folder of distributions.
    let list = run(&["plugins", "list"]).expect(0).stdout;
    let plugins = root
        .join("usr/lib/forgekeep/plugins")
        .canonicalize()
        .unwrap();
    let own = list.matches(plugins.to_str().unwrap()).count();
    assert_eq!(own, 6, "{list}");
    let demo = run(&["demo", "--dir", "demo"]).expect(0);
    assert!(
        demo.stdout.contains("All good: 6 repositories backed up"),
        "{}",
        demo.stdout
    );

    let names = |folder: &Path| {
        let entries = fs::read_dir(folder).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name())
            .collect::<BTreeSet<_>>()
    };
    let schemas = root.join("usr/share/forgekeep/schema");
    assert_eq!(names(&schemas), names(&repository("schema")));

    if has("man") {
        let manual = root.join("usr/share/man");
        let page = sandbox
            .program(
                "man",
                ["--manpath", manual.to_str().unwrap(), "forgekeep-backup"],
            )
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("MANPAGER", "cat")
            .run();
        assert!(page.expect(0).stdout.contains("Back up all sources"));
    }
    let completions = root.join("usr/share/bash-completion/completions/forgekeep");
    let script = format!(
        "source '{}'; COMP_WORDS=(forgekeep rest); COMP_CWORD=1; \
         _forgekeep_and_repositories forgekeep rest forgekeep; echo \"${{COMPREPLY[*]}}\"",
        completions.display()
    );
    let path = std::env::var("PATH").unwrap();
    let answer = Command::new("bash")
        .args(["--norc", "-c", &script])
        .env("PATH", format!("{}:{path}", root.join("usr/bin").display()))
        .output()
        .unwrap();
    assert_eq!(text(&answer.stdout), "restore\n");
    // Nothing is scheduled: whoever enables a unit makes a link below `….wants`.
    let files = done(Command::new("find").arg(&root).args(["-name", "*.wants"]));
    assert_eq!(text(&files.stdout), "");
}

#[test]
fn the_deb_says_what_it_needs_and_what_it_provides() {
    let Some(deb) = deb() else { return };
    assert_eq!(field(deb, "Provides"), "forgekeep-plugin-abi-1");
    let version = format!("{}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(field(deb, "Version"), version.trim());
    let depends = field(deb, "Depends");
    assert!(
        depends.contains("libc6 (>= 2.") && depends.contains("ca-certificates"),
        "{depends}"
    );
}

#[test]
fn two_builds_give_the_same_bytes() {
    let Some(first) = deb() else { return };
    let folder = tempfile::tempdir().unwrap();
    let second = build("deb", folder.path(), "Pacific/Auckland", "077");
    assert_eq!(first.file_name(), second.file_name());
    let same = fs::read(first).unwrap() == fs::read(&second).unwrap();
    assert!(
        same,
        "{} differs from {}",
        second.display(),
        first.display()
    );
}

#[test]
fn the_tarball_runs_where_it_is_unpacked() {
    if !has("strip") || !has("tar") {
        return;
    }
    let sandbox = Sandbox::new();
    let file = build("tarball", &sandbox.path("out"), "UTC", "022");
    let place = sandbox.path("anywhere/deep");
    fs::create_dir_all(&place).unwrap();
    done(
        Command::new("tar")
            .args(["--strip-components=1", "-xzf"])
            .arg(&file)
            .arg("-C")
            .arg(&place),
    );
    // By a link too, as from a folder of the PATH.
    fs::create_dir(sandbox.path("links")).unwrap();
    std::os::unix::fs::symlink(place.join("bin/forgekeep"), sandbox.path("links/forgekeep"))
        .unwrap();
    let run = sandbox
        .program(sandbox.path("links/forgekeep"), ["plugins", "list"])
        .run();
    let list = run.expect(0).stdout;
    assert_eq!(
        list.matches("/anywhere/deep/lib/forgekeep/plugins/")
            .count(),
        6,
        "{list}"
    );
    let names = done(Command::new("tar").arg("-tzf").arg(&file));
    let names = text(&names.stdout);
    for name in [
        "/share/man/man1/forgekeep-backup.1.gz",
        "/share/doc/forgekeep/LICENSE-MIT",
        "/share/doc/forgekeep/disaster.md",
        "/share/doc/forgekeep/monitoring/forgekeep.rules.yml",
    ] {
        assert!(names.contains(name), "{name}: {names}");
    }
    assert!(
        !names.contains("/etc/") && !names.contains("/lib/systemd/"),
        "{names}"
    );
}

#[test]
fn an_rpm_leaves_schedule_and_runs_alone() {
    if !has("rpmbuild") || !has("strip") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = build("rpm", folder.path(), "UTC", "022");
    let ask = |what: &str| {
        let output = done(
            Command::new("rpm")
                .args(["--query", "--package", what])
                .arg(&file),
        );
        text(&output.stdout)
    };
    assert!(
        ask("--provides")
            .lines()
            .any(|line| line == "forgekeep-plugin-abi-1")
    );
    assert!(ask("--configfiles").contains("/etc/forgekeep/config.yml.example"));
    let again = tempfile::tempdir().unwrap();
    let second = build("rpm", again.path(), "Pacific/Auckland", "077");
    assert!(
        fs::read(&file).unwrap() == fs::read(second).unwrap(),
        "another rpm"
    );

    // The script before removal runs for upgrades too, with 1 for the version that stays.
    let scripts = ask("--scripts");
    let (_, preun) = scripts.split_once("preuninstall scriptlet").unwrap();
    let (_, preun) = preun.split_once('\n').unwrap();
    let (preun, _) = preun.split_once("postuninstall scriptlet").unwrap();
    assert!(preun.starts_with("if [ \"$1\" -eq 0 ]"), "{preun}");
    for word in ["start", "stop", "enable", "disable"] {
        let others = scripts.replace(preun, "");
        assert!(!others.contains(&format!("systemctl {word}")), "{others}");
        assert!(!others.contains("try-restart"), "{others}");
    }
    let unpacked = folder.path().join("unpacked");
    fs::create_dir(&unpacked).unwrap();
    let script = format!("rpm2cpio '{}' | cpio -id --quiet", file.display());
    if has("cpio") {
        done(
            Command::new("sh")
                .args(["-c", &script])
                .current_dir(&unpacked),
        );
        let service = unpacked.join("usr/lib/systemd/system/forgekeep-backup.service");
        let service = fs::read_to_string(service).unwrap();
        assert!(
            !service.contains("\nRestart"),
            "systemd 239 refuses it: {service}"
        );
    }
}
