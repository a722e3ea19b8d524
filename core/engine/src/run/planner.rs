//! What there is to do, source by source: each is planned as soon as it is listed.
//!
//! What is on disk when the run begins is read once, for all its sources; the folders that are there
//! then stay whose they are all run, whatever moves meanwhile. Only of a repository that is in the backup
//! under another source (`moved`), or under a title that is no longer configured (`retitled`), it takes
//! more than its own source's listing to know what to do: that source's too, and those of the sources
//! before its own, which may want it first. Until then it is undecided, and nothing else waits for it.
//!
//! When all sources are listed, `judged` says what each listing is worth.

mod judged;
mod moved;
mod retitled;
mod returned;

pub(super) use judged::error_note;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use forgekeep_config::Source;
use forgekeep_config::filter::RepoFilter;
use forgekeep_failure::{Failure, Finding};
use forgekeep_hoster::Repository;
use forgekeep_mirror::repair::RepairCases;
use forgekeep_store::catalogue::Catalogue;
use forgekeep_store::report::{RepositoryReport, SourceReport};
use forgekeep_store::versions::SourceVersions;
use forgekeep_store::{part, trash};
use forgekeep_untrusted::{Untrusted, names};
use rayon::prelude::*;
use retitled::{Orphan, Taken};

use super::Engine;
use super::sources::Listed;
use crate::completeness::{Counted, Key, Listings};
use crate::event::{Event, Observer, note_of};
use crate::execute::{Job, RepositoryFolder};
use crate::owners::{self, DoubtfulOwners, Owners, OwnersListed};
use crate::plan::{self, Location, Task, Undecided};
use crate::source::{RunSource, Server};
use crate::versions::{self, Asking};

/// Plans the sources of a run.
pub(super) struct Planner<'r> {
    engine: &'r Engine,
    observer: &'r dyn Observer,
    /// What is known of damage. Without it nothing may be written: the plan is only to be shown.
    cases: Option<&'r RepairCases>,
    listings: Listings,
    asking: Asking,
    /// In the order of the configuration.
    sources: Vec<SourceToPlan<'r>>,
    orphans: Vec<Orphan>,
    /// From where repositories have moved to another source.
    moved: HashSet<Location>,
    are_all_listed: bool,
}

/// A source of the run.
struct SourceToPlan<'r> {
    source: &'r Source,
    /// `None` if nobody serves it: then it will not be listed either.
    server: Option<Server>,
    folder_name: String,
    folder: PathBuf,
    /// What is on disk for it.
    catalogue: Catalogue,
    /// Why that cannot be told, if so.
    unreadable: Option<Failure>,
    state: State,
    undecided: Vec<Undecided>,
    /// What came from orphans, by their index.
    taken: BTreeMap<usize, Taken>,
}

/// How far a source is.
enum State {
    Awaited,
    Failed(Box<RunSource>),
    Listed(Box<ListedSource>),
}

/// A source that is listed and planned.
struct ListedSource {
    run: RunSource,
    /// The identities, and whether each is to mirror.
    listed: HashMap<Untrusted, bool>,
    counted: Counted,
    owners: OwnersListed,
    /// Owners that were known and are listed no more.
    absent: Owners,
    filter: RepoFilter,
}

impl ListedSource {
    /// Owners of whose repositories none is taken for gone.
    fn doubtful_owners(&self) -> DoubtfulOwners {
        DoubtfulOwners::new(self.absent.clone(), &self.owners)
    }
}

impl SourceToPlan<'_> {
    /// Which listing is its own.
    fn key(&self) -> Key<'_> {
        Key {
            title: &self.source.title,
            hoster: self.server.as_ref().map_or("", |server| &server.hoster),
            name: &self.source.name,
        }
    }

    fn is_awaited(&self) -> bool {
        matches!(self.state, State::Awaited)
    }

    fn listed(&self) -> Option<&ListedSource> {
        match &self.state {
            State::Listed(listed) => Some(listed),
            State::Awaited | State::Failed(_) => None,
        }
    }

    fn listed_mut(&mut self) -> Option<&mut ListedSource> {
        match &mut self.state {
            State::Listed(listed) => Some(listed),
            State::Awaited | State::Failed(_) => None,
        }
    }

    /// Whether it lists a repository.
    fn lists(&self, id: &Untrusted) -> bool {
        self.listed().is_some_and(|of| of.listed.contains_key(id))
    }
}

impl<'r> Planner<'r> {
    /// For sources of which none is listed yet. Without `cases` nothing is written.
    pub fn new(
        engine: &'r Engine,
        sources: &[&'r Source],
        cases: Option<&'r RepairCases>,
        listings: Listings,
        asking: Asking,
        observer: &'r dyn Observer,
    ) -> Self {
        let sources = sources.iter().map(|source| {
            let folder_name = names::encode_component(&source.title);
            SourceToPlan {
                source,
                server: engine.server(source),
                folder: engine.config.local_folder.join(&folder_name),
                folder_name,
                catalogue: Catalogue::default(),
                unreadable: None,
                state: State::Awaited,
                undecided: Vec::new(),
                taken: BTreeMap::new(),
            }
        });
        Self {
            engine,
            observer,
            cases,
            listings,
            asking,
            sources: sources.collect(),
            orphans: Vec::new(),
            moved: HashSet::new(),
            are_all_listed: false,
        }
    }

    /// Reads what is in the backup folder: before anything in it is changed.
    pub fn look_at_disk(&mut self, pool: &rayon::ThreadPool) {
        let may_write = self.cases.is_some();
        pool.install(|| {
            self.sources.par_iter_mut().for_each(|source| {
                let Some(server) = &source.server else {
                    return;
                };
                if may_write && let Err(failure) = part::remove_leftovers(&source.folder) {
                    log::warn!("{failure}");
                }
                match Catalogue::read(&source.folder, &server.hoster) {
                    Ok(catalogue) => source.catalogue = catalogue,
                    Err(failure) => source.unreadable = Some(failure),
                }
            });
        });
        if may_write {
            let hosters = self.sources.iter().filter_map(|of| of.server.as_ref());
            let hosters = hosters.map(|server| server.hoster.clone()).collect();
            self.orphans = self.engine.orphans(&hosters);
        }
    }

    /// What of each source is in the backup, by the hoster's identities.
    pub fn in_backup(&self) -> Vec<HashSet<Untrusted>> {
        let ids = |of: &SourceToPlan<'_>| of.catalogue.ids().map(|(id, _)| id.clone()).collect();
        self.sources.iter().map(ids).collect()
    }

    /// A source was listed, or could not be. Returns what there is to do now: for it, and for others that
    /// have waited for this.
    pub fn listed(&mut self, index: usize, answer: Result<Listed, Failure>) -> Vec<Task> {
        let planned = answer.and_then(|listed| self.plan(index, listed));
        let mut tasks = planned.unwrap_or_else(|failure| {
            let source = &mut self.sources[index];
            self.observer.event(&Event::SourceFailed {
                source: &source.source.title,
                error: &failure,
            });
            let (title, hoster) = (&source.source.title, &source.source.hoster);
            source.state = State::Failed(Box::new(RunSource::failed(title, hoster, failure)));
            Vec::new()
        });
        tasks.append(&mut self.decide());
        tasks
    }

    fn plan(&mut self, index: usize, mut listed: Listed) -> Result<Vec<Task>, Failure> {
        if let Some(failure) = self.sources[index].unreadable.take() {
            return Err(failure);
        }
        let owners = owners::of(&listed.repositories, &listed.owners);
        let names = owners::names(&owners);
        let absent = self
            .listings
            .check_owners(self.sources[index].key(), &names)?;
        let mut notes = listed.notes;
        // What has no owner that could be told of is told all the same.
        for failure in owners::unplaced(&owners, &listed.owners) {
            let note = error_note(failure);
            self.observer.event(&Event::Note {
                source: &self.sources[index].source.title,
                finding: &note,
            });
            notes.push(note);
        }
        for failure in owners.values().filter_map(|owner| owner.error.clone()) {
            self.observer.event(&Event::Note {
                source: &self.sources[index].source.title,
                finding: &error_note(failure),
            });
        }
        if let Some(note) = owners::absence(&absent) {
            self.observer.event(&Event::Note {
                source: &self.sources[index].source.title,
                finding: &note,
            });
            notes.push(note);
        }
        for note in self.take_returned(index, &mut listed.repositories) {
            self.observer.event(&Event::Note {
                source: &self.sources[index].source.title,
                finding: &note,
            });
            notes.push(note);
        }
        if self.cases.is_some() {
            notes.extend(self.take_back(index, &listed.repositories)?);
            self.take_listed(index, &listed.repositories);
        }
        let source = &mut self.sources[index];
        let mut catalogue = std::mem::take(&mut source.catalogue);
        let number = listed.repositories.len();
        let orphaned = self.orphaned(index);
        let plan = plan::of_source(
            index,
            listed.repositories,
            &listed.filter,
            &mut catalogue,
            &|id| orphaned.contains(id) || self.is_held(index, id),
        );
        let source = &mut self.sources[index];
        source.catalogue = catalogue;
        source.undecided = plan.undecided;
        let (title, hoster) = (&source.source.title, &source.source.hoster);
        let mut report = SourceReport::listed(title, hoster, number, notes);
        report.owners = owners::reports(&owners);
        report.expires = listed.expires;
        let mut run = RunSource::listed(listed.open, report);
        let mut tasks = plan.tasks;
        self.compare_versions(&mut run, &mut tasks);
        run.unlisted = plan.unlisted;
        run.returned = plan.returned;
        self.sources[index].state = State::Listed(Box::new(ListedSource {
            run,
            listed: plan.listed,
            counted: listed.counted,
            owners,
            absent,
            filter: listed.filter,
        }));
        for report in plan.left_out {
            self.leave_out(index, report);
        }
        for task in &tasks {
            self.note_private(task);
        }
        Ok(tasks)
    }

    /// Finds those for which git need not be asked. What is known of the others is forgotten until they
    /// are done.
    fn compare_versions(&self, run: &mut RunSource, tasks: &mut [Task]) {
        let Some(open) = &run.open else {
            return;
        };
        let folder = &self.engine.config.local_folder;
        let rules = open.rules.clone();
        let (mut versions, unread) = SourceVersions::read(folder, &open.title, rules);
        versions::compare(tasks, &versions, self.asking, open, self.cases);
        let mut failures: Vec<Failure> = unread.into_iter().collect();
        if self.cases.is_some() {
            versions::forget_others(&mut versions, tasks);
            failures.extend(versions.write().err());
        }
        for failure in failures {
            let note = Finding {
                hint: failure.hint,
                ..Finding::warning(failure.message)
            };
            note_of(&mut run.report, note, self.observer);
        }
        run.versions = Some(versions);
    }

    /// Puts a repository into the report that is not backed up.
    fn leave_out(&mut self, index: usize, report: RepositoryReport) {
        let Some(listed) = self.sources[index].listed_mut() else {
            return;
        };
        let of = &mut listed.run.report;
        self.observer.event(&Event::RepositoryFinished {
            source: &of.title,
            repository: &report,
        });
        of.repositories.push(report);
    }

    fn note_private(&mut self, task: &Task) {
        if task.repository.is_private()
            && let Some(listed) = self.sources[task.source].listed_mut()
        {
            listed.run.private.push(task.folder.clone());
        }
    }

    /// Takes back from the trash what is listed again and is nowhere else in the backup of its source.
    fn take_back(
        &mut self,
        index: usize,
        listed: &[Box<Repository>],
    ) -> Result<Vec<Finding>, Failure> {
        let source = &mut self.sources[index];
        let Some(server) = &source.server else {
            return Ok(Vec::new());
        };
        let entries = trash::entries(&self.engine.config.local_folder)?;
        let mut notes = Vec::new();
        for entry in entries {
            let id = &entry.state.id;
            let is_wanted = entry.state.hoster == server.hoster
                && source.catalogue.folder_of(id).is_none()
                && listed.iter().any(|repository| repository.id == *id);
            if !is_wanted {
                continue;
            }
            let folder = trash::take_back(&entry, &source.folder)?;
            let catalogue = &mut source.catalogue;
            catalogue.take_in(&source.folder, &folder, &server.hoster);
            let name = entry.state.full_name.printable();
            let file = match &entry.unread {
                Some(failure) => format!("; {}: it is written again", failure.message),
                None => String::new(),
            };
            let note = Finding::warning(format!(
                "{name} is listed again: it was taken back from the trash, with its history{file}"
            ));
            self.observer.event(&Event::Note {
                source: &source.source.title,
                finding: &note,
            });
            notes.push(note);
        }
        Ok(notes)
    }

    /// A task for the workers; `None` if its source is not open, so that nobody could do it.
    pub fn job(&self, task: Task) -> Option<Job> {
        let source = self.sources.get(task.source)?.listed()?.run.open.as_ref()?;
        let from = task.from.as_ref().and_then(|from| {
            let source = self.sources.get(from.source)?;
            Some(RepositoryFolder {
                folder: source.folder.join(&from.folder),
                path: format!("{}/{}", source.folder_name, from.folder).into(),
            })
        });
        Some(Job {
            source: Arc::clone(source),
            task,
            from,
            begun: None,
            visit: None,
            answer: None,
        })
    }

    /// The sources, in the order of the configuration, and from where repositories have moved.
    pub fn finish(self) -> (Vec<RunSource>, HashSet<Location>) {
        let sources = self.sources.into_iter().map(|of| match of.state {
            State::Listed(listed) => listed.run,
            State::Failed(run) => *run,
            State::Awaited => {
                let failure = self.engine.cancel.explain(nobody_answered());
                RunSource::failed(&of.source.title, &of.source.hoster, failure)
            }
        });
        (sources.collect(), self.moved)
    }
}

/// A source of which no answer came at all.
fn nobody_answered() -> Failure {
    use forgekeep_failure::ErrorKind;

    Failure::new(ErrorKind::Other, "the source was not listed")
        .with_hint("report it: this is a bug in Forgekeep")
}
