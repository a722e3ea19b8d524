use forgekeep_plugin_sdk_draft::{RSome, Repository};
use serde_json::Value;
use url::Url;

use crate::api::Account;
use crate::text::one_line;

/// Reads one entry of the listing. What it lacks is left empty: a repository that cannot be backed
/// up for lack of an identity or an address is the host's to fail, not ours to skip. `None` only if
/// it has nothing to be called by.
pub(crate) fn read(entry: &Value, account: &Account) -> Option<Repository> {
    let uuid = text(entry, "/uuid");
    let full_name = text(entry, "/full_name");
    uuid.or(full_name)?;
    let mut repository = Repository {
        id: uuid.unwrap_or_default().into(),
        full_name: full_name
            .map_or_else(|| stand_in(entry, account), str::to_owned)
            .into(),
        default_branch: text(entry, "/mainbranch/name").unwrap_or_default().into(),
        size: entry.get("size").and_then(Value::as_u64).into(),
        private: flag(entry, "is_private"),
        ..Repository::default()
    };
    if let Some(reason) = not_under_git(entry) {
        repository.skip = RSome(reason.into());
        return Some(repository);
    }
    let url = clone_url(entry, account.plain_http()).unwrap_or_default();
    if flag(entry, "has_wiki") && !url.is_empty() {
        repository.wiki_url = RSome(format!("{url}/wiki").into());
    }
    repository.clone_url = url.into();
    Some(repository)
}

fn text<'a>(entry: &'a Value, pointer: &str) -> Option<&'a str> {
    entry
        .pointer(pointer)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

fn flag(entry: &Value, key: &str) -> bool {
    entry.get(key).and_then(Value::as_bool).unwrap_or(false)
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

/// The link for cloning over HTTPS, by its name: their order is not fixed. The user name that
/// Bitbucket puts into it goes. Whether the address may be asked is the host's to decide.
fn clone_url(entry: &Value, plain_http: bool) -> Option<String> {
    let link = |name: &str| {
        entry
            .pointer("/links/clone")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .find(|link| text(link, "/name") == Some(name))
            .and_then(|link| text(link, "/href"))
    };
    let href = link("https").or_else(|| link("http").filter(|_| plain_http))?;
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
