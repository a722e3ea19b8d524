//! Refs, `HEAD`, configuration and snapshots of a mirror.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use forgekeep_durable::regular_file;
use forgekeep_failure::{Cancel, ErrorKind, Failure, Trouble};
use forgekeep_git::foreign;
use forgekeep_git::links::peeled;
use forgekeep_git::reach::Root;
use forgekeep_git::refs::{self, FORGOTTEN, KEPT, OURS, RefValue, Refs, Storage, StoredRefs};
use forgekeep_store::catalogue::RepositoryState;
use forgekeep_store::snapshot::{RefState, Snapshot, SnapshotFile, SnapshotId, Store};
use forgekeep_untrusted::{Show as _, Shown};
use git2::{ObjectType, Odb, Oid};

use super::{Finding, Piece};

/// First words of the header of `packed-refs`, whoever wrote it.
const HEADER: &[u8] = b"# pack-refs with:";

/// What the header may say: git-pack-refs(1).
const TRAITS: [&str; 3] = ["peeled", "fully-peeled", "sorted"];

/// What refs and snapshots say.
pub struct States {
    /// The refs, if they can be read.
    pub stored: Option<StoredRefs>,
    /// The objects that refs point to.
    pub refs: Vec<Root>,
    /// The objects that refs pointed to at any snapshot.
    pub tips: Vec<Root>,
}

impl States {
    /// Reads them, and compares them with each other.
    pub(super) fn read(
        mirror: &Path,
        findings: &mut Vec<Finding>,
        cancel: &Cancel,
    ) -> Result<Self, Failure> {
        let packed = mirror.join("packed-refs");
        let stored = match StoredRefs::read(mirror) {
            Ok(stored) => Some(stored),
            Err(failure) if failure.is_damage() => {
                findings.push(Finding::of(Piece::Refs, &packed, &failure));
                None
            }
            Err(failure) => return Err(failure),
        };
        let in_files = refs::storage(mirror) == Ok(Storage::Files);
        if let (Some(stored), true) = (&stored, in_files) {
            check_form(&packed, stored, findings);
        }
        let head = refs::read_head(mirror)?;
        let present = stored.as_ref().map(|s| RefState::new(&s.refs, head));
        let store = Store::beside(mirror);
        let entries = store.entries()?;
        check_files(&store, &entries, findings)?;
        if let (Some(stored), Some(present)) = (&stored, &present)
            && stored.lacks_packed
            && findings.iter().all(|finding| finding.path != packed)
            && store.had_packed_refs(present)
        {
            findings.push(Finding::new(Piece::Refs, &packed, "it is missing or empty"));
        }
        if let (Some(present), Some(last)) = (&present, entries.last()) {
            check_newest(mirror, &store, &entries, last, present, findings)?;
        }
        let mut held = stored.as_ref().map_or_else(Vec::new, |s| roots(&s.refs));
        let detached = present.as_ref().and_then(RefState::detached);
        held.extend(detached.map(|oid| Root {
            oid,
            name: "HEAD".into(),
        }));
        let mut states = Self {
            refs: held,
            stored,
            tips: Vec::new(),
        };
        let mut seen: HashSet<Oid> = HashSet::new();
        let named: HashSet<PathBuf> = findings.iter().map(|f| f.path.clone()).collect();
        store.each_state(&entries, present.as_ref(), |at, state| {
            cancel.check()?;
            let entry = &entries[at];
            match state {
                Ok(state) => {
                    let new = state.objects().filter(|oid| seen.insert(*oid));
                    states.tips.extend(new.map(|oid| Root {
                        oid,
                        name: format!("the snapshot {}", entry.id).into(),
                    }));
                }
                Err(failure) if failure.kind == ErrorKind::Damaged => {
                    let finding = Finding::of(Piece::Snapshot, &entry.path, &failure);
                    if !named.contains(&finding.path) {
                        findings.push(finding);
                    }
                }
                Err(failure) => return Err(failure),
            }
            Ok(())
        })?;
        Ok(states)
    }
}

fn roots(refs: &Refs) -> Vec<Root> {
    let root = |(name, value): (&Vec<u8>, &RefValue)| Root {
        oid: value.oid,
        name: refs::shown(name).into(),
    };
    refs.iter().map(root).collect()
}

/// Whether git can open a mirror, and takes it for what it is.
pub(super) fn of_repository(mirror: &Path) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    for name in ["refs", "objects"] {
        let folder = mirror.join(name);
        if !is_folder(&folder)? {
            findings.push(Finding::new(Piece::Mirror, &folder, "it is missing"));
        }
    }
    let head = mirror.join("HEAD");
    match fs::symlink_metadata(&head) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            findings.push(Finding::new(Piece::Head, &head, "it is missing"));
        }
        _ if refs::read_head(mirror)?.is_none() => {
            findings.push(Finding::new(Piece::Head, &head, "it names no branch"));
        }
        _ => {}
    }
    if findings.is_empty() {
        let config = mirror.join("config");
        match regular_file::read(&config) {
            Ok(_) => {
                if let Err(why) = foreign::check_config(mirror) {
                    findings.push(Finding::new(Piece::Config, &config, why));
                }
            }
            Err(error) => {
                let failure = Failure::disk("read", &config, &error);
                match failure.trouble {
                    Some(Trouble::Machine) => return Err(failure),
                    Some(Trouble::Missing) => {
                        findings.push(Finding::new(Piece::Config, &config, "it is missing"));
                    }
                    _ => findings.push(Finding::of(Piece::Config, &config, &failure)),
                }
            }
        }
    }
    Ok(findings)
}

/// Whether there is a folder.
///
/// # Errors
///
/// It cannot be told.
pub(super) fn is_folder(path: &Path) -> Result<bool, Failure> {
    match fs::metadata(path) {
        Ok(found) => Ok(found.is_dir()),
        Err(error) => {
            let failure = Failure::disk("look at", path, &error);
            match failure.is_of_machine() {
                true => Err(failure),
                false => Ok(false),
            }
        }
    }
}

/// What can be told from `packed-refs` alone.
fn check_form(packed: &Path, stored: &StoredRefs, findings: &mut Vec<Finding>) {
    let mut say = |what: String| findings.push(Finding::new(Piece::Refs, packed, what));
    for (name, value) in stored
        .refs
        .iter()
        .filter(|(name, _)| name.starts_with(OURS))
    {
        let mut prefixes = [KEPT, FORGOTTEN].into_iter();
        let of_name = prefixes.find_map(|prefix| name.strip_prefix(prefix));
        if of_name != Some(value.oid.to_string().as_bytes()) {
            say(format!("{} points to {}", refs::shown(name), value.oid));
        }
    }
    let Ok(text) = regular_file::read(packed) else {
        return;
    };
    if !stored.loose.is_empty() {
        return;
    }
    let first = text.iter().position(|byte| *byte == b'\n');
    let (header, body) = text.split_at(first.map_or(0, |end| end + 1));
    let wanted = refs::format_packed(&stored.refs);
    let end = wanted.iter().position(|byte| *byte == b'\n');
    let (_, wanted) = wanted.split_at(end.map_or(0, |end| end + 1));
    if !is_header(header) {
        say("its first line is not that of git-pack-refs".to_owned());
    } else if body != wanted {
        say("it holds lines that are not refs, or not in order".to_owned());
    }
}

/// Whether a line is the header, of us or of any git.
fn is_header(line: &[u8]) -> bool {
    let traits = line
        .strip_prefix(HEADER)
        .and_then(|t| t.strip_suffix(b"\n"));
    traits
        .and_then(|traits| std::str::from_utf8(traits).ok())
        .is_some_and(|traits| traits.split_whitespace().all(|word| TRAITS.contains(&word)))
}

/// The lines that say what annotated tags peel to: git believes them.
pub(super) fn check_peeled(
    mirror: &Path,
    stored: &StoredRefs,
    database: &Odb<'_>,
    unreadable: &HashSet<Oid>,
    findings: &mut Vec<Finding>,
) {
    let packed = mirror.join("packed-refs");
    // Loose refs have none, nor have all that an old git has packed.
    let text = regular_file::read(&packed).unwrap_or_default();
    let all =
        stored.loose.is_empty() && text.starts_with(b"# pack-refs with: peeled fully-peeled ");
    let read = |value: &RefValue| !unreadable.contains(&value.oid);
    for (name, value) in stored.refs.iter().filter(|(_, value)| read(value)) {
        let Ok((_, kind)) = database.read_header(value.oid) else {
            continue; // Missing or damaged, which is said elsewhere.
        };
        let wanted = match kind {
            ObjectType::Tag => match peeled(database, value.oid, unreadable) {
                Some(peeled) => Some(peeled),
                None => continue,
            },
            _ => None,
        };
        let is_right = value.peeled == wanted || value.peeled.is_none() && !all;
        if !is_right {
            let what = format!("the line after {} is wrong", refs::shown(name));
            findings.push(Finding::new(Piece::Refs, &packed, what));
        }
    }
}

/// Every snapshot's file, and that none is missing between them.
fn check_files(
    store: &Store,
    entries: &[SnapshotFile],
    findings: &mut Vec<Finding>,
) -> Result<(), Failure> {
    let mut before: HashSet<&SnapshotId> = HashSet::new();
    let mut unread = None;
    for entry in entries {
        match entry.read() {
            Ok(snapshot) => {
                // One to be forgotten may still be between the two.
                let gap = snapshot.previous.filter(|id| !before.contains(id));
                if let Some(id) = gap {
                    let name = entry.path.file_name().unwrap_or_default();
                    let what = format!(
                        "the snapshot {id} is missing, on which {} follows",
                        name.shown()
                    );
                    findings.push(Finding::new(Piece::Gap, &entry.path, what));
                }
            }
            Err(failure) if failure.kind == ErrorKind::Damaged => {
                findings.push(Finding::of(Piece::Snapshot, &entry.path, &failure));
            }
            Err(failure) => unread = unread.or(Some(failure)),
        }
        before.insert(&entry.id);
    }
    if let Some(failure) = unread {
        return Err(failure);
    }
    let folder = store.folder();
    // A mirror has its first snapshot from its first run on; one of SCM Backup's has no state yet.
    let of_repository = folder.parent().and_then(Path::parent).unwrap_or(folder);
    let state = RepositoryState::read(of_repository).ok().flatten();
    let had_some = folder.is_dir() || state.is_some_and(|state| state.format > 1);
    if entries.is_empty() && had_some && !pending(folder).exists() {
        findings.push(Finding::new(
            Piece::Gap,
            folder,
            "all snapshots are missing",
        ));
    }
    Ok(())
}

/// Where a snapshot is whose refs may not have been switched yet.
fn pending(folder: &Path) -> PathBuf {
    folder.with_extension("pending")
}

/// The refs are those of the newest snapshot, or of one that a killed run has left.
fn check_newest(
    mirror: &Path,
    store: &Store,
    entries: &[SnapshotFile],
    last: &SnapshotFile,
    present: &RefState,
    findings: &mut Vec<Finding>,
) -> Result<(), Failure> {
    if present.id(last.time)? == last.id {
        return Ok(());
    }
    if let Ok(Some(pending)) = Snapshot::read(&pending(store.folder())) {
        let switched = RefState {
            head: pending.head.clone(),
            tips: present.tips.clone(),
        };
        if switched.id(pending.time)? == pending.id {
            return Ok(());
        }
    }
    let Ok(known) = store.state(entries, entries.len() - 1, None) else {
        return Ok(()); // Said of the snapshot's own file.
    };
    if known.tips == present.tips {
        let head = |head: &Option<Vec<u8>>| {
            head.as_deref()
                .map_or_else(|| Shown::of("nothing"), refs::shown)
        };
        let what = format!(
            "it points to {}, and to {} at the newest snapshot, {}",
            head(&present.head),
            head(&known.head),
            last.id
        );
        let path = mirror.join("HEAD");
        if !findings.iter().any(|finding| finding.path == path) {
            findings.push(Finding::new(Piece::Head, &path, what));
        }
        return Ok(());
    }
    let all: HashSet<_> = known.tips.keys().chain(present.tips.keys()).collect();
    let differs = |name: &&&Vec<u8>| known.tips.get(**name) != present.tips.get(**name);
    let number = all.iter().filter(differs).count();
    let example = all.iter().filter(differs).min();
    let example = example.map_or(Shown::of(""), |name| refs::shown(name));
    let what = format!(
        "its refs are not those of the newest snapshot, {}: {number} differ, {} among them",
        last.id, example
    );
    findings.push(Finding::new(Piece::Refs, &mirror.join("packed-refs"), what));
    Ok(())
}
