//! `forgekeep drill --to-hoster`.

use std::collections::BTreeMap;

use forgekeep_command_line::Common;
use forgekeep_durable::lock::RunLock;
use forgekeep_engine::run::OpenTarget;
use forgekeep_recovery::drill::{DrilledAt, drill, name, remove_leftovers, smallest};
use forgekeep_recovery::{NoPlan, Order, check_target, place};
use forgekeep_restore_notes::Notes;
use forgekeep_store::inventory::Kept;
use forgekeep_summary::text;
use forgekeep_untrusted::Show as _;
use jiff::Timestamp;

use crate::commands::target::{AtTarget, no_plan, of_run};
use crate::exit::{Complaint, ExitCode};
use crate::terminal::{say, tell};

/// A target, and what is drilled with: found out before anything is brought back here.
pub struct Opened<'k> {
    kept: &'k Kept,
    target: OpenTarget,
    notes: Notes,
    _lock: RunLock,
}

/// Opens a target, asks what its credentials may do, and keeps others from it.
pub fn open<'k>(at: &AtTarget, chosen: &[&'k Kept]) -> Result<Opened<'k>, Complaint> {
    let Some(kept) = smallest(chosen) else {
        return Err(Complaint::new(
            ExitCode::Usage,
            "none of the repositories has anything to restore to a target",
            "name one that has",
        ));
    };
    let target = at.open()?;
    check_target(&target).map_err(no_plan)?;
    let notes = Notes::of(&at.folder, &place(&target));
    let lock = RunLock::take(&notes.lock())?;
    Ok(Opened {
        kept,
        target,
        notes,
        _lock: lock,
    })
}

/// Drills at a target with the smallest of the chosen.
pub fn run(
    common: &Common,
    at: &AtTarget,
    opened: &Opened<'_>,
    all: &[Kept],
    json: bool,
) -> Result<DrilledAt, Complaint> {
    let started = Timestamp::now();
    let Opened {
        kept,
        target,
        notes,
        ..
    } = opened;
    let noted = notes.read().map_err(of_run)?;
    let refused = |failure| no_plan(NoPlan::from(failure));
    let existing = at.engine.list_target(target).map_err(refused)?;
    let left = remove_leftovers(target, notes, &noted, &existing);
    let list = || Ok(existing.clone());
    let none = BTreeMap::new();
    let name = name(started);
    let order = Order {
        chosen: vec![*kept],
        all,
        point: None,
        sources: BTreeMap::new(),
        rename: &none,
        drill: Some(&name),
        target,
        list: &list,
        notes: &noted,
        cancel: &at.engine.cancel(),
    };
    let work = notes.begin_work().map_err(of_run)?;
    let drilled = drill(&order, notes, &work, left);
    let _ = std::fs::remove_dir_all(&work);
    let drilled = drilled.map_err(no_plan)?;
    if let Err(failure) = notes.keep_report(started, &drilled) {
        tell!("{}", text::warning(&failure));
    }
    if !json {
        print(common, &drilled, &at.target.source.title);
    }
    Ok(drilled)
}

fn print(common: &Common, drilled: &DrilledAt, title: &str) {
    let repository = &drilled.repository;
    let shown = repository.name.shown();
    if let Some(failure) = &repository.error {
        let failure = failure.clone().while_doing(&shown.to_string());
        tell!("{}", text::failure("", &failure));
    }
    for refused in &repository.refused {
        tell!("{shown}: refused: {}: {}", refused.name, refused.why);
    }
    for note in &drilled.notes {
        if !common.quiet {
            tell!("{}", text::finding("", note));
        }
    }
    let refs = text::count(repository.refs.there, "ref", "refs");
    match drilled.is_good() {
        true if common.quiet => {}
        true => say!("{shown}: restored to {title} as it was ({refs}), and removed again"),
        false => say!("{shown}: not restored to {title} as it was"),
    }
}
