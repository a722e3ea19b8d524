//! The works that are measured, each side in turn.

use std::time::Duration;

use forgekeep_tests::{Repo, compare, git, median};

use crate::stage::{FSYNC, Outcome, Stage};

/// How many small repositories are backed up at a time, by either side.
pub const JOBS: usize = 8;
/// What each answer takes longer where the network is imitated.
pub const LATENCY: Duration = Duration::from_millis(50);

/// What gitoxide is told to fetch: its bare clones remember nothing of it.
const REFS: &str = "+refs/heads/*:refs/heads/*";

/// Who does a work.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Forgekeep,
    /// Without asking git for what the listing proves unchanged.
    Skipping,
    Git,
    Gix,
}

/// A work, and what came of each of its runs.
pub struct Work {
    /// A short name.
    pub name: &'static str,
    /// What is done.
    pub shown: String,
    /// How much of git's time it may take at most, of those of the project's aims that have a number.
    pub aim: Option<f64>,
    /// Of ours.
    pub ours: Vec<Outcome>,
    /// Of git.
    pub git: Vec<Outcome>,
    /// Of gitoxide; none where it is not installed or does no such work.
    pub gix: Vec<Outcome>,
}

impl Work {
    /// Ours against git's, medians of something.
    pub fn ratio(&self, of: impl Fn(&Outcome) -> Duration) -> f64 {
        let [ours, git] = [&self.ours, &self.git].map(|all| median(all.iter().map(&of)));
        ours.as_secs_f64() / git.as_secs_f64()
    }
}

/// Runs of a side.
type Runs<'a> = (Side, Box<dyn FnMut() -> Outcome + 'a>);

/// All sides in turn, in the other order each second round, so that the machine's mood falls on all of them.
struct Turns<'a> {
    rounds: usize,
    /// What happens before a round.
    before: Box<dyn FnMut(usize) + 'a>,
    sides: Vec<Runs<'a>>,
}

impl<'a> Turns<'a> {
    fn new(rounds: usize) -> Self {
        Self {
            rounds,
            before: Box::new(|_| {}),
            sides: Vec::new(),
        }
    }

    fn before(mut self, before: impl FnMut(usize) + 'a) -> Self {
        self.before = Box::new(before);
        self
    }

    fn side(mut self, side: Side, run: impl FnMut() -> Outcome + 'a) -> Self {
        self.sides.push((side, Box::new(run)));
        self
    }

    /// gitoxide's, where it is.
    fn gix(self, run: impl FnMut() -> Outcome + 'a) -> Self {
        match gix_version() {
            Some(_) => self.side(Side::Gix, run),
            None => self,
        }
    }

    /// What came of each side.
    fn run(mut self, shown: &str) -> Outcomes {
        println!("{shown}");
        let mut all: Vec<(Side, Outcome)> = Vec::new();
        for round in 1..=self.rounds {
            (self.before)(round);
            let mut line = format!("  round {round}:");
            for (side, run) in &mut self.sides {
                let outcome = run();
                let name = match side {
                    Side::Forgekeep => "forgekeep",
                    Side::Skipping => "forgekeep, skipping",
                    Side::Git => "git",
                    Side::Gix => "gix",
                };
                let [time, processor, server] = [
                    outcome.cost.time,
                    outcome.cost.processor,
                    outcome.cost.server,
                ]
                .map(|time| time.as_secs_f64());
                line += &format!(" {name} {time:.2} s ({processor:.2} s; server {server:.2} s);");
                all.push((*side, outcome));
            }
            println!("{}", line.trim_end_matches(';'));
            self.sides.reverse();
        }
        Outcomes(all)
    }
}

/// What came of all sides.
struct Outcomes(Vec<(Side, Outcome)>);

impl Outcomes {
    fn of(&self, side: Side) -> Vec<Outcome> {
        let of = self.0.iter().filter(|(of, _)| *of == side);
        of.map(|(_, outcome)| *outcome).collect()
    }

    /// As that of a work, of which this side is ours.
    fn of_work(&self, name: &'static str, shown: String, aim: Option<f64>, ours: Side) -> Work {
        Work {
            name,
            shown,
            aim,
            ours: self.of(ours),
            git: self.of(Side::Git),
            gix: self.of(Side::Gix),
        }
    }
}

/// The version of gitoxide's program, where it is.
pub fn gix_version() -> Option<String> {
    let output = std::process::Command::new("gix").arg("--version").output();
    let output = output.ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Backs up a single repository for the first time.
pub fn first_copy(stage: &Stage, rounds: usize) -> Work {
    let shown = "First copy of one large repository";
    let repository = stage.first();
    let url = repository.clone_url();
    let of = Turns::new(rounds)
        .side(Side::Forgekeep, || {
            stage.remove_backup();
            stage.measure_synced(stage.forgekeep(&["backup"]))
        })
        .side(Side::Git, || {
            stage.empty("git");
            let clone = ["-c", FSYNC, "clone", "--quiet", "--mirror", &url, "git/0"];
            stage.measure_synced(stage.program("git", &clone))
        })
        .gix(|| {
            stage.empty("gix");
            let clone = ["--no-verbose", "clone", "--bare", &url, "gix/0"];
            stage.measure_synced(stage.program("gix", &clone))
        })
        .run(shown);
    compare::assert_mirror(&repository.git_dir(), &stage.mirror(repository));
    of.of_work("first-copy", shown.to_owned(), Some(0.5), Side::Forgekeep)
}

/// Reads and hashes every object of the mirror that [`first_copy`] has left; all sides the same files.
pub fn verify(stage: &Stage, rounds: usize) -> Work {
    let shown = "Verification of its mirror";
    let mirror = stage.mirror(stage.first());
    let mirror = mirror.to_str().expect("a path in UTF-8");
    let of = Turns::new(rounds)
        .side(Side::Forgekeep, || {
            stage.measure(stage.forgekeep(&["verify"]))
        })
        .side(Side::Git, || {
            let fsck = ["-C", mirror, "fsck", "--full", "--no-progress"];
            stage.measure(stage.program("git", &fsck))
        })
        .gix(|| {
            let verify = ["--no-verbose", "-r", mirror, "verify"];
            stage.measure(stage.program("gix", &verify))
        })
        .run(shown);
    of.of_work(
        "verify",
        format!("{shown} (git: `fsck --full`)"),
        Some(0.25),
        Side::Forgekeep,
    )
}

/// Takes over one new commit into the mirrors that [`first_copy`] has left.
pub fn update(stage: &Stage, rounds: usize) -> Work {
    let shown = "Update of it by one commit";
    let repository = stage.first();
    let url = repository.clone_url();
    let (git_mirror, gix_mirror) = (stage.path("git/0"), stage.path("gix/0"));
    let of = Turns::new(rounds)
        .before(|round| push(repository, round))
        .side(Side::Forgekeep, || {
            stage.measure(stage.forgekeep(&["backup"]))
        })
        .side(Side::Git, || {
            let fetch = ["-C", &git_mirror, "fetch", "--quiet", "--prune"];
            stage.measure(stage.program("git", &fetch))
        })
        .gix(|| {
            let fetch = ["--no-verbose", "-r", &gix_mirror, "fetch", "-r", &url, REFS];
            stage.measure(stage.program("gix", &fetch))
        })
        .run(shown);
    compare::assert_mirror(&repository.git_dir(), &stage.mirror(repository));
    of.of_work("update", shown.to_owned(), Some(1.0), Side::Forgekeep)
}

/// Adds a line to the file that is in the middle of all.
fn push(repository: Repo<'_>, round: usize) {
    let folder = repository.git_dir();
    let all = git::run(&folder, &["ls-tree", "-r", "HEAD"]);
    let is_text = |line: &&str| line.starts_with("100644 blob ") && !line.ends_with('"');
    let all: Vec<_> = all.lines().filter(is_text).collect();
    let (about, path) = all[all.len() / 2].split_once('\t').expect("git's form");
    let blob = about.split(' ').nth(2).expect("git's form");
    let content = git::run(&folder, &["cat-file", "blob", blob]);
    let content = format!("{content}\none line more, in round {round}\n");
    let branch = git::run(&folder, &["symbolic-ref", "HEAD"]);
    let stream = format!(
        "commit {branch}\ncommitter Ada <ada@example.com> {} +0000\ndata 4\nmore\nfrom {branch}^0\n\
         M 100644 inline {path}\ndata {}\n{content}\n",
        1_700_000_000 + round,
        content.len()
    );
    let import = ["fast-import", "--quiet"];
    git::run_with_input(&folder, &import, stream.as_bytes());
    // The hoster notices.
    repository.git(&["rev-parse", "HEAD"]);
}

/// Backs up several repositories for the first time, two at a time.
pub fn several(stage: &Stage, rounds: usize) -> Work {
    let count = stage.repositories().count();
    let shown = format!("First backup of {count} repositories, 2 at a time");
    let of = first_backup(stage, rounds, 2, &shown);
    of.of_work("several", shown, Some(0.5), Side::Forgekeep)
}

/// Backs up many small repositories for the first time.
pub fn first_of_small(stage: &Stage, rounds: usize) -> Work {
    let count = stage.repositories().count();
    let shown = format!("First backup of {count} small repositories, {JOBS} at a time");
    let of = first_backup(stage, rounds, JOBS, &shown);
    of.of_work("first-of-small", shown, None, Side::Forgekeep)
}

fn first_backup(stage: &Stage, rounds: usize, jobs: usize, shown: &str) -> Outcomes {
    let number = jobs.to_string();
    Turns::new(rounds)
        .side(Side::Forgekeep, || {
            stage.remove_backup();
            stage.measure_synced(stage.forgekeep(&["backup", "--jobs", &number]))
        })
        .side(Side::Git, || stage.measure_synced(stage.clone_all(jobs)))
        .run(shown)
}

/// Looks for changes in many small repositories that have none, after [`first_of_small`]: all asked, and with
/// those left out that the listing proves unchanged.
pub fn unchanged(stage: &Stage, rounds: usize, latency: Option<Duration>) -> [Work; 2] {
    let count = stage.repositories().count();
    let mut shown = format!("{count} small repositories unchanged, {JOBS} at a time");
    if let Some(latency) = latency {
        shown += &format!(", {} ms later each answer", latency.as_millis());
    }
    // What is asked for the first time is known from then on.
    let asking = ["backup", "--full", "--jobs", &JOBS.to_string()];
    let skipping = ["backup", "--jobs", &JOBS.to_string()];
    stage.measure(stage.forgekeep(&asking));
    let asked = stage.measure(stage.forgekeep(&skipping)).git;
    assert_eq!(asked, 0, "the listing proves that nothing has changed");
    if let Some(latency) = latency {
        stage.delay(latency);
    }
    let of = Turns::new(rounds)
        .side(Side::Forgekeep, || stage.measure(stage.forgekeep(&asking)))
        .side(Side::Git, || stage.measure(stage.fetch_all(JOBS)))
        .side(Side::Skipping, || stage.measure(stage.forgekeep(&skipping)))
        .run(&shown);
    stage.forge.clear_faults();
    let aim = |aim| latency.map(|_| aim);
    let names = match latency {
        Some(_) => ["unchanged-later", "skipped-later"],
        None => ["unchanged", "skipped"],
    };
    let skipped = format!("{shown}; not asked where the listing proves it");
    [
        of.of_work(names[0], shown, aim(0.25), Side::Forgekeep),
        of.of_work(names[1], skipped, aim(0.05), Side::Skipping),
    ]
}
