//! Which commits of ours a server is told of, so that it sends only what is new.
//!
//! Commits are read by their bytes: one that libgit2 cannot parse is told like any other, and what
//! cannot be read at all is passed over.
//!
//! First comes what refs named that upstream has moved: mostly what their new values are made on, so that
//! hardly anything has to be sent. Then what the server has advertised itself: it is known to be common. And
//! from a tip down the steps grow, as with git's `skipping` algorithm, so that a rewritten history of any
//! length is found in few words.

use std::collections::{BinaryHeap, HashMap, HashSet};

use forgekeep_git::links::{commit, peeled};
use forgekeep_git::refs::{KEPT, OURS, Refs};
use git2::{Odb, Oid};

/// How likely it is that the server has a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Likely {
    /// Upstream has left it.
    Left,
    /// Upstream had it when we last looked.
    Had,
    /// Upstream has just said so.
    Has,
    /// Upstream had it where it has something else now.
    Moved,
}

/// A commit to be told or passed over; the likeliest and newest is the first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    likely: Likely,
    date: i64,
    oid: Oid,
    /// How many steps down it is to be told, and how many that was from the last one.
    left: u32,
    stride: u32,
}

/// The commits to tell, one after the other.
pub struct Haves<'a> {
    odb: Option<&'a Odb<'a>>,
    queue: BinaryHeap<Candidate>,
    seen: HashSet<Oid>,
    common: HashSet<Oid>,
    parents: HashMap<Oid, Vec<Oid>>,
    moved: usize,
}

impl<'a> Haves<'a> {
    /// Nothing to tell.
    pub fn none() -> Self {
        Self {
            odb: None,
            queue: BinaryHeap::new(),
            seen: HashSet::new(),
            common: HashSet::new(),
            parents: HashMap::new(),
            moved: 0,
        }
    }

    /// How many of the first are what refs named that were moved: with these, the server knows all it needs
    /// in most cases.
    pub(crate) fn moved(&self) -> usize {
        self.moved
    }

    /// What `refs` name and reach. `advertised` is what the server has.
    pub fn new(odb: &'a Odb<'a>, refs: &Refs, advertised: &Refs) -> Self {
        let mut haves = Self {
            odb: Some(odb),
            ..Self::none()
        };
        let has: HashSet<Oid> = advertised.values().map(|value| value.oid).collect();
        let mut tips: Vec<(Likely, Oid)> = refs
            .iter()
            .map(|(name, value)| {
                let likely = match () {
                    () if has.contains(&value.oid) => Likely::Has,
                    () if advertised.contains_key(name) => Likely::Moved,
                    () if name.starts_with(KEPT) || name.starts_with(OURS) => Likely::Left,
                    () => Likely::Had,
                };
                (likely, value.oid)
            })
            .collect();
        // The likeliest first: each is taken once.
        tips.sort_by(|one, other| other.cmp(one));
        tips.dedup();
        for (likely, oid) in tips {
            if let Some(commit) = peeled(odb, oid, &HashSet::new()) {
                haves.add(likely, commit, 0, 0);
            }
        }
        let all = haves.queue.iter();
        haves.moved = all.filter(|tip| tip.likely == Likely::Moved).count();
        haves
    }

    fn add(&mut self, likely: Likely, oid: Oid, left: u32, stride: u32) {
        if !self.seen.insert(oid) {
            return;
        }
        let Some((date, parents)) = self.odb.and_then(|odb| commit(odb, oid)) else {
            return;
        };
        self.parents.insert(oid, parents);
        self.queue.push(Candidate {
            likely,
            date,
            oid,
            left,
            stride,
        });
    }

    /// The next one to tell.
    pub(crate) fn next(&mut self) -> Option<Oid> {
        while let Some(entry) = self.queue.pop() {
            let parents = self.parents.get(&entry.oid).cloned().unwrap_or_default();
            // Its history is common with it.
            if self.common.contains(&entry.oid) {
                self.mark(parents);
                continue;
            }
            if entry.likely == Likely::Has {
                self.mark(parents);
                return Some(entry.oid);
            }
            let tell = entry.left == 0 || parents.is_empty();
            let stride = match tell {
                true => entry.stride.saturating_mul(3) / 2 + 1,
                false => entry.stride,
            };
            let left = if tell { stride } else { entry.left } - 1;
            // What is below is no likelier than elsewhere: the new value was not made on this one.
            let likely = entry.likely.min(Likely::Had);
            for parent in parents {
                self.add(likely, parent, left, stride);
            }
            if tell {
                return Some(entry.oid);
            }
        }
        None
    }

    /// Up to so many to tell.
    pub fn take(&mut self, most: usize) -> Vec<Oid> {
        std::iter::from_fn(|| self.next()).take(most).collect()
    }

    /// The server has said that it has this one; returns whether that is news.
    pub fn acknowledge(&mut self, oid: Oid) -> bool {
        if !self.parents.contains_key(&oid) || !self.common.insert(oid) {
            return false;
        }
        let parents = self.parents.get(&oid).cloned().unwrap_or_default();
        self.mark(parents);
        true
    }

    /// Marks as common what has been looked at of a history; the rest need not be.
    fn mark(&mut self, mut todo: Vec<Oid>) {
        while let Some(oid) = todo.pop() {
            if self.common.insert(oid)
                && let Some(parents) = self.parents.get(&oid)
            {
                todo.extend(parents);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use forgekeep_git::refs::RefValue;
    use git2::{ObjectType, Repository};

    use super::*;

    struct Scene {
        _folder: tempfile::TempDir,
        repository: Repository,
    }

    fn scene() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::init_bare(folder.path()).unwrap();
        Scene {
            _folder: folder,
            repository,
        }
    }

    impl Scene {
        /// A line of commits; the oldest first. `who` may be what libgit2 cannot parse.
        fn line(&self, count: usize, from: Option<Oid>, who: &str) -> Vec<Oid> {
            let odb = self.repository.odb().unwrap();
            let tree = odb.write(ObjectType::Tree, b"").unwrap();
            let mut parent = from;
            let mut all = Vec::new();
            for number in 0..count {
                let mut text = format!("tree {tree}\n");
                if let Some(parent) = parent {
                    text.push_str(&format!("parent {parent}\n"));
                }
                text.push_str(&format!(
                    "author {who}\ncommitter {who} {} +0000\n\n{number}\n",
                    1000 + number
                ));
                let oid = odb.write(ObjectType::Commit, text.as_bytes()).unwrap();
                parent = Some(oid);
                all.push(oid);
            }
            all
        }
    }

    fn refs(all: &[(&str, Oid)]) -> Refs {
        all.iter()
            .map(|(name, oid)| {
                let value = RefValue {
                    oid: *oid,
                    peeled: None,
                };
                (name.as_bytes().to_vec(), value)
            })
            .collect()
    }

    #[test]
    fn what_the_server_advertises_is_told_first_and_nothing_below_it() {
        let scene = scene();
        let line = scene.line(50, None, "A <a@example.com>");
        let odb = scene.repository.odb().unwrap();
        let left = scene.line(1, Some(line[20]), "B <b@example.com>")[0];
        let ours = refs(&[
            ("refs/heads/main", line[49]),
            ("refs/heads/old", line[30]),
            ("refs/forgekeep/kept/x", left),
        ]);
        let mut haves = Haves::new(&odb, &ours, &refs(&[("refs/heads/main", line[49])]));
        assert_eq!(haves.next(), Some(line[49]));
        assert!(haves.acknowledge(line[49]));
        assert!(!haves.acknowledge(line[49]));
        assert_eq!(haves.next(), Some(line[30]));
        haves.acknowledge(line[30]);
        assert_eq!(haves.next(), Some(left));
    }

    #[test]
    fn what_a_ref_named_that_was_moved_is_told_before_all_else() {
        let scene = scene();
        let line = scene.line(50, None, "A <a@example.com>");
        let odb = scene.repository.odb().unwrap();
        let ours = refs(&[
            ("refs/heads/main", line[10]),
            ("refs/heads/same", line[49]),
            ("refs/tags/same", line[40]),
            ("refs/heads/gone", line[45]),
        ]);
        let new = Oid::from_bytes(&[7; 20]).unwrap();
        let theirs = refs(&[
            ("refs/heads/main", new),
            ("refs/heads/same", line[49]),
            ("refs/tags/same", line[40]),
        ]);
        let mut haves = Haves::new(&odb, &ours, &theirs);
        assert_eq!(haves.moved(), 1);
        assert_eq!(haves.take(3), [line[10], line[49], line[40]]);
    }

    #[test]
    fn a_long_history_is_told_in_few_words_up_to_its_root() {
        let scene = scene();
        let line = scene.line(2000, None, "A <a@example.com>");
        let odb = scene.repository.odb().unwrap();
        let ours = refs(&[("refs/heads/main", line[1999])]);
        let told = Haves::new(&odb, &ours, &Refs::new()).take(usize::MAX);
        assert_eq!(told[..3], [line[1999], line[1998], line[1996]]);
        assert_eq!(told.last(), Some(&line[0]));
        assert!(told.len() < 30, "{}", told.len());
    }

    #[test]
    fn a_commit_that_libgit2_cannot_parse_is_told_like_any_other() {
        let scene = scene();
        let line = scene.line(3, None, "John");
        assert!(scene.repository.find_commit(line[2]).is_err());
        let odb = scene.repository.odb().unwrap();
        let tag = format!("object {}\ntype commit\ntag t\n\nx\n", line[2]);
        let tag = odb.write(ObjectType::Tag, tag.as_bytes()).unwrap();
        let absent = Oid::from_bytes(&[7; 20]).unwrap();
        let ours = refs(&[("refs/tags/t", tag), ("refs/heads/lost", absent)]);
        let told = Haves::new(&odb, &ours, &Refs::new()).take(9);
        assert_eq!(told, [line[2], line[1], line[0]]);
    }
}
