//! Removes the objects that only forgotten snapshots needed.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use forgekeep_durable::atomic_file;
use forgekeep_durable::sealed::{self, Formats};
use forgekeep_failure::{Cancel, Failure};
use forgekeep_git::reach::{Root, Walk};
use forgekeep_git::refs::{self, FORGOTTEN, StoredRefs, parse_oid};
use forgekeep_git::{libgit2, packs};
use git2::{Oid, Repository};
use serde::{Deserialize, Serialize};

use super::Pruned;
use super::tips::{failed, lacking};
use crate::layout::SNAPSHOTS;

const FORMATS: Formats = Formats {
    known: 1,
    sealed_since: 1,
    max_bytes: 64 * 1024 * 1024,
    hint: "remove this one file: what it names stays in the mirror, and does no harm",
};

/// What is being removed: written before the refs go that held it, and removed when it is done.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    format: u32,
    forgotten: Vec<String>,
}

/// Removes what only refs below [`FORGOTTEN`] reach, and these refs.
pub(super) fn prune(folder: &Path, cancel: &Cancel) -> Result<Pruned, Failure> {
    let record = record_path(folder);
    let mut roots: HashSet<Oid> = sealed::read::<Record>(&record, FORMATS)?
        .map(|record| {
            record
                .forgotten
                .iter()
                .filter_map(|oid| parse_oid(oid))
                .collect()
        })
        .unwrap_or_default();
    let stored = StoredRefs::read(folder)?;
    let is_forgotten = |name: &[u8]| name.starts_with(FORGOTTEN);
    let marked = stored.refs.iter().filter(|(name, _)| is_forgotten(name));
    roots.extend(marked.map(|(_, value)| value.oid));
    if roots.is_empty() {
        return Ok(Pruned::default());
    }
    let mut new = stored.refs.clone();
    new.retain(|name, _| !is_forgotten(name));
    // Before anything is written: a mirror with holes is left as it is.
    let garbage = garbage(folder, &roots, &new, cancel)?;
    let mut forgotten: Vec<String> = roots.iter().map(Oid::to_string).collect();
    forgotten.sort_unstable();
    if let Some(parent) = record.parent() {
        atomic_file::make_folders(parent)?;
    }
    sealed::write(
        &record,
        &Record {
            format: FORMATS.known,
            forgotten,
        },
    )?;
    if new != stored.refs {
        refs::replace_all(folder, &stored, &new)?;
    }
    let pruned = match garbage.is_empty() {
        true => Pruned::default(),
        false => {
            let done = packs::rewrite(folder, &|oid| !garbage.contains(&oid), cancel)?;
            Pruned {
                objects: done.objects_dropped,
                bytes: done.bytes_before.saturating_sub(done.bytes_after),
            }
        }
    };
    fs::remove_file(&record).map_err(|error| Failure::disk("remove", &record, &error))?;
    Ok(pruned)
}

/// Beside the snapshots: `…/snapshots/repo.prune`.
fn record_path(folder: &Path) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(".prune");
    let beside = folder.parent().unwrap_or(folder);
    beside.join(SNAPSHOTS).join(name)
}

/// What `roots` reach, and `refs` do not.
fn garbage(
    folder: &Path,
    roots: &HashSet<Oid>,
    refs: &refs::Refs,
    cancel: &Cancel,
) -> Result<HashSet<Oid>, Failure> {
    let repository =
        Repository::open_bare(folder).map_err(|error| libgit2::explain(&error, folder))?;
    let odb = repository.odb().map_err(|error| failed(&error))?;
    let mut known = Vec::new();
    odb.foreach(|oid| {
        known.push(*oid);
        true
    })
    .map_err(|error| failed(&error))?;
    known.sort_unstable();
    let walk = Walk {
        database: &odb,
        known: &known,
        unreadable: &HashSet::new(),
        unread: &HashSet::new(),
        cancel,
    };
    let head = repository.head().ok().and_then(|head| head.target());
    let needed: Vec<Root> = refs
        .iter()
        .map(|(name, value)| Root {
            oid: value.oid,
            name: refs::shown(name).into(),
        })
        // An adopted mirror's HEAD may be a commit that no ref has.
        .chain(head.map(|oid| Root {
            oid,
            name: "HEAD".into(),
        }))
        .collect();
    let mut lost = None;
    let needed = walk.all(&needed, &mut |oid, _| lost = lost.or(Some(oid)))?;
    if let Some(oid) = lost {
        return Err(lacking(
            oid,
            &git2::Error::from_str("it is missing or damaged"),
        ));
    }
    // What is missing here was removed by a prune that was ended early.
    let forgotten: Vec<Root> = roots
        .iter()
        .map(|oid| Root {
            oid: *oid,
            name: oid.to_string().into(),
        })
        .collect();
    let reached = walk.all(&forgotten, &mut |_, _| {})?;
    Ok(reached.difference(&needed).copied().collect())
}
