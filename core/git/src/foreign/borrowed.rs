//! Objects that a mirror borrows from another repository (`objects/info/alternates`): a backup that
//! needs them to be there is none.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use forgekeep_durable::{atomic_file, regular_file};
use forgekeep_failure::{Cancel, ErrorKind, Failure, Finding};
use forgekeep_untrusted::Show as _;
use git2::{Odb, Oid, Repository};

use super::SET_ASIDE;
use super::aside::{file_name, set_aside, warning};
use super::kinds::{check_borrowed, check_packs};
use crate::libgit2;
use crate::links::links;
use crate::object_files::{ObjectFiles, database, read};
use crate::packs::PackIndex;
use crate::refs::StoredRefs;

/// File that names the object folders a repository borrows from.
pub(super) const FILE: &str = "objects/info/alternates";

/// The same for git's old HTTP protocol; nothing on this machine goes by it.
const OF_HTTP: &str = "objects/info/http-alternates";

/// Most bytes of such a file.
const MOST: u64 = 64 * 1024;

/// How far borrowing goes on: git's own limit.
const DEEPEST: usize = 5;

/// Copies what the refs of a mirror reach, and what lies elsewhere, into the mirror; then nothing is
/// borrowed any more. What cannot be had is left to be fetched, and the file stays until then.
pub(super) fn take(
    mirror: &Path,
    may_write: &dyn Fn() -> Result<(), Failure>,
    cancel: &Cancel,
    warnings: &mut Vec<Finding>,
) -> Result<(), Failure> {
    let of_http = mirror.join(OF_HTTP);
    if fs::symlink_metadata(&of_http).is_ok() {
        may_write()?;
        let new = set_aside(&of_http)?;
        let what = format!("its file {OF_HTTP} was moved to {}", file_name(&new));
        warnings.push(warning(mirror, &what));
    }
    let file = mirror.join(FILE);
    if fs::symlink_metadata(&file).is_err() {
        return Ok(());
    }
    may_write()?;
    libgit2::initialise()?;
    let stores = stores(&mirror.join("objects"), &file)?;
    let (wanted, has_gap) = look(mirror, &stores, cancel)?;
    if !wanted.is_empty() {
        copy(mirror, &stores, &wanted, cancel)?;
        warnings.push(warning(
            mirror,
            &format!(
                "it borrowed objects from another repository: {} were copied into it",
                wanted.len()
            ),
        ));
    }
    if has_gap {
        log::info!(
            "{}: some of the objects that it borrows cannot be read",
            mirror.shown()
        );
        return Ok(());
    }
    set_aside(&file)?;
    let what = format!(
        "it borrows no objects any more: its alternates were moved to alternates{SET_ASIDE}"
    );
    warnings.push(warning(mirror, &what));
    Ok(())
}

/// Makes sure that libgit2, which follows such a file by itself, may be let near what it names: opening
/// a pipe, it would wait for ever.
pub(super) fn check(mirror: &Path) -> Result<(), Failure> {
    let file = mirror.join(FILE);
    match fs::symlink_metadata(&file) {
        Ok(_) => stores(&mirror.join("objects"), &file).map(drop),
        Err(_) => Ok(()),
    }
}

/// The object folders that are borrowed from, as far as they can be read.
fn stores(objects: &Path, file: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut stores: Vec<PathBuf> = Vec::new();
    let mut todo = vec![(objects.to_owned(), file.to_owned(), 0)];
    while let Some((objects, file, depth)) = todo.pop() {
        let text = match regular_file::read_at_most(&file, MOST) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Failure::disk("read", &file, &error)),
        };
        for line in text.split(|byte| *byte == b'\n') {
            let Some(path) = path_of(line) else { continue };
            let store = objects.join(path);
            if stores.contains(&store) || depth >= DEEPEST || !store.is_dir() {
                continue;
            }
            check_packs(&store.join("pack"), check_borrowed)?;
            todo.push((store.clone(), store.join("info/alternates"), depth + 1));
            stores.push(store);
        }
    }
    Ok(stores)
}

/// The path that a line names, which git may have put in quotes.
fn path_of(line: &[u8]) -> Option<PathBuf> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() || line.starts_with(b"#") {
        return None;
    }
    let text = std::str::from_utf8(line).ok()?;
    let text = match text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\\\"", "\"").replace("\\\\", "\\"),
        None => text.to_owned(),
    };
    Some(PathBuf::from(text))
}

fn open(mirror: &Path, stores: &[PathBuf]) -> Result<Odb<'static>, Failure> {
    let all = database(mirror)?;
    let named = stores
        .iter()
        .filter_map(|store| Some((store, store.to_str()?)));
    for (store, name) in named {
        if let Err(error) = all.add_disk_alternate(name) {
            log::warn!("{}: {}", store.shown(), libgit2::words(&error));
        }
    }
    Ok(all)
}

/// What the refs reach, and what is not the mirror's own; and whether something is nowhere.
fn look(mirror: &Path, stores: &[PathBuf], cancel: &Cancel) -> Result<(Vec<Oid>, bool), Failure> {
    let own = ObjectFiles::look(mirror)?.known();
    let all = open(mirror, stores)?;
    let mut seen = HashSet::new();
    let mut todo: Vec<(Oid, bool)> = Vec::new();
    for value in StoredRefs::read(mirror)?.refs.values() {
        todo.push((value.oid, false));
    }
    let mut wanted = Vec::new();
    let mut has_gap = false;
    while let Some((oid, is_blob)) = todo.pop() {
        if !seen.insert(oid) {
            continue;
        }
        cancel.check()?;
        let is_own = own.binary_search(&oid).is_ok();
        if is_blob {
            match is_own || all.exists(oid) {
                true if !is_own => wanted.push(oid),
                true => {}
                false => has_gap = true,
            }
            continue;
        }
        let Some(object) = read(&all, oid)? else {
            has_gap = true;
            continue;
        };
        if !is_own {
            wanted.push(oid);
        }
        let links = links(object.kind(), object.data(), &mut |link| {
            todo.push((link.oid, link.is_blob));
        });
        has_gap |= links.is_none();
    }
    Ok((wanted, has_gap))
}

/// Packs objects into the mirror. libgit2 computes the id of each by what it writes.
fn copy(mirror: &Path, stores: &[PathBuf], wanted: &[Oid], cancel: &Cancel) -> Result<(), Failure> {
    let failed = |error: git2::Error| {
        let why = libgit2::words(&error).to_string();
        let message = format!(
            "the objects that {} borrows cannot be copied into it: {why}",
            mirror.shown()
        );
        Failure::new(ErrorKind::Git, message).with_hint(
            "check whether the disk is full, and whether the repository it borrows \
            from is sound: `git fsck` there",
        )
    };
    let repository = Repository::from_odb(open(mirror, stores)?).map_err(failed)?;
    let mut builder = repository.packbuilder().map_err(failed)?;
    let asked = cancel.clone();
    builder
        .set_progress_callback(move |_, _, _| !asked.is_cancelled())
        .map_err(failed)?;
    for oid in wanted {
        builder.insert_object(*oid, None).map_err(failed)?;
    }
    let folder = mirror.join("objects/pack");
    let written = builder.write(&folder, 0);
    cancel.check()?;
    written.map_err(failed)?;
    let files = ObjectFiles::look(mirror)?;
    for pack in &files.packs {
        for path in [&pack.path, &pack.index_path] {
            File::open(path)
                .and_then(|file| file.sync_all())
                .map_err(|error| Failure::disk("sync", path, &error))?;
        }
        let holds_first = |index: &&PackIndex| {
            let first = wanted.first();
            first.is_some_and(|oid| index.find(*oid).is_some())
        };
        if let Some(index) = pack.index().filter(holds_first) {
            index.verify_pack(&pack.path, cancel)?;
        }
    }
    atomic_file::sync_parent(&folder.join("-"))?;
    let own = files.known();
    match wanted.iter().find(|oid| own.binary_search(oid).is_err()) {
        None => Ok(()),
        Some(oid) => {
            let message = format!(
                "{oid}, which {} borrows, does not match its id",
                mirror.shown()
            );
            Err(Failure::new(ErrorKind::Damaged, message))
        }
    }
}
