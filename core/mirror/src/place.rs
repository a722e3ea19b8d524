//! The folder of a mirror: what is there, and what killed runs have left.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use forgekeep_durable::regular_file;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_git::packs;
use forgekeep_store::layout::PARTIAL;
use forgekeep_untrusted::Show as _;

/// How old a temporary file of git's own must be to be taken for dead. git itself waits for two
/// weeks, as it may be at work at any time; but it has no business here while a run is under way,
/// and what it writes is never a day without a change.
const DEAD: Duration = Duration::from_secs(24 * 60 * 60);

/// What is where a mirror shall be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MirrorFolder {
    Free,
    Mirror,
}

impl MirrorFolder {
    pub(super) fn look(folder: &Path) -> Result<Self, Failure> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::Free),
            Err(error) => return Err(Failure::disk("read", folder, &error)),
        };
        let head = look_at(&folder.join("HEAD"))?;
        let objects = look_at(&folder.join("objects"))?;
        if head.is_some_and(|it| it.is_file()) && objects.is_some_and(|it| it.is_dir()) {
            return Ok(Self::Mirror);
        }
        if entries.count() == 0 {
            return Ok(Self::Free);
        }
        Err(Failure::new(
            ErrorKind::ForeignFolder,
            format!(
                "{} holds something that is not a bare git repository",
                folder.shown()
            ),
        )
        .with_hint("move it elsewhere to have the repository cloned; it was left alone"))
    }
}

/// What a path leads to, if it leads anywhere.
fn look_at(path: &Path) -> Result<Option<fs::Metadata>, Failure> {
    fs::metadata(path).map(Some).or_else(|error| {
        let failure = Failure::disk("look at", path, &error);
        match failure.is_of_machine() {
            true => Err(failure),
            false => Ok(None),
        }
    })
}

/// Where a new mirror is made.
pub(super) fn partial_path(folder: &Path) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(PARTIAL);
    PathBuf::from(name)
}

/// Removes what a run left behind that ended in the middle of a clone.
pub(super) fn remove_partial(partial: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(partial) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::disk("remove", partial, &error)),
    }
}

/// Moves the packs of a repository into another, where they are held: the pack first, so that no index
/// is without. One of the same name is the same, or torn: then it is replaced.
pub(super) fn take_packs(from: &Path, to: &Path) -> Result<(), Failure> {
    let (from, to) = (from.join("objects/pack"), to.join("objects/pack"));
    let failed = |error: io::Error| Failure::disk("read", &from, &error);
    for entry in fs::read_dir(&from).map_err(failed)? {
        let pack = entry.map_err(failed)?.path();
        if pack.extension().is_none_or(|ending| ending != "pack") {
            continue;
        }
        packs::hold(&to.join(pack.file_name().unwrap_or_default()))?;
        for file in [pack.with_extension("idx"), pack.clone()] {
            let target = to.join(file.file_name().unwrap_or_default());
            if !is_same(&file, &target)? {
                fs::rename(&file, &target)
                    .map_err(|error| Failure::disk("move here", &target, &error))?;
            }
        }
    }
    forgekeep_durable::atomic_file::sync_parent(&to.join("-"))
}

/// Whether there is a file with the same content at `target`. One that cannot be read has another.
fn is_same(file: &Path, target: &Path) -> Result<bool, Failure> {
    let failed = |error: io::Error| Failure::disk("read", file, &error);
    let Ok(there) = regular_file::open_linked(target) else {
        return Ok(false);
    };
    let made = fs::File::open(file).map_err(failed)?;
    let length = |file: &fs::File| file.metadata().map(|found| found.len());
    if length(&made).map_err(failed)? != length(&there).unwrap_or_default() {
        return Ok(false);
    }
    let (mut made, mut there) = (BufReader::new(made), BufReader::new(there));
    loop {
        let one = made.fill_buf().map_err(failed)?;
        if one.is_empty() {
            return Ok(true);
        }
        let Ok(other) = there.fill_buf() else {
            return Ok(false);
        };
        let length = one.len().min(other.len());
        if length == 0 || one[..length] != other[..length] {
            return Ok(false);
        }
        made.consume(length);
        there.consume(length);
    }
}

/// Removes what killed fetches left in an existing mirror: nobody ever uses it, and each kill would
/// leave as much again.
///
/// - `shallow.lock`: libgit2 takes it in each fetch, and refuses to go on while it is there.
/// - `pack_git2_…`, with or without `.lock`: libgit2's own, a pack or an index half written. There
///   is one run at a time, and one worker for a mirror, so nobody is writing them.
/// - `pack-….idx` without its pack: libgit2 puts the index in place first. git does it the other way
///   round, so it is no half of git's either.
/// - `tmp_…`: git's, and only if it has not changed for a day.
///
/// What cannot be removed does no harm, and is left for the next time.
pub(super) fn remove_leftovers(mirror: &Path) {
    remove(&mirror.join("shallow.lock"));
    remove_half_packs(mirror);
}

/// Lets go of the packs that a run has held which was killed before it came to it, and removes what one
/// left that was killed while it repacked packs: in a mirror that has no changes, too.
pub(super) fn tidy(mirror: &Path) {
    let names = remove_half_packs(mirror);
    packs::release_some(&mirror.join("objects/pack"), &names);
}

fn remove_half_packs(mirror: &Path) -> HashSet<OsString> {
    let packs = mirror.join("objects/pack");
    let entries = fs::read_dir(&packs).into_iter().flatten().flatten();
    let names: HashSet<OsString> = entries.map(|entry| entry.file_name()).collect();
    let now = SystemTime::now();
    for name in &names {
        let path = packs.join(name);
        let changed = || fs::symlink_metadata(&path).and_then(|found| found.modified());
        let is_old = || {
            let age = changed().ok().map(|changed| now.duration_since(changed));
            age.is_some_and(|age| age.is_ok_and(|age| age > DEAD))
        };
        let has_pack = |stem: &str| names.contains(&OsString::from(format!("{stem}.pack")));
        let dead = name.to_str().is_some_and(|name| {
            name.starts_with("pack_git2_")
                || name
                    .strip_suffix(".idx")
                    .is_some_and(|stem| stem.starts_with("pack-") && !has_pack(stem))
                || name.starts_with("tmp_") && is_old()
        });
        if dead {
            remove(&path);
        }
    }
    names
}

fn remove(path: &Path) {
    match fs::remove_file(path) {
        Ok(()) => log::info!("removed {}, left by a killed fetch", path.shown()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => log::warn!("{}", Failure::disk("remove", path, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_go_and_everything_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let packs = folder.path().join("objects/pack");
        fs::create_dir_all(&packs).unwrap();
        let stay = [
            "pack-1.idx",
            "pack-1.pack",
            "pack-1.rev",
            "pack-3.pack",
            "tmp_pack_new",
            "notes.txt",
        ];
        let go = [
            "pack_git2_0011223344556677",
            "pack_git2_001122334455idx.lock",
            "pack-2.idx",
            "tmp_pack_old",
        ];
        for name in stay.iter().chain(&go) {
            fs::write(packs.join(name), name).unwrap();
        }
        let old = fs::File::options()
            .write(true)
            .open(packs.join("tmp_pack_old"))
            .unwrap();
        old.set_modified(SystemTime::now() - DEAD - Duration::from_secs(60))
            .unwrap();
        fs::write(folder.path().join("shallow.lock"), "").unwrap();
        remove_leftovers(folder.path());
        assert!(!folder.path().join("shallow.lock").exists());
        let left: HashSet<_> = fs::read_dir(&packs)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(left, stay.map(str::to_owned).into());
    }

    #[test]
    fn a_torn_pack_of_the_same_name_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let [from, to] = ["from", "to"].map(|name| folder.path().join(name));
        let pack_folder = |of: &Path| of.join("objects/pack");
        for of in [&from, &to] {
            fs::create_dir_all(pack_folder(of)).unwrap();
        }
        let names = ["a.pack", "a.idx", "b.pack", "b.idx", "c.pack", "c.idx"];
        for name in names.map(|name| format!("pack-{name}")) {
            fs::write(pack_folder(&from).join(name), "whole").unwrap();
        }
        fs::write(pack_folder(&to).join("pack-a.pack"), "who").unwrap();
        fs::write(pack_folder(&to).join("pack-b.pack"), "whole").unwrap();
        fs::write(pack_folder(&to).join("pack-b.idx"), "WHOLE").unwrap();
        take_packs(&from, &to).unwrap();
        for name in names.map(|name| format!("pack-{name}")) {
            let content = fs::read(pack_folder(&to).join(&name)).unwrap();
            assert_eq!(content, b"whole", "{name}");
        }
        packs::release(&to);
        assert_eq!(fs::read_dir(pack_folder(&to)).unwrap().count(), names.len());
    }
}
