//! The plugin against scripted answers, and the conformance kit.

use forgekeep_hoster_template::Template;
use forgekeep_plugin_sdk::{
    Auth, Header, HttpResponse, PartKind, Presence, Secret, Source, Visibility, Way,
};
use forgekeep_plugin_testkit::conformance::{self, Entry, Forge};
use forgekeep_plugin_testkit::{Script, Testee};
use serde_json::{Value, json};

const API: &str = "https://template.example/api/v1";

fn source() -> Source {
    Source {
        title: "acme".into(),
        name: "acme".into(),
        kind: "org".into(),
        api_url: API.into(),
        secrets: [("password".to_owned(), Secret::new("0123456789abcdef"))].into(),
        ..Source::default()
    }
}

fn entry(id: u32, name: &str) -> Value {
    json!({
        "id": id,
        "full_name": format!("acme/{name}"),
        "clone_url": "https://template.example/acme/web.git",
        "owner": { "id": 7, "login": "acme" },
        "private": true,
        "archived": false,
        "fork": false,
        "mirror": false,
        "topics": ["backup"],
        "default_branch": "main",
        "size": 12,
        "has_wiki": true,
        "updated_at": "2026-11-30T08:15:30Z",
    })
}

fn page(entries: &Value, next: Option<&str>) -> HttpResponse {
    let link = next.map(|next| Header {
        name: "link".into(),
        value: format!("<{next}>; rel=\"next\""),
    });
    HttpResponse {
        status: 200,
        headers: link.into_iter().collect(),
        body: entries.to_string().into_bytes(),
        ..HttpResponse::default()
    }
}

/// How the hoster answers: what the conformance kit needs to know.
struct TemplateForge;

impl Forge for TemplateForge {
    fn source(&self) -> Source {
        source()
    }

    fn full_name(&self, entry: &Entry) -> String {
        format!("acme/{}", entry.name)
    }

    fn id(&self, entry: &Entry) -> String {
        entry.number.to_string()
    }

    fn script(&self, pages: &[Vec<Entry>]) -> Script {
        let mut script = Script::new();
        for (number, entries) in pages.iter().enumerate() {
            let next = (number + 1 < pages.len()).then(|| self.address(number + 1));
            let entries = entries.iter().map(|e| entry(e.number, &e.name)).collect();
            let answer = page(&entries, next.as_deref());
            script = script.answer(&self.address(number), Ok(answer));
        }
        script
    }

    fn address(&self, page: usize) -> String {
        let more = if page == 0 {
            String::new()
        } else {
            format!("&page={}", page + 1)
        };
        format!("{API}/orgs/acme/repos?limit=50{more}")
    }

    fn linked(&self, next: &str) -> Option<Script> {
        let entries = json!([entry(1, "one")]);
        Some(Script::new().answer(&self.address(0), Ok(page(&entries, Some(next)))))
    }

    fn unsound(&self) -> Vec<(&'static str, Source)> {
        vec![(
            "no name",
            Source {
                name: " ".into(),
                ..source()
            },
        )]
    }
}

#[test]
fn it_conforms() {
    conformance::run::<Template>(&TemplateForge);
}

#[test]
fn a_repository_with_its_parts() {
    let script = TemplateForge.script(&[vec![Entry::new(1, "web")]]);
    let opened = Testee::of::<Template>().open(&source(), &script).unwrap();
    let page = opened.list(None).unwrap();
    let web = &page.repositories[0];
    assert_eq!(
        (web.id.as_str(), web.visibility),
        ("1", Visibility::Private)
    );
    let wiki = web.part(&PartKind::Wiki).unwrap();
    assert_eq!(wiki.url, "https://template.example/acme/web.wiki.git");
    let access = opened.fetch(web, wiki).unwrap();
    assert!(matches!(access.way, Way::Http(Auth::Basic { user, .. }) if user == "token"));
}

#[test]
fn check_says_whose_token_it_is() {
    let user = json!({ "id": 3, "login": "dev" });
    let script = TemplateForge
        .script(&[Vec::new()])
        .json(&format!("{API}/user"), 200, &user);
    let opened = Testee::of::<Template>().open(&source(), &script).unwrap();
    assert_eq!(opened.check().unwrap().identity, "token of dev");
}

#[test]
fn a_repository_is_found_by_its_id() {
    let url = format!("{API}/repositories/1");
    let script = Script::new().json(&url, 200, &entry(1, "web"));
    let opened = Testee::of::<Template>().open(&source(), &script).unwrap();
    assert!(matches!(opened.lookup("1").unwrap(), Presence::Present(_)));
    assert_eq!(opened.lookup("2"), Ok(Presence::Hidden));
}
