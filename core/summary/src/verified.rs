use std::collections::HashMap;
use std::fmt::Write as _;

use forgekeep_failure::{ExitCode, Failure};
use forgekeep_store::health::{Damage, Soundness};
use forgekeep_store::inventory::Kept;
use forgekeep_terminal_text::{Tone, paint};
use forgekeep_untrusted::Show as _;
use forgekeep_verify::Verdict;

use crate::{Tally, text};

/// Damages that are shown of one repository; --json has them all.
const SHOWN: usize = 10;

/// What may come of a repository, in the order of the table.
const OUTCOMES: [(&str, Option<Tone>); 4] = [
    ("sound", Some(Tone::Good)),
    ("damaged", Some(Tone::Bad)),
    ("not in full", Some(Tone::Odd)),
    ("not checked", Some(Tone::Bad)),
];

/// What was to be verified.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'k> {
    /// The repositories.
    pub chosen: &'k [&'k Kept],
    /// Whether they are a part of all.
    pub is_subset: bool,
}

macro_rules! line {
    ($out:ident, $($text:tt)*) => {{
        let _ = writeln!($out, $($text)*);
    }};
}

/// What verifying has found: each damage, a table of the sources, and one line for the whole; of a quiet one that
/// found nothing, nothing.
pub fn of_verdict(
    verdict: &Verdict,
    scope: Scope<'_>,
    quiet: bool,
    width: Option<usize>,
) -> String {
    let Scope { chosen, is_subset } = scope;
    let mut out = String::new();
    for checked in &verdict.repositories {
        let name = checked.name.printable();
        if let Some(failure) = &checked.error {
            let message = format!("{name}: could not be checked: {}", failure.message);
            line!(out, "{}", text::advised("", &message, &failure.hint));
        }
        add_unchecked(&mut out, &name.to_string(), &checked.unchecked);
        if checked.damage.is_empty() {
            continue;
        }
        line!(out, "{name}: {}", paint(Tone::Bad, "damaged"));
        add_damage(&mut out, &checked.damage);
        let hint = "run `forgekeep backup`: it repairs what the hoster still has";
        line!(out, "{}", text::hint(hint, "  "));
    }
    if !verdict.files.is_empty() {
        let damaged = paint(Tone::Bad, "damaged");
        line!(out, "the backup folder's own files: {damaged}");
        add_damage(&mut out, &verdict.files);
        let hint = "move damaged files away; `forgekeep backup` clones a missing repository again, \
            without its history";
        line!(out, "{}", text::hint(hint, "  "));
    }
    for failure in &verdict.unchecked {
        let message = format!(
            "the backup folder's own files: could not be checked: {}",
            failure.message
        );
        line!(out, "{}", text::advised("", &message, &failure.hint));
    }
    if quiet && verdict.exit_code() == ExitCode::Good {
        return out;
    }
    let table = tally(verdict, chosen).shown(width);
    if !table.is_empty() {
        line!(out, "{table}");
    }
    let number = verdict.repositories.len();
    let mut line = text::count(number, "repository", "repositories");
    if verdict.interrupted || verdict.gave_way {
        line.push_str(&format!(" of {}", chosen.len()));
    }
    let objects: u64 = verdict.repositories.iter().map(|r| r.objects).sum();
    let objects = usize::try_from(objects).unwrap_or(usize::MAX);
    let with = |outcome| {
        let all = verdict.repositories.iter();
        all.filter(|checked| checked.outcome == outcome).count()
    };
    let mut came_out = Vec::new();
    for (outcome, words) in [
        (Soundness::Damaged, "damaged"),
        (Soundness::Unchecked, "not checked in full"),
        (Soundness::Failed, "could not be checked"),
    ] {
        if with(outcome) > 0 {
            came_out.push(format!("{} {words}", with(outcome)));
        }
    }
    if came_out.is_empty() {
        let all = match (number, verdict.is_sound()) {
            (0, true) if is_subset => "no repository is in this part",
            (0, true) => "the backup holds none",
            (1.., true) => "all sound",
            (0, false) => "see above what is wrong",
            (1.., false) => "all sound, the backup folder's own files are not",
        };
        came_out.push(all.to_owned());
    }
    let interrupted = match (verdict.interrupted, verdict.gave_way) {
        (true, _) => "interrupted: ",
        (false, true) => "ended early, since another run waits: ",
        (false, false) => "",
    };
    let tone = match verdict.exit_code() {
        ExitCode::Good => Tone::Good,
        ExitCode::Interrupted => Tone::Odd,
        _ => Tone::Bad,
    };
    let objects = text::count(objects, "object", "objects");
    let came_out = came_out.join(", ");
    let line = format!("{interrupted}{line}, {objects} verified: {came_out}");
    line!(out, "{}", paint(tone, line));
    out
}

/// How many of each source came out how.
fn tally(verdict: &Verdict, chosen: &[&Kept]) -> Tally {
    let titles = chosen.iter().map(|kept| (&kept.path, &kept.title));
    let titles: HashMap<_, _> = titles.collect();
    let mut tally = Tally::new(&OUTCOMES);
    for checked in &verdict.repositories {
        let title = titles.get(&checked.path);
        let title = title.map_or_else(String::new, |title| title.shown().to_string());
        let outcome = match checked.outcome {
            Soundness::Sound => "sound",
            Soundness::Damaged => "damaged",
            Soundness::Unchecked => "not in full",
            Soundness::Failed => "not checked",
        };
        tally.add(title, outcome, checked.seconds);
    }
    tally
}

fn add_unchecked(out: &mut String, name: &str, unchecked: &[Failure]) {
    let Some(first) = unchecked.first() else {
        return;
    };
    for failure in unchecked.iter().take(SHOWN) {
        line!(out, "{name}: not checked: {}", failure.message);
    }
    if let Some(more @ 1..) = unchecked.len().checked_sub(SHOWN) {
        line!(out, "  … and {more} more: --json shows them all");
    }
    line!(out, "{}", text::hint(&first.hint, "  "));
}

fn add_damage(out: &mut String, damage: &[Damage]) {
    for damage in damage.iter().take(SHOWN) {
        let object = damage.object.as_deref();
        let object = object.map_or_else(String::new, |object| format!("object {object}: "));
        line!(out, "  {}: {object}{}", damage.file.shown(), damage.what);
    }
    if let Some(more @ 1..) = damage.len().checked_sub(SHOWN) {
        line!(out, "  … and {more} more: --json shows them all");
    }
}
