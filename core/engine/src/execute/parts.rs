//! What a hoster offers of a repository, part by part, and how a part of each kind is backed up.

use std::cell::RefCell;

use forgekeep_failure::{ErrorKind, Failure, Finding};
use forgekeep_hoster::{Part, Repository, Services};
use forgekeep_mirror::repair::{self, RepairCase, Repaired};
use forgekeep_mirror::{Mirrored, Outcome, RefRules, Transfer, Upstream};
use forgekeep_store::part::PartKind;

use super::Work;
use crate::event::Event;

/// A part that a hoster offers.
pub(super) struct Offered<'r> {
    pub kind: PartKind,
    pub remote: &'r Part,
}

impl<'r> Offered<'r> {
    /// A part of a kind, if it is offered.
    pub(super) fn of(repository: &'r Repository, kind: PartKind) -> Option<Self> {
        let remote = repository.part(match kind {
            PartKind::Repository => forgekeep_hoster::PartKind::Git,
            PartKind::Wiki => forgekeep_hoster::PartKind::Wiki,
        })?;
        Some(Self { kind, remote })
    }

    /// All that are offered.
    pub(super) fn all(repository: &'r Repository) -> impl Iterator<Item = Self> {
        let kinds = PartKind::ALL.into_iter();
        kinds.filter_map(move |kind| Self::of(repository, kind))
    }
}

/// What there is to say the first time that a repository is empty which the configuration itself names:
/// somebody wants the backup of just this one, and has written another path, as likely as not.
pub(super) fn named_and_empty(repository: &Repository, outcome: &Outcome) -> Option<Finding> {
    let is_named = Offered::of(repository, PartKind::Repository)?.remote.named;
    let is_first = outcome.newest_before.is_none() && outcome.mirrored == Mirrored::Empty;
    (is_named && is_first).then(|| Finding {
        hint: "check its address in the configuration; this is said once".into(),
        ..Finding::warning("the repository is empty: it has neither branches nor tags")
    })
}

/// Makes a part in the backup what upstream has. What is damaged is repaired on the way: that needs
/// upstream, too, and the same questions of it.
pub(super) trait BackUp: Sync {
    /// `warnings` gets what was converted or set aside, also if the whole fails in the end.
    fn back_up(
        &self,
        work: &Work<'_>,
        offered: &Offered<'_>,
        warnings: &RefCell<Vec<Finding>>,
    ) -> Result<Repaired, Failure>;
}

pub(super) fn of_kind(kind: PartKind) -> &'static dyn BackUp {
    match kind {
        PartKind::Repository | PartKind::Wiki => &Mirror,
    }
}

/// A bare git repository.
struct Mirror;

impl BackUp for Mirror {
    fn back_up(
        &self,
        work: &Work<'_>,
        offered: &Offered<'_>,
        warnings: &RefCell<Vec<Finding>>,
    ) -> Result<Repaired, Failure> {
        let (source, repository) = (work.source, work.repository());
        let mut access = source.access(repository, offered.remote)?;
        let kept = work.part(offered.kind);
        let folder = kept.folder.as_path();
        let is_new = !kept.is_there();
        let claim = match is_new {
            false => None,
            true => Some(work.space.begin_clone(folder, offered.remote.size)?),
        };
        let services = &work.source.services;
        let services = Services {
            http: work.visit.watch(&services.http, &services.cancel),
            ..services.clone()
        };
        let identity = work.identity();
        let progress = |transfer: Transfer| {
            if let Some(claim) = &claim {
                claim.received(transfer.bytes);
            }
            work.observer.event(&Event::Receiving {
                source: &work.source.title,
                name: work.name,
                transfer,
            });
        };
        let title = work.source.title.as_str().into();
        let case = RepairCase {
            cases: work.cases,
            source: &title,
            id: &identity.id,
            name: &identity.full_name,
            path: &work.path,
            mirror: folder,
            lacks_head: claim.is_some(),
        };
        let ref_rules = match offered.kind {
            PartKind::Repository => work.source.ref_rules(work.repository()),
            // What a hoster makes of pull requests is in no wiki.
            PartKind::Wiki => RefRules::default(),
        };
        let mut retry = 0;
        let mut was_refused = false;
        let repaired = loop {
            let upstream = Upstream {
                url: &offered.remote.url,
                way: work.source.programs.way(&access),
                default_branch: offered.remote.default_branch.as_ref(),
                ref_rules: &ref_rules,
                answer: work.answer.filter(|_| offered.kind == PartKind::Repository),
                identity: &identity,
                services: &services,
                turn: &|| work.take_turn(),
                may_write: &|| work.space.begin_update(folder),
                warnings,
            };
            match repair::mirror(&upstream, folder, &progress, &case) {
                Ok(repaired) => break repaired,
                Err(failure) if failure.kind == ErrorKind::Credentials && !was_refused => {
                    was_refused = true;
                    access = source.other_access(repository, offered.remote, &access, failure)?;
                    continue;
                }
                // A wiki without a page, as likely as not: there is nothing to wait for.
                Err(failure) if failure.says_nothing && is_new && offered.remote.uncertain => {
                    return Err(failure);
                }
                Err(failure) if services.wait_out(&offered.remote.url, &failure)? => {}
                Err(failure) => work.source.services.retry(&mut retry, failure)?,
            }
            // A token may have expired in the attempt, or in the wait after it.
            access = source.access(repository, offered.remote)?;
        };
        if let Some(claim) = claim {
            claim.done();
        }
        Ok(repaired)
    }
}
