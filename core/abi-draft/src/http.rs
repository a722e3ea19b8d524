use abi_stable::StableAbi;
use abi_stable::std_types::{RString, RVec};

use crate::{Extras, SecretString};

/// One HTTP header field.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Field name, any case.
    pub name: RString,
    /// Field value.
    pub value: RString,
}

/// Credentials for one request. Closed on purpose: a scheme that is not here is sent by the
/// plugin as a header of its own, and loses the host's protection against leaving the origin.
#[repr(u8)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// None: the request is anonymous.
    Anonymous,
    /// HTTP Basic (RFC 7617).
    Basic {
        /// User name; must hold no colon.
        user: RString,
        /// Password or token.
        secret: SecretString,
    },
    /// Bearer token (RFC 6750).
    Bearer {
        /// The token.
        secret: SecretString,
    },
}

/// A request that the host is asked to make.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    /// `GET`, `POST`, … in capitals.
    pub method: RString,
    /// Absolute URL, without user or password.
    pub url: RString,
    /// Header fields. `Authorization` is refused here: use [`HttpRequest::authorization`].
    pub headers: RVec<Header>,
    /// Sent to the source's API and to the origins the manifest trusts alone; never to where a
    /// redirect leads away from them.
    pub authorization: Authorization,
    /// Body; empty for none.
    pub body: RVec<u8>,
    /// See [`Extras`].
    pub extras: Extras,
}

/// What came back. Every status is an answer, not an error: a service call fails only when there
/// is no answer to give.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq)]
pub struct HttpResponse {
    /// HTTP status.
    pub status: u16,
    /// URL that answered, after redirects.
    pub url: RString,
    /// Header fields, names in lower case.
    pub headers: RVec<Header>,
    /// Body, decompressed, at most as long as the host's cap.
    pub body: RVec<u8>,
    /// See [`Extras`].
    pub extras: Extras,
}

impl HttpResponse {
    /// The first value of a header field, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value.as_str())
    }
}
