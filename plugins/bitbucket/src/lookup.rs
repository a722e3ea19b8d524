use std::time::Duration;

use forgekeep_plugin_sdk::{
    ErrorKind, HosterError, HttpResponse, LookupRequest, Presence, Result, json,
};
use serde_json::Value;

use crate::api::Account;
use crate::client::Client;
use crate::envelope::Envelope;
use crate::member::Member;
use crate::members::members;
use crate::repository;
use crate::status::{astray, refusal};
use crate::text::one_line;
use crate::workspace::{Workspace, is_uuid};

/// How old the answer may be that shows the token to be an administrator's: it serves for a batch of
/// lookups, and the token is known to live still.
const FRESH: Duration = Duration::from_secs(60);

/// Repositories of the workspace that are looked at: one of them is another one.
const FEW: u8 = 2;

/// Asks for one repository by its uuid: `GET /2.0/repositories/{workspace}/{repo_slug}`, where the
/// slug may be the uuid. It answers 404 both if there is none and if the account may not see it, and
/// has done so in outages: that alone proves no deletion.
pub(crate) fn lookup(what: &LookupRequest, client: &Client<'_, '_>) -> Result<Presence> {
    let id = what.id.as_str();
    if !is_uuid(&id.to_ascii_lowercase()) {
        return Err(HosterError::new(
            ErrorKind::Other,
            format!("`{}` is not the uuid of a repository", one_line(id)),
        ));
    }
    let Some(account) = account(what, client) else {
        return Ok(Presence::Hidden);
    };
    let response = client.get(&account.repository_url(id))?;
    if let Some(error) = astray(&response, &account) {
        return Err(error);
    }
    match response.status {
        200 => {
            let entry: Value = json(&response)?;
            let found = repository::read(&entry, &account, None).filter(|found| found.id == id);
            found.map(Presence::present).ok_or_else(|| {
                HosterError::new(
                    ErrorKind::BadAnswer,
                    format!("Bitbucket was asked for {id} and answered with another repository"),
                )
            })
        }
        404 if is_bitbuckets_own(&response) => {
            let proof = proof(id, &account, client)?;
            Ok(proof.map_or(Presence::Hidden, |proof| Presence::Deleted { proof }))
        }
        _ => Err(refusal(&response, &account)),
    }
}

/// The workspace to look in: the source's, or with all workspaces the one that the repository was listed
/// in.
fn account(what: &LookupRequest, client: &Client<'_, '_>) -> Option<Account> {
    let account = &client.kept.account;
    if !account.workspace.is_all() {
        return Some(account.clone());
    }
    let (slug, _) = what.full_name.split_once('/')?;
    let workspace = Workspace::parse(slug).ok()?;
    (!workspace.is_all()).then(|| account.within(workspace))
}

/// What proves that a repository which is not found was deleted: an administrator of the workspace, who
/// sees every repository of it, is shown the workspace and another repository of it right now.
fn proof(id: &str, account: &Account, client: &Client<'_, '_>) -> Result<Option<String>> {
    if !client.kept.is_api_token() {
        return Ok(None);
    }
    let unless_interrupted = |error: HosterError| match error.kind {
        ErrorKind::Cancelled => Err(error),
        _ => {
            client
                .host
                .debug(&format!("whether {id} was deleted cannot be told: {error}"));
            Ok(None)
        }
    };
    let members = match members(client, FRESH) {
        Ok(members) => members,
        Err(error) => return unless_interrupted(error),
    };
    let of_it = |member: &&Member| account.workspace.is(&member.owner.id, &member.owner.name);
    let Some(member) = members.known.iter().find(of_it).filter(|m| m.administrator) else {
        return Ok(None);
    };
    let listed = client
        .get(&account.few_url(FEW))
        .and_then(|response| Envelope::read(&response, account));
    let listed = match listed {
        Ok(listed) => listed,
        Err(error) => return unless_interrupted(error),
    };
    let found: Vec<_> = listed
        .values
        .iter()
        .filter_map(|entry| repository::read(entry, account, None))
        .collect();
    // It is there after all, whatever the other answer says.
    if found.iter().any(|found| found.id == id) {
        return Ok(None);
    }
    let other = found
        .iter()
        .find(|found| !found.id.is_empty() && found.owner.id == member.owner.id);
    Ok(other.map(|other| {
        format!(
            "not found (404) by an administrator of workspace {}, to whom it shows {}",
            account.workspace.id(),
            one_line(&other.full_name)
        )
    }))
}

/// Whether the answer is Bitbucket's documented error, and not a proxy's page.
fn is_bitbuckets_own(response: &HttpResponse) -> bool {
    serde_json::from_slice::<Value>(&response.body)
        .is_ok_and(|body| body.get("type").is_some_and(|kind| kind == "error"))
}
