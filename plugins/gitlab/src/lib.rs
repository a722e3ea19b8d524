//! Forgekeep's plugin for GitLab: lists the projects of a group with its subgroups, of a user, or of all that
//! an account is a member of, and gives the credentials to clone them. `docs/gitlab.md` is the manual.

mod beside;
mod listing;
mod project;
mod sight;
mod write;

use forgekeep_plugin_sdk::{
    Access, AccessRequest, CheckReport, CheckRequest, Finding, Host, Hoster, LookupRequest,
    Manifest, Page, Presence, Result, Session, Source, Target, advised, export_hoster, flag_option,
    flaws, path_findings, report_of, source_findings, texts, token, warning,
};

use crate::beside::SNIPPETS;
use crate::project::Project;
use crate::sight::{Kept, server_of, sight};

/// What to do where the credentials are refused, or reach too little.
const ADVICE: &str = "make a token at /-/user_settings/personal_access_tokens of the server with the scopes read_api and read_repository, and set password to it; if everything is refused, log in with a browser to accept the terms of service, or wait an hour, as failed logins lock an address out";
const NO_EFFECT: &str = "includeSnippets has no effect: it is for the token's account";
const REMOVE: &str = "remove it, or set it in a source of that user or of '*'";
const NO_LISTING: &str = "a deploy token or job token cannot list projects";
const ANOTHER: &str = "make an access token with the scopes read_api and read_repository, or use `hoster: git` with the addresses of the repositories";

/// GitLab.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gitlab;

export_hoster!(Gitlab);

impl Hoster for Gitlab {
    fn manifest(&self) -> Manifest {
        let about = "Whether the personal snippets of the token's account are backed up";
        Manifest {
            id: "gitlab".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            authors: texts(&[env!("CARGO_PKG_AUTHORS")]),
            description: "GitLab: groups with their subgroups, and users".into(),
            // SCM Backup takes whatever is not `user` for a group.
            types: texts(&["user", "group", "org"]),
            api_url: "https://gitlab.com".into(),
            options: vec![flag_option(SNIPPETS, about)],
            attributes: texts(&["archived", "fork", "visibility", "topics"]),
            concurrency: 4,
            ..Manifest::default()
        }
    }

    fn validate(&self, source: &Source) -> Vec<Finding> {
        let page = "/-/user_settings/personal_access_tokens of the server";
        let mut findings = source_findings(source, "/api/v4", "gitlab.com", page);
        findings.extend(path_findings(source));
        let secret = token(source).map_or(String::new(), |secret| secret.expose().to_owned());
        let is_deploy_user = source.auth_name.trim().starts_with("gitlab+deploy-token-");
        let cannot = is_deploy_user || secret.starts_with("gldt-") || secret.starts_with("glcbt-");
        findings.extend(flaws(&[(cannot, "password", NO_LISTING, ANOTHER)]));
        let is_group = source.kind == "group" || source.kind == "org";
        if source.flag(SNIPPETS) && (secret.is_empty() || is_group) {
            findings.push(warning(SNIPPETS, NO_EFFECT, REMOVE));
        }
        findings
    }

    fn open(&self, _: &Source, _: &Host<'_>) -> Result<Session> {
        Ok(Session::new(Kept::default()))
    }

    fn list(&self, source: &Source, cursor: Option<&str>, host: &Host<'_>) -> Result<Page> {
        advised(listing::list(&server_of(source, host)?, cursor), ADVICE)
    }

    fn check(&self, source: &Source, _: &CheckRequest, host: &Host<'_>) -> Result<CheckReport> {
        let server = server_of(source, host)?;
        let mut report = report_of(advised(listing::list(&server, None), ADVICE)?);
        let (me, token) = sight(&server)?;
        let what = (server.secret.as_ref()).map_or("no credentials", |_| "access token");
        let name = token.iter().map(|token| format!(" \"{}\"", token.name));
        let whose = me.iter().map(|me| format!(" of {}", me.full_path));
        report.identity = what.to_owned();
        report.identity.extend(name.chain(whose));
        report.account_id = me.as_ref().map(|me| me.id.to_string());
        if let Some(token) = token {
            report.scopes = token.scopes.clone();
            // One that is fine-grained may not see everything, and proves no deletion.
            let lacks = (!token.is_classic()).then(|| "read_api".to_owned());
            report.missing_scopes.extend(lacks);
        }
        Ok(report)
    }

    fn access(&self, source: &Source, _: &AccessRequest, host: &Host<'_>) -> Result<Access> {
        Ok(server_of(source, host)?.access("oauth2"))
    }

    fn lookup(&self, source: &Source, what: &LookupRequest, host: &Host<'_>) -> Result<Presence> {
        let server = server_of(source, host)?;
        let read = |project: Project| project.into_repository(&server);
        let proof = |id| listing::proof(&server, id, &what.full_name);
        advised(server.look_up("projects", what, read, proof), ADVICE)
    }

    fn target(&self) -> Option<&dyn Target> {
        Some(self)
    }
}
