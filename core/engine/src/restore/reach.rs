//! Whether all that the refs of a state reach is there and can be read.
//!
//! The packs that were copied have the checksums they were written with, and whoever wrote them had
//! computed the id of every object. So a blob need only be there; commits, trees and tags are read,
//! to find what they reach. Submodules are not followed: their commits are another repository's.

use std::collections::HashSet;
use std::path::Path;

use git2::{ObjectType, Oid, Repository};

use super::copy::pack_folder;
use crate::cancel::Cancel;
use crate::names::printable;
use crate::snapshot::{Tips, ref_text};
use crate::{ErrorKind, Failure};

/// The mode of a submodule in a tree.
const SUBMODULE: i32 = 0o160_000;

/// Makes sure that the repository at `git_dir` has all that `tips` reach. What its packs lack is
/// looked for in `mirror`, among what was not copied because of damage in the same file, and is
/// packed anew. Returns how many objects those were.
///
/// # Errors
///
/// [`ErrorKind::Damaged`] naming an object that is missing, and a ref that needs it.
pub(super) fn complete(
    git_dir: &Path,
    mirror: &Path,
    tips: &Tips,
    cancel: &Cancel,
) -> Result<usize, Failure> {
    match check(&open(git_dir)?, tips, cancel) {
        Ok(()) => return Ok(0),
        Err(failure) if failure.kind == ErrorKind::Damaged => {
            log::info!("{failure}; looking for it in what is damaged");
        }
        Err(failure) => return Err(failure),
    }
    let found = rescue(git_dir, mirror, tips, cancel)?;
    check(&open(git_dir)?, tips, cancel)?;
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
            format!("{} is not Unicode", objects.display()),
        )
    })?;
    odb.add_disk_alternate(objects).map_err(|e| failed(&e))?;
    let own_odb = own.odb().map_err(|e| failed(&e))?;
    let mut builder = both.packbuilder().map_err(|e| failed(&e))?;
    let mut found = 0;
    walk(&both, tips, cancel, &mut |oid, kind| {
        if !own_odb.exists_ext(oid, git2::OdbLookupFlags::NO_REFRESH) {
            found += 1;
            if kind == ObjectType::Blob {
                odb.read(oid)?;
            }
            builder.insert_object(oid, None)?;
        }
        Ok(())
    })?;
    builder
        .write(&pack_folder(git_dir), 0)
        .map_err(|e| failed(&e))?;
    Ok(found)
}

/// Whether a repository has all that `tips` reach.
fn check(repository: &Repository, tips: &Tips, cancel: &Cancel) -> Result<(), Failure> {
    let odb = repository.odb().map_err(|e| failed(&e))?;
    walk(
        repository,
        tips,
        cancel,
        &mut |oid, kind| match kind == ObjectType::Blob && !odb.exists(oid) {
            true => Err(git2::Error::from_str("it is missing")),
            false => Ok(()),
        },
    )
}

/// Visits all that `tips` reach, each object once, after it was read unless it is a blob.
fn walk(
    repository: &Repository,
    tips: &Tips,
    cancel: &Cancel,
    visit: &mut dyn FnMut(Oid, ObjectType) -> Result<(), git2::Error>,
) -> Result<(), Failure> {
    let mut walk = Walk {
        repository,
        seen: HashSet::new(),
        todo: Vec::new(),
    };
    for (name, oid) in tips {
        if !walk.seen.insert(*oid) {
            continue;
        }
        let odb = repository.odb().map_err(|e| failed(&e))?;
        let (_, kind) = odb
            .read_header(*oid)
            .map_err(|error| lacking(*oid, None, name, &error))?;
        walk.todo.push((*oid, kind));
        while let Some((oid, kind)) = walk.todo.pop() {
            cancel.check()?;
            walk.expand(oid, kind)
                .and_then(|()| visit(oid, kind))
                .map_err(|error| lacking(oid, Some(kind), name, &error))?;
        }
    }
    Ok(())
}

struct Walk<'r> {
    repository: &'r Repository,
    seen: HashSet<Oid>,
    todo: Vec<(Oid, ObjectType)>,
}

impl Walk<'_> {
    fn add(&mut self, oid: Oid, kind: ObjectType) {
        if self.seen.insert(oid) {
            self.todo.push((oid, kind));
        }
    }

    /// Reads an object, and puts down what it points to.
    fn expand(&mut self, oid: Oid, kind: ObjectType) -> Result<(), git2::Error> {
        match kind {
            ObjectType::Commit => {
                let commit = self.repository.find_commit(oid)?;
                self.add(commit.tree_id(), ObjectType::Tree);
                for parent in commit.parent_ids() {
                    self.add(parent, ObjectType::Commit);
                }
            }
            ObjectType::Tree => {
                let tree = self.repository.find_tree(oid)?;
                for entry in tree
                    .iter()
                    .filter(|entry| entry.filemode_raw() != SUBMODULE)
                {
                    self.add(entry.id(), entry.kind().unwrap_or(ObjectType::Blob));
                }
            }
            ObjectType::Tag => {
                let tag = self.repository.find_tag(oid)?;
                let kind = tag.target_type().unwrap_or(ObjectType::Commit);
                self.add(tag.target_id(), kind);
            }
            ObjectType::Blob | ObjectType::Any => {}
        }
        Ok(())
    }
}

fn lacking(oid: Oid, kind: Option<ObjectType>, name: &[u8], error: &git2::Error) -> Failure {
    let kind = kind.map_or("object", |kind| kind.str());
    Failure::new(
        ErrorKind::Damaged,
        format!(
            "the backup is damaged: the {kind} {oid}, which {} needs, is not there or cannot be read ({})",
            printable(&ref_text(name)),
            printable(error.message())
        ),
    )
    .with_hint("`forgekeep backup` fetches it again where upstream still has it; else restore another state with --at: `forgekeep snapshots` lists them")
}

fn open(git_dir: &Path) -> Result<Repository, Failure> {
    Repository::open(git_dir).map_err(|e| failed(&e))
}

fn failed(error: &git2::Error) -> Failure {
    super::failed(error)
}
