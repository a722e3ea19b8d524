//! The conformance kit, and who the plugin is.

use forgekeep_hoster_gitea::Gitea;
use forgekeep_plugin_sdk::Source;
use forgekeep_plugin_testkit::conformance::{self, Entry, Forge};
use forgekeep_plugin_testkit::{Script, Testee};
use serde_json::{Value, json};

use crate::support::*;

const REPOS: &str = "orgs/acme/repos";

struct Server;

impl Forge for Server {
    fn source(&self) -> Source {
        source("org", "acme")
    }

    fn full_name(&self, entry: &Entry) -> String {
        format!("acme/{}", entry.name)
    }

    fn id(&self, entry: &Entry) -> String {
        entry.number.to_string()
    }

    fn script(&self, pages: &[Vec<Entry>]) -> Script {
        let acme = organisation(5, "acme");
        let of_page = |page: &Vec<Entry>| -> Vec<Value> {
            let entries = page.iter();
            entries
                .map(|e| entry(e.number.into(), &e.name, &acme))
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
        let page = answer(
            &[entry(1, "one", &organisation(5, "acme"))],
            &[("link", &link)],
        );
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
                "no server",
                with(|source| source.api_url = "nonsense".into()),
            ),
            (
                "a page",
                with(|source| source.api_url = "https://codeberg.org/acme".into()),
            ),
            (
                "a colon in a user name",
                with(|source| source.auth_name = "a:b".into()),
            ),
            ("all of nobody", anonymous("", "*")),
        ]
    }
}

#[test]
fn it_conforms() {
    conformance::run::<Gitea>(&Server);
}

#[test]
fn who_it_is() {
    let manifest = Testee::of::<Gitea>().manifest().unwrap();
    let mut shown = serde_json::to_value(&manifest).unwrap();
    shown.as_object_mut().unwrap().remove("version");
    assert_eq!(
        shown,
        json!({
            "id": "gitea",
            "aliases": ["forgejo", "codeberg", "gogs"],
            "authors": ["The Forgekeep developers"],
            "description": "Gitea, Forgejo, Codeberg, Gogs: users and organisations",
            "types": ["user", "org"],
            "attributes": ["archived", "fork", "visibility"],
            "concurrency": 4,
            "target": true,
        })
    );
}
