//! The panic guard. A panic that leaves a plugin's method ends the host's process, and nothing on
//! the host's side can catch it; so each call is wrapped here, on the plugin's side.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use forgekeep_abi_draft::abi_stable::sabi_trait::TD_Opaque;
use forgekeep_abi_draft::abi_stable::std_types::{ROption, RResult, RStr, RVec};
use forgekeep_abi_draft::{
    CheckReport, Finding, GitAccess, HosterError, Manifest, Page, Plugin, Plugin_TO, PluginBox,
    Repository, ServicesBox, Session_TO, SessionBox, Source, error_kind,
};

use crate::{Hoster, Services, Session};

/// What to do about a panic.
const REPORT_IT: &str = "report it to the plugin's authors: this is a bug in the plugin";

thread_local! {
    /// Where the last panic of this thread happened, left by the hook of [`quiet_panics`].
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps panics of this library off the terminal, and remembers where they happened. The library
/// has a standard library of its own, so the host's hook is not touched.
pub(crate) fn quiet_panics() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string);
        PLACE.with(|cell| *cell.borrow_mut() = place);
    }));
}

fn guard<T>(
    plugin: &str,
    method: &str,
    call: impl FnOnce() -> Result<T, HosterError>,
) -> Result<T, HosterError> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|payload| {
        let said = payload
            .downcast_ref::<&str>()
            .map(ToString::to_string)
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        // Dropping the payload runs the plugin's code once more.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
        let place = PLACE.with(|cell| cell.borrow_mut().take());
        let at = place.map_or_else(String::new, |place| format!(" at {place}"));
        Err(HosterError::new(
            error_kind::PLUGIN,
            format!("plugin {plugin} panicked in {method}{at}: {said}"),
        )
        .with_hint(REPORT_IT))
    })
}

fn cross<T>(result: Result<T, HosterError>) -> RResult<T, HosterError> {
    match result {
        Ok(value) => RResult::ROk(value),
        Err(error) => RResult::RErr(error),
    }
}

pub(crate) struct GuardedHoster<H> {
    id: String,
    hoster: H,
}

impl<H: Hoster> GuardedHoster<H> {
    pub(crate) fn boxed(make: impl FnOnce() -> H) -> Result<PluginBox, HosterError> {
        let hoster = guard("(not yet known)", "new", || Ok(make()))?;
        let manifest = guard("(not yet known)", "manifest", || Ok(hoster.manifest()))?;
        let guarded = Self {
            id: manifest.id.to_string(),
            hoster,
        };
        Ok(Plugin_TO::from_value(guarded, TD_Opaque))
    }
}

impl<H: Hoster> Plugin for GuardedHoster<H> {
    fn manifest(&self) -> RResult<Manifest, HosterError> {
        cross(guard(&self.id, "manifest", || Ok(self.hoster.manifest())))
    }

    fn validate(&self, source: &Source) -> RResult<RVec<Finding>, HosterError> {
        cross(guard(&self.id, "validate", || {
            Ok(self.hoster.validate(source).into())
        }))
    }

    fn open(&self, source: Source, services: ServicesBox) -> RResult<SessionBox, HosterError> {
        cross(guard(&self.id, "open", || {
            let session = self.hoster.open(source, Services::new(services))?;
            let guarded = GuardedSession {
                plugin: self.id.clone(),
                session: Some(session),
            };
            Ok(Session_TO::from_value(guarded, TD_Opaque))
        }))
    }
}

/// A session that is given up after its first panic: what it left half done is not asked again.
struct GuardedSession {
    plugin: String,
    session: Option<Box<dyn Session>>,
}

impl GuardedSession {
    fn call<T>(
        &mut self,
        method: &str,
        call: impl FnOnce(&mut dyn Session) -> Result<T, HosterError>,
    ) -> RResult<T, HosterError> {
        let Some(session) = self.session.as_deref_mut() else {
            return RResult::RErr(
                HosterError::new(
                    error_kind::PLUGIN,
                    format!("plugin {} panicked before in this session", self.plugin),
                )
                .with_hint(REPORT_IT),
            );
        };
        let result = guard(&self.plugin, method, || call(session));
        if matches!(&result, Err(error) if error.kind == error_kind::PLUGIN) {
            self.discard();
        }
        cross(result)
    }

    fn discard(&mut self) {
        if let Some(session) = self.session.take() {
            let _ = guard(&self.plugin, "drop", || {
                drop(session);
                Ok(())
            });
        }
    }
}

impl Drop for GuardedSession {
    fn drop(&mut self) {
        self.discard();
    }
}

impl forgekeep_abi_draft::Session for GuardedSession {
    fn check(&mut self) -> RResult<CheckReport, HosterError> {
        self.call("check", |session| session.check())
    }

    fn next_page(&mut self) -> RResult<ROption<Page>, HosterError> {
        self.call("next_page", |session| session.next_page().map(Into::into))
    }

    fn lookup(&mut self, id: RStr<'_>) -> RResult<ROption<Repository>, HosterError> {
        self.call("lookup", |session| {
            session.lookup(id.as_str()).map(Into::into)
        })
    }

    fn git_access(&mut self, repository: &Repository) -> RResult<GitAccess, HosterError> {
        self.call("git_access", |session| session.git_access(repository))
    }
}
