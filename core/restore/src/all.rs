//! Every repository of a backup, each into a folder of its own.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use forgekeep_failure::{Cancel, ErrorKind, Failure};
use forgekeep_store::inventory::Kept;
use forgekeep_store::part::{Part, PartKind};
use forgekeep_untrusted::{Untrusted, names};
use rayon::prelude::*;

use super::parts::{self, Manner, restore_part};
use super::{Chosen, RestorePoint, Restored};

/// A part to restore, and where.
#[derive(Clone, Debug)]
pub struct RestoreItem<'k> {
    /// Whose it is.
    pub kept: &'k Kept,
    /// The part.
    pub part: Part,
    /// Folder below the one that everything is restored to.
    pub path: PathBuf,
}

/// What came of an item.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It is restored.
    Restored(Box<Chosen>, Restored),
    /// At the time that was asked for, it was not in the backup yet.
    NotYet,
    /// It failed.
    Failed(Failure),
}

/// What there is to restore, with a folder for each: `<title>/<owner>/<name>`, and beside it
/// `<name>.wiki`. Where two would have the same one, the present repository comes before those that
/// are gone, and repositories before their further parts; the others get a suffix.
pub fn items<'k>(all: &[&'k Kept]) -> Vec<RestoreItem<'k>> {
    let is_gone = |kept: &Kept| matches!(&kept.state, Ok(Some(state)) if state.gone.is_some());
    let mut order: Vec<&'k Kept> = all.to_vec();
    order.sort_by_key(|kept| (is_gone(kept), kept.name(), kept.path.clone()));
    // No repository may be where the folder of an owner is.
    let owners = order.iter().map(|kept| split(kept).0);
    let mut taken: HashSet<String> = owners.map(|owner| key(&owner)).collect();
    let mut items = Vec::new();
    for kind in PartKind::ALL {
        for kept in &order {
            let part = kept.part(kind);
            // One that has never been cloned is there, too, so that it fails and is not forgotten.
            let is_missing = kind == PartKind::Repository && kept.parts().next().is_none();
            if part.is_there() || is_missing {
                items.push((*kept, part));
            }
        }
    }
    let mut items: Vec<RestoreItem<'k>> = items
        .into_iter()
        .map(|(kept, part)| {
            let (owner, name) = split(kept);
            let ending = parts::of_kind(part.kind).ending();
            let name = names::encode_component(&format!("{name}{ending}"));
            let mut path = owner.join(&name);
            let mut seed = kept.path.raw().to_owned();
            while !taken.insert(key(&path)) {
                path = owner.join(names::with_suffix(&name, &seed));
                seed.push('+');
            }
            RestoreItem { kept, part, path }
        })
        .collect();
    items.sort_by(|a, b| a.path.cmp(&b.path));
    items
}

/// The folder of a repository's owner, and its name as the hoster has it. There are never more than
/// three levels: what is in a group of a group must not end up in another's work tree.
fn split(kept: &Kept) -> (PathBuf, &str) {
    let title = PathBuf::from(names::encode_component(kept.title.raw()));
    match kept.full_name.raw().split_once('/') {
        Some((owner, name)) => (title.join(names::encode_component(owner)), name),
        None => (title, kept.full_name.raw()),
    }
}

fn key(path: &Path) -> String {
    names::collision_key(Untrusted::of_path(path).raw())
}

/// Restores all items below `target`, as many at a time as there are processors; tells each that is
/// done, from several threads. What was not begun when `cancel` was set is not told.
///
/// # Errors
///
/// Only if no threads can be started.
pub fn restore_all(
    items: &[RestoreItem<'_>],
    target: &Path,
    manner: Manner<'_>,
    cancel: &Cancel,
    done: &(dyn Fn(&RestoreItem<'_>, &Outcome) + Sync),
) -> Result<(), Failure> {
    let pool = rayon::ThreadPoolBuilder::new().build().map_err(|error| {
        Failure::new(ErrorKind::Other, format!("cannot start threads: {error}"))
            .with_hint("raise the limit on processes")
    })?;
    pool.install(|| {
        items
            .par_iter()
            // One after the other from the front, not halves: the lines come in their order.
            .with_max_len(1)
            .filter(|_| !cancel.is_cancelled())
            .for_each(|item| done(item, &restore_one(item, target, manner, cancel)));
    });
    Ok(())
}

fn restore_one(
    item: &RestoreItem<'_>,
    target: &Path,
    manner: Manner<'_>,
    cancel: &Cancel,
) -> Outcome {
    if let Some(RestorePoint::Time(time)) = manner.point
        && parts::of_kind(item.part.kind).is_younger(&item.part, *time)
    {
        return Outcome::NotYet;
    }
    match restore_part(&item.part, &target.join(&item.path), manner, cancel) {
        Ok((chosen, restored)) => Outcome::Restored(Box::new(chosen), restored),
        Err(failure) => Outcome::Failed(failure),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use forgekeep_store::catalogue::RepositoryState;
    use forgekeep_store::snapshot::Identity;
    use jiff::Timestamp;

    use super::*;

    struct Backup(tempfile::TempDir);

    impl Backup {
        fn kept(&self, title: &str, full_name: &str, folder: &str, gone: bool) -> Kept {
            let identity = Identity {
                hoster: "bitbucket".to_owned(),
                id: folder.into(),
                full_name: full_name.into(),
            };
            let mut state = RepositoryState::new(identity, Timestamp::UNIX_EPOCH);
            state.gone = gone.then_some(Timestamp::UNIX_EPOCH);
            let path = format!("{title}/{folder}");
            let kept = Kept {
                trashed: false,
                title: title.into(),
                full_name: full_name.into(),
                folder: self.0.path().join(&path),
                path: path.into(),
                state: Ok(Some(state)),
            };
            self.mirror(&kept, "repo");
            kept
        }

        fn mirror(&self, kept: &Kept, name: &str) {
            fs::create_dir_all(kept.folder.join(name)).unwrap();
            fs::write(kept.folder.join(name).join("HEAD"), "").unwrap();
        }
    }

    fn paths(all: &[Kept]) -> Vec<(String, String)> {
        let all: Vec<&Kept> = all.iter().collect();
        let text = |path: &Path| path.to_string_lossy().replace('\\', "/");
        items(&all)
            .iter()
            .map(|item| {
                let mirror = item.part.folder.strip_prefix(&item.kept.folder).unwrap();
                let mirror = format!("{}/{}", item.kept.path.raw(), text(mirror));
                (mirror, text(&item.path))
            })
            .collect()
    }

    fn path_of(found: &[(String, String)], mirror: &str) -> String {
        let entry = found.iter().find(|(of, _)| of == mirror);
        entry
            .unwrap_or_else(|| panic!("{mirror}: {found:?}"))
            .1
            .clone()
    }

    #[test]
    fn every_repository_and_wiki_has_a_folder_of_its_own() {
        let backup = Backup(tempfile::tempdir().unwrap());
        let all = [
            backup.kept("work", "acme/web", "gone", true),
            backup.kept("work", "acme/web", "acme#web", false),
            backup.kept("work", "acme/WEB", "acme#WEB", false),
            backup.kept("work", "acme/web.wiki", "acme#web.wiki", false),
            backup.kept("work", "acme", "acme", false),
            backup.kept("work", "acme/a/b", "acme#a#b", false),
            backup.kept("work", "acme/a", "acme#a", false),
            backup.kept("..", "acme/..", "x", false),
        ];
        backup.mirror(&all[1], "wiki");
        let found = paths(&all);
        assert_eq!(found.len(), 9);
        let keys: HashSet<_> = found
            .iter()
            .map(|(_, path)| names::collision_key(path))
            .collect();
        assert_eq!(keys.len(), 9, "{found:?}");
        let of = |mirror: &str| path_of(&found, mirror);
        // In the order of names, "WEB" is the first; the one that is gone comes last.
        assert_eq!(of("work/acme#WEB/repo"), "work/acme/WEB");
        assert!(of("work/acme#web/repo").starts_with("work/acme/web~"));
        assert!(of("work/gone/repo").starts_with("work/acme/web~"));
        assert_eq!(of("work/acme#web.wiki/repo"), "work/acme/web.wiki");
        assert!(of("work/acme#web/wiki").starts_with("work/acme/web.wiki~"));
        assert!(of("work/acme/repo").starts_with("work/acme~"));
        assert_eq!(of("work/acme#a#b/repo"), "work/acme/a%2Fb");
        assert_eq!(of("work/acme#a/repo"), "work/acme/a");
        assert_eq!(of("../x/repo"), "%2E%2E/acme/%2E%2E");
    }
}
