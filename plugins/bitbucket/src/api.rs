use forgekeep_plugin_sdk::{ErrorKind, HosterError, Result, Source};
use url::Url;

use crate::credentials::{Credentials, OAUTH_URL};
use crate::workspace::{NotAWorkspace, Workspace};

/// Bitbucket's own API.
pub(crate) const CLOUD: &str = "https://api.bitbucket.org";

/// Where bitbucket.org makes tokens for OAuth consumers.
const TOKEN_HOST: &str = "https://bitbucket.org";
/// Where on a host it does.
const TOKEN_PATH: &str = "/site/oauth2/access_token";

/// Entries of a page; Bitbucket gives no more.
const PAGE_LENGTH: u8 = 100;

/// A source, read: where to ask, for what, and as whom.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) base: String,
    /// Where an OAuth consumer gets its tokens.
    pub(crate) token_url: String,
    /// The workspace that is asked for; or all of them.
    pub(crate) workspace: Workspace,
    pub(crate) credentials: Credentials,
    /// Whether git is to be fetched by ssh.
    pub(crate) is_ssh: bool,
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
        let base = base(&source.api_url).to_owned();
        Ok(Self {
            token_url: token_url(&base, source.text(OAUTH_URL)),
            base,
            workspace,
            credentials: Credentials::of(source),
            is_ssh: source.is_ssh(),
        })
    }

    /// The same, asked for one workspace of all.
    pub(crate) fn within(&self, workspace: Workspace) -> Self {
        Self {
            workspace,
            ..self.clone()
        }
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
        self.few_url(1)
    }

    /// The first few repositories, in whatever order.
    pub(crate) fn few_url(&self, count: u8) -> String {
        format!(
            "{}/2.0/repositories/{}?pagelen={count}",
            self.base,
            self.workspace.segment()
        )
    }

    /// The smallest question that tells how many repositories are private.
    pub(crate) fn private_url(&self) -> String {
        format!("{}&q=is_private%3Dtrue", self.few_url(1))
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

    /// Which workspaces the account is a member of. It takes the place of the listings across
    /// workspaces, which Bitbucket has removed.
    pub(crate) fn members_url(&self) -> String {
        format!("{}/2.0/user/workspaces?pagelen={PAGE_LENGTH}", self.base)
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

/// Where a consumer's tokens are made: `oauthUrl`, else at bitbucket.org for Bitbucket's own API, and
/// on the API's host for another one. An `oauthUrl` without a path means Bitbucket's path there.
fn token_url(base: &str, oauth_url: Option<&str>) -> String {
    let oauth_url = oauth_url.unwrap_or_default().trim();
    let place = match oauth_url {
        "" if base == CLOUD => TOKEN_HOST,
        "" => base,
        own => own,
    };
    let Ok(mut url) = Url::parse(place) else {
        // The host says what is wrong with it.
        return place.to_owned();
    };
    if oauth_url.is_empty() || url.path() == "/" {
        url.set_path(TOKEN_PATH);
        url.set_query(None);
    }
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn tokens_are_made_beside_the_api() {
        const CLOUDS: &str = "https://bitbucket.org/site/oauth2/access_token";
        for (base, oauth_url, made) in [
            (CLOUD, None, CLOUDS),
            (CLOUD, Some(" "), CLOUDS),
            (
                "http://127.0.0.1:8080/api",
                None,
                "http://127.0.0.1:8080/site/oauth2/access_token",
            ),
            (
                CLOUD,
                Some("https://auth.example.com"),
                "https://auth.example.com/site/oauth2/access_token",
            ),
            (
                CLOUD,
                Some("https://auth.example.com/token"),
                "https://auth.example.com/token",
            ),
            (CLOUD, Some("nonsense"), "nonsense"),
        ] {
            assert_eq!(token_url(base, oauth_url), made);
        }
    }
}
