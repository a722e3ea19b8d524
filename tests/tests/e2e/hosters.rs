//! All hosters beside each other.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use forgekeep_test_hosters::azure_devops::AzureDevOps;
use forgekeep_test_hosters::gitea::Gitea;
use forgekeep_test_hosters::github::GitHub;
use forgekeep_test_hosters::gitlab::Gitlab;
use forgekeep_tests::{Forge, Sandbox, compare, git};
use serde_json::{Value, json};

use crate::support::{EMAIL, TOKEN, error, forge, report, source};

const GITHUB: &str = "ghp_0123456789abcdef0123456789abcdef0123";
const GITLAB: &str = "glpat-T3stT3stT3stT3stT3st";
const GITEA: &str = "89abcdef0123456789abcdef0123456789abcdef";
const AZURE: &str = "k7jq2m5xv3w6z4a8c9b1d0f2g7h5j3l6n8p4r2s9t1u6v3w5x7y2";

/// A server of each hoster, with the repository `web` of `acme`.
struct Hosters {
    bitbucket: Forge,
    github: (GitHub, u64),
    gitlab: (Gitlab, u64),
    gitea: (Gitea, u64),
    azure: (AzureDevOps, String),
    sandbox: Sandbox,
}

impl Hosters {
    fn new() -> Self {
        let bitbucket = forge();
        bitbucket.repository("web").commit("one");
        let github = GitHub::new();
        github.change(|state| {
            let dev = state.add_user("dev");
            state.add_organisation("acme", dev, true);
            state.add_token(dev, GITHUB, Some(&["repo", "read:org", "gist"]));
        });
        let at_github = github.repository("acme", "web");
        let gitlab = Gitlab::new();
        let acme = gitlab.change(|state| {
            let dev = state.add_user("dev");
            let acme = state.add_group("acme", None);
            let user = state.namespace_mut(dev).user.unwrap();
            state.namespace_mut(acme).members.push((user, 50));
            state.add_token(dev, GITLAB, &["read_api", "read_repository"]);
            acme
        });
        let at_gitlab = gitlab.project(acme, "web");
        let gitea = Gitea::new();
        gitea.change(|state| {
            let dev = state.add_user("dev");
            state.add_organisation("acme", dev, true);
            let scopes = ["read:repository", "read:user", "read:organization"];
            state.add_token(dev, GITEA, &scopes);
        });
        let at_gitea = gitea.repository("acme", "web");
        let azure = AzureDevOps::new();
        azure.change(|state| {
            state.add_organisation("acme");
            state.add_project("shop");
            state.add_token(AZURE, &["vso.code", "vso.project", "vso.wiki"]);
        });
        let at_azure = azure.repository("shop", "web");
        Self {
            bitbucket,
            github: (github, at_github),
            gitlab: (gitlab, at_gitlab),
            gitea: (gitea, at_gitea),
            azure: (azure, at_azure),
            sandbox: Sandbox::new(),
        }
    }

    /// A source for each, with the hoster's id as its title.
    fn sources(&self) -> Vec<Value> {
        let git = self.gitea.0.git_url();
        vec![
            json!({
                "title": "bitbucket", "hoster": "bitbucket", "name": "acme",
                "apiUrl": self.bitbucket.api_url(), "apiAuthName": EMAIL, "password": TOKEN,
            }),
            json!({
                "title": "github", "hoster": "github", "name": "acme",
                "apiUrl": self.github.0.api_url(), "password": GITHUB,
            }),
            json!({
                "title": "gitlab", "hoster": "gitlab", "name": "acme",
                "apiUrl": self.gitlab.0.url(), "password": GITLAB,
            }),
            json!({
                "title": "gitea", "hoster": "gitea", "name": "acme",
                "apiUrl": self.gitea.0.url(), "password": GITEA,
            }),
            json!({
                "title": "azure-devops", "hoster": "azure-devops", "name": "acme",
                "apiUrl": self.azure.0.url(), "password": AZURE,
            }),
            json!({
                "title": "git", "hoster": "git", "urls": [format!("{git}/acme/web.git")],
                "allowInsecureHttp": true,
            }),
        ]
    }

    fn configure(&self, sources: &[Value]) {
        let content = json!({
            "localFolder": self.sandbox.backup(), "sources": sources,
            "options": {"network": {"retries": 0}},
        });
        self.sandbox.write("settings.yml", format!("{content:#}"));
    }

    fn mirror(&self, title: &str) -> PathBuf {
        let mut folders = fs::read_dir(self.sandbox.backup().join(title)).unwrap();
        folders.next().unwrap().unwrap().path().join("repo")
    }

    fn upstream(&self, title: &str) -> PathBuf {
        match title {
            "bitbucket" => self.bitbucket.repository("web").git_dir(),
            "github" => self.github.0.git_dir(self.github.1),
            "gitlab" => self.gitlab.0.git_dir(self.gitlab.1),
            "azure-devops" => self.azure.0.git_dir(&self.azure.1),
            _ => self.gitea.0.git_dir(self.gitea.1),
        }
    }
}

/// An address where nobody listens.
fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn of_six_hosters_one_is_down_and_the_others_are_complete() {
    let hosters = Hosters::new();
    let mut sources = hosters.sources();
    sources[3]["apiUrl"] = nowhere().into();
    hosters.configure(&sources);
    let run = hosters.sandbox.forgekeep(["backup"]).run().expect(3);
    for title in ["bitbucket", "github", "gitlab", "azure-devops", "git"] {
        assert_eq!(
            source(&run, title)["outcome"],
            "ok",
            "{title}: {:#}",
            report(&run)
        );
        compare::assert_mirror(&hosters.upstream(title), &hosters.mirror(title));
    }
    let down = source(&run, "gitea");
    assert_eq!(down["outcome"], "failed", "{down:#}");
    assert_eq!(down["error"]["kind"], "network", "{}", error(down));
    hosters.configure(&hosters.sources());
    let run = hosters.sandbox.forgekeep(["backup"]).run().expect(0);
    compare::assert_mirror(&hosters.upstream("gitea"), &hosters.mirror("gitea"));
    assert_eq!(source(&run, "github")["outcome"], "ok");
    // Each is found in the backup by the name that it has at its hoster.
    for name in [
        "gitlab/acme/web",
        "azure-devops/acme/shop/web",
        "gitea/acme/web",
    ] {
        let shown = hosters.sandbox.forgekeep(["snapshots", name]).run();
        shown.expect(0);
    }
}

#[test]
fn all_plugins_are_listed_with_their_aliases() {
    let listed = Sandbox::new()
        .forgekeep(["plugins", "list"])
        .run()
        .expect(0);
    for (id, aliases) in [
        ("bitbucket", vec!["bitbucket-cloud"]),
        ("github", vec![]),
        ("gitlab", vec![]),
        ("gitea", vec!["forgejo", "codeberg", "gogs"]),
        ("azure-devops", vec![]),
        ("git", vec![]),
    ] {
        let of = |line: &&str| line.split_whitespace().next() == Some(id);
        let line = listed.stdout.lines().find(of);
        let line = line.unwrap_or_else(|| panic!("{id}: {}", listed.stdout));
        for alias in aliases {
            assert!(listed.stdout.contains(alias), "{line}");
        }
    }
}

/// Does what SCM Backup does for a repository, in the folder that it makes.
fn scm_backup(upstream: &Path, mirror: &Path) {
    fs::create_dir_all(mirror).unwrap();
    git::run(mirror, &["init", "-q", "--bare"]);
    let refs = ["refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*"];
    let url = upstream.to_str().unwrap();
    let fetch = ["fetch", "-q", "--force", "--prune", url];
    git::run(mirror, &[&fetch[..], &refs].concat());
}

/// The file as SCM Backup's own documentation has it; only the addresses of the servers are added.
#[test]
fn settings_of_scm_backup_for_each_of_its_hosters_work_unchanged() {
    let hosters = Hosters::new();
    let text = format!(
        "localFolder: '{folder}'\nwaitSecondsOnError: 5\n\nscms:\n  git:\n    path: ''\n  mercurial:\n    path: ''\n\nemail:\n  from: ''\n\nsources:\n\
- title: some_title\n  hoster: github\n  type: org\n  name: acme\n  authName: dev\n  password: {GITHUB}\n  apiUrl: {github}\n\
- title: another\n  hoster: gitlab\n  type: org\n  name: acme\n  authName: dev\n  password: {GITLAB}\n  apiUrl: {gitlab}\n\
- title: last\n  hoster: bitbucket\n  type: org\n  name: acme\n  apiAuthName: {EMAIL}\n  password: {TOKEN}\n  apiUrl: {bitbucket}\n",
        folder = hosters.sandbox.backup().to_str().unwrap(),
        github = hosters.github.0.api_url(),
        gitlab = hosters.gitlab.0.url(),
        bitbucket = hosters.bitbucket.api_url(),
    );
    hosters.sandbox.write("settings.yml", text);
    let of = |title: &str| hosters.sandbox.backup().join(title).join("acme#web/repo");
    let all = [
        ("some_title", "github"),
        ("another", "gitlab"),
        ("last", "bitbucket"),
    ];
    for (title, hoster) in all {
        scm_backup(&hosters.upstream(hoster), &of(title));
    }
    let run = hosters.sandbox.forgekeep(["backup"]).run().expect(0);
    for (title, hoster) in all {
        let entry = &source(&run, title)["repositories"][0];
        assert_eq!(entry["name"], "acme/web", "{entry:#}");
        // Taken over where it was, without downloading again.
        assert_eq!(entry["bytesReceived"], 0, "{entry:#}");
        assert_eq!(entry["path"], format!("{title}/acme#web"));
        compare::assert_mirror(&hosters.upstream(hoster), &of(title));
    }
}

#[test]
fn a_user_in_settings_of_scm_backup_lists_what_is_private_of_its_own() {
    let hosters = Hosters::new();
    let (github, gitlab) = (&hosters.github.0, &hosters.gitlab.0);
    let at_github = github.repository("dev", "notes");
    github.change(|state| state.repository_mut(at_github).visibility = "private".to_owned());
    let sources = [
        json!({
            "title": "hub", "hoster": "github", "type": "user", "name": "dev", "authName": "dev",
            "password": GITHUB, "apiUrl": github.api_url(),
        }),
        json!({
            "title": "lab", "hoster": "gitlab", "type": "user", "name": "dev", "authName": "dev",
            "password": GITLAB, "apiUrl": gitlab.url(),
        }),
    ];
    hosters.configure(&sources);
    let run = hosters.sandbox.forgekeep(["backup"]).run().expect(0);
    assert_eq!(run.outcome("dev/notes"), "cloned");
    assert!(
        hosters
            .sandbox
            .backup()
            .join("hub/dev#notes/repo/HEAD")
            .exists()
    );
    assert_eq!(source(&run, "lab")["outcome"], "ok");
}

#[test]
fn with_protocol_ssh_each_hoster_gives_its_addresses_for_ssh() {
    let hosters = Hosters::new();
    let mut sources = hosters.sources();
    sources.truncate(5);
    for source in &mut sources {
        source["protocol"] = "ssh".into();
    }
    hosters.configure(&sources);
    let listed = hosters
        .sandbox
        .forgekeep(["list", "--json"])
        .run()
        .expect(0);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    for source in listed["sources"].as_array().unwrap() {
        let url = source["repositories"][0]["cloneUrl"].as_str().unwrap();
        assert!(
            url.starts_with("git@") || url.starts_with("ssh://"),
            "{source:#}"
        );
    }
    // No password goes to a host that no key opens, and none of these may be fetched from elsewhere unasked.
    let run = hosters.sandbox.forgekeep(["backup"]).run();
    for title in ["github", "gitlab", "azure-devops"] {
        let entry = &source(&run, title)["repositories"][0];
        let said = error(entry);
        assert!(said.contains("trustedOrigins"), "{title}: {said}");
    }
}
