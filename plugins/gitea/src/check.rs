use forgekeep_plugin_sdk::{CheckReport, Result, Sees, missing_scopes, warning};

use crate::listing::list;
use crate::server::{Server, user_of_password};
use crate::sight::PUBLIC_ONLY;

/// What listing and cloning need.
const SCOPES: [&str; 3] = ["read:repository", "read:user", "read:organization"];

/// What the credentials are, and whose, in a few words.
pub(crate) fn identity(server: &Server<'_>) -> Result<String> {
    let kind = match &server.secret {
        None => "no credentials",
        Some(secret) if user_of_password(server.source, secret).is_some() => "password",
        Some(_) => "access token",
    };
    let me = server.sight()?.me.as_ref();
    Ok(me.map_or(kind.to_owned(), |me| format!("{kind} of {}", me.name())))
}

/// Asks what the credentials are, and what they show: the first page of the listing tells.
pub(crate) fn check(server: &Server<'_>) -> Result<CheckReport> {
    let (page, counted) = list(server, None)?;
    let sight = server.sight()?;
    let listed = page.repositories.len() as u64;
    let whole = page.next.is_none() || counted.is_some_and(|counted| counted <= listed);
    let gives = |has: &str, needed: &str| has == "all" || has == needed.replace("read:", "write:");
    let mut report = CheckReport {
        identity: identity(server)?,
        account_id: sight.me.as_ref().map(|me| me.id.to_string()),
        missing_scopes: missing_scopes(&sight.scopes, &SCOPES, gives),
        scopes: sight.scopes.clone(),
        visible: if whole { Some(listed) } else { counted },
        owners: page.owners,
        findings: page.notes,
        ..CheckReport::default()
    };
    let is_public = report.scopes.iter().any(|scope| scope == PUBLIC_ONLY);
    let confined = match sight.reach {
        Sees::Selected => "the token is for chosen repositories: others are not backed up",
        _ if is_public => "the token is for what is public: all else is not backed up",
        _ => return Ok(report),
    };
    let hint = "make a token for all repositories";
    report.findings.push(warning("password", confined, hint));
    Ok(report)
}
