//! A plugin as one of the engine's hosters.

use std::collections::HashMap;
use std::path::Path;

use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{ROption, RResult};
use forgekeep_abi_draft::{self as abi, PluginBox, Services_TO, SessionBox};
use forgekeep_failure::{ErrorKind, Failure, Finding};
use forgekeep_hoster::{
    CheckReport, Hoster, HosterInfo, Page, Presence, Repository, Services, Session, SourceSpec,
};
use forgekeep_http::Authorization;
use forgekeep_untrusted::{REDACTED, Redactor, Untrusted};

use super::convert;
use super::load::{Unfit, one_line};
use super::services::HostServices;

/// A loaded plugin.
pub struct PluginHoster {
    plugin: PluginBox,
    info: HosterInfo,
}

impl PluginHoster {
    /// Asks a plugin who it is.
    pub fn new(plugin: PluginBox, file: &Path) -> Result<Self, Unfit> {
        let manifest = match plugin.manifest() {
            RResult::ROk(manifest) => manifest,
            RResult::RErr(error) => return Err(Unfit::Failed(one_line(&error.message))),
        };
        let mut info = convert::manifest(&manifest).map_err(Unfit::BadManifest)?;
        info.file = file.to_owned();
        Ok(Self { plugin, info })
    }
}

impl Hoster for PluginHoster {
    fn info(&self) -> &HosterInfo {
        &self.info
    }

    fn validate(&self, source: &SourceSpec) -> Result<Vec<Finding>, Failure> {
        let redactor = Redactor::new(&source.secret.iter().collect::<Vec<_>>());
        match self.plugin.validate(&convert::source(source)) {
            RResult::ROk(findings) => Ok(findings
                .iter()
                .map(|finding| convert::finding(finding, &redactor))
                .collect()),
            RResult::RErr(error) => Err(convert::failure(&error, &redactor)),
        }
    }

    fn open(&self, source: SourceSpec, services: Services) -> Result<Box<dyn Session>, Failure> {
        let redactor = services.redactor.clone();
        let host = HostServices {
            plugin: self.info.id.clone(),
            services,
        };
        let services = Services_TO::from_value(host, TD_Opaque);
        match self.plugin.open(convert::source(&source), services) {
            RResult::ROk(session) => Ok(Box::new(PluginSession {
                session,
                redactor,
                originals: HashMap::new(),
            })),
            RResult::RErr(error) => Err(convert::failure(&error, &redactor)),
        }
    }
}

/// A plugin's session.
struct PluginSession {
    session: SessionBox,
    redactor: std::sync::Arc<Redactor>,
    /// Identity and name, as the plugin gave them, of the repositories in which there is a secret:
    /// by the identity that the engine knows.
    originals: HashMap<Untrusted, (String, String)>,
}

impl PluginSession {
    fn remember(&mut self, page: &abi::Page) {
        for repository in &page.repositories {
            let original = [&*repository.id, &*repository.full_name];
            if original.iter().any(|text| self.redactor.finds(text)) {
                let [id, name] = original.map(str::to_owned);
                self.originals
                    .insert(self.redactor.clean(&id).into_owned().into(), (id, name));
            }
        }
    }
}

impl Session for PluginSession {
    fn check(&mut self) -> Result<CheckReport, Failure> {
        match self.session.check() {
            RResult::ROk(report) => Ok(convert::check_report(&report, &self.redactor)),
            RResult::RErr(error) => Err(convert::failure(&error, &self.redactor)),
        }
    }

    fn next_page(&mut self) -> Result<Option<Page>, Failure> {
        match self.session.next_page() {
            RResult::ROk(ROption::RSome(page)) => {
                self.remember(&page);
                Ok(Some(convert::page(page, &self.redactor)))
            }
            RResult::ROk(ROption::RNone) => Ok(None),
            RResult::RErr(error) => Err(convert::failure(&error, &self.redactor)),
        }
    }

    /// The ABI knows two answers, and "none" proves no deletion: so no plugin can have anything
    /// removed until it knows three.
    fn lookup(&mut self, id: &Untrusted) -> Result<Presence, Failure> {
        let id = match self.originals.get(id) {
            Some((original, _)) => original.clone(),
            // Asked for by a name that is none of its own, the hoster would say that it is gone.
            None if id.raw().contains(REDACTED) => {
                let message = "its identity held a secret, and is not kept";
                return Err(Failure::new(ErrorKind::Policy, message));
            }
            None => id.raw().to_owned(),
        };
        match self.session.lookup(id.as_str().into()) {
            RResult::ROk(ROption::RSome(found)) => {
                let found = convert::repository(found, &self.redactor);
                Ok(Presence::There(Box::new(found)))
            }
            RResult::ROk(ROption::RNone) => Ok(Presence::Hidden),
            RResult::RErr(error) => Err(convert::failure(&error, &self.redactor)),
        }
    }

    fn git_access(&mut self, repository: &Repository) -> Result<Authorization, Failure> {
        let (id, name) = match self.originals.get(&repository.id) {
            Some((id, name)) => (id.as_str(), name.as_str()),
            None => (repository.id.raw(), repository.full_name.raw()),
        };
        let repository = convert::to_plugin(repository, id, name);
        match self.session.git_access(&repository) {
            RResult::ROk(access) => Ok(convert::authorization(access.authorization)),
            RResult::RErr(error) => Err(convert::failure(&error, &self.redactor)),
        }
    }
}
