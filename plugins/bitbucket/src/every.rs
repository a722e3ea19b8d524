//! The listing of every workspace that the account is a member of (`name: '*'`), one after the other.

use forgekeep_plugin_sdk::{
    ErrorKind, Finding, HosterError, OwnerSeen, Page, Result, Severity, cursor as make_cursor,
    from_cursor, is_of_one_owner,
};
use serde::{Deserialize, Serialize};

use crate::advice::no_workspace;
use crate::api::Account;
use crate::client::Client;
use crate::listing::list_one;
use crate::member::{Member, Members};
use crate::members;

/// Most bytes of a cursor.
const LONGEST: usize = 8 << 10;
/// For a link that does not fit: asked for, it is the error that says so.
const TOO_LONG: &str = "-";

/// Where a listing is: in which workspace, and on which of its pages. It means the same in another
/// process.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    /// The workspace's uuid. Workspaces come in the order of theirs.
    uuid: String,
    /// Whether a workspace before it was listed.
    any_listed: bool,
    /// How many of its repositories the pages before had.
    seen: u64,
    /// The page of its listing; `None` for the first.
    page: Option<String>,
}

impl Place {
    fn write(mut self) -> Result<String> {
        let cursor = make_cursor(&self)?;
        if cursor.len() <= LONGEST {
            return Ok(cursor);
        }
        self.page = Some(TOO_LONG.to_owned());
        make_cursor(&self)
    }
}

/// A page. A workspace that cannot be listed is told of among the owners, and the next one follows: only
/// what concerns all of them ends the listing, and that there is none that could be listed.
///
/// [`Page::owners`] names a workspace on the last page of its listing: one that is missing there was not
/// listed to its end.
pub(crate) fn list(client: &Client<'_, '_>, cursor: Option<&str>) -> Result<Page> {
    let place: Option<Place> = cursor.map(from_cursor).transpose()?;
    let members = members::all(client)?;
    let mut page = page(client, place, &members.known)?;
    if cursor.is_none() {
        page.notes.extend(about(&members, &client.kept.account));
    }
    Ok(page)
}

fn page(client: &Client<'_, '_>, place: Option<Place>, members: &[Member]) -> Result<Page> {
    // A workspace that the account has left meanwhile is passed over, and its neighbours are not.
    let at = match &place {
        None => 0,
        Some(place) => members.partition_point(|member| member.owner.id < place.uuid),
    };
    let Some(member) = members.get(at) else {
        return Ok(Page::default());
    };
    let is_there = place
        .as_ref()
        .is_some_and(|place| place.uuid == member.owner.id);
    let within = place.as_ref().filter(|_| is_there);
    let within = within.and_then(|place| place.page.as_deref());
    let any_listed = place.as_ref().is_some_and(|place| place.any_listed);
    let follows = |any_listed| {
        let next = members.get(at + 1);
        let place = next.map(|next| Place {
            uuid: next.owner.id.clone(),
            any_listed,
            seen: 0,
            page: None,
        });
        place.map(Place::write).transpose()
    };
    let account = client.kept.account.within(member.workspace.clone());
    // On a later page, a link that cannot be followed is one of this workspace.
    let is_its = |error: &HosterError| {
        is_of_one_owner(error) || (within.is_some() && error.kind == ErrorKind::BadAnswer)
    };
    match list_one(client, &account, within) {
        Ok(mut page) => {
            let before = within.and(place.as_ref()).map_or(0, |place| place.seen);
            let seen = before.saturating_add(page.repositories.len() as u64);
            // That of one workspace is not that of all.
            let counted = page.total.take();
            page.next = match page.next.take() {
                Some(next) => Some(
                    Place {
                        uuid: member.owner.id.clone(),
                        any_listed,
                        seen,
                        page: Some(next),
                    }
                    .write()?,
                ),
                None => {
                    let lacks = counted.filter(|counted| *counted > seen);
                    page.owners.push(OwnerSeen {
                        error: lacks.map(|counted| falls_short(member, seen, counted)),
                        ..member.sees()
                    });
                    follows(true)?
                }
            };
            Ok(page)
        }
        Err(error) if !is_its(&error) => Err(error),
        Err(error) => {
            let next = follows(any_listed || within.is_some())?;
            if next.is_none() && !any_listed && within.is_none() {
                return Err(error);
            }
            Ok(Page {
                next,
                owners: vec![OwnerSeen {
                    error: Some(match within {
                        None => failed(member, error),
                        Some(_) => broke_off(member, error),
                    }),
                    ..member.sees()
                }],
                ..Page::default()
            })
        }
    }
}

/// What there is to say of the workspaces of an account before any is listed.
pub(crate) fn about(members: &Members, account: &Account) -> Option<Finding> {
    match members.nameless {
        0 => members.known.is_empty().then(|| no_workspace(account)),
        nameless => Some(Finding::new(
            Severity::Error,
            "name",
            format!(
                "{nameless} of the account's workspaces cannot be backed up: Bitbucket names neither uuid nor id of them"
            ),
        )),
    }
}

/// Why a workspace cannot be listed.
pub(crate) fn failed(member: &Member, error: HosterError) -> HosterError {
    let id = member.workspace.id();
    HosterError {
        message: format!("workspace {id} cannot be listed: {}", error.message),
        ..error
    }
}

/// A listing that ends before Bitbucket's own number is reached. With one workspace to a source that is the
/// host's to say, and can be accepted.
fn falls_short(member: &Member, seen: u64, counted: u64) -> HosterError {
    let id = member.workspace.id();
    let message = format!(
        "workspace {id} was listed in part only: {seen} repositories, and Bitbucket counts {counted}"
    );
    HosterError::new(ErrorKind::BadAnswer, message).with_hint(
        "run again later; if Bitbucket counts what it never lists, name this workspace in a source of its own, leave it out of this one, and accept the number there",
    )
}

fn broke_off(member: &Member, error: HosterError) -> HosterError {
    let id = member.workspace.id();
    HosterError {
        message: format!("workspace {id} was listed in part only: {}", error.message),
        ..error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_that_would_be_too_long_says_so_when_it_is_followed() {
        let place = |page: &str| Place {
            uuid: "{0de4fb31-9c5e-4a02-8b39-6f3a5c2e1d77}".to_owned(),
            any_listed: false,
            seen: 200,
            page: Some(page.to_owned()),
        };
        let written = |page: &str| from_cursor::<Place>(&place(page).write().unwrap()).unwrap();
        let link = "+https://api.bitbucket.org/2.0/x?a=b c";
        assert_eq!(written(link), place(link));
        assert_eq!(written(&"x".repeat(LONGEST)), place(TOO_LONG));
    }
}
