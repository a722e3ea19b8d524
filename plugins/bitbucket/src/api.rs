use forgekeep_plugin_sdk::{ErrorKind, HosterError, Result, Source};

use crate::credentials::Credentials;
use crate::workspace::{NotAWorkspace, Workspace};

/// Entries of a page; Bitbucket gives no more.
const PAGE_LENGTH: u8 = 100;

/// A source, read: where to ask, for what, and as whom.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) base: String,
    pub(crate) workspace: Workspace,
    pub(crate) credentials: Credentials,
}

impl Account {
    pub(crate) fn of(source: &Source) -> Result<Self> {
        let workspace = Workspace::parse(&source.name).map_err(|flaw| {
            let name = match flaw {
                NotAWorkspace::Missing => String::new(),
                NotAWorkspace::Malformed(name) => name,
            };
            HosterError::new(ErrorKind::Other, format!("`{name}` is not a workspace id"))
        })?;
        Ok(Self {
            base: base(&source.api_url).to_owned(),
            workspace,
            credentials: Credentials::of(source),
        })
    }

    /// First page of the listing. Sorted by creation: a repository pushed to while the pages are
    /// read keeps its place, and none is passed over.
    pub(crate) fn listing_url(&self) -> String {
        format!(
            "{}/2.0/repositories/{}?pagelen={PAGE_LENGTH}&sort=created_on",
            self.base,
            self.workspace.segment()
        )
    }

    /// The smallest question that tells how much is visible.
    pub(crate) fn glance_url(&self) -> String {
        format!(
            "{}/2.0/repositories/{}?pagelen=1",
            self.base,
            self.workspace.segment()
        )
    }

    /// A repository by its `{uuid}`.
    pub(crate) fn repository_url(&self, uuid: &str) -> String {
        format!(
            "{}/2.0/repositories/{}/{}",
            self.base,
            self.workspace.segment(),
            uuid.replace('{', "%7B").replace('}', "%7D")
        )
    }

    /// Who the credentials belong to.
    pub(crate) fn user_url(&self) -> String {
        format!("{}/2.0/user", self.base)
    }

    /// Whether clones by plain HTTP are in order: only where the API is asked that way too.
    pub(crate) fn plain_http(&self) -> bool {
        self.base.starts_with("http://")
    }
}

/// The API's base, however the configuration ends it: with a slash, or with the version that the
/// endpoints begin with.
pub(crate) fn base(api_url: &str) -> &str {
    let base = api_url.trim().trim_end_matches('/');
    base.strip_suffix("/2.0")
        .unwrap_or(base)
        .trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::base;

    #[test]
    fn the_version_belongs_to_the_endpoint() {
        for api_url in [
            "https://api.bitbucket.org",
            "https://api.bitbucket.org/",
            "https://api.bitbucket.org/2.0",
            "https://api.bitbucket.org/2.0/",
        ] {
            assert_eq!(base(api_url), "https://api.bitbucket.org");
        }
    }
}
