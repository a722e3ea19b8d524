//! A target of the configuration, opened: for the commands that write to a hoster.

use std::path::PathBuf;
use std::sync::Arc;

use forgekeep_command_line::{Common, FolderArgument};
use forgekeep_config::{Config, PluginKeys, Target, unknown_target};
use forgekeep_engine::run::{Engine, OpenTarget};
use forgekeep_failure::{Asked, Failure};
use forgekeep_hoster::Registry;
use forgekeep_plugin_search as hosters;
use forgekeep_recovery::NoPlan;

use super::{proxies, variable, warn};
use crate::exit::{Complaint, ExitCode};

/// What a command that writes to a target begins with.
pub struct AtTarget {
    /// The configuration.
    pub config: Config,
    /// The backup folder.
    pub folder: PathBuf,
    /// The target, as it is configured.
    pub target: Target,
    /// What asks it.
    pub engine: Engine,
}

impl AtTarget {
    /// Reads a target by its title. Of the sources, nothing secret is read: on the day it is needed, their
    /// credentials may be gone.
    pub fn configured(
        common: &Common,
        place: &FolderArgument,
        title: &str,
    ) -> Result<Self, Complaint> {
        let config = super::offline::configuration(common)?;
        forgekeep_git::memory::set_limit(config.options.limits.object_bytes);
        let folder = place.folder.clone();
        let folder = folder.unwrap_or_else(|| config.local_folder.clone());
        let Some(hoster) = config.target_hoster(title) else {
            return Err(unknown_target(&config, title).into());
        };
        let hoster = hoster.to_owned();
        let folders = hosters::folders(&common.plugin_dirs);
        let rules = hosters::Rules {
            options: config.plugins.clone(),
        };
        let registry = hosters::registry_for(&folders, &rules, std::iter::once(hoster.as_str()));
        let keys = |hoster: &str| keys_of(&registry, hoster);
        let (target, warnings) = config
            .target(title, &keys, &variable)?
            .ok_or_else(|| Complaint::from(unknown_target(&config, title)))?;
        warn(common, &warnings);
        let of_target = config.of_target(&target);
        let engine = Engine::behind(proxies()?, of_target, registry, None, Arc::new(()));
        crate::terminal::hide(engine.redactor());
        Ok(Self {
            config,
            folder,
            target,
            engine,
        })
    }

    /// Opens it.
    pub fn open(&self) -> Result<OpenTarget, Complaint> {
        self.engine
            .open_target(&self.target.project)
            .map_err(of_run)
    }
}

/// What a plugin says of the keys of its sources and targets.
pub fn keys_of(registry: &Registry, hoster: &str) -> Option<PluginKeys> {
    let hoster = registry.find(hoster)?;
    let info = hoster.info();
    Some(PluginKeys {
        types: info.types.clone(),
        attributes: info.attributes.clone(),
        options: info.options.clone(),
        nameless: info.nameless,
    })
}

/// A failure that ends a command that asks a hoster.
pub fn of_run(failure: Failure) -> Complaint {
    Complaint {
        kind: failure.kind,
        ..Complaint::new(
            ExitCode::of(failure.kind, Asked::Run),
            failure.message,
            failure.hint,
        )
    }
}

/// The reason that there is no plan.
pub fn no_plan(why: NoPlan) -> Complaint {
    let (ending, failure) = match why {
        NoPlan::Rights(failure) => (ExitCode::Credentials, failure),
        NoPlan::Configuration(failure) => (ExitCode::Configuration, failure),
        NoPlan::Failed(failure) => return of_run(failure),
    };
    Complaint {
        kind: failure.kind,
        ..Complaint::new(ending, failure.message, failure.hint)
    }
}
