use forgekeep_hoster_bitbucket::Bitbucket;
use forgekeep_plugin_sdk::{Finding, OptionValue, Source};
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
        consumer(),
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
    // Something was forgotten, and a backup of what is public is not what was meant.
    insta::assert_snapshot!(written(&source("devuser", "", "")), @r"
        Error password: a user name, but neither password nor clientSecret: only public repositories would be backed up
          -> create an API token with scopes (app Bitbucket, scope read:repository:bitbucket) at https://id.atlassian.com/manage-profile/security/api-tokens; set password to it and apiAuthName to the e-mail address of its account; or remove authName and apiAuthName to back up public repositories only
        ");
    for forgotten in [
        source("", "dev@example.com", ""),
        source("devuser", "", " \n"),
    ] {
        assert!(written(&forgotten).contains("Error password: a user name, but neither"));
    }
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
          -> copy it again, all of it and nothing else
        ");
}

#[test]
fn names_that_nobody_uses_are_only_noted() {
    insta::assert_snapshot!(written(&source("devuser", "dev@example.com", ACCESS_TOKEN)), @r"
    Info authName: authName is not used with an access token
      -> leave it out
    Info apiAuthName: apiAuthName is not used with an access token
      -> leave it out
    ");
    let mut named = consumer();
    named.auth_name = "devuser".into();
    insta::assert_snapshot!(written(&named), @r"
    Info authName: authName is not used with an OAuth consumer
      -> leave it out
    ");
}

/// The consumer with some keys more, and others less.
fn changed(change: fn(&mut Source)) -> Source {
    let mut source = consumer();
    change(&mut source);
    source
}

fn text(source: &mut Source, key: &str, value: &str) {
    let value = OptionValue::Text(value.into());
    source.options.insert(key.into(), value);
}

#[test]
fn a_contradiction_is_explained() {
    let said: String = [
        changed(|source| source.secrets.extend(good().secrets)),
        changed(|source| source.secrets = good().secrets),
        changed(|source| source.secrets.clear()),
        changed(|source| source.options.clear()),
        changed(|source| {
            source
                .secrets
                .insert("clientSecret".into(), API_TOKEN.into());
        }),
        changed(|source| {
            source.secrets.insert("clientSecret".into(), "a\nb".into());
        }),
        changed(|source| text(source, "oauthUrl", "nonsense")),
        {
            let mut source = source("", "", ACCESS_TOKEN);
            text(&mut source, "oauthUrl", "https://auth.example.com");
            source
        },
    ]
    .iter()
    .map(written)
    .collect();
    insta::assert_snapshot!(said, @r"
    Error clientSecret: both password and clientSecret are set: the one is a token's, the other an OAuth consumer's
      -> remove password to use the consumer, or clientId and clientSecret to use the token
    Error clientSecret: clientId is an OAuth consumer's, but its secret is missing, and password is set instead
      -> set clientSecret to the consumer's secret and remove password; or remove clientId to use password as a token; the consumer's Key and Secret are in the workspace's settings, OAuth consumers
    Error clientSecret: clientId is set, but clientSecret is missing
      -> set clientSecret too; the consumer's Key and Secret are in the workspace's settings, OAuth consumers
    Error clientId: clientSecret is set, but clientId is missing
      -> set clientId too; the consumer's Key and Secret are in the workspace's settings, OAuth consumers
    Error clientSecret: clientSecret has the form of a token (ATAT… or ATCT…), not of an OAuth consumer's secret
      -> move it to password, and remove clientId
    Error clientSecret: clientSecret holds a control character, such as the end of a line, which no token does
      -> copy it again, all of it and nothing else
    Error oauthUrl: oauthUrl `nonsense` is not a URL
      -> leave it out for Bitbucket Cloud
    Warning oauthUrl: oauthUrl has no effect without clientId and clientSecret
      -> remove it, or set clientId and clientSecret
    ");
}

#[test]
fn all_workspaces_are_those_of_an_account() {
    let mut said = String::new();
    for mut source in [
        good(),
        consumer(),
        source("", "", ACCESS_TOKEN),
        source("", "", ""),
    ] {
        source.name = "*".into();
        let written = written(&source);
        // That there are no credentials is said besides.
        said += written.split("Warning").next().unwrap_or_default();
    }
    insta::assert_snapshot!(said, @r"
    Error name: name: '*' does not work with an access token: it is bound to the workspace, project or repository it was made in
      -> write the id of that workspace as name, or use an API token
    Error name: name: '*' needs credentials: it means every workspace that their account is a member of
      -> create an API token with scopes (app Bitbucket, scope read:repository:bitbucket) at https://id.atlassian.com/manage-profile/security/api-tokens; set password to it and apiAuthName to the e-mail address of its account
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
