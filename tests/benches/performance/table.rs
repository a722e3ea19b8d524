//! What was measured, in tables of Markdown.

use std::fmt::Write as _;
use std::time::Duration;

use forgekeep_tests::median;

use crate::stage::Outcome;
use crate::works::Work;

/// Times and memory.
pub fn times(works: &[Work]) -> String {
    let mut rows = vec![
        [
            "Work",
            "forgekeep",
            "git",
            "Ratio",
            "gitoxide",
            "Memory of forgekeep",
        ]
        .map(str::to_owned),
    ];
    for work in works {
        let ratio = format!(
            "{:.2} ({:.2})",
            work.ratio(|one| one.cost.time),
            work.ratio(|one| one.cost.processor)
        );
        rows.push([
            work.shown.clone(),
            spent(&work.ours),
            spent(&work.git),
            ratio,
            spent(&work.gix),
            memory(&work.ours),
        ]);
    }
    table(&rows)
}

/// Requests and packs.
pub fn traffic(works: &[Work]) -> String {
    let mut rows = vec![["Work", "forgekeep", "git", "gitoxide"].map(str::to_owned)];
    for work in works.iter().filter(|work| work.git[0].git > 0) {
        rows.push([
            work.shown.clone(),
            received(&work.ours),
            received(&work.git),
            received(&work.gix),
        ]);
    }
    table(&rows)
}

/// What is aimed at, and how far it is.
pub fn aims(works: &[Work]) -> String {
    let mut text = String::new();
    for work in works {
        let Some(aim) = work.aim else { continue };
        let ratio = work.ratio(|one| one.cost.time);
        let word = if ratio <= aim { "reached" } else { "missed" };
        let _ = writeln!(text, "{}: {ratio:.2}, aim {aim:.2}: {word}", work.name);
    }
    text
}

fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        let _ = writeln!(text, "| {} |", row.join(" | "));
        if number == 0 {
            let _ = writeln!(text, "|{}", "---|".repeat(N));
        }
    }
    text
}

/// Medians of the times.
fn spent(all: &[Outcome]) -> String {
    let Some(first) = all.first() else {
        return "–".to_owned();
    };
    let middle = |of: fn(&Outcome) -> Duration| median(all.iter().map(of)).as_secs_f64();
    let time = middle(|one| one.cost.time);
    let processor = middle(|one| one.cost.processor);
    match first.git + first.api {
        0 => format!("{time:.2} s ({processor:.2} s)"),
        _ => {
            let server = middle(|one| one.cost.server);
            format!("{time:.2} s ({processor:.2} s; server {server:.2} s)")
        }
    }
}

/// The highest of the peaks.
fn memory(all: &[Outcome]) -> String {
    let mega = |kilo: Option<u64>| kilo.unwrap_or_default().div_ceil(1024);
    let resident = mega(all.iter().map(|one| one.cost.peak.resident).max());
    let anonymous = mega(all.iter().map(|one| one.cost.peak.anonymous).max());
    format!("{resident} MB ({anonymous} MB)")
}

/// Medians of what was asked and received.
fn received(all: &[Outcome]) -> String {
    if all.is_empty() {
        return "–".to_owned();
    }
    let git = median(all.iter().map(|one| one.git));
    let api = median(all.iter().map(|one| one.api));
    let packs = median(all.iter().map(|one| one.packs));
    let mut text = git.to_string();
    if api > 0 {
        let _ = write!(text, " + {api} to the API");
    }
    if packs > 0 {
        let _ = write!(text, "; {}", bytes(packs));
    }
    text
}

/// Bytes, for people.
pub fn bytes(count: u64) -> String {
    match count {
        0..10_000 => format!("{count} bytes"),
        10_000..1_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        _ => format!("{:.1} MB", count as f64 / 1e6),
    }
}
