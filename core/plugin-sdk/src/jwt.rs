//! JSON web tokens (RFC 7519) that are signed by RS256: what hosters take from apps in place of a password.

use std::sync::atomic::{AtomicI64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use forgekeep_plugin_documents::{ErrorKind, HosterError, HttpResponse, Secret, Timestamp};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};

use crate::limits::date;

/// An RSA key that signs tokens.
#[derive(Debug)]
pub struct SigningKey(RsaKeyPair);

impl SigningKey {
    /// Reads a key in PEM: PKCS#1 or PKCS#8, its lines ended as they should be or by `\n` in words.
    ///
    /// # Errors
    ///
    /// Why it is none, to follow the name of the file.
    pub fn from_pem(pem: &[u8]) -> Result<Self, &'static str> {
        let pem = str::from_utf8(pem).unwrap_or_default().replace("\\n", "\n");
        let pair = match PrivateKeyDer::from_pem_slice(pem.as_bytes()) {
            Ok(PrivateKeyDer::Pkcs1(der)) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
            Ok(PrivateKeyDer::Pkcs8(der)) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
            _ if pem.contains("OPENSSH") => return Err("is in OpenSSH's form, not PEM"),
            _ if pem.contains("ENCRYPTED") => return Err("is encrypted with a passphrase"),
            _ => return Err("is no RSA private key in PEM"),
        };
        pair.map(Self).map_err(|_| "is no RSA key that can be used")
    }

    /// A token that makes these claims.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Other`], if the key cannot sign.
    pub fn sign(&self, claims: &Value) -> Result<Secret, HosterError> {
        let part = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let header = json!({ "alg": "RS256", "typ": "JWT" });
        let said = format!("{}.{}", part(&header), part(claims));
        let mut signature = vec![0; self.0.public().modulus_len()];
        let random = SystemRandom::new();
        (self.0)
            .sign(&RSA_PKCS1_SHA256, &random, said.as_bytes(), &mut signature)
            .map_err(|_| HosterError::new(ErrorKind::Other, "the private key cannot sign"))?;
        let signature = URL_SAFE_NO_PAD.encode(signature);
        Ok(Secret::new(format!("{said}.{signature}")))
    }
}

/// A hoster's clock, which may be another than this machine's: tokens hold times, and are refused where those
/// are wrong.
#[derive(Debug, Default)]
pub struct HosterClock {
    /// By how many seconds it is ahead.
    ahead: AtomicI64,
}

/// Seconds that clocks may differ by.
const DIFFERENCE: i64 = 30;

impl HosterClock {
    /// Asks with what was made at a time (in seconds since 1970). Where that is refused (401), and the answer's
    /// `Date` says that the clock is wrong, it is asked once more at the hoster's time.
    ///
    /// # Errors
    ///
    /// Those of `ask`.
    pub fn ask<T>(
        &self,
        ask: impl Fn(i64) -> Result<(HttpResponse, T), HosterError>,
    ) -> Result<(HttpResponse, T), HosterError> {
        let now = Timestamp::now().as_second();
        let known = self.ahead.load(Ordering::Relaxed);
        let answered = ask(now + known)?;
        let ahead = date(&answered.0).map_or(known, |date| date.as_second() - now);
        if answered.0.status != 401 || (ahead - known).abs() < DIFFERENCE {
            return Ok(answered);
        }
        self.ahead.store(ahead, Ordering::Relaxed);
        ask(now + ahead)
    }
}

#[cfg(test)]
mod tests {
    use forgekeep_plugin_documents::Header;

    use super::*;

    #[test]
    fn what_is_no_key_is_told_by_its_kind() {
        let why = |pem: &str| SigningKey::from_pem(pem.as_bytes()).unwrap_err();
        assert!(why("-----BEGIN OPENSSH PRIVATE KEY-----").contains("OpenSSH"));
        assert!(why("-----BEGIN ENCRYPTED PRIVATE KEY-----").contains("passphrase"));
        assert!(why("ghp_0123").contains("no RSA private key"));
        let empty = "-----BEGIN RSA PRIVATE KEY-----\\nMAA=\\n-----END RSA PRIVATE KEY-----";
        assert!(why(empty).contains("can be used"), "{}", why(empty));
    }

    #[test]
    fn a_clock_that_is_wrong_is_asked_by_once() {
        let clock = HosterClock::default();
        let asked = |status: u16, value: &str| {
            let date = Header {
                name: "Date".into(),
                value: value.into(),
            };
            let answer = HttpResponse {
                status,
                headers: vec![date],
                ..HttpResponse::default()
            };
            let times = std::cell::RefCell::new(Vec::new());
            let ask = |now| {
                times.borrow_mut().push(now);
                Ok((answer.clone(), ()))
            };
            clock.ask(ask).unwrap();
            times.into_inner()
        };
        let date = "Fri, 30 Nov 2046 08:00:00 GMT";
        assert_eq!(asked(200, date).len(), 1);
        let times = asked(401, date);
        assert_eq!(times.len(), 2);
        assert!(times[1] - times[0] > 1_000_000, "{times:?}");
        // It is known from now on.
        assert_eq!(asked(401, date).len(), 1);
        assert_eq!(asked(401, "no date").len(), 1);
    }
}
