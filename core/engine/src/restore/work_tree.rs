//! The work tree of a restored repository.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;

use git2::build::CheckoutBuilder;
use git2::{ErrorClass, ObjectType, Odb, Oid, Repository};

use super::failed;
use crate::links::links;
use crate::links::peeled;
use crate::names::printable;
use crate::{ErrorKind, Failure};

/// Checks out what `HEAD` points to, by its tree: libgit2 need not parse the commit, which may be one
/// that it refuses.
///
/// Returns why there is no work tree, if libgit2 cannot make this one; git may. Nothing of it is left
/// then.
pub(super) fn check_out(repository: &Repository, tip: Oid) -> Result<Option<Failure>, Failure> {
    let Err(error) = try_check_out(repository, tip) else {
        return Ok(None);
    };
    // A disk that is full says nothing about the tree.
    if matches!(
        error.class(),
        ErrorClass::Os | ErrorClass::NoMemory | ErrorClass::Filesystem
    ) {
        return Err(failed(&error));
    }
    clear(repository)?;
    Ok(Some(
        Failure::new(
            ErrorKind::Git,
            format!(
                "restored without a work tree, which cannot be checked out: {}",
                printable(error.message())
            ),
        )
        .with_hint("objects and refs are all there; in the restored folder, `git reset --hard` may check it out"),
    ))
}

fn try_check_out(repository: &Repository, tip: Oid) -> Result<(), git2::Error> {
    let tree = tree_of(&repository.odb()?, tip)
        .ok_or_else(|| git2::Error::from_str("HEAD names nothing that has a tree"))?;
    let tree = repository.find_tree(tree)?;
    let mut options = CheckoutBuilder::new();
    options.force();
    repository.checkout_tree(tree.as_object(), Some(&mut options))
}

/// The tree behind a tip.
fn tree_of(odb: &Odb<'_>, tip: Oid) -> Option<Oid> {
    let oid = peeled(odb, tip, &HashSet::new())?;
    let object = odb.read(oid).ok()?;
    match object.kind() {
        ObjectType::Tree => Some(oid),
        ObjectType::Commit => {
            let mut tree = None;
            links(ObjectType::Commit, object.data(), &mut |link| {
                if link.is_tree {
                    tree = Some(link.oid);
                }
            })?;
            tree
        }
        _ => None,
    }
}

/// Removes what a checkout has left half done.
fn clear(repository: &Repository) -> Result<(), Failure> {
    let Some(folder) = repository.workdir() else {
        return Ok(());
    };
    let read = |error: io::Error| Failure::disk("read", folder, &error);
    for entry in fs::read_dir(folder).map_err(read)? {
        let entry = entry.map_err(read)?;
        if entry.file_name() == ".git" {
            continue;
        }
        let is_folder = entry.file_type().map_err(read)?.is_dir();
        remove(&entry.path(), is_folder)?;
    }
    remove(&repository.path().join("index"), false)
}

fn remove(path: &Path, is_folder: bool) -> Result<(), Failure> {
    let removed = match is_folder {
        true => fs::remove_dir_all(path),
        false => fs::remove_file(path),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Failure::disk("remove", path, &error))
        }
        _ => Ok(()),
    }
}
