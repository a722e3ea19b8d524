//! Repositories that are in the backup under another source of the same server: which of them have
//! moved here.

use std::collections::HashSet;

use forgekeep_untrusted::{Shown, Untrusted};

use super::Planner;
use crate::plan::{Location, Task, Undecided};

/// What becomes of a repository that is in the backup elsewhere.
enum Fate {
    /// Others have to be listed first.
    Open,
    /// It is where it shall be taken from.
    From(Location),
    /// It is cloned; and why nothing was moved, if that is worth a word.
    New(Option<String>),
}

impl Planner<'_> {
    /// Whether a repository of a source is on disk under another source.
    pub(super) fn is_held(&self, index: usize, id: &Untrusted) -> bool {
        self.holders(index, id).next().is_some()
    }

    /// The other sources of the same server under which a repository is on disk.
    fn holders(&self, index: usize, id: &Untrusted) -> impl Iterator<Item = usize> {
        let others = self.of_server(index).filter(move |other| *other != index);
        others.filter(move |other| self.sources[*other].catalogue.folder_of(id).is_some())
    }

    /// The sources of the same server, in their order. Those that nobody serves have none.
    pub(super) fn of_server(&self, index: usize) -> impl Iterator<Item = usize> {
        let server = self.sources[index].server.as_ref();
        let all = self.sources.iter().enumerate();
        let same = all.filter(move |(_, of)| server.is_some() && of.server.as_ref() == server);
        same.map(|(other, _)| other)
    }

    /// Decides what can be decided by now, of all sources.
    pub(super) fn decide(&mut self) -> Vec<Task> {
        let mut tasks = Vec::new();
        for index in 0..self.sources.len() {
            let all = std::mem::take(&mut self.sources[index].undecided);
            if all.is_empty() {
                continue;
            }
            let orphaned = self.orphans_to_wait_for(index, &all);
            for undecided in all {
                let id = &undecided.repository.id;
                let fate = match orphaned.contains(id) {
                    true => Fate::Open,
                    false => self.fate(index, id),
                };
                match fate {
                    Fate::Open => self.sources[index].undecided.push(undecided),
                    Fate::From(location) => {
                        if location.source != index {
                            self.moved.insert(location.clone());
                        }
                        tasks.extend(self.conclude(index, undecided, Some(location), None));
                    }
                    Fate::New(note) => tasks.extend(self.conclude(index, undecided, None, note)),
                }
            }
        }
        tasks
    }

    /// Takes over what can be taken over of these by now; what is still to be waited for comes back.
    fn orphans_to_wait_for(&mut self, index: usize, all: &[Undecided]) -> HashSet<Untrusted> {
        if self.may_be_wanted_before(index) {
            return self.orphaned(index).into_iter().cloned().collect();
        }
        let wanted = all.iter().map(|undecided| &undecided.repository.id);
        self.take_orphans(index, &wanted.collect());
        HashSet::new()
    }

    fn conclude(
        &mut self,
        index: usize,
        undecided: Undecided,
        from: Option<Location>,
        note: Option<String>,
    ) -> Option<Task> {
        match undecided.decide(index, from) {
            Ok(task) => {
                let task = Task { note, ..task };
                self.note_private(&task);
                Some(task)
            }
            Err(report) => {
                self.leave_out(index, *report);
                None
            }
        }
    }

    fn fate(&self, index: usize, id: &Untrusted) -> Fate {
        // It was taken over.
        if let Some(folder) = self.sources[index].catalogue.folder_of(id) {
            return Fate::From(Location {
                source: index,
                folder: folder.to_owned(),
            });
        }
        let mut from = None;
        let mut note = None;
        for holder in self.holders(index, id) {
            let of = &self.sources[holder];
            let title = || Shown::of(&of.source.title);
            if of.is_awaited() {
                return Fate::Open;
            }
            if of.lists(id) {
                // Each has its own.
                continue;
            }
            if of.listed().is_none() {
                note.get_or_insert_with(|| {
                    format!(
                        "it is also in the backup under \"{}\", whose listing failed: nothing \
                        was moved from there",
                        title()
                    )
                });
                continue;
            }
            match self.is_whole(holder) {
                None => return Fate::Open,
                Some(false) => {
                    note.get_or_insert_with(|| {
                        format!(
                            "it is also in the backup under \"{}\", whose listing may not be \
                            complete: nothing was moved from there",
                            title()
                        )
                    });
                }
                Some(true) => {
                    let folder = of.catalogue.folder_of(id).unwrap_or_default();
                    let location = Location {
                        source: holder,
                        folder: folder.to_owned(),
                    };
                    // There is one folder: to one source only.
                    if from.is_none() && !self.moved.contains(&location) {
                        from = Some(location);
                    }
                }
            }
        }
        match from {
            // Where several list it now, the first in the configuration gets it.
            Some(_) if self.may_be_wanted_before(index) => Fate::Open,
            Some(location) => Fate::From(location),
            None => Fate::New(note),
        }
    }
}
