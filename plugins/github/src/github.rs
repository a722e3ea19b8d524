use std::sync::OnceLock;

use forgekeep_plugin_sdk::{
    Access, AccessRequest, Account, Api, Auth, ErrorKind, Grant, Host, HosterClock, HosterError,
    HttpResponse, Listing, MintedTokens, Result, Secret, SigningKey, Source, Timestamp, all_linked,
    json, kept, status_error, token,
};
use serde::{Deserialize, Serialize};

const MAKE_A_TOKEN: &str = "make a token at https://github.com/settings/tokens (on a server of your own: /settings/tokens) with the scopes repo and read:org, or a fine-grained one with read access to Contents and Metadata, and set password to it";
pub(crate) const SIGN_ON: &str = "authorise the token for the organisation's single sign-on";

/// Which listing it is. They are read in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// What the account owns or works on.
    All,
    Own,
    User,
    Org,
    /// An organisation among all.
    Each,
    Installation,
    OwnGists,
    Gists,
    Starred,
}

#[derive(Deserialize)]
pub(crate) struct Membership {
    pub(crate) role: String,
    pub(crate) organization: Account,
}

/// Where an App is installed, and the tokens that it was given there.
#[derive(Deserialize)]
pub(crate) struct Installation {
    pub(crate) id: u64,
    pub(crate) account: Account,
    pub(crate) repository_selection: String,
    pub(crate) permissions: Option<serde_json::Value>,
    #[serde(skip)]
    tokens: MintedTokens,
}

type Answered<T> = Result<(HttpResponse, T)>;

/// Whose the credentials are, with the answer that says it. With an App, or a token of one, nobody's.
#[derive(Default)]
pub(crate) struct Sight {
    pub(crate) me: Option<Account>,
    pub(crate) answer: HttpResponse,
}

#[derive(Default)]
pub(crate) struct Kept {
    sight: OnceLock<Sight>,
    memberships: OnceLock<Vec<Membership>>,
    pub(crate) installations: OnceLock<Vec<Installation>>,
    pub(crate) steps: OnceLock<Vec<Listing<Kind>>>,
    pub(crate) clock: HosterClock,
}

/// A source's API and credentials, for the duration of a call.
pub(crate) struct GitHub<'a> {
    pub(crate) source: &'a Source,
    pub(crate) host: &'a Host<'a>,
    pub(crate) api: Api<'a>,
    /// The id of the App, in place of a token.
    pub(crate) app: Option<&'a str>,
    pub(crate) kept: &'a Kept,
}

impl<'a> GitHub<'a> {
    pub(crate) fn of(source: &'a Source, host: &'a Host<'a>) -> Result<Self> {
        let auth = token(source).map_or(Auth::None, |secret| Auth::bearer(&secret));
        let api = Api::new(host, &source.api_url, auth);
        Ok(Self {
            source,
            host,
            api: api.with_field("x-github-api-version", "2022-11-28"),
            app: source.text("appId"),
            kept: host.session()?,
        })
    }

    pub(crate) fn is_of_all(&self) -> bool {
        self.source.name.trim() == "*"
    }

    pub(crate) fn sight(&self) -> Result<&Sight> {
        kept(&self.kept.sight, || {
            if token(self.source).is_none() {
                return Ok(Sight::default());
            }
            let answer = self.api.get(&["user"], &[])?;
            match good(answer.clone()).and_then(|answer| json(&answer)) {
                // Several refusals lock the account for a while: the first one is enough.
                Err(error) if error.kind == ErrorKind::Credentials => Err(error),
                told => self.host.if_told(told).map(|me| Sight { me, answer }),
            }
        })
    }

    /// When the token expires.
    pub(crate) fn expires(&self) -> Result<Option<Timestamp>> {
        // `2026-12-24 08:00:00 UTC`, or `2026-12-24 08:00:00 +0200`.
        let told = &self.sight()?.answer;
        let told = told.header("github-authentication-token-expiration");
        let told = told.unwrap_or_default().replacen(' ', "T", 1);
        Ok(told.replace(" UTC", "Z").replace(' ', "").parse().ok())
    }

    /// The organisations that the account belongs to, as far as the token tells.
    pub(crate) fn memberships(&self) -> Result<&Vec<Membership>> {
        kept(&self.kept.memberships, || {
            if self.sight()?.me.is_none() {
                return Ok(Vec::new());
            }
            let path = ["user", "memberships", "orgs"];
            let query = [("state", "active"), ("per_page", "100")];
            let found = all_linked(|cursor| good_page(self.api.linked(&path, &query, cursor)?));
            Ok(self.host.if_told(found)?.unwrap_or_default())
        })
    }

    pub(crate) fn account(&self, name: &str) -> Result<Account> {
        json(&good(self.api.get(&["users", name], &[])?)?)
    }

    /// Asks as the App, which signs for itself: for some minutes.
    pub(crate) fn as_app<T>(&self, ask: impl Fn(&Api<'_>) -> Answered<T>) -> Answered<T> {
        let pem = self.source.file("privateKeyFile").unwrap_or_default();
        let flaw = |why| HosterError::new(ErrorKind::Other, format!("privateKeyFile {why}"));
        let key = SigningKey::from_pem(pem).map_err(flaw)?;
        good_page(self.kept.clock.ask(|now| {
            let claims = serde_json::json!({ "iat": now - 60, "exp": now + 540, "iss": self.app });
            ask(&self.api.with(Auth::bearer(&key.sign(&claims)?)))
        })?)
    }

    pub(crate) fn installations(&self) -> Result<&Vec<Installation>> {
        kept(&self.kept.installations, || {
            let (path, query) = (["app", "installations"], [("per_page", "100")]);
            all_linked(|cursor| self.as_app(|api| api.linked(&path, &query, cursor)))
        })
    }

    pub(crate) fn installation(&self, id: &str) -> Result<&Installation> {
        let mut all = self.installations()?.iter();
        let found = all.find(|one| one.id.to_string() == id);
        let why = "the repository is in none of the App's installations";
        found.ok_or_else(|| HosterError::new(ErrorKind::NotFound, why).with_hint("run again"))
    }

    /// Asks as an installation, or, where there is none, with the source's token. Any status is an answer.
    pub(crate) fn ask<T>(&self, id: &str, ask: impl Fn(&Api<'_>) -> Answered<T>) -> Answered<T> {
        if id.is_empty() {
            return ask(&self.api);
        }
        let ask = |token: &Secret| ask(&self.api.with(Auth::bearer(token)));
        let tokens = &self.installation(id)?.tokens;
        tokens.ask(self.host, &|| self.mint(id), ask)
    }

    fn mint(&self, id: &str) -> Result<Grant> {
        let path = ["app", "installations", id, "access_tokens"];
        let (answer, ()) = self.as_app(|api| Ok((api.post(&path)?, ())))?;
        Grant::ending(&answer, "token", "expires_at")
    }

    /// Credentials for a part of a repository, whose handle is the installation.
    pub(crate) fn access(&self, what: &AccessRequest) -> Result<Access> {
        // With a token, GitHub looks at no user name.
        let auth = |secret: &Secret| Auth::basic("x-access-token", secret);
        if self.app.is_none() {
            let own = token(self.source).map(|own| Access::http(auth(&own)));
            return Ok(own.unwrap_or_default());
        }
        let tokens = &self.installation(&what.handle)?.tokens;
        let token = tokens.for_part(what, self.host, &|| self.mint(&what.handle))?;
        Ok(token.access(auth))
    }
}

/// An answer of 2xx, or what any other one means at GitHub.
pub(crate) fn good(response: HttpResponse) -> Result<HttpResponse> {
    if (200..300).contains(&response.status) {
        return Ok(response);
    }
    let mut error = status_error(&response);
    let sign_on = response.header("x-github-sso").unwrap_or_default();
    error.hint = match (error.kind, sign_on.split_once("url=")) {
        (ErrorKind::Forbidden, Some((_, url))) => format!("{SIGN_ON}: {url}"),
        (ErrorKind::Credentials, _) => MAKE_A_TOKEN.to_owned(),
        (ErrorKind::Forbidden, _) => format!("do what GitHub says; otherwise {MAKE_A_TOKEN}"),
        _ => error.hint,
    };
    Err(error)
}

pub(crate) fn good_page<T>((answer, more): (HttpResponse, T)) -> Result<(HttpResponse, T)> {
    Ok((good(answer)?, more))
}
