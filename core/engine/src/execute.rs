//! Works off a plan: a pool of workers, each on one repository at a time.

mod missing;
mod parts;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Instant;

use forgekeep_durable::space::Space;
use forgekeep_failure::{ErrorKind, Failure, Finding};
use forgekeep_hoster::{Part as RemotePart, Repository};
use forgekeep_http::Authorization;
use forgekeep_mirror::repair::{RepairCases, Repaired};
use forgekeep_store::catalogue;
use forgekeep_store::part::{Part, PartKind, check_folders};
use forgekeep_store::report::{PartReport, RefChanges, RepositoryOutcome, RepositoryReport};
use forgekeep_store::snapshot::Identity;
use forgekeep_untrusted::{Printable, Show as _, Untrusted};
use parking_lot::Mutex;
use parts::Offered;

use crate::event::{Event, Observer};
use crate::plan::{Action, Location, Task, lacks_address};
use crate::queue::{Queue, is_heavy};
use crate::source::{OpenSource, RunSource};

/// Mirrors every task's repository. `sources` is indexed by [`Task::source`]; a report comes back
/// for each task.
pub(crate) fn execute(
    pool: &rayon::ThreadPool,
    tasks: &[Task],
    sources: &[RunSource],
    observer: &dyn Observer,
) -> Vec<(usize, RepositoryReport)> {
    let reports = Mutex::new(Vec::with_capacity(tasks.len()));
    let with_source = tasks.iter().filter_map(|task| {
        let source = sources.get(task.source)?.open.as_ref()?;
        Some((task, source))
    });
    let new: Vec<_> = with_source
        .clone()
        .filter(|(task, _)| task.action == Action::Clone)
        .map(|(task, source)| (source.folder.join(&task.folder), task.repository.size()))
        .collect();
    let space = Space::new(new.iter().map(|(folder, size)| (folder.as_path(), *size)));
    let mut open = sources.iter().filter_map(|source| source.open.as_ref());
    let local_folder = open.find_map(|open| open.folder.parent());
    let cases = RepairCases::read(local_folder.unwrap_or(Path::new("")));
    // Not rayon's own queue: it would begin tasks in its order, whatever they weigh.
    let queue = Queue::new(with_source.map(|task| (task, is_heavy(task.0.repository.size()))));
    pool.broadcast(|_| {
        queue.work(|(task, source)| {
            // A bug of ours, met on one repository, must not end the others.
            let from = task
                .from
                .as_ref()
                .and_then(|from| RepositoryFolder::of(from, sources));
            let run = || run_task(task, source, from.as_ref(), &space, &cases, observer);
            let report = catch_unwind(AssertUnwindSafe(run))
                .unwrap_or_else(|_| panicked(task, source, observer));
            reports.lock().push((task.source, report));
        });
    });
    reports.into_inner()
}

fn panicked(task: &Task, source: &OpenSource, observer: &dyn Observer) -> RepositoryReport {
    let failure = Failure::new(
        ErrorKind::Other,
        "Forgekeep panicked while mirroring this repository",
    )
    .with_hint("report it with what was printed before this line: this is a bug in Forgekeep");
    let report = blank_report(task, source).failed(failure);
    observer.event(&Event::RepositoryFinished {
        source: &source.title,
        repository: &report,
    });
    report
}

fn blank_report(task: &Task, source: &OpenSource) -> RepositoryReport {
    RepositoryReport::new(
        &task.repository.id,
        &task.repository.full_name,
        format!("{}/{}", source.folder_name, task.folder),
    )
}

/// Where a repository is in the backup.
struct RepositoryFolder {
    folder: PathBuf,
    /// The same for reports.
    path: Untrusted,
}

impl RepositoryFolder {
    fn of(location: &Location, sources: &[RunSource]) -> Option<Self> {
        let source = sources.get(location.source)?.open.as_ref()?;
        Some(Self {
            folder: source.folder.join(&location.folder),
            path: format!("{}/{}", source.folder_name, location.folder).into(),
        })
    }
}

fn run_task(
    task: &Task,
    source: &OpenSource,
    from: Option<&RepositoryFolder>,
    space: &Space,
    cases: &RepairCases,
    observer: &dyn Observer,
) -> RepositoryReport {
    let mut report = blank_report(task, source);
    let name = report.name.clone();
    if source.services.cancel.is_cancelled() {
        return report.failed(Failure::cancelled());
    }
    observer.event(&Event::RepositoryStarted {
        source: &source.title,
        name: &name,
    });
    let begun = Instant::now();
    let mut folder = source.folder.join(&task.folder);
    // Another source may have taken it already.
    if let Some(from) = from.filter(|from| from.folder.exists()) {
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
    let work = Work {
        task,
        source,
        space,
        cases,
        observer,
        name: &name,
        path: report.path.clone(),
        folder,
    };
    report = work.mirror_all(report);
    if let Some(failure) = &report.error {
        space.learn(&work.folder, failure);
    }
    report.seconds = (begun.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
    let redactor = &source.services.redactor;
    report.change_errors(|failure| {
        failure.message = redactor.clean(&failure.message).into_owned().into();
        failure.hint = redactor.clean(&failure.hint).into_owned().into();
        for part in Offered::all(&task.repository) {
            failure.set_cause(part.remote.url.printable().as_str());
        }
    });
    observer.event(&Event::RepositoryFinished {
        source: &source.title,
        repository: &report,
    });
    report
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

    fn mirror_all(&self, mut report: RepositoryReport) -> RepositoryReport {
        if let Err(failure) = check_folders(&self.folder) {
            return report.failed(failure);
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
        report = repaired.outcome.enter(report);
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
                None if old.knows(&part) => self.note_part(&mut report, &part, None),
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

    /// Credentials for the next attempt: a plugin may give such as do not live as long as a clone takes.
    fn authorization(&self, part: &RemotePart) -> Result<Authorization, Failure> {
        self.source.gate.check()?;
        self.ask_for_authorization(part, false)
    }

    /// Others than those that were refused: they may have expired. The refusal, if the plugin has none.
    fn other_authorization(
        &self,
        part: &RemotePart,
        refused: &Authorization,
        failure: Failure,
    ) -> Result<Authorization, Failure> {
        match self.ask_for_authorization(part, true) {
            Ok(other) if other.secret() != refused.secret() => {
                self.source.gate.forget_refusal();
                Ok(other)
            }
            _ => Err(failure),
        }
    }

    fn ask_for_authorization(
        &self,
        part: &RemotePart,
        refused_before: bool,
    ) -> Result<Authorization, Failure> {
        let session = &self.source.session;
        let authorization = session.access(self.repository(), part, refused_before)?;
        self.source.services.know(&authorization);
        Ok(authorization)
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
            Err(failure) if is_absent(&failure) => {
                self.note_part(&mut report, &part, None);
                report.add_note(&match kept {
                    true => format!("the {word} is gone upstream; the copy in the backup is kept"),
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

/// Whether an address that was said to hold a part holds none. Bitbucket removed wikis in August
/// 2026 but still says `has_wiki`.
fn is_absent(failure: &Failure) -> bool {
    matches!(
        failure.kind,
        ErrorKind::NotFound | ErrorKind::Gone | ErrorKind::Forbidden
    )
}
