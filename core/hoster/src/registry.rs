//! The hosters there are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use forgekeep_failure::{ErrorKind, Failure};

use crate::Hoster;

/// The hosters there are, by id and alias.
#[derive(Clone, Default)]
pub struct Registry {
    hosters: BTreeMap<String, Arc<dyn Hoster>>,
    aliases: BTreeMap<String, String>,
    unfit: BTreeMap<String, Failure>,
    mentioned: BTreeSet<String>,
}

impl Registry {
    /// Adds a hoster. An alias that is taken already is left to whoever has it.
    ///
    /// # Errors
    ///
    /// The hoster that has the id, if it is taken.
    pub fn add(&mut self, hoster: Arc<dyn Hoster>) -> Result<(), Arc<dyn Hoster>> {
        let info = hoster.info().clone();
        if let Some(other) = self.find(&info.id) {
            return Err(other);
        }
        for alias in info.aliases {
            if self.find(&alias).is_none() {
                self.aliases.insert(alias, info.id.clone());
            }
        }
        self.hosters.insert(info.id, hoster);
        Ok(())
    }

    /// Notes that there is a plugin for an id, but it could not be loaded: sources that need it
    /// fail with this reason.
    pub fn add_unfit(&mut self, id: &str, why: Failure) {
        self.unfit.entry(id.to_owned()).or_insert(why);
    }

    /// Notes that there is a plugin for an id, which nobody needs: for those who look for another.
    pub fn mention(&mut self, id: &str) {
        self.mentioned.insert(id.to_owned());
    }

    /// The hoster for a `hoster:` of the configuration.
    pub fn find(&self, id: &str) -> Option<Arc<dyn Hoster>> {
        let id = self.aliases.get(id).map_or(id, String::as_str);
        self.hosters.get(id).cloned()
    }

    /// All hosters, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Hoster>> {
        self.hosters.values()
    }

    /// The hoster of a source, or why there is none.
    pub fn require(&self, id: &str) -> Result<Arc<dyn Hoster>, Failure> {
        self.find(id).ok_or_else(|| {
            if let Some(why) = self.unfit.get(id) {
                return why.clone();
            }
            let known: BTreeSet<&str> = self
                .hosters
                .keys()
                .chain(&self.mentioned)
                .map(String::as_str)
                .collect();
            let known: Vec<&str> = known.into_iter().collect();
            let nearest = known
                .iter()
                .filter(|candidate| strsim::damerau_levenshtein(candidate, id) <= 2)
                .min_by_key(|candidate| strsim::damerau_levenshtein(candidate, id));
            let hint = match (nearest, known.as_slice()) {
                (Some(near), _) => format!("did you mean \"{near}\"?"),
                (None, []) => "install plugins where `forgekeep plugins list` looks for them: none was found at all".to_owned(),
                (None, known) => format!(
                    "choose one there is a plugin for: {}; `forgekeep plugins list` shows where they are looked for",
                    known.join(", ")
                ),
            };
            Failure::new(
                ErrorKind::PluginMissing,
                format!("no plugin serves the hoster \"{id}\""),
            )
            .with_hint(hint)
        })
    }
}
