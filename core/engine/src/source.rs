//! A source on its way through a run.

use std::path::PathBuf;
use std::sync::Arc;

use forgekeep_failure::Failure;
use forgekeep_hoster::{Repository, Services, Session};
use forgekeep_http::CredentialGate;
use forgekeep_mirror::RefRules;
use forgekeep_store::catalogue::Listing;
use forgekeep_store::report::{RepositoryReport, SourceReport};
use forgekeep_store::versions::SourceVersions;
use forgekeep_untrusted::Untrusted;

use crate::owners::DoubtfulOwners;
use crate::programs::Programs;

/// What is known of a source, and what comes of it. Tasks name it by its index among the sources of
/// the run, which are in the order of the configuration.
pub(crate) struct RunSource {
    /// Where its repositories come from; `None` if it could not be listed.
    pub open: Option<Arc<OpenSource>>,
    /// What has come of it so far.
    pub report: SourceReport,
    /// Whether what it does not list can be taken for gone. Known once all sources are listed, and
    /// not changed by what fails later.
    pub is_whole: bool,
    /// Owners of whose repositories none is taken for gone all the same.
    pub doubtful_owners: DoubtfulOwners,
    /// How many of its repositories this run missed for the first time.
    pub newly_gone: usize,
    /// Folders of what is in the backup and was not listed.
    pub unlisted: Vec<String>,
    /// Folders of what is marked as gone in the backup, and was listed.
    pub returned: Vec<String>,
    /// Folders of what not everybody may see, and this run backs up.
    pub private: Vec<String>,
    /// Which versions of its repositories the backup has; `None` if it could not be listed.
    pub versions: Option<SourceVersions>,
}

impl RunSource {
    /// One that was listed.
    pub fn listed(open: Arc<OpenSource>, report: SourceReport) -> Self {
        Self {
            open: Some(open),
            report,
            is_whole: false,
            doubtful_owners: DoubtfulOwners::default(),
            newly_gone: 0,
            unlisted: Vec::new(),
            returned: Vec::new(),
            private: Vec::new(),
            versions: None,
        }
    }

    /// One that could not be listed.
    pub fn failed(title: &str, hoster: &str, failure: Failure) -> Self {
        Self {
            open: None,
            report: SourceReport::failed(title, hoster, failure),
            is_whole: false,
            doubtful_owners: DoubtfulOwners::default(),
            newly_gone: 0,
            unlisted: Vec::new(),
            returned: Vec::new(),
            private: Vec::new(),
            versions: None,
        }
    }

    /// Puts its repositories in the order of their names, whatever the order of work was, and draws
    /// the conclusion.
    pub fn conclude(mut self) -> SourceReport {
        let by_name =
            |a: &RepositoryReport, b: &RepositoryReport| (&a.name, &a.id).cmp(&(&b.name, &b.id));
        self.report.repositories.sort_by(by_name);
        self.report.conclude();
        self.report
    }
}

/// A source whose repositories are being mirrored.
pub(crate) struct OpenSource {
    pub title: String,
    /// What is listed: its `name`.
    pub name: String,
    pub hoster: String,
    /// Where its identities are valid.
    pub server: Server,
    /// The source's folder.
    pub folder: PathBuf,
    /// The folder's name, for reports.
    pub folder_name: String,
    pub session: Box<dyn Session>,
    pub services: Services,
    pub gate: CredentialGate,
    /// How what is not fetched over HTTP is come by.
    pub programs: Programs,
    /// How many of its repositories may be asked for their refs at the same time.
    pub ref_questions: usize,
    /// What else than the hoster decides what its mirrors hold: which plugin, which Forgekeep.
    pub rules: String,
    /// Its `includeRefs`.
    pub include_refs: Vec<String>,
    /// Its `excludeRefs`.
    pub exclude_refs: Vec<String>,
}

/// Within it, an identity means one repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Server {
    /// Id of the hoster.
    pub hoster: String,
    /// Base of its API.
    pub api_url: String,
}

impl OpenSource {
    /// Which listing its repositories are from.
    pub fn listing(&self) -> Listing {
        Listing {
            api_url: self.server.api_url.clone(),
            name: self.name.clone(),
        }
    }

    /// Which refs of a repository are backed up.
    pub fn ref_rules(&self, repository: &Repository) -> RefRules {
        let advised: Vec<&str> = repository
            .volatile_refs
            .iter()
            .map(Untrusted::raw)
            .collect();
        RefRules::new(&self.include_refs, &self.exclude_refs, &advised)
    }
}
