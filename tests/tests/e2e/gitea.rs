//! Gitea and Forgejo: the real plugin against a look-alike with real git.

use std::fs;
use std::path::PathBuf;

use forgekeep_test_hosters::gitea::{Gitea, Limited, Wiki};
use forgekeep_tests::{Run, Sandbox, compare};
use serde_json::{Value, json};

use crate::faults::proxy::{Manners, proxy_to};
use crate::support::{configure, error, notes, report, source};

mod absence;
mod document;
mod filters;
mod listing;

const TOKEN: &str = "89abcdef0123456789abcdef0123456789abcdef";
const SCOPES: [&str; 3] = ["read:repository", "read:user", "read:organization"];

/// A server with the user `dev`, who owns the organisation `acme`, and a sandbox that backs it up.
struct World {
    gitea: Gitea,
    sandbox: Sandbox,
    dev: u64,
    acme: u64,
}

impl World {
    fn new() -> Self {
        Self::of(Gitea::new())
    }

    fn of(gitea: Gitea) -> Self {
        let (dev, acme) = gitea.change(|state| {
            let dev = state.add_user("dev");
            let acme = state.add_organisation("acme", dev, true);
            state.add_token(dev, TOKEN, &SCOPES);
            (dev, acme)
        });
        let sandbox = Sandbox::new();
        let world = Self {
            gitea,
            sandbox,
            dev,
            acme,
        };
        world.configure(&[world.source("acme")]);
        world
    }

    /// A source by this name, with the token: title `forge`.
    fn source(&self, name: &str) -> Value {
        json!({
            "title": "forge", "hoster": "forgejo", "name": name, "apiUrl": self.gitea.url(),
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
        compare::assert_mirror(&self.gitea.git_dir(id), &mirror);
    }
}

#[test]
fn private_archived_forked_mirrored_and_empty_ones_are_backed_up() {
    let world = World::new();
    let all = ["private", "archived", "fork", "mirror", "plain"];
    let ids = all.map(|name| world.gitea.repository("acme", name));
    world.gitea.empty("acme", "empty");
    world.gitea.change(|state| {
        state.repository_mut(ids[0]).private = true;
        state.repository_mut(ids[1]).archived = true;
        state.repository_mut(ids[2]).fork = true;
        state.repository_mut(ids[3]).mirror = true;
        // Said of a full one too, after trouble with a disk.
        state.repository_mut(ids[4]).empty = true;
    });
    let run = world.backup().expect(0);
    for (name, id) in all.iter().zip(ids) {
        assert_eq!(run.outcome(&format!("acme/{name}")), "cloned", "{name}");
        world.assert_mirrored(id, &format!("acme#{name}"));
    }
    assert_eq!(run.outcome("acme/empty"), "empty");
    assert_eq!(world.backup().expect(0).outcome("acme/plain"), "unchanged");
    // Each request carries the token, where it belongs.
    for request in world.gitea.requests() {
        assert!(request.authorization.is_some(), "{}", request.target);
        assert!(!request.target.contains(TOKEN), "{}", request.target);
    }
}

#[test]
fn wikis_with_pages_without_and_denied() {
    let world = World::new();
    let pages = world.gitea.repository("acme", "pages");
    world.gitea.wiki(pages);
    for (name, wiki) in [("missing", Wiki::Missing), ("denied", Wiki::Denied)] {
        let id = world.gitea.repository("acme", name);
        world
            .gitea
            .change(|state| state.repository_mut(id).wiki = wiki);
    }
    let run = world.backup();
    assert_eq!(run.repository("acme/pages")["wiki"]["outcome"], "cloned");
    let wiki = world.folder("acme#pages").join("wiki");
    compare::assert_mirror(&world.gitea.wiki_dir(pages), &wiki);
    let denied = run.repository("acme/denied");
    assert_eq!(denied["wiki"]["outcome"], "skipped", "{denied:#}");
    assert_eq!(
        run.repository("acme/missing")["wiki"]["outcome"],
        "skipped",
        "{:#}",
        run.repository("acme/missing")
    );
    run.expect(0);
}

#[test]
fn below_a_path_with_clone_addresses_elsewhere_the_origin_has_to_be_trusted() {
    let world = World::of(Gitea::below("/forge", true));
    let web = world.gitea.repository("acme", "web");
    // The way to the other host is by a proxy, as it has no name here.
    let git = world.gitea.git_url().replace("http://", "");
    let proxy = proxy_to(git.trim_end_matches("/forge").to_owned(), Manners::Connects);
    world.gitea.change(|state| {
        state.repository_mut(web).private = true;
        state.git_url = "http://clones.test/forge".to_owned();
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
    elsewhere["apiUrl"] = format!("{}/api/v1", world.gitea.url()).into();
    world.configure(&[elsewhere]);
    backup().expect(0);
    world.assert_mirrored(web, "acme#web");
    let asked = world.gitea.requests();
    assert!(
        asked
            .iter()
            .all(|request| request.target.starts_with("/forge/")),
        "{asked:#?}"
    );
}

#[test]
fn the_password_of_an_account_works_too_and_a_wrong_one_ends_with_12() {
    let world = World::new();
    let web = world.gitea.repository("acme", "web");
    world.gitea.change(|state| {
        state.repository_mut(web).private = true;
        let password = (world.dev, "correct horse".to_owned());
        state.passwords.push(password);
    });
    let mut with_password = world.source("acme");
    with_password["authName"] = "dev".into();
    with_password["password"] = "correct horse".into();
    world.configure(&[with_password.clone()]);
    world.backup().expect(0);
    world.assert_mirrored(web, "acme#web");
    with_password["password"] = "battery staple".into();
    world.configure(&[with_password]);
    let run = world.backup().expect(12);
    let said = error(source(&run, "forge"));
    assert!(said.starts_with("credentials: "), "{said}");
    assert!(said.contains("/user/settings/applications"), "{said}");
}

#[test]
fn without_credentials_what_is_public_is_backed_up() {
    let world = World::new();
    let web = world.gitea.repository("acme", "web");
    let hidden = world.gitea.repository("acme", "hidden");
    world
        .gitea
        .change(|state| state.repository_mut(hidden).private = true);
    let mut anonymous = world.source("acme");
    anonymous.as_object_mut().unwrap().remove("password");
    world.configure(&[anonymous]);
    let run = world.backup().expect(0);
    world.assert_mirrored(web, "acme#web");
    assert!(!report(&run).to_string().contains("acme/hidden"));
    assert!(
        run.stderr.contains("no credentials") || notes(&run, "forge").contains("no credentials"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_source_without_an_address_or_with_that_of_a_page_is_told_so() {
    let world = World::new();
    let mut flawed = world.source("acme");
    flawed.as_object_mut().unwrap().remove("apiUrl");
    world.configure(&[flawed.clone()]);
    let run = world
        .sandbox
        .forgekeep(["check", "--offline"])
        .run()
        .expect(10);
    let said = run.stdout + &run.stderr;
    assert!(said.contains("apiUrl"), "{said}");
    flawed["apiUrl"] = format!("{}/acme", world.gitea.url()).into();
    world.configure(&[flawed]);
    let run = world.sandbox.forgekeep(["check"]).run().expect(3);
    let said = run.stdout + &run.stderr;
    assert!(said.contains("check apiUrl of the source"), "{said}");
}

#[test]
fn check_says_whose_the_token_is_and_what_it_sees() {
    let world = World::new();
    world.gitea.repository("acme", "web");
    let run = world.sandbox.forgekeep(["check"]).run().expect(0);
    assert!(run.stdout.contains("access token of dev"), "{}", run.stdout);
    world.gitea.change(|state| {
        let web = state.repositories[0].id;
        state.tokens[0].repositories = Some(vec![web]);
        state.tokens[0].scopes.pop();
        state.tokens[0].scopes.push("write:organization".to_owned());
    });
    let run = world.sandbox.forgekeep(["check"]).run().expect(0);
    let said = run.stdout + &run.stderr;
    assert!(
        said.contains("the token is for chosen repositories"),
        "{said}"
    );
}

#[test]
fn the_plugin_is_listed_with_its_aliases() {
    let sandbox = Sandbox::new();
    let run = sandbox.forgekeep(["plugins", "list"]).run().expect(0);
    assert!(
        run.stdout.contains("\ngitea ") || run.stdout.starts_with("gitea "),
        "{}",
        run.stdout
    );
    let run = sandbox
        .forgekeep(["plugins", "info", "codeberg"])
        .run()
        .expect(0);
    assert!(
        run.stdout.contains("forgejo, codeberg, gogs"),
        "{}",
        run.stdout
    );
}
