use forgekeep_hoster_bitbucket::Bitbucket;
use forgekeep_plugin_sdk::{Finding, Source};
use forgekeep_plugin_testkit::{Script, Testee};

use crate::support::*;

pub fn findings(source: &Source) -> Vec<Finding> {
    Testee::of::<Bitbucket>().validate(source).unwrap()
}

fn written(source: &Source) -> String {
    findings(source)
        .iter()
        .map(|f| {
            format!(
                "{:?} {}: {}\n  -> {}\n",
                f.severity, f.key, f.message, f.hint
            )
        })
        .collect()
}

#[test]
fn sound_sources_cause_no_finding() {
    for sound in [
        good(),
        source("", "dev@example.com", API_TOKEN),
        source("", "", ACCESS_TOKEN),
        source("devuser", "dev@example.com", ACCESS_TOKEN),
    ] {
        assert_eq!(written(&sound), "");
    }
}

#[test]
fn the_kind_of_source_makes_no_difference() {
    for kind in ["user", "org", "", "team", "☃"] {
        let mut source = good();
        source.kind = kind.into();
        assert_eq!(written(&source), "");
    }
}

#[test]
fn names() {
    let mut said = String::new();
    for name in [
        "",
        "  ",
        "acme/web",
        "https://bitbucket.org/acme",
        "a\u{1b}[2Jb",
        "Acme",
    ] {
        let mut source = good();
        source.name = name.into();
        said += &written(&source);
    }
    insta::assert_snapshot!(said, @r"
        Error name: name is missing: the id of the workspace to back up
          -> the id is the part after https://bitbucket.org/ in the address of any of the workspace's repositories
        Error name: name is missing: the id of the workspace to back up
          -> the id is the part after https://bitbucket.org/ in the address of any of the workspace's repositories
        Error name: name `acme/web` is not the id of a workspace: lower-case letters, digits, `-` and `_`, or a {uuid} in braces
          -> the id is the part after https://bitbucket.org/ in the address of any of the workspace's repositories
        Error name: name `https://bitbucket.org/acme` is not the id of a workspace: lower-case letters, digits, `-` and `_`, or a {uuid} in braces
          -> the id is the part after https://bitbucket.org/ in the address of any of the workspace's repositories
        Error name: name `a [2Jb` is not the id of a workspace: lower-case letters, digits, `-` and `_`, or a {uuid} in braces
          -> the id is the part after https://bitbucket.org/ in the address of any of the workspace's repositories
        Warning name: Bitbucket's workspace ids are lower-case: name `Acme` is read as `acme`
          -> write name: acme
        ");
}

#[test]
fn api_urls() {
    let mut said = String::new();
    for api_url in [
        "nonsense",
        "https://bitbucket.org",
        "https://git.example.com/rest/api/1.0",
        "https://api.bitbucket.org/2.0",
        "http://127.0.0.1:8080",
    ] {
        let mut source = good();
        source.api_url = api_url.into();
        said += &written(&source);
    }
    insta::assert_snapshot!(said, @r"
        Error apiUrl: apiUrl `nonsense` is not a URL
          -> leave it out for Bitbucket Cloud
        Error apiUrl: apiUrl `https://bitbucket.org` is Bitbucket's web site, not its API
          -> leave it out, or write https://api.bitbucket.org
        Warning apiUrl: apiUrl `https://git.example.com/rest/api/1.0` looks like Bitbucket Data Center
          -> name a source at Bitbucket Cloud; Data Center has another API, which the hoster bitbucket does not support
        ");
}

#[test]
fn user_names() {
    let mut said = String::new();
    for (auth_name, api_auth_name) in [
        ("dev:user", "dev@example.com"),
        ("devuser", "dev@example.com\n\u{7}x"),
    ] {
        said += &written(&source(auth_name, api_auth_name, API_TOKEN));
    }
    insta::assert_snapshot!(said, @r"
        Error authName: authName holds a colon, which no user name can
          -> write the user name alone; the token belongs in password
        Error apiAuthName: apiAuthName holds a control character
          -> type it again by hand
        ");
}

#[test]
fn api_tokens() {
    insta::assert_snapshot!(written(&source("", "", API_TOKEN)), @r"
        Error apiAuthName: apiAuthName is missing: Bitbucket's API takes an API token only together with the e-mail address of its account
          -> set apiAuthName to the e-mail address of the Atlassian account the token belongs to
        ");
    assert_eq!(
        written(&source("devuser", "", API_TOKEN)),
        written(&source("", "", API_TOKEN))
    );
    insta::assert_snapshot!(written(&source("dev@example.com", "", API_TOKEN)), @r"
        Info authName: authName is an e-mail address: it is used for the API, and x-bitbucket-api-token-auth for git, where the address does not work
          -> rename the key to apiAuthName
        ");
    insta::assert_snapshot!(written(&source("dev@example.com", "dev@example.com", API_TOKEN)), @r"
        Info authName: authName is an e-mail address, with which git does not work: x-bitbucket-api-token-auth is used for git
          -> leave authName out
        ");
    insta::assert_snapshot!(written(&source("devuser", "devuser", API_TOKEN)), @r"
        Warning apiAuthName: apiAuthName `devuser` is not an e-mail address; Bitbucket's API takes an API token only together with the e-mail address of its account
          -> set apiAuthName to the e-mail address of the Atlassian account the token belongs to
        ");
}

#[test]
fn app_passwords_are_told_what_became_of_them() {
    insta::assert_snapshot!(written(&source("devuser", "", APP_PASSWORD)), @r"
        Warning password: password looks like an app password; Bitbucket removed app passwords on 2026-07-28 (CHANGE-3222)
          -> create an API token with scopes (app Bitbucket, scope read:repository:bitbucket) at https://id.atlassian.com/manage-profile/security/api-tokens; set password to it and apiAuthName to the e-mail address of its account
        ");
    assert_eq!(
        written(&source("devuser", "", "abcdefghij0123456789")),
        written(&source("devuser", "", APP_PASSWORD))
    );
}

#[test]
fn missing_and_odd_passwords() {
    insta::assert_snapshot!(written(&source("", "", "")), @r"
        Warning password: no credentials: only public repositories are backed up, private ones are left out
          -> create an API token with scopes (app Bitbucket, scope read:repository:bitbucket) at https://id.atlassian.com/manage-profile/security/api-tokens; set password to it and apiAuthName to the e-mail address of its account
        ");
    insta::assert_snapshot!(written(&source("devuser", "", "")), @r"
        Warning password: a user name, but no password: only public repositories are backed up, private ones are left out
          -> create an API token with scopes (app Bitbucket, scope read:repository:bitbucket) at https://id.atlassian.com/manage-profile/security/api-tokens; set password to it and apiAuthName to the e-mail address of its account
        ");
    insta::assert_snapshot!(written(&source("devuser", "", "hunter2")), @r"
        Info password: password has neither the form of an API token (ATAT…) nor of an access token (ATCT…); it is tried as it is
          -> create an API token with scopes (app Bitbucket, scope read:repository:bitbucket) at https://id.atlassian.com/manage-profile/security/api-tokens; set password to it and apiAuthName to the e-mail address of its account, if it is refused
        ");
    insta::assert_snapshot!(written(&source("", "", " ATCT-t ")), @r"
        Info password: password begins or ends with white space, which is ignored
          ->
        ");
    insta::assert_snapshot!(written(&source("", "", "ATCT-t\nATCT-u")), @r"
        Error password: password holds a control character, such as the end of a line, which no token does
          -> copy the token again, all of it and nothing else
        ");
}

#[test]
fn no_finding_holds_the_secret() {
    for password in [API_TOKEN, ACCESS_TOKEN, APP_PASSWORD, "hunter2", "a\nb"] {
        assert!(!written(&source("", "", password)).contains(password));
    }
}

#[test]
fn a_source_with_an_error_does_not_open() {
    let script = Script::new();
    let opened = Testee::of::<Bitbucket>().open(&source("", "", API_TOKEN), &script);
    let error = opened.unwrap_err();
    assert!(error.message.contains("apiAuthName is missing"), "{error}");
    assert!(!error.hint.is_empty());
    assert!(error.permanent);
}
