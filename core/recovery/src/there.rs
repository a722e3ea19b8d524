//! What is at the target, and what earlier restores have made there.

use std::collections::HashMap;

use forgekeep_failure::Failure;
use forgekeep_hoster::Repository;
use forgekeep_restore_notes::{Note, Origin};
use forgekeep_untrusted::Untrusted;
use forgekeep_untrusted::names::collision_key;

use crate::item::{Item, Order, Step, Whose};
use crate::made::{patiently, taken};

/// What is at the target, and what was made there.
pub(crate) struct There<'a> {
    by_name: HashMap<String, &'a Repository>,
    by_id: HashMap<&'a Untrusted, &'a Repository>,
    notes: HashMap<&'a Origin, &'a Note>,
    order: &'a Order<'a>,
}

impl<'a> There<'a> {
    pub(crate) fn of(order: &'a Order<'_>, existing: &'a [Repository]) -> Self {
        // What is about to be deleted is not there to go on with.
        let all = existing.iter().filter(|one| !one.deletion_scheduled);
        let below = |one: &Repository| {
            let target = order.target;
            below(one.full_name.raw(), &target.name, &target.project).map(collision_key)
        };
        Self {
            by_name: all
                .clone()
                .filter_map(|one| Some((below(one)?, one)))
                .collect(),
            by_id: all.map(|one| (&one.id, one)).collect(),
            notes: order
                .notes
                .iter()
                .filter(|note| !note.drill)
                .map(|note| (&note.origin, note))
                .collect(),
            order,
        }
    }

    /// Finds the origin that a repository has in the notes: a backup since may have given it the id that it
    /// has at the target now.
    pub(crate) fn know(&self, item: &mut Item<'_>) {
        if self.notes.contains_key(&item.origin) {
            return;
        }
        let state = item.kept.state.as_ref().ok().and_then(Option::as_ref);
        let former: Vec<&str> = state
            .into_iter()
            .flat_map(|state| state.former_ids())
            .collect();
        let is_it = |note: &&&Note| {
            let origin = &note.origin;
            let is_same =
                origin.hoster == item.origin.hoster && origin.api_origin == item.origin.api_origin;
            let made = note.made.iter().chain(&note.made_before);
            let is_made = made.clone().any(|made| *made == item.origin.id)
                && note.target.hoster == item.origin.hoster
                && note.target.api_origin == item.origin.api_origin;
            is_made || (is_same && former.iter().any(|id| origin.id == *id))
        };
        if let Some(note) = self.notes.values().find(is_it) {
            item.origin = note.origin.clone();
        }
    }

    /// What is done about a repository.
    pub(crate) fn step(&self, item: &Item<'_>) -> Step {
        let is_drill = self.order.drill.is_some();
        let note = self.notes.get(&item.origin).filter(|_| !is_drill);
        let made = note.and_then(|note| note.made.as_ref());
        if let Some(made) = made {
            if let Some(ours) = self.by_id.get(made) {
                return Step::GoOn(Box::new((*ours).clone()), Whose::Ours);
            }
            // It may only not be listed yet, or not for these credentials.
            let name = note.and_then(|note| note.made_name.as_ref());
            let name = name.map_or("", |name| name.raw());
            let found = patiently(self.order.target, |_| {
                self.order.target.find(made.raw(), name)
            });
            match found {
                Ok(Some(ours)) if !ours.deletion_scheduled && ours.id == *made => {
                    return Step::GoOn(Box::new(ours), Whose::Ours);
                }
                Ok(_) => {}
                Err(failure) => return Step::Refuse(failure),
            }
        }
        let Some(found) = self.by_name.get(&collision_key(item.name.raw())) else {
            return Step::Make;
        };
        // What was made for another repository of the backup is not for this one.
        let mut notes = self.notes.values();
        let is_of_another =
            notes.any(|note| note.made.as_ref() == Some(&found.id) && note.origin != item.origin);
        match is_of_another || is_drill {
            true => Step::Refuse(taken_by_another(found)),
            false => Step::GoOn(Box::new((*found).clone()), Whose::Anybodys),
        }
    }
}

fn taken_by_another(found: &Repository) -> Failure {
    let failure = taken(found, 0);
    let message = format!(
        "{} at the target was made for another repository of the backup",
        found.full_name.printable()
    );
    Failure {
        message: message.into(),
        ..failure
    }
}

/// What of a full name is below a target: behind as many parts as its name has, whatever they are (a workspace
/// may be named by its id), and behind its project, where there is one.
pub(crate) fn below<'n>(full_name: &'n str, name: &str, project: &str) -> Option<&'n str> {
    let mut rest = full_name;
    for _ in name.split('/') {
        rest = rest.split_once('/')?.1;
    }
    match rest.split_once('/') {
        Some((first, behind)) if !project.is_empty() => {
            (first.to_lowercase() == project.to_lowercase()).then_some(behind)
        }
        _ => Some(rest),
    }
}

#[cfg(test)]
mod tests {
    use super::below;

    #[test]
    fn names_are_compared_below_the_target() {
        for (full_name, name, project, found) in [
            ("acme/web", "acme", "", Some("web")),
            ("acme/web", "{0de4}", "", Some("web")),
            ("group/sub/deep/web", "group/sub", "", Some("deep/web")),
            ("org/Site/web", "org", "site", Some("web")),
            ("org/other/web", "org", "site", None),
            ("acme/web", "acme", "SITE", Some("web")),
            ("web", "acme", "", None),
        ] {
            assert_eq!(below(full_name, name, project), found, "{full_name}");
        }
    }
}
