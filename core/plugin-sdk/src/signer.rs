//! Requests with credentials that stay, or with tokens that are made.

use forgekeep_plugin_documents::{
    Access, AccessRequest, Auth, ErrorKind, HosterError, HttpRequest, HttpResponse,
};

use crate::host::Host;
use crate::minted::{MintedTokens, OAuthClient};

/// What signs the requests of a source: its credentials as they are, or the tokens that a client is given.
pub struct Signer<'s> {
    /// Credentials that stay.
    pub auth: Auth,
    /// The client in whose tokens there is another one each hour; then `auth` is not used.
    pub client: Option<OAuthClient>,
    /// The session's tokens.
    pub tokens: &'s MintedTokens,
}

/// Makes of an answer what it is.
pub type Judge<'j> = &'j dyn Fn(HttpResponse) -> Result<HttpResponse, HosterError>;

impl<'s> Signer<'s> {
    /// With credentials that stay, or with a client.
    pub fn new(auth: Auth, client: Option<OAuthClient>, tokens: &'s MintedTokens) -> Self {
        Self {
            auth,
            client,
            tokens,
        }
    }

    /// Makes requests side by side: what came of each, as `judge` sees it, in their order. Where one of them is
    /// judged to be refused ([`ErrorKind::Credentials`]) with a token that was made, all are made once more
    /// with another one: so they must be such as may be repeated.
    ///
    /// # Errors
    ///
    /// As [`Host::batch`] and [`MintedTokens::get`].
    pub fn batch(
        &self,
        host: &Host<'_>,
        mut requests: Vec<HttpRequest>,
        judge: Judge<'_>,
    ) -> Result<Vec<Result<HttpResponse, HosterError>>, HosterError> {
        let mut refused = None;
        loop {
            let minted = match &self.client {
                Some(client) => Some(self.tokens.get(refused, host, &|| client.mint(host))?),
                None => None,
            };
            for request in &mut requests {
                request.auth = match &minted {
                    Some(minted) => Auth::bearer(&minted.secret),
                    None => self.auth.clone(),
                };
            }
            let answers = host.batch(requests.clone())?.into_iter();
            let judged: Vec<_> = answers.map(|answer| judge(answer?)).collect();
            let is_refused = |answer: &Result<_, HosterError>| matches!(answer, Err(error) if error.kind == ErrorKind::Credentials);
            match minted {
                Some(minted) if refused.is_none() && judged.iter().any(is_refused) => {
                    refused = Some(minted.number);
                }
                _ => return Ok(judged),
            }
        }
    }

    /// Access to a part, by HTTP: with a token as bearer, and its end.
    ///
    /// # Errors
    ///
    /// As [`MintedTokens::for_part`].
    pub fn access(&self, host: &Host<'_>, what: &AccessRequest) -> Result<Access, HosterError> {
        let Some(client) = &self.client else {
            return Ok(Access::http(self.auth.clone()));
        };
        let minted = self.tokens.for_part(what, host, &|| client.mint(host))?;
        Ok(minted.access(Auth::bearer))
    }
}
