use forgekeep_plugin_documents::{
    Access, AccessRequest, CheckReport, CheckRequest, ConfigureRequest, CreateRequest, ErrorKind,
    ExportPage, ExportRequest, Finding, HosterError, LookupRequest, Manifest, Page, Presence,
    RemoveRequest, Repository, Source,
};

use crate::host::Host;
use crate::session::Session;

/// A hoster: the plugin itself. One value serves all sources, from any thread.
///
/// All methods but [`Hoster::manifest`] and [`Hoster::validate`] may make requests. Each returns soon,
/// with the error that it got, once the run is interrupted; [`Host::http`] does that by itself. None
/// tries again what has failed: the host has done so, as far as it was worth it.
pub trait Hoster: Send + Sync + 'static {
    /// Who the plugin is. Asked more than once; always says the same.
    fn manifest(&self) -> Manifest;

    /// A page of what there is. `cursor` is what [`Page::next`] of the page before said, and `None`
    /// for the first. A page can be asked for again, also in a new process, and is then the same page
    /// or a later state of it. An error ends nothing: the same page may be asked for later.
    ///
    /// Leave nothing out: what cannot be backed up gets [`Repository::skip`], or a note.
    ///
    /// # Errors
    ///
    /// Where the page cannot be had. Nothing is backed up from half a listing.
    fn list(
        &self,
        source: &Source,
        cursor: Option<&str>,
        host: &Host<'_>,
    ) -> Result<Page, HosterError>;

    /// Whether a source can work, judged without a network: missing names, a password that cannot be
    /// one, combinations that make no sense. Findings of severity error keep it from being used: the SDK
    /// opens none then.
    fn validate(&self, source: &Source) -> Vec<Finding> {
        let _ = source;
        Vec::new()
    }

    /// Asks the hoster whether the source works. The default lists the first page.
    ///
    /// # Errors
    ///
    /// Where it does not work.
    fn check(
        &self,
        source: &Source,
        what: &CheckRequest,
        host: &Host<'_>,
    ) -> Result<CheckReport, HosterError> {
        let _ = what;
        let page = self.list(source, None, host)?;
        let whole = page
            .next
            .is_none()
            .then_some(page.repositories.len() as u64);
        Ok(CheckReport {
            visible: page.total.or(whole),
            findings: page.notes,
            ..CheckReport::default()
        })
    }

    /// How to come to a part of a repository: asked right before each attempt, so a token may be made
    /// for it. The default is HTTP without credentials.
    ///
    /// # Errors
    ///
    /// Where there is no way. It fails that one repository, unless the error concerns the source.
    fn access(
        &self,
        source: &Source,
        what: &AccessRequest,
        host: &Host<'_>,
    ) -> Result<Access, HosterError> {
        let _ = (source, what, host);
        Ok(Access::default())
    }

    /// What became of a repository that is no longer listed. *Deleted* needs proof, and a status alone
    /// is none. The default knows nothing, so that nothing is ever removed.
    ///
    /// # Errors
    ///
    /// Where the hoster could not be asked. Nothing is removed either.
    fn lookup(
        &self,
        source: &Source,
        what: &LookupRequest,
        host: &Host<'_>,
    ) -> Result<Presence, HosterError> {
        let _ = (source, what, host);
        Ok(Presence::Hidden)
    }

    /// A page of what is exported of a repository. The default knows no export.
    ///
    /// # Errors
    ///
    /// Where it cannot be had.
    fn export(
        &self,
        source: &Source,
        what: &ExportRequest,
        host: &Host<'_>,
    ) -> Result<Export, HosterError> {
        let _ = (source, what, host);
        Err(HosterError::new(
            ErrorKind::Unsupported,
            "this plugin exports nothing",
        ))
    }

    /// What to keep of a source between calls. The default keeps nothing. Makes no request where it
    /// can wait until the first one that needs it.
    ///
    /// # Errors
    ///
    /// Where the source cannot work, whatever the hoster says.
    fn open(&self, source: &Source, host: &Host<'_>) -> Result<Session, HosterError> {
        let _ = (source, host);
        Ok(Session::none())
    }

    /// This hoster as a target, where it can be one.
    fn target(&self) -> Option<&dyn Target> {
        None
    }
}

/// A hoster that can be written to: where repositories are brought back to. Keep it in a module of its own.
///
/// The host lists the target first, by [`Hoster::list`], and asks [`Hoster::access`] for pushes with
/// [`Deed::Push`](forgekeep_plugin_documents::Deed::Push).
pub trait Target: Send + Sync {
    /// What the credentials may do there, what the names would become that are asked for, how much room
    /// there is and what is refused. Makes no request that writes: this is what a dry run asks.
    ///
    /// Rights that are known to be missing go into [`CheckReport::missing_scopes`]; a key of the target
    /// that cannot be used is a finding of severity error with that key. What cannot be told in advance is
    /// left open, with a finding where it is worth one.
    ///
    /// # Errors
    ///
    /// Where the target cannot be asked.
    fn examine(
        &self,
        target: &Source,
        what: &CheckRequest,
        host: &Host<'_>,
    ) -> Result<CheckReport, HosterError>;

    /// Makes an empty repository, as private as asked for from the very request that makes it, and
    /// gives it as it is: its name may have become another. One that cannot be private is an error that
    /// concerns the source; it is never public first. An error says whether it is about this one
    /// repository ([`Concern::Repository`](forgekeep_plugin_documents::Concern::Repository)): the host goes
    /// on with the others then. That the name is taken is one of these.
    ///
    /// # Errors
    ///
    /// Where there is none now, or that is not known.
    fn create(
        &self,
        target: &Source,
        what: &CreateRequest,
        host: &Host<'_>,
    ) -> Result<Repository, HosterError>;

    /// Sets a repository up: what is absent stays. Gives what there is to say, in words that fit every
    /// repository of the target: the host says the same thing once. What has no setting there is such a
    /// finding, not an error.
    ///
    /// # Errors
    ///
    /// Where something of it could not be set.
    fn configure(
        &self,
        target: &Source,
        what: &ConfigureRequest,
        host: &Host<'_>,
    ) -> Result<Vec<Finding>, HosterError>;

    /// Removes a repository by its id, never by its name alone. The host asks that only of one that it
    /// has had made itself. Gives what there is to say, such as that it is kept for some days.
    ///
    /// # Errors
    ///
    /// Where it is still there.
    fn remove(
        &self,
        target: &Source,
        what: &RemoveRequest,
        host: &Host<'_>,
    ) -> Result<Vec<Finding>, HosterError>;
}

/// A page of an export.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Export {
    /// What comes after it, and what there is to say.
    pub page: ExportPage,
    /// Its content.
    pub content: Vec<u8>,
}
