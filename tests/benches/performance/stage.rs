//! A server with repositories, and a place where each side backs them up.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use forgekeep_tests::{Action, Cost, Fault, Forge, Invocation, Repo, RequestKind, Sandbox, git};

/// Longer than any of it takes.
const LONGEST: Duration = Duration::from_secs(1800);

/// The server, and the folder for all sides.
pub struct Stage {
    /// The server.
    pub forge: Forge,
    sandbox: Sandbox,
    slugs: Vec<String>,
}

/// What came of a run.
#[derive(Clone, Copy)]
pub struct Outcome {
    /// What it took.
    pub cost: Cost,
    /// Requests to git's addresses.
    pub git: usize,
    /// Requests to the hoster's API.
    pub api: usize,
    /// Bytes of the packs that were sent.
    pub packs: u64,
}

impl Stage {
    fn new() -> Self {
        let forge = Forge::builder()
            .workspace("acme")
            .api_token("dev@example.com", "devuser", "ATATT-benchmark-token")
            .build();
        let sandbox = Sandbox::new();
        sandbox.settings(&forge, "");
        for folder in ["git", "gix"] {
            fs::create_dir(sandbox.path(folder)).expect("a new folder");
        }
        Self {
            forge,
            sandbox,
            slugs: Vec::new(),
        }
    }

    /// With what is in these repositories, the largest first. They are served as a server's own `git gc` would
    /// have left them.
    pub fn of(paths: &[PathBuf]) -> Self {
        let mut stage = Self::new();
        let mut sizes = Vec::new();
        for (number, path) in paths.iter().enumerate() {
            let slug = format!("large-{number}");
            let repository = stage.forge.repository(&slug);
            let path = fs::canonicalize(path).expect("the repository exists");
            let path = path.to_str().expect("a path in UTF-8");
            let head = git::run(Path::new(path), &["symbolic-ref", "HEAD"]);
            repository
                .git(&["symbolic-ref", "HEAD", &head])
                .git(&["fetch", "-q", "--update-head-ok", path, "+refs/*:refs/*"])
                .git(&["repack", "-adq"])
                .git(&["pack-refs", "--all"]);
            let size = Served::of(repository).bytes;
            repository.size(size);
            sizes.push((size, slug));
        }
        sizes.sort_by(|a, b| b.cmp(a));
        stage.slugs = sizes.into_iter().map(|(_, slug)| slug).collect();
        stage
    }

    /// With so many small ones, whose last changes the hoster shows to be settled.
    pub fn small(count: usize) -> Self {
        let mut stage = Self::new();
        let template = stage.forge.repository("small-0");
        let template = template.commit("one").commit("two");
        stage.forge.copies(template, "small", count - 1);
        stage.forge.set_clock(3600);
        stage.slugs = (0..count).map(|number| format!("small-{number}")).collect();
        stage
    }

    /// Lets each answer come so much later from now on.
    pub fn delay(&self, latency: Duration) {
        for kind in [
            RequestKind::Api,
            RequestKind::InfoRefs,
            RequestKind::UploadPack,
        ] {
            self.forge.inject(Fault::on(kind, Action::Delay(latency)));
        }
    }

    /// The first repository.
    pub fn first(&self) -> Repo<'_> {
        self.forge.repository(&self.slugs[0])
    }

    /// All of them.
    pub fn repositories(&self) -> impl Iterator<Item = Repo<'_>> {
        self.slugs.iter().map(|slug| self.forge.repository(slug))
    }

    /// The mirror that `forgekeep` has of a repository.
    pub fn mirror(&self, repository: Repo<'_>) -> PathBuf {
        let folder = format!("acme/acme#{}/repo", repository.entry().slug);
        self.sandbox.backup().join(folder)
    }

    /// Removes the backup of `forgekeep`: the next one is the first.
    pub fn remove_backup(&self) {
        self.sandbox.remove_backup();
    }

    /// A folder of another side, made empty.
    pub fn empty(&self, side: &str) -> PathBuf {
        let folder = self.sandbox.path(side);
        fs::remove_dir_all(&folder).expect("it was there");
        fs::create_dir(&folder).expect("a new folder");
        folder
    }

    /// A path in the folder of another side.
    pub fn path(&self, side: &str) -> String {
        let path = self.sandbox.path(side);
        path.to_str().expect("a path in UTF-8").to_owned()
    }

    /// A command of `forgekeep`.
    pub fn forgekeep(&self, arguments: &[&str]) -> Invocation<'_> {
        self.sandbox.forgekeep(arguments).limit(LONGEST)
    }

    /// A command of git, or another program that finds it; without anybody's configuration.
    pub fn program(&self, program: &str, arguments: &[&str]) -> Invocation<'_> {
        self.sandbox
            .program(program, arguments)
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .limit(LONGEST)
    }

    /// Clones all repositories with git, so many at a time.
    pub fn clone_all(&self, jobs: usize) -> Invocation<'_> {
        let folder = self.empty("git");
        let mut list = String::new();
        for (number, repository) in self.repositories().enumerate() {
            list += &format!("{} {number}\n", repository.clone_url());
        }
        fs::write(folder.join("list"), list).expect("a file can be written");
        let script = format!(
            "cd git && xargs -P{jobs} -n2 git -c {FSYNC} clone --quiet --mirror <list && rm list"
        );
        self.program("sh", &["-c", &script])
    }

    /// Has git fetch into all its mirrors, so many at a time.
    pub fn fetch_all(&self, jobs: usize) -> Invocation<'_> {
        let script =
            format!("cd git && ls | xargs -P{jobs} -I{{}} git -C {{}} fetch --quiet --prune");
        self.program("sh", &["-c", &script])
    }

    /// Runs a command that has to succeed.
    pub fn measure(&self, invocation: Invocation<'_>) -> Outcome {
        self.forge.reset_log();
        let (run, cost) = Cost::of(invocation);
        run.expect(0);
        let git = [RequestKind::InfoRefs, RequestKind::UploadPack];
        Outcome {
            cost,
            git: git.map(|kind| self.forge.count(kind)).iter().sum(),
            api: self.forge.count(RequestKind::Api),
            packs: self.forge.pack_bytes(),
        }
    }

    /// The same, until all of it is on the disk.
    pub fn measure_synced(&self, invocation: Invocation<'_>) -> Outcome {
        self.sync();
        let mut outcome = self.measure(invocation);
        let begun = Instant::now();
        self.sync();
        outcome.cost.time += begun.elapsed();
        outcome
    }

    /// `sync` of the file system that all sides write to.
    fn sync(&self) {
        let folder = File::open(self.sandbox.path("")).expect("the sandbox is there");
        #[cfg(target_os = "linux")]
        rustix::fs::syncfs(&folder).expect("a file system can be synced");
        #[cfg(not(target_os = "linux"))]
        folder.sync_all().ok();
    }
}

/// What git syncs of a clone.
pub const FSYNC: &str = "core.fsync=pack,pack-metadata";

/// How large a repository is as it is served.
#[derive(Clone, Copy)]
pub struct Served {
    /// Bytes of its packs.
    pub bytes: u64,
    /// Objects in them.
    pub objects: u64,
    /// Refs.
    pub refs: usize,
}

impl Served {
    pub fn of(repository: Repo<'_>) -> Self {
        let text = git::run(&repository.git_dir(), &["count-objects", "-v"]);
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|value| value.trim().parse::<u64>().ok())
                .expect("git tells")
        };
        let refs = git::run(&repository.git_dir(), &["for-each-ref", "--format=x"]);
        Self {
            bytes: field("size-pack:") * 1024,
            objects: field("in-pack:"),
            refs: refs.lines().count(),
        }
    }
}
