use forgekeep_plugin_documents::{HosterError, HttpResponse};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::address::address;
use crate::answer::{json, status_error};
use crate::api::Api;
use crate::pager::{LinkPager, next_link};

impl Api<'_> {
    /// Asks an endpoint by `POST`, without a body. It may be asked twice. Any status is an answer.
    ///
    /// # Errors
    ///
    /// As [`Api::get`].
    pub fn post(&self, path: &[&str]) -> Result<HttpResponse, HosterError> {
        self.ask("POST", &address(&self.base, path, &[])?)
    }

    /// Sends a document to an endpoint, as [`Api::send`]. An answer that is not of 2xx is an error.
    ///
    /// # Errors
    ///
    /// As [`Api::send`]; as [`status_error`].
    pub fn sent(
        &self,
        method: &str,
        path: &[&str],
        document: Option<&Value>,
    ) -> Result<HttpResponse, HosterError> {
        let response = self.send(method, path, &[], document)?;
        match response.status {
            200..=299 => Ok(response),
            _ => Err(status_error(&response)),
        }
    }

    /// A page of a listing whose answers name the next one by `Link: rel="next"`, and the cursor for that. Any
    /// status is an answer. A loop shows by a cursor that comes again.
    ///
    /// # Errors
    ///
    /// As [`Api::get`]; as [`LinkPager::url`] for a cursor.
    pub fn linked(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        cursor: Option<&str>,
    ) -> Result<Linked, HosterError> {
        let pager = LinkPager::new(&address(&self.base, path, query)?)?;
        let response = self.ask("GET", &pager.url(cursor)?)?;
        let next = pager.next(cursor, next_link(&response).as_deref());
        Ok((response, next))
    }
}

/// A page of a listing, and the cursor for the next one.
pub type Linked = (HttpResponse, Option<String>);

/// All entries of a short listing, of which `page` gives a page as [`Api::linked`] does, as a good answer.
///
/// # Errors
///
/// Those of `page`; as [`json`].
pub fn all_linked<T: DeserializeOwned>(
    page: impl Fn(Option<&str>) -> Result<Linked, HosterError>,
) -> Result<Vec<T>, HosterError> {
    let (mut all, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let (response, next) = page(cursor.as_deref())?;
        all.extend(json::<Vec<T>>(&response)?);
        match next {
            Some(_) => cursor = next,
            None => return Ok(all),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_listing_is_read_to_its_end() {
        let page = |cursor: Option<&str>| {
            let body = if cursor.is_none() { "[1,2]" } else { "[3]" };
            let response = HttpResponse {
                body: body.into(),
                ..HttpResponse::default()
            };
            Ok((response, cursor.is_none().then(|| "more".to_owned())))
        };
        assert_eq!(all_linked::<u8>(page).unwrap(), [1, 2, 3]);
        assert!(all_linked::<String>(page).is_err());
    }
}
