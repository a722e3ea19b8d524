//! Tokens that a plugin makes for itself: one at a time, for all threads, renewed before they end.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use forgekeep_plugin_documents::{
    AccessRequest, Auth, ErrorKind, HosterError, HttpRequest, HttpResponse, Secret, Timestamp,
};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::Value;

use crate::answer::{from_origin, status_error};
use crate::host::Host;

/// A token is renewed when a tenth of its life is left, but no earlier than this before its end.
const LARGEST_MARGIN: Duration = Duration::from_secs(5 * 60);
/// A token that was made because another one was refused, and that never worked, is not replaced again within
/// this time: the refusal is about something else then.
const TRUSTED: Duration = Duration::from_secs(60);
/// How long to go on with a token that lives, where its renewal has failed.
const PAUSE: Duration = Duration::from_secs(30);
/// How long a call waits for a token that another call has asked for. The host ends a call that waits
/// for a minute.
const LONGEST_WAIT: Duration = Duration::from_secs(45);

/// What a hoster grants.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The token.
    pub secret: Secret,
    /// How long it lives, where that is said.
    pub life: Option<Duration>,
}

impl Grant {
    /// Reads the answer to an OAuth 2 request for a token (RFC 6749, section 5.1); `None` where there is
    /// no token in it.
    pub fn of_oauth(response: &HttpResponse) -> Option<Self> {
        #[derive(Deserialize)]
        struct Granted {
            access_token: String,
            #[serde(default)]
            expires_in: Value,
        }
        let granted: Granted = serde_json::from_slice(&response.body).ok()?;
        let seconds = match &granted.expires_in {
            Value::String(text) => text.trim().parse().ok(),
            other => other.as_u64(),
        };
        let life = seconds.filter(|life| *life > 0).map(Duration::from_secs);
        let secret = Secret::new(granted.access_token.trim());
        (!secret.is_empty()).then_some(Self { secret, life })
    }
}

/// A client of OAuth 2 that is given tokens for its id and secret (RFC 6749, section 4.4).
#[derive(Clone, Debug)]
pub struct OAuthClient {
    /// Where it asks for them.
    pub url: String,
    /// Its id and secret, as [`Auth::basic`].
    pub auth: Auth,
    /// What it asks for; empty where the client alone says so.
    pub scope: String,
    /// What to do where its id and secret are refused.
    pub advice: String,
}

impl OAuthClient {
    /// Asks for a token. It may be asked for twice: the one of which the answer was lost ends unused.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Credentials`] where id or secret are refused (400, 401); as [`status_error`] for another
    /// status; [`ErrorKind::BadAnswer`] for an answer without a token, of which nothing is quoted.
    pub fn mint(&self, host: &Host<'_>) -> Result<Grant, HosterError> {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        if !self.scope.is_empty() {
            form.append_pair("scope", &self.scope);
        }
        let mut request = HttpRequest::new("POST", &self.url, &self.auth)
            .with_header("accept", "application/json")
            .with_body("application/x-www-form-urlencoded", form.finish());
        request.idempotent = true;
        let response = host.http(request)?;
        from_origin(&response, &self.url)?;
        match response.status {
            200 => Grant::of_oauth(&response).ok_or_else(|| {
                let message = format!(
                    "{} was asked for a token and answered without one",
                    self.url
                );
                HosterError::new(ErrorKind::BadAnswer, message)
                    .with_hint(&self.advice)
                    .with_status(200)
                    .transient()
            }),
            400 | 401 => {
                let kind = ErrorKind::Credentials;
                let refused = status_error(&response);
                Err(HosterError { kind, ..refused }.with_hint(&self.advice))
            }
            _ => Err(status_error(&response)),
        }
    }
}

/// A token that was made, and when it ends.
#[derive(Clone, Debug)]
pub struct Minted {
    /// The token.
    pub secret: Secret,
    /// Which of the session's tokens it is.
    pub number: u64,
    /// When it ends, by this machine's clock, where that is known.
    pub until: Option<Timestamp>,
    life: Option<Duration>,
    made: Instant,
    /// Whether it was made because another one was refused.
    replaces: bool,
}

impl Minted {
    /// How long it lives yet, if that is known. Both clocks count: one stands still while the machine
    /// sleeps, the other can be set.
    fn left(&self) -> Option<Duration> {
        let by_instant = self.life?.saturating_sub(self.made.elapsed());
        // The clock counts whole seconds.
        let until = self.until?.as_second().saturating_add(1);
        let by_clock = until.saturating_sub(Timestamp::now().as_second());
        let by_clock = Duration::from_secs(u64::try_from(by_clock).unwrap_or_default());
        Some(by_instant.min(by_clock))
    }

    fn is_over(&self) -> bool {
        self.left().is_some_and(|left| left.is_zero())
    }

    fn is_due(&self) -> bool {
        let margin = self.life.map(margin).unwrap_or_default();
        self.left().is_some_and(|left| left <= margin)
    }
}

/// How long before its end a token with a life is renewed.
fn margin(life: Duration) -> Duration {
    (life / 10).min(LARGEST_MARGIN)
}

/// The token of a session, for all of its threads: made when the first one needs it, and again before it
/// ends or when it is refused. It belongs into the [`Session`](crate::Session), and never into the state.
///
/// `mint` asks the hoster for a token. The host is told of each before it is given out.
#[derive(Debug, Default)]
pub struct MintedTokens {
    state: Mutex<State>,
    /// Held by the one call that asks for a token.
    minting: Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    current: Option<Minted>,
    made: u64,
    /// A renewal failed: no other one before.
    not_before: Option<Instant>,
    /// Why the request for a token was refused: it is not made again, since that locks accounts.
    refused: Option<HosterError>,
    /// The number of the token that was last given for a part of a repository.
    given: HashMap<String, u64>,
    /// The number of the last token that the hoster has taken, where that is noted.
    worked: Option<u64>,
}

/// What there is to do before a request.
enum Need {
    /// This one is good.
    None(Minted),
    /// This one is good, and ends soon.
    Soon(Minted),
    /// There is none that is good.
    Now,
}

/// Asks for a token.
pub(crate) type Mint<'m> = &'m dyn Fn() -> Result<Grant, HosterError>;

impl MintedTokens {
    /// A token for a part of a repository. Where the one that was given before was refused, it is
    /// another one, if another one can be any better.
    ///
    /// # Errors
    ///
    /// As [`MintedTokens::get`].
    pub fn for_part(
        &self,
        what: &AccessRequest,
        host: &Host<'_>,
        mint: Mint<'_>,
    ) -> Result<Minted, HosterError> {
        let part = format!("{} {} {}", what.id, what.part.kind.word(), what.part.id);
        let refused = match what.refused_before {
            true => self.state.lock().given.get(&part).copied(),
            false => None,
        };
        let minted = self.get(refused, host, mint)?;
        self.state.lock().given.insert(part, minted.number);
        Ok(minted)
    }

    /// A token that is good, as far as is known, and not the one whose number is `refused`.
    ///
    /// # Errors
    ///
    /// Those of `mint`: a refusal of the credentials is kept, and given again without asking.
    pub fn get(
        &self,
        refused: Option<u64>,
        host: &Host<'_>,
        mint: Mint<'_>,
    ) -> Result<Minted, HosterError> {
        match self.need(refused) {
            Need::None(minted) => Ok(minted),
            Need::Soon(minted) => self.renew(minted, host, mint),
            Need::Now => {
                let Some(_only_one) = self.minting.try_lock_for(LONGEST_WAIT) else {
                    return Err(busy());
                };
                match self.need(refused) {
                    Need::None(minted) | Need::Soon(minted) => Ok(minted),
                    Need::Now => self.mint_unless_refused(refused.is_some(), host, mint),
                }
            }
        }
    }

    /// Notes that the hoster has taken a token.
    pub(crate) fn note_worked(&self, token: &Minted) {
        self.state.lock().worked = Some(token.number);
    }

    /// Whether it has.
    pub(crate) fn has_worked(&self, token: &Minted) -> bool {
        self.state.lock().worked == Some(token.number)
    }

    fn need(&self, refused: Option<u64>) -> Need {
        let state = self.state.lock();
        let Some(current) = &state.current else {
            return Need::Now;
        };
        let has_worked = state.worked == Some(current.number);
        let is_trusted = current.replaces && !has_worked && current.made.elapsed() < TRUSTED;
        let is_refused = refused == Some(current.number) && !is_trusted;
        let may_renew = state.not_before.is_none_or(|time| time <= Instant::now());
        if is_refused || current.is_over() {
            Need::Now
        } else if current.is_due() && may_renew {
            Need::Soon(current.clone())
        } else {
            Need::None(current.clone())
        }
    }

    /// The token after one that ends soon. Who finds another call at it goes on with the old one, as
    /// does who gets none.
    fn renew(&self, old: Minted, host: &Host<'_>, mint: Mint<'_>) -> Result<Minted, HosterError> {
        let Some(_only_one) = self.minting.try_lock() else {
            return Ok(old);
        };
        if let Need::None(minted) = self.need(None) {
            return Ok(minted);
        }
        match self.mint(false, host, mint) {
            Err(error) if error.kind != ErrorKind::Cancelled => {
                host.warn(&format!("the token was not renewed: {error}"));
                self.state.lock().not_before = Some(Instant::now() + PAUSE);
                Ok(old)
            }
            minted => minted,
        }
    }

    fn mint_unless_refused(
        &self,
        replaces: bool,
        host: &Host<'_>,
        mint: Mint<'_>,
    ) -> Result<Minted, HosterError> {
        if let Some(refusal) = self.state.lock().refused.clone() {
            return Err(refusal);
        }
        self.mint(replaces, host, mint).inspect_err(|error| {
            if error.kind == ErrorKind::Credentials {
                self.state.lock().refused = Some(error.clone());
            }
        })
    }

    fn mint(&self, replaces: bool, host: &Host<'_>, mint: Mint<'_>) -> Result<Minted, HosterError> {
        let (made, now) = (Instant::now(), Timestamp::now());
        let Grant { secret, life } = mint()?;
        let until = life.and_then(|life| {
            let life = i64::try_from(life.as_secs()).ok()?;
            Timestamp::from_second(now.as_second().checked_add(life)?)
        });
        // Before anything is sent with it: no message may hold it.
        host.add_secret(&secret)?;
        let mut state = self.state.lock();
        state.made += 1;
        state.not_before = None;
        let minted = Minted {
            secret,
            number: state.made,
            until,
            life: life.filter(|_| until.is_some()),
            made,
            replaces,
        };
        state.current = Some(minted.clone());
        Ok(minted)
    }
}

fn busy() -> HosterError {
    HosterError::new(
        ErrorKind::Unavailable,
        "no access token yet: the request for one takes too long",
    )
    .with_hint("run again later")
    .transient()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minted(life: u64, made_before: u64) -> Minted {
        let now = Timestamp::now().as_second();
        let end = now + i64::try_from(life).unwrap() - i64::try_from(made_before).unwrap();
        Minted {
            secret: Secret::new("token"),
            number: 1,
            until: Timestamp::from_second(end),
            life: Some(Duration::from_secs(life)),
            made: Instant::now()
                .checked_sub(Duration::from_secs(made_before))
                .unwrap(),
            replaces: false,
        }
    }

    #[test]
    fn a_token_is_due_when_a_tenth_of_its_life_is_left_or_five_minutes() {
        assert_eq!(margin(Duration::from_secs(7200)), Duration::from_secs(300));
        for (life, age, due, over) in [
            (600, 530, false, false),
            (600, 545, true, false),
            (7200, 6850, false, false),
            (7200, 6950, true, false),
            (7200, 7205, true, true),
        ] {
            let token = minted(life, age);
            let found = (token.is_due(), token.is_over());
            assert_eq!(found, (due, over), "{life} {age}");
        }
        let mut endless = minted(1, 100);
        endless.life = None;
        assert!(!endless.is_due() && !endless.is_over());
    }

    #[test]
    fn a_clock_that_was_set_ends_a_token_too() {
        let mut token = minted(7200, 0);
        token.until = Timestamp::from_second(Timestamp::now().as_second() - 10);
        assert!(token.is_over());
    }

    #[test]
    fn a_grant_is_read_whether_its_life_is_a_number_or_a_text() {
        let grant = |body: &str| {
            Grant::of_oauth(&HttpResponse {
                body: body.into(),
                ..HttpResponse::default()
            })
        };
        for (body, life) in [
            (r#"{"access_token":"t","expires_in":3599}"#, Some(3599)),
            (r#"{"access_token":"t","expires_in":"3599"}"#, Some(3599)),
            (r#"{"access_token":" t ","expires_in":0}"#, None),
            (r#"{"access_token":"t"}"#, None),
        ] {
            let grant = grant(body).unwrap();
            assert_eq!(grant.secret, Secret::new("t"), "{body}");
            assert_eq!(grant.life.map(|life| life.as_secs()), life, "{body}");
        }
        for none in ["", "{}", r#"{"access_token":" "}"#, "<html>"] {
            assert!(grant(none).is_none(), "{none}");
        }
    }
}
