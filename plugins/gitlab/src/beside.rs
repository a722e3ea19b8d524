//! What lies beside projects: wikis of groups and snippets, each as a repository of its own.

use forgekeep_plugin_sdk::{Api, Page, Repository, Result, Visibility, entries, warning};
use serde::de::IgnoredAny;

use crate::project::Project;
use crate::sight::{ALSO_PUBLIC, At, BY_ID, Kind, LENGTH, Next, Owner, Server, sight};

/// The key of a source that asks for snippets.
pub(crate) const SNIPPETS: &str = "includeSnippets";

impl Owner {
    /// Wikis of groups that have pages. A project may be called `group.wiki`, so that is not their name.
    pub(crate) fn wikis(&self, server: &Server<'_>, at: At<'_>, page: &mut Page) -> Next {
        let id = self.id.to_string();
        let (path, which) = match self.kind {
            Kind::Group => (vec!["groups", &id, "descendant_groups"], ALSO_PUBLIC),
            _ => (vec!["groups"], ("min_access_level", "10")),
        };
        let query = [[which].as_slice(), &BY_ID].concat();
        let (found, next) = server.api.paged(&path, &query, LENGTH, None, at)?;
        let mut groups: Vec<Self> = entries(found, &mut page.notes);
        let is_first = self.kind == Kind::Group && at.is_none();
        groups.extend(is_first.then(|| self.clone()));
        groups.retain(|one| !matches!(one.wiki_access_level.as_deref(), None | Some("disabled")));
        let ids: Vec<_> = groups.iter().map(|group| group.id.to_string()).collect();
        let paths: Vec<_> = ids.iter().map(|id| vec!["groups", id, "wikis"]).collect();
        for (group, answer) in groups.iter().zip(server.api.batch(&paths)?) {
            // It is not for this account, or not in this plan.
            let is_refused = matches!(answer.status, 403 | 404);
            if is_refused || Api::document::<Vec<IgnoredAny>>(&answer)?.is_empty() {
                continue;
            }
            let (id, path) = (format!("wiki/{}", group.id), &group.full_path);
            let url = format!("{}/{path}.wiki.git", server.web);
            let mut wiki = Repository::new(id, format!("{path}/-/wiki"), url);
            wiki.visibility = Visibility::of(group.visibility.as_deref().unwrap_or_default());
            wiki.owner = group.identity().unwrap_or_default();
            self.put(wiki, page);
        }
        Ok(next)
    }

    /// Whether snippets are asked for, and it is the account that has them.
    pub(crate) fn has_snippets(&self, server: &Server<'_>) -> Result<bool> {
        let is_me = |me: &Self| me.id == self.id && self.kind == Kind::User;
        let is_own = self.kind == Kind::All || sight(server)?.0.as_ref().is_some_and(is_me);
        Ok(is_own && server.source.flag(SNIPPETS))
    }

    /// Personal snippets of the account.
    pub(crate) fn snippets(&self, server: &Server<'_>, at: At<'_>, page: &mut Page) -> Next {
        let (found, next) = server.api.paged(&["snippets"], &[], LENGTH, None, at)?;
        let mut found: Vec<Project> = entries(found, &mut page.notes);
        let all = found.len();
        found.retain(|snippet| snippet.project_id.is_none());
        if let of_projects @ 1.. = all - found.len() {
            let message = format!("snippets of projects are not backed up: {of_projects} of them");
            page.notes.push(warning(SNIPPETS, message, ""));
        }
        for snippet in found {
            let mut snippet = snippet.into_repository(server);
            snippet.full_name = format!("-/snippets/{}", snippet.id);
            snippet.id = format!("snippet/{}", snippet.id);
            self.put(snippet, page);
        }
        Ok(next)
    }
}
