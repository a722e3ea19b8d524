//! Comparing by libgit2, where no git is installed. It has a checkout and a status of its own; restoring uses
//! neither.

use std::path::Path;

use forgekeep_failure::{Cancel, ErrorKind, Failure};
use forgekeep_git::libgit2;
use forgekeep_git::refs;
use forgekeep_restore::Chosen;
use forgekeep_untrusted::Untrusted;
use git2::{Repository, StatusOptions};

/// Where a folder differs from a state: refs, files. That all is there which the refs reach was seen when it was
/// brought back.
pub(super) fn differences(
    folder: &Path,
    chosen: &Chosen,
    cancel: &Cancel,
) -> Result<Vec<String>, Failure> {
    libgit2::initialise()?;
    let failed = |error: git2::Error| {
        let message = format!(
            "what was brought back cannot be read: {}",
            libgit2::words(&error)
        );
        Failure::new(ErrorKind::Damaged, message)
            .with_hint("run `forgekeep verify`: it names what is damaged")
    };
    let repository = Repository::open(folder).map_err(failed)?;
    let mut found = Vec::new();
    for (name, oid) in &chosen.state.tips {
        cancel.check()?;
        let text = std::str::from_utf8(name).ok();
        let there = text.and_then(|name| repository.refname_to_id(name).ok());
        // Names that are no text are git's alone to compare.
        if text.is_some() && there != Some(*oid) {
            found.push(format!("the ref {} is not {oid}", refs::shown(name)));
        }
    }
    if repository.head().is_ok() {
        let mut index = repository.index().map_err(failed)?;
        let tree = repository.head().and_then(|head| head.peel_to_tree());
        index.read_tree(&tree.map_err(failed)?).map_err(failed)?;
        index.write().map_err(failed)?;
        let mut options = StatusOptions::new();
        options
            .include_untracked(true)
            .recurse_untracked_dirs(true)
            .exclude_submodules(true);
        let statuses = repository.statuses(Some(&mut options)).map_err(failed)?;
        for entry in statuses.iter() {
            let path = Untrusted::lossy(entry.path_bytes());
            found.push(format!(
                "the file \"{}\" is not as in the commit",
                path.printable()
            ));
        }
    }
    Ok(found)
}
