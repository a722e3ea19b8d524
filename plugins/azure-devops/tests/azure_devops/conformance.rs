//! The conformance kit, and who the plugin is.

use forgekeep_hoster_azure_devops::AzureDevOps;
use forgekeep_plugin_sdk::Source;
use forgekeep_plugin_testkit::conformance::{self, Entry, Forge};
use forgekeep_plugin_testkit::{Script, Testee};
use serde_json::json;

use crate::support::*;

/// A project for each page.
struct Server;

fn id_of(number: usize) -> String {
    format!("{number:08x}-0000-4000-8000-000000000000")
}

impl Forge for Server {
    fn source(&self) -> Source {
        source()
    }

    fn full_name(&self, entry: &Entry) -> String {
        format!("acme/shop/{}", entry.name)
    }

    fn id(&self, entry: &Entry) -> String {
        id_of(entry.number as usize)
    }

    fn script(&self, pages: &[Vec<Entry>]) -> Script {
        let mut script = server();
        for (at, page) in pages.iter().enumerate() {
            let id = id_of(1000 + at);
            let all: Vec<_> = page
                .iter()
                .map(|one| entry(&self.id(one), &one.name))
                .collect();
            script = having(script, &id, &all);
            let (address, projects) = (self.address(at), [project(&id, "shop")]);
            script = match at + 1 < pages.len() {
                true => script.answer(&address, Ok(leading_to(&(at + 1).to_string(), &projects))),
                false => script.json(&address, 200, &envelope(&projects)),
            };
        }
        script
    }

    fn address(&self, page: usize) -> String {
        let token = page.to_string();
        page_of((page > 0).then_some(token.as_str()))
    }

    fn unsound(&self) -> Vec<(&'static str, Source)> {
        vec![
            ("no name", with(|source| source.name.clear())),
            ("all of them", with(|source| source.name = "*".into())),
            ("a project", with(|source| source.name = "acme/shop".into())),
            (
                "no server",
                with(|source| source.api_url = "nonsense".into()),
            ),
            (
                "a colon in a user name",
                with(|source| source.auth_name = "a:b".into()),
            ),
        ]
    }
}

#[test]
fn it_conforms() {
    conformance::run::<AzureDevOps>(&Server);
}

#[test]
fn who_it_is() {
    let manifest = Testee::of::<AzureDevOps>().manifest().unwrap();
    assert_eq!(
        (manifest.id.as_str(), manifest.concurrency),
        ("azure-devops", 4)
    );
    assert_eq!(manifest.api_url, "https://dev.azure.com");
    assert_eq!(
        manifest.trusted_origins,
        ["https://login.microsoftonline.com"]
    );
    assert_eq!(manifest.attributes, ["fork", "visibility"]);
    let options: Vec<_> = manifest
        .options
        .iter()
        .map(|one| (&*one.name, one.trusted_origin))
        .collect();
    let known = [
        ("tenantId", false),
        ("clientId", false),
        ("clientSecret", false),
        ("oauthUrl", true),
    ];
    assert_eq!(options, known);
    assert_eq!(serde_json::to_value(&manifest.types).unwrap(), json!([]));
}
