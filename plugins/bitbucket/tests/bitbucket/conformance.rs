//! The conformance kit, and who the plugin is.

use forgekeep_hoster_bitbucket::Bitbucket;
use forgekeep_plugin_sdk::Source;
use forgekeep_plugin_testkit::conformance::{self, Entry, Forge};
use forgekeep_plugin_testkit::{Script, Testee};
use serde_json::json;

use crate::support::*;

/// How Bitbucket answers: what the conformance kit needs to know.
struct Cloud {
    source: fn() -> Source,
}

impl Forge for Cloud {
    fn source(&self) -> Source {
        (self.source)()
    }

    fn full_name(&self, entry: &Entry) -> String {
        format!("acme/{}", entry.name)
    }

    fn id(&self, entry: &Entry) -> String {
        uuid(entry.number)
    }

    fn script(&self, pages: &[Vec<Entry>]) -> Script {
        let size: usize = pages.iter().map(Vec::len).sum();
        let mut script = granting(&[("minted-token", 7200)]);
        for (number, entries) in pages.iter().enumerate() {
            let next = (number + 1 < pages.len()).then(|| self.address(number + 1));
            let values: Vec<_> = entries.iter().map(|e| entry(e.number, &e.name)).collect();
            let page = json!({ "values": values, "size": size, "next": next });
            script = script.json(&self.address(number), 200, &page);
        }
        script
    }

    fn address(&self, page: usize) -> String {
        match page {
            0 => FIRST.to_owned(),
            page => format!("{FIRST}&ctx=opaque%2F{page}%3D"),
        }
    }

    fn linked(&self, next: &str) -> Option<Script> {
        let page = json!({ "values": [entry(1, "one")], "next": next });
        Some(granting(&[("minted-token", 7200)]).json(FIRST, 200, &page))
    }

    fn unsound(&self) -> Vec<(&'static str, Source)> {
        let with = |change: fn(&mut Source)| {
            let mut source = good();
            change(&mut source);
            source
        };
        vec![
            ("no name", with(|source| source.name.clear())),
            (
                "a name that is no id",
                with(|source| source.name = "a/b".into()),
            ),
            (
                "no API",
                with(|source| source.api_url = "https://bitbucket.org".into()),
            ),
            (
                "a colon in a user name",
                with(|source| source.auth_name = "a:b".into()),
            ),
            ("no e-mail address", source("", "", API_TOKEN)),
            ("two lines for a token", source("", "", "ATCT-t\nATCT-u")),
            ("a name and no secret", source("devuser", "", "")),
            ("a token and a consumer", {
                let mut both = consumer();
                both.secrets.extend(good().secrets);
                both
            }),
            ("half a consumer", {
                let mut half = consumer();
                half.secrets.clear();
                half
            }),
            ("all workspaces of nobody", {
                let mut nobody = source("", "", "");
                nobody.name = "*".into();
                nobody
            }),
        ]
    }
}

#[test]
fn it_conforms() {
    conformance::run::<Bitbucket>(&Cloud { source: good });
}

#[test]
fn it_conforms_with_an_oauth_consumer() {
    let faults = conformance::faults(
        Testee::of::<Bitbucket>().callee(),
        &Cloud { source: consumer },
    );
    // A token that was minted may have ended: then another one is tried, as it should be.
    assert_eq!(
        faults,
        ["401 in place of the first page: it is taken for a page"]
    );
}

#[test]
fn who_it_is() {
    let manifest = Testee::of::<Bitbucket>().manifest().unwrap();
    let mut shown = serde_json::to_value(&manifest).unwrap();
    shown.as_object_mut().unwrap().remove("version");
    assert_eq!(
        shown,
        json!({
            "id": "bitbucket",
            "aliases": ["bitbucket-cloud"],
            "authors": ["The Forgekeep developers"],
            "description": "Bitbucket Cloud: the repositories of a workspace",
            "apiUrl": "https://api.bitbucket.org",
            "trustedOrigins": ["https://bitbucket.org"],
            "target": true,
            "options": [
                {"name": "clientId", "description": "key of an OAuth consumer"},
                {"name": "clientSecret", "kind": "secret", "description": "secret of that OAuth consumer"},
                {
                    "name": "oauthUrl",
                    "description": "where the OAuth consumer gets its tokens, if neither at bitbucket.org nor on the host of apiUrl",
                    "trustedOrigin": true,
                },
            ],
            "attributes": ["visibility", "fork", "languages"],
            "concurrency": 4,
        })
    );
    assert_ne!(manifest.version, "");
}
