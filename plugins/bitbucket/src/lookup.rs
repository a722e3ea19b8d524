use forgekeep_plugin_sdk::{ErrorKind, Host, HosterError, HttpResponse, Presence, Result, json};
use serde_json::Value;

use crate::api::Account;
use crate::repository;
use crate::status::{astray, refusal};
use crate::text::one_line;
use crate::workspace::is_uuid;

/// Asks for one repository by its uuid: `GET /2.0/repositories/{workspace}/{repo_slug}`, where the
/// slug may be the uuid. It answers 404 both if there is none and if the account may not see it, and
/// has done so in outages: that proves no deletion.
pub(crate) fn lookup(id: &str, account: &Account, host: &Host<'_>) -> Result<Presence> {
    if !is_uuid(id) {
        return Err(HosterError::new(
            ErrorKind::Other,
            format!("`{}` is not the uuid of a repository", one_line(id)),
        ));
    }
    let response = host.get(&account.repository_url(id), &account.credentials.api())?;
    if let Some(error) = astray(&response, account) {
        return Err(error);
    }
    match response.status {
        200 => {
            let entry: Value = json(&response)?;
            let found = repository::read(&entry, account).filter(|found| found.id == id);
            found.map(Presence::present).ok_or_else(|| {
                HosterError::new(
                    ErrorKind::BadAnswer,
                    format!("Bitbucket was asked for {id} and answered with another repository"),
                )
            })
        }
        404 if is_bitbuckets_own(&response) => Ok(Presence::Hidden),
        _ => Err(refusal(&response, account)),
    }
}

/// Whether the answer is Bitbucket's documented error, and not a proxy's page.
fn is_bitbuckets_own(response: &HttpResponse) -> bool {
    serde_json::from_slice::<Value>(&response.body)
        .is_ok_and(|body| body.get("type").is_some_and(|kind| kind == "error"))
}
