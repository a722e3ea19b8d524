//! Repositories by address: over ssh with a real sshd, from paths on this machine, and over HTTP.

use std::path::PathBuf;

use forgekeep_tests::sshd::Sshd;
use forgekeep_tests::{Run, Sandbox, compare, git};
use serde_json::{Value, json};

use crate::support::report;

mod over_https;
mod over_ssh;
mod refusals;

/// A sandbox with one source of `hoster: git`.
struct Source {
    sandbox: Sandbox,
    keys: Value,
    options: Value,
}

impl Source {
    /// With these addresses.
    fn of(urls: &[&str]) -> Self {
        Self {
            sandbox: Sandbox::new(),
            keys: json!({ "title": "servers", "hoster": "git", "urls": urls }),
            options: json!({ "network": { "retries": 0, "limitWaitMinutes": 0 } }),
        }
    }

    /// With these addresses behind a server of ssh.
    fn behind(sshd: &Sshd, paths: &[&str]) -> Self {
        let urls: Vec<String> = paths.iter().map(|path| sshd.url(path)).collect();
        let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
        Self::of(&urls).with("sshCommand", sshd.command())
    }

    fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.keys[key] = value.into();
        self
    }

    fn write(&self) {
        let content = json!({
            "localFolder": self.sandbox.backup(), "options": self.options, "sources": [self.keys],
        });
        self.sandbox.write("settings.yml", format!("{content:#}"));
    }

    /// A backup that finds the machine's programs: ssh and git.
    fn backup(&self) -> Run {
        self.backup_with(&[])
    }

    fn backup_with(&self, variables: &[(&str, &str)]) -> Run {
        self.write();
        let mut run = self.sandbox.forgekeep(["backup"]);
        run = run.env("PATH", std::env::var_os("PATH").unwrap());
        for (name, value) in variables {
            run = run.env(name, value);
        }
        run.run()
    }

    fn mirror(&self, folder: &str) -> PathBuf {
        self.sandbox
            .backup()
            .join("servers")
            .join(folder)
            .join("repo")
    }
}

#[test]
fn paths_on_this_machine_are_backed_up_and_brought_up_to_date() {
    let source = Source::of(&[]);
    let bare = source.sandbox.path("up/bare.git");
    git::repository(&bare);
    // A work tree: what is in its `.git` counts.
    let tree = source.sandbox.path("up/tree");
    git::run(
        &source.sandbox.path("up"),
        &["clone", "-q", "bare.git", "tree"],
    );
    let urls = [
        bare.to_str().unwrap().to_owned(),
        format!("file://{}", tree.display()),
    ];
    let source = source.with("urls", urls.to_vec());
    // Variables of git's would lead its program elsewhere.
    let hostile = [("GIT_DIR", "/nowhere"), ("GIT_NAMESPACE", "other")];
    let run = source.backup_with(&hostile).expect(0);
    let below = source.sandbox.path("up");
    let prefix = format!("local{}", below.display());
    let (bare_name, tree_name) = (format!("{prefix}/bare"), format!("{prefix}/tree"));
    assert_eq!(run.outcome(&bare_name), "cloned");
    assert_eq!(run.outcome(&tree_name), "cloned");
    let folder = bare_name.replace('/', "#");
    compare::assert_mirror(&bare, &source.mirror(&folder));
    compare::assert_mirror(
        &tree.join(".git"),
        &source.mirror(&tree_name.replace('/', "#")),
    );
    git::commit(&bare, "two");
    let run = source.backup_with(&hostile).expect(0);
    assert_eq!(run.outcome(&bare_name), "updated");
    assert_eq!(run.outcome(&tree_name), "unchanged");
    compare::assert_mirror(&bare, &source.mirror(&folder));
}

#[test]
fn where_no_git_is_installed_paths_are_backed_up_all_the_same() {
    let source = Source::of(&[]);
    let bare = source.sandbox.path("up/bare.git");
    git::repository(&bare);
    git::run(&bare, &["tag", "-a", "-m", "first", "v1", "HEAD"]);
    git::run(&bare, &["tag", "-a", "-m", "of a tag", "v2", "v1"]);
    let blob = git::run_with_input(&bare, &["hash-object", "-w", "--stdin"], b"alone");
    git::run(&bare, &["update-ref", "refs/notes/blob", &blob]);
    let source = source.with("urls", vec![bare.to_str().unwrap()]);
    let name = format!("local{}", source.sandbox.path("up/bare").display());
    // What runs in a sandbox finds no program.
    source.write();
    let backup = || source.sandbox.forgekeep(["backup"]).run();
    assert_eq!(backup().expect(0).outcome(&name), "cloned");
    let mirror = source.mirror(&name.replace('/', "#"));
    compare::assert_mirror(&bare, &mirror);
    assert_eq!(backup().expect(0).outcome(&name), "unchanged");
    git::commit(&bare, "two");
    let run = backup().expect(0);
    assert_eq!(run.outcome(&name), "updated");
    compare::assert_mirror(&bare, &mirror);
    git::run(&mirror, &["fsck", "--full"]);
}

#[test]
fn where_no_git_is_installed_a_shallow_clone_is_refused_by_name() {
    let source = Source::of(&[]);
    let bare = source.sandbox.path("up/bare.git");
    git::repository(&bare);
    git::commit(&bare, "two");
    let url = format!("file://{}", bare.to_str().unwrap());
    let up = source.sandbox.path("up");
    git::run(&up, &["clone", "-q", "--depth=1", &url, "shallow"]);
    let shallow = up.join("shallow");
    let missing = up.join("missing");
    let urls = [&shallow, &missing].map(|path| path.to_str().unwrap().to_owned());
    let source = source.with("urls", urls.to_vec());
    source.write();
    let run = source.sandbox.forgekeep(["backup"]).run().expect(3);
    let said = |path: &PathBuf| {
        let name = format!("local{}", path.display());
        run.repository(&name)["error"].to_string()
    };
    let of_shallow = said(&shallow);
    assert!(
        of_shallow.contains("shallow or partial clone"),
        "{of_shallow}"
    );
    assert!(of_shallow.contains("install git"), "{of_shallow}");
    let of_missing = said(&missing);
    assert!(of_missing.contains("not-found"), "{of_missing}");
}

#[test]
fn a_repository_that_is_empty_the_first_time_is_a_warning() {
    let source = Source::of(&[]);
    let empty = source.sandbox.path("up/empty.git");
    git::empty(&empty);
    let source = source.with("urls", vec![empty.to_str().unwrap()]);
    let name = format!("local{}", source.sandbox.path("up/empty").display());
    let run = source.backup().expect(0);
    assert_eq!(run.outcome(&name), "empty");
    let warnings = run.repository(&name)["warnings"].to_string();
    assert!(warnings.contains("the repository is empty"), "{warnings}");
    let run = source.backup().expect(0);
    assert!(
        run.repository(&name)
            .get("warnings")
            .is_none_or(|w| w == &json!([]))
    );
}
