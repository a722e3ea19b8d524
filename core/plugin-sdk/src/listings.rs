//! Listings of owners: the repositories of an account, of its organisations, of installations.

use forgekeep_plugin_documents::{
    Finding, HosterError, HttpResponse, LookupRequest, Page, Presence, Repository, Sees, Severity,
    Source,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::cursor::{cursor as make_cursor, from_cursor};
use crate::host::Host;
use crate::linked::Linked;
use crate::owners::{is_of_one_owner, owner_failed, owner_findings, owner_seen};
use crate::repository_entry::Account;

type Result<T> = std::result::Result<T, HosterError>;

/// One of the listings of a source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Listing<K> {
    /// Which endpoint it is of: the plugin's own.
    pub kind: K,
    /// The immutable id of whom it is of.
    pub owner: String,
    /// What the plugin needs beside it, such as an installation. May be empty.
    pub handle: String,
    /// What the owner is called.
    pub name: String,
}

impl<K> Listing<K> {
    /// A listing of an account.
    pub fn of(kind: K, account: &Account, handle: &str) -> Self {
        Self {
            kind,
            owner: account.id.to_string(),
            handle: handle.to_owned(),
            name: account.login.clone(),
        }
    }
}

/// A hoster with a listing for each owner. [`list`] and [`look_up`] go by it.
pub trait Listings {
    /// The kinds of listings, in the order in which they are read.
    type Kind: Copy + Ord + Serialize + DeserializeOwned;

    /// All listings of the source: the same in another process, unless they come or go meanwhile.
    ///
    /// # Errors
    ///
    /// Where they cannot be had.
    fn all(&self) -> Result<&[Listing<Self::Kind>]>;

    /// Asks for a page, and gives that listing's own cursor for the next one.
    ///
    /// # Errors
    ///
    /// Where it cannot be had.
    fn page(&self, listing: &Listing<Self::Kind>, cursor: Option<&str>) -> Result<Linked>;

    /// Reads a page.
    ///
    /// # Errors
    ///
    /// Where it is not as it is documented.
    fn fill(
        &self,
        listing: &Listing<Self::Kind>,
        answer: &HttpResponse,
        page: &mut Page,
    ) -> Result<()>;

    /// How much of the owner is seen; `None` for a listing beside that of its repositories, such as snippets.
    ///
    /// # Errors
    ///
    /// Where it cannot be asked.
    fn sees(&self, listing: &Listing<Self::Kind>) -> Result<Option<Sees>>;

    /// What there is to say on the first page.
    ///
    /// # Errors
    ///
    /// Where it cannot be asked.
    fn notes(&self) -> Result<Vec<Finding>> {
        Ok(Vec::new())
    }

    /// Whether another listing may be read though this one cannot: one of many.
    fn fails_alone(&self, listing: &Listing<Self::Kind>) -> bool;

    /// Whether an id can be asked for by [`Listings::by_id`]; of others nothing is known. Ids are numbers, where
    /// a plugin does not say otherwise.
    fn is_id(&self, id: &str) -> bool {
        id.parse::<u64>().is_ok()
    }

    /// The repository with an id, asked as the owner's listing is; `None` where the hoster itself says that it
    /// is not found, and nothing hides it.
    ///
    /// # Errors
    ///
    /// Where it cannot be asked.
    fn by_id(&self, of: &Listing<Self::Kind>, id: &str) -> Result<Option<Repository>>;

    /// Whether the owner is there still, under its name.
    ///
    /// # Errors
    ///
    /// Where it cannot be asked.
    fn is_there(&self, listing: &Listing<Self::Kind>) -> Result<bool>;
}

/// A page of the listings of a source, one after another. One that cannot be read costs itself alone where
/// there are others; the first page of each says how much of its owner is seen.
///
/// # Errors
///
/// Those of the hoster; as [`from_cursor`].
pub fn list<L: Listings>(hoster: &L, source: &Source, cursor: Option<&str>) -> Result<Page> {
    let all = hoster.all()?;
    let place: Option<(Listing<L::Kind>, Option<String>)> = cursor.map(from_cursor).transpose()?;
    let (listing, within) = match &place {
        Some((listing, within)) => (listing, within.as_deref()),
        None => match all.iter().min() {
            Some(listing) => (listing, None),
            None => return Ok(Page::default()),
        },
    };
    let mut page = Page::default();
    let next = match hoster.page(listing, within) {
        Ok((answer, next)) => {
            hoster.fill(listing, &answer, &mut page)?;
            if let (None, Some(sees)) = (within, hoster.sees(listing)?) {
                let seen = owner_seen(&listing.owner, &listing.name, sees);
                page.owners.push(seen);
            }
            next
        }
        Err(error) if hoster.fails_alone(listing) && is_of_one_owner(&error) => {
            if hoster.sees(listing)?.is_some() {
                let failed = owner_failed(&listing.owner, &listing.name, error);
                page.owners.push(failed);
            } else {
                let (name, why) = (&listing.name, &error.message);
                let message =
                    format!("what {name} has beside repositories is not backed up: {why}");
                let note = Finding::new(Severity::Error, "", message);
                page.notes.push(note.with_hint(error.hint));
            }
            None
        }
        Err(error) => return Err(error),
    };
    page.next = match (next, all.iter().filter(|other| *other > listing).min()) {
        (Some(next), _) => Some(make_cursor(&(listing, next))?),
        (None, Some(other)) => Some(make_cursor(&(other, None::<String>))?),
        (None, None) => None,
    };
    let name = source.name.trim();
    if cursor.is_none() {
        page.notes.extend(hoster.notes()?);
    }
    if cursor.is_none() && name != "*" {
        let is_empty = page.repositories.is_empty() && page.next.is_none();
        let findings = owner_findings(name, &listing.name, is_empty);
        page.notes.extend(findings);
    }
    Ok(page)
}

/// What became of a repository that is listed no more. *Deleted* is said where it is not found by who is known
/// to see all of its owner, the owner is there under its name, and another repository of it is found.
///
/// # Errors
///
/// Those of the hoster, but for the steps of the proof: what they cannot be had for is logged.
pub fn look_up<L: Listings>(hoster: &L, host: &Host<'_>, what: &LookupRequest) -> Result<Presence> {
    let name = what.full_name.split('/').next().unwrap_or_default();
    let all = hoster.all()?;
    let is_of_it = |listing: &&Listing<L::Kind>| listing.name.eq_ignore_ascii_case(name);
    // Of an owner that is not listed any more, the first one says whether it has been moved.
    let own = all.iter().find(is_of_it);
    let Some(listing) = own.or(all.iter().min()).filter(|_| hoster.is_id(&what.id)) else {
        return Ok(Presence::Hidden);
    };
    match hoster.by_id(listing, &what.id)? {
        Some(found) if found.id == what.id => Ok(Presence::present(found)),
        None if own.is_some() => {
            let proof = host.if_told(proof(hoster, listing, &what.id))?.flatten();
            Ok(proof.map_or(Presence::Hidden, |proof| Presence::Deleted { proof }))
        }
        _ => Ok(Presence::Hidden),
    }
}

fn proof<L: Listings>(
    hoster: &L,
    listing: &Listing<L::Kind>,
    missing: &str,
) -> Result<Option<String>> {
    if hoster.sees(listing)? != Some(Sees::All) || !hoster.is_there(listing)? {
        return Ok(None);
    }
    let (answer, _) = hoster.page(listing, None)?;
    let mut page = Page::default();
    hoster.fill(listing, &answer, &mut page)?;
    let mut few = page.repositories;
    few.retain(|one| one.owner.id == listing.owner);
    // It is there after all, whatever the other answer says.
    let other = match few.first() {
        Some(other) if few.iter().all(|one| one.id != missing) => &other.id,
        _ => return Ok(None),
    };
    let found = hoster.by_id(listing, other)?;
    let is_shown = found.is_some_and(|found| found.id == *other && found.owner.id == listing.owner);
    let name = &listing.name;
    Ok(is_shown.then(|| {
        format!("not found (404) by who sees all of {name}, and is shown repository {other} of it")
    }))
}
