//! Requests to the API.

use forgekeep_plugin_sdk::{
    Access, AccessRequest, Auth, ErrorKind, Host, HosterError, HttpRequest, HttpResponse, Minted,
    Result,
};
use serde_json::Value;

use crate::credentials::Kind;
use crate::kept::Kept;
use crate::tokens::ask;

/// Asks the API for a source.
#[derive(Clone, Copy)]
pub(crate) struct Client<'a, 'call> {
    pub(crate) kept: &'a Kept,
    pub(crate) host: &'a Host<'call>,
}

impl<'a, 'call> Client<'a, 'call> {
    /// For the source whose session it is.
    pub(crate) fn of(host: &'a Host<'call>) -> Result<Self> {
        let kept = host.session()?;
        Ok(Self { kept, host })
    }

    /// A `GET`.
    pub(crate) fn get(&self, url: &str) -> Result<HttpResponse> {
        self.ask(&|auth| HttpRequest::get(url, auth))
    }

    /// Two `GET`s side by side, with credentials that nobody mints.
    pub(crate) fn get_both(
        &self,
        one: &str,
        other: &str,
    ) -> Result<(Result<HttpResponse>, Result<HttpResponse>)> {
        let auth = self.kept.account.credentials.api(None);
        let requests = [one, other].map(|url| HttpRequest::get(url, &auth));
        let mut answers = self.host.batch(requests.into())?.into_iter();
        let mut next = || {
            let answer = answers.next().unwrap_or_else(|| Err(unanswered()))?;
            self.kept.note(&answer);
            Ok(answer)
        };
        Ok((next(), next()))
    }

    /// Sends a document. A `POST` is sent once; other methods say how something is to be, and may be sent
    /// again.
    pub(crate) fn send(
        &self,
        method: &str,
        url: &str,
        document: Option<&Value>,
    ) -> Result<HttpResponse> {
        self.ask(&|auth| {
            let mut request = HttpRequest::new(method, url, auth);
            request.idempotent = method != "POST";
            request = request.with_header("accept", "application/json");
            match document {
                Some(document) => request.with_body("application/json", document.to_string()),
                None => request,
            }
        })
    }

    /// Makes a request. A token that a consumer was given may have ended: then there is one more try, with
    /// another token. Whoever is refused like that has done nothing.
    fn ask(&self, request: &dyn Fn(&Auth) -> HttpRequest) -> Result<HttpResponse> {
        let minted = self.minted(None)?;
        let response = self.ask_with(request, minted.as_ref())?;
        let Some(refused) = minted.filter(|_| response.status == 401) else {
            return Ok(response);
        };
        let other = self.minted(Some(refused.number))?;
        match other.filter(|other| other.number != refused.number) {
            Some(other) => self.ask_with(request, Some(&other)),
            None => Ok(response),
        }
    }

    fn ask_with(
        &self,
        request: &dyn Fn(&Auth) -> HttpRequest,
        minted: Option<&Minted>,
    ) -> Result<HttpResponse> {
        let credentials = &self.kept.account.credentials;
        let auth = credentials.api(minted.map(|minted| &minted.secret));
        let response = self.host.http(request(&auth))?;
        self.kept.note(&response);
        Ok(response)
    }

    /// The token of a consumer; none for other kinds of credentials.
    fn minted(&self, refused: Option<u64>) -> Result<Option<Minted>> {
        let account = &self.kept.account;
        match account.credentials.kind() {
            Kind::Consumer => {
                let minted = self
                    .kept
                    .tokens
                    .get(refused, self.host, &|| ask(account, self.host));
                minted.map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The way to a part of a repository.
    pub(crate) fn access(&self, what: &AccessRequest) -> Result<Access> {
        let account = &self.kept.account;
        let credentials = &account.credentials;
        if credentials.kind() != Kind::Consumer {
            return Ok(Access::http(credentials.for_deed(what.deed, None)));
        }
        let minted = self
            .kept
            .tokens
            .for_part(what, self.host, &|| ask(account, self.host))?;
        let access = Access::http(credentials.for_deed(what.deed, Some(&minted.secret)));
        Ok(match minted.until {
            Some(until) => access.until(until),
            None => access,
        })
    }
}

/// The host has answered one request of two.
fn unanswered() -> HosterError {
    HosterError::new(ErrorKind::BadAnswer, "one of two requests was not answered")
}
