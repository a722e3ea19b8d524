//! Whether one commit is an ancestor of another, by their bytes: libgit2 refuses to walk where old
//! versions of git have written what its parser does not take.

use std::collections::{BinaryHeap, HashMap};

use forgekeep_failure::{Cancel, Failure};
use forgekeep_git::links::commit;
use forgekeep_git::object_files::read;
use git2::{Odb, Oid};

/// Commits that are looked at, for some hundred megabytes of memory at most. What is not found among
/// them counts as not found: the old tip is kept then, which is right whatever it was.
const MOST: usize = 4_000_000;

/// Reached from the newer one.
const NEW: u8 = 1;

/// The older one, or reached from it.
const OLD: u8 = 2;

/// Whether `old` is reached from `new`: git's own way, which ends where the two histories have met. A
/// commit that is not there, or is none, is an end of its history.
pub(super) fn is_ancestor(
    odb: &Odb<'_>,
    old: Oid,
    new: Oid,
    cancel: &Cancel,
) -> Result<bool, Failure> {
    let mut marks: HashMap<Oid, u8> = HashMap::new();
    // By date, so that what both reach is found early; dates that are wrong only make it longer.
    let mut queue: BinaryHeap<(i64, Oid, bool, Vec<Oid>)> = BinaryHeap::new();
    // How many are in the queue that were not known to be reached from both when they came there.
    let mut undecided = 0_usize;
    let mut todo = vec![(old, OLD), (new, NEW)];
    loop {
        while let Some((oid, mark)) = todo.pop() {
            let known = marks.get(&oid).copied().unwrap_or_default();
            let now = known | mark;
            if now == known {
                continue;
            }
            if oid == old && now & NEW != 0 {
                return Ok(true);
            }
            if known == 0 && marks.len() == MOST {
                return Ok(false);
            }
            marks.insert(oid, now);
            // Once more if it was in the queue or past it already: its parents get the new mark.
            match commit(odb, oid) {
                Some((date, parents)) => {
                    let is_one = now != NEW | OLD;
                    undecided += usize::from(is_one);
                    queue.push((date, oid, is_one, parents));
                }
                // Unless it is the machine that could not read it.
                None => drop(read(odb, oid)?),
            }
        }
        if undecided == 0 {
            return Ok(false);
        }
        cancel.check()?;
        let Some((_, oid, is_one, parents)) = queue.pop() else {
            return Ok(false);
        };
        undecided -= usize::from(is_one);
        let mark = marks.get(&oid).copied().unwrap_or_default();
        todo.extend(parents.into_iter().map(|parent| (parent, mark)));
    }
}

#[cfg(test)]
mod tests {
    use git2::{ObjectType, Repository};

    use super::*;

    /// Writes a commit that has no tree, and an author that libgit2 does not take.
    fn write(odb: &Odb<'_>, date: i64, parents: &[Oid]) -> Oid {
        let mut text = format!("tree {}\n", "1".repeat(40));
        for parent in parents {
            text.push_str(&format!("parent {parent}\n"));
        }
        text.push_str(&format!(
            "author John {date} +0000\ncommitter J <j@x> {date} +0000\n\n{}\n",
            parents.len()
        ));
        odb.write(ObjectType::Commit, text.as_bytes()).unwrap()
    }

    #[test]
    fn it_is_what_git_says_whatever_the_dates_are() {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::init_bare(folder.path()).unwrap();
        let odb = repository.odb().unwrap();
        let mut all: Vec<Oid> = Vec::new();
        let mut parents_of: Vec<Vec<usize>> = Vec::new();
        // A generator of pairs without any library: every history of these is the same each time.
        let mut seed = 1_u64;
        let mut next = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            usize::try_from(seed >> 33).unwrap() % below
        };
        for number in 0..40_usize {
            let mut parents: Vec<usize> = match number {
                0 | 1 => Vec::new(),
                _ => (0..=next(2))
                    .map(|_| number - 1 - next(number.min(4)))
                    .collect(),
            };
            parents.dedup();
            let oids: Vec<Oid> = parents.iter().map(|at| all[*at]).collect();
            // Half of the clocks are wrong.
            let date = 1_000_000 + i64::try_from(number * 10 + next(200)).unwrap();
            all.push(write(&odb, date, &oids));
            parents_of.push(parents);
        }
        let cancel = Cancel::new();
        let mut found = 0;
        for new in 0..all.len() {
            let mut reached = vec![new];
            let mut at = 0;
            while let Some(now) = reached.get(at).copied() {
                let more: Vec<usize> = parents_of[now]
                    .iter()
                    .filter(|parent| !reached.contains(parent))
                    .copied()
                    .collect();
                reached.extend(more);
                at += 1;
            }
            for old in 0..all.len() {
                let is = is_ancestor(&odb, all[old], all[new], &cancel).unwrap();
                assert_eq!(is, old == new || reached.contains(&old), "{old} of {new}");
                found += usize::from(is);
            }
        }
        assert!(found > 200, "{found}");
    }

    #[test]
    fn what_is_missing_or_no_commit_is_an_end() {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::init_bare(folder.path()).unwrap();
        let odb = repository.odb().unwrap();
        let missing = Oid::from_str(&"2".repeat(40)).unwrap();
        let one = write(&odb, 1, &[missing]);
        let two = write(&odb, 2, &[one]);
        let cancel = Cancel::new();
        assert!(is_ancestor(&odb, one, two, &cancel).unwrap());
        assert!(!is_ancestor(&odb, two, one, &cancel).unwrap());
        assert!(!is_ancestor(&odb, missing, write(&odb, 3, &[]), &cancel).unwrap());
        cancel.cancel();
        assert!(is_ancestor(&odb, two, one, &cancel).is_err());
    }
}
