//! The plan: what is to be made where, and what is going to be refused, whole before anything is made.

use std::collections::HashSet;

use forgekeep_engine::run::OpenTarget;
use forgekeep_failure::{Cancel, ErrorKind, Failure, Finding, Severity};
use forgekeep_hoster::TargetReport;
use forgekeep_restore::{Chosen, RestorePoint, choose};
use forgekeep_restore_notes::{Origin, Place, api_origin};
use forgekeep_store::inventory::Kept;
use forgekeep_store::part::{Part, PartKind};
use forgekeep_store::snapshot::Store;
use forgekeep_untrusted::names::collision_key;
use forgekeep_untrusted::{Show as _, Untrusted};
use jiff::Timestamp;
use rayon::prelude::*;

use crate::item::{Item, Order, Step, Then, Whose};
use crate::made::patiently;
use crate::names::{self, Whereabouts};
use crate::survey::{Survey, bytes_of, survey};
use crate::there::{There, below};

/// A plan.
pub struct Plan<'a> {
    /// Where to, for notes.
    pub place: Place,
    /// What the target says.
    pub report: TargetReport,
    /// What is to be done.
    pub items: Vec<Item<'a>>,
    /// What there is to say of the target.
    pub notes: Vec<Finding>,
}

/// Why there is no plan.
#[derive(Debug)]
pub enum NoPlan {
    /// The credentials may not do what is needed.
    Rights(Failure),
    /// Names collide, or a key of the target cannot be used.
    Configuration(Failure),
    /// Anything else.
    Failed(Failure),
}

impl From<Failure> for NoPlan {
    fn from(failure: Failure) -> Self {
        match failure.kind {
            ErrorKind::Config => Self::Configuration(failure),
            ErrorKind::Credentials | ErrorKind::Forbidden => Self::Rights(failure),
            _ => Self::Failed(failure),
        }
    }
}

impl<'a> Plan<'a> {
    /// Makes a plan. Nothing is written, here or there.
    ///
    /// # Errors
    ///
    /// [`NoPlan`].
    pub fn make(order: &Order<'a>) -> Result<Self, NoPlan> {
        let target = order.target;
        let place = place(target);
        let mut items = choose_all(order);
        let renames = names::renames(order.rename, order.all)?;
        let whereabouts = Whereabouts {
            sources: order.sources.clone(),
            name: target.name.clone(),
            project: target.project.clone(),
        };
        let wanted: Vec<String> = items
            .iter()
            .map(|item| {
                let renamed = renames.get(item.kept.path.raw()).cloned();
                let named = order.drill.map(str::to_owned).or(renamed);
                named.unwrap_or_else(|| {
                    whereabouts.below(item.kept.title.raw(), item.full_name.raw())
                })
            })
            .collect();
        let report = patiently(target, |session| session.examine(&wanted))?;
        check_rights(&report)?;
        for (item, found) in items.iter_mut().zip(&report.names) {
            item.name.clone_from(&found.name);
            let is_wanted = matches!(item.step, Step::Make);
            if let (Some(why), true) = (&found.refused, is_wanted) {
                let message = format!("the target has no repository of this name: {why}");
                item.step =
                    Step::Refuse(Failure::new(ErrorKind::Config, message).with_hint(format!(
                        "give it another one: rename: {{ \"{}\": NAME }} in the target",
                        item.kept.name().shown()
                    )));
            }
        }
        check_collisions(&items)?;
        let existing = (order.list)()?;
        let there = There::of(order, &existing);
        let mut origins = HashSet::new();
        for item in &mut items {
            there.know(item);
            if let Step::Make = item.step {
                item.step = match origins.insert(item.origin.clone()) {
                    true => there.step(item),
                    false => Step::Refuse(twice(item)),
                };
            }
        }
        look_at_all(&mut items, &report, order.cancel);
        let mut notes = report.findings.clone();
        let renamed = items.iter();
        let renamed = renamed.filter(|item| renames.contains_key(item.kept.path.raw()));
        notes.extend(renamed.filter_map(|item| keeps_its_name(item, target)));
        Ok(Self {
            place,
            report,
            items,
            notes,
        })
    }

    /// Bytes of what is to be made: what is gone on with has its room already.
    pub fn bytes(&self) -> u64 {
        let made = self.items.iter();
        let made = made.filter(|item| matches!(item.step, Step::Make));
        made.map(|item| item.survey.bytes).sum()
    }

    /// How many repositories are to be made.
    pub fn to_make(&self) -> usize {
        let items = self.items.iter();
        items.filter(|item| matches!(item.step, Step::Make)).count()
    }

    /// Whether the target has room for it, as far as it says.
    ///
    /// # Errors
    ///
    /// It has not.
    pub fn check_room(&self) -> Result<(), Failure> {
        let (number, bytes) = (self.to_make(), self.bytes());
        let what = match (self.report.repositories, self.report.room) {
            (Some(most), _) if (number as u64) > most => {
                format!("{most} more repositories can be made there, and {number} are needed")
            }
            (_, Some(room)) if bytes > room => {
                format!("there is room for {room} B, and up to {bytes} B are needed")
            }
            _ => return Ok(()),
        };
        Err(
            Failure::new(ErrorKind::Other, format!("the target is too small: {what}"))
                .with_hint("make room there, or restore fewer repositories; nothing was made"),
        )
    }
}

/// Whether a target can be written to, as far as it tells: its keys, and the rights of its credentials.
///
/// # Errors
///
/// [`NoPlan`].
pub fn check_target(target: &OpenTarget) -> Result<(), NoPlan> {
    check_rights(&patiently(target, |session| session.examine(&[]))?)
}

/// A target, for notes.
pub fn place(target: &OpenTarget) -> Place {
    Place {
        hoster: target.hoster.clone(),
        api_origin: api_origin(&target.api_url),
        name: target.name.clone(),
        project: target.project.clone(),
    }
}

/// A repository, for notes.
pub fn origin(kept: &Kept) -> Origin {
    let state = kept.state.as_ref().ok().and_then(Option::as_ref);
    let listing = state.and_then(|state| state.listing.as_ref());
    Origin {
        hoster: state.map_or_else(String::new, |state| state.hoster.clone()),
        api_origin: listing.map_or_else(String::new, |listing| api_origin(&listing.api_url)),
        id: state.map_or_else(|| kept.path.clone(), |state| state.id.clone()),
    }
}

fn choose_all<'a>(order: &Order<'a>) -> Vec<Item<'a>> {
    order
        .chosen
        .iter()
        .map(|kept| {
            let part = kept.part(PartKind::Repository);
            let mut item = Item {
                kept,
                origin: origin(kept),
                full_name: kept.full_name.clone(),
                name: Untrusted::default(),
                chosen: None,
                then: Then::default(),
                survey: Survey::default(),
                wiki: None,
                wiki_lost: None,
                step: Step::Make,
            };
            let time = match order.point {
                Some(RestorePoint::Time(time)) => Some(*time),
                _ => None,
            };
            if time.is_some_and(|time| !was_there(kept, &part, time)) {
                item.step = Step::NotThen;
                return item;
            }
            match choose(&part.folder, order.point) {
                Ok(chosen) => item.chosen = Some(chosen),
                Err(failure) => item.step = Step::Refuse(failure),
            }
            if let Some(name) = item
                .chosen
                .as_ref()
                .and_then(|at| name_then(&part, at, time))
            {
                item.full_name = name;
            }
            let wiki = kept.part(PartKind::Wiki);
            // The id of a snapshot is the repository's.
            let point = order.point.filter(|_| time.is_some());
            let was_there = time.is_none_or(|time| was_there(kept, &wiki, time));
            // A drill is of what any hoster takes.
            if wiki.is_there() && was_there && order.drill.is_none() {
                match choose(&wiki.folder, point) {
                    Ok(chosen) if chosen.state.tips.is_empty() => {}
                    Ok(chosen) => item.wiki = Some((wiki, chosen)),
                    Err(failure) => item.wiki_lost = Some(failure),
                }
            }
            item
        })
        .collect()
}

/// Whether a part was in the backup at a time.
fn was_there(kept: &Kept, part: &Part, time: Timestamp) -> bool {
    let state = kept.state.as_ref().ok().and_then(Option::as_ref);
    let was_gone = state
        .and_then(|state| state.gone)
        .is_some_and(|gone| gone <= time);
    let entries = Store::beside(&part.folder).entries().unwrap_or_default();
    let is_younger = entries.first().is_some_and(|first| first.time > time);
    !was_gone && !is_younger
}

/// What a repository was called at a time.
fn name_then(part: &Part, chosen: &Chosen, time: Option<Timestamp>) -> Option<Untrusted> {
    time?;
    let (id, _) = chosen.snapshot.as_ref()?;
    let entries = Store::beside(&part.folder).entries().ok()?;
    let entry = entries.iter().rev().find(|entry| entry.id == *id)?;
    Some(entry.read().ok()?.identity.full_name)
}

fn check_rights(report: &TargetReport) -> Result<(), NoPlan> {
    if !report.missing_scopes.is_empty() {
        let missing: Vec<&str> = report
            .missing_scopes
            .iter()
            .map(|scope| scope.as_str())
            .collect();
        let missing = missing.join(", ");
        return Err(NoPlan::Rights(
            Failure::new(
                ErrorKind::Credentials,
                format!("the target's credentials lack {missing}"),
            )
            .with_hint("make a token that has it, and set `password` of the target to it; nothing was made"),
        ));
    }
    let errors = report.findings.iter();
    let mut errors = errors.filter(|finding| finding.severity == Severity::Error);
    match errors.next() {
        Some(error) => {
            let key = match error.key.is_empty() {
                true => String::new(),
                false => format!("{}: ", error.key),
            };
            let message = format!("{key}{}", error.message);
            let failure = Failure::new(ErrorKind::Config, message).with_hint(error.hint.clone());
            Err(NoPlan::Configuration(failure))
        }
        None => Ok(()),
    }
}

fn check_collisions(items: &[Item<'_>]) -> Result<(), NoPlan> {
    let made = items.iter().enumerate();
    let made = made.filter(|(_, item)| matches!(item.step, Step::Make));
    let groups = names::collisions(made.map(|(index, item)| (index, item.name.raw())));
    if groups.is_empty() {
        return Ok(());
    }
    let told = groups.iter().map(|group| {
        let all = group.iter().map(|index| {
            let kept = items[*index].kept;
            format!("{} ({})", kept.name().shown(), kept.path.shown())
        });
        let all: Vec<String> = all.collect();
        format!(
            "\"{}\" would be {}",
            items[group[0]].name.shown(),
            all.join(" and ")
        )
    });
    let told: Vec<String> = told.collect();
    let message = format!("names collide at the target: {}", told.join("; "));
    Err(NoPlan::Configuration(
        Failure::new(ErrorKind::Config, message).with_hint(
            "give all but one of each another name: rename: { TITLE/owner/name: NAME } in the target; an id will do in place of TITLE/owner/name; nothing was made",
        ),
    ))
}

/// What an earlier restore has made under another name than `rename` gives it now.
fn keeps_its_name(item: &Item<'_>, target: &OpenTarget) -> Option<Finding> {
    let Step::GoOn(found, Whose::Ours) = &item.step else {
        return None;
    };
    let name = below(found.full_name.raw(), &target.name, &target.project)?;
    let is_it = collision_key(name) == collision_key(item.name.raw());
    let message = format!(
        "{} is at the target already, as {}: `rename` does not change its name there",
        item.kept.name().shown(),
        found.full_name.printable()
    );
    (!is_it).then(|| Finding {
        hint: "rename it there by hand, if you want it to have another name".into(),
        ..Finding::warning(message)
    })
}

/// Two folders of the backup say that they are the same repository.
fn twice(item: &Item<'_>) -> Failure {
    let message = format!(
        "{} is a second copy of a repository that is restored already",
        item.kept.path.shown()
    );
    Failure::new(ErrorKind::ForeignFolder, message)
        .with_hint("restore one of the two by its name or folder; move the other one elsewhere")
}

/// What is to be sent of each, side by side. No state is kept beside that: there may be thousands.
fn look_at_all(items: &mut [Item<'_>], report: &TargetReport, cancel: &Cancel) {
    items.par_iter_mut().for_each(|item| {
        let chosen = item.chosen.take();
        item.then = chosen.as_ref().map(Then::of).unwrap_or_default();
        let Some(chosen) = chosen.filter(|_| item.is_sent()) else {
            return;
        };
        let mirror = item.kept.part(PartKind::Repository).folder;
        let unpushed = match &item.step {
            Step::GoOn(found, _) => found.unpushed_refs.clone(),
            _ => Vec::new(),
        };
        match survey(&mirror, chosen.state, &report.takes, &unpushed, cancel) {
            Ok(found) => item.survey = found,
            Err(failure) => item.step = Step::Refuse(failure),
        }
        if let Some((wiki, _)) = &item.wiki {
            item.survey.bytes += bytes_of(&wiki.folder).unwrap_or(0);
        }
        if let Some(most) = report.takes.repository_bytes
            && item.survey.bytes > most
        {
            item.survey.remarks.push(format!(
                "it has up to {} bytes, and the target takes {most} of a repository",
                item.survey.bytes
            ));
        }
    });
}
