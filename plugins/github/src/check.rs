use forgekeep_plugin_sdk::{
    CheckReport, Page, Result, limit, missing_scopes, report_of, scopes, sunset, token,
};

use crate::github::GitHub;

pub(crate) fn check(github: &GitHub<'_>, page: Page) -> Result<CheckReport> {
    let mut report = report_of(page);
    let (sight, app) = (github.sight()?, github.source.text("appId"));
    let header = |name| sight.answer.header(name);
    report.identity = match (&sight.me, app, header("x-oauth-scopes")) {
        (_, Some(app), _) => format!("GitHub App {app}"),
        (Some(me), _, Some(_)) => format!("classic token of {}", me.login),
        (Some(me), ..) => format!("token of {}", me.login),
        _ if token(github.source).is_some() => "token".to_owned(),
        _ => "no credentials".to_owned(),
    };
    let needed = ["repo", "read:org", "gist"];
    let count = 2 + usize::from(github.source.flag("includeGists"));
    report.scopes = scopes(&sight.answer);
    report.missing_scopes = missing_scopes(&report.scopes, &needed[..count], |has, needed| {
        needed == "read:org" && matches!(has, "write:org" | "admin:org")
    });
    report.account_id = sight.me.as_ref().map(|me| me.id.to_string());
    report.limits.extend(limit(&sight.answer));
    report.findings.extend(sunset(&sight.answer));
    Ok(report)
}
