//! What a mirror has never had, or has elsewhere: the history behind a shallow clone, the objects a
//! partial clone has left out, and those that are borrowed from where they cannot be had.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use forgekeep_failure::{Cancel, ErrorKind, Failure, Finding};
use forgekeep_untrusted::{Printable, Show as _};
use git2::Oid;

use super::aside::{set_aside, warning};
use super::borrowed;
use crate::object_files::{ObjectFiles, database};
use crate::reach::{Root, Walk};
use crate::refs::{self, StoredRefs};

/// File that says where a history has been cut off.
const SHALLOW: &str = "shallow";

/// Refs that are named in a message.
const NAMED: usize = 3;

/// Why a mirror may lack something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lacking {
    shallow: bool,
    partial: bool,
    borrowed: bool,
}

impl Lacking {
    /// Looks at the mirror in a folder; `None` if nothing says that it lacks anything.
    pub fn look(mirror: &Path) -> Option<Self> {
        let is_there = |name: &str| fs::symlink_metadata(mirror.join(name)).is_ok();
        let lacking = Self {
            shallow: is_there(SHALLOW),
            partial: has_promisors(mirror),
            borrowed: is_there(borrowed::FILE),
        };
        (lacking.shallow || lacking.partial || lacking.borrowed).then_some(lacking)
    }

    fn what(self) -> &'static str {
        match (self.shallow, self.partial) {
            (true, _) => "a shallow clone",
            (_, true) => "a partial clone",
            _ => "borrowing objects from a repository that cannot be read",
        }
    }

    fn hint(self) -> &'static str {
        match self.borrowed {
            true => {
                "make the repository available that objects/info/alternates names, and run again; \
                or remove that file to give up what is missing"
            }
            false => {
                "upstream no longer has them; if another clone does, fetch those refs from it into the mirror with git, and run again"
            }
        }
    }

    /// Whether the mirror's own objects lack something that these tips need.
    pub fn has_gap(
        self,
        mirror: &Path,
        tips: impl Iterator<Item = Oid>,
        cancel: &Cancel,
    ) -> Result<bool, Failure> {
        let roots: Vec<Root> = tips
            .map(|oid| Root {
                oid,
                name: Printable::default(),
            })
            .collect();
        Ok(!gaps(mirror, &roots, cancel)?.is_empty())
    }

    /// When all that upstream has is there: moves aside what says that something is lacking, and tells
    /// it; or says what only the backup has had, and lacks.
    pub fn conclude(
        self,
        mirror: &Path,
        stored: &StoredRefs,
        cancel: &Cancel,
        warnings: &mut Vec<Finding>,
    ) -> Result<Option<Failure>, Failure> {
        let roots: Vec<Root> = stored
            .refs
            .iter()
            .map(|(name, value)| Root {
                oid: value.oid,
                name: refs::shown(name).into(),
            })
            .collect();
        let gaps = gaps(mirror, &roots, cancel)?;
        if !gaps.is_empty() {
            let shown: Vec<&str> = gaps.iter().take(NAMED).map(Printable::as_str).collect();
            let message = format!(
                "{} was {} when it was taken over: what upstream has is complete now, but objects that {} of its refs need are missing ({})",
                mirror.shown(),
                self.what(),
                gaps.len(),
                shown.join(", ")
            );
            return Ok(Some(
                // Not damage: nothing here has changed since somebody has made it so.
                Failure::new(ErrorKind::ForeignFormat, message).with_hint(self.hint()),
            ));
        }
        if self.shallow {
            set_aside(&mirror.join(SHALLOW))?;
        }
        if self.partial {
            for path in promisors(mirror) {
                set_aside(&path)?;
            }
        }
        if self.borrowed {
            set_aside(&mirror.join(borrowed::FILE))?;
        }
        let what = format!("it was {}: what was missing was fetched", self.what());
        warnings.push(warning(mirror, &what));
        Ok(None)
    }
}

/// The names of the roots that need something which is not among the mirror's own objects.
fn gaps(mirror: &Path, roots: &[Root], cancel: &Cancel) -> Result<Vec<Printable>, Failure> {
    let known = ObjectFiles::look(mirror)?.known();
    let database = database(mirror)?;
    let none = HashSet::new();
    let walk = Walk {
        database: &database,
        known: &known,
        unreadable: &none,
        unread: &none,
        cancel,
    };
    let mut names: Vec<Printable> = Vec::new();
    walk.all(roots, &mut |_, root| {
        if names.last() != Some(&root.name) {
            names.push(root.name.clone());
        }
    })?;
    Ok(names)
}

/// Whether there are packs of a partial clone.
pub(super) fn has_promisors(mirror: &Path) -> bool {
    !promisors(mirror).is_empty()
}

fn promisors(mirror: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(mirror.join("objects/pack"));
    let paths = entries.into_iter().flatten().flatten().map(|e| e.path());
    paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "promisor"))
        .collect()
}
