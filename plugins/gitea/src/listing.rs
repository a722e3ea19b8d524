use forgekeep_plugin_sdk::{
    Page, Result, all_entries, cursor as make_cursor, entries, from_cursor, is_of_one_owner, kept,
    owner_failed, owner_findings, warning,
};

use crate::account::Account;
use crate::owner::{Kind, Listed};
use crate::repository::Entry;
use crate::server::{PAGE_LENGTH, Server};

/// A page, and how many repositories the server counts on all pages of what it is of.
pub(crate) fn list(server: &Server<'_>, cursor: Option<&str>) -> Result<(Page, Option<u64>)> {
    if let Some(cursor) = cursor {
        let (listed, page): (Listed, Option<String>) = from_cursor(cursor)?;
        return turn(server, &listed, page.as_deref());
    }
    server.version()?;
    let name = server.source.name.trim();
    if name == "*" {
        let account = server.api.read(&["user"])?;
        return turn(server, &Listed::new(Kind::All, &account), None);
    }
    let listed = Listed::find(server, name)?;
    let (mut page, counted) = turn(server, &listed, None)?;
    if listed.kind == Kind::User && server.secret.is_some() && server.sight()?.me.is_none() {
        let message =
            format!("it is not told whether the token is {name}'s, who may have private ones");
        let hint = "make a token with the scope read:user";
        page.notes.push(warning("password", message, hint));
    }
    let is_empty = page.repositories.is_empty() && page.next.is_none();
    page.notes
        .extend(owner_findings(name, &listed.name, is_empty));
    Ok((page, counted))
}

/// A page of somebody's repositories. The first one says how much of them is seen.
fn turn(server: &Server<'_>, listed: &Listed, cursor: Option<&str>) -> Result<(Page, Option<u64>)> {
    let path = listed.path();
    let mut page = Page::default();
    let (mut found, turned) = match server.api.page(&path, &[], PAGE_LENGTH, cursor) {
        // The next one may well be listed.
        Err(error) if listed.kind == Kind::Each && is_of_one_owner(&error) => {
            page.owners = vec![owner_failed(listed.id, &listed.name, error)];
            page.next = following(server, listed)?;
            return Ok((page, None));
        }
        answered => answered?,
    };
    // Gogs gives as many as a counter says, which may be too low: a search finds the others.
    if cursor.is_none() && listed.kind != Kind::All && server.version()?.is_none() {
        let owner = [("uid", &*listed.id.to_string())];
        let more = server.api.all(&["repos", "search"], &owner, PAGE_LENGTH);
        for entry in server.host.if_told(more)?.unwrap_or_default() {
            if found.iter().all(|known| known["id"] != entry["id"]) {
                found.push(entry);
            }
        }
    }
    page.notes.extend(turned.shortfall(&path.join("/")));
    for entry in entries::<Entry>(found, &mut page.notes) {
        // What is not its own, or comes with its organisation.
        let is_elsewhere = match listed.kind {
            Kind::Own => !entry.is_of(listed.id),
            Kind::All => organisations(server)?.iter().any(|one| entry.is_of(one.id)),
            _ => false,
        };
        if !is_elsewhere {
            page.repositories.push(entry.into_repository(server.source));
        }
    }
    if cursor.is_none() {
        page.owners.push(server.seen(listed)?);
    }
    page.next = match turned.next {
        Some(next) => Some(make_cursor(&(listed, next))?),
        None => following(server, listed)?,
    };
    // On the account's own listing there is more than what belongs to it.
    Ok((page, turned.counted.filter(|_| listed.kind != Kind::Own)))
}

/// The organisations that the account is a member of, by their ids.
fn organisations<'a>(server: &'a Server<'_>) -> Result<&'a Vec<Account>> {
    kept(&server.kept.organisations, || {
        let found = server.api.all(&["user", "orgs"], &[], PAGE_LENGTH)?;
        let mut found: Vec<Account> = all_entries(found)?;
        found.sort_by_key(|one| one.id);
        Ok(found)
    })
}

/// The first page of the next organisation by its id: so in a new process, and if they change.
fn following(server: &Server<'_>, listed: &Listed) -> Result<Option<String>> {
    let after = match listed.kind {
        Kind::All => None,
        Kind::Each => Some(listed.id),
        _ => return Ok(None),
    };
    let mut all = organisations(server)?.iter();
    let next = all.find(|one| Some(one.id) > after);
    next.map(|one| make_cursor(&(Listed::new(Kind::Each, one), None::<String>)))
        .transpose()
}
