use forgekeep_plugin_sdk_draft::{
    HosterError, HttpResponse, Repository, Services, error_kind, json,
};
use serde_json::Value;

use crate::api::Account;
use crate::repository;
use crate::status::{astray, refusal};
use crate::text::one_line;
use crate::workspace::is_uuid;

/// Asks for one repository by its uuid: `GET /2.0/repositories/{workspace}/{repo_slug}`, where the
/// slug may be the uuid. It answers 404 both if there is none and if the account may not see it:
/// "none" is no proof of a deletion.
pub(crate) fn lookup(
    id: &str,
    account: &Account,
    services: &Services,
) -> Result<Option<Repository>, HosterError> {
    if !is_uuid(id) {
        return Err(HosterError::new(
            error_kind::OTHER,
            format!("`{}` is not the uuid of a repository", one_line(id)),
        ));
    }
    let response = services.get(&account.repository_url(id), &account.credentials.api())?;
    if let Some(error) = astray(&response, account) {
        return Err(error);
    }
    match response.status {
        200 => {
            let entry: Value = json(&response)?;
            let found = repository::read(&entry, account).filter(|found| found.id == id);
            found.map(Some).ok_or_else(|| {
                HosterError::new(
                    error_kind::BAD_ANSWER,
                    format!("Bitbucket was asked for {id} and answered with another repository"),
                )
            })
        }
        404 if is_bitbuckets_own(&response) => Ok(None),
        _ => Err(refusal(&response, account)),
    }
}

/// Whether the answer is Bitbucket's documented error, and not a proxy's page.
fn is_bitbuckets_own(response: &HttpResponse) -> bool {
    serde_json::from_slice::<Value>(&response.body)
        .is_ok_and(|body| body.get("type").is_some_and(|kind| kind == "error"))
}
