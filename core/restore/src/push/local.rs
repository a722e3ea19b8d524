//! A bare repository on this machine. Its hooks are not run: they are for git's own programs.

use std::path::Path;

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_git::libgit2;
use forgekeep_git::refs::StoredRefs;
use forgekeep_protocol::Capabilities;
use forgekeep_untrusted::{Printable, Show as _};
use git2::{PackBuilder, Repository};

use super::super::copy::pack_folder;
use super::{Answers, RefUpdate, Theirs, damaged};

pub(super) fn look(path: &Path) -> Result<Theirs, Failure> {
    let repository = open(path)?;
    let stored = StoredRefs::read(repository.path())?;
    let refs = stored.refs.into_iter();
    Ok(Theirs {
        refs: refs.map(|(name, value)| (name, value.oid)).collect(),
        capabilities: Capabilities::default(),
        url: None,
    })
}

fn open(path: &Path) -> Result<Repository, Failure> {
    let refused = |why: &str| {
        Failure::new(ErrorKind::NotFound, format!("{} {why}", path.shown()))
            .with_hint(format!("make one: git init --bare \"{}\"", path.shown()))
    };
    let repository = Repository::open(path).map_err(|error| {
        refused(&format!(
            "is not a git repository ({})",
            libgit2::words(&error)
        ))
    })?;
    match repository.is_bare() {
        true => Ok(repository),
        false => Err(refused(
            "has a work tree, which a push would leave behind: only a bare repository can be pushed to",
        )),
    }
}

pub(super) fn send(
    path: &Path,
    commands: &[RefUpdate<'_>],
    builder: &mut PackBuilder<'_>,
) -> Result<Answers, Failure> {
    let repository = open(path)?;
    builder
        .write(&pack_folder(repository.path()), 0)
        .map_err(|error| damaged(super::super::failed(&error)))?;
    let answers = commands.iter().map(|command| {
        let answer = set(&repository, command);
        (command.name.clone(), answer)
    });
    Ok(answers.collect())
}

fn set(repository: &Repository, command: &RefUpdate<'_>) -> Result<(), Printable> {
    let name = std::str::from_utf8(command.name)
        .map_err(|_| "its name is not UTF-8, which libgit2 requires")?;
    let is_move = !command.old.is_zero();
    repository
        .reference(name, command.new, is_move, "forgekeep restore")
        .map(drop)
        .map_err(|error| libgit2::words(&error).into())
}
