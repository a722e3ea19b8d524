//! Where credentials go, and tokens of Entra.

use forgekeep_plugin_sdk::{
    Access, AccessRequest, Auth, ErrorKind, OptionValue, Secret, Source, Way,
};
use forgekeep_plugin_testkit::Script;
use serde_json::{Value, json};

use crate::support::*;

const URL: &str = "https://login.microsoftonline.com/tenant/oauth2/v2.0/token";
const SECRET: &str = "A1b~C2d.E3f_G4h-I5j";

/// A source whose credentials are a service principal's.
pub fn principal() -> Source {
    with(|source| {
        source.secrets = [("clientSecret".to_owned(), Secret::new(SECRET))].into();
        for (key, value) in [("tenantId", "tenant"), ("clientId", "client")] {
            let value = OptionValue::Text(value.into());
            source.options.insert(key.into(), value);
        }
    })
}

fn granted(token: &str) -> Value {
    json!({ "token_type": "Bearer", "expires_in": 3599, "access_token": token })
}

fn shown(auth: &Auth) -> String {
    match auth {
        Auth::None => "none".to_owned(),
        Auth::Basic { user, secret } => format!("basic {user}:{}", secret.expose()),
        Auth::Bearer { secret } => format!("bearer {}", secret.expose()),
        other => panic!("Azure DevOps knows nothing like {other:?}"),
    }
}

fn git(access: Access) -> String {
    match access.way {
        Way::Http(auth) => shown(&auth),
        other => panic!("{other:?}"),
    }
}

#[test]
fn tokens_go_where_they_belong_in_the_form_that_is_taken() {
    let jwt = "eyJ0eXAi.eyJhdWQi.c2ln";
    for (user, password, expected) in [
        ("", "", "none".to_owned()),
        ("", TOKEN, format!("basic pat:{TOKEN}")),
        ("dev", TOKEN, format!("basic dev:{TOKEN}")),
        ("", " 12ab \n", "basic pat:12ab".to_owned()),
        ("dev", jwt, format!("bearer {jwt}")),
    ] {
        let source = with(|source| {
            source.auth_name = user.into();
            source
                .secrets
                .insert("password".into(), Secret::new(password));
        });
        let script = shop(&[]);
        let opened = open(&source, &script);
        opened.list(None).unwrap();
        assert_eq!(shown(&script.requests()[0].auth), expected);
        let access = opened.access(&AccessRequest::default()).unwrap();
        assert_eq!(git(access), expected);
    }
}

#[test]
fn a_principal_gets_one_token_and_shows_it_to_api_and_git() {
    let script = shop(&[]).on(
        "POST",
        URL,
        Ok(answer(200, &[], &granted("first").to_string())),
    );
    let opened = open(&principal(), &script);
    opened.list(None).unwrap();
    let access = opened.access(&AccessRequest::default()).unwrap();
    assert!(access.expires.is_some());
    assert_eq!(git(access), "bearer first");
    let asked = script.requests();
    let minted: Vec<_> = asked.iter().filter(|one| one.url == URL).collect();
    assert_eq!(minted.len(), 1);
    assert_eq!(shown(&minted[0].auth), format!("basic client:{SECRET}"));
    let scope = "499b84ac-1321-427f-aa17-267ca6975798%2F.default";
    let form = format!("grant_type=client_credentials&scope={scope}");
    assert_eq!(String::from_utf8(minted[0].body.to_vec()).unwrap(), form);
    assert_eq!(script.secrets(), [Secret::new("first")]);
    for request in asked.iter().filter(|one| one.url != URL) {
        assert_eq!(shown(&request.auth), "bearer first");
    }
}

#[test]
fn a_token_that_is_refused_is_replaced_once() {
    let page = "<html><title>Sign In</title></html>";
    let script = shop(&[]).on(
        "POST",
        URL,
        Ok(answer(200, &[], &granted("first").to_string())),
    );
    let once = script.before(&page_of(None), Ok(answer(203, &[], page)));
    open(&principal(), &once).list(None).unwrap();
    let mints = |script: &Script| {
        script
            .requests()
            .iter()
            .filter(|one| one.url == URL)
            .count()
    };
    assert_eq!(mints(&once), 2);
    let always = Script::new()
        .on(
            "POST",
            URL,
            Ok(answer(200, &[], &granted("first").to_string())),
        )
        .answer(&page_of(None), Ok(answer(203, &[], page)));
    let error = open(&principal(), &always).list(None).unwrap_err();
    assert_eq!((error.kind, mints(&always)), (ErrorKind::Credentials, 2));
    assert!(error.hint.contains("service principal"), "{}", error.hint);
}

#[test]
fn what_entra_refuses_is_told_and_not_asked_again() {
    let error = r#"{"error":"invalid_client","error_description":"AADSTS7000215: wrong secret"}"#;
    for (status, kind, tries) in [
        (400, ErrorKind::Credentials, 1),
        (401, ErrorKind::Credentials, 1),
        (500, ErrorKind::Unavailable, 2),
    ] {
        let script = shop(&[]).on("POST", URL, Ok(answer(status, &[], error)));
        let opened = open(&principal(), &script);
        for _ in 0..2 {
            let error = opened.list(None).unwrap_err();
            assert_eq!(error.kind, kind, "{status}");
            assert!(error.message.contains("AADSTS7000215"), "{error}");
        }
        assert_eq!(script.requests().len(), tries, "{status}");
    }
    let script = shop(&[]).on("POST", URL, Ok(answer(200, &[], r#"{"secret":"x"}"#)));
    let error = open(&principal(), &script).list(None).unwrap_err();
    assert_eq!(error.kind, ErrorKind::BadAnswer);
    assert!(
        !error.message.contains('x') || !error.message.contains("secret"),
        "{error}"
    );
}
