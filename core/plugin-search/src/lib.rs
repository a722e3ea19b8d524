//! Plugins: found (`search`), met, and checked (`check`). What they are like when they are called
//! is the matter of `plugin-host`.

mod check;
mod known;
mod search;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use forgekeep_config::{Confinement, PluginOptions, PluginVerdict};
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_hoster::{Hoster, HosterInfo, Registry};
use forgekeep_plugin_host::{
    About, ConfinementMode, How, Launch, PluginFile, PluginHoster, Sha256, Unfit, Unusable,
};
use forgekeep_untrusted::Show as _;
use known::{Known, Names};
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

/// Meets the plugins for these hosters. One that is not found by its file's name may be an alias: then
/// those are met that have it, and those of which it is not known yet.
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
        add_others(&mut registry, rules, others, &wanted);
    }
    registry
}

/// Adds the plugins that have one of the names which nobody else has.
fn add_others(registry: &mut Registry, rules: &Rules, others: Vec<FoundFile>, wanted: &[&str]) {
    let mut known = Known::read();
    for found in others {
        let sha256 = PluginFile::examine(&found.path).map(|file| file.sha256());
        let names = sha256.as_ref().ok().and_then(|sha256| known.names(*sha256));
        if let Some(Names(names)) = names {
            let is_missing = |id: &&str| registry.find(id).is_none();
            let has = |id: &&str| names.iter().any(|name| name == id);
            if !wanted.iter().filter(|id| is_missing(id)).any(has) {
                names.iter().take(1).for_each(|id| registry.mention(id));
                continue;
            }
        }
        let added = add(registry, rules, &found);
        let Ok(sha256) = sha256 else {
            continue;
        };
        match added {
            Ok(Inspected { info, .. }) => {
                let names = std::iter::once(info.id).chain(info.aliases);
                known.note(sha256, Names(names.collect()));
            }
            Err(unusable) if is_of_the_file(&unusable) => known.note(sha256, Names::default()),
            Err(_) => {}
        }
    }
    known.write();
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

/// Whether a plugin cannot be used for what is in its file: then it cannot be the next time either.
fn is_of_the_file(unusable: &Unusable) -> bool {
    match unusable {
        Unusable::NotAllowed { .. } | Unusable::IdTaken { .. } | Unusable::WrongName { .. } => {
            false
        }
        Unusable::Unfit(unfit) => !matches!(
            unfit,
            Unfit::Unreadable(_)
                | Unfit::NotAFile
                | Unfit::WritableByOthers(_)
                | Unfit::ForeignOwner { .. }
                | Unfit::Changed { .. }
        ),
        Unusable::Broken(broken) => !matches!(
            broken.how,
            How::NotStarted(_) | How::NotConfined(_) | How::OtherBuild | How::Stopped
        ),
        _ => true,
    }
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
