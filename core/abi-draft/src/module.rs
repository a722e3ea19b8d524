use abi_stable::library::RootModule;
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::{RBox, ROption, RResult, RStr, RVec};
use abi_stable::{StableAbi, package_version_strings, sabi_trait};

use crate::{
    BASE_NAME, CheckReport, Finding, GitAccess, HosterError, HttpRequest, HttpResponse, Manifest,
    Page, Repository, Source,
};

/// How much a log line matters. As in the `log` crate, whose loggers do not reach across a
/// dynamic library.
#[repr(u8)]
#[derive(StableAbi, Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something is not as it should be.
    Warn,
    /// Normal course of things.
    Info,
    /// For the author of the plugin.
    Debug,
    /// Everything.
    Trace,
}

/// What the host does for a session. Callable from any thread.
#[sabi_trait]
pub trait Services: Send + Sync {
    /// Makes a request. The host applies TLS, proxy, time limits, the same-origin rule for
    /// credentials and the cap on the body. Blocks until the whole body is there.
    fn http(&self, request: HttpRequest) -> RResult<HttpResponse, HosterError>;

    /// Writes a line to the host's log.
    fn log(&self, level: LogLevel, message: RStr<'_>);

    /// Whether the run was interrupted: a session returns as soon as it can, with an error of kind
    /// `cancelled`.
    #[sabi(last_prefix_field)]
    fn cancelled(&self) -> bool;
}

/// [`Services`] as an owned object.
pub type ServicesBox = Services_TO<'static, RBox<()>>;

/// A hoster, open for one source. Used by one thread at a time.
#[sabi_trait]
pub trait Session: Send {
    /// Asks the hoster whether the source works: credentials, scopes, what is visible.
    fn check(&mut self) -> RResult<CheckReport, HosterError>;

    /// The next page of the listing; `RNone` after the last. Not called again after an error.
    fn next_page(&mut self) -> RResult<ROption<Page>, HosterError>;

    /// The repository with this identity, or `RNone` if the hoster says that it has none: asked before
    /// a backup is removed, so a refusal or anything else in doubt is an error. Also called after the
    /// listing.
    fn lookup(&mut self, id: RStr<'_>) -> RResult<ROption<Repository>, HosterError>;

    /// Credentials for a repository of this session's listing. Called right before each clone or
    /// fetch, so that short-lived credentials can be renewed.
    #[sabi(last_prefix_field)]
    fn git_access(&mut self, repository: &Repository) -> RResult<GitAccess, HosterError>;
}

/// [`Session`] as an owned object.
pub type SessionBox = Session_TO<'static, RBox<()>>;

/// A plugin. Callable from any thread.
#[sabi_trait]
pub trait Plugin: Send + Sync {
    /// Who the plugin is. Asked when it is loaded; must always say the same.
    fn manifest(&self) -> RResult<Manifest, HosterError>;

    /// Whether a source can work, judged without a network.
    fn validate(&self, source: &Source) -> RResult<RVec<Finding>, HosterError>;

    /// Opens a session. Makes no request yet.
    #[sabi(last_prefix_field)]
    fn open(&self, source: Source, services: ServicesBox) -> RResult<SessionBox, HosterError>;
}

/// [`Plugin`] as an owned object.
pub type PluginBox = Plugin_TO<'static, RBox<()>>;

/// The root module: what a plugin's library exports.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginModule_Ref)))]
#[sabi(missing_field(panic))]
pub struct PluginModule {
    /// Makes the plugin. Called once.
    #[sabi(last_prefix_field)]
    pub new: extern "C" fn() -> RResult<PluginBox, HosterError>,
}

impl RootModule for PluginModule_Ref {
    abi_stable::declare_root_module_statics! {PluginModule_Ref}
    const BASE_NAME: &'static str = BASE_NAME;
    const NAME: &'static str = "Forgekeep hoster plugin";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}
