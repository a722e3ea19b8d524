//! What a workspace says of itself before it is written to. Nothing here writes.

use forgekeep_plugin_sdk::{
    CheckReport, CheckRequest, Finding, PushLimits, Result, Severity, Source, address, remark,
};

use crate::advice::{ADMIN_SCOPE, DELETE_SCOPE};
use crate::api::Account;
use crate::client::Client;
use crate::credentials::Kind;
use crate::status::{astray, refusal};
use crate::text::one_line;
use crate::{check, members, slug};

/// To push.
const WRITE: &str = "write:repository:bitbucket";
/// To see a project.
const PROJECT: &str = "read:project:bitbucket";

/// Scopes that are needed, each with the older ones that give the same.
const NEEDED: [(&str, &[&str]); 2] = [
    (ADMIN_SCOPE, &["repository:admin"]),
    (WRITE, &["repository:write", "pullrequest:write"]),
];

/// Over it, Bitbucket takes no more pushes.
const LARGEST: u64 = 4 << 30;

/// Credentials, names, limits, and the project.
pub(crate) fn examine(
    client: &Client<'_, '_>,
    target: &Source,
    what: &CheckRequest,
) -> Result<CheckReport> {
    let account = &client.kept.account;
    let mut report = match unusable(account) {
        None => check::check(client)?,
        Some(flaw) => CheckReport {
            identity: account.credentials.describe(),
            findings: vec![flaw],
            ..CheckReport::default()
        },
    };
    report.names = what.names.iter().map(|name| slug::of(name)).collect();
    report.takes = PushLimits {
        repository_bytes: Some(LARGEST),
        no_new_wikis: true,
        ..PushLimits::default()
    };
    report.refuses = [
        "Bitbucket warns of repositories over 2 GB, and takes no more pushes to those over 4 GB",
        "Bitbucket has no wikis any more",
        "Bitbucket takes LFS objects as far as the plan of the workspace has room for them",
    ]
    .map(str::to_owned)
    .to_vec();
    if unusable(account).is_none() {
        rights(client, &mut report)?;
        report.findings.extend(project(client, target)?);
    }
    Ok(report)
}

/// What keeps a target from being written to, whatever Bitbucket says.
fn unusable(account: &Account) -> Option<Finding> {
    let (key, message, hint) = if account.workspace.is_all() {
        (
            "name",
            "name: '*' is no target: repositories are made in one workspace",
            "write the id of that workspace as name",
        )
    } else if account.credentials.kind() == Kind::Anonymous {
        (
            "password",
            "a target needs credentials",
            "give it credentials of its own, which may make repositories and push",
        )
    } else {
        return None;
    };
    Some(Finding::new(Severity::Error, key, message).with_hint(hint))
}

/// What the credentials may do, as far as Bitbucket tells.
fn rights(client: &Client<'_, '_>, report: &mut CheckReport) -> Result<()> {
    let has = |one: &&str| report.scopes.iter().any(|scope| scope == one);
    if !report.scopes.is_empty() {
        let missing = NEEDED
            .iter()
            .filter(|(scope, older)| !has(scope) && !older.iter().any(&has));
        let missing: Vec<_> = missing.map(|(scope, _)| (*scope).to_owned()).collect();
        if !has(&DELETE_SCOPE) && !has(&"repository:delete") {
            let message = format!(
                "without the scope {DELETE_SCOPE}, a drill cannot remove what it made there"
            );
            report.findings.push(remark(message, ""));
        }
        report.missing_scopes.extend(missing);
    }
    let member = members::own(client)?;
    let is_administrator = member.as_ref().is_some_and(|member| member.administrator);
    report.rights = member
        .map(|_| {
            if is_administrator {
                "administrator"
            } else {
                "member"
            }
            .to_owned()
        })
        .into_iter()
        .collect();
    let (message, hint) = match is_administrator {
        true => (
            "Bitbucket does not tell how much room the plan of the workspace has",
            "look at Workspace settings, Plan details",
        ),
        false => (
            "Bitbucket does not tell whether these credentials may make repositories in the workspace, nor how much room its plan has",
            "look at Project settings, Project permissions (Create repositories), and at Workspace settings, Plan details",
        ),
    };
    report.findings.push(remark(message, hint));
    Ok(())
}

/// What there is to say of the project that repositories are made in.
fn project(client: &Client<'_, '_>, target: &Source) -> Result<Option<Finding>> {
    let account = &client.kept.account;
    let key = target.project.trim();
    if key.is_empty() {
        let message =
            "without project, Bitbucket puts repositories into the oldest project of the workspace";
        return Ok(Some(Finding::new(Severity::Info, "project", message)));
    }
    let path = ["2.0", "workspaces", account.workspace.id(), "projects", key];
    let response = client.get(&address(&account.base, &path, &[])?)?;
    let key = one_line(key);
    let (severity, message, hint) = match response.status {
        200 if astray(&response, account).is_none() => return Ok(None),
        404 => (
            Severity::Error,
            format!("Bitbucket knows no project {key} in the workspace, or hides it"),
            "write the key of the project, as it stands in Project settings".to_owned(),
        ),
        403 => (
            Severity::Info,
            format!("whether there is a project {key} cannot be seen with these credentials"),
            format!("give them the scope {PROJECT}, or look at the projects of the workspace"),
        ),
        _ => return Err(refusal(&response, account)),
    };
    Ok(Some(
        Finding::new(severity, "project", message).with_hint(hint),
    ))
}
