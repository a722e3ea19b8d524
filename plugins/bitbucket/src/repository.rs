use forgekeep_plugin_sdk::{RSome, Repository};
use serde_json::Value;
use url::Url;

use crate::api::Account;
use crate::text::one_line;

/// Reads one entry of the listing. What it lacks makes it a repository to skip, with the reason;
/// `None` only if it has nothing to be called by.
pub(crate) fn read(entry: &Value, account: &Account) -> Option<Repository> {
    let uuid = text(entry, "/uuid");
    let full_name = text(entry, "/full_name");
    let mut repository = Repository {
        id: uuid.or(full_name)?.into(),
        full_name: full_name
            .map_or_else(|| stand_in(entry, account), str::to_owned)
            .into(),
        default_branch: text(entry, "/mainbranch/name").unwrap_or_default().into(),
        size: entry.get("size").and_then(Value::as_u64).into(),
        private: flag(entry, "is_private"),
        ..Repository::default()
    };
    let cloneable = match (uuid, full_name) {
        (None, _) => Err("Bitbucket's listing gives it no uuid, by which its backup would be known again after a rename".to_owned()),
        (_, None) => Err("Bitbucket's listing gives it no full_name".to_owned()),
        _ => under_git(entry).and_then(|()| clone_url(entry, account.plain_http())),
    };
    match cloneable {
        Ok(url) => {
            if flag(entry, "has_wiki") {
                repository.wiki_url = RSome(format!("{url}/wiki").into());
            }
            repository.clone_url = url.into();
        }
        Err(reason) => repository.skip = RSome(reason.into()),
    }
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

/// Whether git can clone it at all.
fn under_git(entry: &Value) -> Result<(), String> {
    match text(entry, "/scm") {
        None | Some("git") => Ok(()),
        Some("hg") => Err(
            "Mercurial repository: Bitbucket removed Mercurial in 2020; nothing to clone"
                .to_owned(),
        ),
        Some(other) => Err(format!("it is kept by `{}`, not by git", one_line(other))),
    }
}

/// The link for cloning over HTTPS, by its name: their order is not fixed. The user name that
/// Bitbucket puts into it goes.
fn clone_url(entry: &Value, plain_http: bool) -> Result<String, String> {
    let link = |name: &str| {
        entry
            .pointer("/links/clone")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .find(|link| text(link, "/name") == Some(name))
            .and_then(|link| text(link, "/href"))
    };
    let href = link("https")
        .or_else(|| link("http").filter(|_| plain_http))
        .ok_or("Bitbucket's listing gives it no https link to clone from")?;
    let mut url = Url::parse(href)
        .map_err(|error| format!("Bitbucket's listing gives it a broken clone link: {error}"))?;
    if url.scheme() != "https" && !(plain_http && url.scheme() == "http") {
        return Err(format!(
            "its https clone link leads to {}:, where credentials must not go",
            url.scheme()
        ));
    }
    // These fail only for a URL without a host, which http and https do not have.
    let stripped = url.set_username("").and_then(|()| url.set_password(None));
    if stripped.is_err() {
        return Err("its clone link names no host".to_owned());
    }
    url.set_query(None);
    url.set_fragment(None);
    Ok(url.as_str().trim_end_matches('/').to_owned())
}
