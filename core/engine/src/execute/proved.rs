//! Repositories of which the listing proves that they have not changed: git is not asked for them. And
//! what is to be remembered of the others for that.

use std::path::Path;

use forgekeep_store::part::{Part, PartKind};
use forgekeep_store::report::{Proof, RepositoryReport};
use forgekeep_store::versions::KnownVersion;
use jiff::Timestamp;

use super::parts::Offered;
use super::{Execution, Job, Work};
use crate::event::Event;
use crate::plan::{ByListing, Task};
use crate::versions::{self, Done};

impl Job {
    /// Whether there is nothing to do at all: not for a wiki either, of which no listing proves anything,
    /// nor for one that is kept.
    pub(super) fn is_proved(&self) -> bool {
        let folder = self.source.folder.join(&self.task.folder);
        let has = |kind| {
            Offered::of(&self.task.repository, kind).is_some()
                || Part::new(kind, &folder).folder.exists()
        };
        self.task.by_listing.is_unchanged() && !PartKind::further().any(has)
    }

    pub(super) fn done(&self, report: RepositoryReport, known: Option<KnownVersion>) -> Done {
        let git = self.task.repository.part(forgekeep_hoster::PartKind::Git);
        Done {
            source: self.task.source,
            id: self.task.repository.id.clone(),
            version: git.and_then(|git| git.version.clone()),
            report,
            by_listing: self.task.by_listing,
            known,
        }
    }
}

impl Execution<'_> {
    /// Nothing is done about a repository: neither its plugin nor git is asked.
    pub(super) fn pass_over(&self, job: &Job) {
        let mut report = job.blank_report();
        self.observer.event(&Event::RepositoryStarted {
            source: &job.source.title,
            name: &report.name,
            bytes: None,
        });
        job.task.by_listing.enter(&mut report);
        self.finished(job, &report);
        self.done.lock().push(job.done(report, None));
    }
}

impl Work<'_> {
    /// Backs up all but the git repository itself, which is as it was.
    pub(super) fn back_up_others(&self, mut report: RepositoryReport) -> RepositoryReport {
        for kind in PartKind::further() {
            let part = self.part(kind);
            match Offered::of(self.repository(), kind) {
                Some(offered) => report = self.back_up_further(&offered, report),
                None if part.folder.exists() => self.keep_part(kind, &part, &mut report),
                None => {}
            }
        }
        report
    }
}

/// Says in a report what proves that nothing has changed, if nothing has. Returns what the backup has of
/// the repository now, if git was asked, at a time that is no later than `asked` says.
pub(super) fn settle(
    task: &Task,
    report: &mut RepositoryReport,
    folder: &Path,
    asked: Timestamp,
) -> Option<KnownVersion> {
    match task.by_listing {
        // Once more: a wiki may have failed since.
        ByListing::Unchanged { checked, .. } => {
            report.prove(Proof::Listing, checked);
            None
        }
        ByListing::Unknown | ByListing::Same => {
            report.prove(Proof::Refs, asked);
            versions::known(&task.repository, report, folder, asked)
        }
    }
}
