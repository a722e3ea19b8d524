//! Everything that may go wrong on the way, at every place, once, twice and for ever: each run
//! ends in time, says the truth, and has everything that is not concerned.
//!
//! `docs/failures.md` is made of what comes out; `FORGEKEEP_UPDATE_DOCS=1` writes it again.

mod cases;
mod certificates;
mod matrix;
mod page;
pub(crate) mod proxy;
mod secrecy;
mod sequences;
mod silence;
mod spoil;
mod tls_proxy;
mod wiki;

pub use certificates::certified;
use serde_json::{Value, json};

use forgekeep_tests::{Forge, RequestKind};

use crate::support::{EMAIL, TOKEN, USER, World};

/// The network options of all these runs, with a number of retries.
fn impatient(retries: u32) -> Value {
    json!({"network": {
        "retries": retries, "longestWaitSeconds": 1, "stallSeconds": 2, "connectSeconds": 2,
        "maxBodyBytes": 65536, "limitWaitMinutes": 0,
    }})
}

/// Where [`world`] has its repositories from.
fn patterns() -> Forge {
    let forge = Forge::builder().build();
    // The largest is first: once `web` is asked for, the credentials have been proven elsewhere.
    for (slug, size) in [("web", 1), ("api", 1000), ("docs", 1000)] {
        forge.repository(slug).private().commit(slug).size(size);
    }
    forge
}

/// Two sources; in `acme` the repository `web`, which gets the faults, and `api`; in `other`, `docs`.
/// Git is on another port than the API.
fn world(patterns: &Forge) -> World {
    let forge = Forge::builder()
        .workspace("acme")
        .workspace("other")
        .api_token(EMAIL, USER, TOKEN)
        .separate_git()
        .build();
    for (workspace, slug) in [("acme", "web"), ("acme", "api"), ("other", "docs")] {
        forge.copy(patterns.repository(slug), workspace, slug);
    }
    let world = World::of(forge);
    let mut other = world.source_with("name", "other");
    other["title"] = "other".into();
    let mut options = impatient(2);
    options["backup"] = json!({"jobs": 2});
    world.configure_with(&[world.source(), other], &options);
    world
}

#[test]
fn a_redirect_to_a_stranger_who_wants_credentials_says_nothing_about_ours() {
    let world = world(&patterns());
    let mut options = impatient(0);
    options["backup"] = json!({"jobs": 1});
    world.configure_with(&[world.source()], &options);
    // The first to be asked for, so that nothing has proven the credentials before.
    world.forge.repository("web").size(1_000_000);
    let case = cases::all().into_iter().find(|case| {
        case.name == "Redirect to another origin" && case.place == RequestKind::InfoRefs
    });
    case.unwrap().inject(&world, "web", usize::MAX);
    let run = world.backup().expect(3);
    assert_eq!(run.repository("acme/web")["error"]["kind"], "policy");
    assert_eq!(run.outcome("acme/api"), "cloned");
}
