//! The plugin through its exported table, and the conformance kit.

#![allow(clippy::unwrap_used)]

use forgekeep_hoster_git::Git;
use forgekeep_plugin_sdk::{
    AccessRequest, Auth, Deed, Local, OptionValue, Repository, Secret, Severity, Source, Ssh, Way,
};
use forgekeep_plugin_testkit::{Script, Testee, conformance};

fn source(urls: &[&str]) -> Source {
    let urls = urls.iter().map(|url| (*url).to_owned()).collect();
    Source {
        title: "servers".into(),
        name: "servers".into(),
        api_url: "https://git.invalid".into(),
        options: [("urls".to_owned(), OptionValue::List(urls))].into(),
        ..Source::default()
    }
}

fn list(source: &Source) -> Vec<Repository> {
    let opened = Testee::of::<Git>().open(source, &Script::new()).unwrap();
    let mut all = Vec::new();
    let mut cursor = None;
    loop {
        let page = opened.list(cursor.as_deref()).unwrap();
        all.extend(page.repositories);
        cursor = page.next;
        if cursor.is_none() {
            return all;
        }
    }
}

fn errors(source: &Source) -> Vec<String> {
    let findings = Testee::of::<Git>().validate(source).unwrap();
    let errors = findings
        .into_iter()
        .filter(|f| f.severity == Severity::Error);
    errors
        .map(|finding| format!("{}: {}", finding.key, finding.message))
        .collect()
}

#[test]
fn it_conforms() {
    conformance::run_without_a_forge::<Git>();
}

#[test]
fn what_is_named_is_listed_page_by_page_and_nobody_is_asked() {
    let many: Vec<String> = (0..2500)
        .map(|number| format!("https://h/{number}.git"))
        .collect();
    let mut all: Vec<&str> = many.iter().map(String::as_str).collect();
    all.push("# a remark");
    all.push(" git@h.example:acme/web.git ");
    all.push("/srv/git/x");
    let repositories = list(&source(&all));
    assert_eq!(repositories.len(), 2502);
    let last = &repositories[2500..];
    assert_eq!(last[0].full_name, "h.example/acme/web");
    assert_eq!(last[0].id, last[0].full_name);
    assert_eq!(last[0].parts[0].url, "git@h.example:acme/web.git");
    assert_eq!(last[1].full_name, "local/srv/git/x");
    assert!(repositories.iter().all(|one| one.parts[0].named));
}

#[test]
fn access_is_by_what_the_address_is() {
    let mut source = source(&[
        "https://h/a.git",
        "ssh://dev@h:2222/b.git",
        "dev@h:c",
        "/srv/git/d",
    ]);
    let path = OptionValue::Text("/opt/git/git-upload-pack".into());
    source.options.insert("uploadPack".into(), path);
    let secret = Secret::new("0123456789abcdef");
    source.secrets.insert("password".into(), secret.clone());
    let ways = |source: &Source| -> Vec<Way> {
        let opened = Testee::of::<Git>().open(source, &Script::new()).unwrap();
        let all = opened.list(None).unwrap().repositories;
        let access = |one: &Repository| {
            let what = AccessRequest::new(one, &one.parts[0], Deed::Fetch);
            opened.access(&what).unwrap().way
        };
        all.iter().map(access).collect()
    };
    let upload_pack = "/opt/git/git-upload-pack".to_owned();
    let ssh = |port, path: &str| {
        Way::Ssh(Ssh {
            user: "dev".into(),
            host: "h".into(),
            port,
            path: path.into(),
            upload_pack: upload_pack.clone(),
        })
    };
    assert_eq!(
        ways(&source),
        [
            Way::Http(Auth::basic("git", &secret)),
            ssh(Some(2222), "/b.git"),
            ssh(None, "c"),
            Way::Local(Local {
                path: "/srv/git/d".into(),
                upload_pack: upload_pack.clone(),
            }),
        ]
    );
    source.auth_name = "deploy".into();
    assert_eq!(ways(&source)[0], Way::Http(Auth::basic("deploy", &secret)));
    source.secrets.clear();
    assert_eq!(ways(&source)[0], Way::Http(Auth::None));
}

#[test]
fn what_cannot_work_is_told_with_its_number() {
    assert_eq!(
        errors(&source(&["https://h/a", "git@h:b", "/srv/c"])),
        [""; 0]
    );
    assert_eq!(
        errors(&source(&["# none", " "])),
        ["urls: urls holds no address"]
    );
    assert_eq!(
        errors(&source(&["https://h/a", "# x", "ext::sh -c id"])),
        [
            "urls: entry 3 of urls cannot be used: git runs the program `git-remote-ext` for it, which is not done here"
        ]
    );
    assert_eq!(
        errors(&source(&["https://h/a", "ssh://git@h/a.git"])),
        ["urls: entries 1 and 2 of urls are for one folder: h/a"]
    );
    // A password is for one host.
    let mut two = source(&["https://h/a", "https://h/b", "https://i/a", "ssh://j/a"]);
    assert_eq!(errors(&two), [""; 0]);
    two.secrets
        .insert("password".into(), Secret::new("0123456789abcdef"));
    assert_eq!(
        errors(&two),
        ["password: one password would go to 2 hosts: https://h, https://i"]
    );
}
