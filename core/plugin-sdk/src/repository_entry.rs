use forgekeep_plugin_documents::{
    Attributes, HttpResponse, Owner, Part, PartKind, Repository, Source, Visibility,
};
use serde::Deserialize;

use crate::entries::filled;
use crate::settled::settled_version;
use crate::source::beside;
use crate::ssh::wanted_address;

/// A user, an organisation or an enterprise, in the form that many APIs give it.
#[derive(Clone, Debug, Deserialize)]
pub struct Account {
    /// Its immutable id.
    pub id: u64,
    /// Its name. An enterprise has a slug.
    #[serde(alias = "slug")]
    pub login: String,
    /// What it is, where that is said.
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

impl From<Account> for Owner {
    fn from(account: Account) -> Self {
        let (id, name) = (account.id.to_string(), account.login);
        Self { id, name }
    }
}

/// A repository in the form that many APIs give it. What one of them lacks is absent.
#[derive(Debug, Deserialize)]
pub struct RepositoryEntry {
    /// Its immutable id.
    pub id: u64,
    /// Its owner and its name.
    pub full_name: String,
    /// Its description.
    pub description: Option<String>,
    /// Who it belongs to.
    pub owner: Account,
    /// The address to clone it from.
    pub clone_url: String,
    /// The same by ssh.
    pub ssh_url: Option<String>,
    /// Its default branch.
    pub default_branch: Option<String>,
    /// Whether not everybody sees it: one that is internal too, at some.
    pub private: bool,
    /// Who sees it, in a word.
    pub visibility: Option<String>,
    /// Whether it was archived.
    pub archived: Option<bool>,
    /// Whether the hoster has switched it off.
    pub disabled: Option<bool>,
    /// Whether it is a fork.
    pub fork: Option<bool>,
    /// What it mirrors.
    pub mirror_url: Option<String>,
    /// Whether it may have a wiki.
    pub has_wiki: Option<bool>,
    /// Its topics.
    pub topics: Option<Vec<String>>,
    /// Its main language.
    pub language: Option<String>,
    /// When it was last pushed to (RFC 3339).
    pub pushed_at: Option<String>,
    /// KiB; 0 of one that was just made too.
    pub size: Option<u64>,
}

impl RepositoryEntry {
    /// The repository, with its address for the protocol that the source wants. Where the hoster moves `pushed_at` with each push to any ref,
    /// `pushed_in` is the answer that it was listed in, and gives the git repository a version.
    pub fn into_repository(self, source: &Source, pushed_in: Option<&HttpResponse>) -> Repository {
        let ssh = self.ssh_url.as_deref().unwrap_or_default();
        let url = wanted_address(source, &self.clone_url, ssh);
        let mut wiki = Part::new(PartKind::Wiki, beside(&url, "wiki"));
        wiki.uncertain = true;
        let mut git = Part::new(PartKind::Git, url);
        git.default_branch = filled(self.default_branch);
        let size = self.size.filter(|size| *size > 0);
        git.size = size.and_then(|size| size.checked_mul(1024));
        let branch = git.default_branch.as_deref().unwrap_or_default();
        let pushed = self.pushed_at.as_deref().unwrap_or_default();
        git.version = pushed_in.and_then(|answer| settled_version(answer, pushed, &[branch]));
        let mut parts = vec![git];
        if self.has_wiki == Some(true) {
            parts.push(wiki);
        }
        let disabled = self.disabled == Some(true);
        Repository {
            id: self.id.to_string(),
            full_name: self.full_name,
            description: self.description.unwrap_or_default(),
            visibility: match (self.visibility.as_deref(), self.private) {
                (Some("internal"), _) => Visibility::Internal,
                (_, true) => Visibility::Private,
                (_, false) => Visibility::Public,
            },
            archived: self.archived == Some(true),
            fork: self.fork == Some(true),
            mirror: self.mirror_url.is_some(),
            attributes: Attributes {
                topics: self.topics.unwrap_or_default(),
                languages: filled(self.language).into_iter().collect(),
                pushed_at: pushed.parse().ok(),
            },
            owner: self.owner.into(),
            parts,
            skip: disabled.then(|| "the hoster has disabled this repository".to_owned()),
            ..Repository::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use forgekeep_plugin_documents::Header;
    use serde_json::{Value, json};

    use super::*;

    fn repository(more: &Value) -> Repository {
        let mut entry = json!({
            "id": 7, "full_name": "acme/web", "owner": { "id": 9, "login": "acme" },
            "clone_url": "https://git@code.example/acme/web.git", "private": false,
            "default_branch": "main", "pushed_at": "2026-11-01T00:00:00Z", "size": 2,
        });
        for (key, value) in more.as_object().unwrap() {
            entry[key] = value.clone();
        }
        let date = Header {
            name: "Date".into(),
            value: "Mon, 30 Nov 2026 08:00:00 GMT".into(),
        };
        let answer = HttpResponse {
            headers: vec![date],
            ..HttpResponse::default()
        };
        let entry: RepositoryEntry = serde_json::from_value(entry).unwrap();
        let source = Source {
            api_url: "https://api.code.example".into(),
            ..Source::default()
        };
        entry.into_repository(&source, Some(&answer))
    }

    #[test]
    fn what_is_said_is_taken_over() {
        let plain = repository(&json!({}));
        assert_eq!((&*plain.id, &*plain.full_name), ("7", "acme/web"));
        assert_eq!((&*plain.owner.id, &*plain.owner.name), ("9", "acme"));
        assert_eq!(plain.visibility, Visibility::Public);
        let [git] = &plain.parts[..] else {
            panic!("it has no wiki");
        };
        assert_eq!(git.url, "https://code.example/acme/web.git");
        assert_eq!((git.size, git.version.is_some()), (Some(2048), true));
        assert!(plain.attributes.pushed_at.is_some() && plain.skip.is_none());
        let other = repository(&json!({
            "private": true, "visibility": "internal", "archived": true, "fork": true,
            "has_wiki": true, "topics": ["shop"], "language": "Rust", "disabled": true,
            "pushed_at": null, "size": 0, "mirror_url": "https://x", "description": "The shop",
        }));
        assert_eq!(other.visibility, Visibility::Internal);
        assert_eq!((&*plain.description, &*other.description), ("", "The shop"));
        assert!(other.archived && other.fork && other.mirror && other.skip.is_some());
        assert_eq!(other.parts[1].url, "https://code.example/acme/web.wiki.git");
        assert!(other.parts[1].uncertain);
        assert_eq!(
            (other.parts[0].size, &other.parts[0].version),
            (None, &None)
        );
        assert_eq!(other.attributes.languages, ["Rust"]);
        let private = repository(&json!({ "private": true, "visibility": "private" }));
        assert_eq!(private.visibility, Visibility::Private);
    }
}
