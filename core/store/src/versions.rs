//! Which versions of a source's repositories the backup has, as the hoster's listing names them: by
//! that a run tells which ones it need not ask git for. One file for each source: a run in which nothing
//! has changed writes none of it.
//!
//! An entry is written after a good and whole outcome alone, with the version that was listed *before*
//! git was asked. It is taken out before git is asked again: a run that is killed leaves none that could
//! be wrong.

mod marks;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use forgekeep_durable::regular_file;
use forgekeep_durable::sealed::{self, Formats};
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_untrusted::{Untrusted, names};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::layout::{OWN_FOLDER, VERSIONS};

pub use marks::{mark, marks};

const FORMATS: Formats = Formats {
    known: 1,
    sealed_since: 1,
    // Some 300 bytes for each repository.
    max_bytes: 1024 * 1024 * 1024,
    hint: "run `forgekeep backup`: it asks git for every repository and writes the file again",
};

/// What the backup has of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KnownVersion {
    /// Full name at the hoster.
    pub name: Untrusted,
    /// The version that was listed before git was asked.
    pub version: Untrusted,
    /// The default branch that was listed with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_branch: Option<Untrusted>,
    /// When git was asked.
    pub checked: Timestamp,
    /// Whether the repository had no ref then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub empty: bool,
    /// What its files looked like afterwards ([`marks`]).
    pub marks: String,
}

/// Why a source's versions prove nothing: until a run that asks for everything finds no such change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// When a change was found under an equal version.
    pub at: Timestamp,
    /// Full name of the repository that had changed.
    pub repository: Untrusted,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct VersionsFile {
    format: u32,
    /// Whatever else decides what a mirror holds: a file with others says nothing.
    #[serde(default)]
    rules: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended: Option<Ended>,
    #[serde(default)]
    repositories: BTreeMap<Untrusted, KnownVersion>,
}

/// The versions of a source.
#[derive(Debug)]
pub struct SourceVersions {
    path: PathBuf,
    rules: String,
    /// As it is on disk; none if a newer version has written it, or it cannot be read: then it is left
    /// alone.
    on_disk: Option<VersionsFile>,
    /// Why ([`Self::ended`]) and what ([`Self::of`]) is known.
    ended: Option<Ended>,
    repositories: BTreeMap<Untrusted, KnownVersion>,
}

impl SourceVersions {
    /// Reads what is known of a source. `rules` is whatever decides what a mirror holds: known under
    /// other ones is nothing. The failure tells why nothing is known, if there is a file.
    pub fn read(local_folder: &Path, title: &str, rules: String) -> (Self, Option<Failure>) {
        let path = file(local_folder, title);
        let (on_disk, failure) = match sealed::read::<VersionsFile>(&path, FORMATS) {
            Ok(file) => (Some(file.unwrap_or_default()), None),
            // It is no loss that could not be made good: the file is written again.
            Err(failure) if failure.kind == ErrorKind::Damaged => {
                (Some(VersionsFile::default()), Some(failure))
            }
            Err(failure) => (None, Some(failure)),
        };
        let known = on_disk.clone().unwrap_or_default();
        let versions = Self {
            path,
            ended: known.ended,
            repositories: match known.rules == rules {
                true => known.repositories,
                false => BTreeMap::new(),
            },
            rules,
            on_disk,
        };
        (versions, failure)
    }

    /// What is known of a repository, by the hoster's identity.
    pub fn of(&self, id: &Untrusted) -> Option<&KnownVersion> {
        self.repositories.get(id)
    }

    /// Why its versions prove nothing, if they do not.
    pub fn ended(&self) -> Option<&Ended> {
        self.ended.as_ref()
    }

    /// Says whether they prove anything from here on, and why not.
    pub fn set_ended(&mut self, ended: Option<Ended>) {
        self.ended = ended;
    }

    /// Forgets what is known of a repository.
    pub fn forget(&mut self, id: &Untrusted) {
        self.repositories.remove(id);
    }

    /// Forgets what is known of others than these.
    pub fn keep(&mut self, keep: impl Fn(&Untrusted) -> bool) {
        self.repositories.retain(|id, _| keep(id));
    }

    /// Takes down what the backup has of a repository now.
    pub fn set(&mut self, id: Untrusted, known: KnownVersion) {
        self.repositories.insert(id, known);
    }

    /// Writes what has changed since it was read or written.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Disk`].
    pub fn write(&mut self) -> Result<(), Failure> {
        let Some(on_disk) = &self.on_disk else {
            return Ok(());
        };
        let now = VersionsFile {
            format: FORMATS.known,
            rules: self.rules.clone(),
            ended: self.ended.clone(),
            repositories: self.repositories.clone(),
        };
        let is_nothing = now.ended.is_none() && now.repositories.is_empty();
        let has_nothing = on_disk.ended.is_none() && on_disk.repositories.is_empty();
        if now == *on_disk || is_nothing && has_nothing {
            return Ok(());
        }
        if let Some(folder) = self.path.parent() {
            regular_file::make_folder(folder)?;
        }
        sealed::write(&self.path, &now)?;
        self.on_disk = Some(now);
        Ok(())
    }
}

/// A source has a new title: what is known of its versions is its own, unless there is something of that
/// title already.
///
/// # Errors
///
/// [`ErrorKind::Disk`].
pub fn retitle(local_folder: &Path, old: &str, new: &str) -> Result<(), Failure> {
    let (old, new) = (file(local_folder, old), file(local_folder, new));
    if new.exists() {
        return Ok(());
    }
    match fs::rename(&old, &new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Failure::disk("rename", &old, &error))
        }
        _ => Ok(()),
    }
}

fn file(local_folder: &Path, title: &str) -> PathBuf {
    let folder = local_folder.join(OWN_FOLDER).join(VERSIONS);
    folder.join(format!("{}.json", names::encode_component(title)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(version: &str) -> KnownVersion {
        KnownVersion {
            name: "acme/web".into(),
            version: version.into(),
            default_branch: Some("main".into()),
            checked: Timestamp::UNIX_EPOCH,
            empty: false,
            marks: "1".to_owned(),
        }
    }

    fn read(folder: &Path, rules: &str) -> SourceVersions {
        SourceVersions::read(folder, "a/b", rules.to_owned()).0
    }

    #[test]
    fn what_is_known_holds_under_the_rules_it_was_found_by() {
        let folder = tempfile::tempdir().unwrap();
        let id = Untrusted::from("{1}");
        let mut versions = read(folder.path(), "r");
        versions.write().unwrap();
        assert!(!versions.path.exists(), "there is nothing to say");
        versions.set(id.clone(), known("v"));
        versions.write().unwrap();
        assert_eq!(read(folder.path(), "r").of(&id), Some(&known("v")));
        let mut other = read(folder.path(), "other");
        assert_eq!(other.of(&id), None);
        other.write().unwrap();
        assert_eq!(read(folder.path(), "r").of(&id), None);
    }

    #[test]
    fn that_they_prove_nothing_outlasts_other_rules() {
        let folder = tempfile::tempdir().unwrap();
        let ended = Ended {
            at: Timestamp::UNIX_EPOCH,
            repository: "acme/web".into(),
        };
        let mut versions = read(folder.path(), "r");
        versions.set_ended(Some(ended.clone()));
        versions.write().unwrap();
        let mut other = read(folder.path(), "other");
        assert_eq!(other.ended(), Some(&ended));
        other.set_ended(None);
        other.write().unwrap();
        assert_eq!(read(folder.path(), "r").ended(), None);
    }

    #[test]
    fn a_source_with_a_new_title_keeps_what_is_known_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let read = |title: &str| SourceVersions::read(folder.path(), title, "r".to_owned()).0;
        let mut versions = read("old");
        versions.set("{1}".into(), known("v"));
        versions.write().unwrap();
        retitle(folder.path(), "nothing", "new").unwrap();
        retitle(folder.path(), "old", "new").unwrap();
        assert_eq!(read("new").of(&"{1}".into()), Some(&known("v")));
        assert_eq!(read("old").of(&"{1}".into()), None);
        let mut other = read("other");
        other.set("{1}".into(), known("w"));
        other.write().unwrap();
        retitle(folder.path(), "new", "other").unwrap();
        assert_eq!(read("other").of(&"{1}".into()), Some(&known("w")));
    }

    #[test]
    fn a_file_that_nothing_changes_is_not_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut versions = read(folder.path(), "r");
        versions.set("{1}".into(), known("v"));
        versions.write().unwrap();
        let mut again = read(folder.path(), "r");
        fs::remove_file(&again.path).unwrap();
        again.write().unwrap();
        assert!(!again.path.exists());
        again.keep(|_| false);
        again.write().unwrap();
        assert!(again.path.exists());
    }

    #[test]
    fn a_damaged_file_is_told_and_replaced_and_a_newer_one_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut versions = read(folder.path(), "r");
        versions.set("{1}".into(), known("v"));
        versions.write().unwrap();
        let path = versions.path.clone();
        for (text, is_replaced) in [("{", true), ("{\"format\": 2}", false)] {
            fs::write(&path, text).unwrap();
            let (mut found, failure) = SourceVersions::read(folder.path(), "a/b", "r".to_owned());
            assert!(failure.is_some());
            assert_eq!(found.of(&"{1}".into()), None);
            found.set("{1}".into(), known("w"));
            found.write().unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap() != text, is_replaced);
        }
    }
}
