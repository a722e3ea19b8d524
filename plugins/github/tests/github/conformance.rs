//! The conformance kit, and who the plugin is.

use forgekeep_hoster_github::Plugin;
use forgekeep_plugin_sdk::Source;
use forgekeep_plugin_testkit::conformance::{self, Entry, Forge};
use forgekeep_plugin_testkit::{Script, Testee};
use serde_json::{Value, json};

use crate::support::*;

struct Server;

impl Forge for Server {
    fn source(&self) -> Source {
        source("acme")
    }

    fn full_name(&self, entry: &Entry) -> String {
        format!("acme/{}", entry.name)
    }

    fn id(&self, entry: &Entry) -> String {
        entry.number.to_string()
    }

    fn script(&self, pages: &[Vec<Entry>]) -> Script {
        let of_page = |page: &Vec<Entry>| -> Vec<Value> {
            let entries = page.iter();
            entries
                .map(|entry| of_acme(entry.number.into(), &entry.name))
                .collect()
        };
        let pages: Vec<_> = pages.iter().map(of_page).collect();
        linked(server(), REPOS, &pages)
    }

    fn address(&self, page: usize) -> String {
        page_of(REPOS, page + 1)
    }

    fn linked(&self, next: &str) -> Option<Script> {
        let link = format!("<{next}>; rel=\"next\"");
        let page = answer(200, &json!([of_acme(1, "one")]), &[("link", &link)]);
        Some(server().answer(&self.address(0), Ok(page)))
    }

    fn unsound(&self) -> Vec<(&'static str, Source)> {
        let with = |change: fn(&mut Source)| {
            let mut source = self.source();
            change(&mut source);
            source
        };
        vec![
            ("no name", with(|source| source.name.clear())),
            (
                "an address for a name",
                with(|source| source.name = "a/b".into()),
            ),
            (
                "a page",
                with(|source| source.api_url = "https://github.com".into()),
            ),
            (
                "a colon in a user name",
                with(|source| source.auth_name = "a:b".into()),
            ),
            ("all of nobody", anonymous("*")),
        ]
    }
}

#[test]
fn it_conforms() {
    conformance::run::<Plugin>(&Server);
}

#[test]
fn who_it_is() {
    let manifest = Testee::of::<Plugin>().manifest().unwrap();
    let mut shown = serde_json::to_value(&manifest).unwrap();
    shown.as_object_mut().unwrap().remove("version");
    let options: Vec<_> = manifest
        .options
        .iter()
        .map(|option| (option.name.as_str(), option.secret))
        .collect();
    let wanted = [
        ("appId", false),
        ("privateKeyFile", true),
        ("installationId", false),
        ("includeGists", false),
        ("includeStarred", false),
    ];
    assert_eq!(options, wanted);
    shown.as_object_mut().unwrap().remove("options");
    assert_eq!(
        shown,
        json!({
            "id": "github",
            "authors": ["The Forgekeep developers"],
            "description": "GitHub and GitHub Enterprise: users and organisations",
            "types": ["user", "org"],
            "apiUrl": "https://api.github.com",
            "target": true, "trustedOrigins": ["https://github.com", "https://gist.github.com"],
            "derivedOrigins": ["https://gist.{host}", "https://{domain}"],
            "attributes": ["archived", "fork", "visibility", "topics", "languages", "pushedAt"],
            "concurrency": 4,
        })
    );
}
