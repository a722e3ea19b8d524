//! Lists sources, side by side, page by page.

use std::sync::Mutex;

use crate::Failure;
use crate::event::{Event, Observer};
use crate::hoster::{Finding, Hoster, Repository, Services, Session, SourceSpec};

/// A source of which the listing is complete. Its session goes on to give credentials.
pub(crate) struct Listing {
    pub session: Mutex<Box<dyn Session>>,
    pub repositories: Vec<Repository>,
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
    loop {
        services.cancel.check()?;
        let Some(page) = session.next_page()? else {
            break;
        };
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
    Ok(Listing {
        session: Mutex::new(session),
        repositories,
        notes,
    })
}
