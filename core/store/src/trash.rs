//! The trash: what was removed is kept for another grace period, in
//! `.forgekeep/trash/<date>-<source>-<folder>/`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use forgekeep_durable::{atomic_file, regular_file};
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_untrusted::{Show as _, Untrusted, names};
use jiff::Timestamp;

use crate::catalogue::{RepositoryState, Trashed};
use crate::layout::{self, OWN_FOLDER, STATE_FILE, TRASH};
use crate::part::Part;
use crate::snapshot::Identity;

/// A folder's name has at most 255 bytes, on most file systems.
const LONGEST_PART: usize = 110;

/// Where the trash of a backup folder is.
pub fn folder(local_folder: &Path) -> PathBuf {
    local_folder.join(OWN_FOLDER).join(TRASH)
}

/// A repository in the trash.
pub struct TrashedRepository {
    /// Its folder.
    pub folder: PathBuf,
    /// Its name there.
    pub name: String,
    /// What its state file says; or, if that cannot be read, what can be told without it.
    pub state: RepositoryState,
    /// Where it was, and since when it is here.
    pub trashed: Trashed,
    /// Why its state file cannot be read.
    pub unread: Option<Failure>,
}

/// What is in the trash. No trash is no failure.
///
/// # Errors
///
/// [`forgekeep_failure::ErrorKind::Disk`] if the folder cannot be read.
pub fn entries(local_folder: &Path) -> Result<Vec<TrashedRepository>, Failure> {
    let trash = folder(local_folder);
    let found = match fs::read_dir(&trash) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            regular_file::check_folder(&trash)?;
            return Err(Failure::disk("read", &trash, &error));
        }
    };
    let mut all = Vec::new();
    for entry in found {
        let entry = entry.map_err(|error| Failure::disk("read", &trash, &error))?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let folder = entry.path();
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let (state, unread) = match RepositoryState::read(&folder) {
            Ok(Some(state)) => (state, None),
            Ok(None) if !holds_backup(&folder) => continue,
            Ok(None) => {
                let path = folder.join(STATE_FILE);
                let message = format!("{} is missing", path.shown());
                let failure = Failure::new(ErrorKind::Damaged, message);
                (without_file(&folder, &name), Some(failure))
            }
            Err(failure) => (without_file(&folder, &name), Some(failure)),
        };
        let trashed = state.trashed.clone();
        all.push(TrashedRepository {
            trashed: trashed.unwrap_or_else(|| by_name(&name, &state)),
            folder,
            name,
            state,
            unread,
        });
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

fn holds_backup(folder: &Path) -> bool {
    folder.join(layout::SNAPSHOTS).is_dir() || Part::all(folder).any(|part| part.folder.is_dir())
}

/// The state of an entry by its snapshots, or with nothing in it but a name: then nobody's listing and
/// no hoster is its own.
fn without_file(folder: &Path, name: &str) -> RepositoryState {
    let state = RepositoryState::recover(folder).unwrap_or_else(|| {
        let full_name = parts(name).1;
        let full_name = full_name.rsplit_once('-').map_or(full_name, |(_, end)| end);
        let identity = Identity {
            hoster: String::new(),
            id: Untrusted::default(),
            full_name: names::decode_full_name(full_name)
                .map_or_else(|| full_name.into(), Into::into),
        };
        RepositoryState::new(identity, parts(name).0)
    });
    let trashed = by_name(name, &state);
    RepositoryState {
        gone: Some(trashed.at),
        trashed: Some(trashed),
        ..state
    }
}

/// What the name of an entry, `<date>-<source>-<folder>`, says of a repository.
fn by_name(name: &str, state: &RepositoryState) -> Trashed {
    let (at, rest) = parts(name);
    let folder = names::encode_full_name(state.full_name.raw());
    let source = rest.strip_suffix(shortened(&folder));
    let source = source.and_then(|source| source.strip_suffix('-'));
    let (source, folder) = match source {
        Some(source) => (source, folder.as_str()),
        // One with a suffix.
        None => rest.split_once('-').unwrap_or((rest, rest)),
    };
    Trashed {
        at,
        source: names::decode_component(source)
            .unwrap_or_else(|| source.to_owned())
            .into(),
        folder: folder.to_owned(),
    }
}

/// The date in the name of an entry, and the rest.
fn parts(name: &str) -> (Timestamp, &str) {
    let (date, rest) = name.split_at_checked(10).unwrap_or((name, ""));
    let at = format!("{date}T00:00:00Z").parse();
    match (at, rest.strip_prefix('-')) {
        (Ok(at), Some(rest)) => (at, rest),
        _ => (Timestamp::now(), name),
    }
}

/// Moves a repository's folder to the trash, by one rename. Its periods start again there. Returns
/// where it is.
pub fn put(
    local_folder: &Path,
    folder: &Path,
    mut state: RepositoryState,
    source: (&str, &str),
    now: Timestamp,
) -> Result<PathBuf, Failure> {
    let (title, source_folder) = source;
    let name = Untrusted::of_path(folder.file_name().unwrap_or_default()).into_raw();
    state.missing = None;
    state.trashed = Some(Trashed {
        at: now,
        source: title.into(),
        folder: name.clone(),
    });
    let trash = self::folder(local_folder);
    regular_file::make_folder(&trash)?;
    let date = now.strftime("%Y-%m-%d");
    let base = format!("{date}-{}-{}", shortened(source_folder), shortened(&name));
    let mut target = trash.join(&base);
    let mut number = 1;
    while target.symlink_metadata().is_ok() {
        number += 1;
        target = trash.join(format!("{base}~{number}"));
    }
    // The state first: a folder that still is where it was, with this in its state, is no harm.
    state.write(folder)?;
    fs::rename(folder, &target).map_err(|error| Failure::disk("remove", folder, &error))?;
    atomic_file::sync_parent(&target)?;
    atomic_file::sync_parent(folder)?;
    Ok(target)
}

/// Takes a repository that is listed again back to its source's folder, under the name it had or one
/// that is free. Returns the name.
pub fn take_back(entry: &TrashedRepository, source_folder: &Path) -> Result<String, Failure> {
    let wanted = Path::new(&entry.trashed.folder);
    // The name comes from a file: it is a name only if it is one component.
    let base = match wanted.file_name().and_then(|name| name.to_str()) {
        Some(name) if name == entry.trashed.folder => name,
        _ => entry.name.as_str(),
    };
    let mut name = base.to_owned();
    let mut number = 1;
    while source_folder.join(&name).symlink_metadata().is_ok() {
        number += 1;
        name = format!("{base}~{number}");
    }
    let target = source_folder.join(&name);
    atomic_file::make_folders(source_folder)?;
    fs::rename(&entry.folder, &target)
        .map_err(|error| Failure::disk("take back", &entry.folder, &error))?;
    atomic_file::sync_parent(&target)?;
    atomic_file::sync_parent(&entry.folder)?;
    let mut state = entry.state.clone();
    state.trashed = None;
    state.gone = None;
    state.missing = None;
    state.write(&target)?;
    Ok(name)
}

fn shortened(name: &str) -> &str {
    let mut end = name.len().min(LONGEST_PART);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

/// Gives what is in the trash the ids under which it came back to a hoster: `pairs` has the old ones by the new.
/// What cannot be written stays as it is.
pub fn renew(local_folder: &Path, hoster: &str, pairs: &HashMap<Untrusted, Vec<Untrusted>>) {
    for entry in entries(local_folder).unwrap_or_default() {
        let old = &entry.state.id;
        let new = pairs.iter().find(|(_, known)| known.contains(old));
        let is_it = entry.state.hoster == hoster && entry.unread.is_none();
        if let Some((new, _)) = new.filter(|_| is_it) {
            let mut state = entry.state.clone();
            state.renew(new);
            if let Err(failure) = state.write(&entry.folder) {
                log::warn!("{failure}");
            }
        }
    }
}
