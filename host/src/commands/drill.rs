mod hoster;

use std::collections::BTreeMap;

use forgekeep_command_line::{Common, DrillArguments};
use forgekeep_documents::DrillDocument;
use forgekeep_drill::{Drill, Room, Tried, drilled};
use forgekeep_durable::umask::OfBackup;
use forgekeep_failure::{Cancel, ErrorKind, Failure};
use forgekeep_recovery::drill::DrilledAt;
use forgekeep_store::drills::Drills;
use forgekeep_store::inventory::Kept;
use forgekeep_summary::text;
use forgekeep_telling::{CheckOutcome, RunKind};
use jiff::Timestamp;

use super::checked::CheckRun;
use super::offline::AUTO;
use super::target::AtTarget;
use crate::exit::{Complaint, ExitCode};
use crate::terminal::{out, tell};

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
        tell!("warning: {}", text::failure("", &failure));
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
    let drill = Drill {
        room: &room,
        object_bytes: options.limits.object_bytes,
        cancel: &cancel,
    };
    let mut tried = Vec::new();
    for kept in &chosen {
        match drill.repository(kept) {
            Ok(one) => {
                if !arguments.json {
                    print(common, &one);
                }
                drills.set(drilled(kept, &one));
                tried.push(one);
            }
            // Only that: nothing else ends a drill.
            Err(_) => break,
        }
    }
    drop(room);
    if may_write
        && !tried.is_empty()
        && let Err(failure) = drills.write()
    {
        tell!("warning: {}", text::failure("", &failure));
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
            false => conclude(&tried, chosen.len(), false),
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
        conclude(&tried, chosen.len(), cancel.is_cancelled());
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
    out!("{name}: did not come back as it was");
    for part in &tried.parts {
        for failure in &part.errors {
            let snapshot = part
                .snapshot
                .as_ref()
                .map_or_else(String::new, |id| format!(" at {id}"));
            out!("  {}{snapshot}: {}", part.part, failure.message);
            if !failure.hint.is_empty() {
                out!("    hint: {}", failure.hint);
            }
        }
    }
}

fn conclude(tried: &[Tried], wanted: usize, interrupted: bool) {
    let number = tried.len();
    let failed = tried.iter().filter(|one| !one.good).count();
    let mut line = text::count(number, "repository", "repositories");
    if interrupted {
        line = format!("interrupted: {line} of {wanted}");
    }
    match (number, failed) {
        (0, _) => out!("{line}: nothing was brought back"),
        (_, 0) => out!("{line}: all brought back as they were, and removed again"),
        _ => out!("{line}: {failed} did not come back as they were"),
    }
}
