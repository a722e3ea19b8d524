//! Repositories that are gone upstream: kept, marked, and removed only on request, on proof, and to
//! the trash first.

mod missed;
mod recovered;

use std::collections::HashSet;
use std::path::Path;
use std::{fs, io};

use forgekeep_config::BackupOptions;
use forgekeep_durable::{atomic_file, regular_file};
use forgekeep_failure::{ErrorKind, Failure, Finding, Severity};
use forgekeep_hoster::Presence;
use forgekeep_store::catalogue::RepositoryState;
use forgekeep_store::layout::{OWN_FOLDER, REMOVED};
use forgekeep_store::part::{Part, PartKind};
use forgekeep_store::report::{Absence, SourceReport, Tombstone};
use forgekeep_store::trash;
use forgekeep_untrusted::{Printable, Show as _, Untrusted};
use jiff::Timestamp;
use missed::{Counted, count, is_over};

use crate::event::{Observer, note_of};
use crate::owners::DoubtfulOwners;
use crate::plan::Location;
use crate::source::{OpenSource, RunSource};

/// How many names are in one note; the report has them all.
const NAMES: usize = 5;

/// How many repositories of a source a run asks its hoster about: hosters limit requests, and what is gone
/// for so long has time.
const MOST_ASKED: usize = 100;

/// Removes what a removal has left that broke off.
pub(crate) fn remove_leftovers(local_folder: &Path) {
    let folder = local_folder.join(OWN_FOLDER).join(REMOVED);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            log::warn!("{}", Failure::disk("remove", &folder, &error));
        }
        _ => {}
    }
}

/// Seconds of a day.
const DAY: i64 = 24 * 60 * 60;

/// What is needed to deal with them.
pub(crate) struct Tombstones<'a> {
    pub local_folder: &'a Path,
    pub options: &'a BackupOptions,
    pub observer: &'a dyn Observer,
    pub now: Timestamp,
    /// A time that has certainly passed: when the last run began.
    pub known: Timestamp,
}

/// One that is missed, and where it is.
struct Missed<'a> {
    folder: &'a Path,
    path: Untrusted,
    state: RepositoryState,
}

/// What becomes of those that are missed, for one note about all of a source.
#[derive(Default)]
struct MissedNotes {
    clock_behind: usize,
    /// Counting starts again.
    restarted: Vec<Printable>,
    /// Their grace period is over, but the hoster proves nothing.
    hidden: Vec<Printable>,
    /// How many the hoster was asked about.
    asked: usize,
    /// How many it will be asked about in later runs.
    postponed: usize,
}

impl Tombstones<'_> {
    /// Marks what whole listings no longer have, and removes what is to be removed. What has `moved` to
    /// another source is not gone.
    pub fn mark(&self, sources: &mut [RunSource], moved: &HashSet<Location>) {
        let mut told: Vec<MissedNotes> = sources.iter().map(|_| MissedNotes::default()).collect();
        self.recover_trash(sources);
        for (index, (source, told)) in sources.iter_mut().zip(&mut told).enumerate() {
            let Some(open) = &source.open else {
                continue;
            };
            let report = &mut source.report;
            let unlisted = match source.is_whole {
                true => source.unlisted.as_slice(),
                false => &[],
            };
            for name in self.in_turn(unlisted) {
                let location = Location {
                    source: index,
                    folder: name.clone(),
                };
                if moved.contains(&location) {
                    continue;
                }
                let folder = open.folder.join(name);
                let path = format!("{}/{name}", open.folder_name).into();
                let doubtful = &source.doubtful_owners;
                match self.mark_one(&folder, path, open, doubtful, report, told) {
                    Ok(is_new) => source.newly_gone += usize::from(is_new),
                    Err(failure) => note_of(report, failure_note(&failure), self.observer),
                }
            }
            for name in &source.returned {
                if let Err(failure) = unmark(&open.folder.join(name)) {
                    note_of(report, failure_note(&failure), self.observer);
                }
            }
        }
        for (source, mut told) in sources.iter_mut().zip(told) {
            let report = &mut source.report;
            if let (Some(open), true) = (&source.open, source.is_whole) {
                self.empty_trash(open, &source.doubtful_owners, report, &mut told);
            }
            self.tell(&told, report);
            report
                .gone
                .sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        }
    }

    /// Begins with another one each day, so that each is asked about some day.
    fn in_turn<'n>(&self, names: &'n [String]) -> impl Iterator<Item = &'n String> + use<'n> {
        let day = usize::try_from(self.now.as_second() / DAY).unwrap_or_default();
        let first = day.wrapping_mul(MOST_ASKED) % names.len().max(1);
        let (before, from) = names.split_at(first.min(names.len()));
        from.iter().chain(before)
    }

    fn mark_one(
        &self,
        folder: &Path,
        path: Untrusted,
        source: &OpenSource,
        doubtful: &DoubtfulOwners,
        report: &mut SourceReport,
        told: &mut MissedNotes,
    ) -> Result<bool, Failure> {
        let Some(mut state) = RepositoryState::read(folder)? else {
            return Ok(false);
        };
        // The source may list another workspace than it did: that says nothing about this one.
        let is_of_it = state.listing.as_ref().map(|l| *l == source.listing());
        if is_of_it == Some(false) || doubtful.may_have(state.owner.as_ref(), &state.full_name) {
            return Ok(false);
        }
        let newest = Part::new(PartKind::Repository, folder)
            .snapshots()
            .entries()
            .ok()
            .and_then(|all| all.last().map(|entry| entry.time));
        let known = newest.map_or(self.known, |newest| newest.max(self.known));
        let counted = count(&mut state, self.now, known);
        if counted == Counted::ClockBehind {
            told.clock_behind += 1;
        } else {
            // One that was on its way to the trash when a run was killed never came there.
            state.trashed = None;
            state.write(folder)?;
        }
        let missed = Missed {
            folder,
            path,
            state,
        };
        let mut tombstone = missed.tombstone(self.now);
        if counted == Counted::Anew {
            told.restarted.push(tombstone.name.clone());
        }
        if counted == Counted::First {
            let note = format!(
                "{} is no longer listed: what is in the backup is kept, in {}",
                tombstone.name,
                tombstone.path.shown()
            );
            note_of(report, Finding::warning(note), self.observer);
        } else if is_of_it.is_some() && self.may_go(&missed.state, counted) {
            tombstone.state = self.ask(&missed.state, &tombstone, source, report, told);
            if tombstone.state == Absence::Deleted {
                self.put_in_trash(missed, &mut tombstone, source, report)?;
            }
        }
        report.gone.push(tombstone);
        Ok(counted == Counted::First)
    }

    fn may_go(&self, state: &RepositoryState, counted: Counted) -> bool {
        self.options.remove_deleted_repos
            && counted == Counted::Again
            && is_over(state, self.options.deleted_grace_days, self.now)
    }

    /// Asks the hoster for a repository by its identity. Only proof says that it was deleted.
    fn ask(
        &self,
        state: &RepositoryState,
        tombstone: &Tombstone,
        source: &OpenSource,
        report: &mut SourceReport,
        told: &mut MissedNotes,
    ) -> Absence {
        if !is_with_its_owner(state, report) {
            told.hidden.push(tombstone.name.clone());
            return Absence::Hidden;
        }
        if told.asked == MOST_ASKED {
            told.postponed += 1;
            return Absence::Missing;
        }
        told.asked += 1;
        let answer = source.session.lookup(&state.id, &state.full_name);
        let why = match answer {
            Ok(Presence::Deleted { proof }) => {
                log::info!("{} was deleted: {proof}", tombstone.name);
                return Absence::Deleted;
            }
            Ok(Presence::Hidden) => {
                told.hidden.push(tombstone.name.clone());
                return Absence::Hidden;
            }
            Ok(Presence::There(found)) => format!(
                "the hoster still has it, as {}",
                found.full_name.printable()
            ),
            // A status alone is no proof: for what is hidden, and in an outage, it is the same one.
            Err(failure) if matches!(failure.kind, ErrorKind::NotFound | ErrorKind::Gone) => {
                told.hidden.push(tombstone.name.clone());
                return Absence::Hidden;
            }
            Err(failure) => format!("the hoster does not confirm it: {failure}"),
        };
        let note = format!("{} is gone, but is not removed: {why}", tombstone.name);
        note_of(report, Finding::warning(note), self.observer);
        Absence::Missing
    }

    fn put_in_trash(
        &self,
        missed: Missed<'_>,
        tombstone: &mut Tombstone,
        source: &OpenSource,
        report: &mut SourceReport,
    ) -> Result<(), Failure> {
        let from = (source.title.as_str(), source.folder_name.as_str());
        let target = trash::put(
            self.local_folder,
            missed.folder,
            missed.state,
            from,
            self.now,
        )?;
        tombstone.removed = true;
        tombstone.trashed = true;
        tombstone.path = below(self.local_folder, &target);
        let note = format!(
            "{} was removed: the hoster has deleted it, and it has not been listed since {}; it is \
             kept in {} for another {} days",
            tombstone.name,
            tombstone.since,
            tombstone.path.shown(),
            self.options.deleted_grace_days
        );
        note_of(report, Finding::warning(note), self.observer);
        Ok(())
    }

    /// Removes for good what has been in the trash for another grace period, by the same rules.
    fn empty_trash(
        &self,
        source: &OpenSource,
        doubtful: &DoubtfulOwners,
        report: &mut SourceReport,
        told: &mut MissedNotes,
    ) {
        let entries = match trash::entries(self.local_folder) {
            Ok(entries) => entries,
            Err(failure) => return note_of(report, failure_note(&failure), self.observer),
        };
        for entry in entries {
            let state = &entry.state;
            let is_ours = state.hoster == source.hoster
                && state.listing.as_ref() == Some(&source.listing())
                && !doubtful.may_have(state.owner.as_ref(), &state.full_name);
            if entry.trashed.at == self.now || !is_ours {
                continue;
            }
            if let Err(failure) = self.age(entry, source, report, told) {
                note_of(report, failure_note(&failure), self.observer);
            }
        }
    }

    fn age(
        &self,
        entry: trash::TrashedRepository,
        source: &OpenSource,
        report: &mut SourceReport,
        told: &mut MissedNotes,
    ) -> Result<(), Failure> {
        let mut state = entry.state;
        // The second period begins in the trash.
        let since = state.gone.replace(entry.trashed.at);
        let counted = count(&mut state, self.now, self.known.max(entry.trashed.at));
        let may_go = self.may_go(&state, counted);
        let restarted = state.gone != Some(entry.trashed.at);
        state.gone = since;
        if counted == Counted::ClockBehind {
            told.clock_behind += 1;
        } else {
            if restarted && let Some(trashed) = &mut state.trashed {
                trashed.at = self.now;
            }
            state.write(&entry.folder)?;
        }
        let missed = Missed {
            folder: &entry.folder,
            path: below(self.local_folder, &entry.folder),
            state,
        };
        let mut tombstone = missed.tombstone(self.now);
        if counted == Counted::Anew {
            told.restarted.push(tombstone.name.clone());
        }
        if may_go {
            tombstone.state = self.ask(&missed.state, &tombstone, source, report, told);
            if tombstone.state == Absence::Deleted {
                self.remove(&entry.folder)?;
                tombstone.removed = true;
                let note = format!(
                    "{} was removed from the trash for good: the hoster has deleted it",
                    tombstone.name
                );
                note_of(report, Finding::warning(note), self.observer);
            }
        }
        report.gone.push(tombstone);
        Ok(())
    }

    fn remove(&self, folder: &Path) -> Result<(), Failure> {
        let aside = self.local_folder.join(OWN_FOLDER).join(REMOVED);
        regular_file::make_folder(&aside)?;
        let aside = aside.join(folder.file_name().unwrap_or_default());
        fs::rename(folder, &aside).map_err(|error| Failure::disk("remove", folder, &error))?;
        atomic_file::sync_parent(folder)?;
        remove_leftovers(self.local_folder);
        Ok(())
    }

    fn tell(&self, told: &MissedNotes, report: &mut SourceReport) {
        if told.clock_behind > 0 {
            let note = Finding::warning(format!(
                "the clock says {}, which is before an earlier run or before the repository came into the backup: nothing was counted as missing",
                self.now
            ));
            let note = Finding {
                hint: "set the clock of this machine".into(),
                ..note
            };
            note_of(report, note, self.observer);
        }
        if !told.restarted.is_empty() {
            let note = Finding::warning(format!(
                "the runs and days for which these were missing are counted from zero, because \
                there was no run for a long time or the clock has jumped: {}",
                some(&told.restarted)
            ));
            note_of(report, note, self.observer);
        }
        if told.postponed > 0 {
            let note = Finding {
                severity: Severity::Info,
                ..Finding::warning(format!(
                    "{MOST_ASKED} repositories that are gone were asked about; {} more will be in later runs",
                    told.postponed
                ))
            };
            note_of(report, note, self.observer);
        }
        if !told.hidden.is_empty() {
            let note = Finding::warning(format!(
                "not removed: {}: no longer listed, but the hoster does not prove that they were deleted; they may only be hidden from these credentials",
                some(&told.hidden)
            ));
            let note = Finding {
                hint: "remove their folders yourself if you know that they were deleted".into(),
                ..note
            };
            note_of(report, note, self.observer);
        }
    }
}

impl Missed<'_> {
    fn tombstone(&self, now: Timestamp) -> Tombstone {
        let missing = self.state.missing;
        Tombstone {
            id: self.state.id.printable(),
            name: self.state.full_name.printable(),
            path: self.path.clone(),
            since: self.state.gone.unwrap_or(now),
            state: Absence::Missing,
            runs: missing.map_or(0, |missing| missing.runs),
            days: missing.map_or(0, |missing| missing.days),
            trashed: self.state.trashed.is_some(),
            removed: false,
        }
    }
}

/// The first of some names.
fn some(names: &[Printable]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMES).map(Printable::as_str).collect();
    match names.len().saturating_sub(NAMES) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// A path below the backup folder, parts joined by `/`.
fn below(local_folder: &Path, path: &Path) -> Untrusted {
    let below = path.strip_prefix(local_folder).unwrap_or(path);
    let parts = below.iter().map(|part| Untrusted::of_path(part).into_raw());
    parts.collect::<Vec<_>>().join("/").into()
}

/// It is listed again, whatever else becomes of it: the next time it is gone is another time.
fn unmark(folder: &Path) -> Result<(), Failure> {
    match RepositoryState::read(folder)? {
        Some(mut state) if state.gone.is_some() => {
            state.gone = None;
            state.missing = None;
            state.write(folder)
        }
        _ => Ok(()),
    }
}

/// Whether what a hoster says of a repository's name is about the owner that it had. Names are given up and
/// taken by others, to whom it was never shown: they prove nothing.
fn is_with_its_owner(state: &RepositoryState, report: &SourceReport) -> bool {
    let name = state.full_name.printable().to_lowercase();
    match &state.owner {
        None => report.owners.is_empty(),
        Some(id) => report.owners.iter().any(|owner| {
            let rest = name.strip_prefix(&owner.name.to_lowercase());
            owner.id == id.printable() && rest.is_some_and(|rest| rest.starts_with('/'))
        }),
    }
}

fn failure_note(failure: &Failure) -> Finding {
    let mut note = Finding::warning(failure.message.clone());
    note.hint.clone_from(&failure.hint);
    note
}
