//! What the engine asks of a hoster. Whoever implements these traits answers for a hoster's API;
//! `plugin-host` implements them over plugins.

mod access;
mod check;
pub mod expiry;
mod info;
mod registry;
mod repository;
mod source;
mod state;
mod target;

use std::sync::Arc;

use forgekeep_failure::{Failure, Finding};
use forgekeep_untrusted::Untrusted;

pub use access::Access;
pub use check::{ApiLimit, CheckReport};
pub use forgekeep_http::Services;
pub use forgekeep_upload_pack::{Place, SshPlace};
pub use info::{HosterInfo, api_url, trusted_origins};
pub use registry::Registry;
pub use repository::{
    Cursor, Owner, OwnerSeen, Page, Part, PartKind, Presence, Repository, Sees, Visibility,
};
pub use source::SourceSpec;
pub use state::{MemoryState, SourceState, StateValue};
pub use target::{NewRepository, PushLimits, Setup, TargetName, TargetReport, TargetSession};

/// A hoster's plugin.
pub trait Hoster: Send + Sync {
    /// Who it is.
    fn info(&self) -> &HosterInfo;

    /// Opens a session for a source: nothing of the plugin is called yet. `state` is what it may keep.
    ///
    /// # Errors
    ///
    /// There can be no session.
    fn open(
        &self,
        source: SourceSpec,
        services: Services,
        state: Arc<dyn SourceState>,
    ) -> Result<Box<dyn Session>, Failure>;
}

/// A hoster, open for one source. It may be asked by several threads at a time, and lets through as
/// many questions as its plugin answers at a time.
pub trait Session: Send + Sync {
    /// Whether the source can work, judged without a network.
    ///
    /// # Errors
    ///
    /// The plugin does not answer.
    fn validate(&self) -> Result<Vec<Finding>, Failure>;

    /// Asks the hoster whether the source works.
    ///
    /// # Errors
    ///
    /// It does not.
    fn check(&self) -> Result<CheckReport, Failure>;

    /// A page of the listing: the first one, or the one that an earlier page has named. It can be asked
    /// for again, and is then the same page or a later state of it.
    ///
    /// # Errors
    ///
    /// The page cannot be had.
    fn page(&self, cursor: Option<&Cursor>) -> Result<Page, Failure>;

    /// What the hoster says of the repository with an identity, and the name that it was last listed
    /// with. Also asked after the listing.
    ///
    /// # Errors
    ///
    /// The hoster cannot be asked.
    fn lookup(&self, id: &Untrusted, full_name: &Untrusted) -> Result<Presence, Failure>;

    /// The way and the credentials to fetch a part of a repository of this listing: asked before each attempt, and once
    /// more after they were refused, with `refused_before`.
    ///
    /// # Errors
    ///
    /// There are none for it.
    fn access(
        &self,
        repository: &Repository,
        part: &Part,
        refused_before: bool,
    ) -> Result<Access, Failure>;

    /// The same session as a target. None where the hoster's plugin cannot write.
    fn target(&self) -> Option<&dyn TargetSession> {
        None
    }
}
