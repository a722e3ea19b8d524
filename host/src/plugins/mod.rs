//! Plugins: found ([`search`]), met, and checked ([`check`]). What they are like when they are called
//! is the matter of `plugin-host`.

mod check;
mod search;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use forgekeep_config::{Confinement, PluginOptions, PluginVerdict};
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_hoster::{Hoster, HosterInfo, Registry};
use forgekeep_plugin_host::{
    About, ConfinementMode, Launch, PluginFile, PluginHoster, Sha256, Unusable,
};
use forgekeep_untrusted::Show as _;
use search::FoundFile;

pub use check::faults;
pub use search::folders;

/// By which rules plugins are loaded.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Which may be, and how far their processes are confined.
    pub options: PluginOptions,
}

impl Rules {
    /// How plugins are started.
    fn launch(&self) -> Launch {
        Launch {
            confinement: match self.options.confinement {
                Confinement::Auto => ConfinementMode::Auto,
                Confinement::Require => ConfinementMode::Require,
                Confinement::Off => ConfinementMode::Off,
            },
            ..Launch::default()
        }
    }

    /// Whether a plugin may be used: asked by the name of its file before it is opened, and by the id
    /// that it says it has.
    fn check(&self, id: &str, sha256: Sha256) -> Result<(), Unusable> {
        let sha256 = sha256.to_string();
        let named = match self.options.allows(id, &sha256) {
            PluginVerdict::Allowed => return Ok(()),
            PluginVerdict::NotNamed => false,
            PluginVerdict::OtherFile => true,
        };
        Err(Unusable::NotAllowed {
            id: id.to_owned(),
            sha256,
            named,
        })
    }
}

/// A file that was looked at.
pub struct InspectedFile {
    /// The file.
    pub path: PathBuf,
    /// Who it says it is, or why it cannot be used.
    pub result: Result<Inspected, Unusable>,
}

/// A plugin that can be used.
#[derive(Clone)]
pub struct Inspected {
    /// Who it says it is.
    pub info: HosterInfo,
    /// What is known of it besides.
    pub about: About,
}

/// Meets the plugins for these hosters; all there are, if one of them is not found by its file's name,
/// as it may be an alias.
pub fn registry_for<'a>(
    folders: &[PathBuf],
    rules: &Rules,
    hosters: impl Iterator<Item = &'a str>,
) -> Registry {
    let mut registry = Registry::default();
    let found = search::find(folders);
    let wanted: Vec<&str> = hosters.collect();
    let (needed, others): (Vec<FoundFile>, Vec<FoundFile>) = found
        .into_iter()
        .partition(|found| wanted.contains(&found.id.as_str()));
    add_all(&mut registry, rules, needed);
    if wanted.iter().any(|id| registry.find(id).is_none()) {
        add_all(&mut registry, rules, others);
    }
    registry
}

/// Looks at every plugin there is.
pub fn look_at_all(folders: &[PathBuf], rules: &Rules) -> Vec<InspectedFile> {
    add_all(&mut Registry::default(), rules, search::find(folders))
}

fn add_all(registry: &mut Registry, rules: &Rules, found: Vec<FoundFile>) -> Vec<InspectedFile> {
    found
        .into_iter()
        .map(|found| InspectedFile {
            result: add(registry, rules, &found),
            path: found.path,
        })
        .collect()
}

fn add(registry: &mut Registry, rules: &Rules, found: &FoundFile) -> Result<Inspected, Unusable> {
    let added = meet(&found.path, &found.id, rules).and_then(|hoster| {
        let inspected = inspected(&hoster);
        match registry.add(Arc::new(hoster)) {
            Ok(()) => Ok(inspected),
            Err(other) => Err(Unusable::IdTaken {
                id: inspected.info.id,
                by: other.info().file.clone(),
            }),
        }
    });
    if let Err(unusable) = &added {
        let message = format!("plugin {}: {unusable}", found.path.shown());
        match unusable {
            // The same plugin in a folder further down the order: that is what the order is for.
            Unusable::IdTaken { .. } => log::debug!("{message}"),
            _ => log::info!("{message}"),
        }
        registry.add_unfit(
            &found.id,
            Failure::new(ErrorKind::PluginMissing, message).with_hint(unusable.hint()),
        );
    }
    added
}

fn meet(path: &Path, id: &str, rules: &Rules) -> Result<PluginHoster, Unusable> {
    let sha256 = PluginFile::examine(path)?.sha256();
    rules.check(id, sha256)?;
    let hoster = PluginHoster::meet(path, sha256, &rules.launch())?;
    rules.check(&hoster.info().id, sha256)?;
    Ok(hoster)
}

fn inspected(hoster: &PluginHoster) -> Inspected {
    Inspected {
        info: hoster.info().clone(),
        about: hoster.about().clone(),
    }
}

/// Whether one file can be used as a plugin.
pub fn look_at(path: &Path) -> Result<Inspected, Unusable> {
    let id = PluginFile::id_in_name(path).unwrap_or_default();
    Ok(inspected(&meet(path, &id, &Rules::default())?))
}
