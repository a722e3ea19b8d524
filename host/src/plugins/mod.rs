//! Plugins: found ([`search`]), loaded stage by stage ([`load`]), and made to look like the
//! engine's hosters ([`adapter`], [`services`]).

mod adapter;
mod convert;
mod load;
mod search;
mod services;

use std::path::PathBuf;
use std::sync::Arc;

use adapter::PluginHoster;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_hoster::{Hoster, HosterInfo, Registry};
use forgekeep_untrusted::Show as _;
use search::PluginFile;

pub use load::Unfit;
pub use search::folders;

/// A file that was looked at.
pub struct InspectedFile {
    /// The file.
    pub path: PathBuf,
    /// Who it says it is, or why it cannot be used.
    pub result: Result<HosterInfo, Unfit>,
}

/// Loads the plugins for these hosters; all there are, if one of them is not found by its file's
/// name, as it may be an alias.
pub fn registry_for<'a>(folders: &[PathBuf], hosters: impl Iterator<Item = &'a str>) -> Registry {
    let mut registry = Registry::default();
    let found = search::find(folders);
    let wanted: Vec<&str> = hosters.collect();
    let (needed, others): (Vec<PluginFile>, Vec<PluginFile>) = found
        .into_iter()
        .partition(|found| wanted.contains(&found.id.as_str()));
    add_all(&mut registry, needed);
    if wanted.iter().any(|id| registry.find(id).is_none()) {
        add_all(&mut registry, others);
    }
    registry
}

/// Looks at every plugin there is.
pub fn look_at_all(folders: &[PathBuf]) -> Vec<InspectedFile> {
    add_all(&mut Registry::default(), search::find(folders))
}

fn add_all(registry: &mut Registry, found: Vec<PluginFile>) -> Vec<InspectedFile> {
    found
        .into_iter()
        .map(|found| InspectedFile {
            result: add(registry, &found),
            path: found.path,
        })
        .collect()
}

fn add(registry: &mut Registry, found: &PluginFile) -> Result<HosterInfo, Unfit> {
    let added = load::load(&found.path).and_then(|plugin| {
        let hoster: Arc<dyn Hoster> = Arc::new(PluginHoster::new(plugin, &found.path)?);
        let info = hoster.info().clone();
        match registry.add(hoster) {
            Ok(()) => Ok(info),
            Err(other) => Err(Unfit::IdTaken {
                id: info.id,
                by: other.info().file.clone(),
            }),
        }
    });
    if let Err(unfit) = &added {
        let message = format!("plugin {}: {unfit}", found.path.shown());
        match unfit {
            // The same plugin in a folder further down the order: that is what the order is for.
            Unfit::IdTaken { .. } => log::debug!("{message}"),
            _ => log::info!("{message}"),
        }
        registry.add_unfit(
            &found.id,
            Failure::new(ErrorKind::PluginMissing, message).with_hint(unfit.hint()),
        );
    }
    added
}

/// Whether one file can be used as a plugin.
pub fn look_at(path: &std::path::Path) -> Result<HosterInfo, Unfit> {
    let plugin = load::load(path)?;
    Ok(PluginHoster::new(plugin, path)?.info().clone())
}
