//! Lists sources, side by side, page by page.

use std::collections::HashSet;
use std::sync::Mutex;

use crate::completeness::Counted;
use crate::event::{Event, Observer};
use crate::hoster::{Finding, Hoster, Repository, Services, Session, SourceSpec};
use crate::{ErrorKind, Failure};

/// Most repositories of one source. Bitbucket's largest workspaces have some tens of thousands; a
/// listing beyond this does not end.
const MAX_REPOSITORIES: usize = 1_000_000;

/// Most pages in a row without a repository that was not listed before.
const MAX_BARREN_PAGES: usize = 1000;

/// A source of which the listing is complete. Its session goes on to give credentials.
pub(crate) struct Listing {
    pub session: Mutex<Box<dyn Session>>,
    pub repositories: Vec<Repository>,
    pub counted: Counted,
    pub notes: Vec<Finding>,
}

/// Lists a source to its end.
pub(crate) fn list(
    hoster: &dyn Hoster,
    spec: SourceSpec,
    services: &Services,
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
        if barren > MAX_BARREN_PAGES || repositories.len() > MAX_REPOSITORIES {
            return Err(endless(repositories.len()));
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
        repositories.extend(page.repositories);
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
    seen.remove("");
    let counted = Counted {
        listed: (seen.len() + nameless) as u64,
        total,
    };
    Ok(Listing {
        session: Mutex::new(session),
        repositories,
        counted,
        notes,
    })
}

fn endless(listed: usize) -> Failure {
    Failure::new(
        ErrorKind::BadAnswer,
        format!("the listing does not end: {listed} repositories so far"),
    )
    .with_hint("nothing was taken for deleted; report it to the plugin's authors or to the hoster")
}
