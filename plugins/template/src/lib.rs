//! A Forgekeep plugin to start from: a whole, small hoster. Its API is invented, much like Gitea's.

use forgekeep_plugin_sdk::{
    Access, AccessRequest, Attributes, Auth, CheckReport, CheckRequest, Finding, Host, Hoster,
    LinkPager, LookupRequest, Manifest, Owner, Page, Part, PartKind, Presence, Repository, Result,
    Severity, Source, Visibility, address, export_hoster, json, next_link, status_error,
};
use serde::Deserialize;

/// The plugin.
#[derive(Default)]
pub struct Template;

export_hoster!(Template);

/// A repository as the API describes it.
#[derive(Deserialize)]
struct Entry {
    id: u64,
    full_name: String,
    clone_url: String,
    owner: User,
    private: bool,
    archived: bool,
    fork: bool,
    #[serde(default)]
    topics: Vec<String>,
    #[serde(default)]
    has_wiki: bool,
    default_branch: Option<String>,
}

#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
}

impl Entry {
    fn into_repository(self) -> Repository {
        let mut parts = vec![Part::new(PartKind::Git, &self.clone_url)];
        parts[0].default_branch = self.default_branch;
        if self.has_wiki {
            let base = self.clone_url.trim_end_matches(".git");
            parts.push(Part::new(PartKind::Wiki, format!("{base}.wiki.git")));
        }
        Repository {
            id: self.id.to_string(), // what never changes; never the name
            full_name: self.full_name,
            visibility: match self.private {
                true => Visibility::Private,
                false => Visibility::Public,
            },
            archived: self.archived,
            fork: self.fork,
            attributes: Attributes {
                topics: self.topics,
                ..Attributes::default()
            },
            owner: Owner {
                id: self.owner.id.to_string(),
                name: self.owner.login,
            },
            parts,
            ..Repository::default()
        }
    }
}

/// `Authorization: token …`, where there is one.
fn auth(source: &Source) -> Auth {
    let token = source.password();
    token.map_or(Auth::None, |token| Auth::scheme("token", token))
}

impl Hoster for Template {
    fn manifest(&self) -> Manifest {
        let attributes = ["visibility", "archived", "fork", "topics"];
        Manifest {
            id: "template".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "Template: the repositories of a user or an organisation".into(),
            types: vec!["user".into(), "org".into()],
            api_url: "https://template.example/api/v1".into(),
            attributes: attributes.map(str::to_owned).to_vec(),
            ..Manifest::default()
        }
    }

    fn validate(&self, source: &Source) -> Vec<Finding> {
        if !source.name.trim().is_empty() {
            return Vec::new();
        }
        let missing = Finding::new(Severity::Error, "name", "name is missing");
        vec![missing.with_hint("write the name of the user or organisation")]
    }

    fn list(&self, source: &Source, cursor: Option<&str>, host: &Host<'_>) -> Result<Page> {
        let kind = match source.kind.as_str() {
            "user" => "users",
            _ => "orgs",
        };
        let path = [kind, &source.name, "repos"];
        let pager = LinkPager::new(&address(&source.api_url, &path, &[("limit", "50")])?)?;
        let response = host.get_good(&pager.url(cursor)?, &auth(source))?;
        let entries: Vec<Entry> = json(&response)?;
        let total = response.header("x-total-count");
        Ok(Page {
            repositories: entries.into_iter().map(Entry::into_repository).collect(),
            next: pager.next(cursor, next_link(&response).as_deref()),
            total: total.and_then(|count| count.parse().ok()),
            ..Page::default()
        })
    }

    fn check(&self, source: &Source, _: &CheckRequest, host: &Host<'_>) -> Result<CheckReport> {
        let mut report = CheckReport {
            visible: self.list(source, None, host)?.total,
            ..CheckReport::default()
        };
        if source.password().is_some() {
            let url = address(&source.api_url, &["user"], &[])?;
            let user: User = host.get_json(&url, &auth(source))?;
            report.identity = format!("token of {}", user.login);
            report.account_id = Some(user.id.to_string());
        }
        Ok(report)
    }

    fn access(&self, source: &Source, _: &AccessRequest, _: &Host<'_>) -> Result<Access> {
        let basic = |token| Auth::basic("token", token);
        Ok(Access::http(source.password().map_or(Auth::None, basic)))
    }

    fn lookup(&self, source: &Source, what: &LookupRequest, host: &Host<'_>) -> Result<Presence> {
        let url = address(&source.api_url, &["repositories", &what.id], &[])?;
        let response = host.get(&url, &auth(source))?;
        match response.status {
            200 => Ok(Presence::present(
                json::<Entry>(&response)?.into_repository(),
            )),
            404 => Ok(Presence::Hidden), // a status alone proves nothing: it may be hidden
            _ => Err(status_error(&response)),
        }
    }
}
