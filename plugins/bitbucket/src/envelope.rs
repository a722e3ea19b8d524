use forgekeep_plugin_sdk::{HttpResponse, Result, json};
use serde::Deserialize;
use serde_json::Value;

use crate::api::Account;
use crate::status::{astray, refusal};
use crate::text::one_line;

/// Bitbucket's envelope of a page. Entries are read one by one: a bad one does not spoil the rest.
#[derive(Deserialize)]
pub(crate) struct Envelope {
    pub(crate) values: Vec<Value>,
    #[serde(default)]
    pub(crate) next: Option<String>,
    #[serde(default)]
    size: Value,
}

impl Envelope {
    pub(crate) fn read(response: &HttpResponse, account: &Account) -> Result<Self> {
        if let Some(error) = astray(response, account) {
            return Err(error);
        }
        if response.status != 200 {
            return Err(refusal(response, account));
        }
        Self::parse(response)
    }

    /// Reads an answer that is one, by its status.
    pub(crate) fn parse(response: &HttpResponse) -> Result<Self> {
        json(response).map_err(|mut error| {
            error.message = one_line(&error.message);
            error
        })
    }

    /// Number of repositories on all pages. Optional, and costly to Bitbucket, so it may be absent.
    pub(crate) fn size(&self) -> Option<u64> {
        self.size.as_u64()
    }
}
