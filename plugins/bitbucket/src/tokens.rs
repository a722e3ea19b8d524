//! The tokens that an OAuth consumer is given for its id and secret (client credentials): one at a
//! time, for all threads, renewed before it ends.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use forgekeep_plugin_sdk::{
    AccessRequest, ErrorKind, Host, HosterError, HttpRequest, Result, Secret, Timestamp,
};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::Value;

use crate::api::Account;
use crate::status::{astray_of, consumer_refusal};

/// A token is renewed when a tenth of its life is left, but no earlier than this before its end.
const LARGEST_MARGIN: Duration = Duration::from_secs(5 * 60);
/// A token that was made because another one was refused is not replaced again within this time: the
/// refusal is about something else then.
const TRUSTED: Duration = Duration::from_secs(60);
/// How long to go on with a token that lives, where its renewal has failed.
const PAUSE: Duration = Duration::from_secs(30);
/// How long a call waits for a token that another call has asked for. The host ends a call that waits
/// for a minute.
const LONGEST_WAIT: Duration = Duration::from_secs(45);

/// A token, and when it ends.
#[derive(Clone, Debug)]
pub(crate) struct Minted {
    pub(crate) secret: Secret,
    /// Which of this session's tokens it is.
    pub(crate) number: u64,
    /// When it ends, by this machine's clock, where Bitbucket says so.
    pub(crate) until: Option<Timestamp>,
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

/// The token of a session.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
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
    /// Why the consumer was refused: it is not asked for again, since that locks accounts.
    refused: Option<HosterError>,
    /// The number of the token that was last given for a part of a repository.
    given: HashMap<String, u64>,
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

impl Tokens {
    /// A token for a part of a repository. Where the one that was given before was refused, it is
    /// another one, if another one can be any better.
    pub(crate) fn for_part(
        &self,
        account: &Account,
        what: &AccessRequest,
        host: &Host<'_>,
    ) -> Result<Minted> {
        let part = format!("{} {} {}", what.id, what.part.kind.word(), what.part.id);
        let refused = match what.refused_before {
            true => self.state.lock().given.get(&part).copied(),
            false => None,
        };
        let minted = self.get(account, refused, host)?;
        self.state.lock().given.insert(part, minted.number);
        Ok(minted)
    }

    /// A token that is good, as far as is known, and not the `refused` one.
    pub(crate) fn get(
        &self,
        account: &Account,
        refused: Option<u64>,
        host: &Host<'_>,
    ) -> Result<Minted> {
        match self.need(refused) {
            Need::None(minted) => Ok(minted),
            Need::Soon(minted) => self.renew(minted, account, host),
            Need::Now => {
                let Some(_only_one) = self.minting.try_lock_for(LONGEST_WAIT) else {
                    return Err(busy());
                };
                match self.need(refused) {
                    Need::None(minted) | Need::Soon(minted) => Ok(minted),
                    Need::Now => self.mint_unless_refused(account, refused.is_some(), host),
                }
            }
        }
    }

    fn need(&self, refused: Option<u64>) -> Need {
        let state = self.state.lock();
        let Some(current) = &state.current else {
            return Need::Now;
        };
        let is_trusted = current.replaces && current.made.elapsed() < TRUSTED;
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
    fn renew(&self, old: Minted, account: &Account, host: &Host<'_>) -> Result<Minted> {
        let Some(_only_one) = self.minting.try_lock() else {
            return Ok(old);
        };
        if let Need::None(minted) = self.need(None) {
            return Ok(minted);
        }
        match self.mint(account, false, host) {
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
        account: &Account,
        replaces: bool,
        host: &Host<'_>,
    ) -> Result<Minted> {
        if let Some(refusal) = self.state.lock().refused.clone() {
            return Err(refusal);
        }
        self.mint(account, replaces, host).inspect_err(|error| {
            if error.kind == ErrorKind::Credentials {
                self.state.lock().refused = Some(error.clone());
            }
        })
    }

    fn mint(&self, account: &Account, replaces: bool, host: &Host<'_>) -> Result<Minted> {
        let (made, now) = (Instant::now(), Timestamp::now());
        let granted = ask(account, host)?;
        let life = granted.life();
        let until = life.and_then(|life| {
            let life = i64::try_from(life.as_secs()).ok()?;
            Timestamp::from_second(now.as_second().checked_add(life)?)
        });
        let secret = Secret::new(granted.access_token);
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

/// What Bitbucket grants. The token to renew it with is not used: id and secret are at hand.
#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default)]
    expires_in: Value,
}

impl Granted {
    /// How long the token lives, where that is said.
    fn life(&self) -> Option<Duration> {
        let seconds = match &self.expires_in {
            Value::String(text) => text.trim().parse().ok(),
            other => other.as_u64(),
        };
        seconds.filter(|life| *life > 0).map(Duration::from_secs)
    }
}

/// Asks for a token. It may be asked for twice: the one of which the answer was lost just ends unused.
fn ask(account: &Account, host: &Host<'_>) -> Result<Granted> {
    let auth = account.credentials.of_consumer();
    let mut request = HttpRequest::new("POST", &account.token_url, &auth)
        .with_header("accept", "application/json")
        .with_body(
            "application/x-www-form-urlencoded",
            "grant_type=client_credentials",
        );
    request.idempotent = true;
    let response = host.http(request)?;
    if let Some(error) = astray_of(&response, &account.token_url, "oauthUrl") {
        return Err(error);
    }
    if response.status != 200 {
        return Err(consumer_refusal(&response, account));
    }
    // Not a word of what it says: it may hold a token.
    let granted: Option<Granted> = serde_json::from_slice(&response.body).ok();
    granted
        .filter(|granted| !granted.access_token.trim().is_empty())
        .ok_or_else(|| {
            HosterError::new(
                ErrorKind::BadAnswer,
                "Bitbucket was asked for an OAuth token and answered without one",
            )
            .with_hint("check oauthUrl and apiUrl; if they are right, run again later")
            .with_status(200)
            .transient()
        })
}

fn busy() -> HosterError {
    HosterError::new(
        ErrorKind::Unavailable,
        "no OAuth token yet: the request for one takes too long",
    )
    .with_hint("run again later; look at https://bitbucket.status.atlassian.com")
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
        assert_eq!(margin(Duration::from_secs(600)), Duration::from_secs(60));
        for (life, age, due, over) in [
            (600, 530, false, false),
            (600, 545, true, false),
            (7200, 6850, false, false),
            (7200, 6950, true, false),
            (7200, 7205, true, true),
        ] {
            let token = minted(life, age);
            assert_eq!(
                (token.is_due(), token.is_over()),
                (due, over),
                "{life} {age}"
            );
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
}
