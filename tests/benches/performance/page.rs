//! `docs/performance.md`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::thread;

use forgekeep_tests::git;

use crate::stage::{FSYNC, Served};
use crate::table;
use crate::works::{JOBS, LATENCY, gix_version};
use crate::{Measured, forgekeep_version};

/// The page.
pub struct Page {
    /// What was measured and with what.
    pub measured: String,
}

/// What is the same whatever was measured.
const HEAD: &str = "\
# Performance

How long Forgekeep takes for what it does most, beside git and [gitoxide](https://github.com/GitoxideLabs/gitoxide) \
doing the same on the same machine. The table is written by a benchmark that anyone can run, also with repositories \
of one's own ([below](#measure-it-yourself)). **The ratios are what counts**: absolute times are those of one machine.

";

/// The page about what was measured.
pub fn of(measured: &Measured) -> Page {
    let mut text = String::new();
    let mut add = |part: &str| {
        text += part;
        text.push('\n');
    };
    add(&format!("## Measured on {}\n", today()));
    add(&table::times(&measured.works));
    add(
        "Times are from start to end. In parentheses: the processor time (user and system) of the side's own \
         processes, and that of the server's git, which shares the machine with them. *Ratio* is forgekeep against \
         git: time, and in parentheses processor time. *Memory* is the highest peak of `forgekeep`'s own process: \
         resident, with mapped files, and in parentheses the anonymous part of it, as sampled.\n",
    );
    let traffic = table::traffic(&measured.works);
    if traffic.lines().count() > 2 {
        add("Requests to git's addresses, and bytes of the packs that the server sent:\n");
        add(&traffic);
    }
    add("## With what\n");
    add(&machine());
    if let Some(large) = measured.large {
        let kind = match measured.real[0] {
            true => "a real one",
            false => "made up, with folders in folders and small changes to text",
        };
        add(&format!(
            "- The large repository: {kind}; {}.",
            served(large)
        ));
    }
    if let Some(largest) = measured.several.first() {
        let bytes = measured.several.iter().map(|one| one.bytes).sum();
        let kind = if measured.real[1] { "real" } else { "made up" };
        add(&format!(
            "- The {} repositories of the first backup: {kind}; packs of {} together, the largest of {}.",
            measured.several.len(),
            table::bytes(bytes),
            table::bytes(largest.bytes)
        ));
    }
    let rounds = measured.rounds;
    add(&format!(
        "- Medians of {rounds} rounds. In each round every side has its turn, in the other order each second time.\n"
    ));
    Page { measured: text }
}

impl Page {
    /// Writes it to its place.
    pub fn write(&self) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/performance.md");
        let text = format!("{HEAD}{}{}", self.measured, how());
        fs::write(path, text).expect("the page can be written");
    }
}

/// How it is measured.
fn how() -> String {
    format!(
        "## How it is measured

One server on the same machine serves all sides: a small web server with an API like Bitbucket's, which has \
`git http-backend` answer what is git's. Its repositories are packed into one pack each, by `git repack -ad`. \
Nothing else of the network is imitated but, where the table says so, an answer that begins {latency} ms later. \
Forgekeep runs as it is delivered, with its plugin in a process of its own; its time includes start, \
configuration, the listing at the API, reports and state files. git and gitoxide run without anybody's \
configuration and without a listing.

| Work | forgekeep | git | gitoxide |
|---|---|---|---|
| First copy | `backup` into an empty folder, then `sync` | `clone --mirror` with `{FSYNC}`, then `sync` | `clone --bare`, which takes branches and tags alone, then `sync` |
| Verification | `verify`, which also checks refs, snapshots and state files | `fsck --full` in the same mirror | `verify` in the same mirror |
| Update | `backup`, after a commit that adds a line to one file in a folder | `fetch --prune` | `fetch` of the branches |
| First backup of several or many | `backup --jobs 2` or `--jobs {JOBS}`, then `sync` | `xargs -P2` or `xargs -P{JOBS}` with the same `clone`, the largest first, then `sync` | – |
| Unchanged | `backup --full --jobs {JOBS}`, which asks for each repository | `xargs -P{JOBS}` with `fetch --prune` | – |
| Unchanged, not asked | `backup --jobs {JOBS}`, which [asks for none that the listing proves unchanged](unchanged.md) | the same runs of `fetch --prune` | – |

`sync` is that of the file system with all mirrors; the time it takes is part of the time shown. It is also done \
before such a run, outside the time. What each side reads is in the page cache.

Not measured here: other hosters' answers, ssh, TLS, networks that lose packets, disks that are slow.

## Measure it yourself

```sh example
cargo bench -p forgekeep-tests --bench performance
FORGEKEEP_BENCH_REPOSITORY=/srv/git/large.git cargo bench -p forgekeep-tests --bench performance -- large
FORGEKEEP_UPDATE_DOCS=1 cargo bench -p forgekeep-tests --bench performance
```

The first prints the tables, the second those of a bare repository of your own, the third writes this page. \
`FORGEKEEP_BENCH_REPOSITORIES` names several, separated as in `PATH`; `FORGEKEEP_BENCH_MB` says how large the \
made-up one is to be (40), and `FORGEKEEP_BENCH_ROUNDS` how many rounds there are (5). gitoxide's columns are \
filled where its program `gix` is on the `PATH`; processor time and memory on Linux only.

CI compares the processor time of a first copy, a verification and a run without changes with git's on a smaller \
load, and fails at twice the ratio that is kept in `tests/benches/performance/kept.toml`. Nothing fails for the \
time on the clock.
",
        latency = LATENCY.as_millis()
    )
}

fn machine() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let model = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.and_then(|value| value.split_once(": "));
    let mut text = format!(
        "- {cores} processor cores{}, {} on {}.\n",
        model.map_or(String::new(), |(_, model)| format!(" ({})", model.trim())),
        std::env::consts::OS,
        std::env::consts::ARCH
    );
    let git = git::run(Path::new("."), &["--version"]);
    let gix = gix_version().map_or("gitoxide not installed".to_owned(), |version| {
        format!("{version} (gitoxide)")
    });
    let _ = write!(text, "- {}, {git}, {gix}.", forgekeep_version());
    text
}

fn served(repository: Served) -> String {
    format!(
        "a pack of {}, {} objects, {} refs",
        table::bytes(repository.bytes),
        repository.objects,
        repository.refs
    )
}

fn today() -> jiff::civil::Date {
    jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date()
}
