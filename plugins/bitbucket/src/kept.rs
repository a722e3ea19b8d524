//! What a source's session keeps between calls.

use std::time::{Duration, Instant};

use forgekeep_plugin_sdk::{HttpResponse, Limit, MintedTokens, Result, limit};
use parking_lot::Mutex;

use crate::api::Account;
use crate::credentials::Kind;
use crate::member::Members;
use crate::text::one_line;

/// Most scopes that are kept. Bitbucket has about forty.
const MOST_SCOPES: usize = 100;

/// What a source's session keeps between calls.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) account: Account,
    pub(crate) tokens: MintedTokens,
    told: Mutex<Told>,
    members: Mutex<Option<Asked>>,
}

/// What answers tell of the credentials beside what was asked for. What is absent is not known, which
/// is not the same as having none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// What they may do.
    pub(crate) scopes: Vec<String>,
    /// What Bitbucket calls their kind, such as `api_token`.
    pub(crate) kind: Option<String>,
    /// The limit of requests.
    pub(crate) limit: Option<Limit>,
    /// Whether that limit is nearly reached.
    pub(crate) near_limit: bool,
}

/// What came of the question for the account's workspaces, and when.
#[derive(Clone, Debug)]
struct Asked {
    at: Instant,
    answer: Result<Members>,
}

impl Kept {
    pub(crate) fn new(account: Account) -> Self {
        Self {
            account,
            tokens: MintedTokens::default(),
            told: Mutex::default(),
            members: Mutex::default(),
        }
    }

    pub(crate) fn told(&self) -> Told {
        self.told.lock().clone()
    }

    /// Whether the credentials are an API token, the one kind whose reach can be known.
    pub(crate) fn is_api_token(&self) -> bool {
        match self.account.credentials.kind() {
            Kind::ApiToken => true,
            Kind::Unknown => self.told.lock().kind.as_deref() == Some("api_token"),
            _ => false,
        }
    }

    /// What is known of the account's workspaces in this session, if it was asked for within a time.
    pub(crate) fn members(&self, within: Duration) -> Option<Result<Members>> {
        let members = self.members.lock();
        let asked = members.as_ref()?;
        (asked.at.elapsed() <= within).then(|| asked.answer.clone())
    }

    pub(crate) fn keep_members(&self, answer: &Result<Members>) {
        *self.members.lock() = Some(Asked {
            at: Instant::now(),
            answer: answer.clone(),
        });
    }

    /// Reads what an answer tells of the credentials.
    pub(crate) fn note(&self, response: &HttpResponse) {
        let mut told = self.told.lock();
        if let Some(scopes) = response.header("x-oauth-scopes") {
            let scopes = scopes.split([',', ' ']).map(one_line);
            let scopes = scopes.filter(|scope| !scope.is_empty());
            told.scopes = scopes.take(MOST_SCOPES).collect();
        }
        if let Some(kind) = response.header("x-credential-type") {
            told.kind = Some(one_line(kind)).filter(|kind| !kind.is_empty());
        }
        if let Some(found) = limit(response) {
            told.limit = Some(Limit {
                name: one_line(&found.name),
                ..found
            });
        }
        if let Some(near) = response.header("x-ratelimit-nearlimit") {
            told.near_limit = near.trim().eq_ignore_ascii_case("true");
        }
    }
}
