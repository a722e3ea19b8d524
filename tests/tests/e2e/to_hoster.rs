//! `forgekeep restore --to-hoster`: everything back on a hoster, through the real plugins, by real git over HTTP.

use std::fs;
use std::path::{Path, PathBuf};

use forgekeep_test_hosters::gitea::Gitea;
use forgekeep_tests::{Run, git};
use serde_json::{Value, json};

use crate::support::World;

mod again;
mod disasters;
mod drills;
mod hosters;
mod hostile;
mod hostile_again;
mod plans;
mod refused;

const TOKEN: &str = "89abcdef0123456789abcdef0123456789abcdef";
const SCOPES: [&str; 3] = ["write:repository", "write:user", "write:organization"];

/// A backup of three repositories of Bitbucket, and an empty organisation `rescue` at Gitea to bring them back to.
struct Rescue {
    world: World,
    gitea: Gitea,
}

impl Rescue {
    fn new() -> Self {
        let world = World::new();
        let web = world.forge.repository("web").commit("one").commit("two");
        web.git(&["branch", "-m", "main", "trunk"]);
        web.git(&["symbolic-ref", "HEAD", "refs/heads/trunk"]);
        web.branch("side", "trunk~1").tag("v1");
        web.git(&["update-ref", "refs/notes/commits", "trunk"]);
        web.git(&["update-ref", "refs/pull-requests/1/from", "trunk"]);
        web.wiki();
        world.forge.repository("api").commit("one");
        world
            .forge
            .repository("empty")
            .git(&["update-ref", "-d", "refs/heads/main"]);
        world.backup().expect(0);
        Self::of(world)
    }

    /// What a world has backed up, or is going to.
    fn of(world: World) -> Self {
        let gitea = Gitea::new();
        gitea.change(|state| {
            let dev = state.add_user("dev");
            state.add_organisation("rescue", dev, true);
            state.add_token(dev, TOKEN, &SCOPES);
        });
        let rescue = Self { world, gitea };
        rescue.configure(&json!({}));
        rescue
    }

    fn target(&self) -> Value {
        json!({
            "title": "new home", "hoster": "gitea", "type": "org", "name": "rescue",
            "apiUrl": self.gitea.url(), "password": TOKEN,
        })
    }

    /// The target with more keys, beside the source.
    fn configure(&self, more: &Value) {
        let mut target = self.target();
        for (key, value) in more.as_object().unwrap() {
            target[key] = value.clone();
        }
        self.configure_targets(&json!([target]));
    }

    fn configure_targets(&self, targets: &Value) {
        self.configure_with(targets, &json!({}));
    }

    fn configure_with(&self, targets: &Value, options: &Value) {
        let config = json!({
            "localFolder": self.world.sandbox.backup(), "sources": [self.world.source()],
            "targets": targets, "options": options,
        });
        self.world.sandbox.write("settings.yml", config.to_string());
    }

    fn one_at_a_time(&self) {
        let options = json!({ "backup": { "jobs": 1 } });
        self.configure_with(&json!([self.target()]), &options);
    }

    fn restore(&self, arguments: &[&str]) -> Run {
        let arguments = [&["restore", "--to-hoster", "new home"], arguments].concat();
        self.world.forgekeep(&arguments).run()
    }

    fn all(&self) -> Run {
        self.restore(&["--all", "--json"])
    }

    /// The repository of a name at the target.
    fn there(&self, name: &str) -> PathBuf {
        self.gitea.git_dir(self.id(name))
    }

    fn id(&self, name: &str) -> u64 {
        let found = self.gitea.read(|state| {
            let mut all = state.repositories.iter();
            all.find(|one| one.name == name).map(|one| one.id)
        });
        found.unwrap_or_else(|| panic!("there is no {name} at the target"))
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.gitea.read(|state| {
            state
                .repositories
                .iter()
                .map(|one| one.name.clone())
                .collect()
        });
        names.sort();
        names
    }

    /// How many requests that write were made at the target.
    fn writes(&self) -> usize {
        let all = self.gitea.requests();
        all.iter().filter(|request| request.writes()).count()
    }

    fn notes(&self) -> PathBuf {
        self.world.sandbox.backup().join(".forgekeep/restores")
    }
}

fn document(run: &Run) -> Value {
    crate::json::document(run, "restore-to-hoster")
}

fn of<'d>(document: &'d Value, name: &str) -> &'d Value {
    let all = document["repositories"].as_array().unwrap();
    let found = all.iter().find(|one| one["name"] == name);
    found.unwrap_or_else(|| panic!("{name}: {document:#}"))
}

/// Refs as git lists them, but for those that hosters make themselves.
fn refs(git_dir: &Path) -> String {
    let all = git::run(
        git_dir,
        &["for-each-ref", "--format=%(objectname) %(refname)"],
    );
    let mut lines: Vec<&str> = all.lines().collect();
    lines.retain(|line| !line.contains("refs/pull"));
    lines.join("\n")
}

fn head(git_dir: &Path) -> String {
    fs::read_to_string(git_dir.join("HEAD"))
        .unwrap()
        .trim()
        .to_owned()
}

/// A workspace with two repositories, backed up, that is a target as well.
fn own() -> World {
    let forge = forgekeep_tests::Forge::builder()
        .writer("dev@example.com", "devuser", crate::support::TOKEN)
        .build();
    let world = World::of(forge);
    world.forge.repository("web").commit("one").tag("v1");
    world.forge.repository("api").commit("one");
    let mut target = world.source();
    target["title"] = "again".into();
    let config = json!({
        "localFolder": world.sandbox.backup(), "sources": [world.source()], "targets": [target],
    });
    world.sandbox.write("settings.yml", config.to_string());
    world.backup().expect(0);
    world
}

/// Waits until something is noted of what was made.
fn wait_for_note(world: &World, what: &str) {
    let folder = world.sandbox.backup().join(".forgekeep/restores");
    crate::streaming::wait_until("a note", || {
        let notes = crate::support::files(&folder);
        let mut texts = notes
            .iter()
            .filter_map(|path| fs::read_to_string(path).ok());
        texts.any(|text| text.contains(what))
    });
}
