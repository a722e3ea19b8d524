use forgekeep_plugin_sdk::{Auth, Deed, Secret, Source};

use crate::text::one_line;

/// User name for git with an API token, whoever it belongs to.
pub(crate) const GIT_USER_OF_API_TOKENS: &str = "x-bitbucket-api-token-auth";
/// User name for git with an access token, and with a token that a consumer was given.
pub(crate) const GIT_USER_OF_ACCESS_TOKENS: &str = "x-token-auth";

/// The option that names an OAuth consumer.
pub(crate) const CLIENT_ID: &str = "clientId";
/// The option with an OAuth consumer's secret.
pub(crate) const CLIENT_SECRET: &str = "clientSecret";
/// The option with the address where a consumer's tokens are made.
pub(crate) const OAUTH_URL: &str = "oauthUrl";

/// What credentials are, as far as what is filled in and the form of the secret tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// There are none.
    Anonymous,
    /// A user's API token.
    ApiToken,
    /// An access token of a repository, project or workspace.
    AccessToken,
    /// An OAuth consumer, which gets tokens for its own id and secret.
    Consumer,
    /// An app password; removed by Bitbucket.
    AppPassword,
    /// Something else.
    Unknown,
}

impl Kind {
    /// What a password is by its form.
    pub(crate) fn of(secret: &str) -> Self {
        if secret.is_empty() {
            Self::Anonymous
        } else if secret.starts_with("ATAT") {
            Self::ApiToken
        } else if secret.starts_with("ATCT") {
            Self::AccessToken
        } else if secret.starts_with("ATBB") || is_old_app_password(secret) {
            Self::AppPassword
        } else {
            Self::Unknown
        }
    }
}

/// App passwords without a prefix were twenty letters and digits.
fn is_old_app_password(secret: &str) -> bool {
    secret.len() == 20 && secret.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// A source's `authName`, `apiAuthName` and `password`, or its `clientId` and `clientSecret`, read the
/// way Bitbucket wants them.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    kind: Kind,
    /// The password, or the consumer's secret.
    secret: Secret,
    /// User name for Basic towards the API, or the consumer's id; empty for Bearer, or for nobody.
    api_user: String,
    git_user: String,
}

impl Credentials {
    pub(crate) fn of(source: &Source) -> Self {
        let client_id = source.text(CLIENT_ID).unwrap_or_default().trim();
        let client_secret = trimmed(source, CLIENT_SECRET);
        if !client_id.is_empty() && !client_secret.is_empty() {
            return Self {
                kind: Kind::Consumer,
                secret: Secret::new(client_secret),
                api_user: client_id.to_owned(),
                git_user: GIT_USER_OF_ACCESS_TOKENS.to_owned(),
            };
        }
        let secret = trimmed(source, "password");
        let kind = Kind::of(secret);
        let auth_name = source.auth_name.trim();
        let api_auth_name = source.api_auth_name.trim();
        let api_user = match kind {
            Kind::Anonymous | Kind::AccessToken => "",
            _ if api_auth_name.is_empty() => auth_name,
            _ => api_auth_name,
        };
        let git_user = match kind {
            Kind::Anonymous => "",
            Kind::AccessToken => GIT_USER_OF_ACCESS_TOKENS,
            // With the e-mail address, git is refused.
            _ if !auth_name.is_empty() && !is_email(auth_name) => auth_name,
            // A secret of unknown form without any name is sent as Bearer to the API, as an
            // access token is; so it is one for git, too.
            Kind::Unknown if api_user.is_empty() => GIT_USER_OF_ACCESS_TOKENS,
            _ => GIT_USER_OF_API_TOKENS,
        };
        Self {
            kind,
            secret: Secret::new(secret),
            api_user: api_user.to_owned(),
            git_user: git_user.to_owned(),
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// What a consumer shows to be given a token. Of other kinds, nobody asks.
    pub(crate) fn of_consumer(&self) -> Auth {
        Auth::basic(&self.api_user, &self.secret)
    }

    /// For requests to the API; `minted` is the token that a consumer was given.
    pub(crate) fn api(&self, minted: Option<&Secret>) -> Auth {
        match (self.kind, minted) {
            (Kind::Anonymous, _) | (Kind::Consumer, None) => Auth::None,
            (Kind::Consumer, Some(minted)) => Auth::bearer(minted),
            _ if self.api_user.is_empty() => Auth::bearer(&self.secret),
            _ => Auth::basic(&self.api_user, &self.secret),
        }
    }

    /// For what the host does itself. LFS takes what git takes; files of an export are the API's.
    pub(crate) fn for_deed(&self, deed: Deed, minted: Option<&Secret>) -> Auth {
        match deed {
            Deed::Export => self.api(minted),
            _ => self.git(minted),
        }
    }

    fn git(&self, minted: Option<&Secret>) -> Auth {
        match (self.kind, minted) {
            (Kind::Anonymous, _) | (Kind::Consumer, None) => Auth::None,
            (Kind::Consumer, Some(minted)) => Auth::basic(&self.git_user, minted),
            _ => Auth::basic(&self.git_user, &self.secret),
        }
    }

    /// What they are and whose, in a few words, without the secret.
    pub(crate) fn describe(&self) -> String {
        let of = match self.api_user.is_empty() {
            true => String::new(),
            false => format!(" of {}", one_line(&self.api_user)),
        };
        match self.kind {
            Kind::Anonymous => "no credentials".to_owned(),
            Kind::ApiToken => format!("API token{of}"),
            Kind::AccessToken => format!("access token{of}"),
            Kind::Consumer => format!("OAuth consumer {}", one_line(&self.api_user)),
            Kind::AppPassword => format!("app password{of}"),
            Kind::Unknown => format!("password{of}, which is neither kind of token"),
        }
    }

    /// The same, as the subject or object of a sentence.
    pub(crate) fn subject(&self) -> String {
        match self.kind {
            Kind::Anonymous => "a request without credentials".to_owned(),
            _ => format!("the {}", self.describe()),
        }
    }
}

/// A secret of the source. Tokens hold no white space; one that does was pasted with it.
pub(crate) fn trimmed<'s>(source: &'s Source, key: &str) -> &'s str {
    source
        .secret(key)
        .map_or("", |secret| secret.expose().trim())
}

/// Whether a name is an e-mail address, as far as it matters here: Bitbucket's user names hold no
/// `@`.
pub(crate) fn is_email(name: &str) -> bool {
    name.contains('@')
}
