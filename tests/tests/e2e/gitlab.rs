//! GitLab: the real plugin against a look-alike with real git.

use std::path::PathBuf;

use forgekeep_test_hosters::gitlab::{Disturbance, Gitlab, Wiki};
use forgekeep_tests::{Run, Sandbox, compare};
use serde_json::{Value, json};

use crate::faults::proxy::{Manners, proxy_to};
use crate::support::{configure, error, notes, report, source};

mod absence;
mod beside;
mod credentials;
mod deletion;
mod listing;

const TOKEN: &str = "glpat-T3stT3stT3stT3stT3st";
const SCOPES: [&str; 2] = ["read_api", "read_repository"];

/// A server with the user `dev`, who owns the group `acme` with `acme/team`, and a sandbox that backs it up.
struct World {
    gitlab: Gitlab,
    sandbox: Sandbox,
    dev: u64,
    acme: u64,
    team: u64,
}

impl World {
    fn new() -> Self {
        Self::of(Gitlab::new())
    }

    fn of(gitlab: Gitlab) -> Self {
        let (dev, acme, team) = gitlab.change(|state| {
            let dev = state.add_user("dev");
            let acme = state.add_group("acme", None);
            let team = state.add_group("team", Some(acme));
            let user = state.namespace_mut(dev).user.unwrap();
            state.namespace_mut(acme).members.push((user, 50));
            state.add_token(dev, TOKEN, &SCOPES);
            (dev, acme, team)
        });
        let sandbox = Sandbox::new();
        let world = Self {
            gitlab,
            sandbox,
            dev,
            acme,
            team,
        };
        world.configure(&[world.source("acme")]);
        world
    }

    /// A source by this name, with the token: title `lab`.
    fn source(&self, name: &str) -> Value {
        json!({
            "title": "lab", "hoster": "gitlab", "name": name, "apiUrl": self.gitlab.url(),
            "password": TOKEN,
        })
    }

    fn configure(&self, sources: &[Value]) {
        self.configure_with(sources, &json!({}));
    }

    fn configure_with(&self, sources: &[Value], options: &Value) {
        configure(&self.sandbox, sources, options);
    }

    fn backup(&self) -> Run {
        self.sandbox.forgekeep(["backup"]).run()
    }

    fn check(&self) -> Run {
        self.sandbox.forgekeep(["check"]).run()
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.sandbox.backup().join("lab").join(name)
    }

    #[track_caller]
    fn assert_mirrored(&self, id: u64, folder: &str) {
        let mirror = self.folder(folder).join("repo");
        compare::assert_mirror(&self.gitlab.git_dir(id), &mirror);
    }

    /// How many requests had this in path and query.
    fn asked(&self, what: &str) -> usize {
        let asked = self.gitlab.requests();
        asked
            .iter()
            .filter(|request| request.target.contains(what))
            .count()
    }
}

#[test]
fn private_internal_archived_forked_mirrored_and_empty_ones_of_all_subgroups_are_backed_up() {
    let world = World::new();
    let all = ["private", "internal", "archived", "fork", "mirror"];
    let ids = all.map(|name| world.gitlab.project(world.acme, name));
    let deep = world
        .gitlab
        .change(|state| state.add_group("deep", Some(world.team)));
    let below = world.gitlab.project(deep, "below.git-tools");
    world.gitlab.empty(world.team, "empty");
    world.gitlab.change(|state| {
        state.project_mut(ids[0]).visibility = "private".to_owned();
        state.project_mut(ids[1]).visibility = "internal".to_owned();
        state.project_mut(ids[2]).archived = true;
        state.project_mut(ids[3]).fork = true;
        state.project_mut(ids[4]).mirror = true;
    });
    let run = world.backup().expect(0);
    for (name, id) in all.iter().zip(ids) {
        assert_eq!(run.outcome(&format!("acme/{name}")), "cloned", "{name}");
        world.assert_mirrored(id, &format!("acme#{name}"));
    }
    world.assert_mirrored(below, "acme#team#deep#below.git-tools");
    assert_eq!(run.outcome("acme/team/empty"), "empty");
    assert_eq!(world.backup().expect(0).outcome("acme/fork"), "unchanged");
    // Each request carries the token, where it belongs.
    for request in world.gitlab.requests() {
        assert!(request.credentials.is_some(), "{}", request.target);
        assert!(!request.target.contains(TOKEN), "{}", request.target);
    }
}

#[test]
fn wikis_with_pages_empty_missing_denied_and_switched_off() {
    let world = World::new();
    let pages = world.gitlab.project(world.acme, "pages");
    world.gitlab.wiki(pages, Wiki::Pages);
    for (name, wiki) in [
        ("empty", Wiki::Empty),
        ("missing", Wiki::Missing),
        ("denied", Wiki::Denied),
    ] {
        let id = world.gitlab.project(world.acme, name);
        world.gitlab.wiki(id, wiki);
    }
    world.gitlab.project(world.acme, "off");
    let run = world.backup().expect(0);
    assert_eq!(run.repository("acme/pages")["wiki"]["outcome"], "cloned");
    let wiki = world.folder("acme#pages").join("wiki");
    compare::assert_mirror(&world.gitlab.wiki_dir(pages), &wiki);
    for (name, outcome) in [
        ("empty", "empty"),
        ("missing", "skipped"),
        ("denied", "skipped"),
    ] {
        let repository = run.repository(&format!("acme/{name}"));
        assert_eq!(repository["wiki"]["outcome"], outcome, "{repository:#}");
    }
    assert_eq!(run.repository("acme/off")["wiki"], Value::Null);
}

#[test]
fn below_a_path_with_clone_addresses_elsewhere_the_origin_has_to_be_trusted() {
    let world = World::of(Gitlab::below("/lab", true));
    let web = world.gitlab.project(world.acme, "web");
    // The way to the other host is by a proxy, as it has no name here.
    let git = world.gitlab.git_url().replace("http://", "");
    let proxy = proxy_to(git.trim_end_matches("/lab").to_owned(), Manners::Connects);
    world.gitlab.change(|state| {
        state.project_mut(web).visibility = "private".to_owned();
        state.git_url = "http://clones.test/lab".to_owned();
    });
    let backup = || {
        let backup = world.sandbox.forgekeep(["backup"]);
        backup
            .env("HTTP_PROXY", &proxy)
            .env("NO_PROXY", "127.0.0.1")
            .run()
    };
    let mut elsewhere = world.source("acme");
    elsewhere["allowInsecureHttp"] = true.into();
    world.configure(&[elsewhere.clone()]);
    let run = backup().expect(3);
    let said = error(run.repository("acme/web"));
    assert!(said.contains("trustedOrigins"), "{said}");
    elsewhere["trustedOrigins"] = json!(["http://clones.test"]);
    elsewhere["apiUrl"] = format!("{}/api/v4", world.gitlab.url()).into();
    world.configure(&[elsewhere]);
    backup().expect(0);
    world.assert_mirrored(web, "acme#web");
    let asked = world.gitlab.requests();
    let is_below = |target: &str| target.starts_with("/lab/");
    assert!(
        asked.iter().all(|request| is_below(&request.target)),
        "{asked:#?}"
    );
}

#[test]
fn a_project_whose_code_is_switched_off_is_skipped_and_says_why() {
    let world = World::new();
    let web = world.gitlab.project(world.acme, "web");
    world
        .gitlab
        .change(|state| state.project_mut(web).repository = "disabled".to_owned());
    let run = world.backup();
    assert_eq!(run.outcome("acme/web"), "skipped", "{}", run.stderr);
    let said = run.repository("acme/web").to_string();
    assert!(
        said.contains("switched off in the project's settings"),
        "{said}"
    );
}

#[test]
fn the_plugin_is_listed() {
    let sandbox = Sandbox::new();
    let run = sandbox.forgekeep(["plugins", "list"]).run().expect(0);
    assert!(run.stdout.contains("\ngitlab "), "{}", run.stdout);
    let run = sandbox
        .forgekeep(["plugins", "info", "gitlab"])
        .run()
        .expect(0);
    assert!(run.stdout.contains("user, group, org"), "{}", run.stdout);
    assert!(run.stdout.contains("includeSnippets"), "{}", run.stdout);
}
