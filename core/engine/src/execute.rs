//! Works tasks off: a pool of workers, each on one repository at a time. Tasks come while they work.

mod lanes;
mod missing;
mod parts;
mod proved;

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use forgekeep_durable::space::Space;
use forgekeep_failure::{ErrorKind, Failure, Finding};
use forgekeep_hoster::Repository;
use forgekeep_http::Visit;
use forgekeep_mirror::Answer;
use forgekeep_mirror::repair::{RepairCases, Repaired};
use forgekeep_queue::{Limits, Queue, Turn};
use forgekeep_store::catalogue;
use forgekeep_store::part::{Part, PartKind, check_folders};
use forgekeep_store::report::{PartReport, RefChanges, RepositoryOutcome, RepositoryReport};
use forgekeep_store::snapshot::Identity;
use forgekeep_store::versions::KnownVersion;
use forgekeep_untrusted::{Printable, Show as _, Untrusted};
use jiff::Timestamp;
use parking_lot::Mutex;
use parts::Offered;

use crate::early::{EarlyQuestion, EarlyQuestions};
use crate::event::{Event, Observer};
use crate::plan::{Task, lacks_address};
use crate::postponed::Postponed;
use crate::source::OpenSource;
use crate::versions::Done;

/// A task on its way to a worker.
pub(crate) struct Job {
    pub task: Task,
    pub source: Arc<OpenSource>,
    /// Where the repository is, if that is elsewhere.
    pub from: Option<RepositoryFolder>,
    /// What a worker has done that has given it back.
    pub begun: Option<Begun>,
    /// Its place among those who ask git, from when a worker takes it: the first to be taken asks first.
    pub visit: Option<Visit>,
    /// What upstream has said already, if it was asked early.
    pub answer: Option<Box<Answer>>,
}

/// What a worker is to do.
enum Errand {
    Job(Box<Job>),
    /// A question that is asked while its source is still being listed.
    Ask(Box<EarlyQuestion>),
}

/// Where a repository is in the backup.
pub(crate) struct RepositoryFolder {
    pub folder: PathBuf,
    /// The same for reports.
    pub path: Untrusted,
}

/// A repository that a worker has begun with.
pub(crate) struct Begun {
    report: RepositoryReport,
    folder: PathBuf,
    seconds: f64,
}

/// What the workers of a run share.
pub(crate) struct Execution<'o> {
    limits: Limits,
    queue: Queue<Errand>,
    space: Space,
    /// What is known of damage.
    pub cases: RepairCases,
    postponed: Postponed,
    pub early: EarlyQuestions<Box<Job>>,
    observer: &'o dyn Observer,
    done: Mutex<Vec<Done>>,
}

impl<'o> Execution<'o> {
    /// Nothing is done yet.
    pub fn new(local_folder: &Path, limits: Limits, observer: &'o dyn Observer) -> Self {
        Self {
            limits,
            queue: Queue::with(limits, |errand: &mut Errand| match errand {
                Errand::Job(job) => job.visit = Some(job.source.gate.visit()),
                Errand::Ask(question) => question.take(),
            }),
            space: Space::default(),
            cases: RepairCases::read(local_folder),
            postponed: Postponed::read(local_folder),
            early: EarlyQuestions::default(),
            observer,
            done: Mutex::default(),
        }
    }

    /// Has the pool's workers mirror every job's repository, while `plan` adds jobs on this thread. They
    /// end when it has returned and all is done.
    pub fn run(&self, pool: &rayon::ThreadPool, plan: impl FnOnce()) {
        // Not rayon's own queue: it would begin tasks in its order, whatever they weigh.
        pool.in_place_scope(|scope| {
            scope.spawn_broadcast(|_, _| {
                self.queue
                    .work(|errand, turn| self.run_errand(errand, turn))
            });
            // A panic ends the run; but it must not wait for workers that wait for more.
            let closing = Closing(&self.queue);
            plan();
            drop(closing);
        });
    }

    /// What came of the jobs.
    pub fn into_done(self) -> Vec<Done> {
        self.done.into_inner()
    }

    fn finished(&self, job: &Job, report: &RepositoryReport) {
        self.observer.event(&Event::RepositoryFinished {
            source: &job.source.title,
            repository: report,
        });
    }

    /// What came of it, and what the backup has of it now; `None` if there is something to transfer, and
    /// it is not its turn.
    fn run_job(
        &self,
        job: &mut Job,
        turn: &Turn<'_, Errand>,
    ) -> Option<(RepositoryReport, Option<KnownVersion>)> {
        let begun = job.begun.take();
        if job.source.services.cancel.is_cancelled() {
            let is_known = begun.is_some();
            let report = begun.map_or_else(|| job.blank_report(), |begun| begun.report);
            let report = report.failed(Failure::cancelled()).interrupted();
            if is_known {
                self.finished(job, &report);
            }
            return Some((report, None));
        }
        let asked = job.answer.as_ref().map(|answer| answer.asked);
        let asked = asked.unwrap_or_else(Timestamp::now);
        let visit = job.visit.take();
        let visit = visit.unwrap_or_else(|| job.source.gate.visit());
        let at = Instant::now();
        let mut begun = begun.unwrap_or_else(|| self.begin(job));
        let (task, source) = (&job.task, &*job.source);
        let name = begun.report.name.clone();
        let work = Work {
            task,
            source,
            space: &self.space,
            cases: &self.cases,
            observer: self.observer,
            name: &name,
            path: begun.report.path.clone(),
            folder: begun.folder.clone(),
            turn,
            answer: job.answer.as_deref(),
            visit: &visit,
            is_half_done: Cell::new(false),
            has_to_wait: Cell::new(false),
        };
        let mut report = work.mirror_all(begun.report.clone());
        let seconds = begun.seconds + at.elapsed().as_secs_f64();
        if work.has_to_wait.get() {
            begun.seconds = seconds;
            job.begun = Some(begun);
            return None;
        }
        if let Some(failure) = &report.error {
            self.space.learn(&work.folder, failure);
        }
        if source.services.cancel.is_cancelled() {
            report = report.interrupted();
        }
        report.seconds = (seconds * 1000.0).round() / 1000.0;
        let known = proved::settle(task, &mut report, &work.folder, asked);
        let redactor = &source.services.redactor;
        report.change_errors(|failure| {
            failure.message = redactor.clean(&failure.message).into_owned().into();
            failure.hint = redactor.clean(&failure.hint).into_owned().into();
            for part in Offered::all(&task.repository) {
                failure.set_cause(part.remote.url.printable().as_str());
            }
        });
        self.finished(job, &report);
        Some((report, known))
    }

    /// Says so, and moves the folder to where it shall be.
    fn begin(&self, job: &Job) -> Begun {
        let mut report = job.blank_report();
        self.observer.event(&Event::RepositoryStarted {
            source: &job.source.title,
            name: &report.name,
            bytes: job.task.size_of_new(),
        });
        let mut folder = job.source.folder.join(&job.task.folder);
        // Somebody may have taken it away meanwhile.
        if let Some(from) = job.from.as_ref().filter(|from| from.folder.exists()) {
            match catalogue::relocate(&from.folder, &folder) {
                Ok(()) => report.add_note(&format!("moved here from {}", from.path.shown())),
                // A name is no reason to go without a backup.
                Err(failure) => {
                    log::warn!("{failure}");
                    report.add_note(&format!("stays in its old folder: {failure}"));
                    folder.clone_from(&from.folder);
                    report.path.clone_from(&from.path);
                }
            }
        }
        if let Some(note) = &job.task.note {
            report.add_note(note);
        }
        Begun {
            report,
            folder,
            seconds: 0.0,
        }
    }
}

impl Job {
    fn blank_report(&self) -> RepositoryReport {
        RepositoryReport::new(
            &self.task.repository.id,
            &self.task.repository.full_name,
            format!("{}/{}", self.source.folder_name, self.task.folder),
        )
    }
}

/// Closes the queue, also by a panic.
struct Closing<'q>(&'q Queue<Errand>);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

struct Work<'a> {
    task: &'a Task,
    source: &'a OpenSource,
    space: &'a Space,
    cases: &'a RepairCases,
    observer: &'a dyn Observer,
    name: &'a str,
    folder: PathBuf,
    /// The same for reports.
    path: Untrusted,
    turn: &'a Turn<'a, Errand>,
    /// What upstream has said already.
    answer: Option<&'a Answer>,
    visit: &'a Visit,
    /// Whether something was done that is not to be done again.
    is_half_done: Cell<bool>,
    /// Whether there is something to transfer, and it is not its turn: nothing was done.
    has_to_wait: Cell<bool>,
}

impl Work<'_> {
    fn repository(&self) -> &Repository {
        &self.task.repository
    }

    fn identity(&self) -> Identity {
        Identity {
            hoster: self.source.hoster.clone(),
            id: self.repository().id.clone(),
            full_name: self.repository().full_name.clone(),
        }
    }

    /// Goes before whatever is more than a question. Who has done nothing else comes again when it is its
    /// turn, and holds nothing until then; a further part waits for it.
    fn take_turn(&self) -> Result<(), Failure> {
        if self.is_half_done.get() {
            self.turn.wait();
        } else if !self.turn.take() {
            self.has_to_wait.set(true);
            let why = "it waits for its turn to be transferred";
            return Err(Failure::new(ErrorKind::Cancelled, why));
        }
        Ok(())
    }

    fn mirror_all(&self, mut report: RepositoryReport) -> RepositoryReport {
        if let Err(failure) = check_folders(&self.folder) {
            return report.failed(failure);
        }
        if self.task.by_listing.enter(&mut report) {
            return self.back_up_others(report);
        }
        let found = RefCell::default();
        let mirrored = match Offered::of(self.repository(), PartKind::Repository) {
            Some(offered) => self.back_up(&offered, &found),
            None => Err(lacks_address(self.repository())),
        };
        report.warnings.append(&mut found.take());
        let repaired = match mirrored {
            Ok(repaired) => repaired,
            Err(failure) => return report.failed(failure),
        };
        self.is_half_done.set(true);
        let of_empty = parts::named_and_empty(self.repository(), &repaired.outcome);
        report = repaired.outcome.enter(report);
        report.warnings.extend(of_empty);
        if let Some(note) = &repaired.note {
            report.add_note(note);
        }
        if let Some(what) = &repaired.alert {
            self.alert(&mut report, what);
        }
        let old = match self.note_state(&repaired.outcome) {
            Ok(old) => old,
            Err(failure) => return report.failed(failure),
        };
        self.tell_what_was_missing(&mut report, &repaired.outcome, &old);
        for kind in PartKind::further() {
            let part = self.part(kind);
            match Offered::of(self.repository(), kind) {
                Some(offered) => {
                    report = self.back_up_further(&offered, report);
                }
                None if old.knows(&part) || part.folder.exists() => {
                    self.keep_part(kind, &part, &mut report);
                }
                None => {}
            }
        }
        // Upstream's present state is safe; what it no longer has is not.
        match repaired.lost {
            Some(lost) => report.failed(lost),
            None => report,
        }
    }

    /// Damage is news, whatever came of it: a disk that loses data loses more.
    fn alert(&self, report: &mut RepositoryReport, what: &str) {
        let what = Printable::from(what);
        self.observer.event(&Event::Alert {
            source: &self.source.title,
            repository: Some(self.name),
            message: &what,
            hint: "see the system log for errors of this disk, and check the backup: `forgekeep \
            verify`",
        });
        report.add_alert(&what);
    }

    fn part(&self, kind: PartKind) -> Part {
        Part::new(kind, &self.folder)
    }

    fn back_up(
        &self,
        offered: &Offered<'_>,
        warnings: &RefCell<Vec<Finding>>,
    ) -> Result<Repaired, Failure> {
        parts::of_kind(offered.kind).back_up(self, offered, warnings)
    }

    /// A part that the hoster no longer offers stays in the backup, and is told of.
    fn keep_part(&self, kind: PartKind, part: &Part, report: &mut RepositoryReport) {
        self.note_part(report, part, None);
        report.add_note(&gone_upstream(kind));
        let kept = PartReport {
            outcome: RepositoryOutcome::Skipped,
            refs: RefChanges::default(),
            error: None,
        };
        report.enter_part(kind, kept);
    }

    /// Without a further part a repository is partial; but one that is not there is none.
    fn back_up_further(
        &self,
        offered: &Offered<'_>,
        mut report: RepositoryReport,
    ) -> RepositoryReport {
        let kind = offered.kind;
        let word = kind.word();
        let part = self.part(kind);
        let kept = part.folder.exists();
        let found = RefCell::default();
        let mirrored = self.back_up(offered, &found);
        report.warnings.append(&mut found.take());
        let came = |outcome, refs, error| PartReport {
            outcome,
            refs,
            error,
        };
        match mirrored {
            Ok(repaired) => {
                let outcome = repaired.outcome;
                report.bytes_received += outcome.bytes_received;
                if let Some(note) = &repaired.note {
                    report.add_note(&format!("{word}: {note}"));
                }
                if let Some(what) = &repaired.alert {
                    self.alert(&mut report, &format!("{word}: {what}"));
                }
                self.note_part(&mut report, &part, Some(&outcome));
                let lost = repaired.lost;
                let mirrored = outcome.mirrored.into();
                report.enter_part(kind, came(mirrored, outcome.refs, lost.clone()));
                match lost {
                    Some(lost) => report.failed(lost.while_doing(word)),
                    None => report,
                }
            }
            Err(failure) if is_absent(&failure, !kept && offered.remote.uncertain) => {
                self.note_part(&mut report, &part, None);
                report.add_note(&match kept {
                    true => gone_upstream(kind),
                    false => format!("there is no {word}, though the hoster says so"),
                });
                let skipped = RepositoryOutcome::Skipped;
                report.enter_part(kind, came(skipped, RefChanges::default(), Some(failure)));
                report
            }
            Err(failure) => {
                let error = Some(failure.clone());
                let failed = RepositoryOutcome::Failed;
                report.enter_part(kind, came(failed, RefChanges::default(), error));
                report.without_part(failure.while_doing(word))
            }
        }
    }
}

fn gone_upstream(kind: PartKind) -> String {
    let word = kind.word();
    format!("the {word} is gone upstream; the copy in the backup is kept")
}

/// Whether an address that was said to hold a part holds none: many hosters say of each repository that it
/// has a wiki, and some have given up wikis. Of one that is `uncertain`, a server that announces git's
/// service and says nothing more has none either; otherwise it may just not be able to read it.
fn is_absent(failure: &Failure, uncertain: bool) -> bool {
    let is_refused = matches!(
        failure.kind,
        ErrorKind::NotFound | ErrorKind::Gone | ErrorKind::Forbidden
    );
    is_refused || (failure.says_nothing && uncertain)
}
