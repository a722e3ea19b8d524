use forgekeep_plugin_sdk::{Finding, Host, HttpResponse, LinkPager, Page, Result, Severity, json};
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
    pub(crate) fn read(response: &HttpResponse, account: &Account) -> Result<Self> {
        if let Some(error) = astray(response, account) {
            return Err(error);
        }
        if response.status != 200 {
            return Err(refusal(response, account));
        }
        json(response).map_err(|mut error| {
            error.message = one_line(&error.message);
            error
        })
    }

    /// Number of repositories on all pages. Optional, and costly to Bitbucket, so it may be absent.
    pub(crate) fn size(&self) -> Option<u64> {
        self.size.as_u64()
    }
}

/// A page of a workspace's listing. Nothing is kept from one to the next: a repository that comes
/// twice, and a listing that ends before `total`, are the engine's to see. A link that cannot be
/// followed becomes a cursor, so that this page is not lost: the next call says that the rest is
/// missing.
pub(crate) fn list(account: &Account, cursor: Option<&str>, host: &Host<'_>) -> Result<Page> {
    let pager = LinkPager::new(&account.listing_url())?;
    let response = host.get(&pager.url(cursor)?, &account.credentials.api())?;
    let envelope = Envelope::read(&response, account)?;
    let mut page = Page {
        next: pager.next(cursor, envelope.next.as_deref()),
        // What Bitbucket counts for somebody without credentials need not be what it shows them.
        total: envelope
            .size()
            .filter(|_| account.credentials.kind() != Kind::Anonymous),
        ..Page::default()
    };
    // That there are no credentials is the validation's to say.
    if cursor.is_none() && envelope.values.is_empty() && envelope.next.is_none() {
        page.notes.push(nothing_visible(account));
    }
    for (entry, number) in envelope.values.iter().zip(1..) {
        match repository::read(entry, account) {
            Some(repository) => page.repositories.push(repository),
            None => page.notes.push(unnamed(number)),
        }
    }
    host.debug(&format!(
        "a page of workspace {}: {} repositories",
        account.workspace.id(),
        page.repositories.len()
    ));
    Ok(page)
}

/// What to say of an entry that has nothing to be called by.
fn unnamed(number: usize) -> Finding {
    Finding::new(
        Severity::Error,
        "",
        format!(
            "entry {number} of a page of Bitbucket's listing has neither uuid nor full_name, so it is \
            not backed up"
        ),
    )
}
