//! Azure DevOps: the real plugin against a look-alike with real git.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use forgekeep_test_hosters::azure_devops::{AzureDevOps, Limited, Limits, SignIn, Wiki, guid};
use forgekeep_tests::{Run, Sandbox, compare};
use serde_json::{Value, json};

use crate::faults::proxy::{Manners, proxy_to};
use crate::support::{configure, error, notes, report, source};

mod absence;
mod credentials;
mod document;
mod listing;

const TOKEN: &str = "k7jq2m5xv3w6z4a8c9b1d0f2g7h5j3l6n8p4r2s9t1u6v3w5x7y2";
const SCOPES: [&str; 3] = ["vso.code", "vso.project", "vso.wiki"];

/// A server with the organisation `acme`, its projects `shop` and `tools`, and a sandbox that backs it up.
struct World {
    azure: AzureDevOps,
    sandbox: Sandbox,
}

impl World {
    fn new() -> Self {
        Self::of(AzureDevOps::new())
    }

    fn of(azure: AzureDevOps) -> Self {
        azure.change(|state| {
            state.add_organisation("acme");
            state.add_project("shop");
            state.add_project("tools");
            state.add_token(TOKEN, &SCOPES);
        });
        let sandbox = Sandbox::new();
        let world = Self { azure, sandbox };
        world.configure(&[world.source("acme")]);
        world
    }

    /// A source by this name, with the token: title `forge`.
    fn source(&self, name: &str) -> Value {
        json!({
            "title": "forge", "hoster": "azure-devops", "name": name, "apiUrl": self.azure.url(),
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
    fn assert_mirrored(&self, id: &str, folder: &str) {
        let mirror = self.folder(folder).join("repo");
        compare::assert_mirror(&self.azure.git_dir(id), &mirror);
    }
}

#[test]
fn private_public_forked_and_empty_ones_of_several_projects_are_backed_up_again_and_again() {
    let world = World::new();
    let all = [("shop", "private"), ("shop", "fork"), ("tools", "public")];
    let ids = all.map(|(project, name)| world.azure.repository(project, name));
    world.azure.empty("shop", "empty");
    world.azure.change(|state| {
        state.repository_mut(&ids[1]).fork = true;
        state.project_mut("tools").public = true;
    });
    let run = world.backup().expect(0);
    for ((project, name), id) in all.iter().zip(&ids) {
        assert_eq!(run.outcome(&format!("acme/{project}/{name}")), "cloned");
        world.assert_mirrored(id, &format!("acme#{project}#{name}"));
    }
    assert_eq!(run.outcome("acme/shop/empty"), "empty");
    // Azure DevOps refuses a second fetch of who does not say `multi_ack`.
    world.azure.commit(&ids[0], "two");
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/shop/private"), "updated");
    assert_eq!(run.outcome("acme/shop/fork"), "unchanged");
    world.assert_mirrored(&ids[0], "acme#shop#private");
    // Each request carries the token, where it belongs.
    for request in world.azure.requests() {
        assert!(request.authorization.is_some(), "{}", request.target);
        assert!(!request.target.contains(TOKEN), "{}", request.target);
    }
}

#[test]
fn names_with_blanks_unicode_and_percent_signs_are_encoded_once() {
    let world = World::new();
    let names = ["My Shop", "Größe 日本", "100%25 sure"];
    for project in names {
        world.azure.change(|state| state.add_project(project));
        for name in names {
            let id = world.azure.repository(project, name);
            world
                .azure
                .change(|state| state.repository_mut(&id).fork = true);
        }
    }
    let run = world.backup().expect(0);
    for project in names {
        for name in names {
            assert_eq!(run.outcome(&format!("acme/{project}/{name}")), "cloned");
        }
    }
}

#[test]
fn a_disabled_repository_is_skipped_and_its_copy_stays() {
    let world = World::new();
    let web = world.azure.repository("shop", "web");
    world.azure.repository("shop", "api");
    world.backup().expect(0);
    world
        .azure
        .change(|state| state.repository_mut(&web).disabled = true);
    world.azure.reset_log();
    let run = world.backup().expect(0);
    let skipped = run.repository("acme/shop/web");
    assert_eq!(skipped["outcome"], "skipped", "{skipped:#}");
    assert!(
        skipped.to_string().contains("it is disabled"),
        "{skipped:#}"
    );
    assert_eq!(source(&run, "forge")["gone"], json!([]));
    world.assert_mirrored(&web, "acme#shop#web");
    // It is not asked for.
    let asked = world.azure.requests();
    assert!(
        !asked.iter().any(|one| one.target.contains("_git/web")),
        "{asked:#?}"
    );
}

#[test]
fn wikis_with_pages_missing_disabled_denied_and_of_code() {
    let world = World::new();
    world.azure.change(|state| {
        for name in ["My Docs", "lost", "off", "code"] {
            state.add_project(name);
        }
    });
    let pages = world.azure.wiki("My Docs");
    for project in ["My Docs", "lost", "off"] {
        world.azure.repository(project, "web");
    }
    for (project, wiki) in [("lost", Wiki::Missing), ("off", Wiki::Disabled)] {
        world.azure.wiki(project);
        world
            .azure
            .change(|state| state.project_mut(project).wiki = wiki);
    }
    world.azure.repository("code", "web");
    world
        .azure
        .change(|state| state.project_mut("code").wiki = Wiki::Code);
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/My Docs/My-Docs.wiki"), "cloned");
    world.assert_mirrored(&pages, "acme#My Docs#My-Docs.wiki");
    for (name, why) in [
        ("lost", "but not its repository"),
        ("off", "the wiki is disabled"),
    ] {
        let skipped = run.repository(&format!("acme/{name}/{name}.wiki"));
        assert_eq!(skipped["outcome"], "skipped", "{skipped:#}");
        assert!(skipped.to_string().contains(why), "{skipped:#}");
    }
    assert_eq!(run.outcome("acme/code/web"), "cloned");
    assert_eq!(source(&run, "forge")["listed"], 7);
    world.azure.commit(&pages, "another page");
    assert_eq!(
        world
            .backup()
            .expect(0)
            .outcome("acme/My Docs/My-Docs.wiki"),
        "updated"
    );
    // A token that may not see wikis: what is in the backup stays.
    world
        .azure
        .change(|state| state.tokens[0].scopes.retain(|one| one != "vso.wiki"));
    let run = world.backup().expect(0);
    let said = notes(&run, "forge");
    assert!(
        said.contains("the wikis of 6 of 6 projects are not backed up"),
        "{said}"
    );
    assert_eq!(run.outcome("acme/code/web"), "unchanged");
    world.assert_mirrored(&pages, "acme#My Docs#My-Docs.wiki");
}

#[test]
fn a_server_below_a_path_with_clone_addresses_elsewhere_has_to_be_trusted() {
    let world = World::of(AzureDevOps::below("/tfs", true));
    let web = world.azure.repository("shop", "web");
    // A Server of 2020 knows no newer version of the API.
    world.azure.change(|state| state.version = "6.0".to_owned());
    // The way to the other host is by a proxy, as it has no name here.
    let git = world.azure.git_url().replace("http://", "");
    let proxy = proxy_to(git.trim_end_matches("/tfs").to_owned(), Manners::Connects);
    world
        .azure
        .change(|state| state.git_url = "http://clones.test/tfs".to_owned());
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
    let said = error(run.repository("acme/shop/web"));
    assert!(said.contains("trustedOrigins"), "{said}");
    elsewhere["trustedOrigins"] = json!(["http://clones.test"]);
    // With the collection, as its pages have it.
    elsewhere["apiUrl"] = format!("{}/acme", world.azure.url()).into();
    world.configure(&[elsewhere]);
    backup().expect(0);
    world.assert_mirrored(&web, "acme#shop#web");
    let asked = world.azure.requests();
    let is_below = |target: &str| target.starts_with("/tfs/acme/");
    assert!(
        asked.iter().all(|request| is_below(&request.target)),
        "{asked:#?}"
    );
}

#[test]
fn a_clone_address_on_the_old_host_of_services_is_made_of_the_address_of_the_api() {
    let world = World::new();
    let web = world.azure.repository("shop", "web");
    world
        .azure
        .change(|state| state.git_url = "https://acme.visualstudio.com".to_owned());
    world.backup().expect(0);
    world.assert_mirrored(&web, "acme#shop#web");
}

#[test]
fn check_says_whose_the_token_is_and_what_it_sees() {
    let world = World::new();
    world.azure.repository("shop", "web");
    let check = || world.sandbox.forgekeep(["check"]).run().expect(0);
    let run = check();
    let identity = "personal access token, as Dev";
    assert!(run.stdout.contains(identity), "{}", run.stdout);
    // A pipeline's own token sees one repository, and nothing says so.
    world
        .azure
        .change(|state| state.tokens[0].is_pipeline = true);
    let run = check();
    let said = run.stdout + &run.stderr;
    assert!(said.contains("the token is a pipeline's"), "{said}");
    world.azure.change(|state| {
        state.tokens[0].is_pipeline = false;
        state.tokens[0].scopes = vec!["vso.code".to_owned(), "vso.project".to_owned()];
    });
    let run = check();
    let said = run.stdout + &run.stderr;
    assert!(said.contains("the scope Wiki (read)"), "{said}");
}

#[test]
fn the_plugin_is_listed_and_a_flawed_source_is_told() {
    let world = World::new();
    let run = world.sandbox.forgekeep(["plugins", "list"]).run().expect(0);
    assert!(run.stdout.contains("azure-devops "), "{}", run.stdout);
    for (key, value) in [("name", "*"), ("name", "acme/shop"), ("clientId", "half")] {
        let mut flawed = world.source("acme");
        flawed[key] = value.into();
        world.configure(&[flawed]);
        let run = world
            .sandbox
            .forgekeep(["check", "--offline"])
            .run()
            .expect(10);
        let said = run.stdout + &run.stderr;
        assert!(
            said.contains(key) || said.contains("clientSecret"),
            "{said}"
        );
    }
}

/// The status of a request of git's that carries the token.
fn git_status(world: &World, method: &str, path: &str, body: &str) -> u16 {
    let host = world.azure.url().replace("http://", "");
    let token = STANDARD.encode(format!("pat:{TOKEN}"));
    let mut stream = TcpStream::connect(&host).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Basic {token}\r\n\
         Content-Type: application/x-git-upload-pack-request\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let head = String::from_utf8_lossy(&answer).into_owned();
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn the_look_alike_is_as_strict_with_git_as_azure_devops_is() {
    let world = World::new();
    let id = world.azure.repository("shop", "My Web");
    let tip = forgekeep_tests::git::run(&world.azure.git_dir(&id), &["rev-parse", "HEAD"]);
    let fetch = |capabilities: &str| {
        let want = format!("want {tip} {capabilities}\n");
        let body = format!("{:04x}{want}00000009done\n", want.len() + 4);
        git_status(
            &world,
            "POST",
            "/acme/shop/_git/My%20Web/git-upload-pack",
            &body,
        )
    };
    assert_eq!(fetch("ofs-delta side-band-64k"), 400);
    assert_eq!(fetch("multi_ack ofs-delta"), 200);
    assert_eq!(fetch("multi_ack_detailed ofs-delta"), 200);
    let refs = |name: &str| {
        let path = format!("/acme/shop/_git/{name}/info/refs?service=git-upload-pack");
        git_status(&world, "GET", &path, "")
    };
    assert_eq!(refs("My%20Web"), 200);
    assert_eq!(refs(&id), 200);
    for wrong in ["My%20Web.git", "My%2520Web", "My+Web"] {
        assert_eq!(refs(wrong), 404, "{wrong}");
    }
}
