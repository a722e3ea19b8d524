use forgekeep_plugin_documents::{Auth, HosterError, HttpRequest, HttpResponse};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::address::address;
use crate::answer::{from_origin, json, status_error};
use crate::host::Host;
use crate::numbered::{Numbered, Turned};

/// An API: addresses below a base, asked with the same credentials. What a redirect has led away to another
/// origin is no answer of it.
pub struct Api<'call> {
    pub(crate) host: &'call Host<'call>,
    pub(crate) base: String,
    pub(crate) auth: Auth,
    /// Fields of each request.
    fields: Vec<(String, String)>,
}

/// A page of a listing.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entries {
    Bare(Vec<Value>),
    Wrapped { data: Vec<Value> },
}

impl<'call> Api<'call> {
    /// The API at an address.
    pub fn new(host: &'call Host<'call>, base: &str, auth: Auth) -> Self {
        let base = base.to_owned();
        let fields = Vec::new();
        Self {
            host,
            base,
            auth,
            fields,
        }
    }

    /// The same with a field in the head of each request, such as the version of the API.
    #[must_use]
    pub fn with_field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with other credentials.
    #[must_use]
    pub fn with(&self, auth: Auth) -> Self {
        let fields = self.fields.clone();
        Self {
            fields,
            ..Self::new(self.host, &self.base, auth)
        }
    }

    /// Asks an endpoint. Any status is an answer.
    ///
    /// # Errors
    ///
    /// As [`Host::get`], [`address`] and [`from_origin`].
    pub fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<HttpResponse, HosterError> {
        self.ask("GET", &address(&self.base, path, query)?)
    }

    /// Asks an address below the base.
    pub(crate) fn ask(&self, method: &str, url: &str) -> Result<HttpResponse, HosterError> {
        let response = self.host.http(self.request(method, url))?;
        from_origin(&response, &self.base)?;
        Ok(response)
    }

    /// Sends a document to an endpoint. Any status is an answer. A `POST` is sent once; other methods say how
    /// something is to be, and may be sent again.
    ///
    /// # Errors
    ///
    /// As [`Api::get`].
    pub fn send(
        &self,
        method: &str,
        path: &[&str],
        query: &[(&str, &str)],
        document: Option<&Value>,
    ) -> Result<HttpResponse, HosterError> {
        let mut request = self.request(method, &address(&self.base, path, query)?);
        request.idempotent = method != "POST";
        if let Some(document) = document {
            request = request.with_body("application/json", document.to_string());
        }
        let response = self.host.http(request)?;
        from_origin(&response, &self.base)?;
        Ok(response)
    }

    /// A request with the credentials and the fields of all requests.
    pub(crate) fn request(&self, method: &str, url: &str) -> HttpRequest {
        let mut request = HttpRequest::get(url, &self.auth);
        method.clone_into(&mut request.method);
        request.idempotent = true;
        let fields = self.fields.iter();
        fields.fold(request, |request, (name, value)| {
            request.with_header(name, value)
        })
    }

    /// Reads the document of an endpoint.
    ///
    /// # Errors
    ///
    /// As [`Api::get`]; as [`Api::document`].
    pub fn read<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, HosterError> {
        Self::document(&self.get(path, &[])?)
    }

    /// The document of an answer.
    ///
    /// # Errors
    ///
    /// As [`status_error`] for any status but 2xx; as [`json`].
    pub fn document<T: DeserializeOwned>(response: &HttpResponse) -> Result<T, HosterError> {
        match response.status {
            200..=299 => json(response),
            _ => Err(status_error(response)),
        }
    }

    /// A page of a listing, and what comes after it: pages are arrays, some of them wrapped as `data`, and
    /// numbered by the parameter `page`, as [`Numbered`] turns them. `limit` asks for the length of a page.
    /// Entries are known by their `id`; a page that is the one before once more has none.
    ///
    /// # Errors
    ///
    /// As [`Api::read`]; as [`Numbered::at`].
    pub fn page(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        limit: u64,
        cursor: Option<&str>,
    ) -> Result<(Vec<Value>, Turned), HosterError> {
        self.page_of(path, query, ("limit", limit), cursor)
    }

    /// The same, where another parameter asks for the length of a page, such as `per_page`.
    ///
    /// # Errors
    ///
    /// As [`Api::page`].
    pub fn page_of(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        (parameter, limit): (&str, u64),
        cursor: Option<&str>,
    ) -> Result<(Vec<Value>, Turned), HosterError> {
        let place = Numbered::at(cursor)?;
        let (number, length) = (place.number().to_string(), limit.to_string());
        let query = [query, &[("page", &number), (parameter, &length)]].concat();
        let response = self.get(path, &query)?;
        let mut entries = match Self::document(&response)? {
            Entries::Bare(entries) | Entries::Wrapped { data: entries } => entries,
        };
        let ids: Vec<_> = entries
            .iter()
            .map(|entry| entry["id"].to_string())
            .collect();
        let turned = place.turn(&response, limit, &ids);
        if turned.repeated {
            entries.clear();
        }
        Ok((entries, turned))
    }

    /// All entries of a short listing.
    ///
    /// # Errors
    ///
    /// As [`Api::page`].
    pub fn all(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        limit: u64,
    ) -> Result<Vec<Value>, HosterError> {
        let (mut all, turned) = self.page(path, query, limit, None)?;
        let mut next = turned.next;
        while let Some(cursor) = next {
            let (entries, turned) = self.page(path, query, limit, Some(&cursor))?;
            all.extend(entries);
            next = turned.next;
        }
        Ok(all)
    }
}
