use forgekeep_plugin_sdk::{Access, AccessRequest, Auth, Deed, Severity, Source, Way};
use forgekeep_plugin_testkit::Script;
use serde_json::json;

use crate::support::*;

/// `authName`, `apiAuthName`, `password`; then what the API and git get.
fn table() -> Vec<[&'static str; 5]> {
    vec![
        ["", "", "", "anonymous", "anonymous"],
        [
            "devuser",
            "dev@example.com",
            "ATAT-t",
            "basic dev@example.com:ATAT-t",
            "basic devuser:ATAT-t",
        ],
        [
            "",
            "dev@example.com",
            "ATAT-t",
            "basic dev@example.com:ATAT-t",
            "basic x-bitbucket-api-token-auth:ATAT-t",
        ],
        [
            "dev@example.com",
            "",
            "ATAT-t",
            "basic dev@example.com:ATAT-t",
            "basic x-bitbucket-api-token-auth:ATAT-t",
        ],
        [
            "dev@example.com",
            "dev@example.com",
            "ATAT-t",
            "basic dev@example.com:ATAT-t",
            "basic x-bitbucket-api-token-auth:ATAT-t",
        ],
        [
            "",
            "",
            "ATCT-t",
            "bearer ATCT-t",
            "basic x-token-auth:ATCT-t",
        ],
        [
            "devuser",
            "dev@example.com",
            "ATCT-t",
            "bearer ATCT-t",
            "basic x-token-auth:ATCT-t",
        ],
        [
            "devuser",
            "",
            "ATBB-p",
            "basic devuser:ATBB-p",
            "basic devuser:ATBB-p",
        ],
        [
            "devuser",
            "",
            "abcdefghij0123456789",
            "basic devuser:abcdefghij0123456789",
            "basic devuser:abcdefghij0123456789",
        ],
        [
            "devuser",
            "",
            "some secret",
            "basic devuser:some secret",
            "basic devuser:some secret",
        ],
        [
            "devuser",
            "dev@example.com",
            "other",
            "basic dev@example.com:other",
            "basic devuser:other",
        ],
        [
            "dev@example.com",
            "",
            "other",
            "basic dev@example.com:other",
            "basic x-bitbucket-api-token-auth:other",
        ],
        ["", "", "other", "bearer other", "basic x-token-auth:other"],
        [
            "devuser",
            "dev@example.com",
            " ATAT-t\n",
            "basic dev@example.com:ATAT-t",
            "basic devuser:ATAT-t",
        ],
        ["", "", "\n", "anonymous", "anonymous"],
    ]
}

#[test]
fn what_the_api_and_git_get() {
    for [auth_name, api_auth_name, password, api, git] in table() {
        let case = format!("{auth_name:?} {api_auth_name:?} {password:?}");
        let script = Script::new().json(FIRST, 200, &json!({ "values": [entry(1, "web")] }));
        let source = source(auth_name, api_auth_name, password);
        let page = open(source.clone(), &script).list(None).unwrap();
        assert_eq!(shown(&script.requests()[0].auth), api, "{case}");
        let repository = &page.repositories[0];
        for (deed, sent) in [
            (Deed::Fetch, git),
            (Deed::Push, git),
            (Deed::Lfs, git),
            (Deed::Export, api),
        ] {
            let what = AccessRequest::new(repository, crate::support::git(repository), deed);
            assert_eq!(
                shown(&access(source.clone(), &what)),
                sent,
                "{case} {deed:?}"
            );
        }
    }
}

/// What the plugin gives, without a request.
fn access(source: Source, what: &AccessRequest) -> Auth {
    let script = Script::new();
    let given = open(source, &script).access(what).unwrap();
    assert!(script.requests().is_empty());
    let Access {
        way: Way::Http(auth),
        expires: None,
    } = given
    else {
        panic!("{given:?}");
    };
    auth
}

#[test]
fn every_working_combination_validates() {
    for [auth_name, api_auth_name, password, ..] in table() {
        let findings = crate::validate::findings(&source(auth_name, api_auth_name, password));
        assert!(
            findings.iter().all(|f| f.severity != Severity::Error),
            "{findings:?}"
        );
    }
}

#[test]
fn credentials_that_were_refused_are_the_only_ones() {
    let refused_before = AccessRequest {
        refused_before: true,
        ..AccessRequest::default()
    };
    assert_eq!(
        access(good(), &refused_before),
        access(good(), &AccessRequest::default())
    );
}
