//! Whether all that new tips need is there.
//!
//! That an object is there does not say that its history is: a fetch that broke off, or somebody's
//! `git prune`, may have left a commit whose parents are gone. libgit2 does not ask the server for
//! what is there, so git's own check is made here: `git rev-list --objects <tips> --not --all`.

use std::collections::{BinaryHeap, HashMap, HashSet};

use forgekeep_failure::{Cancel, Failure};
use forgekeep_git::links::{Link, commit, links};
use forgekeep_git::object_files::read;
use forgekeep_git::packs::{Large, Opened};
use forgekeep_git::refs::Refs;
use forgekeep_git::{libgit2, memory};
use git2::{ObjectType, Odb, OdbLookupFlags, Oid, Repository};

/// What a tip needs and does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    /// It is not there.
    Missing(Oid),
    /// It is there by an index, and cannot be read.
    Unreadable(Oid),
}

impl Gap {
    /// The object it is about.
    pub fn oid(self) -> Oid {
        match self {
            Self::Missing(oid) | Self::Unreadable(oid) => oid,
        }
    }
}

/// The first thing that these tips lack, if any. An object that is too large to be read is taken to
/// lack nothing: to fetch it once more would not make it smaller. `told` hears of it.
///
/// What `complete` refs reach is taken to be there, and
/// what has just come has been checked. All else that was there `before` is read: a run that did not
/// finish, before a power loss, may have left an index of objects that never reached the disk.
/// Histories end at the commits `ends`, where upstream's do.
pub(super) fn first_gap(
    repository: &Repository,
    before: &Odb<'_>,
    complete: &Refs,
    tips: impl Iterator<Item = Oid>,
    ends: &[Oid],
    cancel: &Cancel,
    told: &dyn Fn(Failure),
) -> Result<Option<Gap>, Failure> {
    let known: HashSet<Oid> = complete.values().map(|value| value.oid).collect();
    let new: HashSet<Oid> = tips.filter(|oid| !known.contains(oid)).collect();
    let Some(first) = new.iter().next() else {
        return Ok(None);
    };
    let odb = match repository.odb() {
        Ok(odb) => odb,
        Err(error) => match libgit2::of_machine("open", repository.path(), &error) {
            Some(failure) => return Err(failure),
            None => return Ok(Some(Gap::Missing(*first))),
        },
    };
    let mut closure = Closure {
        odb: &odb,
        before,
        seen: known,
        new: HashSet::new(),
        cancel,
        told,
        too_large: HashSet::new(),
        large: Large::of(repository.path(), memory::limit()),
    };
    let mut commits = Vec::new();
    for tip in &new {
        match closure.peel(*tip)? {
            Err(gap) => return Ok(Some(gap)),
            Ok(commit) => commits.extend(commit),
        }
    }
    let old = complete.values().map(|v| v.peeled.unwrap_or(v.oid));
    let listed = match new_commits(&odb, commits, old, ends, cancel)? {
        Ok(listed) => listed,
        Err(absent) => return Ok(Some(closure.gap(absent))),
    };
    closure.new = listed.iter().copied().collect();
    // The oldest first: what of a tree is as it was has been looked at then.
    for commit in listed.into_iter().rev() {
        if let Some(gap) = closure.commit(commit)? {
            return Ok(Some(gap));
        }
    }
    Ok(None)
}

/// The commits that `tips` reach and `old` ones do not, the newest first, by their bytes: libgit2
/// refuses to walk where old versions of git have written. Where clocks were wrong there may be some
/// too many. The inner error is a commit that is not there.
fn new_commits(
    odb: &Odb<'_>,
    tips: Vec<Oid>,
    old: impl Iterator<Item = Oid>,
    ends: &[Oid],
    cancel: &Cancel,
) -> Result<Result<Vec<Oid>, Oid>, Failure> {
    let ends: HashSet<&Oid> = ends.iter().collect();
    let mut queue = BinaryHeap::new();
    // Whether a commit is new; what is new once may turn out to be old.
    let mut marks: HashMap<Oid, bool> = HashMap::new();
    let mut parents_of: HashMap<Oid, Vec<Oid>> = HashMap::new();
    let mut undecided = 0_usize;
    let olds = old.map(|oid| (oid, false));
    let mut todo: Vec<(Oid, bool)> = olds
        .chain(tips.into_iter().map(|tip| (tip, true)))
        .collect();
    let mut found = Vec::new();
    loop {
        while let Some((oid, is_new)) = todo.pop() {
            match marks.get(&oid) {
                Some(false) => continue,
                Some(true) if is_new => continue,
                Some(true) => {
                    // Still in the queue, or past it: so are its parents then.
                    marks.insert(oid, false);
                    match parents_of.remove(&oid) {
                        Some(parents) => todo.extend(parents.into_iter().map(|p| (p, false))),
                        None => undecided -= 1,
                    }
                    continue;
                }
                None => {}
            }
            marks.insert(oid, is_new);
            match commit(odb, oid) {
                Some((date, parents)) => {
                    undecided += usize::from(is_new);
                    queue.push((date, oid, parents));
                }
                None if is_new => match read(odb, oid) {
                    // Where it leads to is not known.
                    Err(failure) if failure.too_large.is_some() => {
                        undecided += 1;
                        queue.push((0, oid, Vec::new()));
                    }
                    // Unless it is the machine that could not read it.
                    done => return done.map(|_| Err(oid)),
                },
                // A tree, or a part that an old ref has lost: not of this run.
                None => {}
            }
        }
        if undecided == 0 {
            break;
        }
        cancel.check()?;
        let Some((_, oid, parents)) = queue.pop() else {
            break;
        };
        let is_new = marks.get(&oid).copied().unwrap_or_default();
        if is_new {
            undecided -= 1;
            found.push(oid);
        }
        let goes_on = !ends.contains(&oid) || parents.iter().all(|parent| odb.exists(*parent));
        if goes_on {
            todo.extend(parents.iter().map(|parent| (*parent, is_new)));
        }
        if is_new {
            parents_of.insert(oid, parents);
        }
    }
    found.retain(|oid| marks.get(oid) == Some(&true));
    Ok(Ok(found))
}

struct Closure<'a> {
    odb: &'a Odb<'a>,
    before: &'a Odb<'a>,
    /// What is known to be there with all that it needs, or is being looked at.
    seen: HashSet<Oid>,
    /// The commits that are to be looked at: the parents of others are complete.
    new: HashSet<Oid>,
    cancel: &'a Cancel,
    told: &'a dyn Fn(Failure),
    too_large: HashSet<Oid>,
    large: Large,
}

impl Closure<'_> {
    /// The commit behind a tip; none if there is none, and all else is there.
    fn peel(&mut self, tip: Oid) -> Result<Result<Option<Oid>, Gap>, Failure> {
        let mut now = tip;
        loop {
            if let Ok((_, ObjectType::Blob)) = self.odb.read_header(now) {
                // It may be larger than memory.
                return Ok(match self.is_sound(now)? {
                    true => Ok(None),
                    false => Err(self.gap(now)),
                });
            }
            let Some((kind, found)) = self.read(now)? else {
                return Ok(Err(self.gap(now)));
            };
            match (kind, found.first()) {
                (ObjectType::Commit, _) => return Ok(Ok(Some(now))),
                (ObjectType::Tag, Some(target)) => now = target.oid,
                (ObjectType::Tag, None) if self.too_large.contains(&now) => return Ok(Ok(None)),
                (ObjectType::Tag, None) => return Ok(Err(self.gap(now))),
                _ => return Ok(self.tree(now)?.map_or(Ok(None), Err)),
            }
        }
    }

    /// What a commit's tree lacks. Its parents are commits of their own.
    fn commit(&mut self, oid: Oid) -> Result<Option<Gap>, Failure> {
        let Some((_, found)) = self.read(oid)? else {
            return Ok(Some(self.gap(oid)));
        };
        let mut parents = found.iter().filter(|link| !link.is_tree);
        if let Some(parent) = parents.find(|parent| !self.new.contains(&parent.oid)) {
            // Most of the tree is as it was there.
            let of_parent = self.read(parent.oid)?.and_then(|(_, found)| {
                let tree = found.into_iter().find(|link| link.is_tree)?;
                Some(self.read(tree.oid))
            });
            let of_parent = of_parent.transpose()?.flatten();
            let unchanged = of_parent.into_iter().flat_map(|(_, entries)| entries);
            self.seen.extend(unchanged.map(|entry| entry.oid));
        }
        match found.iter().find(|link| link.is_tree) {
            Some(tree) => self.tree(tree.oid),
            None if self.too_large.contains(&oid) => Ok(None),
            None => Ok(Some(self.gap(oid))),
        }
    }

    fn tree(&mut self, root: Oid) -> Result<Option<Gap>, Failure> {
        let mut todo = vec![(root, false)];
        while let Some((oid, is_blob)) = todo.pop() {
            if !self.seen.insert(oid) {
                continue;
            }
            self.cancel.check()?;
            if is_blob {
                if !self.is_sound(oid)? {
                    return Ok(Some(self.gap(oid)));
                }
                continue;
            }
            let Some((_, found)) = self.read(oid)? else {
                return Ok(Some(self.gap(oid)));
            };
            todo.extend(
                found
                    .into_iter()
                    .map(|Link { oid, is_blob, .. }| (oid, is_blob)),
            );
        }
        Ok(None)
    }

    /// Whether an object is there, and whole if that has not just been seen.
    fn is_sound(&mut self, oid: Oid) -> Result<bool, Failure> {
        if !self.before.exists_ext(oid, OdbLookupFlags::NO_REFRESH) {
            return Ok(self.odb.exists(oid));
        }
        let Ok((size, kind)) = self.odb.read_header(oid) else {
            return Ok(false);
        };
        if kind != ObjectType::Blob || !self.large.is_large(size as u64) {
            return self.is_readable(oid);
        }
        match self.large.open(oid, self.odb, self.cancel) {
            Ok(Opened::Stream(mut stream)) => stream.is_blob(oid, self.cancel),
            Ok(Opened::Readable) => self.is_readable(oid),
            // Nothing says that it is torn, and to fetch it once more would not make it smaller.
            Ok(Opened::TooLarge(_)) => Ok(true),
            Err(failure) if failure.is_damage() => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// What is too large says nothing, or its base does.
    fn is_readable(&self, oid: Oid) -> Result<bool, Failure> {
        match read(self.odb, oid) {
            Err(failure) if failure.too_large.is_some() => Ok(true),
            done => Ok(done?.is_some()),
        }
    }

    fn gap(&self, oid: Oid) -> Gap {
        match self.odb.exists(oid) {
            true => Gap::Unreadable(oid),
            false => Gap::Missing(oid),
        }
    }

    /// As if it named nothing.
    fn unread(&mut self, oid: Oid, failure: Failure) -> Option<(ObjectType, Vec<Link>)> {
        let (_, kind) = self.odb.read_header(oid).ok()?;
        if self.too_large.insert(oid) {
            (self.told)(failure);
        }
        Some((kind, Vec::new()))
    }

    /// What an object names; none if it is not there or is damaged.
    fn read(&mut self, oid: Oid) -> Result<Option<(ObjectType, Vec<Link>)>, Failure> {
        let object = match read(self.odb, oid) {
            Ok(Some(object)) => object,
            Ok(None) => return Ok(None),
            Err(failure) if failure.too_large.is_some() => return Ok(self.unread(oid, failure)),
            Err(failure) => return Err(failure),
        };
        let mut found = Vec::new();
        let whole = links(object.kind(), object.data(), &mut |link| found.push(link));
        Ok(whole.map(|()| (object.kind(), found)))
    }
}
