use forgekeep_plugin_sdk::{
    Attributes, HttpResponse, Owner, Part, PartKind, Repository, Visibility, settled_version,
};
use serde_json::Value;
use url::Url;

use crate::api::Account;
use crate::text::one_line;

/// Reads one entry of the listing. What it lacks is left empty: a repository that cannot be backed
/// up for lack of an identity or an address is the host's to fail, not ours to skip. `None` only if
/// it has nothing to be called by. `listed` is the answer of the listing that it is from: only with it
/// there are versions.
pub(crate) fn read(
    entry: &Value,
    account: &Account,
    listed: Option<&HttpResponse>,
) -> Option<Repository> {
    let uuid = text(entry, "/uuid");
    let full_name = text(entry, "/full_name");
    uuid.or(full_name)?;
    let mut repository = Repository {
        id: uuid.unwrap_or_default().to_owned(),
        full_name: full_name.map_or_else(|| stand_in(entry, account), str::to_owned),
        description: description(entry),
        visibility: match flag(entry, "is_private") {
            Some(true) => Visibility::Private,
            Some(false) => Visibility::Public,
            None => Visibility::Other,
        },
        fork: entry.get("parent").is_some_and(Value::is_object),
        attributes: Attributes {
            languages: text(entry, "/language")
                .map(str::to_owned)
                .into_iter()
                .collect(),
            // `updated_on` is no time of a push: it moves with settings too.
            ..Attributes::default()
        },
        owner: owner(entry).unwrap_or_default(),
        skip: not_under_git(entry),
        ..Repository::default()
    };
    if repository.skip.is_none() {
        repository.parts = parts(entry, account, listed);
    }
    Some(repository)
}

/// The git repository, and beside it the wiki's. Without a link for cloning its address is empty.
fn parts(entry: &Value, account: &Account, listed: Option<&HttpResponse>) -> Vec<Part> {
    let url = match account.is_ssh {
        true => link(entry, "ssh").map(str::to_owned),
        false => clone_url(entry, account.plain_http()),
    };
    let url = url.unwrap_or_default();
    let mut git = Part::new(PartKind::Git, &url);
    git.default_branch = text(entry, "/mainbranch/name").map(str::to_owned);
    git.version = listed.and_then(|listed| version(entry, listed));
    git.size = entry.get("size").and_then(Value::as_u64);
    let mut parts = vec![git];
    if flag(entry, "has_wiki") == Some(true) && !url.is_empty() {
        parts.push(Part::new(PartKind::Wiki, format!("{url}/wiki")));
    }
    parts
}

/// Pushes, new and deleted branches and rewrites move `updated_on`; nothing is known to do so for what is
/// pushed to a wiki.
fn version(entry: &Value, listed: &HttpResponse) -> Option<String> {
    let branch = text(entry, "/mainbranch/name").unwrap_or_default();
    settled_version(listed, text(entry, "/updated_on")?, &[branch])
}

/// The workspace. Half of it is no owner: one without an id would be another than before.
fn owner(entry: &Value) -> Option<Owner> {
    Some(Owner {
        id: text(entry, "/workspace/uuid")?.to_owned(),
        name: text(entry, "/workspace/slug")?.to_owned(),
    })
}

/// In one line, and whole: it is given back to a hoster one day.
fn description(entry: &Value) -> String {
    let words = text(entry, "/description").unwrap_or_default();
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn text<'a>(entry: &'a Value, pointer: &str) -> Option<&'a str> {
    entry
        .pointer(pointer)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

fn flag(entry: &Value, key: &str) -> Option<bool> {
    entry.get(key)?.as_bool()
}

/// A name for an entry without a full one.
fn stand_in(entry: &Value, account: &Account) -> String {
    let last = ["/slug", "/name", "/uuid"]
        .into_iter()
        .find_map(|pointer| text(entry, pointer))
        .unwrap_or_default();
    format!("{}/{last}", account.workspace.id())
}

/// Why git cannot clone it at all.
fn not_under_git(entry: &Value) -> Option<String> {
    match text(entry, "/scm") {
        None | Some("git") => None,
        Some("hg") => Some(
            "Mercurial repository: Bitbucket removed Mercurial in 2020; nothing to clone"
                .to_owned(),
        ),
        Some(other) => Some(format!("it is kept by `{}`, not by git", one_line(other))),
    }
}

/// A link for cloning, by its name: their order is not fixed.
fn link<'a>(entry: &'a Value, name: &str) -> Option<&'a str> {
    let links = entry.pointer("/links/clone").and_then(Value::as_array);
    let mut links = links.into_iter().flatten();
    let named = links.find(|link| text(link, "/name") == Some(name))?;
    text(named, "/href")
}

/// The link for cloning over HTTPS. The user name that
/// Bitbucket puts into it goes. Whether the address may be asked is the host's to decide.
fn clone_url(entry: &Value, plain_http: bool) -> Option<String> {
    let href = link(entry, "https").or_else(|| link(entry, "http").filter(|_| plain_http))?;
    let Ok(mut url) = Url::parse(href) else {
        return Some(href.to_owned());
    };
    // These fail only for an address without a host, which has no user either.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    Some(url.as_str().trim_end_matches('/').to_owned())
}
