//! What came of a verification or a drill, for whoever is told of it.

use std::path::Path;

use forgekeep_drill::Tried;
use forgekeep_failure::{ErrorKind, ExitCode, Failure};
use forgekeep_store::drills::Drills;
use forgekeep_store::health::{Checked, Damage, Health, Soundness};
use forgekeep_summary::text;
use forgekeep_terminal_text::plain;
use forgekeep_untrusted::Show as _;
use forgekeep_verify::Verdict;
use jiff::Timestamp;

/// A failure in words, without what is for terminals.
fn failure_text(head: &str, failure: &Failure) -> String {
    plain(&text::failure(head, failure)).into_owned()
}

/// Damages and errors that are told of one repository.
const SHOWN: usize = 10;

const REPAIR: &str = "run `forgekeep backup`: it repairs what the hoster still has";

/// What came of a run that was no backup.
pub struct CheckOutcome {
    pub(super) started: Timestamp,
    pub(super) exit_code: ExitCode,
    /// Why it failed, in one line; none where it did not, or was only interrupted.
    pub(super) failure: Option<Failure>,
    /// What failed, by name.
    pub(super) failed: Vec<String>,
    /// All of it, for people.
    pub(super) text: String,
    /// Whether something is known to be wrong still: such a run may have looked at a part only.
    pub(super) is_wrong_still: bool,
}

impl CheckOutcome {
    /// Of one that could not be made.
    pub fn refused(started: Timestamp, exit_code: ExitCode, failure: Failure) -> Self {
        Self {
            started,
            exit_code,
            failed: Vec::new(),
            text: failure_text("", &failure),
            failure: Some(failure),
            is_wrong_still: true,
        }
    }

    /// Of a verification of this backup folder.
    pub fn verified(started: Timestamp, folder: &Path, verdict: &Verdict) -> Self {
        let of = |outcome| {
            let all = verdict.repositories.iter();
            all.filter(move |checked| checked.outcome == outcome)
                .map(|checked| checked.name.shown().to_string())
                .collect::<Vec<_>>()
        };
        let damaged = of(Soundness::Damaged);
        let unchecked = [of(Soundness::Failed), of(Soundness::Unchecked)].concat();
        let (files, own) = (verdict.files.len(), "of the backup folder's own");
        let mut parts = Vec::new();
        if !damaged.is_empty() {
            parts.push(counted(&damaged, "is damaged", "are damaged"));
        }
        match files {
            0 => {}
            1 => parts.push(format!("1 file {own} is damaged")),
            files => parts.push(format!("{files} files {own} are damaged")),
        }
        if !unchecked.is_empty() {
            parts.push(counted(
                &unchecked,
                "could not be checked in full",
                "could not be checked in full",
            ));
        }
        if !verdict.unchecked.is_empty() {
            parts.push(format!("files {own} could not be checked"));
        }
        let failure = (!parts.is_empty()).then(|| {
            let kind = match verdict.is_damaged() {
                true => ErrorKind::Damaged,
                false => ErrorKind::Disk,
            };
            Failure::new(kind, parts.join("; ")).with_hint(REPAIR)
        });
        Self {
            started,
            exit_code: verdict.exit_code(),
            failure,
            text: text_of(verdict),
            failed: [damaged, unchecked].concat(),
            is_wrong_still: !verdict.is_sound() || is_damaged(folder),
        }
    }

    /// Of a drill of this backup folder; `is_good_there` is what came of it at a hoster, if it was asked for.
    pub fn drilled(
        started: Timestamp,
        exit_code: ExitCode,
        folder: &Path,
        tried: &[Tried],
        is_good_there: bool,
    ) -> Self {
        let bad: Vec<&Tried> = tried.iter().filter(|one| !one.good).collect();
        let failed: Vec<String> = bad.iter().map(|one| one.name.shown().to_string()).collect();
        let mut parts = Vec::new();
        if !failed.is_empty() {
            let words = "did not come back as it was";
            parts.push(counted(&failed, words, "did not come back as they were"));
        }
        if !is_good_there {
            parts.push("what was brought back at the hoster is not as it was".to_owned());
        }
        let hint =
            "run `forgekeep verify`, then `forgekeep backup`: it repairs what the hoster still has";
        let failure = (!parts.is_empty())
            .then(|| Failure::new(ErrorKind::Damaged, parts.join("; ")).with_hint(hint));
        let mut text = failure
            .as_ref()
            .map_or_else(String::new, |failure| failure_text("", failure) + "\n");
        for one in bad {
            for part in &one.parts {
                for failure in part.errors.iter().take(SHOWN) {
                    let name = one.name.shown();
                    text.push_str(&format!("{name}, {}: {}\n", part.part, failure.message));
                }
            }
        }
        let is_bad = |drills: Drills| drills.repositories().iter().any(|known| !known.good);
        Self {
            started,
            exit_code,
            failure,
            failed,
            text,
            is_wrong_still: Drills::read(folder).map_or(true, is_bad),
        }
    }
}

fn counted(names: &[String], one: &str, several: &str) -> String {
    match names {
        [name] => format!("{name} {one}"),
        names => {
            let shown = names.iter().take(3).map(String::as_str);
            let shown = shown.collect::<Vec<_>>().join(", ");
            let more = match names.len() {
                0..=3 => String::new(),
                number => format!(" and {} more", number - 3),
            };
            format!("{} repositories {several}: {shown}{more}", names.len())
        }
    }
}

fn is_damaged(folder: &Path) -> bool {
    let is_damaged = |health: Health| {
        let mut known = health.repositories().iter();
        known.any(|known| !known.damage.is_empty())
    };
    Health::read(folder).map_or(true, is_damaged)
}

fn text_of(verdict: &Verdict) -> String {
    let mut text = String::new();
    for checked in &verdict.repositories {
        if checked.outcome != Soundness::Sound {
            text.push_str(&of_repository(checked));
        }
    }
    if !verdict.files.is_empty() {
        text.push_str("the backup folder's own files: damaged\n");
        text.push_str(&of_damage(&verdict.files));
    }
    for failure in &verdict.unchecked {
        text.push_str(&failure_text("the backup folder's own files: ", failure));
        text.push('\n');
    }
    if verdict.is_damaged() {
        text.push_str(&format!("hint: {REPAIR}\n"));
    }
    text
}

fn of_repository(checked: &Checked) -> String {
    let name = checked.name.shown();
    let mut text = String::new();
    if let Some(failure) = &checked.error {
        text.push_str(&format!(
            "{name}: could not be checked: {}\n",
            failure.message
        ));
    }
    for failure in checked.unchecked.iter().take(SHOWN) {
        text.push_str(&format!("{name}: not checked: {}\n", failure.message));
    }
    if !checked.damage.is_empty() {
        text.push_str(&format!("{name}: damaged\n{}", of_damage(&checked.damage)));
    }
    text
}

fn of_damage(damage: &[Damage]) -> String {
    let mut text = String::new();
    for damage in damage.iter().take(SHOWN) {
        let object = damage.object.as_deref();
        let object = object.map_or_else(String::new, |object| format!("object {object}: "));
        text.push_str(&format!(
            "  {}: {object}{}\n",
            damage.file.shown(),
            damage.what
        ));
    }
    if let Some(more @ 1..) = damage.len().checked_sub(SHOWN) {
        text.push_str(&format!("  … and {more} more\n"));
    }
    text
}
