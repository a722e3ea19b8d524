//! After step 4: what the refs name now is there.
//!
//! Until the refs are switched, nothing but a `.keep` holds what has come, and nothing at all what was
//! there before without a ref, since a run was killed. Somebody's `git gc` or `git prune` may have
//! removed it in the meantime.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::sync::atomic::Ordering;

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_git::packs;
use forgekeep_git::refs::{Refs, StoredRefs};
use forgekeep_untrusted::Show as _;
use git2::Oid;

use super::Work;
use crate::connected;

/// How often it is fetched again in one run.
const TRIES: usize = 3;

impl Work<'_> {
    /// Makes sure that what `new` refs name is there, and has all it needs if others have removed packs:
    /// whatever is not is fetched again. `before` are the packs that there were.
    pub fn confirm(
        &self,
        stored: &StoredRefs,
        new: &Refs,
        before: &BTreeSet<OsString>,
    ) -> Result<(), Failure> {
        for left in (0..=TRIES).rev() {
            let Some(oid) = self.gone(stored, new, before)? else {
                return Ok(());
            };
            let folder = self.folder.shown();
            if left == 0 {
                return Err(Failure::new(
                    ErrorKind::Git,
                    format!("{folder}: {oid} was present, and is now missing"),
                )
                .with_hint(
                    "look for another program that removes objects while Forgekeep runs, \
                such as `git gc` or `git prune`; run again when it has finished",
                )
                .transient());
            }
            log::warn!("{folder}: another program has removed {oid}: fetching it again");
            self.fetch_everything(&self.open()?)?;
        }
        Ok(())
    }

    /// Something that is needed and not there.
    fn gone(
        &self,
        stored: &StoredRefs,
        new: &Refs,
        before: &BTreeSet<OsString>,
    ) -> Result<Option<Oid>, Failure> {
        // Opened again: one that is open goes on reading files that are removed.
        let repository = self.open()?;
        let odb = repository.odb().map_err(|e| self.failed(&e))?;
        if let Some(value) = new.values().find(|value| !odb.exists(value.oid)) {
            return Ok(Some(value.oid));
        }
        let has_come = self.received.load(Ordering::Relaxed) > 0;
        if has_come && packs::names(self.folder)?.is_superset(before) {
            return Ok(None);
        }
        let tips = self.upstream.values().map(|value| value.oid);
        let ends = &self.advertised.shallow;
        let told = |failure| self.warn(failure);
        let gap = connected::first_gap(
            &repository,
            &odb,
            &stored.refs,
            tips,
            ends,
            self.cancel,
            &told,
        )?;
        Ok(gap.map(|gap| gap.oid()))
    }
}
