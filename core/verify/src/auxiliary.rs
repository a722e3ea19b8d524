//! What somebody's git has made beside packs and objects, to find them faster: it adds nothing to
//! them, but if it is damaged, git may fail to read what is whole.

use std::path::{Path, PathBuf};

use forgekeep_durable::folder::names;
use forgekeep_failure::Failure;
use forgekeep_pack::check_trailer;
use rayon::prelude::*;

use super::{Finding, Piece, Watch};

/// What names of a multi-pack-index and of its own derivatives begin with.
const MULTI: &str = "multi-pack-index";

/// Checks these files of a folder of objects. Each ends with the checksum of what is before.
pub(super) fn check(objects: &Path, watch: &Watch) -> Result<Vec<Finding>, Failure> {
    let check = |path: &PathBuf| match check_trailer(path, &watch.cancel) {
        Ok(_) => Ok(None),
        Err(failure) if failure.is_damage() => {
            Ok(Some(Finding::of(Piece::Auxiliary, path, &failure)))
        }
        Err(failure) => Err(failure),
    };
    let all = all(objects)?;
    let found: Result<Vec<_>, Failure> = all.par_iter().map(check).collect();
    Ok(found?.into_iter().flatten().collect())
}

fn all(objects: &Path) -> Result<Vec<PathBuf>, Failure> {
    let (packs, info) = (objects.join("pack"), objects.join("info"));
    let mut all = below(&packs, |name| {
        let is_derived = name.ends_with(".rev") || name.ends_with(".bitmap");
        name == MULTI || is_derived && (name.starts_with("pack-") || is_multi(name))
    })?;
    let chain = packs.join(format!("{MULTI}.d"));
    all.extend(below(&chain, |name| {
        is_multi(name) && !name.ends_with("-chain")
    })?);
    all.extend(below(&info, |name| name == "commit-graph")?);
    let graphs = info.join("commit-graphs");
    all.extend(below(&graphs, |name| name.ends_with(".graph"))?);
    all.sort_unstable();
    Ok(all)
}

/// The files of a multi-pack-index: one alone is of no use. Its folder, if it is a chain of them, is
/// among them.
pub fn of_multi_pack_index(mirror: &Path) -> Result<Vec<PathBuf>, Failure> {
    let is_of_it = |name: &str| name == MULTI || name == "multi-pack-index.d" || is_multi(name);
    below(&mirror.join("objects/pack"), is_of_it)
}

fn is_multi(name: &str) -> bool {
    name.strip_prefix(MULTI)
        .is_some_and(|rest| rest.starts_with('-'))
}

fn below(folder: &Path, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>, Failure> {
    let names = names(folder)?.into_iter();
    let wanted = names.filter(|name| name.to_str().is_some_and(&is_wanted));
    Ok(wanted.map(|name| folder.join(name)).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use forgekeep_git::object_files::ObjectFiles;
    use git2::Repository;
    use sha1::{Digest, Sha1};

    use super::*;

    #[test]
    fn wrong_crcs_under_a_right_checksum_are_damage_of_the_index() {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::init_bare(folder.path()).unwrap();
        let mut builder = repository.packbuilder().unwrap();
        for text in ["one", "two", "three"] {
            let oid = repository.blob(text.as_bytes()).unwrap();
            builder.insert_object(oid, None).unwrap();
        }
        let packs = folder.path().join("objects/pack");
        builder.write(&packs, 0).unwrap();
        let found = || {
            let files = ObjectFiles::look(folder.path()).unwrap();
            let mut found = Vec::new();
            crate::objects::check_files(&files, &Watch::default(), &mut found).unwrap();
            found
        };
        assert_eq!(found().len(), 0);
        let index = below(&packs, |name| name.ends_with(".idx"))
            .unwrap()
            .remove(0);
        let mut bytes = fs::read(&index).unwrap();
        // The first CRC comes after the ids of three objects.
        bytes[8 + 1024 + 3 * 20] ^= 1;
        bytes.truncate(bytes.len() - 20);
        let sum = Sha1::digest(&bytes);
        bytes.extend(sum);
        fs::remove_file(&index).unwrap();
        fs::write(&index, bytes).unwrap();
        let found = found();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].piece, &found[0].path), (Piece::Index, &index));
    }
}
