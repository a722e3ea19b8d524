//! Repositories that are gone upstream: kept, marked, and removed only on request.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::PoisonError;

use jiff::{Timestamp, ToSpan};
use serde::Serialize;

use crate::catalogue::State;
use crate::config::BackupOptions;
use crate::event::Observer;
use crate::execute::OpenSource;
use crate::hoster::Finding;
use crate::lock::OWN_FOLDER;
use crate::names::printable;
use crate::plan::{Location, Plan};
use crate::report::SourceReport;
use crate::run::note_of;
use crate::{Failure, atomic_file};

/// Folder in [`OWN_FOLDER`] where what is removed goes first: a removal that breaks off leaves
/// nothing that looks like a backup.
const REMOVED: &str = "removed";

/// A repository that the hoster no longer lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tombstone {
    /// The hoster's immutable identity.
    pub id: String,
    /// Full name when it was last listed.
    pub name: String,
    /// Folder below the backup folder, parts joined by `/`.
    pub path: String,
    /// When a run first missed it, UTC.
    pub since: Timestamp,
    /// Whether this run has removed it.
    pub removed: bool,
}

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

/// What is needed to deal with them.
pub(crate) struct Tombstones<'a> {
    pub local_folder: &'a Path,
    pub options: &'a BackupOptions,
    pub observer: &'a dyn Observer,
    pub now: Timestamp,
}

impl Tombstones<'_> {
    /// Marks what whole listings no longer have, and removes what is to be removed. How many are
    /// new, by source.
    pub fn mark(
        &self,
        plan: &Plan,
        sources: &[Option<OpenSource>],
        whole: &[bool],
        reports: &mut [SourceReport],
    ) -> Vec<usize> {
        let mut fresh = vec![0; reports.len()];
        for (id, location) in &plan.unlisted {
            let moved = plan
                .tasks
                .iter()
                .any(|task| task.from.as_ref() == Some(location));
            let source = sources.get(location.source).and_then(Option::as_ref);
            let report = reports.get_mut(location.source);
            if let (false, Some(source), Some(report)) = (moved, source, report)
                && whole.get(location.source) == Some(&true)
            {
                match self.mark_one(id, location, source, report) {
                    Ok(is_new) => fresh[location.source] += usize::from(is_new),
                    Err(failure) => note_of(report, failure_note(&failure), self.observer),
                }
            }
        }
        for location in &plan.returned {
            if let Some(Some(source)) = sources.get(location.source)
                && let Err(failure) = unmark(&source.folder.join(&location.folder))
            {
                let report = &mut reports[location.source];
                note_of(report, failure_note(&failure), self.observer);
            }
        }
        for report in reports {
            report
                .gone
                .sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        }
        fresh
    }

    fn mark_one(
        &self,
        id: &str,
        location: &Location,
        source: &OpenSource,
        report: &mut SourceReport,
    ) -> Result<bool, Failure> {
        let folder = source.folder.join(&location.folder);
        let Some(mut state) = State::read(&folder)? else {
            return Ok(false);
        };
        // The source may list another workspace than it did: that says nothing about this one.
        let is_of_it = state.listing.as_ref().map(|l| *l == source.listing());
        if is_of_it == Some(false) {
            return Ok(false);
        }
        let mut tombstone = Tombstone {
            id: printable(id).to_string(),
            name: printable(&state.full_name).to_string(),
            path: format!("{}/{}", source.folder_name, location.folder),
            since: state.gone.unwrap_or(self.now),
            removed: false,
        };
        let is_new = state.gone.is_none();
        if is_new {
            state.gone = Some(self.now);
            state.write(&folder)?;
            let note = format!(
                "{} is no longer listed: what is in the backup is kept, in {}",
                tombstone.name, tombstone.path
            );
            note_of(report, Finding::warning(note), self.observer);
        } else if is_of_it.is_some()
            && self.options.remove_deleted_repos
            && self.is_over(tombstone.since)
        {
            tombstone.removed = self.remove(id, &folder, &tombstone, source, report)?;
        }
        report.gone.push(tombstone);
        Ok(is_new)
    }

    /// Whether the grace period is.
    fn is_over(&self, since: Timestamp) -> bool {
        let hours = i64::from(self.options.deleted_grace_days) * 24;
        since
            .checked_add(hours.hours())
            .is_ok_and(|end| end <= self.now)
    }

    /// Removes a repository if the hoster, asked for it by its identity, has no such.
    fn remove(
        &self,
        id: &str,
        folder: &Path,
        tombstone: &Tombstone,
        source: &OpenSource,
        report: &mut SourceReport,
    ) -> Result<bool, Failure> {
        let answer = {
            let session = source.session.lock();
            session.unwrap_or_else(PoisonError::into_inner).lookup(id)
        };
        let why = match answer {
            Ok(None) => None,
            Ok(Some(found)) => Some(format!(
                "the hoster still has it, as {}",
                printable(&found.full_name)
            )),
            Err(failure) => Some(format!("the hoster does not confirm it: {failure}")),
        };
        if let Some(why) = why {
            let note = format!("{} is gone, but is not removed: {why}", tombstone.name);
            note_of(report, Finding::warning(note), self.observer);
            return Ok(false);
        }
        let aside = self.local_folder.join(OWN_FOLDER).join(REMOVED);
        fs::create_dir_all(&aside).map_err(|error| Failure::disk("create", &aside, &error))?;
        let aside = aside.join(folder.file_name().unwrap_or_default());
        fs::rename(folder, &aside).map_err(|error| Failure::disk("remove", folder, &error))?;
        atomic_file::sync_parent(folder)?;
        remove_leftovers(self.local_folder);
        let note = format!(
            "{} was removed: it is gone since {}, and the hoster has no {}",
            tombstone.name, tombstone.since, tombstone.id
        );
        note_of(report, Finding::warning(note), self.observer);
        Ok(true)
    }
}

/// It is listed again, whatever else becomes of it: the next time it is gone is another time.
fn unmark(folder: &Path) -> Result<(), Failure> {
    match State::read(folder)? {
        Some(mut state) if state.gone.is_some() => {
            state.gone = None;
            state.write(folder)
        }
        _ => Ok(()),
    }
}

fn failure_note(failure: &Failure) -> Finding {
    let mut note = Finding::warning(failure.message.clone());
    note.hint.clone_from(&failure.hint);
    note
}
