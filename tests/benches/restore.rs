//! 300 small repositories brought back to a hoster, against a script that does it with curl and git.
//!
//! `cargo bench -p forgekeep-tests --bench restore` (needs curl and xargs)
//!
//! They are backed up once, and then made and pushed at a fake Gitea that takes 20 ms for each request, as a
//! hoster on the network does; its limits on creating are off. Each side gets a server of its own in each
//! round. What counts is the ratio; absolute times are this machine's.
//!
//! - A: `forgekeep restore --all --to-hoster TARGET`, which also lists the target, switches Actions off, sets
//!   the default branch and compares what is there afterwards;
//! - B: `xargs`, one after the other: `curl` makes a repository, `git push --mirror` sends the mirror's own
//!   folder. Git is given the credentials in a header, so that it is not refused first;
//! - C: the same by `xargs -P 8`.

#![allow(clippy::print_stdout, clippy::expect_used)] // a benchmark: it prints, and fails loudly

use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use forgekeep_test_hosters::gitea::Gitea;
use forgekeep_tests::{Forge, Peak, Sandbox, git, median};
use serde_json::json;

const REPOSITORIES: usize = 300;
const JOBS: usize = 8;
const ROUNDS: usize = 3;
/// What a request takes at the target at least.
const LATENCY: Duration = Duration::from_millis(20);
const TOKEN: &str = "89abcdef0123456789abcdef0123456789abcdef";

fn main() {
    let forge = Forge::builder()
        .workspace("acme")
        .api_token("dev@example.com", "devuser", "ATATT-benchmark-token")
        .build();
    let template = forge.repository("template").default_branch("trunk");
    let template = template.commit("one").commit("two").commit("three");
    let template = template.branch("side", "trunk~1").tag("v1");
    forge.copies(template, "small", REPOSITORIES - 1);
    let sandbox = Sandbox::new();
    let sources = std::fs::read_to_string(sandbox.settings(&forge, "")).expect("it was written");
    let (run, backup) = Peak::of(sandbox.forgekeep(["backup"]).limit(LONGEST));
    run.expect(0);

    println!(
        "{REPOSITORIES} repositories brought back, {} ms a request:",
        LATENCY.as_millis()
    );
    let (mut a, mut b, mut c) = (Vec::new(), Vec::new(), Vec::new());
    let mut restore = Peak::default();
    for round in 1..=ROUNDS {
        let target = Target::new();
        sandbox.write("settings.yml", format!("{sources}{}", target.settings()));
        let begun = Instant::now();
        let command = ["restore", "--all", "--to-hoster", "rescue"];
        let (run, peak) = Peak::of(sandbox.forgekeep(command).limit(LONGEST));
        a.push(begun.elapsed());
        run.expect(0);
        target.assert_complete("trunk");
        if peak.resident > restore.resident {
            restore = peak;
        }
        if round == 1 {
            let requests = target.gitea.requests().len();
            println!("  requests of forgekeep: {requests}");
        }
        b.push(by_script(&sandbox, 1));
        c.push(by_script(&sandbox, JOBS));
        show(
            &format!("round {round}"),
            a[round - 1],
            b[round - 1],
            c[round - 1],
        );
    }
    show("median", median(a), median(b), median(c));
    println!("  peak of resident memory (anonymous part): backup {backup}, restore {restore}");
}

/// Longer than any of it takes.
const LONGEST: Duration = Duration::from_secs(600);

/// A Gitea with an organisation in which nothing is.
struct Target {
    gitea: Gitea,
}

impl Target {
    fn new() -> Self {
        let gitea = Gitea::new();
        gitea.change(|state| {
            let dev = state.add_user("dev");
            state.add_organisation("acme", dev, true);
            let scopes = ["write:repository", "write:organization", "read:user"];
            state.add_token(dev, TOKEN, &scopes);
            state.latency = LATENCY;
        });
        Self { gitea }
    }

    fn settings(&self) -> String {
        let target = json!([{
            "title": "rescue", "hoster": "gitea", "name": "acme", "apiUrl": self.gitea.url(),
            "password": TOKEN,
        }]);
        format!("targets: {target}\n")
    }

    /// All are there, each with what it had.
    fn assert_complete(&self, default_branch: &str) {
        let made = self.gitea.read(|state| state.repositories.clone());
        assert_eq!(made.len(), REPOSITORIES, "each is made once");
        for one in &made {
            assert!(one.private, "{} is public", one.name);
            let folder = self.gitea.git_dir(one.id);
            let refs = git::run(&folder, &["for-each-ref", "--format=%(refname)"]);
            let refs: Vec<_> = refs.lines().collect();
            assert_eq!(
                refs,
                ["refs/heads/side", "refs/heads/trunk", "refs/tags/v1"],
                "{}",
                one.name
            );
            let head = git::run(&folder, &["symbolic-ref", "--short", "HEAD"]);
            assert_eq!(head, default_branch, "{}", one.name);
        }
    }
}

/// What somebody would write who has no other tool at hand.
const SCRIPT: &str = r##"
name=${1#acme#}
curl -sSf -o /dev/null -H "Authorization: token $TOKEN" -H 'Content-Type: application/json' \
    -d "{\"name\": \"$name\", \"private\": true}" "$URL/api/v1/orgs/acme/repos" &&
git -c "http.extraHeader=Authorization: Basic $BASIC" --git-dir="$1/repo" \
    push --quiet --mirror "$URL/acme/$name.git"
"##;

fn by_script(sandbox: &Sandbox, jobs: usize) -> Duration {
    let target = Target::new();
    let script = sandbox.write("restore.sh", SCRIPT);
    let command = match jobs {
        1 => "ls | xargs -n 1 sh \"$SCRIPT\"".to_owned(),
        jobs => format!("ls | xargs -n 1 -P {jobs} sh \"$SCRIPT\""),
    };
    let begun = Instant::now();
    let status = Command::new("sh")
        .args(["-c", &command])
        .current_dir(sandbox.backup().join("acme"))
        .env("SCRIPT", script)
        .env("URL", target.gitea.url())
        .env("TOKEN", TOKEN)
        .env("BASIC", STANDARD.encode(format!("dev:{TOKEN}")))
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .status()
        .expect("sh, xargs, curl and git are there");
    let time = begun.elapsed();
    assert!(status.success(), "the script failed");
    // A push does not say which branch is the default one: it stays the server's.
    target.assert_complete("main");
    time
}

fn show(shown: &str, a: Duration, b: Duration, c: Duration) {
    let [a, b, c] = [a, b, c].map(|time| time.as_secs_f64());
    println!(
        "  {:<9} forgekeep {a:.2} s, xargs {b:.2} s (ratio {:.2}), xargs -P {JOBS} {c:.2} s (ratio {:.2})",
        format!("{shown}:"),
        a / b,
        a / c
    );
}
