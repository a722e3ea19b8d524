//! Nothing that holds a secret, and nothing that is said about it, can be printed with it.
// A failed step ends the test, and the panic says which one it was.
#![allow(clippy::unwrap_used)]

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use forgekeep_config::ConfigError;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_hoster::SourceSpec;
use forgekeep_http::{Authorization, Client, CredentialScope, HttpClient, Request, Settings};
use forgekeep_untrusted::{Redactor, Secret};
use url::Url;

const TOKEN: &str = "ATATT3xFfGF0-h1dd3n=4711";
const USER: &str = "dev@example.com";

#[track_caller]
fn assert_silent(shown: &str) {
    let pair = format!("{USER}:{TOKEN}");
    let encoded = [STANDARD.encode(TOKEN), URL_SAFE.encode(TOKEN)];
    let pairs = [STANDARD.encode(&pair), URL_SAFE.encode(&pair)];
    let plain = [TOKEN.to_owned(), TOKEN.replace('=', "%3D")];
    for form in plain.iter().chain(&encoded).chain(&pairs) {
        let form = form.trim_end_matches('=');
        assert!(!shown.contains(form), "{form} is shown:\n{shown}");
    }
}

/// Both forms of `Debug`.
#[track_caller]
fn assert_silent_debug(value: &impl Debug) {
    assert_silent(&format!("{value:?}"));
    assert_silent(&format!("{value:#?}"));
}

fn environment(name: &str) -> Option<String> {
    (name == "TOKEN").then(|| TOKEN.to_owned())
}

fn authorizations() -> [Authorization; 2] {
    let secret = Secret::new(TOKEN);
    let basic = Authorization::Basic {
        user: USER.to_owned(),
        secret: secret.clone(),
    };
    [basic, Authorization::Bearer(secret)]
}

fn request(authorization: Authorization, url: &str) -> Request {
    let url = Url::parse(url).unwrap();
    let scope = CredentialScope::new(url.clone(), true, &[], false);
    Request::get(url, authorization, Arc::new(scope))
}

#[test]
fn what_holds_a_secret_does_not_show_it() {
    let secret = Secret::new(TOKEN);
    assert_silent(&format!("{secret} {secret:>40}"));
    assert_silent_debug(&secret);
    assert_silent_debug(&Redactor::new(&[&secret]));
    for authorization in authorizations() {
        assert_silent_debug(&authorization);
        assert_silent_debug(&request(authorization, "https://forge.example/x"));
    }
    let spec = SourceSpec {
        title: "acme".to_owned(),
        name: "acme".to_owned(),
        kind: "org".to_owned(),
        auth_name: USER.to_owned(),
        api_auth_name: USER.to_owned(),
        secrets: [("password".to_owned(), secret)].into(),
        api_url: "https://forge.example".to_owned(),
        ..SourceSpec::default()
    };
    assert_silent_debug(&spec);
    // What is no secret is shown: debug output is of use.
    assert!(format!("{spec:?}").contains(USER));
}

#[test]
fn a_configuration_does_not_show_its_passwords() {
    for password in [TOKEN, "%TOKEN%"] {
        let text = format!(
            "localFolder: /backup\nsources:\n  - title: acme\n    hoster: bitbucket\n    \
             name: acme\n    apiAuthName: {USER}\n    password: '{password}'\n"
        );
        let config =
            forgekeep_config::parse(&text, Path::new("settings.yml"), &environment).unwrap();
        let held = config.sources[0].password.as_ref().unwrap();
        assert_eq!(held.expose(), TOKEN);
        assert_silent_debug(&config);
        let masked = forgekeep_config::masked_copy(&text, Path::new("settings.yml")).unwrap();
        assert_silent(&masked);
    }
}

#[test]
fn a_configuration_error_does_not_show_what_it_is_about() {
    let source = |lines: &str| {
        format!(
            "localFolder: /backup\nsources:\n  - title: acme\n    hoster: bitbucket\n    \
             name: acme\n{lines}"
        )
    };
    let broken = [
        // A list, a map, a double: where text belongs.
        source(&format!("    password: ['{TOKEN}']\n")),
        source(&format!("    password: {{'{TOKEN}': 1}}\n")),
        source(&format!(
            "    password: '{TOKEN}'\n    password: '{TOKEN}'\n"
        )),
        // Syntax errors right beside it.
        source(&format!("    password: '{TOKEN}\n")),
        source(&format!("    password: {TOKEN}: x\n")),
        // In an address, and beside a variable that is not set.
        source(&format!(
            "    apiUrl: https://{USER}:{TOKEN}@forge.example\n"
        )),
        source(&format!(
            "    apiUrl: 'nonsense {TOKEN}'\n    password: '{TOKEN}'\n"
        )),
        source(&format!("    password: '%UNSET%{TOKEN}'\n")),
        source(&format!("    password: '{TOKEN}'\n    includeRepos: 7\n")),
    ];
    for text in broken {
        let error =
            forgekeep_config::parse(&text, Path::new("settings.yml"), &environment).unwrap_err();
        assert_silent_error(&error);
    }
    let toml = format!("localFolder = \"/backup\"\n[[sources]]\npassword = \"{TOKEN}\n");
    let error =
        forgekeep_config::parse(&toml, Path::new("forgekeep.toml"), &environment).unwrap_err();
    assert_silent_error(&error);
}

#[track_caller]
fn assert_silent_error(error: &ConfigError) {
    assert_silent(&format!("{error} {}", error.message()));
    assert_silent(&format!(
        "{} {} {}",
        error.what(),
        error.why(),
        error.hint()
    ));
    assert_silent_debug(error);
}

#[test]
fn a_failed_request_does_not_show_its_credentials() {
    let second = std::time::Duration::from_secs(1);
    let client = Client::new(&Settings {
        connect: second,
        stall: second,
        connections: 1,
    });
    // Nothing listens there any more.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    drop(listener);
    for authorization in authorizations() {
        let failure = client.send(&request(authorization, &url)).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Network);
        assert_silent_failure(&failure);
    }
    // A line break cannot be sent; the message must not show what it is in.
    let broken = Authorization::Bearer(Secret::new(format!("{TOKEN}\n")));
    let failure = client.send(&request(broken, &url)).unwrap_err();
    assert_eq!(failure.kind, ErrorKind::Config);
    assert_silent_failure(&failure);
}

#[test]
fn a_refused_address_is_shown_without_its_user() {
    let scope = CredentialScope::new(
        Url::parse("https://forge.example").unwrap(),
        true,
        &[],
        false,
    );
    for address in ["http", "https", "ssh"] {
        let url = Url::parse(&format!("{address}://{USER}:{TOKEN}@elsewhere.example/x"));
        let failure = scope.check_credentials(&url.unwrap()).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Policy);
        assert_silent_failure(&failure);
    }
}

#[track_caller]
fn assert_silent_failure(failure: &Failure) {
    assert_silent(&format!("{failure} {} {}", failure.message, failure.hint));
    assert_silent_debug(failure);
    assert_silent(&serde_json::to_string(failure).unwrap());
}
