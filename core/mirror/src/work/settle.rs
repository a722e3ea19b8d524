//! The snapshots and the refs that are there, brought in step. What somebody's git does is recorded as
//! a state; what no git does is damage.

use forgekeep_failure::Failure;
use forgekeep_git::refs::{self, RefName, StoredRefs};
use forgekeep_store::snapshot::{Changes, RefState, SnapshotId};
use forgekeep_untrusted::{Show as _, Shown};
use git2::Oid;

use super::Work;
use crate::{found, merge as merging};

/// Refs that are named in an alert.
const NAMED: usize = 3;

impl Work<'_> {
    /// Brings the snapshots in step with the refs that are there. A state that somebody else has made
    /// counts only when what it lost is held. Returns the state of the newest snapshot, and what a
    /// killed run has changed without telling.
    pub fn settle(&self, stored: &mut StoredRefs) -> Result<(RefState, Option<Changes>), Failure> {
        let repository = self.open()?;
        let odb = self.odb(&repository)?;
        self.check_refs(&odb, stored)?;
        let mut state = found(stored, self.folder)?;
        // Before that run's snapshot counts: from then on, another HEAD is damage.
        if let Some(head) = self.recorder.unwritten_head(&state)? {
            refs::write_head(self.folder, &head)?;
            state.head = Some(head);
        }
        let settled = self.recorder.settle(&state)?;
        self.had_no_snapshot
            .set(self.had_no_snapshot.get() || settled.is_first);
        let Some(others) = settled.found else {
            self.check_head(&settled.base, &state)?;
            return Ok((settled.base, settled.untold));
        };
        let is_sound = self.check_set_back(&others.known, &state);
        if let Err(failure) = is_sound.and_then(|()| self.check_lost(&others.known, &state)) {
            others.pending.forget();
            return Err(failure);
        }
        let mut new = stored.refs.clone();
        for oid in others.lost.iter().filter(|oid| odb.exists(**oid)) {
            merging::keep(&mut new, *oid);
        }
        refs::peel(&repository, &mut new, &stored.refs).map_err(|e| self.failed(&e))?;
        refs::replace_all(self.folder, stored, &new)?;
        others.pending.commit()?;
        *stored = StoredRefs::read(self.folder)?;
        Ok((settled.base, settled.untold))
    }

    /// Whether all refs are gone with their file: no git removes that.
    pub fn check_packed_refs(&self, stored: &StoredRefs) -> Result<(), Failure> {
        if stored.lacks_packed {
            let state = found(stored, self.folder)?;
            if self.recorder.store.had_packed_refs(&state) {
                return Err(self.damaged("packed-refs", "it is missing or empty"));
            }
        }
        Ok(())
    }

    /// Whether `HEAD` is where the newest snapshot has it, or where somebody's git may have put it.
    fn check_head(&self, known: &RefState, present: &RefState) -> Result<(), Failure> {
        let is_right = present.head == known.head || known.head.is_none();
        if is_right || present.head.is_some() && present.head == self.head {
            return Ok(());
        }
        let shown = |head: &Option<RefName>| {
            let head = head.as_deref();
            head.map_or(Shown::of("nothing"), refs::shown)
        };
        let (now, then) = (shown(&present.head), shown(&known.head));
        let what = format!("it points to {now}, and pointed to {then} at the newest snapshot");
        Err(self.damaged("HEAD", &what))
    }

    /// Whether refs are as they were at an older snapshot, and upstream has them otherwise: an older
    /// `packed-refs` was put back. What only newer snapshots tell of is held no longer then.
    fn check_set_back(&self, known: &RefState, present: &RefState) -> Result<(), Failure> {
        let upstream = |name: &RefName| self.upstream.get(name).map(|value| value.oid);
        let strayed = |(name, then): &(&RefName, &Oid)| {
            let now = present.tips.get(*name);
            now != Some(*then) && now.copied() != upstream(name)
        };
        let strayed = known.tips.iter().filter(strayed);
        let strayed: Vec<&RefName> = strayed.map(|(name, _)| name).collect();
        if strayed.is_empty() {
            return Ok(());
        }
        let store = &self.recorder.store;
        let entries = store.entries()?;
        let mut found: Option<(&RefName, SnapshotId)> = None;
        store.each_state(&entries, None, |at, state| {
            // One that cannot be read is told by whoever looks at the snapshots.
            let Ok(state) = state else {
                return Ok::<(), Failure>(());
            };
            let is_all = state.tips == present.tips;
            let was = |name: &&&RefName| {
                let now = present.tips.get(**name);
                is_all || now.is_some() && state.tips.get(**name) == now
            };
            if let Some(name) = strayed.iter().find(was) {
                found = Some((*name, entries[at].id.clone()));
            }
            Ok(())
        })?;
        found.map_or(Ok(()), |(name, id)| {
            let what = format!(
                "it is older than the newest snapshot: {} is as it was at {id}",
                refs::shown(name)
            );
            Err(self.damaged("packed-refs", &what))
        })
    }

    /// Whether refs went that upstream still has: what mirrors it does not remove those.
    fn check_lost(&self, known: &RefState, present: &RefState) -> Result<(), Failure> {
        if present.head.is_none() {
            self.check_head(known, present)?;
        }
        let is_lost = |name: &&RefName| {
            self.upstream.contains_key(*name) && !present.tips.contains_key(*name)
        };
        let mut lost = known.tips.keys().filter(is_lost);
        let Some(first) = lost.next() else {
            return Ok(());
        };
        if present.tips.is_empty() {
            return Err(self.damaged("packed-refs", "it holds none of the refs that it had"));
        }
        let mut names = refs::shown(first).to_string();
        let mut more = 0;
        for (at, name) in lost.enumerate() {
            match at + 1 < NAMED {
                true => names = format!("{names}, {}", refs::shown(name)),
                false => more += 1,
            }
        }
        if more > 0 {
            names = format!("{names} and {more} more");
        }
        let mirror = self.folder.file_name().unwrap_or_default();
        *self.alert.borrow_mut() = Some(format!(
            "refs that upstream still has were missing in {} (packed-refs), and are restored: {}",
            mirror.shown(),
            names
        ));
        Ok(())
    }

    fn damaged(&self, file: &str, what: &str) -> Failure {
        let path = self.folder.join(file);
        Failure::damaged(&path, what)
    }
}
