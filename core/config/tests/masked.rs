//! The copy of the configuration that is kept beside the backups.

use std::path::Path;

use forgekeep_config::{self as config, ConfigErrorKind};
use proptest::prelude::*;

fn copy(name: &str, text: &str) -> String {
    match config::masked_copy(text, Path::new(name)) {
        Ok(copy) => copy,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn yaml_keeps_its_order_and_loses_its_secrets() {
    let text = "\
# my token is tok-3nSecret
localFolder: '%HOME%/backup'
zebra: 1
sources:
  - title: acme
    hoster: bitbucket
    name: 0x1F
    password: hunter2
    passwrod: s3cr3t-typo
    ignoreRepos: [1.10, a, 'x-hunter2-y']
    apiUrl: https://me:p%40ss@git.example.com/api?x=hunter2
  - title: '007'
    hoster: github
    name: 'true'
    password: '%TOKEN%'
    API_Token: {deep: [987654, tok-3nSecret], none: ~}
    hunter2-key: see ssh://git@example.com and https://tok-3nSecret@example.com
    userPasswrd: 'pre-%TOKEN%-fix'
    note: \"line pre-\\nand tok-3nSecret\"
options:
  backup: {jobs: 8, logRepoFinished: yes}
";
    let copied = copy("settings.yml", text);
    insta::assert_snapshot!(copied, @r"
    # A copy of the configuration without its comments. Secrets are replaced by **masked**: each
    # value under a key that looks like a secret's, unless it is a single %NAME%, wherever it occurs.
    localFolder: '%HOME%/backup'
    zebra: 1
    sources:
    - title: acme
      hoster: bitbucket
      name: '0x1F'
      password: '**masked**'
      passwrod: '**masked**'
      ignoreRepos:
      - '1.10'
      - a
      - x-**masked**-y
      apiUrl: https://me:**masked**@git.example.com/api?x=**masked**
    - title: '007'
      hoster: github
      name: 'true'
      password: '%TOKEN%'
      API_Token:
        deep:
        - '**masked**'
        - '**masked**'
        none: null
      '**masked**-key': see ssh://git@example.com and https://**masked**@example.com
      userPasswrd: '**masked**'
      note: |-
        line **masked**
        and **masked**
    options:
      backup:
        jobs: 8
        logRepoFinished: yes
    ");
    for secret in ["hunter2", "s3cr3t", "p%40ss", "tok-3nSecret", "987654"] {
        assert!(!copied.contains(secret), "{copied}");
    }
    assert_eq!(
        copy("settings.yml", &copied),
        copied,
        "a copy of a copy is the same"
    );
}

#[test]
fn toml_loses_its_secrets() {
    let text = "\
localFolder = 'x'
[options.backup]
jobs = 8
since = 2024-01-01
ratio = 1.10
[[sources]]
title = 'acme' # hunter2
hoster = 'bitbucket'
name = 'acme'
password = 'hunter2'
ignoreRepos = ['hunter2', 'ok']
[[sources]]
title = 'b'
hoster = 'github'
name = 'b'
password = '%TOKEN%'
";
    let copied = copy("forgekeep.toml", text);
    insta::assert_snapshot!(copied, @r#"
    # A copy of the configuration without its comments. Secrets are replaced by **masked**: each
    # value under a key that looks like a secret's, unless it is a single %NAME%, wherever it occurs.
    localFolder = "x"

    [options.backup]
    jobs = 8
    ratio = "1.10"
    since = 2024-01-01

    [[sources]]
    hoster = "bitbucket"
    ignoreRepos = ["**masked**", "ok"]
    name = "acme"
    password = "**masked**"
    title = "acme"

    [[sources]]
    hoster = "github"
    name = "b"
    password = "%TOKEN%"
    title = "b"
    "#);
    assert!(!copied.contains("hunter2"));
    let env = |_: &str| Some("x".to_owned());
    let config = config::parse(&copied, Path::new("copy.toml"), &env).unwrap();
    assert_eq!(config.sources[1].password.as_ref().unwrap().expose(), "x");
}

#[test]
fn keys_that_look_like_a_secret() {
    for key in [
        "password",
        "Password",
        "PASSWORD",
        "passwrod",
        "pasword",
        "passwords",
        "pssword",
        "smtp_passwd",
        "mailPasswort",
        "passphrase",
        "pwd",
        "clientSecret",
        "accessToken",
        "apiKey",
        "api-key",
        "API_KEY",
        "credentials",
        "pass",
        "passwordd",
        "gitPasswrod",
        "pasword2",
    ] {
        let copied = copy("a.yml", &format!("localFolder: x\n{key}: hunter2\n"));
        assert!(!copied.contains("hunter2"), "{key}");
    }
    for key in [
        "title",
        "name",
        "authName",
        "apiAuthName",
        "hoster",
        "apiUrl",
        "ignoreRepos",
        "s3BucketName",
    ] {
        let copied = copy("a.yml", &format!("localFolder: x\n{key}: value7\n"));
        assert!(copied.contains("value7"), "{key}");
    }
}

#[test]
fn users_in_addresses() {
    for (address, kept) in [
        (
            "https://user:hunter2@example.com/x",
            "https://user:**masked**@example.com/x",
        ),
        (
            "https://hunter2@example.com",
            "https://**masked**@example.com",
        ),
        (
            "a https://u:hunter2@b/ c https://d/e@f g",
            "a https://u:**masked**@b/ c https://d/e@f g",
        ),
        (
            "https://u:hun/ter2@example.com",
            "https://u:**masked**@example.com",
        ),
        (
            "https://u:hun@ter2@example.com",
            "https://u:**masked**@example.com",
        ),
        ("ssh://git@example.com", "ssh://git@example.com"),
        (
            "https://u:%TOKEN%@example.com",
            "https://u:%TOKEN%@example.com",
        ),
        (
            "https://example.com:8080/a@b",
            "https://example.com:8080/a@b",
        ),
        ("https://example.com:8080", "https://example.com:8080"),
    ] {
        let copied = copy("a.toml", &format!("localFolder = '{address}'\n"));
        assert!(
            copied.contains(&format!("\"{kept}\"")),
            "{address}: {copied}"
        );
    }
}

#[test]
fn without_understanding_there_is_no_copy() {
    for (name, text) in [
        ("a.yml", "password: 'hunter2"),
        ("a.toml", "password = hunter2"),
        ("a.yml", "password: hunter2\npassword: b"),
    ] {
        let error = config::masked_copy(text, Path::new(name)).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    let error = config::masked_copy("", Path::new("a.txt")).unwrap_err();
    assert_eq!(error.kind(), ConfigErrorKind::UnknownEnding);
    assert_eq!(copy("a.yml", "").lines().last(), Some("null"));
}

/// Texts that YAML reads as something else, or that need quotes.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,12}",
        "[0-9oxe._+-]{0,6}",
        "(yes|no|on|off|null|~|true|False|y|n|\\.inf|<<|=|-|\\?|---|!a|&a|\\*a|@|`|%A%)",
        any::<String>().prop_map(|text| text.replace(|c: char| c.is_control(), "")),
    ]
}

proptest! {
    #[test]
    fn texts_survive(title in text(), name in text(), note in text()) {
        for (ending, source) in [
            ("yml", serde_yaml_text(&title, &name, &note)),
            ("toml", toml_text(&title, &name, &note)),
        ] {
            let path = format!("a.{ending}");
            let env = |_: &str| Some("e".to_owned());
            let copied = copy(&path, &source);
            let shown = |text: &str| match config::parse(text, Path::new(&path), &env) {
                Ok(config) => format!("{:?} {:?}", config.local_folder, config.sources),
                Err(error) => format!("{:?} {:?}", error.kind(), error.key()),
            };
            if !title.contains("://") && !name.contains("://") && !note.contains("://") {
                prop_assert_eq!(shown(&source), shown(&copied), "{}", copied);
            }
        }
    }

    #[test]
    fn no_secret_survives(secret in "[a-zA-Z0-9 :/@'\"#%{}*!&.-]{6,20}", around in text()) {
        // The header and the keys are fixed texts; a password out of them tells nothing.
        let fixed = copy("a.yml", &serde_yaml_text("", "", ""));
        prop_assume!(!fixed.contains(&secret) && secret.trim().len() > 3);
        let lone = secret.starts_with('%') && secret.ends_with('%') && !secret.contains(' ');
        prop_assume!(!lone);
        let value = format!("{around}{secret}{around}");
        let yaml = format!("{}password: {}\n", serde_yaml_text(&value, &around, &secret), quoted(&secret));
        let copied = copy("a.yml", &yaml);
        prop_assert!(!copied.contains(&secret) && !copied.contains(quoted(&secret).trim_matches('"')), "{}", copied);
    }
}

fn serde_yaml_text(title: &str, name: &str, note: &str) -> String {
    format!(
        "localFolder: x\nnote: {}\nsources:\n- title: {}\n  hoster: h\n  name: {}\n  includeRepos: [{}]\n",
        quoted(note),
        quoted(title),
        quoted(name),
        quoted(note)
    )
}

fn toml_text(title: &str, name: &str, note: &str) -> String {
    format!(
        "localFolder = 'x'\nnote = {0}\n[[sources]]\ntitle = {1}\nhoster = 'h'\nname = {2}\nincludeRepos = [{0}]\n",
        quoted(note),
        quoted(title),
        quoted(name)
    )
}

/// In double quotes, as both syntaxes read them.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            _ => out.push_str(&format!("\\U{:08X}", u32::from(c))),
        }
    }
    out.push('"');
    out
}
