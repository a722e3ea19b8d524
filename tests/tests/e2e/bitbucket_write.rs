//! The fake Bitbucket as something that is written to: what is made there is as it should be, and what is
//! not allowed is refused.

use forgekeep_tests::{Account, Action, Fault, Forge, Logged, RequestKind, Sandbox, git};
use serde_json::{Value, json};

use crate::openapi::fake::{basic, send};
use crate::support::{EMAIL, TOKEN, USER};

const WEB: &str = "/2.0/repositories/acme/web";

fn forge() -> (Forge, Account) {
    let forge = Forge::builder().writer(EMAIL, USER, TOKEN).build();
    let account = forge.accounts().remove(0);
    (forge, account)
}

/// Asks the API.
fn ask(
    forge: &Forge,
    account: &Account,
    method: &str,
    target: &str,
    document: &Value,
) -> (u16, Value) {
    send(forge, method, target, &basic(account), document)
}

fn create(forge: &Forge, account: &Account, slug: &str, document: &Value) -> (u16, Value) {
    let target = format!("/2.0/repositories/acme/{slug}");
    ask(forge, account, "POST", &target, document)
}

/// Pushes as somebody with a token; git's own words if it fails.
fn push(sandbox: &Sandbox, forge: &Forge, token: &str, refs: &[&str]) -> Result<String, String> {
    let url = format!("{}/acme/web.git", forge.git_url());
    let url = url.replace("http://", &format!("http://{USER}:{token}@"));
    let mut arguments = vec!["push", "--porcelain", &url];
    arguments.extend(refs);
    git::try_run(&sandbox.path("from.git"), &arguments)
}

#[test]
fn made_pushed_to_set_up_and_removed() {
    let (forge, account) = forge();
    let sandbox = Sandbox::new();
    git::repository(&sandbox.path("from.git"));
    git::run(&sandbox.path("from.git"), &["branch", "trunk", "main"]);
    forge.pipelines_for_new();
    let wanted = json!({ "scm": "git", "is_private": true, "description": "The site" });
    let (status, made) = create(&forge, &account, "web", &wanted);
    assert_eq!((status, &made["is_private"]), (200, &json!(true)));
    assert_eq!(made["description"], "The site");
    assert_eq!(made["mainbranch"], Value::Null);
    let repository = forge.repository("web");
    assert_eq!(made["uuid"], *repository.uuid());
    let by_id = format!("/2.0/repositories/acme/{}", repository.uuid());
    let by_id = by_id.replace('{', "%7B").replace('}', "%7D");

    assert_eq!(forge.pipelines(repository), Some(true));
    let config = format!("{by_id}/pipelines_config");
    let off = json!({ "enabled": false });
    assert_eq!(ask(&forge, &account, "PUT", &config, &off).0, 200);
    assert_eq!(forge.pipelines(repository), Some(false));

    let trunk = json!({ "mainbranch": { "name": "trunk" } });
    assert_eq!(ask(&forge, &account, "PUT", &by_id, &trunk).0, 400);
    push(&sandbox, &forge, TOKEN, &["trunk"]).unwrap();
    let (status, set) = ask(&forge, &account, "PUT", &by_id, &trunk);
    assert_eq!((status, &set["mainbranch"]["name"]), (200, &json!("trunk")));
    push(&sandbox, &forge, TOKEN, &["main"]).unwrap();
    let entry = repository.entry();
    assert_eq!(entry.main_branch.as_deref(), Some("trunk"));
    let pushed = git::run(&sandbox.path("from.git"), &["rev-parse", "main"]);
    assert_eq!(repository.rev_parse("main"), pushed);

    let writing: Vec<_> = forge
        .requests()
        .into_iter()
        .filter(Logged::writes)
        .collect();
    let writing: Vec<_> = writing
        .iter()
        .map(|one| (one.kind, one.method.as_str()))
        .collect();
    assert_eq!(
        writing,
        [
            (RequestKind::Api, "POST"),
            (RequestKind::Api, "PUT"),
            (RequestKind::Api, "PUT"),
            (RequestKind::ReceivePack, "POST"),
            (RequestKind::Api, "PUT"),
            (RequestKind::ReceivePack, "POST"),
        ]
    );
    assert_eq!(ask(&forge, &account, "DELETE", &by_id, &Value::Null).0, 204);
    assert_eq!(ask(&forge, &account, "GET", WEB, &Value::Null).0, 404);
    assert!(push(&sandbox, &forge, TOKEN, &["main"]).is_err());
}

#[test]
fn what_is_not_allowed_is_refused() {
    let (forge, account) = forge();
    let sandbox = Sandbox::new();
    git::repository(&sandbox.path("from.git"));
    git::run(&sandbox.path("from.git"), &["branch", "trunk", "main"]);
    let reader = Account::api_token("r@example.com", USER, "ATAT-reader").member_of("acme");
    forge.change(|state| state.accounts.push(reader.clone()));
    let wanted = json!({ "is_private": true });
    assert_eq!(create(&forge, &reader, "web", &wanted).0, 403);
    for (slug, project) in [
        ("Web", "PROJ"),
        ("web.git", "PROJ"),
        ("a--b", "PROJ"),
        ("web", "OPS"),
    ] {
        let document = json!({ "project": { "key": project } });
        let (status, refusal) = create(&forge, &account, slug, &document);
        assert_eq!(status, 400, "{slug} {project}");
        assert!(refusal["error"]["fields"].is_object());
    }
    forge.inject(
        Fault::on(RequestKind::Api, Action::retry_after(429, 1))
            .method("POST")
            .nth(2),
    );
    let statuses = ["web", "api", "api"].map(|slug| create(&forge, &account, slug, &wanted).0);
    assert_eq!(statuses, [200, 429, 200]);
    assert_eq!(create(&forge, &account, "web", &wanted).0, 400);

    assert!(push(&sandbox, &forge, "ATAT-reader", &["main"]).is_err());
    forge.refuse_refs(&["refs/heads/trunk"]);
    let refused = push(&sandbox, &forge, TOKEN, &["main", "trunk"]);
    assert!(refused.is_err(), "{refused:?}");
    let branches = || forge.repository("web").rev_parse("refs/heads/main");
    assert_eq!(
        branches(),
        git::run(&sandbox.path("from.git"), &["rev-parse", "main"])
    );
    let api = forge.repository("web").git_dir();
    assert!(git::tip(&api, "trunk").is_none());
    forge.take_pushes();
    forge.refuse_pushes();
    assert!(push(&sandbox, &forge, TOKEN, &["trunk"]).is_err());
    forge.take_pushes();
    push(&sandbox, &forge, TOKEN, &["trunk"]).unwrap();

    forge.largest_push(100);
    assert_eq!(ask(&forge, &account, "DELETE", WEB, &Value::Null).0, 204);
    assert_eq!(create(&forge, &account, "web", &wanted).0, 200);
    assert!(push(&sandbox, &forge, TOKEN, &["main"]).is_err());
}
