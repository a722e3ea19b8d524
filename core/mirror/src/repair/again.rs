//! What was given up, and upstream has.
//!
//! An object that nobody had when a repair ended may be upstream's again, or may have been so all
//! along: another program was at work here, or upstream did not send it then. It is fetched.

use std::collections::HashSet;
use std::path::Path;

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_git::object_files::{ObjectFiles, database};
use forgekeep_git::reach::{Root, Walk};
use forgekeep_git::refs::{self, StoredRefs};
use forgekeep_untrusted::Show as _;
use forgekeep_verify::{Watch, examine};
use git2::Oid;

use super::{Repair, RepairCase, Repaired};
use crate::{Outcome, Transfer, Upstream};

/// Looks once more for what was given up of a mirror that has been brought up to date. If upstream
/// reaches some of it, everything is fetched; that this fails does not undo the backup.
pub(super) fn look(
    upstream: &Upstream<'_>,
    folder: &Path,
    progress: &dyn Fn(Transfer),
    case: &RepairCase<'_>,
    outcome: Outcome,
) -> Result<Repaired, Failure> {
    let lost = case.lost_objects();
    if lost.is_empty() {
        return Ok(Repaired::unharmed(outcome, case));
    }
    let repair = Repair::new(upstream, folder, progress);
    let repaired = (|| {
        if !is_upstreams(folder, &lost, &repair.watch)? {
            return Ok(None);
        }
        log::info!(
            "{}: upstream has objects that were given up as lost",
            folder.shown()
        );
        let examined = examine(folder, &repair.watch)?;
        if examined.findings.is_empty() {
            // Somebody has put it back.
            case.note(&examined)?;
            return Ok(None);
        }
        repair.apply(case, &examined.findings).map(Some)
    })();
    match repaired {
        Ok(Some(mut repaired)) => {
            let first = outcome;
            let alerts = first.alert.iter().chain(&repaired.alert);
            repaired.alert = alerts.cloned().reduce(|one, more| format!("{one}; {more}"));
            repaired.outcome.bytes_received += first.bytes_received;
            repaired.outcome = Outcome {
                bytes_received: repaired.outcome.bytes_received,
                ..first
            };
            Ok(repaired)
        }
        Ok(None) => Ok(Repaired::unharmed(outcome, case)),
        Err(failure) if failure.kind == ErrorKind::Cancelled => Err(failure),
        Err(failure) => {
            log::warn!("{}: {failure}", folder.shown());
            Ok(Repaired::unharmed(outcome, case))
        }
    }
}

/// Whether what upstream has now needs one of these objects: then it has it.
fn is_upstreams(mirror: &Path, lost: &HashSet<Oid>, watch: &Watch) -> Result<bool, Failure> {
    let stored = StoredRefs::read(mirror)?;
    let roots: Vec<Root> = stored
        .upstream()
        .map(|(name, value)| Root {
            oid: value.oid,
            name: refs::shown(name).into(),
        })
        .collect();
    let mut found = false;
    Walk {
        database: &database(mirror)?,
        known: &ObjectFiles::look(mirror)?.known(),
        unreadable: lost,
        unread: &HashSet::new(),
        cancel: &watch.cancel,
    }
    .all(&roots, &mut |oid, _| found |= lost.contains(&oid))?;
    Ok(found)
}
