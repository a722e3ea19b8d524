//! Real git, and libgit2, against the built-in upload-pack.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use forgekeep_demo_hoster::{
    BuiltInGit, DemoHoster, HosterState, Repository, Server, Site, Socket, Workspace,
};
use tempfile::TempDir;

use crate::client::{Client, basic};

/// Runs git without anybody's configuration.
fn git(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("git")
        .current_dir(folder)
        .args(arguments)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .envs([("GIT_AUTHOR_NAME", "A"), ("GIT_AUTHOR_EMAIL", "a@x")])
        .envs([("GIT_COMMITTER_NAME", "A"), ("GIT_COMMITTER_EMAIL", "a@x")])
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(text(&output.stderr)),
    }
}

fn refs(folder: &Path) -> String {
    git(
        folder,
        &["for-each-ref", "--format=%(refname) %(objectname)"],
    )
    .unwrap()
}

/// A folder, a bare repository in it, and a hoster that serves it as `acme/r`.
struct Served {
    server: Server,
    upstream: PathBuf,
    work: PathBuf,
    folder: TempDir,
}

impl Served {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let (upstream, work) = (
            folder.path().join("upstream.git"),
            folder.path().join("work"),
        );
        let make = |arguments: &[&str]| git(folder.path(), arguments).unwrap();
        make(&[
            "-c",
            "init.defaultBranch=main",
            "init",
            "-q",
            "--bare",
            "upstream.git",
        ]);
        make(&["-c", "init.defaultBranch=main", "init", "-q", "work"]);
        git(&work, &["remote", "add", "origin", "../upstream.git"]).unwrap();
        let socket = Socket::bind().unwrap();
        let mut workspace = Workspace::new("acme");
        workspace
            .repositories
            .push(Repository::new("r", "r", &upstream));
        let state = HosterState {
            api_url: socket.url(),
            git_url: socket.url(),
            workspaces: vec![workspace],
            ..HosterState::default()
        };
        let server = Server::start(socket, Arc::new(Site::new(state, BuiltInGit))).unwrap();
        Self {
            server,
            upstream,
            work,
            folder,
        }
    }

    fn url(&self) -> String {
        format!("{}/acme/r.git", self.server.url())
    }

    fn commit(&self, message: &str) {
        std::fs::write(self.work.join("file"), message.repeat(500)).unwrap();
        git(&self.work, &["add", "."]).unwrap();
        git(&self.work, &["commit", "-qm", message]).unwrap();
    }

    fn push(&self) {
        git(
            &self.work,
            &[
                "push",
                "-q",
                "--prune",
                "origin",
                "+refs/heads/*",
                "+refs/tags/*",
            ],
        )
        .unwrap();
    }

    fn mirror(&self) -> PathBuf {
        git(
            self.folder.path(),
            &["clone", "-q", "--mirror", &self.url(), "mirror"],
        )
        .unwrap();
        self.folder.path().join("mirror")
    }

    fn assert_equal(&self, mirror: &Path) {
        assert_eq!(refs(mirror), refs(&self.upstream));
        git(mirror, &["fsck", "--full", "--strict"]).unwrap();
    }
}

#[test]
fn the_whole_demo_can_be_cloned_before_and_after_its_second_act() {
    let folder = TempDir::new().unwrap();
    let hoster = DemoHoster::start().unwrap();
    let account = hoster.account().clone();
    let base = hoster
        .api_url()
        .replace("http://", &format!("http://devuser:{}@", account.token));
    let names = [
        "web",
        "api",
        "handbook",
        "infra",
        "mobile-app",
        "playground",
    ];
    for name in names {
        let url = format!("{base}/acme/{name}.git");
        git(folder.path(), &["clone", "-q", "--mirror", &url, name]).unwrap();
        git(&folder.path().join(name), &["fsck", "--full", "--strict"]).unwrap();
    }
    let heads: Vec<_> = names
        .iter()
        .map(|n| git(&folder.path().join(n), &["symbolic-ref", "HEAD"]).unwrap())
        .collect();
    assert_eq!(heads[2], "refs/heads/trunk");
    assert_eq!(heads[4], "refs/heads/develop");
    let before: Vec<_> = names.iter().map(|n| refs(&folder.path().join(n))).collect();
    assert!(before[1].contains("refs/tags/v1.1.0"));
    assert_eq!(before[5], "");

    let wiki = format!("{base}/acme/web.git/wiki");
    git(folder.path(), &["clone", "-q", "--mirror", &wiki, "wiki"]).unwrap();
    assert!(refs(&folder.path().join("wiki")).starts_with("refs/heads/master "));

    let lines = hoster.change_upstream().unwrap();
    assert_eq!(lines.len(), 5);
    for (name, before) in names.iter().zip(before) {
        let mirror = folder.path().join(name);
        git(&mirror, &["remote", "update", "--prune"]).unwrap();
        git(&mirror, &["fsck", "--full", "--strict"]).unwrap();
        let told = lines
            .iter()
            .any(|line| line.starts_with(&format!("acme/{name}: ")));
        assert_eq!(refs(&mirror) != before, told, "{name}");
    }
}

#[test]
fn two_demos_hold_the_same_objects() {
    let folder = TempDir::new().unwrap();
    let all = |at: &str| {
        let hoster = DemoHoster::start().unwrap();
        hoster.change_upstream().unwrap();
        let url = hoster.api_url() + "/acme/handbook.git";
        git(folder.path(), &["clone", "-q", "--mirror", &url, at]).unwrap();
        refs(&folder.path().join(at))
    };
    assert_eq!(all("a"), all("b"));
}

#[test]
fn fetches_only_what_is_new() {
    let served = Served::new();
    served.commit("one");
    served.commit("two");
    git(&served.work, &["tag", "-am", "text", "v1"]).unwrap();
    served.push();
    let mirror = served.mirror();
    served.assert_equal(&mirror);

    served.commit("three");
    git(
        &served.work,
        &["tag", "-am", "a tag of a tag", "v1-signed", "v1"],
    )
    .unwrap();
    git(&served.work, &["tag", "tree", "HEAD^{tree}"]).unwrap();
    git(&served.work, &["tag", "blob", "HEAD:file"]).unwrap();
    served.push();
    git(&mirror, &["-c", "fetch.unpackLimit=1", "fetch", "--prune"]).unwrap();
    served.assert_equal(&mirror);
    // git unpacks the small first pack; the second one was kept.
    let packs = std::fs::read_dir(mirror.join("objects/pack")).unwrap();
    let mut packs = packs.map(|entry| entry.unwrap().path());
    let pack = packs
        .find(|path| path.extension().is_some_and(|e| e == "idx"))
        .unwrap();
    let objects = git(&mirror, &["verify-pack", "-v", pack.to_str().unwrap()]).unwrap();
    assert_eq!(
        objects.lines().filter(|l| l.contains(" commit ")).count(),
        1
    );
    assert_eq!(objects.lines().filter(|l| l.contains(" blob ")).count(), 1);

    git(&served.work, &["reset", "-q", "--hard", "HEAD~2"]).unwrap();
    served.commit("rewritten");
    git(&served.work, &["tag", "-d", "v1"]).unwrap();
    served.push();
    git(&mirror, &["fetch", "--prune"]).unwrap();
    served.assert_equal(&mirror);
}

#[test]
fn serves_many_refs_and_gzipped_negotiations() {
    let served = Served::new();
    for number in 0..100 {
        git(
            &served.work,
            &["commit", "-q", "--allow-empty", "-m", &number.to_string()],
        )
        .unwrap();
        git(&served.work, &["branch", &format!("b{number}")]).unwrap();
    }
    served.push();
    let head = git(&served.work, &["rev-parse", "HEAD"]).unwrap();
    let many: String = (1000..4000)
        .map(|n| format!("{head} refs/many/{n}\n"))
        .collect();
    std::fs::write(served.upstream.join("packed-refs"), many).unwrap();
    let mirror = served.mirror();
    served.assert_equal(&mirror);
    // Two rounds of haves, which git compresses.
    git(&served.work, &["checkout", "-q", "b10"]).unwrap();
    served.commit("new");
    git(&served.work, &["branch", "new"]).unwrap();
    served.push();
    git(&mirror, &["fetch", "--prune"]).unwrap();
    served.assert_equal(&mirror);
    // The client may have what the hoster never had.
    let own = git(
        &mirror,
        &["commit-tree", "-m", "own", "-p", "HEAD", "HEAD^{tree}"],
    )
    .unwrap();
    git(&mirror, &["update-ref", "refs/own/one", &own]).unwrap();
    served.commit("newer");
    served.push();
    git(&mirror, &["fetch", "--prune"]).unwrap();
    served.assert_equal(&mirror);
}

#[test]
fn serves_large_packs_and_old_clients() {
    let served = Served::new();
    let mut seed = 1u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as u8
    })
    .take(3_000_000)
    .collect();
    std::fs::write(served.work.join("noise"), noise).unwrap();
    served.commit("large");
    served.push();
    let mirror = served.mirror();
    served.assert_equal(&mirror);

    // Without side bands and without detailed acknowledgements the pack is the plain body.
    let mut client = Client::new(&served.server.url());
    let head = git(&served.work, &["rev-parse", "HEAD"]).unwrap();
    let body = format!("0032want {head}\n00000009done\n");
    let answer = client.send("POST", "/acme/r.git/git-upload-pack", None, body.as_bytes());
    assert!(answer.body.starts_with(b"0008NAK\nPACK"));
    assert!(answer.body.len() > 3_000_000);
}

#[test]
fn serves_an_empty_repository_and_what_comes_into_it() {
    let served = Served::new();
    let mirror = served.mirror();
    assert_eq!(refs(&mirror), "");
    served.commit("one");
    served.push();
    git(&mirror, &["fetch"]).unwrap();
    served.assert_equal(&mirror);
}

#[test]
fn refuses_wants_that_were_not_advertised() {
    let served = Served::new();
    served.commit("one");
    served.push();
    let hidden = git(&served.work, &["rev-parse", "HEAD^{tree}"]).unwrap();
    let mut client = Client::new(&served.server.url());
    let target = "/acme/r.git/git-upload-pack";
    let body = format!("0032want {hidden}\n00000009done\n");
    let answer = client.send("POST", target, None, body.as_bytes());
    assert_eq!(answer.status, 200);
    let text = String::from_utf8(answer.body).unwrap();
    assert_eq!(&text[4..], format!("ERR upload-pack: not our ref {hidden}"));

    assert_eq!(client.send("POST", target, None, b"0000").body, b"");
    assert_eq!(client.send("POST", target, None, b"nonsense").status, 400);
    assert_eq!(
        client.send("POST", target, None, b"000fdeepen 1\n").status,
        400
    );
    assert_eq!(client.get("/acme/r.git/info/refs", None).status, 403);
    assert_eq!(
        client
            .get("/acme/r.git/info/refs?service=git-receive-pack", None)
            .status,
        403
    );
}

#[test]
fn git_takes_other_credentials_than_the_api() {
    let hoster = DemoHoster::start().unwrap();
    let account = hoster.account().clone();
    let mut client = Client::new(&hoster.api_url());
    let mut status = |slug: &str, user: &str, token: &str| {
        let target = format!("/acme/{slug}.git/info/refs?service=git-upload-pack");
        let authorization = (!token.is_empty()).then(|| basic(user, token));
        let answer = client.get(&target, authorization.as_deref());
        assert_eq!(
            answer.status == 401,
            answer.header("WWW-Authenticate").is_some()
        );
        answer.status
    };
    assert_eq!(status("web", "", ""), 200);
    assert_eq!(status("api", "", ""), 401);
    assert_eq!(status("nothing", "", ""), 401);
    assert_eq!(status("api", "devuser", &account.token), 200);
    assert_eq!(
        status("api", "x-bitbucket-api-token-auth", &account.token),
        200
    );
    assert_eq!(status("api", &account.email, &account.token), 401);
    assert_eq!(status("api", "x-token-auth", &account.token), 401);
    assert_eq!(status("web", "devuser", "wrong"), 401);
    assert_eq!(status("nothing", "devuser", &account.token), 404);
    assert_eq!(status("legacy-crm", "devuser", &account.token), 404);
    assert_eq!(status("api.git/wiki", "devuser", &account.token), 404);
}
