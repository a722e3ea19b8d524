//! Completion in real shells, with names of repositories from the backup; the manual; `--version -v`.
//!
//! A shell that the machine has not is skipped, with a message.

// What is skipped is said.
#![allow(clippy::print_stdout)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use forgekeep_tests::{Sandbox, binaries};
use serde_json::json;

/// A backup folder with these repositories of source `acme`, as SCM Backup leaves one; and the binary
/// in a folder of the shell's `PATH`.
struct Shells {
    sandbox: Sandbox,
}

impl Shells {
    fn new(names: &[&str]) -> Self {
        let sandbox = Sandbox::new();
        fs::create_dir_all(sandbox.path("bin")).unwrap();
        symlink(binaries().forgekeep(), sandbox.path("bin/forgekeep")).unwrap();
        for name in names {
            let folder = sandbox.backup().join("acme").join(name).join("repo");
            fs::create_dir_all(folder.join("objects")).unwrap();
            fs::create_dir_all(folder.join("refs")).unwrap();
            fs::write(folder.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        }
        let configuration = json!({
            "localFolder": sandbox.backup(),
            "sources": [{ "title": "acme", "hoster": "bitbucket", "name": "acme" }],
        });
        sandbox.write("forgekeep.yml", configuration.to_string());
        Self { sandbox }
    }

    fn script(&self, shell: &str, file: &str) -> PathBuf {
        let run = self.sandbox.forgekeep(["completions", shell]).run();
        self.sandbox.write(file, run.expect(0).stdout.as_bytes())
    }

    /// What a shell prints of a script of ours; `None` where there is no such shell.
    fn run(&self, shell: &str, arguments: &[&str], script: &str) -> Option<String> {
        if !has(shell) {
            println!("skipped: there is no {shell}");
            return None;
        }
        let file = self.sandbox.write(format!("script.{shell}"), script);
        let path = std::env::var("PATH").unwrap();
        let bin = self.sandbox.path("bin");
        let run = self
            .sandbox
            .program(shell, arguments)
            .arg(file)
            .env("PATH", format!("{}:{path}", bin.display()))
            .run();
        let run = run.expect(0);
        assert_eq!(run.stderr, "", "{shell}");
        Some(run.stdout.clone())
    }

    /// What bash makes of a command line whose last word is being typed, as readline asks for it.
    fn bash(&self, lines: &[&[&str]]) -> Vec<String> {
        let completions = self.script("bash", "completions.bash");
        let mut script = format!(
            "set -u\nsource '{}'\n\
             ask() {{\n    COMP_WORDS=(\"$@\")\n    COMP_CWORD=$(($# - 1))\n    COMPREPLY=()\n    \
             local function\n    function=$(complete -p forgekeep)\n    \
             function=${{function##*-F }}\n    \
             ${{function%% *}} forgekeep \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD - 1]}}\"\n    \
             echo \"${{COMPREPLY[*]}}\"\n}}\n",
            completions.display()
        );
        for line in lines {
            let words = line.iter().map(|word| format!("'{word}'"));
            script.push_str(&format!("ask {}\n", words.collect::<Vec<_>>().join(" ")));
        }
        let answer = self.run("bash", &["--norc", "--noprofile"], &script);
        answer.unwrap().lines().map(str::to_owned).collect()
    }
}

fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

const NAMES: [&str; 3] = ["acme#web", "acme#api", "other#web"];

#[test]
fn bash_completes_commands_options_and_repositories() {
    let shells = Shells::new(&NAMES);
    let folder = shells.sandbox.backup();
    let folder = folder.to_str().unwrap();
    let answers = shells.bash(&[
        &["forgekeep", "rest"],
        &["forgekeep", "restore", "acme/w"],
        &["forgekeep", "restore", "ap"],
        &["forgekeep", "restore", "we"],
        &["forgekeep", "restore", "--to-h"],
        &["forgekeep", "restore", "--folder", "=", folder, ""],
        &["forgekeep", "snapshots", "--folder", "/nowhere", "acme"],
        &["forgekeep", "backup", "--progress", "pl"],
        &["forgekeep", "backup", "acme"],
        &["forgekeep", "plugins", "in"],
        &["forgekeep", "--config", "/nowhere", "verify", "acme"],
    ]);
    let expected = [
        "restore",
        "acme/web",
        "api",
        // Two end like that: neither is meant.
        "",
        "--to-hoster",
        "acme/acme/api acme/acme/web acme/other/web",
        "",
        "plain",
        "",
        "info",
        "",
    ];
    assert_eq!(answers, expected);
}

#[test]
fn a_name_in_bash_is_data() {
    let sandbox_file = "ran";
    let hostile = format!("acme#$(touch {sandbox_file})");
    let shells = Shells::new(&[&hostile, "acme#a b", "acme#;reboot"]);
    let answers = shells.bash(&[
        &["forgekeep", "restore", "acme/acme/$"],
        &["forgekeep", "restore", "acme/acme/a"],
        &["forgekeep", "restore", "acme/acme/;"],
    ]);
    let expected = [
        r"acme/acme/\$\(touch\ ran\)",
        r"acme/acme/a\ b",
        r"acme/acme/\;reboot",
    ];
    assert_eq!(answers, expected);
    assert!(!shells.sandbox.path(sandbox_file).exists());
}

#[test]
fn fish_completes_repositories() {
    let shells = Shells::new(&NAMES);
    let completions = shells.script("fish", "completions.fish");
    let script = format!(
        "source '{}'\ncomplete -C 'forgekeep rest' | string split -f1 \\t\n\
         complete -C 'forgekeep restore acme/w'\ncomplete -C 'forgekeep -q verify ap'\n",
        completions.display()
    );
    if let Some(answer) = shells.run("fish", &["--no-config"], &script) {
        assert_eq!(answer, "restore\nacme/web\napi\n");
    }
}

#[test]
fn zsh_completes_repositories() {
    let shells = Shells::new(&NAMES);
    shells.script("zsh", "functions/_forgekeep");
    let functions = shells.sandbox.path("functions");
    // In a terminal of its own, typed and read.
    let script = format!(
        "zmodload zsh/zpty\nzpty terminal zsh -f -i\n\
         zpty -w terminal \"PS1='' TERM=dumb; fpath=('{}' \\$fpath); autoload -U compinit; \
         compinit -u -D; print re''ady\"\n\
         zpty -r -m terminal out '*ready*'\n\
         zpty -w -n terminal $'echo; forgekeep -q restore acme/w\\t; echo rest''ored'\n\
         zpty -r -m terminal out '*acme/web*'\n\
         print -r -- ${{out[(r)a,-1]}} | grep -o acme/web\nzpty -d terminal\n",
        functions.display()
    );
    if let Some(answer) = shells.run("zsh", &["-f"], &script) {
        assert_eq!(answer, "acme/web\n");
    }
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let sandbox = Sandbox::new();
    sandbox.forgekeep(["man", "pages/man1"]).run().expect(0);
    let page = |name: &str| fs::read_to_string(sandbox.path(format!("pages/man1/{name}.1")));
    let backup = page("forgekeep-backup").unwrap();
    for part in [
        ".SH NAME",
        ".SH \"GLOBAL OPTIONS\"",
        ".SH EXAMPLES",
        ".SH \"EXIT STATUS\"",
    ] {
        assert!(backup.contains(part), "{part}\n{backup}");
    }
    assert!(page("forgekeep-plugins-list").is_ok() && page("forgekeep").is_ok());
    // Twice the same: nothing of the day or the machine.
    let first = fs::read(sandbox.path("pages/man1/forgekeep.1")).unwrap();
    sandbox.forgekeep(["man", "again"]).run().expect(0);
    assert_eq!(first, fs::read(sandbox.path("again/forgekeep.1")).unwrap());
    for entry in fs::read_dir(sandbox.path("pages/man1")).unwrap() {
        let path = entry.unwrap().path();
        assert!(fs::read_to_string(&path).unwrap().is_ascii(), "{path:?}");
    }
    if !has("man") {
        println!("skipped: there is no man");
        return;
    }
    let shown = sandbox
        .program("man", ["--warnings", "-l", "pages/man1/forgekeep-backup.1"])
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("MANPAGER", "cat")
        .env("MANWIDTH", "80")
        .run();
    let shown = shown.expect(0);
    assert_eq!(shown.stderr, "");
    assert!(
        shown.stdout.contains("Show what would be done"),
        "{}",
        shown.stdout
    );
}

#[test]
fn a_folder_that_cannot_be_made_is_told() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "");
    let run = sandbox.forgekeep(["man", "file/man1"]).run().expect(1);
    assert!(
        run.stderr.contains("cannot make file/man1"),
        "{}",
        run.stderr
    );
}

#[test]
fn the_version_tells_what_it_was_built_from() {
    let sandbox = Sandbox::new();
    let plain = sandbox.forgekeep(["--version"]).run();
    assert_eq!(plain.expect(0).stdout.lines().count(), 1);
    let run = sandbox.forgekeep(["--version", "-v"]).run();
    let text = &run.expect(0).stdout;
    let value = |key: &str| {
        let mut lines = text.lines().filter_map(|line| line.strip_prefix(key));
        lines.next().unwrap_or_else(|| panic!("no {key}: {text}"))
    };
    assert_eq!(value("plugin ABI: "), "1");
    assert!(value("libgit2: ").starts_with("1."));
    assert!(value("target: ").contains(std::env::consts::ARCH));
    let commit = value("commit: ");
    let is_id = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(is_id || commit == "unknown", "{commit}");
}
