//! What is written in a source: what is wrong with it, and what becomes of its credentials.

use forgekeep_hoster_gitea::Gitea;
use forgekeep_plugin_sdk::{Access, AccessRequest, Auth, Secret, Severity, Source, Way};
use forgekeep_plugin_testkit::{Script, Testee};
use serde_json::json;

use crate::support::*;

fn findings(source: &Source) -> Vec<(Severity, String, String)> {
    let found = Testee::of::<Gitea>().validate(source).unwrap().into_iter();
    found
        .map(|found| (found.severity, found.key, found.message))
        .collect()
}

fn with(change: impl FnOnce(&mut Source)) -> Source {
    let mut source = source("org", "acme");
    change(&mut source);
    source
}

#[test]
fn sound_sources() {
    for sound in [
        source("org", "acme"),
        source("", "*"),
        source("user", "a.b_c-1"),
        with(|source| source.api_url = "https://codeberg.org".into()),
        with(|source| source.api_url = "https://codeberg.org/api/v1".into()),
        with(|source| source.api_url = "https://git.example/forge/api/v1".into()),
    ] {
        assert_eq!(findings(&sound), []);
    }
}

#[test]
fn flaws_are_told_by_their_key() {
    for (key, flawed) in [
        ("name", with(|source| source.name = " ".into())),
        ("name", with(|source| source.name = "..".into())),
        (
            "name",
            with(|source| source.name = "https://codeberg.org/acme".into()),
        ),
        ("name", with(|source| source.name = "acme/web".into())),
        (
            "apiUrl",
            with(|source| source.api_url = "https://codeberg.org/acme".into()),
        ),
        (
            "apiUrl",
            with(|source| source.api_url = "https://git.example/api/v1/orgs".into()),
        ),
        (
            "apiUrl",
            with(|source| source.api_url = "https://git.example/api/swagger".into()),
        ),
        (
            "apiUrl",
            with(|source| source.api_url = "codeberg.org".into()),
        ),
        ("authName", with(|source| source.auth_name = "a:b".into())),
    ] {
        let found = findings(&flawed);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].0, found[0].1.as_str()), (Severity::Error, key));
    }
    let found = findings(&anonymous("org", "acme"));
    assert_eq!(
        (found[0].0, found[0].1.as_str()),
        (Severity::Warning, "password")
    );
}

/// Credentials in a form to compare.
fn shown(auth: &Auth) -> String {
    match auth {
        Auth::None => "none".to_owned(),
        Auth::Basic { user, secret } => format!("basic {user}:{}", secret.expose()),
        Auth::Scheme { scheme, secret } => format!("{scheme} {}", secret.expose()),
        other => panic!("Gitea knows nothing like {other:?}"),
    }
}

#[test]
fn tokens_and_passwords_go_where_they_belong() {
    let oauth = "aaaa.bbbb.cccc";
    for (auth_name, api_auth_name, password, api, git) in [
        ("", "", "", "none".to_owned(), "none".to_owned()),
        ("dev", "", "", "none".to_owned(), "none".to_owned()),
        (
            "",
            "",
            TOKEN,
            format!("token {TOKEN}"),
            format!("basic oauth2:{TOKEN}"),
        ),
        (
            "dev",
            "",
            TOKEN,
            format!("token {TOKEN}"),
            format!("basic dev:{TOKEN}"),
        ),
        (
            "dev",
            "",
            oauth,
            format!("token {oauth}"),
            format!("basic dev:{oauth}"),
        ),
        (
            "dev",
            "",
            "pass word",
            "basic dev:pass word".into(),
            "basic dev:pass word".into(),
        ),
        (
            "dev",
            "d@x.example",
            "pw",
            "basic d@x.example:pw".into(),
            "basic dev:pw".into(),
        ),
        (
            "",
            "dev",
            "pw",
            "basic dev:pw".into(),
            "basic dev:pw".into(),
        ),
        (
            "",
            "",
            "neither",
            "token neither".into(),
            "basic oauth2:neither".into(),
        ),
        (
            "",
            "",
            " 12ab \n",
            "token 12ab".into(),
            "basic oauth2:12ab".into(),
        ),
    ] {
        let source = with(|source| {
            source.auth_name = auth_name.into();
            source.api_auth_name = api_auth_name.into();
            source
                .secrets
                .insert("password".into(), Secret::new(password));
        });
        let script = server();
        let opened = open(&source, &script);
        let _ = opened.list(None);
        assert_eq!(
            shown(&script.requests()[0].auth),
            api,
            "{auth_name} {password}"
        );
        let Way::Http(auth) = opened.access(&AccessRequest::default()).unwrap().way else {
            panic!("it is by HTTP");
        };
        assert_eq!(shown(&auth), git, "{auth_name} {password}");
    }
}

#[test]
fn only_gogs_gets_a_refused_token_in_place_of_the_user() {
    let again = AccessRequest {
        refused_before: true,
        ..AccessRequest::default()
    };
    let access = |script: &Script| open(&source("org", "acme"), script).access(&again).unwrap();
    let token = Secret::new(TOKEN);
    assert_eq!(
        access(&server()),
        Access::http(Auth::basic("oauth2", &token))
    );
    let gogs = Script::new().json(&at("version"), 404, &json!({}));
    assert_eq!(access(&gogs), Access::http(Auth::basic(TOKEN, &token)));
}

#[test]
fn the_version_is_logged_once() {
    let script = linked(server(), "orgs/acme/repos", &[vec![], vec![]]);
    listed(&source("org", "acme"), &script);
    let lines = script
        .log()
        .into_iter()
        .filter(|(_, line)| line.contains("version of"));
    assert_eq!(lines.count(), 1);
    assert!(
        script
            .log()
            .iter()
            .any(|(_, line)| line.ends_with("9.0.0+gitea-1.22.0"))
    );
}
