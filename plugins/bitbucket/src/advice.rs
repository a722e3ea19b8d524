//! What is said to the user in more than one place.

use forgekeep_plugin_sdk::{Finding, Severity};

use crate::api::Account;
use crate::credentials::Kind;

/// Where API tokens are made.
pub(crate) const TOKEN_PAGE: &str = "https://id.atlassian.com/manage-profile/security/api-tokens";
/// The scope that listing and cloning need.
pub(crate) const SCOPE: &str = "read:repository:bitbucket";
/// The scope that the list of an account's workspaces needs.
pub(crate) const WORKSPACE_SCOPE: &str = "read:workspace:bitbucket";
/// The scope that making repositories, and setting them up, needs.
pub(crate) const ADMIN_SCOPE: &str = "admin:repository:bitbucket";
/// The scope that removing repositories needs.
pub(crate) const DELETE_SCOPE: &str = "delete:repository:bitbucket";
/// What became of app passwords, and when.
pub(crate) const REMOVED: &str = "app passwords were removed on 2026-07-28 (CHANGE-3222)";
/// What it means to have no credentials.
const ONLY_PUBLIC: &str = "only public repositories are backed up, private ones are left out";

/// [`ONLY_PUBLIC`], and why.
pub(crate) fn only_public() -> String {
    format!("no credentials: {ONLY_PUBLIC}")
}

/// What to do for want of good credentials.
pub(crate) fn create_a_token() -> String {
    format!(
        "create an API token with scopes (app Bitbucket, scope {SCOPE}) at {TOKEN_PAGE}; set password to it and apiAuthName to the e-mail address of its account"
    )
}

/// What to look at where a consumer is refused.
pub(crate) const CHECK_CONSUMER: &str = "check clientId (Key) and clientSecret (Secret) in the workspace's settings, OAuth consumers; the consumer has to be a private one (This is a private consumer), with the permission Repositories: Read";

/// What to say and to do when a listing is empty.
pub(crate) fn nothing_visible(account: &Account) -> Finding {
    let workspace = account.workspace.id();
    let kind = account.credentials.kind();
    let message = if kind == Kind::Anonymous {
        format!("workspace {workspace} shows no public repository")
    } else {
        format!(
            "{} sees no repository in workspace {workspace}",
            account.credentials.subject()
        )
    };
    let hint = match kind {
        Kind::Anonymous => "check name, and give credentials for private repositories".to_owned(),
        Kind::AccessToken => "check that the token was made in this workspace, and with the scope \
        Repositories: Read; nothing is treated as deleted"
            .to_owned(),
        Kind::Consumer => "check that the consumer was made in this workspace, and with the \
        permission Repositories: Read; nothing is treated as deleted"
            .to_owned(),
        _ => format!(
            "check that name is the right workspace, that the account is a member with \
        access to its repositories, and that the token has the scope {SCOPE}; nothing is treated \
        as deleted"
        ),
    };
    Finding::new(Severity::Warning, "name", message).with_hint(hint)
}

/// What to say and to do when an account is a member of no workspace.
pub(crate) fn no_workspace(account: &Account) -> Finding {
    Finding::new(
        Severity::Warning,
        "name",
        format!(
            "{} is a member of no workspace",
            account.credentials.subject()
        ),
    )
    .with_hint("check that it is the right account, and that the token was not narrowed to a workspace that is gone; nothing is treated as deleted")
}
