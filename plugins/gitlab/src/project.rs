use forgekeep_plugin_sdk::Advice::{NotPushed, Volatile};
use forgekeep_plugin_sdk::{
    Advice, Finding, Repository, Severity, Visibility, filled, ref_advice, wanted_address,
    wiki_beside,
};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::sight::{Owner, Server};

/// Refs that GitLab makes.
const MADE: [(&str, &[Advice]); 6] = [
    ("refs/merge-requests/*", &[NotPushed]),
    ("refs/merge-requests/*/merge", &[Volatile]),
    ("refs/keep-around/*", &[NotPushed, Volatile]),
    ("refs/pipelines/*", &[NotPushed, Volatile]),
    ("refs/environments/*", &[NotPushed, Volatile]),
    ("refs/tmp/*", &[NotPushed, Volatile]),
];

/// A project or snippet, as the API describes it. What older servers lack is absent, and most without a token.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Project {
    pub(crate) id: u64,
    /// Of a snippet.
    pub(crate) project_id: Option<u64>,
    path_with_namespace: String,
    namespace: Owner,
    http_url_to_repo: String,
    ssh_url_to_repo: String,
    default_branch: Option<String>,
    description: Option<String>,
    visibility: Option<String>,
    pub(crate) archived: Option<bool>,
    forked_from_project: Option<IgnoredAny>,
    mirror: Option<bool>,
    topics: Option<Vec<String>>,
    wiki_enabled: Option<bool>,
    wiki_access_level: Option<String>,
    repository_access_level: Option<String>,
    import_status: Option<String>,
    marked_for_deletion_on: Option<String>,
    /// By which a policy service decides who sees it.
    #[serde(rename = "external_authorization_classification_label")]
    pub(crate) label: Option<String>,
}

impl Project {
    /// Whether it is of a group or of one below it.
    pub(crate) fn is_within(&self, path: &str) -> bool {
        let within = format!("{}/", self.namespace.full_path.to_lowercase());
        within.starts_with(&format!("{}/", path.to_lowercase()))
    }

    /// What there is to say of it.
    pub(crate) fn notes(&self) -> Vec<Finding> {
        let name = &self.path_with_namespace;
        let day = self.marked_for_deletion_on.as_ref();
        let mut notes = Vec::from_iter(day.map(|day| marked(name, day)));
        if let Some(status @ ("scheduled" | "started" | "failed")) = self.import_status.as_deref() {
            let message = format!("{name} may not be whole: its import at GitLab is {status}");
            notes.push(Finding::new(Severity::Warning, "", message));
        }
        notes
    }

    /// The repository. An address that is missing is the host's to fail. `empty_repo` decides nothing: it is
    /// also said of one that GitLab cannot read.
    pub(crate) fn into_repository(self, server: &Server<'_>) -> Repository {
        let url = wanted_address(server.source, &self.http_url_to_repo, &self.ssh_url_to_repo);
        let is_off = |level: Option<String>| level.as_deref() == Some("disabled");
        let has_wiki = self.wiki_enabled == Some(true) && !is_off(self.wiki_access_level);
        let wiki = (has_wiki && !url.is_empty()).then(|| wiki_beside(&url));
        let mut found = Repository::new(self.id.to_string(), self.path_with_namespace, url);
        found.parts[0].default_branch = filled(self.default_branch);
        found.parts.extend(wiki);
        found.description = self.description.unwrap_or_default();
        // Without a token, what is public alone is listed, and not called so.
        let unsaid = server.secret.as_ref().map_or("public", |_| "");
        found.visibility = Visibility::of(self.visibility.as_deref().unwrap_or(unsaid));
        found.archived = self.archived == Some(true);
        found.deletion_scheduled = self.marked_for_deletion_on.is_some();
        found.fork = self.forked_from_project.is_some();
        found.mirror = self.mirror == Some(true);
        // `last_activity_at` is no time of a push: it lags, and moves with issues too.
        found.attributes.topics = self.topics.unwrap_or_default();
        found.refs = ref_advice(&MADE);
        found.owner = self.namespace.identity().unwrap_or_default();
        let why = "its repository is switched off in the project's settings, under Visibility";
        found.skip = is_off(self.repository_access_level).then(|| why.to_owned());
        found
    }
}

/// That a project or group is marked for deletion.
pub(crate) fn marked(name: &str, day: &str) -> Finding {
    let what = format!("{name} is marked for deletion since {day}: GitLab removes it soon");
    let finding = Finding::new(Severity::Warning, "", what);
    finding.with_hint("restore it at GitLab if it is still needed; its backup is kept")
}
