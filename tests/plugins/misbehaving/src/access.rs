//! What is odd about the credentials for git:
//!
//! - `expiring`: for each repository and each wiki they are wrong at first, as if a token had expired meanwhile;
//! - `expired`: they are wrong each time, and others each time;
//! - `minted`: a token that no configuration holds, which is said aloud with the next;
//! - `minted-early`: the same, told to the host before and printed to standard output and error;
//! - `minted-abort`: the same, and the process ends at once;
//! - `token-scheme`: `Authorization: token …` instead of Basic.

use forgekeep_plugin_sdk::{Auth, Host, Secret, Source};

use crate::own;
use crate::settings::misbehaviour;

/// A token as a plugin may get one from its hoster. The forge of the tests knows it.
const MINTED: &str = "minted-token-0815-0816";

/// The credentials that the misbehaviour gives: the `given`th for a part of a repository, and of the source the
/// `of_all`th.
pub(crate) fn of(source: &Source, host: &Host<'_>, given: u64, of_all: u64) -> Auth {
    let basic = |secret: String| Auth::basic("misbehaving", &Secret::new(secret));
    let wrong = || basic(format!("expired-token-{given}"));
    match misbehaviour() {
        "expiring" if given == 1 => wrong(),
        "expired" => wrong(),
        "minted" => {
            // The host knows it by the first.
            if of_all > 1 {
                host.info(&format!("the token is {MINTED}"));
            }
            basic(MINTED.to_owned())
        }
        "minted-early" | "minted-abort" => {
            let _ = host.add_secret(&Secret::new(MINTED));
            host.info(&format!("the token is {MINTED}"));
            println!("the token is {MINTED}");
            eprintln!("the token is {MINTED}");
            if misbehaviour() == "minted-abort" {
                std::process::abort();
            }
            basic(MINTED.to_owned())
        }
        "token-scheme" => by_scheme(source),
        _ => own(source),
    }
}

/// The source's own secret, behind a word of the hoster's.
pub(crate) fn by_scheme(source: &Source) -> Auth {
    match source.password() {
        Some(secret) => Auth::scheme("token", secret),
        None => Auth::None,
    }
}
