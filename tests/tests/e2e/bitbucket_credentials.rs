//! Each kind of Bitbucket's credentials against a hoster that refuses every other form of it, on the
//! API and on git; and the tokens of an OAuth consumer over a run.

use std::collections::BTreeSet;
use std::time::Duration;

use forgekeep_tests::{Account, Action, Authorization, Fault, Forge, ForgeBuilder, RequestKind};
use serde_json::{Value, json};

use crate::support::{EMAIL, TOKEN, USER, World, assert_all, error, files, forge, notes, source};

const ACCESS_TOKEN: &str = "ATCTT3xFfGN0-access=0815";
const CLIENT_ID: &str = "kQ3xvT7mWz9bR2nLpA";
const CLIENT_SECRET: &str = "Zr8uYt2sVb6nXc4wQe1mKj7hGf5dPo3L";

fn with_consumer(builder: ForgeBuilder, life: Option<u32>) -> World {
    let builder = builder.oauth_consumer(CLIENT_ID, CLIENT_SECRET, life);
    let world = World::of(builder.build());
    configure(&world, &consumer(&world));
    world
}

/// The source for the forge's first workspace, with its consumer.
fn consumer(world: &World) -> Value {
    let mut source = world.source();
    source.as_object_mut().unwrap().remove("password");
    source["clientId"] = CLIENT_ID.into();
    source["clientSecret"] = CLIENT_SECRET.into();
    source
}

/// Retries, since what hangs is cut off.
fn configure(world: &World, source: &Value) {
    let options = json!({"network": {"retries": 2, "limitWaitMinutes": 0}});
    world.configure_with(std::slice::from_ref(source), &options);
}

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

/// How the requests of a kind were authorized: all of them alike.
fn sent(world: &World, kind: RequestKind) -> Authorization {
    let requests = world.forge.requests().into_iter();
    let mut all: Vec<_> = requests
        .filter(|request| request.kind == kind)
        .map(|request| request.authorization.expect("credentials"))
        .collect();
    all.dedup();
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn basic(user: &str, secret: &str) -> Authorization {
    Authorization::Basic {
        user: user.to_owned(),
        secret: secret.to_owned(),
    }
}

fn separate(builder: ForgeBuilder) -> World {
    let world = World::of(builder.separate_git().build());
    world.forge.repository("web").private().commit("one");
    world
}

#[test]
fn each_kind_of_credentials_lists_and_clones_in_the_one_form_that_is_taken() {
    let token = separate(Forge::builder().api_token(EMAIL, USER, TOKEN));
    let access = separate(Forge::builder().access_token(ACCESS_TOKEN));
    let bearer = |token: &str| Authorization::Bearer(token.to_owned());
    for (world, api, git) in [
        (
            &token,
            basic(EMAIL, TOKEN),
            basic("x-bitbucket-api-token-auth", TOKEN),
        ),
        (
            &access,
            bearer(ACCESS_TOKEN),
            basic("x-token-auth", ACCESS_TOKEN),
        ),
    ] {
        let run = world.backup().expect(0);
        assert_eq!(run.outcome("acme/web"), "cloned");
        assert_eq!(sent(world, RequestKind::Api), api);
        assert_eq!(sent(world, RequestKind::InfoRefs), git);
        assert_eq!(sent(world, RequestKind::UploadPack), git);
        world.assert_mirrored(world.forge.repository("web"));
    }
    let world = separate(Forge::builder().oauth_consumer(CLIENT_ID, CLIENT_SECRET, None));
    configure(&world, &consumer(&world));
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "cloned");
    let minted = world.forge.change(|state| state.minted[0].token.clone());
    assert_eq!(
        sent(&world, RequestKind::Token),
        basic(CLIENT_ID, CLIENT_SECRET)
    );
    assert_eq!(sent(&world, RequestKind::Api), bearer(&minted));
    assert_eq!(
        sent(&world, RequestKind::InfoRefs),
        basic("x-token-auth", &minted)
    );
    assert_eq!(
        sent(&world, RequestKind::UploadPack),
        basic("x-token-auth", &minted)
    );
    assert_eq!(world.forge.minted(), 1);
}

#[test]
fn a_token_made_for_one_repository_backs_that_one_up() {
    let mut account = Account::access_token("acme", ACCESS_TOKEN);
    let world = World::of(Forge::builder().account(account.clone()).build());
    world.forge.repository("web").private().commit("one");
    let other = world.forge.repository("api").private().commit("one");
    account.hidden.push(other.uuid());
    world.forge.change(|state| state.accounts = vec![account]);
    let run = world.backup().expect(0);
    assert_all(&run, "cloned", 1);
    world.assert_mirrored(world.forge.repository("web"));
}

/// A backup whose credentials are wrong in one way ends so, and says what helps.
#[track_caller]
fn refused(world: &World, source: &Value, helps: &[&str]) {
    configure(world, source);
    let run = world.backup().expect(12);
    let of_source = self::source(&run, "acme");
    let said = match of_source["error"].is_null() {
        true => error(&of_source["repositories"][0]),
        false => error(of_source),
    };
    assert!(said.starts_with("credentials: "), "{said}");
    for words in helps {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!world.folder("web").join("repo").exists());
}

#[test]
fn wrong_names_and_secrets_get_the_hint_that_helps() {
    let world = separate(Forge::builder().api_token(EMAIL, USER, TOKEN));
    // The user name, where the API wants the address.
    refused(
        &world,
        &world.source_with("apiAuthName", USER),
        &[
            "check that apiAuthName is the e-mail address",
            "read:repository:bitbucket",
        ],
    );
    refused(
        &world,
        &world.source_with("authName", "somebody-else"),
        &["check authName", "\"somebody-else\""],
    );
    // The address, where git wants the user name: it is never sent there.
    configure(&world, &world.source_with("authName", EMAIL));
    let run = world.forgekeep(&["check"]).run().expect(0);
    assert!(
        run.stdout
            .contains("authName is an e-mail address, with which git does not work"),
        "{}",
        run.stdout
    );
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "cloned");

    let world = with_consumer(Forge::builder(), None);
    world.forge.repository("web").private().commit("one");
    for (key, value) in [
        ("clientId", "somebody-elses"),
        ("clientSecret", "wrong-secret-0"),
    ] {
        let mut wrong = consumer(&world);
        wrong[key] = value.into();
        refused(
            &world,
            &wrong,
            &["unauthorized_client", "OAuth consumers", "private consumer"],
        );
    }
    // The consumer's secret is no token of any kind.
    let mut as_token = world.source();
    as_token["password"] = CLIENT_SECRET.into();
    refused(&world, &as_token, &["neither kind of token", "API token"]);
}

#[test]
fn a_name_without_a_secret_is_no_backup_of_what_is_public() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    for key in ["authName", "apiAuthName"] {
        let mut source = world.source();
        let keys = source.as_object_mut().unwrap();
        keys.remove("password");
        keys.remove("apiAuthName");
        keys.insert(key.into(), EMAIL.into());
        world.configure(&[source]);
        for arguments in [&["backup"][..], &["check", "--offline"]] {
            let run = world.forgekeep(arguments).run().expect(10);
            let said = run.stderr;
            assert!(said.contains(&format!("sources[0].{key}")), "{said}");
            assert!(said.contains("`password` or `clientSecret`"), "{said}");
        }
    }
    assert!(world.forge.requests().is_empty());
    assert!(!world.folder("web").exists());
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

/// A forge, how its source is configured, and what each request of a check is for.
type Checked<'t> = (Forge, fn(&World), &'t [&'t str]);

#[test]
fn a_check_asks_five_requests_at_most() {
    let anonymous = |world: &World| {
        let mut source = world.source();
        let keys = source.as_object_mut().unwrap();
        keys.remove("password");
        keys.remove("apiAuthName");
        world.configure(&[source]);
    };
    let as_it_is: fn(&World) = |_| {};
    let worlds: [Checked<'_>; 4] = [
        (
            forge(),
            as_it_is,
            &[
                "?pagelen=1&q=",
                "/2.0/user",
                "/2.0/user/workspaces",
                "?pagelen=100",
                "info/refs",
            ],
        ),
        (
            Forge::builder().access_token(ACCESS_TOKEN).build(),
            as_it_is,
            &["?pagelen=1&q=", "?pagelen=100", "info/refs"],
        ),
        (
            Forge::builder()
                .oauth_consumer(CLIENT_ID, CLIENT_SECRET, None)
                .build(),
            |world| configure(world, &consumer(world)),
            &[
                "/site/oauth2/access_token",
                "?pagelen=1&q=",
                "?pagelen=100",
                "info/refs",
            ],
        ),
        (forge(), anonymous, &["?pagelen=100", "info/refs"]),
    ];
    for (forge, set_up, expected) in worlds {
        let world = World::of(forge);
        set_up(&world);
        world.forge.repository("public").commit("one");
        world.forge.repository("web").private().commit("one");
        world.forgekeep(&["check"]).run().expect(0);
        let asked: Vec<_> = world
            .forge
            .requests()
            .into_iter()
            .map(|r| r.target)
            .collect();
        assert_eq!(asked.len(), expected.len(), "{asked:#?}");
        for (asked, part) in asked.iter().zip(expected) {
            assert!(asked.contains(part), "{part}: {asked}");
        }
    }
}

#[test]
fn a_run_asks_one_request_beside_the_listing() {
    let world = World::new();
    let web = world.forge.repository("web").private().commit("one");
    world.forge.copies(web, "copy", 150);
    world.forgekeep(&["backup", "--dry-run"]).run().expect(0);
    assert_eq!(world.forge.count(RequestKind::Api), 2 + 1);
    // The list of workspaces is good to know, and no more.
    for action in [Action::status(403), Action::status(404), Action::html(200)] {
        let world = World::new();
        world.forge.repository("web").private().commit("one");
        let fault = Fault::on(RequestKind::Api, action);
        world.forge.inject(fault.containing("/user/workspaces"));
        let run = world.backup().expect(0);
        assert_eq!(run.outcome("acme/web"), "cloned");
        assert_eq!(notes(&run, "acme"), "");
    }
}
