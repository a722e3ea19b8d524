//! What is known of a repository before anything is done about it.

use forgekeep_failure::Failure;
use forgekeep_git::refs;
use forgekeep_hoster::Repository;
use forgekeep_restore::{RestorePoint, choose};
use forgekeep_store::part::PartKind;
use forgekeep_store::snapshot::Tips;
use forgekeep_untrusted::{Printable, Redactor};

use crate::item::{Item, Step};
use crate::report::{AtTarget, RefCounts, Refused, RepositoryRestored, RestoreOutcome};
use crate::survey::stays_at_home;

/// What is sent to a repository: the refs of the state that was planned, without what stays at home and what is
/// refused before. Its hoster may have more refs that it takes from nobody.
pub(crate) fn sendable(
    item: &Item<'_>,
    repository: &Repository,
    restored: &mut RepositoryRestored,
) -> Result<Tips, Failure> {
    let mirror = item.kept.part(PartKind::Repository).folder;
    let snapshot = item.then.snapshot.as_ref();
    let point = snapshot.map(|(id, _)| RestorePoint::Id(id.to_string()));
    let mut tips = choose(&mirror, point.as_ref())?.state.tips;
    let before = tips.len();
    tips.retain(|name, _| !stays_at_home(name, &repository.unpushed_refs));
    restored.refs.at_home = before - tips.len();
    tips.retain(|name, _| !item.survey.refused_names.contains(name));
    Ok(tips)
}

/// What is known of a repository before anything is done.
pub(crate) fn begun(item: &Item<'_>, redactor: &Redactor) -> RepositoryRestored {
    let then = &item.then;
    let refused = item.survey.refused.iter().map(|refused| Refused {
        name: refused.name.clone(),
        why: refused.why.clone(),
    });
    let remarks = item.survey.remarks.iter();
    let mut notes: Vec<Printable> = remarks
        .map(|remark| Printable::from(redactor.clean(remark).into_owned()))
        .collect();
    if let Some(oid) = then.detached {
        notes.push(format!("HEAD was detached at {oid}, which no hoster can be given").into());
    }
    let (number, some) = &item.survey.at_home;
    if *number > 0 {
        let some = some.iter();
        let some: Vec<String> = some.map(|name| refs::shown(name).to_string()).collect();
        notes.push(
            format!(
                "not sent, since hosters make such refs themselves: {} in all, such as {}",
                number,
                some.join(", ")
            )
            .into(),
        );
    }
    RepositoryRestored {
        source: item.kept.title.clone(),
        id: item.kept.id().cloned(),
        name: item.full_name.clone(),
        snapshot: then
            .snapshot
            .as_ref()
            .map(|(id, time)| format!("{id} of {time}").into()),
        target: match &item.step {
            Step::Make => Some(AtTarget {
                id: None,
                name: item.name.clone(),
            }),
            Step::GoOn(found, _) => Some(AtTarget {
                id: Some(found.id.clone()),
                name: found.full_name.clone(),
            }),
            Step::NotThen | Step::Refuse(_) => None,
        },
        outcome: match item.step {
            Step::NotThen => RestoreOutcome::NotThen,
            _ => RestoreOutcome::NotDone,
        },
        refs: RefCounts {
            wanted: then.refs,
            at_home: *number,
            ..RefCounts::default()
        },
        refused: refused.collect(),
        default_branch: then.head.as_ref().map(|head| {
            let short = head.strip_prefix(b"refs/heads/").unwrap_or(head);
            refs::shown(short).into()
        }),
        wiki: item.wiki_lost.as_ref().map(|failure| {
            let why = redactor.clean(&failure.message).into_owned();
            format!("not restored: {why}").into()
        }),
        bytes_sent: 0,
        notes,
        error: None,
    }
}
