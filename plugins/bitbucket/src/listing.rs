use forgekeep_plugin_sdk::{Finding, HttpResponse, LinkPager, Page, Result, Severity};

use crate::advice::nothing_visible;
use crate::api::Account;
use crate::client::Client;
use crate::credentials::Kind;
use crate::envelope::Envelope;
use crate::members;
use crate::repository;

/// A page of the listing of the source's workspace. Bitbucket is asked once whether the credentials see all of
/// the workspace, where that can be known: beside the second page, since the first one says whether they are good
/// at all, or after the only one.
pub(crate) fn list(client: &Client<'_, '_>, cursor: Option<&str>) -> Result<Page> {
    let account = &client.kept.account;
    let mut page = match (cursor, members::unasked(client)) {
        (Some(cursor), Some(members)) => {
            let url = LinkPager::new(&account.listing_url())?.url(Some(cursor))?;
            let (listed, asked) = client.get_both(&url, &members)?;
            let page = page_of(client, account, Some(cursor), &listed?)?;
            members::answered(client, asked);
            page
        }
        _ => list_one(client, account, cursor)?,
    };
    if cursor.is_some() || page.next.is_none() {
        page.owners.extend(members::seen(client)?);
    }
    Ok(page)
}

/// A page of a workspace's listing. Nothing is kept from one to the next: a repository that comes
/// twice, and a listing that ends before `total`, are the engine's to see. A link that cannot be
/// followed becomes a cursor, so that this page is not lost: the next call says that the rest is
/// missing.
pub(crate) fn list_one(
    client: &Client<'_, '_>,
    account: &Account,
    cursor: Option<&str>,
) -> Result<Page> {
    let url = LinkPager::new(&account.listing_url())?.url(cursor)?;
    page_of(client, account, cursor, &client.get(&url)?)
}

fn page_of(
    client: &Client<'_, '_>,
    account: &Account,
    cursor: Option<&str>,
    response: &HttpResponse,
) -> Result<Page> {
    let pager = LinkPager::new(&account.listing_url())?;
    let envelope = Envelope::read(response, account)?;
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
        match repository::read(entry, account, Some(response)) {
            Some(repository) => page.repositories.push(repository),
            None => page.notes.push(unnamed(number)),
        }
    }
    client.host.debug(&format!(
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
