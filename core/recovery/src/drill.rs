//! A drill at a target: the smallest repository is made there under a name that is used once, pushed, compared,
//! and removed again. Nothing else is removed: only what a note says that a drill has made, by its id.

use forgekeep_engine::run::OpenTarget;
use forgekeep_failure::{Failure, Finding};
use forgekeep_hoster::Repository;
use forgekeep_restore_notes::{Note, Notes};
use forgekeep_store::inventory::Kept;
use forgekeep_store::part::PartKind;
use forgekeep_untrusted::names::collision_key;
use forgekeep_untrusted::{Show as _, Untrusted};
use jiff::Timestamp;
use serde::Serialize;

use crate::item::Order;
use crate::made::patiently;
use crate::plan::{NoPlan, Plan};
use crate::report::RepositoryRestored;
use crate::run::Run;
use crate::surroundings::Surroundings;
use crate::survey::bytes_of;

/// What the name of a repository begins with that a drill makes.
const PREFIX: &str = "forgekeep-drill";

/// What came of a drill at a target.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DrilledAt {
    /// What was made, pushed and compared.
    pub repository: RepositoryRestored,
    /// Whether it was removed again.
    pub removed: bool,
    /// What there is to say, of this and of what earlier drills had left.
    pub notes: Vec<Finding>,
}

impl DrilledAt {
    /// Whether it came back as it was, and is gone again.
    pub fn is_good(&self) -> bool {
        self.removed && self.repository.is_whole()
    }
}

/// The smallest of these that has something to bring back.
pub fn smallest<'k>(all: &[&'k Kept]) -> Option<&'k Kept> {
    let sized = all.iter().filter_map(|kept| {
        let part = kept.part(PartKind::Repository);
        if !part.is_there() {
            return None;
        }
        let bytes = bytes_of(&part.folder).ok()?;
        (bytes > 0).then_some((bytes, *kept))
    });
    sized
        .min_by_key(|(bytes, kept)| (*bytes, kept.path.clone()))
        .map(|(_, kept)| kept)
}

/// A name that is used once.
pub fn name(now: Timestamp) -> String {
    let time = now.strftime("%Y%m%d-%H%M%S");
    format!("{PREFIX}-{time}-{}", std::process::id())
}

/// Removes what drills that were killed have left. `existing` is what is at the target.
pub fn remove_leftovers(
    target: &OpenTarget,
    notes: &Notes,
    noted: &[Note],
    existing: &[Repository],
) -> Vec<Finding> {
    let mut said = Vec::new();
    for note in noted.iter().filter(|note| note.drill) {
        match remove_leftover(target, note, existing) {
            Ok(found) => {
                said.extend(found);
                if let Err(failure) = notes.remove(note) {
                    log::warn!("{failure}");
                }
            }
            Err(failure) => said.push(not_removed(&note.name, failure)),
        }
    }
    said
}

fn remove_leftover(
    target: &OpenTarget,
    note: &Note,
    existing: &[Repository],
) -> Result<Vec<Finding>, Failure> {
    let found = match &note.made {
        Some(id) => {
            let name = note.made_name.as_ref().map_or("", |name| name.raw());
            target.find(id.raw(), name)?
        }
        // Killed before its id was known. Nobody else has the name.
        None => {
            let ending = format!("/{}", collision_key(note.name.raw()));
            let is_it = |one: &&Repository| collision_key(one.full_name.raw()).ends_with(&ending);
            existing.iter().find(is_it).cloned()
        }
    };
    let Some(found) = found else {
        return Ok(Vec::new());
    };
    let mut said = patiently(target, |session| session.remove(&found))?;
    said.push(Finding::info(format!(
        "{} was left by an earlier drill, and is removed",
        found.full_name.shown()
    )));
    Ok(said)
}

fn not_removed(name: &Untrusted, failure: Failure) -> Finding {
    let message = format!(
        "{} was made by a drill, and is not removed: {}",
        name.shown(),
        failure.message
    );
    Finding {
        hint: "the next drill at this target removes it; or delete it there".into(),
        ..Finding::warning(message)
    }
}

/// Drills at a target. `order` has the one repository.
///
/// # Errors
///
/// As [`Plan::make`]. What fails later is in the result.
pub fn drill(
    order: &Order<'_>,
    notes: &Notes,
    work: &std::path::Path,
    mut said: Vec<Finding>,
) -> Result<DrilledAt, NoPlan> {
    let plan = Plan::make(order)?;
    plan.check_room()?;
    let run = Run {
        surroundings: Surroundings {
            plan: &plan,
            target: order.target,
            notes,
            noted: order.notes,
            work,
        },
        jobs: 1,
        drill: true,
        cancel: order.cancel,
    };
    let (mut restored, of_run) = run.all(&|_| {})?;
    said.extend(of_run);
    let Some(repository) = restored.pop() else {
        let failure = Failure::new(
            forgekeep_failure::ErrorKind::NotFound,
            "there is nothing in the backup to drill with",
        );
        return Err(failure.into());
    };
    let mut removed = true;
    for note in notes.read()?.iter().filter(|note| note.drill) {
        let Some(id) = &note.made else {
            removed = false;
            said.push(Finding {
                hint: "the next drill at this target looks for it, and removes it".into(),
                ..Finding::warning(format!(
                    "{} may have been made, and is not removed",
                    note.name.shown()
                ))
            });
            continue;
        };
        let made_name = note.made_name.clone().unwrap_or_default();
        let gone = order
            .target
            .find(id.raw(), made_name.raw())
            .and_then(|found| match found {
                Some(found) => patiently(order.target, |session| session.remove(&found)),
                None => Ok(Vec::new()),
            });
        match gone.and_then(|of_removal| notes.remove(note).map(|()| of_removal)) {
            Ok(of_removal) => said.extend(of_removal),
            Err(failure) => {
                removed = false;
                said.push(not_removed(&made_name, failure));
            }
        }
    }
    Ok(DrilledAt {
        repository,
        removed,
        notes: said,
    })
}
