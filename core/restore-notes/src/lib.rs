//! What was brought back to hosters: `.forgekeep/restores/`, a folder for each target, and in it a sealed
//! file for each repository.
//!
//! A note is written before the repository is made, and once more when it has an id: so a run that was
//! killed is gone on with, and nothing is made twice. A target is known by hoster, origin of the API and name, not by its
//! title; what was in the backup by hoster, origin and the hoster's id. Where a repository came back to the
//! hoster that it was backed up from, the next backup goes on in its old folder: [`Returned`] says which.

#![cfg_attr(test, allow(clippy::disallowed_methods))]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use forgekeep_durable::sealed::{self, Formats};
use forgekeep_durable::{atomic_file, regular_file};
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_untrusted::{Untrusted, names};
use git2::{ObjectType, Oid};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use forgekeep_store::layout::OWN_FOLDER;

/// Folder in [`OWN_FOLDER`] with a folder for each target.
pub const RESTORES: &str = "restores";

/// File in a target's folder on which a restore to it has a lock.
const LOCK: &str = "lock";

/// Folder in a target's folder with the reports of restores to it.
const REPORTS: &str = "reports";

/// Folder in a target's folder for what a restore needs meanwhile.
const WORK: &str = "tmp";

/// Digits of a hash in the name of a file or folder.
const DIGITS: usize = 16;

const FORMATS: Formats = Formats {
    known: 1,
    sealed_since: 1,
    max_bytes: 1024 * 1024,
    hint: "look at the target whether the repository was made, and move this one file away: the next restore then takes what is there for somebody else's unless it is empty",
};

/// Where repositories are brought back to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The id of the hoster's plugin.
    pub hoster: String,
    /// Scheme, host and port of its API, as [`api_origin`] has them.
    pub api_origin: String,
    /// What repositories are made below.
    pub name: String,
    /// The project they are made in; mostly empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub project: String,
}

/// A repository of the backup, whatever its source is called.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// The id of its hoster's plugin; empty where it is not known.
    pub hoster: String,
    /// Scheme, host and port of the API it was listed at; empty where it is not known.
    pub api_origin: String,
    /// The hoster's id of it; the folder below the backup folder where that is not known.
    pub id: Untrusted,
}

/// What is known of a repository that was brought back, or is about to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// Version of the file's format: 1.
    pub format: u32,
    /// The target.
    pub target: Place,
    /// What was in the backup.
    pub origin: Origin,
    /// Full name it has in the backup.
    pub full_name: Untrusted,
    /// What it was to be called, below the target's name.
    pub name: Untrusted,
    /// When it was about to be made.
    pub begun: Timestamp,
    /// The hoster's id of what was made; absent until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Untrusted>,
    /// Ids of what was made for it before, and is there no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub made_before: Vec<Untrusted>,
    /// Full name of what was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_name: Option<Untrusted>,
    /// What its wiki was made with, by ref, where the hoster has begun one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wiki: Option<BTreeMap<String, String>>,
    /// Whether its refs have been sent: before, what is there is not yet what the backup has.
    #[serde(default)]
    pub sent: bool,
    /// Whether it was set up as it had been: from then on, its settings are people's.
    #[serde(default)]
    pub set_up: bool,
    /// Whether all of it was there, and set up, when this was written.
    #[serde(default)]
    pub complete: bool,
    /// Whether a drill has made it, to remove it again.
    #[serde(default)]
    pub drill: bool,
    /// What a newer version wrote.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Note {
    /// Before something is made.
    pub fn new(target: &Place, origin: Origin, full_name: Untrusted, name: Untrusted) -> Self {
        Self {
            format: FORMATS.known,
            target: target.clone(),
            origin,
            full_name,
            name,
            begun: Timestamp::now(),
            made: None,
            made_before: Vec::new(),
            made_name: None,
            wiki: None,
            sent: false,
            set_up: false,
            complete: false,
            drill: false,
            more: Map::new(),
        }
    }
}

/// The notes of a target.
#[derive(Clone, Debug)]
pub struct Notes {
    folder: PathBuf,
}

impl Notes {
    /// Those of a target in a backup folder. Nothing is read or made.
    pub fn of(local_folder: &Path, target: &Place) -> Self {
        let key = hash(&[
            &target.hoster,
            &target.api_origin,
            &target.name.to_lowercase(),
            &target.project.to_lowercase(),
        ]);
        let readable = names::encode_component(&target.hoster);
        Self {
            folder: all(local_folder).join(format!("{readable}-{key}")),
        }
    }

    /// The file on which a restore to the target has a lock.
    pub fn lock(&self) -> PathBuf {
        self.folder.join(LOCK)
    }

    /// All that is noted, by what it is in the backup. A file that is damaged is a failure: what it
    /// says was made would be made twice.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Damaged`], [`ErrorKind::Other`] if a newer version wrote one, [`ErrorKind::Disk`].
    pub fn read(&self) -> Result<Vec<Note>, Failure> {
        read_folder(&self.folder)
    }

    /// Writes what is known of a repository. It lasts when this returns.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Disk`].
    pub fn write(&self, note: &Note) -> Result<(), Failure> {
        regular_file::make_folder(&self.folder)?;
        sealed::write(&self.file(note), note)
    }

    /// Forgets a repository, which is no longer there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Disk`].
    pub fn remove(&self, note: &Note) -> Result<(), Failure> {
        let file = self.file(note);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Failure::disk("remove", &file, &error))
            }
            _ => Ok(()),
        }
    }

    /// An empty folder for what a restore needs meanwhile: its lock makes it nobody else's. What one that
    /// was killed has left is removed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Disk`].
    pub fn begin_work(&self) -> Result<PathBuf, Failure> {
        let folder = self.folder.join(WORK);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Failure::disk("remove", &folder, &error));
            }
            _ => {}
        }
        regular_file::make_folder(&folder)?;
        Ok(folder)
    }

    /// Keeps a report; returns where.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Disk`].
    pub fn keep_report(
        &self,
        started: Timestamp,
        report: &impl Serialize,
    ) -> Result<PathBuf, Failure> {
        let folder = self.folder.join(REPORTS);
        regular_file::make_folder(&folder)?;
        let name = started.strftime("%Y-%m-%dT%H-%M-%S%.3fZ.json").to_string();
        let path = folder.join(name);
        let text = serde_json::to_vec_pretty(report).map_err(|error| {
            Failure::new(
                ErrorKind::Other,
                format!("the report cannot be written: {error}"),
            )
        })?;
        atomic_file::replace(&path, &text)?;
        Ok(path)
    }

    fn file(&self, note: &Note) -> PathBuf {
        let origin = &note.origin;
        let drill = if note.drill { note.name.raw() } else { "" };
        let key = hash(&[&origin.hoster, &origin.api_origin, origin.id.raw(), drill]);
        self.folder.join(format!("{key}.json"))
    }
}

/// What has come back to a hoster under a new id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Returned {
    /// The ids that it has had by the new one, the last one first, for what was backed up from there.
    pub pairs: HashMap<Untrusted, Vec<Untrusted>>,
    /// New ids of what was made in the last days, and has not got its refs yet: a restore to it is under way,
    /// or was interrupted.
    pub under_way: HashSet<Untrusted>,
    /// Full names, as [`names::collision_key`] has them, of what was about to be made in the last days, and may
    /// have been.
    perhaps_made: HashSet<String>,
}

/// How long a restore that was interrupted keeps what it has made out of a backup.
const UNDER_WAY: SignedDuration = SignedDuration::from_hours(7 * 24);

impl Returned {
    /// Whether a restore to a repository is under way, or was interrupted. `is_known` says that the backup has
    /// had it before.
    pub fn is_under_way(&self, id: &Untrusted, full_name: &Untrusted, is_known: bool) -> bool {
        self.under_way.contains(id)
            || (!is_known
                && !self.perhaps_made.is_empty()
                && self
                    .perhaps_made
                    .contains(&names::collision_key(full_name.raw())))
    }

    /// What is noted for a hoster. A note that cannot be read is left out with a warning.
    pub fn read(local_folder: &Path, hoster: &str, api_url: &str, now: Timestamp) -> Self {
        let mut returned = Self::default();
        let origin = api_origin(api_url);
        let Ok(folders) = fs::read_dir(all(local_folder)) else {
            return returned;
        };
        for folder in folders.flatten().filter(|entry| entry.path().is_dir()) {
            let files = note_files(&folder.path()).unwrap_or_else(|failure| {
                log::warn!("{failure}");
                Vec::new()
            });
            for file in files {
                match sealed::read::<Note>(&file, FORMATS) {
                    Ok(Some(note)) => returned.add(note, hoster, &origin, now),
                    Ok(None) => {}
                    Err(failure) => log::warn!("{failure}"),
                }
            }
        }
        returned
    }

    fn add(&mut self, note: Note, hoster: &str, api_origin: &str, now: Timestamp) {
        let (target, origin) = (&note.target, &note.origin);
        if target.hoster != hoster || target.api_origin != api_origin {
            return;
        }
        // What a drill has made is removed by the next one, however late.
        let counts = note.drill || now.duration_since(note.begun) < UNDER_WAY;
        let Some(made) = note.made else {
            if counts {
                let below = note.name.raw();
                let names = [
                    format!("{}/{below}", target.name),
                    format!("{}/{}/{below}", target.name, target.project),
                ];
                let names = names.iter().map(|name| names::collision_key(name));
                self.perhaps_made.extend(names);
            }
            return;
        };
        if note.drill || !note.sent {
            if counts {
                self.under_way.insert(made);
            }
        } else if origin.hoster == hoster && origin.api_origin == api_origin && made != origin.id {
            let before = note.made_before.into_iter().rev();
            let before = before.chain([origin.id.clone()]).collect();
            self.pairs.insert(made, before);
        }
    }
}

/// Scheme, host and port of an address: where the ids of a hoster are good, whatever path its API has.
pub fn api_origin(api_url: &str) -> String {
    let rest = api_url.split_once("://").map_or("", |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let length = api_url.len() - rest.len() + host.len();
    api_url.get(..length).unwrap_or(api_url).to_lowercase()
}

fn all(local_folder: &Path) -> PathBuf {
    local_folder.join(OWN_FOLDER).join(RESTORES)
}

fn read_folder(folder: &Path) -> Result<Vec<Note>, Failure> {
    let files = note_files(folder)?.into_iter();
    let notes = files.map(|file| sealed::read(&file, FORMATS));
    notes.filter_map(Result::transpose).collect()
}

fn note_files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::disk("read", folder, &error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry
            .map_err(|error| Failure::disk("read", folder, &error))?
            .path();
        let is_note = path.extension().is_some_and(|ending| ending == "json");
        if is_note && !path.is_dir() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Tells texts apart, in the name of a file.
fn hash(texts: &[&str]) -> String {
    let mut bytes = Vec::new();
    for text in texts {
        bytes.extend(text.as_bytes());
        bytes.push(0);
    }
    let oid = Oid::hash_object(ObjectType::Blob, &bytes);
    // It fails for want of memory alone.
    let mut digits = oid.map_or_else(|_| String::new(), |oid| oid.to_string());
    digits.truncate(DIGITS);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> Place {
        Place {
            hoster: "forge".to_owned(),
            api_origin: api_origin("https://forge.example/api"),
            name: name.to_owned(),
            project: String::new(),
        }
    }

    fn origin(id: &str) -> Origin {
        Origin {
            hoster: "forge".to_owned(),
            api_origin: api_origin("https://forge.example/api"),
            id: id.into(),
        }
    }

    #[test]
    fn what_was_noted_is_known_again_and_returns_to_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let notes = Notes::of(folder.path(), &place("Acme"));
        assert!(notes.read().unwrap().is_empty());
        let mut note = Note::new(&place("acme"), origin("1"), "acme/web".into(), "web".into());
        notes.write(&note).unwrap();
        let read = |hoster: &str, api_url: &str, days: i64| {
            let now = Timestamp::now() + SignedDuration::from_hours(24 * days);
            Returned::read(folder.path(), hoster, api_url, now)
        };
        // Whatever path the API has.
        let here = "https://forge.example";
        let perhaps = read("forge", here, 0);
        let asked =
            |name: &str, is_known| perhaps.is_under_way(&"7".into(), &name.into(), is_known);
        assert!(asked("acme/Web", false));
        assert!(!asked("acme/web", true) && !asked("acme/cobweb", false));
        note.made = Some("7".into());
        notes.write(&note).unwrap();
        let begun = read("forge", here, 1);
        assert!(begun.pairs.is_empty() && begun.under_way.contains(&Untrusted::from("7")));
        assert_eq!(read("forge", here, 8), Returned::default());
        note.sent = true;
        notes.write(&note).unwrap();
        // The case of a name makes no other target.
        let same = Notes::of(folder.path(), &place("acme"));
        assert_eq!(same.read().unwrap(), [note.clone()]);
        let done = read("forge", here, 0);
        assert_eq!(done.pairs[&Untrusted::from("7")], ["1"]);
        assert!(done.under_way.is_empty());
        assert_eq!(
            read("forge", "https://other.example/api", 0),
            Returned::default()
        );
        assert_eq!(read("other", here, 0), Returned::default());
        assert!(
            Notes::of(folder.path(), &place("beta"))
                .read()
                .unwrap()
                .is_empty()
        );
        notes.remove(&note).unwrap();
        assert!(same.read().unwrap().is_empty());
    }

    #[test]
    fn a_damaged_note_is_no_missing_one() {
        let folder = tempfile::tempdir().unwrap();
        let notes = Notes::of(folder.path(), &place("acme"));
        let note = Note::new(&place("acme"), origin("1"), "acme/web".into(), "web".into());
        notes.write(&note).unwrap();
        let file = notes.file(&note);
        let text = fs::read_to_string(&file).unwrap().replace("web", "wob");
        fs::write(&file, text).unwrap();
        assert_eq!(notes.read().unwrap_err().kind, ErrorKind::Damaged);
        // Others count all the same.
        let mut other = Note::new(&place("acme"), origin("2"), "acme/api".into(), "api".into());
        (other.made, other.sent) = (Some("9".into()), true);
        notes.write(&other).unwrap();
        let now = Timestamp::now();
        let read = Returned::read(folder.path(), "forge", "https://forge.example", now);
        assert_eq!(read.pairs.len(), 1);
    }
}
