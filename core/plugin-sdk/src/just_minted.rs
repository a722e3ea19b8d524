//! Tokens that end at a time, and that may not be known everywhere yet.

use std::thread;
use std::time::Duration;

use forgekeep_plugin_documents::{
    Access, Auth, ErrorKind, HosterError, HttpResponse, Secret, Timestamp,
};
use serde_json::Value;

use crate::host::Host;
use crate::limits::date;
use crate::minted::{Grant, Mint, Minted, MintedTokens};

/// The waits before a token that was just made is tried again.
const UNTIL_KNOWN: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

impl Grant {
    /// Reads a token and the time (RFC 3339) of its end from the fields of an answer that are called so. The
    /// answer's `Date` tells what the hoster's clock says.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadAnswer`] where there is no token. Not a word of the answer is quoted: it may hold one.
    pub fn ending(response: &HttpResponse, token: &str, end: &str) -> Result<Self, HosterError> {
        let said: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let end: Option<Timestamp> = said[end].as_str().and_then(|end| end.parse().ok());
        let now = date(response).unwrap_or_else(Timestamp::now).as_second();
        let left = end.and_then(|end| u64::try_from(end.as_second() - now).ok());
        let secret = Secret::new(said[token].as_str().unwrap_or_default().trim());
        let life = left.map(Duration::from_secs);
        match secret.is_empty() {
            false => Ok(Self { secret, life }),
            true => Err(HosterError::new(
                ErrorKind::BadAnswer,
                format!(
                    "{} was asked for a token and answered without one",
                    response.url
                ),
            )
            .with_hint("run again later")
            .with_status(response.status)
            .transient()),
        }
    }
}

impl Minted {
    /// Access by HTTP with the token, as `auth` sends it, until its end.
    pub fn access(&self, auth: impl FnOnce(&Secret) -> Auth) -> Access {
        let mut access = Access::http(auth(&self.secret));
        access.expires = self.until;
        access
    }
}

impl MintedTokens {
    /// Asks an API with a token. One that was just made may not have reached all of a hoster's machines: where
    /// it is refused (401), it is tried again for a few seconds. One that has worked, or still does not, is
    /// replaced once. What the last one is answered is the answer.
    ///
    /// # Errors
    ///
    /// As [`MintedTokens::get`]; those of `ask`.
    pub fn ask<T>(
        &self,
        host: &Host<'_>,
        mint: Mint<'_>,
        ask: impl Fn(&Secret) -> Result<(HttpResponse, T), HosterError>,
    ) -> Result<(HttpResponse, T), HosterError> {
        let (mut refused, mut waits) = (None, UNTIL_KNOWN.iter());
        loop {
            let token = self.get(refused, host, mint)?;
            let answered = ask(&token.secret)?;
            if answered.0.status != 401 {
                self.note_worked(&token);
                return Ok(answered);
            }
            let has_worked = self.has_worked(&token);
            match waits.next().filter(|_| !has_worked) {
                Some(wait) => thread::sleep(*wait),
                None if refused.is_some() => return Ok(answered),
                None => refused = Some(token.number),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_ends_by_the_hosters_clock() {
        let grant = |body: &str| {
            let date = forgekeep_plugin_documents::Header {
                name: "Date".into(),
                value: "Mon, 30 Nov 2026 08:00:00 GMT".into(),
            };
            let response = HttpResponse {
                body: body.into(),
                headers: vec![date],
                ..HttpResponse::default()
            };
            Grant::ending(&response, "token", "expires_at")
        };
        let good = grant(r#"{"token":"t","expires_at":"2026-11-30T09:00:00Z"}"#).unwrap();
        assert_eq!(
            (good.secret, good.life),
            (Secret::new("t"), Some(Duration::from_secs(3600)))
        );
        assert_eq!(grant(r#"{"token":"t"}"#).unwrap().life, None);
        for none in ["", "{}", r#"{"token":""}"#, "<html>"] {
            assert_eq!(
                grant(none).unwrap_err().kind,
                ErrorKind::BadAnswer,
                "{none}"
            );
        }
    }
}
