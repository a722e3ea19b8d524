//! What was given up, and upstream has.
//!
//! An object that nobody had when a treatment ended may be upstream's again, or may have been so all
//! along: another program was at work here, or upstream did not send it then. It is fetched.

use std::collections::HashSet;
use std::path::Path;

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_git::object_files::{ObjectFiles, database};
use forgekeep_git::reach::{Root, Walk};
use forgekeep_git::refs::StoredRefs;
use forgekeep_verify::{Watch, examine};
use git2::Oid;

use super::{Patient, Treated, Treatment};
use crate::{Outcome, Transfer, Upstream};

/// Looks once more for what was given up of a mirror that has been brought up to date. If upstream
/// reaches some of it, everything is fetched; that this fails does not undo the backup.
pub(super) fn look(
    upstream: &Upstream<'_>,
    folder: &Path,
    progress: &dyn Fn(Transfer),
    patient: &Patient<'_>,
    outcome: Outcome,
) -> Result<Treated, Failure> {
    let lost = patient.lost_objects();
    if lost.is_empty() {
        return Ok(Treated::unharmed(outcome, patient));
    }
    let treatment = Treatment::new(upstream, folder, progress);
    let treated = (|| {
        if !is_upstreams(folder, &lost, &treatment.watch)? {
            return Ok(None);
        }
        log::info!("{}: upstream has what was given up", folder.display());
        let examined = examine(folder, &treatment.watch)?;
        if examined.findings.is_empty() {
            // Somebody has put it back.
            patient.note(&examined)?;
            return Ok(None);
        }
        treatment.apply(patient, &examined.findings).map(Some)
    })();
    match treated {
        Ok(Some(mut treated)) => {
            let first = outcome;
            let alerts = first.alert.iter().chain(&treated.alert);
            treated.alert = alerts.cloned().reduce(|one, more| format!("{one}; {more}"));
            treated.outcome.bytes_received += first.bytes_received;
            treated.outcome = Outcome {
                bytes_received: treated.outcome.bytes_received,
                ..first
            };
            Ok(treated)
        }
        Ok(None) => Ok(Treated::unharmed(outcome, patient)),
        Err(failure) if failure.kind == ErrorKind::Cancelled => Err(failure),
        Err(failure) => {
            log::warn!("{}: {failure}", folder.display());
            Ok(Treated::unharmed(outcome, patient))
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
            name: String::from_utf8_lossy(name).into_owned(),
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
