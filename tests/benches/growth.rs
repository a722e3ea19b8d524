//! What a repository more costs: commands over 1,000 and 10,000 repositories, and one with very many refs.
//!
//! `cargo bench -p forgekeep-tests --bench growth` (Linux)
//!
//! The backup is made up: one repository is backed up, and its folder copied, so that no hoster with 10,000
//! repositories has to be cloned first. For each command: the whole time, the peak of resident memory
//! (`Peak`), and what each repository adds to what one repository takes. Per repository both should be flat.
//!
//! `FORGEKEEP_BENCH_SIZES=1000,10000` names other numbers of repositories, `FORGEKEEP_BENCH_LISTED` how many
//! are listed and planned with nothing in the backup, `FORGEKEEP_BENCH_REFS` how many refs the large
//! repository has; 0 leaves that part out.

#![allow(clippy::print_stdout, clippy::expect_used)] // a benchmark: it prints, and fails loudly

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use forgekeep_demo_hoster::{Repository, Workspace};
use forgekeep_store::catalogue::RepositoryState;
use forgekeep_tests::{Forge, Invocation, Peak, Sandbox, git};
use serde_json::{Value, json};

/// Reports that a backup keeps: those of the last 100 runs.
const REPORTS: usize = 100;

/// Kilobytes that any command takes.
const LEAST: u64 = 11 * 1024;

/// Parts that `verify` is asked for one of.
const PARTS: usize = 10;

fn main() {
    let sizes = std::env::var("FORGEKEEP_BENCH_SIZES");
    let sizes = sizes.unwrap_or_else(|_| "1000,10000".to_owned());
    let sizes = sizes.split(',').filter_map(|size| size.parse().ok());
    let one = OnDisk::new(1).measure(None);
    for number in sizes.filter(|number| *number > 0) {
        OnDisk::new(number).measure(Some(&one));
    }
    let listed = number_of("FORGEKEEP_BENCH_LISTED", 100_000);
    if listed > 0 {
        listed_and_planned(listed);
    }
    let refs = number_of("FORGEKEEP_BENCH_REFS", 1_000_000);
    if refs > 0 {
        many_refs(refs);
    }
}

fn number_of(variable: &str, default: usize) -> usize {
    let text = std::env::var(variable).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn forge() -> Forge {
    Forge::builder()
        .workspace("acme")
        .api_token("dev@example.com", "devuser", "ATATT-benchmark-token")
        .build()
}

fn name_of(number: usize) -> String {
    format!("repository-with-a-name-of-usual-length-{number}")
}

/// Lists so many more repositories, all of which are one on disk.
fn list_more(forge: &Forge, numbers: std::ops::Range<usize>) {
    let git_dir = forge.repository(&name_of(0)).git_dir();
    forge.change(|state| {
        for number in numbers {
            let slug = name_of(number);
            let mut entry = Repository::new(&slug, &slug, git_dir.clone());
            entry.size = 123_456;
            state.workspaces[0].repositories.push(entry);
        }
    });
}

/// A backup of many repositories, made up.
struct OnDisk {
    forge: Forge,
    sandbox: Sandbox,
    number: usize,
}

/// A command that was measured.
struct Measured {
    what: String,
    seconds: f64,
    kilobytes: u64,
}

impl OnDisk {
    fn new(number: usize) -> Self {
        let forge = forge();
        forge.repository(&name_of(0)).commit("one").commit("two");
        let sandbox = Sandbox::new();
        sandbox.settings(&forge, "");
        sandbox.forgekeep(["backup"]).run().expect(0);
        list_more(&forge, 1..number);
        let made = Self {
            forge,
            sandbox,
            number,
        };
        made.copy_folders();
        made
    }

    fn copy_folders(&self) {
        let source = self.sandbox.backup().join("acme");
        let folder_of = |number| source.join(format!("acme#{}", name_of(number)));
        let ids: Vec<String> = self.forge.change(|state| {
            let all = state.workspaces[0].repositories.iter();
            all.map(|repository| repository.uuid.clone()).collect()
        });
        for (number, id) in ids.iter().enumerate().skip(1) {
            let folder = folder_of(number);
            copy(&folder_of(0), &folder);
            let state = RepositoryState::read(&folder);
            let mut state = state.expect("a good state file").expect("a state file");
            state.id = id.as_str().into();
            state.full_name = format!("acme/{}", name_of(number)).into();
            state.write(&folder).expect("a state file can be written");
        }
    }

    /// Reports of earlier runs, one each day.
    fn make_up_reports(&self, number: usize) {
        let state = |number: usize| {
            let full_name = format!("acme/{}", name_of(number));
            json!({"id": format!("{{{number:032x}}}"), "name": full_name,
                "path": format!("acme/acme#{}", name_of(number)), "outcome": "unchanged",
                "bytesReceived": 0, "seconds": 0.012, "error": null,
                "refs": {"created": 0, "updated": 0, "forced": 0, "deleted": 0}})
        };
        let all: Vec<Value> = (0..self.number).map(state).collect();
        for day in 0..number {
            let date = format!("2026-{:02}-{:02}", day / 28 + 1, day % 28 + 1);
            let started = format!("{date}T01:00:00Z");
            let source = json!({"title": "acme", "hoster": "bitbucket", "outcome": "ok",
                "listed": self.number, "error": null, "repositories": all});
            let report = json!({"schema": 1, "version": "0.1.0", "started": started,
                "finished": started, "outcome": "ok", "exitCode": 0, "error": null,
                "sources": [source]});
            let file = format!(".forgekeep/runs/{date}T01-00-00.000Z.json");
            fs::write(self.sandbox.backup().join(file), report.to_string())
                .expect("a report can be written");
        }
    }

    /// Measures the commands; `one` is what they take for one repository.
    fn measure(&self, one: Option<&Vec<Measured>>) -> Vec<Measured> {
        println!("{} on disk:", count(self.number));
        let forgekeep = |arguments: &[&str]| self.sandbox.forgekeep(arguments);
        let mut all = Vec::new();
        let mut add = |what: &str, invocation: Invocation<'_>| {
            let measured = measure(what, invocation);
            let one = one.map(|one| &one[all.len()]);
            measured.print(one, self.number);
            all.push(measured);
        };
        add("status, nothing kept together", forgekeep(&["status"]));
        add(
            "backup --dry-run",
            forgekeep(&["backup", "--dry-run", "--progress", "none"]),
        );
        add("list", forgekeep(&["list", "--json"]));
        let part = format!("1/{PARTS}");
        let verify = ["verify", "--subset", &part, "--progress", "none"];
        add(&format!("verify --subset {part}"), forgekeep(&verify));
        // A run that has nothing to do with them takes them down all the same.
        self.wait_until_settled();
        self.run_of_another_source();
        add("status", forgekeep(&["status"]));
        add("status --json", forgekeep(&["status", "--json"]));
        add("status --html", forgekeep(&["status", "--html"]));
        self.make_up_reports(REPORTS);
        self.run_of_another_source();
        add(
            &format!("status, {REPORTS} reports"),
            forgekeep(&["status"]),
        );
        all
    }

    /// What has just been made is not taken down: it might change once more and look the same.
    fn wait_until_settled(&self) {
        let made = self.sandbox.backup().join("acme");
        let is_settled = || {
            let changed = fs::metadata(&made).and_then(|found| found.modified());
            let age = changed.expect("a folder has a time").elapsed();
            age.is_ok_and(|age| age > Duration::from_secs(4))
        };
        while !is_settled() {
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn run_of_another_source(&self) {
        let settings = fs::read_to_string(self.sandbox.path("settings.yml"));
        let settings = settings.expect("the settings");
        let (head, source) = settings.split_once("  - ").expect("a source");
        let other = source
            .replace("title: \"acme\"", "title: other")
            .replace("name: \"acme\"", "name: other");
        let both = format!("{head}  - {source}  - {other}");
        self.sandbox.write("both.yml", both);
        self.forge.change(|state| {
            if state.workspaces.len() == 1 {
                state.workspaces.push(Workspace::new("other"));
            }
        });
        let begun = Instant::now();
        let config = self.sandbox.path("both.yml");
        let arguments = ["backup", "--source", "other", "--progress", "none"];
        let run = self.sandbox.forgekeep(arguments);
        run.arg("--config").arg(config.as_os_str()).run().expect(0);
        println!(
            "  (a backup of nothing, which takes them down: {:.2} s)",
            begun.elapsed().as_secs_f64()
        );
    }
}

/// Packs are not written to by anybody, and may be the same ones.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a new folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else if from
            .parent()
            .is_some_and(|folder| folder.ends_with("objects/pack"))
        {
            fs::hard_link(&from, &to).expect("a link to a pack");
        } else {
            fs::copy(&from, &to).expect("a copy");
        }
    }
}

fn listed_and_planned(number: usize) {
    println!("{} listed and planned, none on disk:", count(number));
    let planned = |number: usize| {
        let forge = forge();
        forge.repository(&name_of(0)).commit("one");
        list_more(&forge, 1..number);
        let sandbox = Sandbox::new();
        sandbox.settings(&forge, "options: {backup: {maxRepositories: 1000000}}");
        let settings = fs::read_to_string(sandbox.path("settings.yml")).expect("the settings");
        let settings = settings.replace("    options:", "options:");
        sandbox.write("settings.yml", settings);
        measure(
            "backup --dry-run",
            sandbox.forgekeep(["backup", "--dry-run", "--progress", "none"]),
        )
    };
    planned(number).print(Some(&planned(1)), number);
}

/// What a repository with very many refs takes: new, unchanged, and with one branch more.
fn many_refs(number: usize) {
    println!("one repository with {number} refs:");
    let forge = forge();
    let repository = forge.repository("refs").commit("one");
    let id = repository.rev_parse("HEAD");
    let mut packed = "# pack-refs with: peeled fully-peeled sorted \n".to_owned();
    let mut names: Vec<String> = (0..number)
        .map(|number| format!("refs/heads/topic/{number}"))
        .collect();
    names.push("refs/heads/main".to_owned());
    names.sort_unstable();
    for name in names {
        packed.push_str(&format!("{id} {name}\n"));
    }
    git::run(&repository.git_dir(), &["pack-refs", "--all"]);
    fs::write(repository.git_dir().join("packed-refs"), packed).expect("refs can be written");
    let sandbox = Sandbox::new();
    sandbox.settings(&forge, "");
    let backup = |what: &str| {
        let run = sandbox.forgekeep(["backup", "--progress", "none"]);
        measure(what, run).print(None, 1);
    };
    backup("backup, new");
    backup("backup, unchanged");
    repository.branch("one-more", "HEAD");
    backup("backup, one branch more");
    measure(
        "verify",
        sandbox.forgekeep(["verify", "--progress", "none"]),
    )
    .print(None, 1);
}

fn measure(what: &str, invocation: Invocation<'_>) -> Measured {
    let (run, peak) = Peak::of(invocation.limit(Duration::from_secs(1800)));
    let run = run.expect(0);
    Measured {
        what: what.to_owned(),
        seconds: run.time.as_secs_f64(),
        kilobytes: peak.resident,
    }
}

impl Measured {
    fn print(&self, one: Option<&Self>, number: usize) {
        let megabytes = self.kilobytes as f64 / 1024.0;
        let mut line = format!(
            "  {:<32} {:>7.2} s {megabytes:>8.1} MB",
            self.what, self.seconds
        );
        if let (Some(one), more @ 1..) = (one, number - 1) {
            let microseconds = (self.seconds - one.seconds) * 1e6 / more as f64;
            // The peak of a run that is over at once may be missed.
            let kilobytes = one.kilobytes.max(LEAST);
            let kilobytes = self.kilobytes.saturating_sub(kilobytes) as f64 / more as f64;
            line.push_str(&format!(
                "  ({microseconds:.0} µs and {kilobytes:.2} kB for each repository)"
            ));
        }
        println!("{line}");
    }
}

fn count(number: usize) -> String {
    match number {
        1 => "1 repository".to_owned(),
        _ => format!("{number} repositories"),
    }
}
