//! What is said of a source without a network.

use forgekeep_hoster_gitlab::Gitlab;
use forgekeep_plugin_sdk::{Hoster, OptionValue, Severity, Source};

use crate::support::*;

fn said(source: &Source) -> Vec<(Severity, String)> {
    let findings = Gitlab.validate(source).into_iter();
    let short = findings.map(|finding| (finding.severity, finding.key));
    short.collect()
}

#[test]
fn sound_ones() {
    for name in ["acme", "acme/team/deep", "a.b-c_d", "2024", "*"] {
        assert_eq!(said(&source("", name)), [], "{name}");
    }
    for api_url in [
        "https://gitlab.com",
        "https://gitlab.com/api/v4",
        "https://own.example/lab/",
    ] {
        let source = Source {
            api_url: api_url.into(),
            ..source("group", "acme")
        };
        assert_eq!(said(&source), [], "{api_url}");
    }
}

#[test]
fn tokens_that_list_nothing() {
    let error = [(Severity::Error, "password".to_owned())];
    for token in ["gldt-abc", "glcbt-abc", " gldt-abc\n"] {
        assert_eq!(said(&with_token("", "acme", token)), error, "{token}");
    }
    let mut deploy = source("group", "acme");
    deploy.auth_name = "gitlab+deploy-token-7".into();
    assert_eq!(said(&deploy), error);
}

#[test]
fn snippets_where_there_are_none() {
    let mut source = source("group", "acme");
    source.options = [("includeSnippets".to_owned(), OptionValue::Flag(true))].into();
    let warning = (Severity::Warning, "includeSnippets".to_owned());
    assert_eq!(said(&source), std::slice::from_ref(&warning));
    source.kind = "user".into();
    assert_eq!(said(&source), []);
    source.secrets.clear();
    assert!(said(&source).contains(&warning));
}
