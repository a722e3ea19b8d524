//! Plugin and fake, held to Atlassian's own description of Bitbucket Cloud's API.
//!
//! The real binary runs with the real plugin against the fake; then each request that was made has
//! to be in the document, with its method, path and parameters, and each answer has to have the form
//! that the document gives it. So neither the plugin nor the fake that all other tests rely on can
//! drift away from Bitbucket without a failure here. Where the document itself is known to be wrong
//! stands in `truth`.

mod caught;
mod document;
pub(crate) mod fake;
mod schemas;
mod truth;

use std::collections::BTreeSet;
use std::fs;

use forgekeep_tests::{Account, Action, Exchange, Fault, Forge, RequestKind, scope};
use serde_json::{Value, json};

use crate::support::{EMAIL, USER, World};
use document::{Document, as_published};
use fake::{access_token, all_answers, api_token, basic, furnish, send};
use truth::{UNDOCUMENTED, corrections};

/// Panics unless everything that was asked, and everything that was answered, is in the document.
/// The paths that were asked for.
#[track_caller]
fn assert_documented(forge: &Forge) -> BTreeSet<String> {
    let document = Document::new();
    let exchanges = forge.exchanges();
    let wrong: Vec<_> = exchanges
        .iter()
        .filter_map(|exchange| document.wrong(exchange).err())
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert_eq!(exchanges.len(), forge.count(RequestKind::Api));
    for request in forge.requests() {
        // Tokens of OAuth are given by another host than the API, in RFC 6749's form.
        let is_token_address = request.method == "POST" && request.target == token_address();
        assert!(
            request.kind != RequestKind::Other || is_token_address,
            "{request:#?}"
        );
    }
    let paths = exchanges
        .iter()
        .map(|exchange| path_of(&document, exchange));
    paths.map(str::to_owned).collect()
}

fn path_of<'d>(document: &'d Document, exchange: &Exchange) -> &'d str {
    let request = &exchange.request;
    document.path(&request.method, &request.target).unwrap()
}

/// The path of the address that gives tokens to an OAuth consumer.
fn token_address() -> String {
    let document = as_published();
    let flows = &document["components"]["securitySchemes"]["oauth2"]["flows"];
    let address = flows["authorizationCode"]["tokenUrl"].as_str().unwrap();
    address
        .strip_prefix("https://bitbucket.org")
        .unwrap()
        .to_owned()
}

/// Lists, checks and backs up.
fn run(world: &World) {
    for command in ["list", "check", "backup"] {
        let run = world.forgekeep(&[command]).run();
        assert!(run.code.is_some(), "{run:#?}");
    }
}

#[test]
fn what_the_plugin_asks_and_gets_is_in_the_document_with_every_kind_of_credential() {
    let mut paths = BTreeSet::new();
    for account in [
        Some(api_token().member_of("acme")),
        Some(access_token()),
        None,
    ] {
        let mut forge = Forge::builder();
        if let Some(account) = account {
            forge = forge.account(account);
        }
        let world = World::of(forge.build());
        furnish(&world.forge);
        run(&world);
        paths.extend(assert_documented(&world.forge));
    }
    for path in ["/repositories/{workspace}", "/user"] {
        assert!(paths.contains(path), "not asked: {path}");
    }
}

#[test]
fn what_is_asked_for_all_workspaces_and_as_a_consumer_is_in_the_document() {
    let forge = Forge::builder().workspace("acme").workspace("beta");
    let forge = forge.account(api_token());
    let forge = forge.oauth_consumer("abcDEF123", "s3cret-of-a-consumer", None);
    let world = World::of(forge.build());
    furnish(&world.forge);
    world
        .forge
        .repository_in("beta", "theirs")
        .private()
        .commit("one");
    world.configure(&[world.source_with("name", "*")]);
    run(&world);
    assert_documented(&world.forge);
    world.forge.reset_log();
    world.configure(&[json!({
        "title": "acme", "hoster": "bitbucket", "name": "acme", "apiUrl": world.forge.api_url(),
        "clientId": "abcDEF123", "clientSecret": "s3cret-of-a-consumer",
    })]);
    run(&world);
    world.backup().expect(0);
    assert_documented(&world.forge);
}

#[test]
fn the_pages_of_a_long_listing_are_in_the_document() {
    for has_cursors in [false, true] {
        let forge = Forge::builder().account(api_token());
        let world = World::of(match has_cursors {
            false => forge.build(),
            true => forge.opaque_cursors().build(),
        });
        let empty = world.forge.repository("empty");
        world.forge.copies(empty, "copy", 210);
        world.forgekeep(&["list"]).run().expect(0);
        assert_documented(&world.forge);
        let pages = world.forge.exchanges().into_iter();
        let pages = pages.filter(|page| page.request.target.contains("/repositories/acme?"));
        assert_eq!(pages.count(), 3);
    }
}

#[test]
fn a_repository_that_is_gone_is_asked_for_as_the_document_says() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let api = world.forge.repository("api").commit("one");
    let backup = json!({"removeDeletedRepos": true, "deletedGraceDays": 30});
    world.configure_with(&[world.source()], &json!({"backup": backup}));
    world.backup().expect(0);
    api.delete();
    world.backup().expect(0);
    // As if it had been missed on many days.
    let file = world.folder("api").join("forgekeep.json");
    let mut state: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    state["created"] = "2024-01-01T00:00:00Z".into();
    state["gone"] = "2024-01-02T00:00:00Z".into();
    state["missing"]["runs"] = 30.into();
    state["missing"]["days"] = 30.into();
    state["format"] = 1.into();
    state.as_object_mut().unwrap().remove("checksum");
    fs::write(&file, state.to_string()).unwrap();
    world.forge.reset_log();
    world.backup().expect(0);
    let paths = assert_documented(&world.forge);
    let one = "/repositories/{workspace}/{repo_slug}";
    assert!(paths.contains(one), "{paths:?}");
}

#[test]
fn refusals_have_the_form_of_the_document() {
    let mut password = Account::api_token(EMAIL, USER, "ATBBold-app-password");
    password.kind = forgekeep_demo_hoster::CredentialKind::AppPassword;
    for (account, key, value) in [
        (api_token(), "password", "ATATTwrong-token"),
        (api_token(), "name", "nowhere"),
        (api_token().with_scopes(&[scope::USER]), "type", "org"),
        (api_token().with_scopes(&[scope::REPOSITORY]), "type", "org"),
        (api_token().member_of("other"), "type", "org"),
        (password, "authName", USER),
    ] {
        let forge = Forge::builder().workspace("acme").workspace("other");
        let world = World::of(forge.account(account).build());
        furnish(&world.forge);
        world.configure(&[world.source_with(key, value)]);
        run(&world);
        assert_documented(&world.forge);
    }
}

#[test]
fn a_limit_is_told_in_text() {
    let world = World::new();
    let action = Action::Respond {
        status: 429,
        headers: vec![("Content-Type".to_owned(), "text/plain".to_owned())],
        body: "Rate limit for this resource has been exceeded".into(),
    };
    world.forge.inject(Fault::on(RequestKind::Api, action));
    let run = world.backup().expect(3);
    let said = "Rate limit for this resource has been exceeded";
    assert!(run.stderr.contains(said), "{}", run.stderr);
    assert_documented(&world.forge);
}

#[test]
fn every_answer_of_the_fake_is_in_the_document() {
    let forge = all_answers();
    let asked = assert_documented(&forge);
    let published = as_published();
    let known: BTreeSet<String> = published["paths"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    assert_eq!(asked, known);
    let document = Document::new();
    let exchanges = forge.exchanges().into_iter();
    let good = exchanges.filter(|exchange| matches!(exchange.answer.status, 200 | 204));
    let good: BTreeSet<String> = good
        .map(|exchange| {
            let path = path_of(&document, &exchange).to_owned();
            format!("{} {path}", exchange.request.method)
        })
        .collect();
    let methods = published["paths"].as_object().unwrap().iter();
    let methods = methods.flat_map(|(path, operations)| {
        let names = operations.as_object().unwrap().keys();
        let names = names.filter(|name| *name != "parameters");
        names.map(move |name| format!("{} {path}", name.to_uppercase()))
    });
    let methods: BTreeSet<String> = methods.collect();
    assert_eq!(good, methods, "some never do what they are asked for");
}

#[test]
fn the_fake_wants_the_scopes_of_the_document() {
    let all = [
        scope::REPOSITORY,
        scope::USER,
        scope::WORKSPACE,
        scope::WRITE,
        scope::ADMIN,
        scope::DELETE,
        scope::PROJECT,
    ];
    let (one, two) = ("/2.0/repositories/acme/web", "/2.0/repositories/acme/two");
    let (of_one, projects) = (
        "/repositories/{workspace}/{repo_slug}",
        "/workspaces/{workspace}/projects",
    );
    let document = Document::new();
    for (method, path, target) in [
        ("GET", "/repositories/{workspace}", "/2.0/repositories/acme"),
        ("GET", of_one, one),
        ("POST", of_one, two),
        ("PUT", of_one, one),
        ("DELETE", of_one, one),
        (
            "PUT",
            &format!("{of_one}/pipelines_config"),
            &format!("{one}/pipelines_config"),
        ),
        ("GET", "/user", "/2.0/user"),
        ("GET", "/user/workspaces", "/2.0/user/workspaces"),
        ("GET", "/workspaces/{workspace}", "/2.0/workspaces/acme"),
        (
            "GET",
            &format!("{projects}/{{project_key}}"),
            "/2.0/workspaces/acme/projects/PROJ",
        ),
    ] {
        let scope = document.scope(method, path);
        let others: Vec<&str> = all.into_iter().filter(|other| *other != scope).collect();
        assert_eq!(others.len(), all.len() - 1, "{path}: {scope}");
        for (scopes, is_enough) in [(vec![scope], true), (others, false)] {
            let account = api_token().with_scopes(&scopes);
            let header = basic(&account);
            let forge = Forge::builder().account(account).build();
            forge.repository("web");
            let (status, _) = send(&forge, method, target, &header, &json!({"enabled": true}));
            let expected: &[u16] = if is_enough { &[200, 204] } else { &[403] };
            assert!(
                expected.contains(&status),
                "{method} {path}: {status} with {scopes:?}"
            );
        }
    }
}

/// What is wrong with the answers, judged without something that [`truth`] has.
fn count_wrong(exchanges: &[Exchange], document: &Document) -> usize {
    let wrong = exchanges
        .iter()
        .filter(|exchange| document.wrong(exchange).is_err());
    wrong.count()
}

#[test]
fn each_correction_of_the_document_is_needed() {
    let exchanges = all_answers().exchanges();
    assert_eq!(count_wrong(&exchanges, &Document::new()), 0);
    for left_out in 0..corrections().len() {
        let mut others = corrections();
        let at = others.remove(left_out).at;
        let wrong = count_wrong(&exchanges, &Document::with(&others));
        assert!(wrong > 0, "no answer needs the correction of {at}");
    }
}

#[test]
fn each_answer_beside_the_document_happens_and_none_is_documented() {
    let exchanges = all_answers().exchanges();
    let (published, document) = (as_published(), Document::new());
    for exception in UNDOCUMENTED {
        let Some(path) = exception.path else {
            // A limit: `a_limit_is_told_in_text`.
            assert_eq!(exception.status, 429);
            continue;
        };
        let status = exception.status.to_string();
        let method = exception.method;
        let responses = &published["paths"][path][method.to_lowercase()]["responses"];
        assert_eq!(responses.get(&status), None, "{method} {path} {status}");
        let happens = exchanges.iter().any(|exchange| {
            exception.is(&exchange.request.method, path, exchange.answer.status)
                && path_of(&document, exchange) == path
        });
        assert!(
            happens,
            "the fake never answers {status} to {method} {path}"
        );
    }
}
