//! A plugin against a fake: examined, made, pushed to, set up, removed.

use forgekeep_plugin_sdk::{
    AccessRequest, Auth, ConfigureRequest, CreateRequest, Deed, Header, HttpRequest, HttpResponse,
    Part, RemoveRequest, Repository, Secret, Severity, Source, Visibility, Way,
};
use forgekeep_plugin_testkit::{Opened, Script, Testee};
use forgekeep_test_hosters::client::{Local, basic, send};

pub const TOKEN: &str = "89abcdef0123456789abcdef0123456789abcdef";

fn authorization(auth: &Auth) -> String {
    match auth {
        Auth::Basic { user, secret } => basic(user, secret.expose()),
        Auth::Scheme { scheme, secret } => format!("{scheme} {}", secret.expose()),
        Auth::Bearer { secret } => format!("Bearer {}", secret.expose()),
        other => panic!("{other:?}"),
    }
}

fn answer(request: &HttpRequest) -> HttpResponse {
    let authorization = authorization(&request.auth);
    let field = ("Authorization", &*authorization);
    let (status, fields, body) = send(&request.method, &request.url, &[field], &request.body);
    let fields = fields.into_iter();
    HttpResponse {
        status,
        headers: fields.map(|(name, value)| Header { name, value }).collect(),
        body,
        ..HttpResponse::default()
    }
}

/// Makes a call again and again until the fake has answered each of its requests, each once.
fn relayed<T>(testee: Testee, target: &Source, call: impl Fn(&Opened) -> T) -> T {
    let mut known: Vec<(HttpRequest, HttpResponse)> = Vec::new();
    loop {
        let script = known
            .iter()
            .fold(Script::new(), |script, (request, answer)| {
                script.on(&request.method, &request.url, Ok(answer.clone()))
            });
        let came = call(&testee.open(target, &script).unwrap());
        match script.requests().get(known.len()) {
            Some(new) => known.push((new.clone(), answer(new))),
            None => return came,
        }
    }
}

/// Makes a repository, switches off what pushes start, pushes, sets the rest up.
pub fn restored(testee: Testee, target: &Source) -> Repository {
    let report = relayed(testee, target, |opened| opened.examine(&["sub/web"])).unwrap();
    let is_flaw = |severity| severity == Severity::Error;
    assert!(
        report.findings.iter().all(|one| !is_flaw(one.severity)),
        "{report:#?}"
    );
    assert_eq!(report.missing_scopes, [""; 0]);
    let what = CreateRequest {
        name: report.names[0].name.clone(),
        private: true,
        description: "The shop".into(),
        wiki: true,
        ..CreateRequest::default()
    };
    let made = relayed(testee, target, |opened| opened.create(&what)).unwrap();
    assert_eq!(made.visibility, Visibility::Private);
    let taken = relayed(testee, target, |opened| opened.create(&what)).unwrap_err();
    assert_eq!(taken.status, Some(409));
    let configure = |what: ConfigureRequest| {
        let what = ConfigureRequest {
            id: made.id.clone(),
            full_name: made.full_name.clone(),
            ..what
        };
        relayed(testee, target, |opened| opened.configure(&what))
    };
    let branch = |name: &str| ConfigureRequest {
        default_branch: Some(name.into()),
        ..ConfigureRequest::default()
    };
    let off = ConfigureRequest {
        automation: Some(false),
        ..ConfigureRequest::default()
    };
    assert_eq!(configure(off).unwrap()[0].severity, Severity::Info);
    let local = Local::usual();
    let wiki = ConfigureRequest {
        wiki: Some(true),
        ..ConfigureRequest::default()
    };
    configure(wiki).unwrap();
    for part in &made.parts {
        push_to(testee, target, &made, part, &local);
    }
    assert!(
        configure(branch("other")).is_err(),
        "there is no such branch"
    );
    configure(branch("trunk")).unwrap();
    let archived = ConfigureRequest {
        archived: Some(true),
        ..ConfigureRequest::default()
    };
    configure(archived).unwrap();
    let pages = relayed(testee, target, |opened| opened.all().0);
    let mut listed = pages.into_iter().flat_map(|page| page.repositories);
    let listed = listed.find(|one| one.id == made.id).unwrap();
    assert_eq!(listed.parts[0].default_branch.as_deref(), Some("trunk"));
    listed
}

fn push_to(testee: Testee, target: &Source, made: &Repository, part: &Part, local: &Local) {
    let access = AccessRequest::new(made, part, Deed::Push);
    let access = relayed(testee, target, |opened| opened.access(&access)).unwrap();
    let Way::Http(auth) = access.way else {
        panic!("{access:?}");
    };
    // The first page of a wiki gives way.
    let pushed = local.push(&part.url, &authorization(&auth), &["+main", "trunk"]);
    pushed.unwrap();
}

pub fn removed(testee: Testee, target: &Source, listed: &Repository) {
    let what = RemoveRequest {
        id: listed.id.clone(),
        full_name: listed.full_name.clone(),
        ..RemoveRequest::default()
    };
    relayed(testee, target, |opened| opened.remove(&what)).unwrap();
    relayed(testee, target, |opened| opened.remove(&what)).unwrap_err();
}

pub fn target(name: &str, api_url: String) -> Source {
    Source {
        title: "back".into(),
        name: name.into(),
        api_url,
        target: true,
        secrets: [("password".to_owned(), Secret::new(TOKEN))].into(),
        ..Source::default()
    }
}
