//! The harness itself: a test that fails because of it would mislead.

#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use forgekeep_tests::{
    Account, Action, Authorization, Fault, Forge, RequestKind, Sandbox, compare, git,
};
use serde_json::json;

fn forge() -> Forge {
    Forge::builder()
        .api_token("dev@example.com", "devuser", "ATATT-secret")
        .build()
}

/// One request on a connection of its own; everything that comes back.
fn get(base: &str, target: &str) -> String {
    let mut stream = TcpStream::connect(base.strip_prefix("http://").unwrap()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn clone(url: &str, sandbox: &Sandbox, name: &str) -> Result<(), String> {
    git::try_run(&sandbox.path(""), &["clone", "-q", "--mirror", url, name]).map(drop)
}

fn with_credentials(url: &str) -> String {
    url.replace("http://", "http://devuser:ATATT-secret@")
}

#[test]
fn git_clones_and_fetches_what_the_tests_make() {
    let (forge, sandbox) = (forge(), Sandbox::new());
    let web = forge
        .repository("web")
        .private()
        .commit("one")
        .commit("two")
        .commit_to("side", "three");
    web.tag("light").annotated_tag("v1").default_branch("side");
    let url = with_credentials(&web.clone_url());
    clone(&url, &sandbox, "web").unwrap();
    let mirror = sandbox.path("web");
    compare::assert_mirror(&web.git_dir(), &mirror);
    assert_eq!(compare::refs(&mirror).lines().count(), 4);
    assert_eq!(compare::head(&mirror), "refs/heads/side");

    let before = web.rev_parse("main");
    web.force_push("main")
        .branch("more", "side")
        .delete_tag("light")
        .many_branches(3000);
    assert_ne!(web.rev_parse("main"), before);
    assert_eq!(web.rev_parse("main~1").len(), before.len());
    git::run(&mirror, &["remote", "update", "--prune"]);
    compare::assert_mirror(&web.git_dir(), &mirror);
    web.delete_branch("more");
    let upstream = web.git_dir();
    let differs = std::panic::catch_unwind(|| compare::assert_mirror(&upstream, &mirror));
    assert!(differs.is_err());

    let anonymous = clone(&web.clone_url(), &sandbox, "anonymous").unwrap_err();
    assert!(
        anonymous.contains("terminal prompts disabled"),
        "{anonymous}"
    );
}

#[test]
fn wikis_empty_repositories_and_odd_names_are_possible() {
    let (forge, sandbox) = (forge(), Sandbox::new());
    for (number, name) in [
        "Web",
        "web",
        "with space",
        "größe",
        "a.b.git",
        "100%",
        "wiki",
    ]
    .iter()
    .enumerate()
    {
        forge.repository(name).commit(name);
        let listed = get(forge.api_url(), "/2.0/repositories/acme?pagelen=100");
        let listed: serde_json::Value =
            serde_json::from_str(listed.split_once("\r\n\r\n").unwrap().1).unwrap();
        assert_eq!(
            listed["values"][number]["full_name"],
            format!("acme/{name}")
        );
        let url = listed["values"][number]["links"]["clone"][0]["href"]
            .as_str()
            .unwrap();
        clone(url, &sandbox, &number.to_string()).unwrap();
        let mirror = sandbox.path(number.to_string());
        compare::assert_mirror(&forge.repository(name).git_dir(), &mirror);
    }
    let empty = forge.repository("empty").wiki();
    clone(&empty.clone_url(), &sandbox, "empty").unwrap();
    assert_eq!(compare::refs(&sandbox.path("empty")), "");
    clone(
        &format!("{}/wiki", empty.clone_url()),
        &sandbox,
        "empty-wiki",
    )
    .unwrap();
    compare::assert_mirror(&empty.wiki_dir(), &sandbox.path("empty-wiki"));
    let old = forge.repository("old").commit("x").hg();
    assert!(clone(&old.clone_url(), &sandbox, "old").is_err());
    let uuid = old.uuid();
    old.delete();
    assert_ne!(forge.repository("old").uuid(), uuid);
}

#[test]
fn three_hundred_copies_are_repositories_of_their_own() {
    let (forge, sandbox) = (forge(), Sandbox::new());
    let original = forge
        .repository("original")
        .private()
        .commit("one")
        .annotated_tag("v1");
    let copies = forge.copies(original, "copy", 300);
    clone(
        &with_credentials(&copies[299].clone_url()),
        &sandbox,
        "last",
    )
    .unwrap();
    compare::assert_mirror(&original.git_dir(), &sandbox.path("last"));
    assert!(copies[299].clone_url().ends_with("/acme/copy-300.git"));
}

#[test]
fn the_log_shows_requests_credentials_and_connections() {
    let forge = Forge::builder()
        .workspace("acme")
        .workspace("beta")
        .api_token("dev@example.com", "devuser", "ATATT-secret")
        .access_token("ATCTT")
        .account(Account::api_token("x@y", "x", "t").member_of("beta"))
        .separate_git()
        .build();
    let sandbox = Sandbox::new();
    let web = forge.repository_in("beta", "web").private().commit("one");
    assert!(web.clone_url().starts_with(forge.git_url()));
    assert_ne!(forge.git_url(), forge.api_url());
    clone(&with_credentials(&web.clone_url()), &sandbox, "web").unwrap();
    get(forge.api_url(), "/2.0/repositories/beta/web?x=1");
    let requests = forge.requests();
    let kinds: Vec<_> = requests.iter().map(|r| r.kind).collect();
    // git asks without credentials first.
    use RequestKind::{Api, InfoRefs, UploadPack};
    assert_eq!(kinds, [InfoRefs, InfoRefs, UploadPack, UploadPack, Api]);
    let basic = |user: &str, secret: &str| Authorization::Basic {
        user: user.into(),
        secret: secret.into(),
    };
    assert_eq!(requests[0].authorization, None);
    assert_eq!(
        requests[2].authorization,
        Some(basic("devuser", "ATATT-secret"))
    );
    assert_eq!(requests[4].target, "/2.0/repositories/beta/web?x=1");
    assert!(
        requests
            .iter()
            .all(|r| r.repository.as_deref() == Some("web") && !r.wiki)
    );
    assert_eq!(forge.connections_of(Api).len(), 1);
    assert_eq!(
        forge.connections().len(),
        1 + forge.connections_of(InfoRefs).len()
    );
    assert_eq!(forge.count(InfoRefs), 2);
    forge.reset_log();
    assert!(forge.requests().is_empty());
}

#[test]
fn gzipped_requests_reach_git() {
    let (forge, sandbox) = (forge(), Sandbox::new());
    let web = forge.repository("web").commit("one");
    for number in 0..60 {
        web.commit_to(&format!("b{number}"), "x");
    }
    clone(&web.clone_url(), &sandbox, "web").unwrap();
    web.commit("two");
    git::run(&sandbox.path("web"), &["-c", "protocol.version=0", "fetch"]);
    compare::assert_mirror(&web.git_dir(), &sandbox.path("web"));
    let gzipped = |header: &(String, String)| header.0.eq_ignore_ascii_case("Content-Encoding");
    assert!(
        forge
            .requests()
            .iter()
            .any(|r| r.headers.iter().any(gzipped))
    );
}

#[test]
fn faults_answer_something_else() {
    let forge = forge();
    let listing = || get(forge.api_url(), "/2.0/repositories/acme");
    forge.inject(Fault::on(RequestKind::Api, Action::retry_after(429, 7)).first(1));
    forge.inject(Fault::on(RequestKind::Api, Action::html(503)).nth(3));
    forge.inject(Fault::on(RequestKind::Api, Action::json(200, &json!([1]))).nth(4));
    forge.inject(Fault::on(RequestKind::Api, Action::redirect(302, "http://elsewhere/")).nth(5));
    let first = listing();
    assert!(
        first.starts_with("HTTP/1.1 429 Too Many Requests\r\n"),
        "{first}"
    );
    assert!(
        first.contains("\r\nRetry-After: 7\r\n") && first.contains("\"type\": \"error\""),
        "{first}"
    );
    assert!(listing().starts_with("HTTP/1.1 200 "));
    assert!(listing().contains("<html>"));
    assert!(listing().ends_with("\r\n\r\n[1]"));
    assert!(listing().contains("\r\nLocation: http://elsewhere/\r\n"));
    assert!(listing().contains("\"values\":[]"));

    let only_page_two = Fault::on(RequestKind::Api, Action::status(500)).containing("page=2");
    forge.inject(only_page_two);
    assert!(listing().starts_with("HTTP/1.1 200 "));
    let second = get(forge.api_url(), "/2.0/repositories/acme?page=2");
    assert!(second.starts_with("HTTP/1.1 500 "));
    forge.clear_faults();
    assert!(get(forge.api_url(), "/2.0/repositories/acme?page=2").starts_with("HTTP/1.1 200 "));
}

#[test]
fn faults_break_connections() {
    let forge = forge();
    let listing = || get(forge.api_url(), "/2.0/repositories/acme");
    let whole = listing();
    let body = |answer: &str| answer.split_once("\r\n\r\n").unwrap().1.len();
    forge.inject(Fault::on(RequestKind::Api, Action::Truncate).nth(1));
    forge.inject(Fault::on(RequestKind::Api, Action::Garbage).nth(2));
    forge.inject(Fault::on(RequestKind::Api, Action::Close).nth(3));
    forge.inject(Fault::on(RequestKind::Api, Action::Delay(Duration::from_millis(300))).nth(4));
    forge.inject(Fault::on(RequestKind::Api, Action::Hang));
    let truncated = listing();
    assert!(
        truncated.contains(&format!("Content-Length: {}\r\n", body(&whole))),
        "{truncated}"
    );
    assert_eq!(body(&truncated), body(&whole) / 2);
    assert!(listing().starts_with("\x16\x16"));
    assert_eq!(listing(), "");
    let started = Instant::now();
    assert_eq!(listing(), whole);
    assert!(started.elapsed() >= Duration::from_millis(300));
    std::thread::scope(|scope| {
        let hanging = scope.spawn(listing);
        std::thread::sleep(Duration::from_millis(300));
        assert!(!hanging.is_finished());
        forge.release();
        assert_eq!(hanging.join().unwrap(), "");
    });
}

#[test]
fn a_forge_with_hanging_requests_ends_at_once() {
    let forge = forge();
    forge.inject(Fault::on(RequestKind::Api, Action::Hang));
    let url = forge.api_url().to_owned();
    let hanging = std::thread::spawn(move || get(&url, "/2.0/user"));
    while forge.requests().is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let started = Instant::now();
    drop(forge);
    assert!(
        started.elapsed() < Duration::from_secs(30),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(hanging.join().unwrap(), "");
}

#[test]
fn faults_break_clones_of_one_repository() {
    let (forge, sandbox) = (forge(), Sandbox::new());
    let web = forge.repository("web").commit("one").wiki();
    let other = forge.repository("other").commit("one");
    let error = |kind, action| {
        forge.clear_faults();
        forge.inject(Fault::on(kind, action).repository("web").wiki(false));
        clone(&other.clone_url(), &sandbox, "other").unwrap();
        clone(&format!("{}/wiki", web.clone_url()), &sandbox, "wiki").unwrap();
        std::fs::remove_dir_all(sandbox.path("other")).unwrap();
        std::fs::remove_dir_all(sandbox.path("wiki")).unwrap();
        clone(&web.clone_url(), &sandbox, "web").unwrap_err()
    };
    use RequestKind::{InfoRefs, UploadPack};
    let sentence = "fork/exec /usr/bin/git-upload-pack: no such file or directory";
    for kind in [InfoRefs, UploadPack] {
        let text = error(kind, Action::GitError(sentence.to_owned()));
        assert!(text.contains(sentence), "{text}");
    }
    assert!(error(InfoRefs, Action::status(500)).contains("500"));
    error(InfoRefs, Action::Truncate);
    error(UploadPack, Action::Truncate);
    error(InfoRefs, Action::Close);
    error(UploadPack, Action::Garbage);
    let early = error(UploadPack, Action::EndPackEarly);
    assert!(
        early.contains("early EOF") || early.contains("index-pack"),
        "{early}"
    );
    forge.clear_faults();
    clone(&web.clone_url(), &sandbox, "web").unwrap();
}

#[test]
fn programs_run_in_the_sandbox_alone() {
    let sandbox = Sandbox::new();
    let run = sandbox
        .program("/bin/sh", ["-c", "echo $HOME; echo $X >&2; exit 3"])
        .env("X", "é")
        .run();
    let run = run.expect(3);
    assert_eq!(Path::new(run.stdout.trim()), sandbox.path("home"));
    assert_eq!(run.stderr.trim(), "é");
    let no_git = sandbox.program("/bin/sh", ["-c", "git --version"]).run();
    assert_eq!(no_git.code, Some(127));
    let mut endless = sandbox
        .program("/bin/sh", ["-c", "while :; do :; done"])
        .spawn();
    assert!(endless.pid() > 0);
    endless.kill();
    assert_eq!(endless.wait().code, None);
    let late = sandbox.program("/bin/sh", ["-c", "while :; do :; done"]);
    let late = late.limit(Duration::from_millis(100));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| late.run())).is_err());
}

#[test]
fn settings_name_the_forge_and_its_account() {
    let (forge, sandbox) = (forge(), Sandbox::new());
    let file = sandbox.settings(&forge, "ignoreRepos: [old]");
    let text = std::fs::read_to_string(file).unwrap();
    assert!(
        text.starts_with("localFolder: \"") && text.contains("\n  - title: \"acme\"\n"),
        "{text}"
    );
    assert!(
        text.contains("\n    password: \"ATATT-secret\"\n    ignoreRepos: [old]\n"),
        "{text}"
    );
}
