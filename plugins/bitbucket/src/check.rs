use forgekeep_plugin_sdk_draft::{
    CheckReport, Finding, HosterError, HttpResponse, Services, Severity, error_kind,
};
use serde_json::Value;

use crate::advice::{create_a_token, nothing_visible};
use crate::api::Account;
use crate::credentials::Kind;
use crate::listing::Envelope;
use crate::text::one_line;

/// Asks Bitbucket what the credentials show: one request, and for an API token a second one for
/// its owner's name.
pub(crate) fn check(account: &Account, services: &Services) -> Result<CheckReport, HosterError> {
    let response = services.get(&account.glance_url(), &account.credentials.api())?;
    let glance = Envelope::read(&response, account)?;
    let visible = glance
        .size()
        .or_else(|| glance.values.is_empty().then_some(0));
    let mut findings = Vec::new();
    if visible == Some(0) {
        let (message, hint) = nothing_visible(account);
        findings.push(Finding::new(Severity::Warning, "name", message).with_hint(hint));
    }
    let mut identity = account.credentials.describe();
    if account.credentials.kind() == Kind::ApiToken {
        match owner(account, services)? {
            Ok(Some(name)) => identity = format!("{identity} ({name})"),
            Ok(None) => {}
            Err(finding) => findings.push(finding),
        }
    }
    Ok(CheckReport {
        identity: identity.into(),
        visible: visible.into(),
        findings: findings.into(),
        ..CheckReport::default()
    })
}

/// The name of the account behind the credentials, or what stood in the way. It is good to know,
/// not needed: only an interruption and refused credentials are passed on.
fn owner(
    account: &Account,
    services: &Services,
) -> Result<Result<Option<String>, Finding>, HosterError> {
    let response = match services.get(&account.user_url(), &account.credentials.api()) {
        Ok(response) => response,
        Err(error) if error.kind == error_kind::CANCELLED => return Err(error),
        Err(error) => return Ok(Err(unnamed(&error.message))),
    };
    Ok(match response.status {
        200 => Ok(name(&response)),
        403 => Err(Finding::new(
            Severity::Info,
            "password",
            "the token lacks the scope read:user:bitbucket, so its account's name is not shown; backups do not need it",
        )),
        // A listing answers whoever asks, with what is public.
        401 => {
            return Err(HosterError::new(
                error_kind::CREDENTIALS,
                "Bitbucket showed the workspace, but refuses the token (401): only public repositories are visible",
            )
            .with_hint(create_a_token())
            .with_status(401));
        }
        status => Err(unnamed(&format!("Bitbucket answered {status}"))),
    })
}

fn unnamed(why: &str) -> Finding {
    Finding::new(
        Severity::Info,
        "",
        format!("the account's name could not be read: {}", one_line(why)),
    )
}

fn name(response: &HttpResponse) -> Option<String> {
    let user: Value = serde_json::from_slice(&response.body).ok()?;
    let text = |key: &str| {
        user.get(key)
            .and_then(Value::as_str)
            .map(one_line)
            .filter(|text| !text.is_empty())
    };
    match (
        text("display_name"),
        text("username").or_else(|| text("nickname")),
    ) {
        (Some(shown), Some(user)) if shown != user => Some(format!("{shown}, user {user}")),
        (Some(name), _) | (None, Some(name)) => Some(name),
        (None, None) => None,
    }
}
