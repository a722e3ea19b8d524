use std::fmt::Write as _;

use forgekeep_recovery::report::{RepositoryRestored, RestoreOutcome, RestoreReport};
use forgekeep_terminal_text::{Tone, paint};
use forgekeep_untrusted::{Show as _, Shown};

use crate::{Tally, text};

/// What came of a repository, in a line.
pub fn of_restored(restored: &RepositoryRestored) -> String {
    let mut line = format!(
        "{} (source {})",
        restored.name.shown(),
        restored.source.shown()
    );
    if let Some(at) = &restored.target {
        line.push_str(&format!(" -> {}", at.name.shown()));
    }
    let refs = text::count(restored.refs.there, "ref", "refs");
    let what = match restored.outcome {
        RestoreOutcome::Planned => {
            let sent = restored.refs.wanted - restored.refs.at_home - restored.refused.len();
            format!("would be restored, {}", text::count(sent, "ref", "refs"))
        }
        RestoreOutcome::Restored => format!("restored, {refs}"),
        RestoreOutcome::Present => format!("already there, {refs}"),
        RestoreOutcome::Partial => format!("restored in part, {refs}"),
        RestoreOutcome::Failed => paint(Tone::Bad, "failed"),
        RestoreOutcome::NotThen => "left out, it was not there at that time".to_owned(),
        RestoreOutcome::NotDone => "not begun".to_owned(),
    };
    line.push_str(&format!(": {what}"));
    line
}

/// What there is to say of a repository beyond its line.
pub fn details_of_restored(restored: &RepositoryRestored) -> Vec<String> {
    let mut lines = Vec::new();
    let name = restored.name.shown();
    if let Some(failure) = &restored.error {
        let failure = failure.clone().while_doing(&name.to_string());
        lines.push(text::failure("", &failure));
    }
    for refused in &restored.refused {
        lines.push(format!(
            "{name}: refused: {}: {}",
            refused.name, refused.why
        ));
    }
    if let Some(wiki) = &restored.wiki {
        lines.push(format!("{name}: wiki: {wiki}"));
    }
    for note in &restored.notes {
        lines.push(format!("{name}: note: {note}"));
    }
    lines
}

/// What may come of a repository, in the order of the table.
const OUTCOMES: [(RestoreOutcome, &str, Option<Tone>); 7] = [
    (RestoreOutcome::Planned, "planned", None),
    (RestoreOutcome::Restored, "restored", Some(Tone::Good)),
    (RestoreOutcome::Present, "already there", Some(Tone::Good)),
    (RestoreOutcome::Partial, "in part", Some(Tone::Odd)),
    (RestoreOutcome::Failed, "failed", Some(Tone::Bad)),
    (RestoreOutcome::NotThen, "left out", None),
    (RestoreOutcome::NotDone, "not begun", Some(Tone::Odd)),
];

/// How many of each source came out how.
fn tally(report: &RestoreReport) -> Tally {
    let mut tally = Tally::new(&OUTCOMES.map(|(_, word, tone)| (word, tone)));
    for one in &report.repositories {
        let known = OUTCOMES.iter().find(|(of, ..)| *of == one.outcome);
        let word = known.map_or("", |(_, word, _)| *word);
        tally.add(one.source.shown().to_string(), word, 0.0);
    }
    tally
}

/// What came of it all: a table of the sources, and a line for the whole.
pub fn of_restore(report: &RestoreReport, width: Option<usize>) -> String {
    let mut out = tally(report).shown(width);
    if !out.is_empty() {
        out.push('\n');
    }
    let count = |outcome: RestoreOutcome| {
        let all = report.repositories.iter();
        all.filter(|one| one.outcome == outcome).count()
    };
    let mut parts = Vec::new();
    for (outcome, what) in [
        (RestoreOutcome::Planned, "would be restored"),
        (RestoreOutcome::Restored, "restored"),
        (RestoreOutcome::Present, "already there"),
        (RestoreOutcome::Partial, "restored in part"),
        (RestoreOutcome::Failed, "failed"),
        (RestoreOutcome::NotThen, "left out"),
        (RestoreOutcome::NotDone, "not begun"),
    ] {
        let number = count(outcome);
        if number > 0 {
            parts.push(format!("{number} {what}"));
        }
    }
    if parts.is_empty() {
        parts.push("nothing to restore".to_owned());
    }
    let target = &report.target;
    let _ = writeln!(
        out,
        "{} ({} at {}): {}",
        target.title,
        target.name,
        Shown::of(&target.hoster),
        parts.join(", ")
    );
    if report.dry_run {
        let expected = &report.expected;
        let _ = writeln!(
            out,
            "expected: {} to make, up to {}, about {}; nothing was made",
            text::count(expected.repositories, "repository", "repositories"),
            text::bytes(expected.bytes),
            duration(expected.seconds)
        );
    }
    out
}

/// A time for a person, in the unit that says most.
fn duration(seconds: u64) -> String {
    let number = |of: u64| usize::try_from(of).unwrap_or(usize::MAX);
    match seconds {
        0..=119 => text::count(number(seconds), "second", "seconds"),
        120..=7199 => text::count(number(seconds.div_ceil(60)), "minute", "minutes"),
        _ => text::count(number(seconds.div_ceil(3600)), "hour", "hours"),
    }
}
