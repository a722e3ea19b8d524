//! Packs whose index is gone or damaged, but which are whole themselves: libgit2 computes the index
//! again, out of what is in the pack.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use forgekeep_durable::regular_file;
use forgekeep_failure::{Cancel, ErrorKind, Failure, Unexpected};
use forgekeep_git::libgit2;
use forgekeep_git::packs::is_unfinished;
use forgekeep_untrusted::{Show as _, Untrusted};
use git2::{ErrorClass, Indexer};
use sha1::{Digest, Sha1};

use super::copy::pack_folder;

/// Bytes that are read at a time.
const PIECE: usize = 1024 * 1024;

/// Bytes of the checksum at a pack's end.
const SUM: usize = 20;

/// Copies those packs of `mirror` that the repository at `git_dir` does not have, each with an index
/// made again. Returns what to warn of; what is damaged itself is left to others.
pub(super) fn take(
    mirror: &Path,
    git_dir: &Path,
    cancel: &Cancel,
) -> Result<Vec<Failure>, Failure> {
    let (from, to) = (pack_folder(mirror), pack_folder(git_dir));
    let entries = match fs::read_dir(&from) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::disk("read", &from, &error)),
    };
    let mut taken = Vec::new();
    for entry in entries {
        let path = entry
            .map_err(|error| Failure::disk("read", &from, &error))?
            .path();
        let is_pack = path.extension().is_some_and(|ending| ending == "pack");
        let name = path.file_name().filter(|_| is_pack);
        let name = name.filter(|name| !is_unfinished(Untrusted::of_path(name).raw()));
        if name.is_none_or(|name| to.join(name).exists()) {
            continue;
        }
        match reindex(&path, &to, cancel) {
            Ok(()) => taken.push(
                Failure::new(
                    ErrorKind::Damaged,
                    format!(
                        "the index of {} is missing or damaged; it was rebuilt in the restored \
                        copy",
                        path.shown()
                    ),
                )
                .with_hint("run `forgekeep backup`: it repairs the backup itself"),
            ),
            Err(failure) if failure.kind == ErrorKind::Damaged => log::info!("{failure}"),
            Err(failure) => return Err(failure),
        }
    }
    Ok(taken)
}

fn reindex(pack: &Path, folder: &Path, cancel: &Cancel) -> Result<(), Failure> {
    // libgit2 is given nothing that is damaged: not all of it is noticed before the end.
    if !is_whole(pack, cancel)? {
        return Err(Failure::damaged(pack, "its checksum is wrong"));
    }
    let wrong = |error: &git2::Error| match error.class() {
        ErrorClass::Os | ErrorClass::Filesystem | ErrorClass::NoMemory => super::failed(error),
        _ => Failure::damaged(pack, libgit2::words(error)),
    };
    let mut indexer = Indexer::new(None, folder, 0, false).map_err(|error| wrong(&error))?;
    each_piece(pack, cancel, &mut |piece| {
        indexer.write_all(piece).map_err(|error| {
            let of_git = error.get_ref().and_then(|it| it.downcast_ref());
            of_git.map_or_else(|| Failure::disk("write to", folder, &error), wrong)
        })
    })?;
    let name = indexer.commit().map_err(|error| wrong(&error))?;
    for ending in ["pack", "idx"] {
        let path = folder.join(format!("pack-{name}.{ending}"));
        File::open(&path)
            .and_then(|file| file.sync_all())
            .map_err(|error| Failure::disk("sync", &path, &error))?;
    }
    Ok(())
}

/// Whether a pack has the checksum that it ends with.
fn is_whole(pack: &Path, cancel: &Cancel) -> Result<bool, Failure> {
    let mut sum = Sha1::new();
    // The last bytes so far, which may be the checksum.
    let mut end = Vec::new();
    each_piece(pack, cancel, &mut |piece| {
        end.extend_from_slice(piece);
        let body = end.len().saturating_sub(SUM);
        sum.update(&end[..body]);
        end.drain(..body);
        Ok(())
    })?;
    Ok(sum.finalize()[..] == end[..])
}

/// Reads a file. One that is gone is empty: a run has replaced it.
fn each_piece(
    path: &Path,
    cancel: &Cancel,
    see: &mut dyn FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::disk("read", path, &error);
    let mut file = match regular_file::open_linked(path) {
        Ok(file) => file,
        Err(error) if Unexpected::of(&error).is_some() => {
            return Err(Failure::damaged(path, error.to_string()));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    let mut piece = vec![0; PIECE];
    loop {
        cancel.check()?;
        match file.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(read) => see(&piece[..read])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
}
