//! What is judged without a network, and what git gets.

use forgekeep_hoster_github::Plugin;
use forgekeep_plugin_sdk::{Access, AccessRequest, Auth, FileContent, OptionValue, Secret, Source};
use forgekeep_plugin_testkit::{Script, Testee};

use crate::support::*;

const PKCS1: &str = include_str!("../../../../tests/hosters/src/github/app.pem");

fn errors(source: &Source) -> String {
    let findings = Testee::of::<Plugin>().validate(source).unwrap();
    let lines = findings.iter().map(|finding| {
        format!(
            "{:?} {}: {}\n",
            finding.severity, finding.key, finding.message
        )
    });
    lines.collect()
}

fn app(name: &str, pem: &str) -> Source {
    let mut source = anonymous(name);
    let id = OptionValue::Text("4711".into());
    source.options.insert("appId".into(), id);
    let pem = FileContent::new(pem.as_bytes());
    source.files.insert("privateKeyFile".into(), pem);
    source
}

#[test]
fn good_sources_are_silent() {
    for good in [
        source("acme"),
        source("*"),
        source("some_user-2"),
        app("acme", PKCS1),
        app("*", PKCS1),
        // As some paste it into one line.
        app("acme", &PKCS1.replace('\n', "\\n")),
    ] {
        assert_eq!(errors(&good), "", "{}", good.name);
    }
    for api in [
        "https://api.github.com/",
        "https://api.acme.ghe.com",
        "https://github.acme.example/api/v3",
        "https://acme.example/ghe/api/v3/",
    ] {
        let good = Source {
            api_url: api.into(),
            ..source("acme")
        };
        assert_eq!(errors(&good), "", "{api}");
    }
}

#[test]
fn what_cannot_work_is_told_by_its_key() {
    let with = |mut source: Source, change: &dyn Fn(&mut Source)| {
        change(&mut source);
        errors(&source)
    };
    let flag = |key: &'static str| {
        move |source: &mut Source| {
            source.options.insert(key.into(), OptionValue::Flag(true));
        }
    };
    for api in [
        "https://github.com",
        "https://acme.ghe.com",
        "https://api.github.com/graphql",
        "x",
    ] {
        let said = with(source("acme"), &|source| source.api_url = api.into());
        assert!(said.contains("Error apiUrl: "), "{api}: {said}");
    }
    let said = with(app("acme", PKCS1), &|source| {
        source.files.clear();
    });
    assert!(said.contains("Error appId: "), "{said}");
    let said = with(app("acme", PKCS1), &|source| {
        source.secrets.insert("password".into(), Secret::new(TOKEN));
    });
    assert!(said.contains("Error password: "), "{said}");
    let said = with(app("acme", PKCS1), &|source| {
        let ids = OptionValue::List(vec!["1".into()]);
        source.options.insert("installationId".into(), ids);
    });
    assert!(said.contains("Error installationId: "), "{said}");
    let said = with(app("acme", PKCS1), &flag("includeGists"));
    assert!(said.contains("Error includeGists: "), "{said}");
    let said = with(anonymous("dev"), &flag("includeStarred"));
    assert!(said.contains("Error includeStarred: "), "{said}");
    for (pem, why) in [
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "OpenSSH"),
        ("-----BEGIN ENCRYPTED PRIVATE KEY-----", "passphrase"),
        ("ghp_0123", "no RSA private key"),
    ] {
        let said = errors(&app("acme", pem));
        assert!(
            said.contains("Error privateKeyFile: ") && said.contains(why),
            "{said}"
        );
    }
    let said = errors(&anonymous("acme"));
    assert!(said.contains("Warning password: no credentials"), "{said}");
}

#[test]
fn git_gets_the_token_with_a_name_that_says_nothing() {
    let opened = open(&source("acme"), &Script::new());
    let access = opened.access(&AccessRequest::default()).unwrap();
    let auth = Auth::basic("x-access-token", &Secret::new(TOKEN));
    assert_eq!(access, Access::http(auth));
    let opened = open(&anonymous("acme"), &Script::new());
    let access = opened.access(&AccessRequest::default()).unwrap();
    assert_eq!(access, Access::default());
}
