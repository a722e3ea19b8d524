//! What the author of a Forgekeep hoster plugin writes against.
//!
//! A plugin is a dynamic library that answers three kinds of question about one hoster: who are
//! you ([`Manifest`]), is this source sound ([`Hoster::validate`], [`Session::check`]), and what is
//! there ([`Session::next_page`], [`Session::git_access`]). It does no I/O of its own: the host
//! hands every session its [`Services`].
//!
//! Two traits have two required methods and one; the rest has defaults:
//!
//! ```
//! use forgekeep_plugin_sdk_draft::{Hoster, HosterError, Manifest, Page, Repository, Services, Session, Source};
//!
//! #[derive(Default)]
//! struct Example;
//!
//! impl Hoster for Example {
//!     fn manifest(&self) -> Manifest {
//!         Manifest { id: "example".into(), version: "1.0.0".into(), ..Manifest::default() }
//!     }
//!
//!     fn open(&self, source: Source, services: Services) -> Result<Box<dyn Session>, HosterError> {
//!         Ok(Box::new(ExampleSession { source, services, done: false }))
//!     }
//! }
//!
//! struct ExampleSession { source: Source, services: Services, done: bool }
//!
//! impl Session for ExampleSession {
//!     fn next_page(&mut self) -> Result<Option<Page>, HosterError> {
//!         if std::mem::replace(&mut self.done, true) {
//!             return Ok(None);
//!         }
//!         self.services.info(&format!("listing {}", self.source.name));
//!         let web = Repository::new("1", "acme/web", "https://example.com/acme/web.git");
//!         Ok(Some(Page { repositories: vec![web].into(), ..Page::default() }))
//!     }
//! }
//!
//! forgekeep_plugin_sdk_draft::export_hoster!(Example);
//! ```
//!
//! # What the SDK does for you
//!
//! - **Panics** are caught: a panic becomes that source's error, naming plugin, method and place,
//!   and the session is not asked again.
//! - **Paging** ([`LinkPager`]): follows `next` links within one origin, and ends on a loop.
//! - **Answers** ([`json`]): a web page in place of JSON, or a field of the wrong type, becomes an
//!   error that says so.

// The export macro and the constructor below cross the plugin boundary.
#![allow(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    reason = "the host cleans what a plugin says"
)]

mod answer;
mod export;
mod guard;
mod paging;
mod services;

pub use forgekeep_abi_draft::abi_stable::std_types::{RNone, ROption, RSome, RString, RVec};
pub use forgekeep_abi_draft::{
    Authorization, CheckReport, Extras, Finding, GitAccess, Header, HosterError, HttpRequest,
    HttpResponse, LogLevel, Manifest, Note, OptionSpec, Page, Repository, SecretString, Severity,
    Source, error_kind,
};

pub use answer::{json, status_error};
pub use forgekeep_page_text::page_text;
pub use paging::LinkPager;
pub use services::Services;

#[doc(hidden)]
pub use export::{ForeignLoaderResult, PluginModule_Ref, load, module};
#[doc(hidden)]
pub use forgekeep_abi_draft as abi;

/// A hoster: the plugin itself. One value serves all sources, from any thread.
pub trait Hoster: Send + Sync + 'static {
    /// Who the plugin is. Asked when it is loaded; must always say the same.
    fn manifest(&self) -> Manifest;

    /// Opens a session for one source. Makes no request yet; fails only if the source could not
    /// work whatever the hoster says.
    fn open(&self, source: Source, services: Services) -> Result<Box<dyn Session>, HosterError>;

    /// Whether a source can work, judged without a network: missing names, a password that cannot
    /// be one, combinations that make no sense. Findings of severity error keep the source from
    /// being used.
    fn validate(&self, source: &Source) -> Vec<Finding> {
        let _ = source;
        Vec::new()
    }
}

/// One source, open. Used by one thread at a time; dropped when its source is done.
pub trait Session: Send {
    /// The next page of the listing, or `None` after the last. Called until then, or until it
    /// fails; never again after an error.
    fn next_page(&mut self) -> Result<Option<Page>, HosterError>;

    /// Asks the hoster whether the source works, on `forgekeep check`. The default lists the first
    /// page.
    fn check(&mut self) -> Result<CheckReport, HosterError> {
        let page = self.next_page()?.unwrap_or_default();
        Ok(CheckReport {
            visible: page.total,
            ..CheckReport::default()
        })
    }

    /// The repository with this identity, or `None` if the hoster says that it has none. Asked
    /// before the backup of a repository that is no longer listed is removed: whatever is in doubt
    /// is an error. The default is one: then nothing is removed.
    fn lookup(&mut self, id: &str) -> Result<Option<Repository>, HosterError> {
        let _ = id;
        Err(HosterError::new(
            error_kind::OTHER,
            "this plugin cannot look a repository up by its identity",
        ))
    }

    /// Credentials for cloning a repository of this listing, asked right before each clone or
    /// fetch. The default is none.
    fn git_access(&mut self, repository: &Repository) -> Result<GitAccess, HosterError> {
        let _ = repository;
        Ok(GitAccess::new(Authorization::Anonymous))
    }
}
