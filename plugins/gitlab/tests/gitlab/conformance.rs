//! The conformance kit, and who the plugin is.

use forgekeep_hoster_gitlab::Gitlab;
use forgekeep_plugin_sdk::Source;
use forgekeep_plugin_testkit::conformance::{self, Entry, Forge};
use forgekeep_plugin_testkit::{Script, Testee};
use serde_json::{Value, json};

use crate::support::*;

/// A group, whose pages are numbered.
struct Group;

fn entries(page: &[Entry]) -> Vec<Value> {
    let entries = page.iter();
    entries.map(|e| entry(e.number.into(), &e.name)).collect()
}

impl Forge for Group {
    fn source(&self) -> Source {
        source("group", "acme")
    }

    fn full_name(&self, entry: &Entry) -> String {
        format!("acme/{}", entry.name)
    }

    fn id(&self, entry: &Entry) -> String {
        entry.number.to_string()
    }

    fn script(&self, pages: &[Vec<Entry>]) -> Script {
        let pages: Vec<_> = pages.iter().map(|page| entries(page)).collect();
        linked(server(), &pages)
    }

    fn address(&self, page: usize) -> String {
        page_of(false, page + 1)
    }

    fn linked(&self, next: &str) -> Option<Script> {
        let link = format!("<{next}>; rel=\"next\"");
        let page = answer(&[entry(1, "one")], &[("link", &link)]);
        Some(linked(server(), &[]).answer(&self.address(0), Ok(page)))
    }

    fn unsound(&self) -> Vec<(&'static str, Source)> {
        let with = |change: fn(&mut Source)| {
            let mut source = self.source();
            change(&mut source);
            source
        };
        vec![
            ("no name", with(|source| source.name.clear())),
            ("an empty part", with(|source| source.name = "a//b".into())),
            (
                "an address",
                with(|source| source.name = "https://x/a".into()),
            ),
            (
                "no server",
                with(|source| source.api_url = "nonsense".into()),
            ),
            (
                "a page",
                with(|source| source.api_url = "https://gitlab.com/acme".into()),
            ),
            ("a colon", with(|source| source.auth_name = "a:b".into())),
            ("a deploy token", with_token("", "acme", "gldt-0123456789")),
            ("a job token", with_token("", "acme", "glcbt-0123456789")),
            ("all of nobody", anonymous("", "*")),
        ]
    }
}

/// All that the account is a member of, by keyset.
struct All;

impl Forge for All {
    fn source(&self) -> Source {
        source("", "*")
    }

    fn full_name(&self, entry: &Entry) -> String {
        Group.full_name(entry)
    }

    fn id(&self, entry: &Entry) -> String {
        Group.id(entry)
    }

    fn script(&self, pages: &[Vec<Entry>]) -> Script {
        let groups = "groups?min_access_level=10&order_by=id&sort=asc&page=1&per_page=100";
        let mut script = server().answer(&at(groups), Ok(answer(&[], &LAST)));
        for (page, number) in pages.iter().zip(0..) {
            let after = number + 1;
            let link = format!("<http://10.0.0.7/x?id_after={after}>; rel=\"next\"");
            let headers = match after < pages.len() {
                true => [("link", link.as_str())],
                false => LAST,
            };
            let page = answer(&entries(page), &headers);
            script = script.answer(&self.address(number), Ok(page));
        }
        script
    }

    fn address(&self, page: usize) -> String {
        let after = match page {
            0 => String::new(),
            page => format!("&id_after={page}"),
        };
        keyset_of("projects", "membership=true", &after)
    }

    fn linked(&self, next: &str) -> Option<Script> {
        let link = format!("<{next}>; rel=\"next\"");
        let page = answer(&[entry(1, "one")], &[("link", &link)]);
        Some(server().answer(&self.address(0), Ok(page)))
    }
}

#[test]
fn it_conforms() {
    conformance::run::<Gitlab>(&Group);
}

#[test]
fn it_conforms_by_keyset() {
    conformance::run::<Gitlab>(&All);
}

#[test]
fn who_it_is() {
    let manifest = Testee::of::<Gitlab>().manifest().unwrap();
    let mut shown = serde_json::to_value(&manifest).unwrap();
    shown.as_object_mut().unwrap().remove("version");
    assert_eq!(
        shown,
        json!({
            "id": "gitlab",
            "authors": ["The Forgekeep developers"],
            "description": "GitLab: groups with their subgroups, and users",
            "types": ["user", "group", "org"],
            "apiUrl": "https://gitlab.com",
            "target": true,
            "options": [{
                "name": "includeSnippets", "kind": "flag", "default": false,
                "description": "Whether the personal snippets of the token's account are backed up",
            }],
            "attributes": ["archived", "fork", "visibility", "topics"],
            "concurrency": 4,
        })
    );
}
