use forgekeep_plugin_sdk::{
    Attributes, Owner, Part, PartKind, Repository, Source, Visibility, beside, filled, in_one_line,
    not_pushed, wanted_address,
};
use serde::Deserialize;
use serde_json::Value;

use crate::account::Account;

/// A repository as the API describes it. What older servers lack is absent.
#[derive(Deserialize)]
pub(crate) struct Entry {
    pub(crate) id: u64,
    pub(crate) full_name: Option<String>,
    description: Option<String>,
    owner: Option<Account>,
    clone_url: Option<String>,
    ssh_url: Option<String>,
    pub(crate) default_branch: Option<String>,
    wiki_branch: Option<String>,
    private: Option<bool>,
    internal: Option<bool>,
    archived: Option<bool>,
    fork: Option<bool>,
    mirror: Option<bool>,
    pub(crate) has_wiki: Option<bool>,
    pub(crate) has_wiki_contents: Option<bool>,
    pub(crate) has_actions: Option<bool>,
    external_wiki: Option<Value>,
    topics: Option<Vec<String>>,
    language: Option<String>,
    /// KiB.
    size: Option<u64>,
}

impl Entry {
    pub(crate) fn is_of(&self, owner: u64) -> bool {
        self.owner.as_ref().is_some_and(|its| its.id == owner)
    }

    /// The repository, with its address for the protocol that the source wants. An address that is missing is the
    /// host's to fail. `empty` decides nothing: it is also said of a full one after trouble with a disk.
    pub(crate) fn into_repository(self, source: &Source) -> Repository {
        let https = self.clone_url.as_deref().unwrap_or_default();
        let url = wanted_address(source, https, self.ssh_url.as_deref().unwrap_or_default());
        let mut git = Part::new(PartKind::Git, &url);
        git.default_branch = filled(self.default_branch);
        git.size = self.size.and_then(|size| size.checked_mul(1024));
        let mut parts = vec![git];
        // Every repository has a wiki that may be written to; newer servers say whether anybody did.
        let has_wiki = self.has_wiki == Some(true) && self.has_wiki_contents != Some(false);
        if has_wiki && self.external_wiki.is_none() && !url.is_empty() {
            let mut wiki = Part::new(PartKind::Wiki, beside(&url, "wiki"));
            wiki.default_branch = filled(self.wiki_branch);
            wiki.uncertain = self.has_wiki_contents.is_none();
            parts.push(wiki);
        }
        // Half of it is no owner: one without an id would be another than before.
        let owner = self.owner.filter(|owner| !owner.name().is_empty());
        let owner = owner.map(|owner| (owner.id.to_string(), owner.name().to_owned()));
        let (id, name) = owner.unwrap_or_default();
        Repository {
            id: self.id.to_string(),
            full_name: self.full_name.unwrap_or_default(),
            description: in_one_line(&self.description.unwrap_or_default(), usize::MAX),
            visibility: match (self.private, self.internal) {
                (Some(true), _) => Visibility::Private,
                (_, Some(true)) => Visibility::Internal,
                (Some(false), _) => Visibility::Public,
                (None, _) => Visibility::Other,
            },
            archived: self.archived == Some(true),
            fork: self.fork == Some(true),
            mirror: self.mirror == Some(true),
            attributes: Attributes {
                topics: self.topics.unwrap_or_default(),
                languages: filled(self.language).into_iter().collect(),
                // `updated_at` is no time of a push: it moves with stars and settings too.
                ..Attributes::default()
            },
            refs: not_pushed(&["refs/pull/*", "refs/for/*"]),
            owner: Owner { id, name },
            parts,
            ..Repository::default()
        }
    }
}
