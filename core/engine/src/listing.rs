//! Lists sources, side by side, page by page.

use std::collections::HashSet;

use forgekeep_failure::{ErrorKind, Failure, Finding};
use forgekeep_hoster::{Hoster, Repository, Services, Session, SourceSpec};
use forgekeep_untrusted::Untrusted;
use parking_lot::Mutex;

use crate::completeness::Counted;
use crate::event::{Event, Observer};

/// Most bytes of all texts about one repository: with `maxRepositories` it bounds the memory that a
/// listing takes. Honest ones have some hundreds.
const MAX_TEXT: usize = 16 * 1024;

/// Most pages in a row without a repository that was not listed before.
const MAX_BARREN_PAGES: usize = 1000;

/// A source of which the listing is complete. Its session goes on to give credentials.
pub(crate) struct Listing {
    pub session: Mutex<Box<dyn Session>>,
    pub repositories: Vec<Repository>,
    pub counted: Counted,
    pub notes: Vec<Finding>,
}

/// Lists a source to its end; `most` repositories at most.
pub(crate) fn list(
    hoster: &dyn Hoster,
    spec: SourceSpec,
    services: &Services,
    most: usize,
    observer: &dyn Observer,
) -> Result<Listing, Failure> {
    let title = spec.title.clone();
    observer.event(&Event::ListingStarted { source: &title });
    let mut session = hoster.open(spec, services.clone())?;
    let mut repositories = Vec::new();
    let mut notes = Vec::new();
    let mut seen = HashSet::new();
    let mut barren = 0;
    let mut total = None;
    loop {
        services.cancel.check()?;
        let page = session.next_page();
        let Some(page) = page.map_err(|failure| services.cancel.explain(failure))? else {
            break;
        };
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
        for note in page.notes {
            observer.event(&Event::Note {
                source: &title,
                finding: &note,
            });
            notes.push(note);
        }
        repositories.extend(page.repositories.into_iter().map(bounded));
        observer.event(&Event::PageListed {
            source: &title,
            listed: repositories.len(),
            total: page.total,
        });
    }
    observer.event(&Event::SourceListed {
        source: &title,
        listed: repositories.len(),
    });
    // Those without an identity are told of one by one; they are listed all the same.
    let nameless = repositories.iter().filter(|r| r.id.is_empty()).count();
    seen.remove(&Untrusted::default());
    let counted = Counted {
        listed: (seen.len() + nameless) as u64,
        total,
        known: 0,
        lost: 0,
    };
    Ok(Listing {
        session: Mutex::new(session),
        repositories,
        counted,
        notes,
    })
}

/// A repository without texts that are longer than any honest one's. What is left cannot be backed
/// up, and is told of by the plan.
fn bounded(repository: Repository) -> Repository {
    let texts = [
        Some(&repository.clone_url),
        repository.wiki_url.as_ref(),
        repository.default_branch.as_ref(),
    ];
    let bytes: usize = texts.into_iter().flatten().map(Untrusted::len).sum();
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
        clone_url: Untrusted::default(),
        wiki_url: None,
        default_branch: None,
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
    about 3 kB of memory; nothing was treated as deleted",
    )
}

fn endless(listed: usize) -> Failure {
    Failure::new(
        ErrorKind::BadAnswer,
        format!("the listing does not end: {listed} repositories so far"),
    )
    .with_hint("report it to the plugin's authors or to the hoster; nothing was treated as deleted")
}
