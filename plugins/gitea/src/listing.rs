use forgekeep_plugin_sdk::{
    ErrorKind, Finding, HosterError, OwnerSeen, Page, Result, Severity, cursor as make_cursor,
    from_cursor, kept,
};

use crate::account::Account;
use crate::owner::{Kind, Listed};
use crate::repository::Entry;
use crate::server::{PAGE_LENGTH, Server};

/// The name that stands for all that the account owns or is a member of.
pub(crate) const ALL: &str = "*";

/// A page, and how many repositories the server counts on all pages of what it is of.
pub(crate) fn list(server: &Server<'_>, cursor: Option<&str>) -> Result<(Page, Option<u64>)> {
    if let Some(cursor) = cursor {
        let (listed, page): (Listed, Option<String>) = from_cursor(cursor)?;
        return turn(server, &listed, page.as_deref());
    }
    server.version()?;
    let name = server.source.name.trim();
    if name == ALL {
        let account = server.api.read(&["user"])?;
        return turn(server, &Listed::new(Kind::All, &account), None);
    }
    let listed = Listed::find(server, name)?;
    let (mut page, counted) = turn(server, &listed, None)?;
    let mut warn = |key, message, hint| {
        let finding = Finding::new(Severity::Warning, key, message);
        page.notes.push(finding.with_hint(hint));
    };
    if !listed.name.eq_ignore_ascii_case(name) {
        let message = format!("{name} is called {} now", listed.name);
        warn("name", message, "change it: others may take the old one");
    }
    if listed.kind == Kind::User && server.secret.is_some() && server.sight()?.me.is_none() {
        let message =
            format!("it is not told whether the token is {name}'s, who may have private ones");
        warn("password", message, "make a token with the scope read:user");
    }
    if page.repositories.is_empty() && page.next.is_none() {
        let message = format!("no repository of {name} is visible: nothing is treated as deleted");
        warn("name", message, "check name and the account's rights");
    }
    Ok((page, counted))
}

/// A page of somebody's repositories. The first one says how much of them is seen.
fn turn(server: &Server<'_>, listed: &Listed, cursor: Option<&str>) -> Result<(Page, Option<u64>)> {
    let path = listed.path();
    let mut page = Page::default();
    let mut note = |severity, message: String| page.notes.push(Finding::new(severity, "", message));
    let (mut entries, turned) = match server.api.page(&path, &[], PAGE_LENGTH, cursor) {
        // The next one may well be listed.
        Err(error) if listed.kind == Kind::Each && is_of_one(&error) => {
            let message = format!("{} is not backed up: {}", listed.name, error.message);
            page.owners.push(OwnerSeen {
                id: listed.id.to_string(),
                name: listed.name.clone(),
                error: Some(HosterError { message, ..error }),
                ..OwnerSeen::default()
            });
            page.next = following(server, listed)?;
            return Ok((page, None));
        }
        answered => answered?,
    };
    // Gogs gives as many as a counter says, which may be too low: a search finds the others.
    if cursor.is_none() && listed.kind != Kind::All && server.version()?.is_none() {
        let owner = [("uid", &*listed.id.to_string())];
        let found = server.api.all(&["repos", "search"], &owner, PAGE_LENGTH);
        for entry in server.host.if_told(found)?.unwrap_or_default() {
            if entries.iter().all(|known| known["id"] != entry["id"]) {
                entries.push(entry);
            }
        }
    }
    if let (None, Some(counted)) = (&turned.next, turned.counted.filter(|n| *n > turned.seen)) {
        let (of, seen) = (path.join("/"), turned.seen);
        let message = format!("of {counted} repositories in {of}, the server shows {seen}");
        note(Severity::Info, message);
    }
    for (entry, number) in entries.into_iter().zip(1..) {
        let Ok(entry) = serde_json::from_value::<Entry>(entry) else {
            let message = format!("entry {number} of a page cannot be read, and is not backed up");
            note(Severity::Error, message);
            continue;
        };
        // What is not its own, or comes with its organisation.
        let is_elsewhere = match listed.kind {
            Kind::Own => !entry.is_of(listed.id),
            Kind::All => organisations(server)?.iter().any(|one| entry.is_of(one.id)),
            _ => false,
        };
        if !is_elsewhere {
            page.repositories.push(entry.into_repository(server.web));
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

fn is_of_one(error: &HosterError) -> bool {
    use ErrorKind::{Forbidden, Gone, NotFound, Unavailable};
    matches!(error.kind, Forbidden | Gone | NotFound | Unavailable)
}

/// The organisations that the account is a member of, by their ids.
fn organisations<'a>(server: &'a Server<'_>) -> Result<&'a Vec<Account>> {
    kept(&server.kept.organisations, || {
        let found = server.api.all(&["user", "orgs"], &[], PAGE_LENGTH)?;
        let found = found.into_iter().flat_map(serde_json::from_value);
        let mut found: Vec<Account> = found.collect();
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
    let first = |one| make_cursor(&(Listed::new(Kind::Each, one), None::<String>));
    next.map(first).transpose()
}
