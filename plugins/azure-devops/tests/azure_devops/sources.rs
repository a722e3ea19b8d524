//! What is written in a source: what is wrong with it, and what becomes of it.

use forgekeep_hoster_azure_devops::AzureDevOps;
use forgekeep_plugin_sdk::{OptionValue, Secret, Severity, Source};
use forgekeep_plugin_testkit::Testee;

use crate::support::*;
use crate::tokens::principal;

fn findings(source: &Source) -> Vec<(Severity, String)> {
    let found = Testee::of::<AzureDevOps>()
        .validate(source)
        .unwrap()
        .into_iter();
    found.map(|found| (found.severity, found.key)).collect()
}

#[test]
fn sound_sources() {
    for sound in [
        source(),
        principal(),
        with(|source| source.name = "Default Collection".into()),
        with(|source| source.api_url = "https://dev.azure.com/acme".into()),
        with(|source| source.api_url = "https://acme.visualstudio.com".into()),
        with(|source| source.api_url = "https://devops.example.com/tfs".into()),
    ] {
        assert_eq!(findings(&sound), []);
    }
}

#[test]
fn flaws_are_told_by_their_key() {
    let without = |key: &str| {
        let mut source = principal();
        source.options.remove(key);
        source.secrets.remove(key);
        source
    };
    for (key, flawed) in [
        ("name", with(|source| source.name = "*".into())),
        ("name", with(|source| source.name = "acme/shop".into())),
        ("name", with(|source| source.name = "..".into())),
        (
            "apiUrl",
            with(|source| source.api_url = "dev.azure.com".into()),
        ),
        (
            "apiUrl",
            with(|source| source.api_url = "https://dev.azure.com/acme/shop/_git/web".into()),
        ),
        (
            "apiUrl",
            with(|source| source.api_url = "https://dev.azure.com/acme/_apis".into()),
        ),
        ("tenantId", without("tenantId")),
        ("clientId", without("clientId")),
        ("clientSecret", without("clientSecret")),
        ("authName", with(|source| source.auth_name = "a:b".into())),
    ] {
        assert_eq!(
            findings(&flawed),
            [(Severity::Error, key.to_owned())],
            "{flawed:?}"
        );
    }
    let mut both = principal();
    both.secrets.insert("password".into(), Secret::new(TOKEN));
    assert_eq!(findings(&both), [(Severity::Error, "password".to_owned())]);
    let mut colon = principal();
    colon
        .options
        .insert("clientId".into(), OptionValue::Text("a:b".into()));
    assert_eq!(findings(&colon), [(Severity::Error, "clientId".to_owned())]);
    let nobody = with(|source| source.secrets.clear());
    assert_eq!(
        findings(&nobody),
        [(Severity::Warning, "password".to_owned())]
    );
}

#[test]
fn the_organisation_is_found_however_its_address_is_written() {
    for (name, api_url, base) in [
        (
            "acme",
            "https://dev.azure.com",
            "https://dev.azure.com/acme",
        ),
        (
            "acme",
            "https://dev.azure.com/acme/",
            "https://dev.azure.com/acme",
        ),
        (
            "Acme",
            "https://dev.azure.com/acme",
            "https://dev.azure.com/acme",
        ),
        (
            "acme",
            "https://acme.visualstudio.com",
            "https://acme.visualstudio.com",
        ),
        (
            "acme",
            "https://x.visualstudio.com",
            "https://x.visualstudio.com/acme",
        ),
        (
            "acme",
            "https://acme.example.com",
            "https://acme.example.com/acme",
        ),
        (
            "Our Team",
            "https://d.example/tfs/Our%20Team",
            "https://d.example/tfs/Our%20Team",
        ),
        (
            "Our Team",
            "https://d.example/tfs",
            "https://d.example/tfs/Our%20Team",
        ),
    ] {
        let source = with(|source| {
            source.name = name.into();
            source.api_url = api_url.into();
        });
        let script = forgekeep_plugin_testkit::Script::new();
        open(&source, &script).list(None).unwrap_err();
        let asked = &script.requests()[0].url;
        let begin = format!("{base}/_apis/projects?");
        assert!(asked.starts_with(&begin), "{asked} {begin}");
    }
}
