//! Each kind of Bitbucket's credentials against a hoster that refuses every other form of it, on the
//! API and on git.

use forgekeep_tests::{Account, Action, Authorization, Fault, Forge, ForgeBuilder, RequestKind};
use serde_json::{Value, json};

use crate::support::{EMAIL, TOKEN, USER, World, assert_all, error, forge, notes, source};

const ACCESS_TOKEN: &str = "ATCTT3xFfGN0-access=0815";
pub const CLIENT_ID: &str = "kQ3xvT7mWz9bR2nLpA";
pub const CLIENT_SECRET: &str = "Zr8uYt2sVb6nXc4wQe1mKj7hGf5dPo3L";

pub fn with_consumer(builder: ForgeBuilder, life: Option<u32>) -> World {
    let builder = builder.oauth_consumer(CLIENT_ID, CLIENT_SECRET, life);
    let world = World::of(builder.build());
    configure(&world, &consumer(&world));
    world
}

/// The source for the forge's first workspace, with its consumer.
pub fn consumer(world: &World) -> Value {
    let mut source = world.source();
    source.as_object_mut().unwrap().remove("password");
    source["clientId"] = CLIENT_ID.into();
    source["clientSecret"] = CLIENT_SECRET.into();
    source
}

/// Retries, since what hangs is cut off.
pub fn configure(world: &World, source: &Value) {
    let options = json!({"network": {"retries": 2, "limitWaitMinutes": 0}});
    world.configure_with(std::slice::from_ref(source), &options);
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
