//! An OAuth consumer: the tokens it is given, and when it asks for another one.

use forgekeep_plugin_sdk::{
    Access, AccessRequest, Concern, Deed, ErrorKind, HosterError, OptionValue, Source, Way,
};
use forgekeep_plugin_testkit::{Opened, Script};
use serde_json::{Value, json};

use crate::support::*;

fn listing() -> Value {
    json!({ "values": [entry(1, "web"), entry(2, "api")] })
}

/// How many tokens were asked for.
fn minted(script: &Script) -> usize {
    urls(script).iter().filter(|url| *url == TOKENS).count()
}

fn ask(number: u32, refused_before: bool) -> AccessRequest {
    AccessRequest {
        id: uuid(number),
        deed: Deed::Fetch,
        refused_before,
        ..AccessRequest::default()
    }
}

fn given(opened: &Opened, what: &AccessRequest) -> (String, bool) {
    let Access { way, expires } = opened.access(what).unwrap();
    match way {
        Way::Http(auth) => (shown(&auth), expires.is_some()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_token_serves_the_api_and_git() {
    let script = granting(&[("minted-1", 7200), ("minted-2", 7200)]).json(FIRST, 200, &listing());
    let opened = open(consumer(), &script);
    assert!(script.requests().is_empty());
    opened.list(None).unwrap();
    for number in 1..100 {
        let (sent, ends) = given(&opened, &ask(number, false));
        assert_eq!(sent, "basic x-token-auth:minted-1");
        assert!(ends);
    }
    let export = AccessRequest {
        deed: Deed::Export,
        ..ask(1, false)
    };
    assert_eq!(given(&opened, &export).0, "bearer minted-1");
    assert_eq!(urls(&script), [TOKENS, FIRST]);
    let requests = script.requests();
    let token = &requests[0];
    assert_eq!(token.method, "POST");
    assert_eq!(token.body, b"grant_type=client_credentials");
    assert!(token.idempotent);
    assert_eq!(
        shown(&token.auth),
        format!("basic {CLIENT_ID}:{CLIENT_SECRET}")
    );
    assert_eq!(shown(&requests[1].auth), "bearer minted-1");
    // Told before it is sent, so that nothing can show it.
    assert_eq!(script.secrets()[0].expose(), "minted-1");
}

#[test]
fn a_token_that_is_refused_is_replaced_once_for_all() {
    let script = granting(&[("minted-1", 7200), ("minted-2", 7200), ("minted-3", 7200)]);
    let opened = open(consumer(), &script);
    for number in 1..=3 {
        assert_eq!(
            given(&opened, &ask(number, false)).0,
            "basic x-token-auth:minted-1"
        );
    }
    // The second and third were refused with the old one, too.
    for number in 1..=3 {
        assert_eq!(
            given(&opened, &ask(number, true)).0,
            "basic x-token-auth:minted-2"
        );
    }
    // One that is refused right after is refused for something else.
    for number in 1..=3 {
        assert_eq!(
            given(&opened, &ask(number, true)).0,
            "basic x-token-auth:minted-2"
        );
    }
    assert_eq!(minted(&script), 2);
}

#[test]
fn a_refusal_by_the_api_in_mid_listing_is_asked_again_with_another_token() {
    let next = format!("{API}/2.0/repositories/acme?ctx=2");
    let script = granting(&[("minted-1", 7200), ("minted-2", 7200)])
        .json(
            FIRST,
            200,
            &json!({ "values": [entry(1, "web")], "next": next }),
        )
        .json(&next, 401, &refusal())
        .json(&next, 200, &json!({ "values": [entry(2, "api")] }));
    let (pages, error) = open(consumer(), &script).all();
    assert_eq!(error, None);
    assert_eq!(names(&pages), ["acme/web", "acme/api"]);
    assert_eq!(urls(&script), [TOKENS, FIRST, &next, TOKENS, &next]);
    assert_eq!(shown(&script.requests()[4].auth), "bearer minted-2");
}

#[test]
fn a_new_token_that_is_refused_too_is_refused() {
    let script = granting(&[("minted-1", 7200), ("minted-2", 7200)]).json(FIRST, 401, &refusal());
    let opened = open(consumer(), &script);
    let error = opened.list(None).unwrap_err();
    assert_eq!(
        (error.kind, error.concerns),
        (ErrorKind::Credentials, Concern::Source)
    );
    assert!(error.message.contains("OAuth consumer"), "{error}");
    assert!(error.hint.contains("OAuth consumers"), "{}", error.hint);
    assert_eq!(urls(&script), [TOKENS, FIRST, TOKENS, FIRST]);
    // However often: no loop.
    opened.list(None).unwrap_err();
    assert_eq!(minted(&script), 2);
}

#[test]
fn a_token_that_ends_is_renewed_before_it_does() {
    // Of a life of a second, the tenth that is left is soon there.
    let script = granting(&[("minted-1", 1), ("minted-2", 7200)]);
    let opened = open(consumer(), &script);
    assert_eq!(
        given(&opened, &ask(1, false)).0,
        "basic x-token-auth:minted-1"
    );
    let mut tries = 0;
    while given(&opened, &ask(2, false)).0 != "basic x-token-auth:minted-2" {
        tries += 1;
        assert!(tries < 10_000);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(minted(&script), 2);
}

#[test]
fn a_renewal_that_fails_leaves_the_token_that_lives() {
    let script = granting(&[("minted-1", 20)]).on(
        "POST",
        TOKENS,
        Err(HosterError::new(ErrorKind::Network, "reset")),
    );
    let opened = open(consumer(), &script);
    for _ in 0..20 {
        assert_eq!(
            given(&opened, &ask(1, false)).0,
            "basic x-token-auth:minted-1"
        );
    }
}

#[test]
fn a_life_that_is_not_told_is_endless_until_a_refusal() {
    for body in [
        json!({ "access_token": "minted" }),
        json!({ "access_token": "minted", "expires_in": 0 }),
        json!({ "access_token": "minted", "expires_in": -5 }),
        json!({ "access_token": "minted", "expires_in": "soon" }),
        json!({ "access_token": "minted", "expires_in": u64::MAX }),
    ] {
        let script = Script::new().on("POST", TOKENS, Ok(answered(200, &body)));
        let opened = open(consumer(), &script);
        for number in 1..=3 {
            let (sent, ends) = given(&opened, &ask(number, false));
            assert_eq!(
                (sent.as_str(), ends),
                ("basic x-token-auth:minted", false),
                "{body}"
            );
        }
        assert_eq!(minted(&script), 1, "{body}");
    }
    let text = json!({ "access_token": "minted", "expires_in": "7200" });
    let script = Script::new().on("POST", TOKENS, Ok(answered(200, &text)));
    assert!(given(&open(consumer(), &script), &ask(1, false)).1);
}

fn refused(status: u16, body: &Value) -> HosterError {
    let script = Script::new().on("POST", TOKENS, Ok(answered(status, body)));
    let opened = open(consumer(), &script);
    let error = opened.list(None).unwrap_err();
    assert_eq!(opened.access(&ask(1, false)).unwrap_err(), error);
    // Refused credentials are not tried on.
    let asked = if error.kind == ErrorKind::Credentials {
        1
    } else {
        2
    };
    assert_eq!(minted(&script), asked);
    error
}

#[test]
fn a_wrong_consumer_is_refused() {
    for (status, word) in [
        (400, "unauthorized_client"),
        (400, "invalid_client"),
        (401, "invalid_client"),
    ] {
        let said =
            json!({ "error": word, "error_description": "Invalid OAuth client credentials" });
        let error = refused(status, &said);
        assert_eq!(error.kind, ErrorKind::Credentials);
        assert_eq!(error.concerns, Concern::Source);
        assert_eq!(error.status, Some(status));
        assert!(error.permanent);
        assert!(error.message.contains(word), "{error}");
        assert!(error.hint.contains("private consumer"), "{}", error.hint);
        assert!(!format!("{error:?}").contains(CLIENT_SECRET));
    }
}

#[test]
fn other_answers_to_a_consumer_are_what_they_are() {
    for (status, body, kind) in [
        (400, json!({ "error": "invalid_request" }), ErrorKind::Other),
        (400, json!("?"), ErrorKind::Other),
        (401, json!("?"), ErrorKind::Credentials),
        (
            403,
            json!({ "error": { "message": "whitelist your IP" } }),
            ErrorKind::Forbidden,
        ),
        (404, json!({}), ErrorKind::Other),
        (429, json!({}), ErrorKind::RateLimited),
        (503, json!({}), ErrorKind::Unavailable),
        (200, json!({}), ErrorKind::BadAnswer),
        (200, json!({ "access_token": " " }), ErrorKind::BadAnswer),
        (
            200,
            json!({ "access_token": 7, "secret": "hush-hush-1" }),
            ErrorKind::BadAnswer,
        ),
    ] {
        let error = refused(status, &body);
        assert_eq!(error.kind, kind, "{status} {body}: {error}");
        assert!(!error.hint.is_empty());
        assert!(!error.message.contains("hush"), "{error}");
    }
}

#[test]
fn tokens_are_made_where_the_configuration_says() {
    let with = |api_url: &str, oauth_url: Option<&str>| {
        let mut source: Source = consumer();
        source.api_url = api_url.into();
        if let Some(url) = oauth_url {
            let url = OptionValue::Text(url.into());
            source.options.insert("oauthUrl".into(), url);
        }
        let script = Script::new();
        open(source, &script).list(None).unwrap_err();
        urls(&script)
    };
    assert_eq!(with(API, None), [TOKENS]);
    assert_eq!(with("https://api.bitbucket.org/2.0", None), [TOKENS]);
    assert_eq!(
        with("http://127.0.0.1:8080/2.0", None),
        ["http://127.0.0.1:8080/site/oauth2/access_token"]
    );
    assert_eq!(
        with(API, Some("https://auth.example.com/oauth/token")),
        ["https://auth.example.com/oauth/token"]
    );
}

#[test]
fn an_answer_from_elsewhere_is_no_token() {
    let mut answer = answered(200, &json!({ "access_token": "trap" }));
    answer.url = "https://evil.example/token".into();
    let script = Script::new().on("POST", TOKENS, Ok(answer));
    let error = open(consumer(), &script).list(None).unwrap_err();
    assert_eq!(error.kind, ErrorKind::BadAnswer);
    assert_eq!(urls(&script), [TOKENS]);
}
