//! Configuration, `HEAD`, snapshots and refs.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use forgekeep_durable::{atomic_file, regular_file};
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_git::foreign;
use forgekeep_git::links::peeled;
use forgekeep_git::object_files::{ObjectFiles, database, read};
use forgekeep_git::reach::{Root, Walk};
use forgekeep_git::refs::{
    self, FORGOTTEN, KEPT, OURS, RefName, RefValue, Refs, Storage, StoredRefs, is_valid_name,
    parse_oid,
};
use forgekeep_git::reftable;
use forgekeep_store::snapshot::{
    Changes, Counts, Identity, Origin, RefState, Snapshot, SnapshotFile, SnapshotId, Store, Tips,
};
use forgekeep_untrusted::Printable;
use forgekeep_verify::{Finding, Piece};
use git2::Oid;

use super::aside::Aside;
use super::{Repair, files_of};

/// As git makes it for a bare repository.
const CONFIG: &[u8] = b"[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n";

/// Makes the mirror one that can be opened.
pub(super) fn repair_frame(
    mirror: &Path,
    findings: &[Finding],
    aside: &Aside,
) -> Result<(), Failure> {
    let mut is_wrong = findings
        .iter()
        .any(|finding| finding.piece == Piece::Config);
    let in_tables = refs::storage(mirror)? == Storage::Reftable;
    if let (true, Err(failure)) = (in_tables, reftable::read(mirror)) {
        let is_known = newest(&Store::beside(mirror), None)?.is_some();
        if failure.kind != ErrorKind::Damaged || !is_known {
            return Err(failure);
        }
        foreign::abandon_tables(mirror)?;
        is_wrong = true;
    }
    for name in ["refs", "objects/pack", "objects/info"] {
        let folder = mirror.join(name);
        atomic_file::make_folders(&folder)?;
    }
    if is_wrong {
        let config = mirror.join("config");
        aside.copy(&config)?;
        atomic_file::replace(&config, CONFIG)?;
    }
    let strayed = findings.iter().any(|finding| finding.piece == Piece::Head);
    let present = refs::read_head(mirror)?;
    if strayed || present.is_none() {
        let head = mirror.join("HEAD");
        aside.copy(&head)?;
        let store = Store::beside(mirror);
        let known = newest(&store, None)?.and_then(|(_, state)| state.head);
        let known = known.or(present);
        refs::write_head(mirror, known.as_deref().unwrap_or(b"refs/heads/main"))?;
    }
    Ok(())
}

/// The newest snapshot whose state can be told.
fn newest(
    store: &Store,
    present: Option<&RefState>,
) -> Result<Option<(SnapshotFile, RefState)>, Failure> {
    let entries = store.entries()?;
    for at in (0..entries.len()).rev() {
        match store.state(&entries, at, present) {
            Ok(state) => return Ok(Some((entries[at].clone(), state))),
            Err(failure) if failure.kind == ErrorKind::Damaged => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(None)
}

/// The refs that are there, if they are not damaged.
fn present(mirror: &Path) -> Result<Option<StoredRefs>, Failure> {
    match StoredRefs::read(mirror) {
        Ok(stored) => Ok(Some(stored)),
        Err(failure) if failure.is_damage() => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Makes snapshots again whose files are damaged, or that follow on one that is missing. Returns what
/// is said of those of which nothing is left.
pub(super) fn repair_snapshots(repair: &Repair<'_>, aside: &Aside) -> Result<Vec<String>, Failure> {
    let mirror = repair.mirror;
    let store = Store::beside(mirror);
    let entries = store.entries()?;
    let present = match present(mirror)? {
        Some(stored) => Some(RefState::new(&stored.refs, refs::read_head(mirror)?)),
        None => None,
    };
    let mut lost = Vec::new();
    let mut before: Option<(SnapshotId, RefState)> = None;
    let mut sound: HashSet<SnapshotId> = HashSet::new();
    store.each_state(&entries, present.as_ref(), |at, state| {
        let entry = &entries[at];
        let state = match state {
            Ok(state) => state,
            Err(failure) if failure.kind == ErrorKind::Damaged => {
                aside.take(&entry.path)?;
                lost.push(format!("the snapshot {} of {}", entry.id, entry.time));
                return Ok(());
            }
            Err(failure) => return Err(failure),
        };
        let previous = before.as_ref().map(|(id, _)| id.clone());
        let read = entry.read();
        if let Err(failure) = &read
            && !failure.is_damage()
        {
            return Err(failure.clone());
        }
        let follows = |snapshot: &Snapshot| match &snapshot.previous {
            Some(previous) => sound.contains(previous),
            None => snapshot.tips.is_some(),
        };
        if !read.as_ref().is_ok_and(follows) {
            let known = Tips::new();
            let tips = before.as_ref().map_or(&known, |(_, state)| &state.tips);
            let from = RefState {
                head: before.as_ref().and_then(|(_, state)| state.head.clone()),
                tips: tips.clone(),
            };
            let identity = read.as_ref().map(|snapshot| snapshot.identity.clone());
            let identity = identity.unwrap_or_else(|_| neighbour(&entries, at, repair));
            aside.copy(&entry.path)?;
            rebuilt(entry, identity, previous, &from, state).rewrite(&entry.path)?;
        }
        sound.insert(entry.id.clone());
        before = Some((entry.id.clone(), state.clone()));
        Ok(())
    })?;
    Ok(lost)
}

/// Whose mirror it was: as the next snapshot says that can be read, or as upstream says now.
fn neighbour(entries: &[SnapshotFile], at: usize, repair: &Repair<'_>) -> Identity {
    let (before, after) = entries.split_at(at);
    let mut near = before.iter().rev().chain(after);
    let found = near.find_map(|entry| entry.read().ok());
    found.map_or_else(|| repair.upstream.identity.clone(), |it| it.identity)
}

fn rebuilt(
    entry: &SnapshotFile,
    identity: Identity,
    previous: Option<SnapshotId>,
    before: &RefState,
    state: &RefState,
) -> Snapshot {
    let changes = Changes::between(before, state);
    Snapshot {
        number: entry.number,
        id: entry.id.clone(),
        time: entry.time,
        previous,
        identity,
        origin: Origin::Rebuilt,
        head: state.head.clone(),
        counts: Counts::new(&state.tips, &changes),
        changes,
        tips: Some(state.tips.clone()),
        more: serde_json::Map::new(),
    }
}

/// Makes the refs again: those of the newest snapshot, and whatever else was held and is there.
/// Returns what is said of refs that are lost, where no snapshot remembers them.
pub(super) fn repair_refs(repair: &Repair<'_>, aside: &Aside) -> Result<Vec<String>, Failure> {
    let mirror = repair.mirror;
    let lines = lenient(mirror)?;
    let present = present(mirror)?;
    let head = refs::read_head(mirror)?;
    let state = present.as_ref().map(|s| RefState::new(&s.refs, head));
    let store = Store::beside(mirror);
    let remembered = newest(&store, state.as_ref())?;
    let is_remembered = remembered.is_some();
    let tips = match remembered {
        Some((_, state)) => state.tips,
        // All there is to go by.
        None => lines
            .iter()
            .filter(|(name, _)| !name.starts_with(OURS))
            .cloned()
            .collect(),
    };
    let files = ObjectFiles::look(mirror)?;
    let known = files.known();
    let database = database(mirror)?;
    // What can be read counts: an index may name what its pack has lost.
    let is_there = |oid: &Oid| -> Result<bool, Failure> {
        Ok(known.binary_search(oid).is_ok() && read(&database, *oid)?.is_some())
    };
    let mut new = Refs::new();
    let mut lost = Vec::new();
    for (name, oid) in &tips {
        if is_there(oid)? {
            new.insert(name.clone(), value(*oid));
        } else if !is_remembered {
            let name = refs::shown(name).to_string();
            lost.push(format!("the ref {name}, which names {oid},"));
        }
    }
    let mut held: HashSet<Oid> = HashSet::new();
    for (name, oid) in &lines {
        let of_name = oid_in(name);
        if of_name == Some(*oid) {
            if is_there(oid)? {
                new.insert(name.clone(), value(*oid));
            }
        } else if name.starts_with(OURS) {
            held.extend([Some(*oid), of_name].into_iter().flatten());
        } else if tips.get(name) != Some(oid) {
            held.insert(*oid);
        }
    }
    held.extend(state.as_ref().and_then(RefState::detached));
    let entries = store.entries()?;
    store.each_state(&entries, state.as_ref(), |_, state| {
        match state {
            Ok(state) => held.extend(state.objects()),
            Err(failure) if failure.kind == ErrorKind::Damaged => {}
            Err(failure) => return Err(failure),
        }
        Ok(())
    })?;
    let walk = Walk {
        database: &database,
        known: &known,
        unreadable: &HashSet::new(),
        unread: &HashSet::new(),
        cancel: &repair.watch.cancel,
    };
    let roots = new.values().map(|value| Root {
        oid: value.oid,
        name: Printable::default(),
    });
    let roots: Vec<Root> = roots.collect();
    let (seen, broken) = walk.commits_and_broken(&roots)?;
    // Upstream's refs must have whole histories, or nothing could be compared with them: what is
    // left of another is held as an old tip.
    let cut: Vec<RefName> = new
        .iter()
        .filter(|(name, value)| !name.starts_with(OURS) && broken.contains(&value.oid))
        .map(|(name, _)| name.clone())
        .collect();
    for name in cut {
        if let Some(old) = new.remove(&name) {
            keep(&mut new, old.oid);
        }
    }
    for oid in held.iter().filter(|oid| !seen.contains(*oid)) {
        if is_there(oid)? {
            keep(&mut new, *oid);
        }
    }
    let none = HashSet::new();
    for value in new.values_mut() {
        value.peeled = peeled(&database, value.oid, &none).filter(|peeled| *peeled != value.oid);
    }
    if present.is_some_and(|stored| stored.refs == new && stored.loose.is_empty())
        && regular_file::read(&mirror.join("packed-refs"))
            .is_ok_and(|text| text == refs::format_packed(&new))
    {
        return Ok(lost);
    }
    let loose = files_of(&mirror.join("refs"));
    aside.copy(&mirror.join("packed-refs"))?;
    for path in &loose {
        aside.copy(path)?;
    }
    let stored = StoredRefs {
        refs: new.clone(),
        loose,
        lacks_packed: false,
    };
    refs::replace_all(mirror, &stored, &new)?;
    Ok(lost)
}

fn value(oid: Oid) -> RefValue {
    RefValue { oid, peeled: None }
}

fn keep(refs: &mut Refs, oid: Oid) {
    let mut name = KEPT.to_vec();
    name.extend(oid.to_string().into_bytes());
    refs.insert(name, value(oid));
}

/// The object that the name of a ref of ours is about.
fn oid_in(name: &[u8]) -> Option<Oid> {
    let mut prefixes = [KEPT, FORGOTTEN].into_iter();
    oid_of(prefixes.find_map(|prefix| name.strip_prefix(prefix))?)
}

fn oid_of(text: &[u8]) -> Option<Oid> {
    parse_oid(std::str::from_utf8(text).ok()?)
}

/// Whatever in `packed-refs` and among the loose refs looks like a ref.
fn lenient(mirror: &Path) -> Result<Vec<(RefName, Oid)>, Failure> {
    let packed = mirror.join("packed-refs");
    let text = match regular_file::read(&packed) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(Failure::disk("read", &packed, &error)),
    };
    let mut found: HashMap<RefName, Oid> = HashMap::new();
    for line in text.split(|byte| *byte == b'\n') {
        let parts = line
            .split_at_checked(40)
            .filter(|(_, rest)| rest.starts_with(b" "));
        let Some((oid, name)) = parts else {
            continue;
        };
        match (oid_of(oid), is_valid_name(&name[1..])) {
            (Some(oid), true) => drop(found.insert(name[1..].to_vec(), oid)),
            // A name that is damaged still leaves what it was about; and the other way round.
            (Some(oid), false) => keep_line(&mut found, oid),
            (None, _) => {
                if let Some(oid) = oid_in(&name[1..]) {
                    keep_line(&mut found, oid);
                }
            }
        }
    }
    for path in files_of(&mirror.join("refs")) {
        let text =
            regular_file::read(&path).map_err(|error| Failure::disk("read", &path, &error))?;
        let below: PathBuf = path.strip_prefix(mirror).unwrap_or(&path).to_owned();
        let name = below.as_os_str().as_encoded_bytes().to_vec();
        if let (Some(oid), true) = (oid_of(text.trim_ascii()), is_valid_name(&name)) {
            found.insert(name, oid);
        }
    }
    Ok(found.into_iter().collect())
}

fn keep_line(found: &mut HashMap<RefName, Oid>, oid: Oid) {
    let mut name = KEPT.to_vec();
    name.extend(oid.to_string().into_bytes());
    found.insert(name, oid);
}
