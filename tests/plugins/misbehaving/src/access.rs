//! What is odd about the credentials for git:
//!
//! - `expiring`: for each repository they are wrong at first, as if a token had expired meanwhile;
//! - `expired`: they are wrong each time, and others each time;
//! - `minted`: a token that no configuration holds, which is said aloud with the next.

use forgekeep_plugin_sdk_draft::{Authorization, SecretString};

use crate::{MisbehavingSession, misbehaviour};

/// A token as a plugin may get one from its hoster. The forge of the tests knows it.
const MINTED: &str = "minted-token-0815-0816";

/// The credentials that the misbehaviour of now gives, the `given`th for a repository.
pub(crate) fn of(session: &MisbehavingSession, given: u64) -> Authorization {
    let basic = |secret: String| Authorization::Basic {
        user: "misbehaving".into(),
        secret: SecretString::new(&*secret),
    };
    let wrong = || basic(format!("expired-token-{given}"));
    match misbehaviour().as_str() {
        "expiring" if given == 1 => wrong(),
        "expired" => wrong(),
        "minted" => {
            if session.accesses.len() > 1 {
                session.services.info(&format!("the token is {MINTED}"));
            }
            basic(MINTED.to_owned())
        }
        _ => session.authorization(),
    }
}
