//! A second look at what libgit2 could not read. It does not tell a pack that is damaged from one that
//! it could not open: both are "not found". So what it fails at is read once more without it, out of
//! files that have the checksums they should have; what is whole there is not damaged.

use std::collections::HashSet;
use std::path::Path;

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_git::loose;
use forgekeep_git::object_files::{ObjectFiles, Packed, database, read};
use forgekeep_git::torn::{Object, Torn};
use forgekeep_untrusted::Show as _;
use git2::Oid;

use super::{Finding, Piece, Watch};

/// Objects that are looked at: if these are damaged, so are the others.
const MOST: usize = 64;

/// Whether `unreadable` are damaged indeed. `found` is what is known of the files.
///
/// # Errors
///
/// The machine could not read one, or libgit2 could not for a reason that lies not in the files.
pub(super) fn look(
    files: &ObjectFiles,
    mirror: &Path,
    unreadable: &HashSet<Oid>,
    found: &[Finding],
    watch: &Watch,
) -> Result<(), Failure> {
    if unreadable.is_empty() {
        return Ok(());
    }
    if !files.lone.is_empty()
        || found
            .iter()
            .any(|finding| finding.piece == Piece::Auxiliary)
    {
        return Ok(()); // libgit2 may have looked where these have said.
    }
    let is_named = |path: &Path| {
        let mut all = found.iter();
        all.any(|f| matches!(f.piece, Piece::Pack | Piece::Index) && f.path == path)
    };
    let damaged: Vec<_> = files
        .packs
        .iter()
        .filter(|pack| is_named(&pack.path) || is_named(&pack.index_path))
        .filter_map(Packed::index)
        .collect();
    let database = database(mirror)?;
    let is_explained = |oid: &&Oid| damaged.iter().any(|index| index.find(**oid).is_some());
    let some = unreadable.iter().filter(|oid| !is_explained(oid));
    let mut some: Vec<Oid> = some.copied().collect();
    some.sort_unstable();
    for oid in some.into_iter().take(MOST) {
        watch.cancel.check()?;
        if is_whole(files, oid, &|base| {
            let object = read(&database, base)?;
            Ok(object.map(|object| Object {
                kind: object.kind(),
                data: object.data().to_vec(),
            }))
        })? {
            let message = format!(
                "the object {oid} in {} could not be read by libgit2, though its file is intact",
                mirror.shown()
            );
            return Err(Failure::new(ErrorKind::Machine, message).with_hint(
                "raise the limits of this process (ulimit -n for open files, ulimit -v for \
                memory), or lower --jobs; if that does not help, report it",
            ));
        }
    }
    Ok(())
}

fn is_whole(
    files: &ObjectFiles,
    oid: Oid,
    elsewhere: &dyn Fn(Oid) -> Result<Option<Object>, Failure>,
) -> Result<bool, Failure> {
    for (loose, path) in &files.loose {
        if *loose == oid {
            return match loose::check(oid, path) {
                Ok(()) => Ok(true),
                Err(failure) if failure.is_damage() => Ok(false),
                Err(failure) => Err(failure),
            };
        }
    }
    let packs = files.packs.iter();
    for (pack, index) in packs.filter_map(|pack| Some((pack, Packed::index(pack)?))) {
        if index.find(oid).is_none() {
            continue;
        }
        let object = Torn::open(&pack.path, index)?.read(oid, elsewhere)?;
        if object.is_some_and(|object| object.is_well_formed()) {
            return Ok(true);
        }
    }
    Ok(false)
}
