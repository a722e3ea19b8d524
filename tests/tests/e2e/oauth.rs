//! The tokens that an OAuth consumer is given, over a run.

use std::collections::BTreeSet;
use std::time::Duration;

use forgekeep_tests::{Action, Authorization, Fault, Forge, RequestKind};
use serde_json::json;

use crate::bitbucket_credentials::{CLIENT_ID, CLIENT_SECRET, configure, consumer, with_consumer};
use crate::support::{World, assert_all, error, files, forge, source};

/// The tokens that were sent with requests of a kind, in whatever form.
fn tokens(world: &World, kind: RequestKind) -> BTreeSet<String> {
    let requests = world.forge.requests().into_iter();
    let of_kind = requests.filter(|request| request.kind == kind);
    of_kind
        .map(|request| match request.authorization {
            Some(Authorization::Bearer(token)) => token,
            Some(Authorization::Basic { user, secret }) if user == "x-token-auth" => secret,
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn many_repositories_are_cloned_with_one_token_of_a_consumer() {
    let world = with_consumer(Forge::builder(), None);
    let web = world.forge.repository("web").private().commit("one");
    world.forge.copies(web, "copy", 30);
    let run = world.forgekeep(&["backup", "--jobs", "8"]).run().expect(0);
    assert_all(&run, "cloned", 31);
    assert_eq!(world.forge.minted(), 1);
    let run = world.backup().expect(0);
    assert_all(&run, "unchanged", 31);
    // A run begins with a token of its own: none is kept.
    assert_eq!(world.forge.minted(), 2);
}

#[test]
fn a_token_that_is_revoked_in_mid_run_is_replaced_and_no_repository_fails() {
    let world = with_consumer(Forge::builder(), None);
    let web = world.forge.repository("web").private().commit("one");
    world.forge.copies(web, "copy", 12);
    let hang = Fault::on(RequestKind::InfoRefs, Action::Hang);
    world.forge.inject(hang.repository("copy-6"));
    let running = world.forgekeep(&["backup", "--jobs", "4"]).spawn();
    // All others are done, or under way.
    world.forge.wait_for(RequestKind::InfoRefs, 10);
    world.forge.change(|state| state.revoke_minted());
    world.forge.clear_faults();
    world.forge.release();
    let run = running.wait().expect(0);
    assert_all(&run, "cloned", 13);
    // One for all who were refused, not one for each.
    assert_eq!(world.forge.minted(), 2);
    assert_eq!(tokens(&world, RequestKind::InfoRefs).len(), 2);
}

#[test]
fn a_token_that_is_revoked_in_mid_listing_is_replaced() {
    let world = with_consumer(Forge::builder().opaque_cursors(), None);
    let web = world.forge.repository("web").private().commit("one");
    world.forge.copies(web, "copy", 120);
    let hang = Fault::on(RequestKind::Api, Action::Hang);
    world.forge.inject(hang.containing("page=").first(1));
    let running = world.forgekeep(&["list"]).spawn();
    world.forge.wait_for(RequestKind::Api, 2);
    world.forge.change(|state| state.revoke_minted());
    world.forge.clear_faults();
    world.forge.release();
    let run = running.wait().expect(0);
    assert!(run.stdout.contains("acme/copy-120"), "{}", run.stdout);
    assert_eq!(world.forge.minted(), 2);
}

#[test]
fn a_token_that_ends_in_mid_run_is_renewed_and_no_repository_fails() {
    let world = with_consumer(Forge::builder(), Some(2));
    let web = world
        .forge
        .repository("web")
        .private()
        .commit("one")
        .size(1_000_000);
    world.forge.copies(web, "copy", 12);
    // The first pack takes longer to come than the token lives.
    let slowly = Action::Slowly {
        pause: Duration::from_millis(2_500),
        cut: |body| {
            let (first, rest) = body.split_at(body.len() / 2);
            vec![first.to_vec(), rest.to_vec()]
        },
    };
    world
        .forge
        .inject(Fault::on(RequestKind::UploadPack, slowly).first(1));
    let run = world.forgekeep(&["backup", "--jobs", "1"]).run().expect(0);
    assert_all(&run, "cloned", 13);
    let minted = world.forge.minted();
    assert!((2..10).contains(&minted), "{minted}");
    assert!(tokens(&world, RequestKind::InfoRefs).len() >= 2);
}

#[test]
fn tokens_are_made_where_oauth_url_says() {
    let world = with_consumer(Forge::builder(), None);
    world.forge.repository("web").private().commit("one");
    let other = forge();
    let granted = json!({"access_token": "made-elsewhere-1", "expires_in": 7200});
    other.inject(Fault::on(RequestKind::Token, Action::json(200, &granted)));
    world.forge.change(|state| {
        state.minted.push(forgekeep_demo_hoster::MintedToken {
            token: "made-elsewhere-1".to_owned(),
            client_id: CLIENT_ID.to_owned(),
            until: Some(std::time::SystemTime::now() + Duration::from_secs(7200)),
        });
    });
    let mut source = consumer(&world);
    source["oauthUrl"] = other.api_url().into();
    configure(&world, &source);
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "cloned");
    assert_eq!(other.count(RequestKind::Token), 1);
    assert_eq!(world.forge.count(RequestKind::Token), 0);
}

#[test]
fn a_token_address_that_leads_elsewhere_gets_nothing_to_know() {
    for status in [301, 302, 307, 308] {
        let world = with_consumer(Forge::builder(), None);
        world.forge.repository("web").private().commit("one");
        let trap = forge();
        let to = format!("{}/site/oauth2/access_token", trap.api_url());
        let redirect = Fault::on(RequestKind::Token, Action::redirect(status, &to));
        world.forge.inject(redirect);
        let run = world.backup().expect(3);
        assert!(error(source(&run, "acme")).contains("redirect"), "{status}");
        for request in trap.requests() {
            let seen = format!("{request:?}");
            assert_eq!(request.authorization, None, "{seen}");
            assert!(!seen.contains(CLIENT_SECRET), "{seen}");
        }
        assert_eq!(world.forge.count(RequestKind::Api), 0);
    }
}

#[test]
fn what_a_consumer_was_given_is_never_seen() {
    let world = with_consumer(Forge::builder(), None);
    world.forge.repository("web").private().commit("one");
    let refuses = Fault::on(RequestKind::UploadPack, Action::status(403));
    world.forge.inject(refuses.first(1));
    let mut said = String::new();
    for arguments in [
        &["backup", "-vvv"][..],
        &["check", "-vvv"],
        &["backup", "-vvv"],
    ] {
        let run = world.forgekeep(arguments).run();
        said += &format!("{}{}", run.stdout, run.stderr);
    }
    let mut secrets = world.forge.change(|state| {
        let tokens = state.minted.iter().map(|minted| minted.token.clone());
        tokens.collect::<Vec<_>>()
    });
    assert_eq!(secrets.len(), 3);
    secrets.push(CLIENT_SECRET.to_owned());
    for secret in &secrets {
        assert!(!said.contains(secret), "{said}");
        for path in files(&world.sandbox.path("")) {
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            let is_settings =
                path.ends_with("settings.yml") && !path.starts_with(world.sandbox.backup());
            assert!(is_settings || !text.contains(secret), "{path:?}");
        }
    }
}
