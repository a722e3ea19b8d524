//! GitHub: the real plugin against a look-alike with real git.

use std::fs;
use std::path::PathBuf;

use forgekeep_test_hosters::github::{APP_KEY, GitHub, Limited, Served, Told, Wiki};
use forgekeep_tests::{Run, Sandbox, compare, git};
use serde_json::{Value, json};

use crate::faults::proxy::{Manners, proxy_to};
use crate::support::{configure, error, notes, report, source};

mod absence;
mod app;
mod document;
mod gists;
mod listing;
mod skipping;
mod write;

const TOKEN: &str = "ghp_0123456789abcdef0123456789abcdef0123";
const SCOPES: [&str; 3] = ["repo", "read:org", "gist"];

/// A server with the user `dev`, who owns the organisation `acme`, and a sandbox that backs it up.
struct World {
    github: GitHub,
    sandbox: Sandbox,
    dev: u64,
    acme: u64,
}

impl World {
    fn new() -> Self {
        Self::of(GitHub::new())
    }

    fn of(github: GitHub) -> Self {
        let (dev, acme) = github.change(|state| {
            let dev = state.add_user("dev");
            let acme = state.add_organisation("acme", dev, true);
            state.add_token(dev, TOKEN, Some(&SCOPES));
            (dev, acme)
        });
        let world = Self {
            github,
            sandbox: Sandbox::new(),
            dev,
            acme,
        };
        world.configure(&[world.source("acme")]);
        world
    }

    /// A source by this name, with the token: title `forge`.
    fn source(&self, name: &str) -> Value {
        json!({
            "title": "forge", "hoster": "github", "name": name, "apiUrl": self.github.api_url(),
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

    fn folder(&self, name: &str) -> PathBuf {
        self.sandbox.backup().join("forge").join(name)
    }

    #[track_caller]
    fn assert_mirrored(&self, id: u64, folder: &str) {
        let mirror = self.folder(folder).join("repo");
        compare::assert_mirror(&self.github.git_dir(id), &mirror);
    }

    fn make_private(&self, id: u64) {
        self.github
            .change(|state| state.repository_mut(id).visibility = "private".to_owned());
    }
}

#[test]
fn private_internal_archived_forked_and_empty_ones_are_backed_up() {
    let world = World::new();
    let all = ["private", "internal", "archived", "fork", "plain"];
    let ids = all.map(|name| world.github.repository("acme", name));
    world.github.empty("acme", "empty");
    world.make_private(ids[0]);
    world.github.change(|state| {
        state.repository_mut(ids[1]).visibility = "internal".to_owned();
        state.repository_mut(ids[2]).archived = true;
        state.repository_mut(ids[3]).fork = true;
    });
    let run = world.backup().expect(0);
    for (name, id) in all.iter().zip(ids) {
        assert_eq!(run.outcome(&format!("acme/{name}")), "cloned", "{name}");
        world.assert_mirrored(id, &format!("acme#{name}"));
    }
    assert_eq!(run.outcome("acme/empty"), "empty");
    assert_eq!(world.backup().expect(0).outcome("acme/plain"), "unchanged");
    // Each request carries the token, where it belongs, and those to the API its version.
    for request in world.github.requests() {
        assert!(request.authorization.is_some(), "{}", request.target);
        assert!(!request.target.contains(TOKEN), "{}", request.target);
        let is_of_api = request.target.starts_with("/api/v3/");
        let version = request.version.as_deref();
        assert_eq!(
            version,
            is_of_api.then_some("2022-11-28"),
            "{}",
            request.target
        );
    }
}

#[test]
fn heads_of_pull_requests_are_kept_and_trial_merges_left_out() {
    let world = World::new();
    let web = world.github.repository("acme", "web");
    let upstream = world.github.git_dir(web);
    let refs = ["refs/pull/1/head", "refs/pull/1/merge"];
    for name in refs {
        git::run(&upstream, &["update-ref", name, "refs/heads/main"]);
    }
    world.backup().expect(0);
    let mirror = world.folder("acme#web").join("repo");
    let found = refs.map(|name| git::try_run(&mirror, &["rev-parse", "--verify", name]).is_ok());
    assert_eq!(found, [true, false]);
}

#[test]
fn wikis_with_pages_without_and_denied() {
    let world = World::new();
    let pages = world.github.repository("acme", "pages");
    world.github.wiki(pages);
    for (name, wiki) in [("missing", Wiki::Missing), ("denied", Wiki::Denied)] {
        let id = world.github.repository("acme", name);
        world
            .github
            .change(|state| state.repository_mut(id).wiki = wiki);
    }
    let run = world.backup().expect(0);
    assert_eq!(run.repository("acme/pages")["wiki"]["outcome"], "cloned");
    let wiki = world.folder("acme#pages").join("wiki");
    compare::assert_mirror(&world.github.wiki_dir(pages), &wiki);
    for name in ["acme/missing", "acme/denied"] {
        let entry = run.repository(name);
        assert_eq!(entry["wiki"]["outcome"], "skipped", "{entry:#}");
    }
}

#[test]
fn below_a_path_with_clone_addresses_elsewhere_the_origin_has_to_be_trusted() {
    let world = World::of(GitHub::below("/ghe", true));
    let web = world.github.repository("acme", "web");
    world.make_private(web);
    // The way to the other host is by a proxy, as it has no name here.
    let git = world.github.git_url().replace("http://", "");
    let proxy = proxy_to(git.trim_end_matches("/ghe").to_owned(), Manners::Connects);
    world
        .github
        .change(|state| state.git_url = "http://clones.test/ghe".to_owned());
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
    world.configure(&[elsewhere]);
    backup().expect(0);
    world.assert_mirrored(web, "acme#web");
    let asked = world.github.requests();
    let is_below = |target: &str| target.starts_with("/ghe/");
    assert!(asked.iter().all(|request| is_below(&request.target)));
}

#[test]
fn a_token_that_is_not_good_is_tried_once_and_ends_with_12() {
    let world = World::new();
    world.github.repository("acme", "web");
    let mut refused = world.source("acme");
    refused["password"] = "ghp_ffffffffffffffffffffffffffffffffffff".into();
    world.configure(&[refused]);
    let run = world.backup().expect(12);
    let said = error(source(&run, "forge"));
    assert!(said.starts_with("credentials: "), "{said}");
    assert!(
        said.contains("https://github.com/settings/tokens"),
        "{said}"
    );
    // Several in a short time lock the account.
    assert_eq!(world.github.requests().len(), 1);
}

#[test]
fn without_credentials_what_is_public_is_backed_up() {
    let world = World::new();
    let web = world.github.repository("acme", "web");
    let hidden = world.github.repository("acme", "hidden");
    world.make_private(hidden);
    let mut anonymous = world.source("acme");
    anonymous.as_object_mut().unwrap().remove("password");
    world.configure(&[anonymous]);
    let run = world.backup().expect(0);
    world.assert_mirrored(web, "acme#web");
    assert!(!report(&run).to_string().contains("acme/hidden"));
    let said = notes(&run, "forge") + &run.stderr;
    assert!(said.contains("no credentials"), "{said}");
}

#[test]
fn what_is_blocked_or_disabled_is_told_and_its_copy_kept() {
    let world = World::new();
    let web = world.github.repository("acme", "web");
    let api = world.github.repository("acme", "api");
    let docs = world.github.repository("acme", "docs");
    world.backup().expect(0);
    world.github.change(|state| {
        state.repository_mut(web).served = Served::Blocked;
        state.repository_mut(api).served = Served::Disabled;
    });
    world.github.commit(docs, "two");
    let run = world.backup().expect(3);
    let said = error(run.repository("acme/web"));
    assert!(
        said.contains("legal reasons") && said.contains("kept"),
        "{said}"
    );
    let disabled = run.repository("acme/api");
    assert_eq!(disabled["outcome"], "skipped", "{disabled:#}");
    assert!(
        disabled.to_string().contains("the hoster has disabled"),
        "{disabled:#}"
    );
    assert_eq!(run.outcome("acme/docs"), "updated");
    world.assert_mirrored(web, "acme#web");
    world.assert_mirrored(api, "acme#api");
    assert_eq!(source(&run, "forge")["gone"], json!([]));
}

#[test]
fn check_says_whose_the_token_is_when_it_ends_and_what_it_lacks() {
    let world = World::new();
    let web = world.github.repository("acme", "web");
    world.make_private(web);
    world.github.change(|state| {
        state.tokens[0].expires = Some("2031-01-02 03:04:05 UTC".to_owned());
        state.tokens[0].scopes = Some(vec!["repo".to_owned()]);
    });
    let run = world.sandbox.forgekeep(["check"]).run().expect(0);
    for said in [
        "classic token of dev",
        "read:org",
        "2031-01-02",
        "answers this version of its API until",
    ] {
        assert!(run.stdout.contains(said), "{said}: {}", run.stdout);
    }
}

#[test]
fn a_backup_notes_when_the_token_ends() {
    let world = World::new();
    world.make_private(world.github.repository("acme", "web"));
    let told = |at: jiff::Timestamp| {
        let text = at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
        world
            .github
            .change(|state| state.tokens[0].expires = Some(text));
        let run = world.backup().expect(0);
        let warned = notes(&run, "forge").contains("the credentials expire on");
        let check = world.sandbox.forgekeep(["status", "--check"]).run();
        let json = world.sandbox.forgekeep(["status", "--json"]).run();
        let status: serde_json::Value = serde_json::from_str(&json.expect(0).stdout).unwrap();
        let expires: Option<jiff::Timestamp> = status["sources"][0]["expires"]
            .as_str()
            .map(|text| text.parse().unwrap());
        assert_eq!(expires, Some(at), "{status:#}");
        assert_eq!(report(&run)["sources"][0]["expires"], at.to_string());
        (warned, check.code)
    };
    let second = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second()).unwrap();
    let in_days = |days: i64| second + jiff::SignedDuration::from_hours(24 * days);
    assert_eq!(told(in_days(300)), (false, Some(0)));
    assert_eq!(told(in_days(5)), (true, Some(1)));
}

#[test]
fn the_plugin_is_listed() {
    let sandbox = Sandbox::new();
    let run = sandbox.forgekeep(["plugins", "list"]).run().expect(0);
    let is_listed = run.stdout.lines().any(|line| line.starts_with("github "));
    assert!(is_listed, "{}", run.stdout);
}
