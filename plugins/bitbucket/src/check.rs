use forgekeep_plugin_sdk::{
    CheckReport, ErrorKind, Finding, Host, HosterError, HttpResponse, Result, Severity,
};
use serde_json::Value;

use crate::advice::{create_a_token, nothing_visible};
use crate::api::Account;
use crate::credentials::Kind;
use crate::listing::Envelope;
use crate::text::one_line;

/// Most scopes that are shown. Bitbucket has about forty.
const MAX_SCOPES: usize = 100;

/// Asks Bitbucket what the credentials show: one request, and for an API token a second one for
/// its owner's name.
pub(crate) fn check(account: &Account, host: &Host<'_>) -> Result<CheckReport> {
    let response = host.get(&account.glance_url(), &account.credentials.api())?;
    let glance = Envelope::read(&response, account)?;
    let mut report = CheckReport {
        identity: account.credentials.describe(),
        scopes: scopes(&response),
        visible: glance
            .size()
            .or_else(|| glance.values.is_empty().then_some(0)),
        ..CheckReport::default()
    };
    if report.visible == Some(0) {
        report.findings.push(nothing_visible(account));
    }
    if account.credentials.kind() == Kind::ApiToken {
        match user(account, host)? {
            Ok(user) => {
                report.account_id = text(&user, "uuid");
                if let Some(name) = name(&user) {
                    report.identity = format!("{} ({name})", report.identity);
                }
            }
            Err(finding) => report.findings.push(finding),
        }
    }
    Ok(report)
}

/// The scopes of the credentials, which Bitbucket names with each answer. Without that header none
/// are known, which is not the same as having none.
fn scopes(response: &HttpResponse) -> Vec<String> {
    let named = response.header("x-oauth-scopes").unwrap_or_default();
    let named = named.split(',').map(one_line);
    let named = named.filter(|scope| !scope.is_empty());
    named.take(MAX_SCOPES).collect()
}

/// The account behind the credentials, or what stood in the way. It is good to know, not needed:
/// only an interruption and refused credentials are passed on.
fn user(account: &Account, host: &Host<'_>) -> Result<std::result::Result<Value, Finding>> {
    let response = match host.get(&account.user_url(), &account.credentials.api()) {
        Ok(response) => response,
        Err(error) if error.kind == ErrorKind::Cancelled => return Err(error),
        Err(error) => return Ok(Err(unnamed(&error.message))),
    };
    Ok(match response.status {
        200 => Ok(serde_json::from_slice(&response.body).unwrap_or_default()),
        403 => Err(Finding::new(
            Severity::Info,
            "password",
            "the token lacks the scope read:user:bitbucket, so its account's name is not shown; backups do not need it",
        )),
        // A listing answers whoever asks, with what is public.
        401 => {
            return Err(HosterError::new(
                ErrorKind::Credentials,
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

fn text(user: &Value, key: &str) -> Option<String> {
    let text = user.get(key).and_then(Value::as_str).map(one_line);
    text.filter(|text| !text.is_empty())
}

fn name(user: &Value) -> Option<String> {
    match (
        text(user, "display_name"),
        text(user, "username").or_else(|| text(user, "nickname")),
    ) {
        (Some(shown), Some(user)) if shown != user => Some(format!("{shown}, user {user}")),
        (Some(name), _) | (None, Some(name)) => Some(name),
        (None, None) => None,
    }
}
