//! Lists sources, side by side, page by page.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};

use forgekeep_failure::{ErrorKind, Failure, Finding};
use forgekeep_hoster::{Cursor, OwnerSeen, Page, Part, Repository, Services, Session};
use forgekeep_untrusted::Untrusted;
use jiff::Timestamp;

use crate::completeness::Counted;
use crate::event::{Event, Observer};

/// Most bytes of all texts about one repository: with `maxRepositories` it bounds the memory that a
/// listing takes. Honest ones have some hundreds.
const MAX_TEXT: usize = 16 * 1024;

/// Most pages in a row without a repository that was not listed before.
const MAX_BARREN_PAGES: usize = 1000;

/// The whole listing of a source.
pub(crate) struct Listing {
    pub repositories: Vec<Box<Repository>>,
    pub counted: Counted,
    pub owners: Vec<OwnerSeen>,
    pub notes: Vec<Finding>,
    /// When the credentials expire, where the hoster says so.
    pub expires: Option<Timestamp>,
}

/// Lists a source to its end; `most` repositories at most. `on_page` gets what is listed so far, after each
/// page but the last.
pub(crate) fn list(
    title: &str,
    session: &dyn Session,
    services: &Services,
    most: usize,
    observer: &dyn Observer,
    mut on_page: impl FnMut(&[Box<Repository>]),
) -> Result<Listing, Failure> {
    observer.event(&Event::ListingStarted { source: title });
    let mut repositories = Vec::new();
    let mut notes = Vec::new();
    let mut owners = HashMap::new();
    let mut seen = HashSet::new();
    let mut barren = 0;
    let (mut total, mut expires) = (None, None);
    // A cursor may be long, and a listing have many pages: their hashes tell them apart as well.
    let (hashing, mut cursors) = (RandomState::new(), HashSet::new());
    let mut cursor: Option<Cursor> = None;
    loop {
        let page = page(session, cursor.as_ref(), services)?;
        let known = seen.len();
        seen.extend(page.repositories.iter().map(|r| r.id.clone()));
        barren = if seen.len() > known { 0 } else { barren + 1 };
        if barren > MAX_BARREN_PAGES {
            return Err(endless(repositories.len()));
        }
        if repositories.len() + page.repositories.len() > most {
            return Err(too_many(most));
        }
        // The latest word: repositories come and go while pages are turned.
        total = page.total.or(total);
        expires = page.expires.or(expires);
        for seen in page.owners {
            if owners.len() < most || owners.contains_key(&seen.owner.id) {
                owners.insert(seen.owner.id.clone(), seen);
            }
        }
        for note in page.notes {
            observer.event(&Event::Note {
                source: title,
                finding: &note,
            });
            notes.push(note);
        }
        repositories.extend(
            page.repositories
                .into_iter()
                .map(|one| Box::new(bounded(one))),
        );
        observer.event(&Event::PageListed {
            source: title,
            listed: repositories.len(),
            total: page.total,
        });
        let Some(next) = page.next else {
            break;
        };
        if !cursors.insert(hashing.hash_one(&next)) {
            return Err(circle(repositories.len()));
        }
        on_page(&repositories);
        cursor = Some(next);
    }
    observer.event(&Event::SourceListed {
        source: title,
        listed: repositories.len(),
    });
    // Those without an identity are told of one by one; they are listed all the same.
    let nameless = repositories.iter().filter(|r| r.id.is_empty()).count();
    seen.remove(&Untrusted::default());
    let distinct = (seen.len() + nameless) as u64;
    // What is listed twice, as it moved to the next page meanwhile, the hoster has counted twice too, or
    // it counts none of them: neither is a shortfall.
    let repeated = (repositories.len() as u64).saturating_sub(distinct);
    let counted = Counted {
        listed: distinct,
        total: total.map(|total| total.saturating_sub(repeated).max(total.min(distinct))),
        known: 0,
        lost: 0,
    };
    Ok(Listing {
        repositories,
        counted,
        owners: owners.into_values().collect(),
        notes,
        expires,
    })
}

/// A page. A limit is waited for, and the same page asked for again: while there is time for it, that
/// is no reason to give up a listing of many pages.
fn page(
    session: &dyn Session,
    cursor: Option<&Cursor>,
    services: &Services,
) -> Result<Page, Failure> {
    loop {
        services.cancel.check()?;
        let failure = match session.page(cursor) {
            Ok(page) => return Ok(page),
            Err(failure) => services.cancel.explain(failure),
        };
        if !services.wait_out_api(&failure)? {
            return Err(failure);
        }
    }
}

/// A repository without texts that are longer than any honest one's. What is left cannot be backed
/// up, and is told of by the plan.
fn bounded(repository: Repository) -> Repository {
    let of_part = |part: &Part| {
        let branch = part.default_branch.as_ref().map_or(0, Untrusted::len);
        part.url.len() + part.id.len() + branch
    };
    let bytes: usize = repository.parts.iter().map(of_part).sum();
    let bytes = bytes + repository.handle.len();
    let bytes = bytes + repository.skip.as_ref().map_or(0, |why| why.len());
    let named = repository.id.len() + repository.full_name.len();
    if bytes + named <= MAX_TEXT {
        return repository;
    }
    let cut = |text: Untrusted| match text.len() <= MAX_TEXT {
        true => text,
        false => Untrusted::new(text.raw().chars().take(MAX_TEXT / 4).collect::<String>()),
    };
    Repository {
        id: cut(repository.id),
        full_name: cut(repository.full_name),
        handle: Untrusted::default(),
        parts: Vec::new(),
        skip: None,
        ..repository
    }
}

fn too_many(most: usize) -> Failure {
    Failure::new(
        ErrorKind::BadAnswer,
        format!("the listing has more than {most} repositories"),
    )
    .with_hint(
        "set options.backup.maxRepositories higher if there are that many: each takes \
    about 2 kB of memory; nothing was treated as deleted",
    )
}

fn circle(listed: usize) -> Failure {
    Failure::new(
        ErrorKind::BadAnswer,
        format!("the listing goes in a circle: after {listed} repositories it leads back to a page that was read"),
    )
    .with_hint("report it to the plugin's authors or to the hoster; nothing was treated as deleted")
}

fn endless(listed: usize) -> Failure {
    Failure::new(
        ErrorKind::BadAnswer,
        format!("the listing does not end: {listed} repositories so far"),
    )
    .with_hint("report it to the plugin's authors or to the hoster; nothing was treated as deleted")
}
