//! Whose projects are listed, and the listing.

use forgekeep_plugin_sdk::{
    self as sdk, Api, ErrorKind, HosterError, Keyset, Page, Paged, Result, Sees, Stages,
    answers_instead, entries, filled, from_cursor, named_or_known, owner_findings, owner_seen,
};
use serde::{Deserialize, Serialize};

use crate::project::{Project, marked};
use crate::sight::{ALSO_PUBLIC, At, BY_ID, Kind, LENGTH, Next, Owner, Server, Token, sees, sight};

const KEYSET: Keyset<'static> = Keyset {
    asks: ("pagination", "keyset"),
    turns: &["id_after", "cursor"],
};

/// What is listed of it.
#[derive(Clone, Copy, Serialize, Deserialize)]
enum Stage {
    Projects,
    /// Older servers leave them out where they are not asked for.
    Archived,
    Wikis,
    Snippets,
}

/// A page of a source.
pub(crate) fn list(server: &Server<'_>, cursor: Option<&str>) -> Result<Page> {
    if let Some(cursor) = cursor {
        return turn(server, from_cursor(cursor)?);
    }
    let name = server.source.name.trim();
    let owner = Owner::find(server, name)?;
    let token = sight(server)?.1.as_ref();
    if token.is_some_and(|token| !token.is_for_code()) {
        let what = "the token lacks the scope read_repository";
        return Err(HosterError::new(ErrorKind::Forbidden, what));
    }
    let is_all = owner.kind == Kind::All;
    let has_wikis = is_all || owner.wiki_access_level.is_some();
    let stages = [
        (Stage::Projects, true),
        (Stage::Archived, !is_all),
        (Stage::Wikis, has_wikis && server.secret.is_some()),
        (Stage::Snippets, owner.has_snippets(server)?),
    ];
    server.kept.ids.begin();
    let mut page = turn(server, Stages::first(owner.clone(), &stages))?;
    page.expires = token.and_then(Token::expires);
    if let Some(sdk::Owner { id, name: path }) = owner.identity() {
        page.owners
            .push(owner_seen(id, &path, sees(server, &path)?));
        page.notes.extend(match &owner.marked_for_deletion_on {
            Some(day) => vec![marked(&format!("the group {name}"), day)],
            None => owner_findings(name, &path, false),
        });
    }
    Ok(page)
}

fn turn(server: &Server<'_>, place: Stages<Owner, Stage>) -> Result<Page> {
    place.turn(|owner, stage, at, page| match stage {
        Stage::Projects => owner.projects(server, false, at, page),
        Stage::Archived => owner.projects(server, true, at, page),
        Stage::Wikis => owner.wikis(server, at, page),
        Stage::Snippets => owner.snippets(server, at, page),
    })
}

impl Owner {
    /// Whose a name is.
    pub(crate) fn find(server: &Server<'_>, name: &str) -> Result<Self> {
        let (mut found, kind) = (Self::default(), &*server.source.kind);
        if name == "*" {
            found.kind = Kind::All;
            return Ok(found);
        }
        if kind != "user"
            && let Some(group) = group(server, name)?
        {
            return Ok(group);
        }
        if kind.is_empty() || kind == "user" {
            let response = server.api.get(&["users"], &[("username", name)])?;
            let users: Vec<Self> = Api::document(&response)?;
            if let Some(user) = users.into_iter().find(|user| user.is_called(name)) {
                let kind = Kind::User;
                return Ok(Self { kind, ..user });
            }
        }
        let what = format!("there is no group or user {name}, or it is hidden from the account");
        let error = HosterError::new(ErrorKind::NotFound, what);
        Err(error.with_hint("check name and type, and whether the account is a member"))
    }

    /// A page of its projects, archived or not.
    pub(crate) fn page(&self, api: &Api<'_>, archived: &str, at: Option<&str>) -> Result<Paged> {
        let (id, archived) = (self.id.to_string(), ("archived", archived));
        let (deep, own) = (("include_subgroups", "true"), ("with_shared", "false"));
        let path = match self.kind {
            Kind::All => vec!["projects"],
            Kind::User => vec!["users", &id, "projects"],
            Kind::Group => vec!["groups", &id, "projects"],
        };
        let query = match self.kind {
            Kind::All => vec![("membership", "true")],
            Kind::User => vec![archived],
            // What is shared with a group is another's.
            Kind::Group => vec![deep, own, archived],
        };
        let keyset = (self.kind != Kind::Group).then_some(&KEYSET);
        let query = [&query, BY_ID.as_slice()].concat();
        api.paged(&path, &query, LENGTH, keyset, at)
    }

    fn projects(&self, server: &Server<'_>, archived: bool, at: At<'_>, page: &mut Page) -> Next {
        let ids = &server.kept.ids;
        let (found, next) = self.page(&server.api, &archived.to_string(), at)?;
        let mut found: Vec<Project> = entries(found, &mut page.notes);
        for project in &mut found {
            ids.add(project.id);
            // Without a token it is not said of any.
            project.archived.get_or_insert(archived);
        }
        if next.is_none() && (archived || self.kind == Kind::All) {
            if self.kind == Kind::Group {
                let is_its = |project: &Project| project.is_within(&self.full_path);
                found.extend(ids.absent(&server.api, self.id, "projects", is_its)?);
            }
            let (name, is_empty) = (server.source.name.trim(), ids.count() == Some(0));
            let findings = owner_findings(name, name, is_empty && found.is_empty());
            page.notes.extend(findings);
        }
        for mut project in found {
            page.notes.extend(project.notes());
            if filled(project.label.take()).is_some() {
                ids.doubt();
            }
            self.put(project.into_repository(server), page);
        }
        Ok(next)
    }
}

/// The group of a name. One that was renamed, as those are that are marked for deletion, is found by the id
/// under which it was known.
fn group(server: &Server<'_>, name: &str) -> Result<Option<Owner>> {
    let query = [("search", name), ALSO_PUBLIC, ("per_page", "100")];
    let found: Vec<Owner> = match name.bytes().all(|b| b.is_ascii_digit()) {
        // A number is read as an id, never as a path.
        true => Api::document(&server.api.get(&["groups"], &query)?)?,
        false => ask(server, name)?.into_iter().collect(),
    };
    let found = found.into_iter().find(|group| group.is_called(name));
    let found = found.map(|group| (group.id, group));
    named_or_known(server.host, name, found, |id| ask(server, id))
}

pub(crate) fn ask(server: &Server<'_>, which: &str) -> Result<Option<Owner>> {
    let (path, short) = (["groups", which], [("with_projects", "false")]);
    server.api.found(&path, &short)
}

/// What proves that a project was deleted, once it is not found: its top group or user is there, who asks sees
/// all of that, and is shown another project of it.
pub(crate) fn proof(server: &Server<'_>, id: u64, full_name: &str) -> Result<Option<String>> {
    let root = full_name.split('/').next().unwrap_or_default();
    if sees(server, root)? != Sees::All {
        return Ok(None);
    }
    let owner = Owner::find(server, root)?;
    let (listed, _) = owner.page(&server.api, "false", None)?;
    let other = answers_instead(&server.api, "projects", id, &listed)?;
    // Under another name it may be a stranger's: that is not known here.
    let other = other.filter(|_| owner.is_called(root));
    Ok(other.map(|other| {
        let other = &other["path_with_namespace"];
        format!("not found (404) by who sees all of {root}, and is shown {other} of it")
    }))
}
