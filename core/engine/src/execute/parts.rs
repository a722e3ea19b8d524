//! What a hoster offers of a repository, part by part, and how a part of each kind is backed up.

use std::cell::RefCell;

use forgekeep_failure::{ErrorKind, Failure, Finding};
use forgekeep_hoster::{Repository, Services};
use forgekeep_mirror::repair::{self, RepairCase, Repaired};
use forgekeep_mirror::{Transfer, Upstream};
use forgekeep_store::part::PartKind;
use forgekeep_untrusted::Untrusted;

use super::Work;
use crate::event::Event;

/// A part that a hoster offers.
pub(super) struct Offered<'r> {
    pub kind: PartKind,
    pub url: &'r Untrusted,
    /// Default branch as the hoster says, without `refs/heads/`.
    default_branch: Option<&'r Untrusted>,
    /// Size in bytes as the hoster states it.
    size: Option<u64>,
}

impl<'r> Offered<'r> {
    /// The git repository itself, which is always offered.
    pub(super) fn repository(repository: &'r Repository) -> Self {
        Self {
            kind: PartKind::Repository,
            url: &repository.clone_url,
            default_branch: repository.default_branch.as_ref(),
            size: repository.size,
        }
    }

    /// A part of a kind, if it is offered.
    pub(super) fn of(repository: &'r Repository, kind: PartKind) -> Option<Self> {
        match kind {
            PartKind::Repository => Some(Self::repository(repository)),
            PartKind::Wiki => repository.wiki_url.as_ref().map(|url| Self {
                kind,
                url,
                default_branch: None,
                size: None,
            }),
        }
    }

    /// All that are offered.
    pub(super) fn all(repository: &'r Repository) -> impl Iterator<Item = Self> {
        let kinds = PartKind::ALL.into_iter();
        kinds.filter_map(move |kind| Self::of(repository, kind))
    }
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
        let mut authorization = work.authorization()?;
        let part = work.part(offered.kind);
        let folder = part.folder.as_path();
        let claim = match part.is_there() {
            true => None,
            false => Some(work.space.begin_clone(folder, offered.size)?),
        };
        let services = &work.source.services;
        let services = Services {
            http: work.source.gate.watch(&services.http, &services.cancel),
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
        let source = work.source.title.as_str().into();
        let case = RepairCase {
            cases: work.cases,
            source: &source,
            id: &identity.id,
            name: &identity.full_name,
            path: &work.path,
            mirror: folder,
            lacks_head: claim.is_some(),
        };
        let mut retry = 0;
        let mut was_refused = false;
        let repaired = loop {
            let upstream = Upstream {
                url: offered.url,
                authorization: authorization.clone(),
                default_branch: offered.default_branch,
                identity: &identity,
                services: &services,
                may_write: &|| work.space.begin_update(folder),
                warnings,
            };
            match repair::mirror(&upstream, folder, &progress, &case) {
                Ok(repaired) => break repaired,
                Err(failure) if failure.kind == ErrorKind::Credentials && !was_refused => {
                    was_refused = true;
                    authorization = work.other_authorization(&authorization, failure)?;
                    continue;
                }
                Err(failure) if services.wait_out(offered.url, &failure)? => {}
                Err(failure) => work.source.services.retry(&mut retry, failure)?,
            }
            // A token may have expired in the attempt, or in the wait after it.
            authorization = work.authorization()?;
        };
        if let Some(claim) = claim {
            claim.done();
        }
        Ok(repaired)
    }
}
