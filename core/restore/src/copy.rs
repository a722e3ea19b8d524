//! Copies a mirror's objects. Copies, never links: a restored repository shares nothing with the
//! backup, so that whatever is done to it is done to it alone.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use forgekeep_durable::folder;
use forgekeep_durable::{atomic_file, regular_file};
use forgekeep_failure::{Cancel, ErrorKind, Failure, Unexpected};
use forgekeep_git::loose;
use forgekeep_git::packs::{PackIndex, is_unfinished};
use forgekeep_git::refs::parse_oid;
use forgekeep_untrusted::Show as _;

/// How often the mirror is looked at again, because a run that is under way has replaced what was
/// to be copied.
const LOOKS: usize = 20;

/// Bytes that are copied at a time.
const PIECE: usize = 1024 * 1024;

/// How files are copied.
#[derive(Clone, Copy)]
struct Copying<'a> {
    /// Counts the bytes.
    copied: Option<&'a AtomicU64>,
    cancel: &'a Cancel,
}

/// Copies all packs and loose objects of `mirror` into the new repository at `git_dir`, and checks
/// what arrives. What is damaged is not taken; it is returned, for a warning.
///
/// A run may be at work in the mirror. It removes packs only after it has put others in their place,
/// so this goes on until a look finds nothing new.
pub(super) fn objects(
    mirror: &Path,
    git_dir: &Path,
    copied: Option<&AtomicU64>,
    cancel: &Cancel,
) -> Result<Vec<Failure>, Failure> {
    let to = Copying { copied, cancel };
    let mut done = HashSet::new();
    let mut damaged = Vec::new();
    for _ in 0..LOOKS {
        let mut is_new = false;
        for name in packs(mirror)? {
            if done.insert(name.clone()) {
                is_new = true;
                copy_pack(mirror, git_dir, &name, &mut damaged, to)?;
            }
        }
        for (folder, name) in loose(mirror)? {
            if done.insert(format!("{folder}/{name}")) {
                is_new = true;
                copy_loose(mirror, git_dir, &folder, &name, &mut damaged, to)?;
            }
        }
        if !is_new {
            return Ok(damaged);
        }
    }
    Err(Failure::new(
        ErrorKind::Damaged,
        format!("{} changes faster than it can be copied", mirror.shown()),
    )
    .with_hint("restore again when no run is under way"))
}

/// The packs that have an index, without their ending.
fn packs(mirror: &Path) -> Result<Vec<String>, Failure> {
    let names: HashSet<OsString> = folder::names(&mirror.join("objects/pack"))?
        .into_iter()
        .collect();
    let stem = |name: &OsString| name.to_str()?.strip_suffix(".pack").map(str::to_owned);
    let mut packs: Vec<String> = names.iter().filter_map(stem).collect();
    packs.retain(|stem| {
        !is_unfinished(stem) && names.contains(&OsString::from(format!("{stem}.idx")))
    });
    packs.sort();
    Ok(packs)
}

/// The loose objects: folder and name, which together are the id.
fn loose(mirror: &Path) -> Result<Vec<(String, String)>, Failure> {
    let mut found = Vec::new();
    for fan in folder::names(&mirror.join("objects"))? {
        let Some(folder) = fan.to_str().filter(|name| name.len() == 2) else {
            continue;
        };
        let names = folder::names(&mirror.join("objects").join(&fan))?;
        let names = names.into_iter().filter_map(|name| name.into_string().ok());
        let objects = names.filter(|name| parse_oid(&format!("{folder}{name}")).is_some());
        found.extend(objects.map(|name| (folder.to_owned(), name)));
    }
    Ok(found)
}

/// Whether a loose object of a mirror is damaged. libgit2 may not come back from reading such a one.
pub(super) fn has_bad_loose(mirror: &Path) -> Result<bool, Failure> {
    let all = loose(mirror)?;
    for (folder, name) in &all {
        let path = mirror.join("objects").join(folder).join(name);
        if !is_whole(&path, folder, name)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn copy_pack(
    mirror: &Path,
    git_dir: &Path,
    name: &str,
    damaged: &mut Vec<Failure>,
    how: Copying<'_>,
) -> Result<(), Failure> {
    let file = |folder: &Path, ending: &str| {
        let name = format!("{name}.{ending}");
        folder.join("objects/pack").join(name)
    };
    let (pack, index) = (file(git_dir, "pack"), file(git_dir, "idx"));
    // The index last: without it, nobody takes the pack for one.
    let copied = copy(&file(mirror, "pack"), &pack, how)
        .and_then(|there| Ok(there && copy(&file(mirror, "idx"), &index, how)?));
    let remove = || {
        for path in [&index, &pack] {
            let _ = fs::remove_file(path);
        }
    };
    // What is on the disk now is what counts, not what was read.
    let checked = copied.and_then(|there| {
        if there {
            PackIndex::open(&index)?.verify_pack(&pack, how.cancel)?;
        }
        Ok(there)
    });
    match checked {
        Ok(true) => Ok(()),
        Ok(false) => {
            remove();
            Ok(())
        }
        Err(failure) if failure.kind == ErrorKind::Damaged => {
            remove();
            // Of the copy, it says: but it is a copy of what is damaged.
            damaged.push(is_damaged(&file(mirror, "pack")));
            Ok(())
        }
        Err(failure) => Err(failure),
    }
}

fn copy_loose(
    mirror: &Path,
    git_dir: &Path,
    folder: &str,
    name: &str,
    damaged: &mut Vec<Failure>,
    how: Copying<'_>,
) -> Result<(), Failure> {
    let path = |root: &Path| root.join("objects").join(folder).join(name);
    let (from, to) = (path(mirror), path(git_dir));
    if let Some(parent) = to.parent() {
        atomic_file::make_folders(parent)?;
    }
    if fs::metadata(&from).is_ok_and(|found| !found.is_file()) {
        damaged.push(is_damaged(&from));
        return Ok(());
    }
    if copy(&from, &to, how)? && !is_whole(&to, folder, name)? {
        fs::remove_file(&to).map_err(|error| Failure::disk("remove", &to, &error))?;
        damaged.push(is_damaged(&from));
    }
    Ok(())
}

/// Whether a loose object is what its name says. libgit2 is not asked: it may take the object from
/// a pack, and never end on a damaged one.
fn is_whole(path: &Path, folder: &str, name: &str) -> Result<bool, Failure> {
    let Some(oid) = parse_oid(&format!("{folder}{name}")) else {
        return Ok(false);
    };
    match loose::check(oid, path) {
        Ok(()) => Ok(true),
        Err(failure) if failure.is_damage() => Ok(false),
        Err(failure) => Err(failure),
    }
}

fn is_damaged(path: &Path) -> Failure {
    Failure::damaged(path, "its content has changed")
    .with_hint("run `forgekeep verify` to see what is lost, and `forgekeep backup` to fetch it again where upstream still has it")
}

/// Copies a file and syncs it. False if there is nothing to copy any more.
fn copy(from: &Path, to: &Path, how: Copying<'_>) -> Result<bool, Failure> {
    let mut source = match regular_file::open_linked(from) {
        Ok(source) => source,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) if Unexpected::of(&error).is_some() => return Err(is_damaged(from)),
        Err(error) => return Err(Failure::disk("read", from, &error)),
    };
    let written = |error: io::Error| Failure::disk("write", to, &error);
    let mut target = File::create_new(to).map_err(written)?;
    let mut piece = vec![0; PIECE];
    loop {
        how.cancel.check()?;
        let read = match source.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failure::disk("read", from, &error)),
        };
        target.write_all(&piece[..read]).map_err(written)?;
        if let Some(copied) = how.copied {
            copied.fetch_add(read as u64, Ordering::Relaxed);
        }
    }
    target.sync_all().map_err(written)?;
    read_only(target).map_err(written)?;
    Ok(true)
}

/// As git leaves packs and objects.
fn read_only(file: File) -> io::Result<()> {
    let mut permissions = file.metadata()?.permissions();
    permissions.set_readonly(true);
    file.set_permissions(permissions)
}

/// The folder of the packs of a repository.
pub(super) fn pack_folder(git_dir: &Path) -> PathBuf {
    git_dir.join("objects/pack")
}

#[cfg(all(test, unix))]
mod tests {
    use git2::{Oid, Repository};

    use super::*;

    #[test]
    fn a_pack_that_goes_while_it_is_copied_is_no_damage() {
        let folder = tempfile::tempdir().unwrap();
        let (mirror, git_dir) = (folder.path().join("mirror"), folder.path().join("new"));
        for root in [&mirror, &git_dir] {
            fs::create_dir_all(pack_folder(root)).unwrap();
        }
        // As between two looks: the pack is still there, its index is not.
        fs::write(pack_folder(&mirror).join("pack-1.pack"), "x").unwrap();
        let index = pack_folder(&mirror).join("pack-1.idx");
        std::os::unix::fs::symlink("gone", index).unwrap();
        let damaged = objects(&mirror, &git_dir, None, &Cancel::new()).unwrap();
        assert_eq!(damaged, []);
        assert_eq!(fs::read_dir(pack_folder(&git_dir)).unwrap().count(), 0);
    }

    #[test]
    fn a_loose_object_that_is_not_what_its_name_says_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let (mirror, git_dir) = (folder.path().join("mirror"), folder.path().join("new"));
        let whole = Repository::init_bare(&mirror).unwrap();
        let oids = ["good", "bad"].map(|text| whole.blob(text.as_bytes()).unwrap());
        drop(Repository::init_bare(&git_dir).unwrap());
        let path = |root: &Path, oid: Oid| {
            let name = oid.to_string();
            root.join("objects").join(&name[..2]).join(&name[2..])
        };
        let (good, bad) = (path(&mirror, oids[0]), path(&mirror, oids[1]));
        fs::remove_file(&bad).unwrap();
        fs::copy(good, bad).unwrap();
        let damaged = objects(&mirror, &git_dir, None, &Cancel::new()).unwrap();
        assert_eq!(damaged.len(), 1);
        assert!(path(&git_dir, oids[0]).exists());
        assert!(!path(&git_dir, oids[1]).exists());
    }

    #[test]
    fn a_loose_object_that_is_cut_off_is_not_taken_even_if_a_pack_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let (mirror, git_dir) = (folder.path().join("mirror"), folder.path().join("new"));
        let whole = Repository::init_bare(&mirror).unwrap();
        let lines: String = (0..2000).map(|n| format!("line {n}\n")).collect();
        let oid = whole.blob(lines.as_bytes()).unwrap();
        let mut pack = whole.packbuilder().unwrap();
        pack.insert_object(oid, None).unwrap();
        pack.write(&pack_folder(&mirror), 0).unwrap();
        drop(Repository::init_bare(&git_dir).unwrap());
        let name = oid.to_string();
        let path = mirror.join("objects").join(&name[..2]).join(&name[2..]);
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
        let damaged = objects(&mirror, &git_dir, None, &Cancel::new()).unwrap();
        assert_eq!(damaged.len(), 1, "{damaged:?}");
        let there = Repository::open(&git_dir).unwrap();
        assert_eq!(there.find_blob(oid).unwrap().content(), lines.as_bytes());
    }
}
