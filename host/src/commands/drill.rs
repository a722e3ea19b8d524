mod hoster;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU64, AtomicUsize};

use forgekeep_command_line::{Common, DrillArguments, ProgressMode};
use forgekeep_documents::DrillDocument;
use forgekeep_drill::{Drill, Room, Tried, drilled};
use forgekeep_durable::umask::OfBackup;
use forgekeep_failure::{Cancel, ErrorKind, Failure};
use forgekeep_git::packs::bytes_of_packs;
use forgekeep_recovery::drill::DrilledAt;
use forgekeep_store::drills::Drills;
use forgekeep_store::inventory::Kept;
use forgekeep_summary::{Tally, text};
use forgekeep_telling::{CheckOutcome, RunKind};
use forgekeep_terminal_text::{Tone, paint};
use forgekeep_untrusted::Show as _;
use jiff::Timestamp;

use super::checked::CheckRun;
use super::offline::AUTO;
use super::target::AtTarget;
use crate::exit::{Complaint, ExitCode};
use crate::progress::{self, WorkDone};
use crate::terminal::{say, stdout_width, tell};

/// With `--subset auto`, so many drills bring everything back once.
const DRILLS_FOR_ALL: usize = 30;

/// `forgekeep drill`.
pub fn run(common: &Common, arguments: &DrillArguments) -> Result<ExitCode, Complaint> {
    let run = CheckRun::begin(common, &arguments.place, RunKind::Drill);
    made(common, arguments, &run).map_err(|complaint| run.refused(complaint))
}

fn made(
    common: &Common,
    arguments: &DrillArguments,
    run: &CheckRun<'_>,
) -> Result<ExitCode, Complaint> {
    let subset = match arguments.subset.as_deref() {
        None | Some(AUTO) => None,
        Some(text) => Some(super::offline::subset(
            text,
            "write it as --subset 3/7: the third of seven parts, or --subset auto",
        )?),
    };
    let (folder, options) = super::offline::folder_and_options(common, &arguments.place)?;
    super::owner::refuse_root(&folder)?;
    let _umask = OfBackup::set(options.backup.umask);
    let all = super::offline::backup(&folder)?;
    let mut may_write = true;
    let mut drills = Drills::read(&folder).unwrap_or_else(|failure| {
        tell!("{}", text::warning(&failure));
        // What a newer version wrote is not for this one to replace.
        may_write = failure.kind == ErrorKind::Damaged;
        Drills::nothing(&folder)
    });
    let mut chosen = super::offline::chosen(&all, &arguments.repositories, subset)?;
    if arguments.subset.as_deref() == Some(AUTO) {
        chosen = longest_ago(chosen, &drills);
    }
    // Before anything is brought back: what cannot work is told at once.
    let target = arguments.to_hoster.as_deref();
    let target = target.map(|title| AtTarget::configured(common, &arguments.place, title));
    let target = target.transpose()?;
    let opened = target.as_ref().map(|target| hoster::open(target, &chosen));
    let opened = opened.transpose()?;
    let cancel = match &target {
        Some(target) => target.engine.cancel(),
        None => Cancel::new(),
    };
    match &target {
        Some(target) => super::end_on_signal(&target.engine)?,
        None => {
            let on_signal = cancel.clone();
            super::on_signal(move || on_signal.cancel())?;
        }
    }
    let room = Room::new(&folder, arguments.temp.as_deref()).map_err(complaint)?;
    let copied = AtomicU64::new(0);
    let drill = Drill {
        room: &room,
        object_bytes: options.limits.object_bytes,
        cancel: &cancel,
        copied: Some(&copied),
    };
    let how_far = HowFar::of(&chosen);
    let all_bytes = how_far.sizes.iter().sum();
    let bar = progress::bar(
        ProgressMode::Auto,
        common,
        "repositories",
        chosen.len(),
        all_bytes,
    );
    let mut tried = Vec::new();
    bar.showing(
        || how_far.now(&copied),
        || {
            for kept in &chosen {
                match drill.repository(kept) {
                    Ok(one) => {
                        if !arguments.json {
                            print(common, &one);
                        }
                        drills.set(drilled(kept, &one));
                        tried.push(one);
                        how_far.next(&copied);
                    }
                    // Only that: nothing else ends a drill.
                    Err(_) => break,
                }
            }
        },
    );
    drop(room);
    if may_write
        && !tried.is_empty()
        && let Err(failure) = drills.write()
    {
        tell!("{}", text::warning(&failure));
    }
    let at_target = match (&target, &opened) {
        (Some(target), Some(opened)) if !cancel.is_cancelled() => {
            Some(hoster::run(common, target, opened, &all, arguments.json))
        }
        _ => None,
    };
    if let Some(Err(complaint)) = at_target {
        // What was found here is said all the same.
        match arguments.json {
            true => {
                let failed = Some(Err(complaint.to_failure()));
                super::print_json(&DrillDocument::new(complaint.ending, &tried, failed))?;
            }
            false => conclude(&tried, &chosen, false),
        }
        return Err(complaint);
    }
    let at_target = at_target.transpose()?;
    let is_good_there = at_target.as_ref().is_none_or(DrilledAt::is_good);
    let ending = ending(&tried, cancel.is_cancelled(), is_good_there);
    if arguments.json {
        super::print_json(&DrillDocument::new(
            ending,
            &tried,
            at_target.as_ref().map(Ok),
        ))?;
    } else if !common.quiet || ending != ExitCode::Good {
        conclude(&tried, &chosen, cancel.is_cancelled());
    }
    let outcome = CheckOutcome::drilled(run.started, ending, &folder, &tried, is_good_there);
    run.end(outcome, &cancel);
    Ok(ending)
}

/// A thirtieth of all, and one at least: those first that were never brought back, then by the last time.
fn longest_ago<'k>(mut all: Vec<&'k Kept>, drills: &Drills) -> Vec<&'k Kept> {
    let last: BTreeMap<_, Option<Timestamp>> = all
        .iter()
        .map(|kept| {
            let known = drills.of(&kept.title, kept.id(), &kept.path);
            (kept.path.clone(), known.map(|known| known.drilled))
        })
        .collect();
    all.sort_by_key(|kept| (last.get(&kept.path).copied().flatten(), kept.path.clone()));
    all.truncate(all.len().div_ceil(DRILLS_FOR_ALL));
    all
}

/// How far a drill is: one repository after the other is copied, some of them twice.
struct HowFar {
    sizes: Vec<u64>,
    done: AtomicUsize,
    /// What had been copied when the present one was begun with.
    before: AtomicU64,
}

impl HowFar {
    fn of(chosen: &[&Kept]) -> Self {
        let size = |kept: &&Kept| {
            let parts = kept.parts();
            parts.map(|part| bytes_of_packs(&part.folder)).sum()
        };
        Self {
            sizes: chosen.iter().map(size).collect(),
            done: AtomicUsize::new(0),
            before: AtomicU64::new(0),
        }
    }

    fn next(&self, copied: &AtomicU64) {
        self.before.store(copied.load(Relaxed), Relaxed);
        self.done.fetch_add(1, Relaxed);
    }

    fn now(&self, copied: &AtomicU64) -> WorkDone {
        let done = self.done.load(Relaxed);
        let before: u64 = self.sizes.iter().take(done).sum();
        let size = self.sizes.get(done).copied().unwrap_or(0);
        let copied = copied
            .load(Relaxed)
            .saturating_sub(self.before.load(Relaxed));
        WorkDone {
            number: done as u64,
            bytes: before + copied.min(size),
        }
    }
}

fn complaint(failure: Failure) -> Complaint {
    Complaint {
        kind: failure.kind,
        ..Complaint::new(ExitCode::Partial, failure.message, failure.hint)
    }
}

fn ending(tried: &[Tried], interrupted: bool, is_good_there: bool) -> ExitCode {
    match is_good_there && tried.iter().all(|one| one.good) {
        _ if interrupted => ExitCode::Interrupted,
        true => ExitCode::Good,
        false => ExitCode::Partial,
    }
}

fn print(common: &Common, tried: &Tried) {
    let name = tried.name.printable();
    if tried.good {
        if !common.quiet {
            let refs = tried.parts.iter().map(|part| part.refs).max().unwrap_or(0);
            tell!(
                "{name}: brought back as it was ({}, {})",
                text::count(refs, "ref", "refs"),
                text::count(tried.parts.len(), "state", "states")
            );
        }
        return;
    }
    say!(
        "{name}: {}",
        paint(Tone::Bad, "did not come back as it was")
    );
    for part in &tried.parts {
        for failure in &part.errors {
            let snapshot = part
                .snapshot
                .as_ref()
                .map_or_else(String::new, |id| format!(" at {id}"));
            let message = format!("{}{snapshot}: {}", part.part, failure.message);
            say!("{}", text::advised("  ", &message, &failure.hint));
        }
    }
}

fn conclude(tried: &[Tried], chosen: &[&Kept], interrupted: bool) {
    let mut tally = Tally::new(&[
        ("as it was", Some(Tone::Good)),
        ("not as it was", Some(Tone::Bad)),
    ]);
    // They were tried in this order.
    for (one, kept) in tried.iter().zip(chosen) {
        let outcome = if one.good {
            "as it was"
        } else {
            "not as it was"
        };
        tally.add(kept.title.shown().to_string(), outcome, one.seconds);
    }
    let table = tally.shown(stdout_width());
    if !table.is_empty() {
        say!("{table}");
    }
    let (number, wanted) = (tried.len(), chosen.len());
    let failed = tried.iter().filter(|one| !one.good).count();
    let mut line = text::count(number, "repository", "repositories");
    if interrupted {
        line = format!("interrupted: {line} of {wanted}");
    }
    match (number, failed) {
        (0, _) => say!("{line}: nothing was brought back"),
        (_, 0) => say!("{line}: all brought back as they were, and removed again"),
        _ => {
            let failed = format!("{failed} did not come back as they were");
            say!("{line}: {}", paint(Tone::Bad, failed));
        }
    }
}
