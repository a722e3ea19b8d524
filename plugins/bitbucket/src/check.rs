use forgekeep_plugin_sdk::{
    CheckReport, ErrorKind, Finding, HttpResponse, Result, Severity, is_of_one_owner,
};
use serde_json::Value;

use crate::advice::{SCOPE, WORKSPACE_SCOPE};
use crate::api::Account;
use crate::client::Client;
use crate::credentials::Kind;
use crate::envelope::Envelope;
use crate::kept::Told;
use crate::member::Member;
use crate::members;
use crate::status::refusal;
use crate::text::one_line;

/// Workspaces that are counted at most: a call makes so many requests and no more.
const MOST_COUNTED: usize = 400;

/// Asks Bitbucket what the credentials show: how many repositories are private, whose the credentials
/// are, and of which workspaces that account is a member. That is three requests at most, and with all
/// workspaces two more for each.
///
/// How many repositories there are in a workspace, the first page of its listing says, which the host
/// asks for.
pub(crate) fn check(client: &Client<'_, '_>) -> Result<CheckReport> {
    let account = &client.kept.account;
    let mut report = CheckReport {
        identity: account.credentials.describe(),
        ..CheckReport::default()
    };
    let is_anonymous = account.credentials.kind() == Kind::Anonymous;
    if !account.workspace.is_all() && !is_anonymous {
        report.private = count(client, account, &account.private_url())?;
    }
    if client.kept.is_api_token() {
        match user(client)? {
            Ok(user) => {
                report.account_id = text(&user, "uuid");
                if let Some(name) = name(&user) {
                    report.identity = format!("{} ({name})", report.identity);
                }
            }
            Err(finding) => report.findings.push(finding),
        }
    }
    if account.workspace.is_all() {
        every(client, &mut report)?;
    } else {
        let member = members::own(client)?;
        report.owners.extend(member.as_ref().map(Member::sees));
    }
    let told = client.kept.told();
    if let (Kind::Unknown, Some(kind)) = (account.credentials.kind(), &told.kind) {
        report.identity = format!("{}; Bitbucket takes it for: {kind}", report.identity);
    }
    tell(told, account, &mut report);
    Ok(report)
}

/// What Bitbucket counts for an address of a listing, where it does. What would end a listing ends it; an
/// odd answer to this question alone is none.
fn count(client: &Client<'_, '_>, account: &Account, url: &str) -> Result<Option<u64>> {
    let response = client.get(url)?;
    match Envelope::read(&response, account) {
        Ok(glance) => {
            let none = || glance.values.is_empty().then_some(0);
            Ok(glance.size().or_else(none))
        }
        Err(error) if matches!(error.kind, ErrorKind::Other | ErrorKind::BadAnswer) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Counts in all workspaces of the account. One that cannot be asked is told of, as in the listing.
fn every(client: &Client<'_, '_>, report: &mut CheckReport) -> Result<()> {
    let account = &client.kept.account;
    let members = members::all(client)?;
    report
        .findings
        .extend(crate::every::about(&members, account));
    let members = members.known;
    report.owners = members.iter().map(Member::sees).collect();
    let (mut visible, mut private) = (Some(0_u64), Some(0_u64));
    let (mut last, mut any_counted) = (None, false);
    for member in members.iter().take(MOST_COUNTED) {
        let within = account.within(member.workspace.clone());
        let counted = count(client, &within, &within.glance_url()).and_then(|all| {
            let private = count(client, &within, &within.private_url())?;
            Ok((all, private))
        });
        match counted {
            Ok((all, of_them)) => {
                any_counted = true;
                let sum = |so_far: Option<u64>, more: Option<u64>| so_far?.checked_add(more?);
                (visible, private) = (sum(visible, all), sum(private, of_them));
            }
            Err(error) if !is_of_one_owner(&error) => return Err(error),
            Err(error) => {
                let error = crate::every::failed(member, error);
                let finding = Finding::new(Severity::Error, "name", error.message.clone());
                report.findings.push(finding.with_hint(error.hint.clone()));
                (visible, private) = (None, None);
                last = Some(error);
            }
        }
    }
    match last {
        // As in the listing: if there is none that can be listed, there is nothing to back up.
        Some(error) if !any_counted => Err(error),
        _ => {
            let is_counted = members.len() <= MOST_COUNTED;
            report.visible = visible.filter(|_| is_counted);
            report.private = private.filter(|_| is_counted);
            Ok(())
        }
    }
}

/// What the answers told of the credentials beside what was asked for.
fn tell(told: Told, account: &Account, report: &mut CheckReport) {
    let mut needed = vec![(SCOPE, &["repository", "project", "pullrequest"][..])];
    if account.workspace.is_all() {
        needed.push((WORKSPACE_SCOPE, &["account", "team"][..]));
    }
    if !told.scopes.is_empty() {
        let missing = needed
            .iter()
            .filter(|(scope, classic)| !told.scopes.iter().any(|has| gives(has, scope, classic)));
        report.missing_scopes = missing.map(|(scope, _)| (*scope).to_owned()).collect();
    }
    report.scopes = told.scopes;
    report.limits.extend(told.limit);
    if told.near_limit {
        report.findings.push(
            Finding::new(
                Severity::Warning,
                "",
                "Bitbucket says that these credentials are near their limit of requests an hour",
            )
            .with_hint("look for what else uses them"),
        );
    }
}

/// Whether a scope gives what is needed: by its name of today, or by that of consumers and older
/// tokens, of which the writing ones include the reading; those of administrators do not.
fn gives(has: &str, scope: &str, classic: &[&str]) -> bool {
    let classic_name = has.strip_suffix(":write").unwrap_or(has);
    has == scope || classic.contains(&classic_name)
}

/// The account behind the credentials, or what stood in the way. It is good to know, not needed:
/// only an interruption and refused credentials are passed on.
fn user(client: &Client<'_, '_>) -> Result<std::result::Result<Value, Finding>> {
    let account = &client.kept.account;
    let response: HttpResponse = match client.get(&account.user_url()) {
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
            let mut error = refusal(&response, account);
            error.message = format!("{}; only public repositories are visible", error.message);
            return Err(error);
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
