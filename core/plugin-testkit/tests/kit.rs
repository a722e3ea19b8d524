//! The conformance kit: it lets a sound plugin pass, and names what another one does wrong.

#![allow(clippy::unwrap_used)]

use forgekeep_plugin_sdk::{
    Access, AccessRequest, Auth, CheckReport, CheckRequest, ErrorKind, Finding, Host, Hoster,
    HosterError, LinkPager, LookupRequest, Manifest, Page, Presence, Repository, Secret, Severity,
    Source, address, json, status_error,
};
use forgekeep_plugin_testkit::conformance::{self, Entry, Forge, faults, faults_without_a_forge};
use forgekeep_plugin_testkit::{Answered, Callee, Script, Testee};
use serde::Deserialize;
use serde_json::json;

const API: &str = "https://api.git.example";
const TOKEN: &str = "a-token-of-the-source";

/// A small, sound plugin; what the source's `apiAuthName` says, it does wrong.
#[derive(Default)]
struct Example;

forgekeep_plugin_sdk::export_hoster!(Example);

#[derive(Deserialize)]
struct Answer {
    repositories: Vec<Entries>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Entries {
    id: String,
    path: String,
}

fn auth(source: &Source) -> Auth {
    source.password().map_or(Auth::None, Auth::bearer)
}

impl Hoster for Example {
    fn manifest(&self) -> Manifest {
        Manifest {
            id: "example".into(),
            version: "1.0.0".into(),
            description: "Example: the repositories of a group".into(),
            api_url: API.into(),
            trusted_origins: vec!["https://git.example".into()],
            ..Manifest::default()
        }
    }

    fn validate(&self, source: &Source) -> Vec<Finding> {
        if source.name.is_empty() {
            let missing = Finding::new(Severity::Error, "name", "name is missing");
            return vec![missing.with_hint("write the name of a group")];
        }
        Vec::new()
    }

    fn list(
        &self,
        source: &Source,
        cursor: Option<&str>,
        host: &Host<'_>,
    ) -> Result<Page, HosterError> {
        let first = address(
            &source.api_url,
            &["groups", &source.name, "repositories"],
            &[],
        )?;
        let pager = LinkPager::new(&first)?;
        let wrong = source.api_auth_name.as_str();
        let url = match wrong {
            "leaks" => format!("{}?token={TOKEN}", pager.url(cursor)?),
            "strays" => "https://evil.example/".to_owned(),
            _ => pager.url(cursor)?,
        };
        let response = host.get(&url, &auth(source))?;
        if response.status != 200 {
            if wrong == "forgives" {
                return Ok(Page::default());
            }
            return Err(status_error(&response));
        }
        assert!(
            wrong != "panics" || response.body.starts_with(b"{"),
            "no JSON"
        );
        let answer: Answer = json(&response)?;
        let mut repositories: Vec<_> = answer
            .repositories
            .into_iter()
            .map(|entry| {
                let url = address("https://git.example", &[&entry.path], &[]);
                Repository::new(entry.id, &entry.path, url.unwrap_or_default())
            })
            .collect();
        if wrong == "drops" {
            repositories.pop();
        }
        Ok(Page {
            repositories,
            next: pager.next(cursor, answer.next.as_deref()),
            ..Page::default()
        })
    }

    fn check(
        &self,
        source: &Source,
        _: &CheckRequest,
        host: &Host<'_>,
    ) -> Result<CheckReport, HosterError> {
        self.list(source, None, host)
            .map(|_| CheckReport::default())
    }

    fn access(
        &self,
        source: &Source,
        _: &AccessRequest,
        _: &Host<'_>,
    ) -> Result<Access, HosterError> {
        Ok(Access::http(auth(source)))
    }

    fn lookup(
        &self,
        source: &Source,
        what: &LookupRequest,
        host: &Host<'_>,
    ) -> Result<Presence, HosterError> {
        let url = address(&source.api_url, &["repositories", &what.id], &[])?;
        let response = host.get(&url, &auth(source))?;
        match response.status {
            404 if source.api_auth_name == "believes" => Ok(Presence::Deleted {
                proof: "404".into(),
            }),
            404 => Ok(Presence::Hidden),
            _ => Err(status_error(&response)),
        }
    }
}

/// With what the plugin is to do wrong.
struct ExampleForge(&'static str);

impl Forge for ExampleForge {
    fn source(&self) -> Source {
        Source {
            title: "acme".into(),
            name: "acme".into(),
            api_auth_name: self.0.into(),
            api_url: API.into(),
            secrets: [("password".to_owned(), Secret::new(TOKEN))].into(),
            ..Source::default()
        }
    }

    fn full_name(&self, entry: &Entry) -> String {
        format!("acme/{}", entry.name)
    }

    fn id(&self, entry: &Entry) -> String {
        format!("id-{}", entry.number)
    }

    fn script(&self, pages: &[Vec<Entry>]) -> Script {
        let mut script = Script::new();
        for (number, page) in pages.iter().enumerate() {
            let next = (number + 1 < pages.len()).then(|| self.address(number + 1));
            script = script.json(
                &self.address(number),
                200,
                &self.page(page, next.as_deref()),
            );
        }
        script
    }

    fn address(&self, page: usize) -> String {
        match page {
            0 => format!("{API}/groups/acme/repositories"),
            page => format!("{API}/groups/acme/repositories?page={page}"),
        }
    }

    fn linked(&self, next: &str) -> Option<Script> {
        let page = self.page(&[Entry::new(1, "one")], Some(next));
        Some(Script::new().json(&self.address(0), 200, &page))
    }

    fn unsound(&self) -> Vec<(&'static str, Source)> {
        let mut nameless = self.source();
        nameless.name.clear();
        vec![("no name", nameless)]
    }
}

impl ExampleForge {
    fn page(&self, entries: &[Entry], next: Option<&str>) -> serde_json::Value {
        let entries: Vec<_> = entries
            .iter()
            .map(|entry| json!({"id": self.id(entry), "path": self.full_name(entry)}))
            .collect();
        json!({"repositories": entries, "next": next})
    }
}

#[test]
fn a_sound_plugin_conforms() {
    conformance::run::<Example>(&ExampleForge(""));
}

#[test]
fn what_is_wrong_is_named() {
    for (wrong, expected) in [
        ("leaks", "a secret of the source is in an address"),
        ("strays", "which is no origin of its own"),
        (
            "forgives",
            "401 in place of the first page: it is taken for a page",
        ),
        ("panics", "panicked in list"),
        ("drops", "is left out"),
        (
            "believes",
            "404 to all that a lookup asks: it is taken for a proof",
        ),
    ] {
        let found = faults(Testee::of::<Example>().callee(), &ExampleForge(wrong));
        let named = found.iter().any(|fault| fault.contains(expected));
        assert!(named, "{wrong}: {found:#?}");
    }
}

/// A plugin that answers nothing but with bytes that are nothing.
struct Mute(Answered);

impl Callee for Mute {
    fn call(&self, _: &Script, _: u64, _: &str, _: &[u8], _: &[u8]) -> Answered {
        self.0.clone()
    }

    fn drop_object(&self, _: u64) {}
}

#[test]
fn a_plugin_that_does_not_answer_is_no_reason_to_fail() {
    for answered in [
        Answered::Broken("status 7".to_owned()),
        Answered::Result(b"[]".to_vec(), Vec::new()),
        Answered::Result(b"{}".to_vec(), Vec::new()),
        Answered::Error(HosterError::default()),
    ] {
        assert!(!faults_without_a_forge(&Mute(answered.clone())).is_empty());
        assert!(!faults(&Mute(answered), &ExampleForge("")).is_empty());
    }
    assert_eq!(
        faults_without_a_forge(Testee::of::<Example>().callee()),
        [""; 0]
    );
}

#[test]
fn a_listing_in_circles_ends_as_an_error() {
    let forge = ExampleForge("");
    let page = |number: u32, next: usize| {
        forge.page(&[Entry::new(number, "one")], Some(&forge.address(next)))
    };
    let script = Script::new()
        .json(&forge.address(0), 200, &page(1, 1))
        .json(&forge.address(1), 200, &page(2, 2))
        .json(&forge.address(2), 200, &page(3, 1));
    let opened = Testee::of::<Example>().open(&forge.source(), &script);
    let (pages, error) = opened.unwrap().all();
    assert_eq!(pages.len(), 3);
    assert_eq!(error.unwrap().kind, ErrorKind::BadAnswer);
    assert_eq!(script.requests().len(), 3);
}
