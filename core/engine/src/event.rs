//! What happens in a run, as it happens. Workers do nothing else to be seen: text, progress bars
//! and JSON are consumers of the same events.

use forgekeep_failure::{Failure, Finding};
use forgekeep_protocol::Transfer;
use forgekeep_store::report::{Report, RepositoryReport, SourceReport};
use forgekeep_untrusted::Printable;
use serde::Serialize;

/// One thing that happened. Serialised with its name under `event`, for `--progress json`; fields
/// are added, never renamed.
#[derive(Clone, Debug, Serialize)]
#[serde(
    tag = "event",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A source's listing has begun.
    ListingStarted {
        /// Title of the source.
        source: &'a str,
    },
    /// A page has come.
    PageListed {
        /// Title of the source.
        source: &'a str,
        /// Repositories so far.
        listed: usize,
        /// Repositories in all, where the hoster says so.
        total: Option<u64>,
    },
    /// There is something to say about earlier runs, or about the backup folder.
    Warning {
        /// What it is.
        finding: &'a Finding,
    },
    /// There is something to say about a source.
    Note {
        /// Title of the source.
        source: &'a str,
        /// What it is.
        finding: &'a Finding,
    },
    /// A source's listing is complete.
    SourceListed {
        /// Title of the source.
        source: &'a str,
        /// Repositories in all.
        listed: usize,
    },
    /// A source failed: none of its repositories is backed up in this run.
    SourceFailed {
        /// Title of the source.
        source: &'a str,
        /// Why.
        error: &'a Failure,
    },
    /// More is known of what there is to do: it is told as sources are listed, and adds up.
    Planned {
        /// Further repositories to mirror.
        repositories: usize,
        /// Sum of the sizes the hosters state of them, in bytes.
        bytes: u64,
        /// The same of those alone that are not in the backup yet.
        new_bytes: u64,
    },
    /// A worker has begun with a repository.
    RepositoryStarted {
        /// Title of the source.
        source: &'a str,
        /// Full name at the hoster.
        name: &'a str,
        /// Size that the hoster states, in bytes, of one that is not in the backup yet.
        #[serde(skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
    },
    /// A download goes on.
    Receiving {
        /// Title of the source.
        source: &'a str,
        /// Full name at the hoster.
        name: &'a str,
        /// How far it is.
        transfer: Transfer,
    },
    /// A host is waited for, before a request to it is made again.
    Waiting {
        /// Name of the host.
        host: &'a str,
        /// How long, in seconds.
        seconds: f64,
        /// Why.
        why: &'a str,
    },
    /// Upstream has lost so much that somebody should look.
    Alert {
        /// Title of the source.
        source: &'a str,
        /// Full name of the repository, if it is about one.
        repository: Option<&'a str>,
        /// What happened.
        message: &'a Printable,
        /// What to do.
        hint: &'a str,
    },
    /// A worker is done with a repository.
    RepositoryFinished {
        /// Title of the source.
        source: &'a str,
        /// What came of it.
        repository: &'a RepositoryReport,
    },
    /// The run is over.
    Finished {
        /// What came of it.
        report: &'a Report,
    },
}

/// Whoever is told. Called from several threads at once, and must return quickly.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: &Event<'_>);
}

/// Nobody.
impl Observer for () {
    fn event(&self, _event: &Event<'_>) {}
}

/// Says something about a source, and keeps it in its report.
pub(crate) fn note_of(report: &mut SourceReport, note: Finding, observer: &dyn Observer) {
    observer.event(&Event::Note {
        source: &report.title,
        finding: &note,
    });
    report.notes.push(note);
}
