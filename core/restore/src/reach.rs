//! Whether all that the refs of a state reach is there and can be read.
//!
//! The packs that were copied have the checksums they were written with, and whoever wrote them had
//! computed the id of every object. So a blob need only be there; commits, trees and tags are read,
//! to find what they reach. Submodules are not followed: their commits are another repository's.

use std::collections::HashSet;
use std::path::Path;

use forgekeep_failure::{Cancel, ErrorKind, Failure};
use forgekeep_git::libgit2;
use forgekeep_git::links::{Link, links};
use forgekeep_git::memory::{self, exactly};
use forgekeep_git::packs::{Large, Opened};
use forgekeep_git::refs;
use forgekeep_store::snapshot::Tips;
use forgekeep_untrusted::Show as _;
use git2::{ObjectType, Odb, Oid, Repository};

use super::copy::{has_bad_loose, pack_folder};
use super::unindexed;

/// What is told beside.
pub(super) struct SideFindings<'a> {
    /// What to warn of.
    pub damaged: &'a mut Vec<Failure>,
    /// Objects too large to be read: what they reach is not known.
    pub unread: &'a mut Vec<Failure>,
}

/// Makes sure that the repository at `git_dir` has all that `tips` reach. What its packs lack is
/// looked for in `mirror`, among what was not copied because of damage in the same file, and is
/// packed again. Returns how many objects those were.
///
/// # Errors
///
/// [`ErrorKind::Damaged`] naming an object that is missing, and a ref that needs it.
pub(super) fn complete(
    git_dir: &Path,
    mirror: &Path,
    tips: &Tips,
    SideFindings { damaged, unread }: SideFindings<'_>,
    cancel: &Cancel,
) -> Result<usize, Failure> {
    match check(&open(git_dir)?, tips, unread, cancel) {
        Ok(()) => return Ok(0),
        Err(failure) if failure.kind == ErrorKind::Damaged => {
            log::info!("{failure}; looking for it in damaged files");
        }
        Err(failure) => return Err(failure),
    }
    let taken = unindexed::take(mirror, git_dir, cancel)?;
    let is_enough = !taken.is_empty() && check(&open(git_dir)?, tips, unread, cancel).is_ok();
    damaged.extend(taken);
    if is_enough {
        return Ok(0);
    }
    // Otherwise what is lacking is said by the last check.
    let found = match has_bad_loose(mirror)? {
        true => 0,
        false => rescue(git_dir, mirror, tips, cancel)?,
    };
    check(&open(git_dir)?, tips, unread, cancel)?;
    Ok(found)
}

/// Packs what the repository at `git_dir` lacks, out of `mirror`. libgit2 checks the id of what it
/// reads there.
fn rescue(git_dir: &Path, mirror: &Path, tips: &Tips, cancel: &Cancel) -> Result<usize, Failure> {
    let (own, both) = (open(git_dir)?, open(git_dir)?);
    let odb = both.odb().map_err(|e| failed(&e))?;
    let objects = mirror.join("objects");
    let objects = objects.to_str().ok_or_else(|| {
        Failure::new(
            ErrorKind::Git,
            format!("{} is not Unicode", objects.shown()),
        )
    })?;
    odb.add_disk_alternate(objects).map_err(|e| failed(&e))?;
    let own_odb = own.odb().map_err(|e| failed(&e))?;
    let mut builder = both.packbuilder().map_err(|e| failed(&e))?;
    let mut found = 0;
    let mut seen = HashSet::new();
    let mut large = Large::of(mirror, memory::limit());
    let mut streamed = Vec::new();
    let skip = &mut |_| Ok(());
    walk(&both, tips, &mut seen, cancel, skip, &mut |oid, is_blob| {
        if !own_odb.exists_ext(oid, git2::OdbLookupFlags::NO_REFRESH) {
            found += 1;
            if is_blob {
                let (size, _) = odb.read_header(oid)?;
                if large.is_large(size as u64) {
                    streamed.push(oid);
                    return Ok(());
                }
                odb.read(oid)?;
            }
            builder.insert_object(oid, None)?;
        }
        Ok(())
    })?;
    for oid in streamed {
        match large.open(oid, &odb, cancel)? {
            Opened::Stream(mut stream) => stream.copy_to_loose(git_dir, oid, cancel)?,
            Opened::Readable => builder.insert_object(oid, None).map_err(|e| failed(&e))?,
            Opened::TooLarge(why) => {
                let message =
                    format!("the object {oid} cannot be recovered from damaged files: {why}");
                return Err(libgit2::too_large(message, &why));
            }
        }
    }
    builder
        .write(&pack_folder(git_dir), 0)
        .map_err(|e| failed(&e))?;
    Ok(found)
}

/// Whether a repository has all that `tips` reach.
fn check(
    repository: &Repository,
    tips: &Tips,
    unread: &mut Vec<Failure>,
    cancel: &Cancel,
) -> Result<(), Failure> {
    let odb = repository.odb().map_err(|e| failed(&e))?;
    unread.clear();
    walk(
        repository,
        tips,
        &mut HashSet::new(),
        cancel,
        &mut |failure| {
            unread.push(failure);
            Ok(())
        },
        &mut |oid, is_blob| match is_blob && !odb.exists(oid) {
            true => Err(git2::Error::from_str("it is missing")),
            false => Ok(()),
        },
    )
}

/// Visits all that `tips` reach and that is not in `seen`, each object once, after it was read unless
/// it is a blob. `too_large` is asked what to do about one that cannot be.
pub(super) fn walk(
    repository: &Repository,
    tips: &Tips,
    seen: &mut HashSet<Oid>,
    cancel: &Cancel,
    too_large: &mut dyn FnMut(Failure) -> Result<(), Failure>,
    visit: &mut dyn FnMut(Oid, bool) -> Result<(), git2::Error>,
) -> Result<(), Failure> {
    let is_new = &mut |oid| seen.insert(oid);
    walk_new(repository, tips, is_new, cancel, too_large, visit)
}

/// The same; `is_new` says of each object whether it is to be visited, and is asked once.
pub(super) fn walk_new(
    repository: &Repository,
    tips: &Tips,
    is_new: &mut dyn FnMut(Oid) -> bool,
    cancel: &Cancel,
    too_large: &mut dyn FnMut(Failure) -> Result<(), Failure>,
    visit: &mut dyn FnMut(Oid, bool) -> Result<(), git2::Error>,
) -> Result<(), Failure> {
    let odb = repository.odb().map_err(|e| failed(&e))?;
    let mut todo = Vec::new();
    for (name, oid) in tips {
        if !is_new(*oid) {
            continue;
        }
        // What a ref points to may be a blob too, and larger than memory.
        let header = odb.read_header(*oid);
        let is_blob = header.is_ok_and(|(_, kind)| kind == ObjectType::Blob);
        todo.push((*oid, is_blob));
        while let Some((oid, is_blob)) = todo.pop() {
            cancel.check()?;
            let looked = if is_blob {
                Ok(())
            } else {
                expand(&odb, oid, &mut |link| {
                    if is_new(link.oid) {
                        todo.push((link.oid, link.is_blob));
                    }
                })
            };
            match looked.map_err(|error| lacking(oid, name, &error)) {
                Err(failure) if failure.too_large.is_some() => too_large(failure)?,
                looked => looked?,
            }
            visit(oid, is_blob).map_err(|error| lacking(oid, name, &error))?;
        }
    }
    Ok(())
}

/// Reads an object, and says what it points to.
fn expand(odb: &Odb<'_>, oid: Oid, see: &mut dyn FnMut(Link)) -> Result<(), git2::Error> {
    let object = exactly(|| odb.read(oid))?;
    links(object.kind(), object.data(), see)
        .ok_or_else(|| git2::Error::from_str("its content is malformed"))
}

fn lacking(oid: Oid, name: &[u8], error: &git2::Error) -> Failure {
    let what = format!("the object {oid}");
    if let Some(failure) = libgit2::of_machine("read", Path::new(&what), error) {
        return failure;
    }
    Failure::new(
        ErrorKind::Damaged,
        format!(
            "the backup is damaged: the object {oid}, which {} needs, is not there or cannot be read ({})",
            refs::shown(name),
            libgit2::words(error)
        ),
    )
    .with_hint("run `forgekeep backup` to fetch it again where upstream still has it; else restore another state with --at: `forgekeep snapshots` lists them")
}

fn open(git_dir: &Path) -> Result<Repository, Failure> {
    Repository::open(git_dir).map_err(|e| failed(&e))
}

fn failed(error: &git2::Error) -> Failure {
    super::failed(error)
}
