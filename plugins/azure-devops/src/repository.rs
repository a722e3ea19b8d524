use forgekeep_plugin_sdk::{
    Advice, Owner, Part, PartKind, RefAdvice, Repository, Visibility, address, wanted_address,
};
use serde::Deserialize;
use url::Url;

use crate::server::Server;

/// A project, or what a repository says of its own.
#[derive(Default, Deserialize)]
pub(crate) struct Project {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) visibility: Option<String>,
}

/// A repository as the API describes it. What older servers lack is absent.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) name: String,
    project: Option<Project>,
    remote_url: Option<String>,
    ssh_url: Option<String>,
    default_branch: Option<String>,
    size: Option<u64>,
    is_disabled: Option<bool>,
    is_fork: Option<bool>,
}

impl Entry {
    /// The repository, of a project that the listing names.
    pub(crate) fn into_repository(self, server: &Server<'_>, of: &Project) -> Repository {
        let project = self.project.as_ref().unwrap_or(of);
        let mut git = Part::new(PartKind::Git, self.url(server, project));
        let short = |name: String| name.strip_prefix("refs/heads/").unwrap_or(&name).to_owned();
        git.default_branch = self.default_branch.map(short);
        git.size = self.size;
        let merges = RefAdvice::new("refs/pull/*/merge", Advice::Volatile);
        let visibility = project.visibility.as_ref().or(of.visibility.as_ref());
        let (id, name) = (project.id.clone(), project.full_name(server));
        let disabled = "it is disabled in Azure DevOps, which then serves it to nobody";
        Repository {
            full_name: format!("{name}/{}", self.name),
            visibility: match visibility.map_or("", String::as_str) {
                // To everybody in the organisation's tenant.
                "organization" => Visibility::Internal,
                word => Visibility::of(word),
            },
            fork: self.is_fork == Some(true),
            refs: vec![merges, RefAdvice::new("refs/pull/*", Advice::NotPushed)],
            owner: Owner { id, name },
            parts: vec![git],
            skip: (self.is_disabled == Some(true)).then(|| disabled.to_owned()),
            id: self.id,
            ..Repository::default()
        }
    }

    /// The address that is listed. One on a host of Azure DevOps Services, of which there are an old and a
    /// new one, is made of the address of the API, so that the credentials stay at that host.
    fn url(&self, server: &Server<'_>, project: &Project) -> String {
        let [https, ssh] = [&self.remote_url, &self.ssh_url].map(|u| u.as_deref().unwrap_or(""));
        let listed = wanted_address(server.source, https, ssh);
        let host = Url::parse(&listed).ok();
        let host = host.as_ref().and_then(Url::host_str).unwrap_or_default();
        let is_theirs = host == "dev.azure.com" || host.ends_with(".visualstudio.com");
        if server.source.is_ssh() || !(host.is_empty() || is_theirs) {
            return listed;
        }
        address(&server.base, &[&project.id, "_git", &self.id], &[]).unwrap_or_default()
    }
}

impl Project {
    /// What it is called as the owner of its repositories.
    pub(crate) fn full_name(&self, server: &Server<'_>) -> String {
        format!("{}/{}", server.source.name.trim(), self.name)
    }
}
