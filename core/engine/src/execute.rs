//! Works off a plan: a pool of workers, each on one repository at a time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;

use crate::catalogue::{REPOSITORY, STATE_FILE, State, WIKI};
use crate::event::{Event, Observer};
use crate::hoster::{Repository, Services, Session};
use crate::http::Authorization;
pub(crate) use crate::http::Standing;
use crate::mirror::{Mirrored, Outcome, RefChanges, Transfer, Upstream, mirror};
use crate::names;
use crate::plan::{Action, Task};
use crate::queue::{Queue, is_heavy};
use crate::report::{RepositoryOutcome, RepositoryReport, WikiReport};
use crate::space::Space;
use crate::{ErrorKind, Failure};

/// A source whose repositories are being mirrored.
pub(crate) struct OpenSource {
    pub title: String,
    pub hoster: String,
    /// The source's folder.
    pub folder: PathBuf,
    /// The folder's name, for reports.
    pub folder_name: String,
    pub session: Mutex<Box<dyn Session>>,
    pub services: Services,
    pub standing: Standing,
}

/// Mirrors every task's repository. `sources` is indexed by [`Task::source`]; a report comes back
/// for each task.
pub(crate) fn execute(
    pool: &rayon::ThreadPool,
    tasks: &[Task],
    sources: &[Option<OpenSource>],
    observer: &dyn Observer,
) -> Vec<(usize, RepositoryReport)> {
    let reports = Mutex::new(Vec::with_capacity(tasks.len()));
    let with_source = tasks.iter().filter_map(|task| {
        let source = sources.get(task.source).and_then(Option::as_ref)?;
        Some((task, source))
    });
    let new: Vec<_> = with_source
        .clone()
        .filter(|(task, _)| task.action == Action::Clone)
        .map(|(task, source)| (source.folder.join(&task.folder), task.repository.size))
        .collect();
    let space = Space::new(new.iter().map(|(folder, size)| (folder.as_path(), *size)));
    // Not rayon's own queue: it would begin tasks in its order, whatever they weigh.
    let queue = Queue::new(with_source.map(|task| (task, is_heavy(task.0.repository.size))));
    pool.broadcast(|_| {
        queue.work(|(task, source)| {
            // A bug of ours, met on one repository, must not end the others.
            let run = || run_task(task, source, &space, observer);
            let report = catch_unwind(AssertUnwindSafe(run))
                .unwrap_or_else(|_| panicked(task, source, observer));
            reports
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((task.source, report));
        });
    });
    reports.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn panicked(task: &Task, source: &OpenSource, observer: &dyn Observer) -> RepositoryReport {
    let failure = Failure::new(
        ErrorKind::Other,
        "forgekeep panicked while mirroring this repository",
    )
    .with_hint("this is a bug of forgekeep: report it with what was printed before this line");
    let report = blank_report(task, source).failed(failure);
    observer.event(&Event::RepositoryFinished {
        source: &source.title,
        repository: &report,
    });
    report
}

fn blank_report(task: &Task, source: &OpenSource) -> RepositoryReport {
    RepositoryReport::new(
        &names::printable(&task.repository.id),
        &names::printable(&task.repository.full_name),
        &format!("{}/{}", source.folder_name, task.folder),
    )
}

fn run_task(
    task: &Task,
    source: &OpenSource,
    space: &Space,
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
    let work = Work {
        task,
        source,
        space,
        observer,
        name: &name,
        folder: source.folder.join(&task.folder),
    };
    report = work.mirror_all(report);
    if let Some(failure) = &report.error {
        space.learn(&work.folder, failure);
    }
    report.seconds = (begun.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
    let of_wiki = report.wiki.as_mut().and_then(|wiki| wiki.error.as_mut());
    for failure in report.error.iter_mut().chain(of_wiki) {
        let clean = source.services.redactor.clean(&failure.message);
        failure.message = clean.into_owned();
    }
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
    observer: &'a dyn Observer,
    name: &'a str,
    folder: PathBuf,
}

impl Work<'_> {
    fn repository(&self) -> &Repository {
        &self.task.repository
    }

    fn mirror_all(&self, mut report: RepositoryReport) -> RepositoryReport {
        let authorization = match self.authorization() {
            Ok(authorization) => authorization,
            Err(failure) => return report.failed(failure),
        };
        let branch = self.repository().default_branch.as_deref();
        let mirrored = self.mirror_one(
            &self.repository().clone_url,
            branch,
            authorization.clone(),
            &self.folder.join(REPOSITORY),
            self.repository().size,
        );
        let outcome = match mirrored {
            Ok(outcome) => outcome,
            Err(failure) => return report.failed(failure),
        };
        report = report.mirrored(&outcome);
        if let Err(failure) = self.note_state(&outcome) {
            return report.failed(failure);
        }
        match &self.repository().wiki_url {
            Some(url) => self.mirror_wiki(url, authorization, report),
            None => report,
        }
    }

    fn authorization(&self) -> Result<Authorization, Failure> {
        self.source.standing.check()?;
        self.source
            .session
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .git_access(self.repository())
    }

    fn mirror_one(
        &self,
        url: &str,
        default_branch: Option<&str>,
        authorization: Authorization,
        folder: &Path,
        size: Option<u64>,
    ) -> Result<Outcome, Failure> {
        let claim = match folder.join("HEAD").exists() {
            true => None,
            false => Some(self.space.begin_clone(folder, size)?),
        };
        let services = &self.source.services;
        let services = Services {
            http: self.source.standing.watch(&services.http, &services.cancel),
            ..services.clone()
        };
        let upstream = Upstream {
            url,
            authorization,
            default_branch,
            services: &services,
            may_write: &|| self.space.begin_update(folder),
        };
        let progress = |transfer: Transfer| {
            if let Some(claim) = &claim {
                claim.received(transfer.bytes);
            }
            self.observer.event(&Event::Receiving {
                source: &self.source.title,
                name: self.name,
                transfer,
            });
        };
        let mut retry = 0;
        let outcome = loop {
            match mirror(&upstream, folder, &progress) {
                Ok(outcome) => break outcome,
                Err(failure) => self.source.services.begin_anew(&mut retry, failure)?,
            }
        };
        if let Some(claim) = claim {
            claim.done();
        }
        Ok(outcome)
    }

    /// A wiki fails its repository, so that nobody overlooks it; but one that is not there is none.
    fn mirror_wiki(
        &self,
        url: &str,
        authorization: Authorization,
        mut report: RepositoryReport,
    ) -> RepositoryReport {
        let folder = self.folder.join(WIKI);
        let kept = folder.exists();
        match self.mirror_one(url, None, authorization, &folder, None) {
            Ok(outcome) => {
                report.bytes_received += outcome.bytes_received;
                report.wiki = Some(WikiReport {
                    outcome: outcome.mirrored.into(),
                    refs: outcome.refs,
                    error: None,
                });
                report
            }
            Err(failure) if is_absent(&failure) => {
                report.note = Some(if kept {
                    "the wiki is gone upstream; the copy in the backup is kept".to_owned()
                } else {
                    "there is no wiki, though the hoster says so".to_owned()
                });
                report.wiki = Some(WikiReport {
                    outcome: RepositoryOutcome::Skipped,
                    refs: RefChanges::default(),
                    error: Some(failure),
                });
                report
            }
            Err(failure) => {
                report.wiki = Some(WikiReport {
                    outcome: RepositoryOutcome::Failed,
                    refs: RefChanges::default(),
                    error: Some(failure.clone()),
                });
                report.failed(failure.while_doing("wiki"))
            }
        }
    }

    /// Writes whose folder it is, after success only, and only if there is something new to say.
    fn note_state(&self, outcome: &Outcome) -> Result<(), Failure> {
        let repository = self.repository();
        let old = State::read(&self.folder)?;
        let same = old.as_ref().is_some_and(|state| {
            state.full_name == repository.full_name && state.id == repository.id
        });
        let quiet = matches!(outcome.mirrored, Mirrored::Unchanged | Mirrored::Empty);
        if same && quiet {
            return Ok(());
        }
        let now = Timestamp::now();
        let state = State {
            format: 1,
            hoster: self.source.hoster.clone(),
            id: repository.id.clone(),
            full_name: repository.full_name.clone(),
            created: old.as_ref().map_or(now, |state| state.created),
            changed: now,
            more: old.map(|state| state.more).unwrap_or_default(),
        };
        log::debug!("{}: writing {STATE_FILE}", self.name);
        state.write(&self.folder)
    }
}

/// Whether an address that was said to hold a wiki holds none. Bitbucket removed wikis in August
/// 2026 but still says `has_wiki`.
fn is_absent(failure: &Failure) -> bool {
    matches!(
        failure.kind,
        ErrorKind::NotFound | ErrorKind::Gone | ErrorKind::Forbidden
    )
}
