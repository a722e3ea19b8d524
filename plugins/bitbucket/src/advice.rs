//! What is said to the user in more than one place.

use forgekeep_plugin_sdk::{Finding, Severity};

use crate::api::Account;
use crate::credentials::Kind;

/// Where API tokens are made.
pub(crate) const TOKEN_PAGE: &str = "https://id.atlassian.com/manage-profile/security/api-tokens";
/// The scope that listing and cloning need.
pub(crate) const SCOPE: &str = "read:repository:bitbucket";
/// What it means to have no credentials.
pub(crate) const ONLY_PUBLIC: &str =
    "only public repositories are backed up, private ones are left out";

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
        _ => format!(
            "check that name is the right workspace, that the account is a member with \
        access to its repositories, and that the token has the scope {SCOPE}; nothing is treated \
        as deleted"
        ),
    };
    Finding::new(Severity::Warning, "name", message).with_hint(hint)
}
