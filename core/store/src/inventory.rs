//! What is in a backup folder, whatever the configuration says: for what must work on the day after
//! the disaster, without network, plugins and perhaps without the configuration.

mod nothing;

use std::path::{Path, PathBuf};
use std::{fs, io};

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_untrusted::{Show as _, Untrusted, names};
use rayon::prelude::*;

use crate::catalogue::RepositoryState;
use crate::layout::{self, CONFIGURATIONS, OWN_FOLDER};
use crate::part::{Part, PartKind};
use crate::trash;

pub use nothing::{absence, read_backup};

/// A repository in the backup.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Title of its source.
    pub title: Untrusted,
    /// Full name at the hoster when it was last backed up.
    pub full_name: Untrusted,
    /// Folder below the backup folder, parts joined by `/`.
    pub path: Untrusted,
    /// Its folder.
    pub folder: PathBuf,
    /// What its state file says; `None` for a folder of SCM Backup's that was not adopted yet.
    pub state: Result<Option<RepositoryState>, Failure>,
    /// Whether it is in the trash: the hoster has deleted it, and it is kept for a while.
    pub trashed: bool,
}

impl Kept {
    /// The whole name, of which any unambiguous end will do: `TITLE/owner/name`.
    pub fn name(&self) -> Untrusted {
        format!("{}/{}", self.title.raw(), self.full_name.raw()).into()
    }

    /// The hoster's immutable identity, where it is known.
    pub fn id(&self) -> Option<&Untrusted> {
        let state = self.state.as_ref().ok()?.as_ref()?;
        Some(&state.id)
    }

    /// A part of it, which may be there or not.
    pub fn part(&self, kind: PartKind) -> Part {
        Part::new(kind, &self.folder)
    }

    /// The parts there are.
    pub fn parts(&self) -> impl Iterator<Item = Part> {
        Part::all(&self.folder).filter(Part::is_there)
    }
}

/// A folder below that of a source: it may hold a repository.
#[derive(Clone, Debug)]
pub struct RepositoryFolder {
    /// Title of the source.
    pub title: Untrusted,
    /// Folder below the backup folder, parts joined by `/`.
    pub path: Untrusted,
    /// The folder.
    pub folder: PathBuf,
    /// Its name.
    name: String,
}

impl RepositoryFolder {
    /// The repository in it, if it holds one, or what is left of one: nobody shall take that for nothing.
    pub fn look(self) -> Option<Kept> {
        let state = RepositoryState::read(&self.folder);
        let holds_part = Part::all(&self.folder).any(|part| part.has_traces());
        let holds_snapshots = self.folder.join(layout::SNAPSHOTS).is_dir();
        if matches!(state, Ok(None)) && !holds_part && !holds_snapshots {
            return None;
        }
        let known = match &state {
            Ok(Some(state)) => Some(state.full_name.clone()),
            Ok(None) | Err(_) => {
                RepositoryState::recover(&self.folder).map(|state| state.full_name)
            }
        };
        let full_name = known
            .or_else(|| names::decode_full_name(&self.name).map(Untrusted::new))
            .unwrap_or_else(|| self.name.into());
        Some(Kept {
            title: self.title,
            full_name,
            path: self.path,
            folder: self.folder,
            state,
            trashed: false,
        })
    }
}

/// The folders below those of the sources, whatever is in them.
///
/// # Errors
///
/// [`ErrorKind::Disk`] if a folder cannot be read.
pub fn repository_folders(local_folder: &Path) -> Result<Vec<RepositoryFolder>, Failure> {
    let mut all = Vec::new();
    for (source, source_name) in folders(local_folder)? {
        if source_name == CONFIGURATIONS || source_name == OWN_FOLDER {
            continue;
        }
        let title = names::decode_component(&source_name).unwrap_or_else(|| source_name.clone());
        let title = Untrusted::new(title);
        let below = folders(&source)?.into_iter();
        all.extend(below.map(|(folder, name)| RepositoryFolder {
            title: title.clone(),
            path: format!("{source_name}/{name}").into(),
            folder,
            name,
        }));
    }
    Ok(all)
}

/// What is kept in the trash of a backup folder.
///
/// # Errors
///
/// [`ErrorKind::Disk`] if the trash cannot be read.
pub fn in_trash(local_folder: &Path) -> Result<Vec<Kept>, Failure> {
    let entries = trash::entries(local_folder)?.into_iter();
    let kept = entries.map(|entry| Kept {
        title: entry.trashed.source,
        full_name: entry.state.full_name.clone(),
        path: format!("{OWN_FOLDER}/{}/{}", layout::TRASH, entry.name).into(),
        folder: entry.folder,
        state: match entry.unread {
            None => Ok(Some(entry.state)),
            Some(failure) => Err(failure),
        },
        trashed: true,
    });
    Ok(kept.collect())
}

/// Everything that is kept in a backup folder, by name.
///
/// # Errors
///
/// [`ErrorKind::Disk`] if a folder cannot be read.
pub fn read(local_folder: &Path) -> Result<Vec<Kept>, Failure> {
    let folders = repository_folders(local_folder)?.into_par_iter();
    let mut all: Vec<Kept> = folders.filter_map(RepositoryFolder::look).collect();
    all.append(&mut in_trash(local_folder)?);
    all.sort_by(|a, b| (&a.title, &a.full_name, &a.path).cmp(&(&b.title, &b.full_name, &b.path)));
    Ok(all)
}

/// The folders in a folder, with their names. Names that are not Unicode are not ours.
fn folders(folder: &Path) -> Result<Vec<(PathBuf, String)>, Failure> {
    let failed = |error: io::Error| Failure::disk("read", folder, &error);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        // What most file systems say of it without another question; a link is followed.
        let is_folder = match entry.file_type() {
            Ok(kind) if !kind.is_symlink() => kind.is_dir(),
            _ => entry.path().is_dir(),
        };
        if let (true, Ok(name)) = (is_folder, entry.file_name().into_string()) {
            found.push((entry.path(), name));
        }
    }
    Ok(found)
}

/// The repository that is meant by `TITLE/owner/name`, by an unambiguous end of it, or by the
/// hoster's identity.
///
/// # Errors
///
/// [`ErrorKind::NotFound`] if there is none, or several.
pub fn find<'k>(all: &'k [Kept], asked: &str) -> Result<&'k Kept, Failure> {
    let shown = |kept: &Kept| kept.name().into_shown();
    let exact = |kept: &&Kept| kept.name() == asked || kept.id().is_some_and(|id| id == asked);
    let ending = format!("/{asked}");
    let mut found: Vec<&Kept> = all.iter().filter(exact).collect();
    if found.is_empty() {
        found = all
            .iter()
            .filter(|kept| kept.name().raw().ends_with(&ending))
            .collect();
    }
    // What is in the trash gives way to what is backed up under its name.
    if found.len() > 1 && found.iter().any(|kept| !kept.trashed) {
        found.retain(|kept| !kept.trashed);
    }
    match found.as_slice() {
        [one] => Ok(one),
        [] => {
            let nearest = all
                .iter()
                .min_by_key(|kept| distance(kept.name().raw(), asked))
                .map_or_else(
                    || "the backup holds no repository".to_owned(),
                    |kept| {
                        format!(
                            "did you mean \"{}\"? `forgekeep status -v` lists all",
                            shown(kept)
                        )
                    },
                );
            let message = format!("no repository \"{asked}\" is in the backup");
            Err(Failure::new(ErrorKind::NotFound, message).with_hint(nearest))
        }
        several => {
            // Two folders of one name are told apart by the hoster's identity only.
            let listed = several.iter().map(|kept| match kept.id() {
                Some(id) => format!("{} ({})", shown(kept), id.shown()),
                None => shown(kept).into(),
            });
            let listed: Vec<String> = listed.take(5).collect();
            let message = format!("\"{asked}\" matches several repositories");
            let hint = format!("give more of the name, or the id: {}", listed.join(", "));
            Err(Failure::new(ErrorKind::NotFound, message).with_hint(hint))
        }
    }
}

/// How far what was asked is from the end of a name of as many parts.
fn distance(name: &str, asked: &str) -> usize {
    let parts = asked.matches('/').count() + 1;
    let mut end: Vec<&str> = name.rsplit('/').take(parts).collect();
    end.reverse();
    strsim::damerau_levenshtein(&end.join("/"), asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(name: &str, id: &str) -> Kept {
        let (title, full_name) = name.split_once('/').unwrap();
        let identity = crate::snapshot::Identity {
            hoster: "bitbucket".to_owned(),
            id: id.into(),
            full_name: full_name.into(),
        };
        Kept {
            title: title.into(),
            full_name: full_name.into(),
            path: Untrusted::default(),
            folder: PathBuf::new(),
            state: Ok(Some(RepositoryState::new(
                identity,
                jiff::Timestamp::UNIX_EPOCH,
            ))),
            trashed: false,
        }
    }

    #[test]
    fn any_unambiguous_end_will_do() {
        let all = [
            kept("work/acme/web", "{1}"),
            kept("work/acme/api", "{2}"),
            kept("home/ada/web", "{3}"),
            kept("web/ada/x", "{4}"),
        ];
        let found = |asked: &str| find(&all, asked).map(|kept| kept.id().unwrap().raw().to_owned());
        assert_eq!(found("api").unwrap(), "{2}");
        assert_eq!(found("acme/web").unwrap(), "{1}");
        assert_eq!(found("home/ada/web").unwrap(), "{3}");
        assert_eq!(found("{4}").unwrap(), "{4}");
        let several = found("web").unwrap_err();
        assert!(
            several.hint.contains("work/acme/web ({1})"),
            "{}",
            several.hint
        );
        let none = found("acme/wbe").unwrap_err();
        assert!(none.hint.contains("\"work/acme/web\""), "{}", none.hint);
        // An end is whole parts.
        assert!(found("eb").is_err());
    }
}
