use std::collections::HashSet;

use forgekeep_plugin_sdk_draft::{
    Extras, HosterError, HttpResponse, LinkPager, Note, Page, Services, Severity, json,
};
use serde::Deserialize;
use serde_json::Value;

use crate::advice::nothing_visible;
use crate::api::Account;
use crate::credentials::Kind;
use crate::repository;
use crate::status::{astray, refusal};
use crate::text::one_line;

/// Bitbucket's envelope of a page. Entries are read one by one: a bad one does not spoil the rest.
#[derive(Deserialize)]
pub(crate) struct Envelope {
    pub(crate) values: Vec<Value>,
    #[serde(default)]
    pub(crate) next: Option<String>,
    #[serde(default)]
    size: Value,
}

impl Envelope {
    pub(crate) fn read(response: &HttpResponse, account: &Account) -> Result<Self, HosterError> {
        if let Some(error) = astray(response, account) {
            return Err(error);
        }
        if response.status != 200 {
            return Err(refusal(response, account));
        }
        json(response).map_err(|mut error| {
            error.message = one_line(&error.message).into();
            error
        })
    }

    /// Number of repositories on all pages. Optional, and costly to Bitbucket, so it may be absent.
    pub(crate) fn size(&self) -> Option<u64> {
        self.size.as_u64()
    }
}

/// The listing of a workspace, page by page.
#[derive(Debug)]
pub(crate) struct Listing {
    pager: LinkPager,
    /// Ids given out: a repository created or deleted meanwhile moves others to the next page.
    seen: HashSet<String>,
    pages: u64,
    entries: u64,
    /// Entries left out because they were given out before.
    duplicates: u64,
    total: Option<u64>,
    /// Why it cannot go on.
    failed: Option<HosterError>,
}

impl Listing {
    pub(crate) fn of(account: &Account) -> Result<Self, HosterError> {
        Ok(Self {
            pager: LinkPager::new(&account.listing_url())?,
            seen: HashSet::new(),
            pages: 0,
            entries: 0,
            duplicates: 0,
            total: None,
            failed: None,
        })
    }

    pub(crate) fn next_page(
        &mut self,
        account: &Account,
        services: &Services,
    ) -> Result<Option<Page>, HosterError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let Some(url) = self.pager.take() else {
            return Ok(None);
        };
        let envelope = services
            .get(url.as_str(), &account.credentials.api())
            .and_then(|response| Envelope::read(&response, account));
        match envelope {
            Ok(envelope) => Ok(Some(self.page(&envelope, account, services))),
            Err(error) => {
                self.failed = Some(error.clone());
                Err(error)
            }
        }
    }

    fn page(&mut self, envelope: &Envelope, account: &Account, services: &Services) -> Page {
        self.pages += 1;
        self.total = envelope.size().or(self.total);
        let mut page = Page::default();
        if self.pages == 1 {
            page.notes.extend(first_words(envelope, account));
        }
        for entry in &envelope.values {
            self.entries += 1;
            let Some(repository) = repository::read(entry, account) else {
                page.notes.push(note(
                    Severity::Error,
                    format!(
                        "entry {} of Bitbucket's listing has neither uuid nor full_name, so it is \
                        not backed up",
                        self.entries
                    ),
                ));
                continue;
            };
            // One without an identity is nobody's twin: the host says what it lacks.
            if repository.id.is_empty() || self.seen.insert(repository.id.to_string()) {
                page.repositories.push(repository);
            } else {
                self.duplicates += 1;
            }
        }
        // What Bitbucket counts for somebody without credentials need not be what it shows them.
        if account.credentials.kind() != Kind::Anonymous {
            page.total = self.distinct_total().into();
        }
        services.debug(&format!(
            "page {} of workspace {}: {} repositories",
            self.pages,
            account.workspace.id(),
            page.repositories.len()
        ));
        match self.pager.follow(envelope.next.as_deref()) {
            // What this page holds is good all the same: the next call says that the rest is
            // missing.
            Err(mut error) => {
                error.message = one_line(&error.message).into();
                self.failed = Some(error);
            }
            Ok(()) if envelope.next.is_none() => page.notes.extend(self.shortfall()),
            Ok(()) => {}
        }
        page
    }

    /// How many repositories Bitbucket counts, without those it has listed twice.
    fn distinct_total(&self) -> Option<u64> {
        self.total
            .map(|total| total.saturating_sub(self.duplicates))
    }

    /// What to say of a listing that ended too early.
    fn shortfall(&self) -> Option<Note> {
        let listed = self.seen.len() as u64;
        let total = self.distinct_total().filter(|total| listed < *total)?;
        Some(note(
            Severity::Warning,
            format!(
                "Bitbucket counts {total} repositories, but its listing ended after {listed}: the rest is not backed up"
            ),
        ))
    }
}

/// What to say of the first page. That there are no credentials is the validation's to say.
fn first_words(envelope: &Envelope, account: &Account) -> Option<Note> {
    (envelope.values.is_empty() && envelope.next.is_none()).then(|| {
        let (message, hint) = nothing_visible(account);
        note(Severity::Warning, format!("{message}; {hint}"))
    })
}

fn note(severity: Severity, message: String) -> Note {
    Note {
        severity,
        message: message.into(),
        extras: Extras::new(),
    }
}
