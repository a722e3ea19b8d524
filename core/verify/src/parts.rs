//! Verifying the parts of a repository, each in the way of its kind.

use forgekeep_failure::Failure;
use forgekeep_store::catalogue::{Newest, RepositoryState};
use forgekeep_store::part::{Part, PartKind};
use forgekeep_untrusted::Show as _;

use super::mirror::examine_what_can_be_read;
use super::{Examined, Finding, Piece, Watch, states};

/// Whether a part is there and whole.
pub(super) trait Verify: Sync {
    /// `None` where there is nothing of it and nothing should be. `state` is what `forgekeep.json` says.
    fn verify(
        &self,
        part: &Part,
        state: Option<&RepositoryState>,
        watch: &Watch,
    ) -> Result<Option<Examined>, Failure>;
}

pub(super) fn of_kind(kind: PartKind) -> &'static dyn Verify {
    match kind {
        PartKind::Repository => &Mirror { required: true },
        PartKind::Wiki => &Mirror { required: false },
    }
}

/// A bare git repository.
struct Mirror {
    /// Whether it is damage where nothing is there.
    required: bool,
}

impl Verify for Mirror {
    fn verify(
        &self,
        part: &Part,
        state: Option<&RepositoryState>,
        watch: &Watch,
    ) -> Result<Option<Examined>, Failure> {
        let known = state.is_some_and(|state| state.newest.contains_key(&part.name));
        let wanted = self.required || known || !part.snapshots().entries()?.is_empty();
        if !wanted && !states::is_folder(&part.folder)? {
            return Ok(None);
        }
        let mut examined = examine_what_can_be_read(&part.folder, watch)?;
        if let Some(state) = state {
            let lost = lost_newest(state, part)?;
            examined.findings.extend(lost);
        }
        Ok(Some(examined))
    }
}

/// The newest snapshot, if it is gone: no other one tells.
fn lost_newest(state: &RepositoryState, part: &Part) -> Result<Option<Finding>, Failure> {
    let store = part.snapshots();
    let entries = store.entries()?;
    // That all are gone is found without.
    let lost = state.lost_newest(&part.name, entries.last());
    let lost = lost.filter(|_| !entries.is_empty());
    Ok(lost.map(|Newest { number, id }| {
        let id = id.shown();
        let what = format!("the newest snapshot, number {number} ({id}), is missing");
        Finding::new(Piece::Gap, store.folder(), what)
    }))
}
