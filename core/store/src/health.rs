//! What is known to be damaged: remembered from one command to the next.

use forgekeep_failure::Failure;
use forgekeep_untrusted::{Printable, Untrusted};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::inventory::Kept;
use crate::layout::{StateFile, VERIFIED};
use crate::remembered::{Entry, Remembered};

/// A file or an object that is not what it should be.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Damage {
    /// The file, or the folder it belongs to: below the backup folder, parts joined by `/`.
    pub file: Untrusted,
    /// The object it is about, if it is about one.
    pub object: Option<String>,
    /// What is wrong, for people.
    pub what: Printable,
}

/// How a repository came out.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Soundness {
    /// Everything is there and whole.
    Sound,
    /// Something is not.
    Damaged,
    /// Nothing is known to be damaged, and not all was checked.
    Unchecked,
    /// It could not be told.
    Failed,
}

/// A repository that was verified, its wiki included.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Checked {
    /// Whole name: `TITLE/owner/name`.
    pub name: Untrusted,
    /// The hoster's immutable identity, where it is known.
    pub id: Option<Untrusted>,
    /// Folder below the backup folder, parts joined by `/`.
    pub path: Untrusted,
    /// How it came out.
    pub outcome: Soundness,
    /// Objects read. One in two packs counts twice.
    pub objects: u64,
    /// Time it took.
    pub seconds: f64,
    /// What is damaged.
    pub damage: Vec<Damage>,
    /// What somebody should know that is no damage, each with its mirror's folder.
    pub warnings: Vec<Printable>,
    /// Objects that were not checked, each with the reason: nothing follows about these.
    pub unchecked: Vec<Failure>,
    /// Why it could not be told; of one that is damaged, what kept more of it from being checked.
    pub error: Option<Failure>,
}

/// What the last look at a repository has shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// Title of its source.
    pub source: Untrusted,
    /// The hoster's immutable identity, where it is known.
    pub id: Option<Untrusted>,
    /// Folder below the backup folder, parts joined by `/`.
    pub path: Untrusted,
    /// Full name at the hoster.
    pub name: Untrusted,
    /// When it was looked at.
    pub verified: Timestamp,
    /// Objects that were read.
    pub objects: u64,
    /// What is damaged; empty if it is sound.
    pub damage: Vec<Damage>,
    /// What of it a backup could not repair. It does not try again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<Damage>,
    /// What a newer version wrote.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What is known about all repositories of a backup folder.
pub type Health = Remembered<Verified>;

impl Entry for Verified {
    const FILE: StateFile = VERIFIED;
    const UNWRITTEN: &str = "the result of verifying was not recorded";

    fn source(&self) -> &Untrusted {
        &self.source
    }

    fn id(&self) -> Option<&Untrusted> {
        self.id.as_ref()
    }

    fn path(&self) -> &Untrusted {
        &self.path
    }
}

impl Verified {
    /// What is damaged and was not given up.
    pub fn to_repair(&self) -> impl Iterator<Item = &Damage> {
        self.damage
            .iter()
            .filter(|damage| !is_in(&self.lost, damage))
    }
}

/// Whether it is the same damage; the words for it may differ.
pub fn is_in(all: &[Damage], one: &Damage) -> bool {
    all.iter()
        .any(|damage| damage.file == one.file && damage.object == one.object)
}

/// Whether what was given up is still to be said: a snapshot that is lost is found by nobody.
pub fn is_still_lost(lost: &Damage, damage: &[Damage]) -> bool {
    is_in(damage, lost) || lost.file.raw().contains("/snapshots/")
}

impl Health {
    /// Gives what is known of repositories that were moved to another source's folder to that one.
    /// Whether there was any.
    pub fn move_entries(
        &mut self,
        is_orphan: impl Fn(&Untrusted) -> bool,
        place: impl Fn(&Untrusted) -> Option<(Untrusted, Untrusted)>,
    ) -> bool {
        let mut any = false;
        for known in &mut self.document.repositories {
            let id = known.id.as_ref().filter(|_| is_orphan(&known.source));
            if let Some((source, path)) = id.and_then(&place)
                && !self.folder.join(known.path.raw()).is_dir()
            {
                for damage in known.damage.iter_mut().chain(&mut known.lost) {
                    if let Some(below) = damage.file.raw().strip_prefix(known.path.raw()) {
                        damage.file = format!("{}{below}", path.raw()).into();
                    }
                }
                (known.source, known.path) = (source, path);
                any = true;
            }
        }
        any
    }

    /// Remembers what verifying a repository has shown. If it could not be told, or not all
    /// of it, what was known before stays.
    pub fn learn(&mut self, kept: &Kept, checked: &Checked) {
        if matches!(checked.outcome, Soundness::Failed | Soundness::Unchecked) {
            return;
        }
        let old = self.of(&kept.title, kept.id(), &kept.path);
        let (mut lost, more) =
            old.map_or_else(Default::default, |old| (old.lost.clone(), old.more.clone()));
        let mut damage = checked.damage.clone();
        match &checked.error {
            None => lost.retain(|lost| is_still_lost(lost, &damage)),
            // A part could not be checked: what was known of it stays.
            Some(_) => {
                let old = old.into_iter().flat_map(|old| &old.damage);
                let old: Vec<Damage> = old.filter(|old| !is_in(&damage, old)).cloned().collect();
                damage.extend(old);
            }
        }
        self.set(Verified {
            source: kept.title.clone(),
            id: kept.id().cloned(),
            path: kept.path.clone(),
            name: kept.full_name.clone(),
            verified: Timestamp::now(),
            objects: checked.objects,
            damage,
            lost,
            more,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::OWN_FOLDER;

    fn damage(file: &str) -> Damage {
        Damage {
            file: file.into(),
            object: None,
            what: "it is missing".into(),
        }
    }

    fn verified(id: Option<&str>, path: &str) -> Verified {
        Verified {
            source: "acme".into(),
            id: id.map(Untrusted::from),
            path: path.into(),
            name: "acme/web".into(),
            verified: Timestamp::UNIX_EPOCH,
            objects: 1,
            damage: vec![damage("a"), damage("b")],
            lost: vec![damage("a")],
            more: Map::new(),
        }
    }

    #[test]
    fn what_is_written_is_read_and_what_is_gone_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("acme/acme#web")).unwrap();
        std::fs::create_dir(folder.path().join(OWN_FOLDER)).unwrap();
        let mut health = Health::read(folder.path()).unwrap();
        health.set(verified(Some("{1}"), "acme/acme#web"));
        health.set(verified(Some("{2}"), "acme/acme#gone"));
        health.write().unwrap();
        let health = Health::read(folder.path()).unwrap();
        assert_eq!(
            health.repositories(),
            [verified(Some("{1}"), "acme/acme#web")]
        );
        let of = |source: &str, id: Option<&str>, path: &str| {
            let id = id.map(Untrusted::from);
            health.of(&source.into(), id.as_ref(), &path.into())
        };
        let known = of("acme", Some("{1}"), "acme/elsewhere").unwrap();
        let to_repair: Vec<_> = known.to_repair().map(|damage| &damage.file).collect();
        assert_eq!(to_repair, ["b"]);
        assert_eq!(of("other", Some("{1}"), "acme/acme#web"), None);
        // While its state file is damaged, the folder is all that is known of it.
        assert!(of("acme", None, "acme/acme#web").is_some());
    }
}
