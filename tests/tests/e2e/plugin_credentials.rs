//! Credentials that a plugin sends or makes: where they go, and where they are never seen.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use forgekeep_tests::{Action, Fault, Forge, Logged, Request, RequestKind, compare};
use serde_json::json;

use crate::plugin_calls::{Beside, MINTED, SECRET};
use crate::support::{error, files, forge, source};

/// Statuses of redirects, and those that repeat a POST.
const MOVED: [u16; 4] = [301, 302, 307, 308];

/// Panics if a secret stands anywhere in what a server was sent.
#[track_caller]
fn assert_unseen(trap: &Forge) {
    for request in trap.requests() {
        let seen = format!("{request:?}");
        assert!(!seen.contains(SECRET), "{seen}");
        let names = request.headers.iter().map(|(name, _)| name);
        let own = ["private-token", "authorization", "cookie"];
        for name in names {
            assert!(!own.contains(&name.to_lowercase().as_str()), "{seen}");
        }
    }
}

#[track_caller]
fn has_token(request: &Logged) -> bool {
    let mut headers = request.headers.iter();
    headers.any(|(name, value)| name.eq_ignore_ascii_case("private-token") && value == SECRET)
}

#[test]
fn a_redirect_elsewhere_is_followed_without_the_hosters_own_field() {
    // What it answers there is what the source comes to.
    for (answer, kind) in [
        (200, None),
        (401, Some("credentials")),
        (404, Some("not-found")),
    ] {
        let (trap, beside) = (forge(), Beside::new());
        let body = json!({"values": []});
        trap.inject(Fault::on(RequestKind::Api, Action::json(answer, &body)));
        let mut sources = Vec::new();
        for status in MOVED {
            // As the request's credentials, and as one field among others.
            for mode in [format!("moved-{status}"), format!("moved-field-{status}")] {
                let to = format!("{}/2.0/landed-{mode}", trap.api_url());
                let redirect = Fault::on(RequestKind::Api, Action::redirect(status, &to));
                beside.world.forge.inject(redirect.containing(&mode));
                sources.push(mode);
            }
        }
        beside.name_each(&sources.iter().map(String::as_str).collect::<Vec<_>>());
        let code = if kind.is_some() { 3 } else { 0 };
        let run = beside.backup("by-name").expect(code);
        for mode in &sources {
            let moved = source(&run, mode);
            assert_eq!(moved["error"]["kind"], json!(kind), "{moved:#}");
            let asked = beside.world.forge.requests();
            let asked = asked.iter().find(|request| request.target.ends_with(mode));
            assert!(asked.is_some_and(has_token), "{asked:?}");
        }
        assert_eq!(
            trap.requests().len(),
            sources.len(),
            "{:?}",
            trap.requests()
        );
        assert_unseen(&trap);
    }
}

#[test]
fn a_redirect_that_takes_the_secret_along_is_refused() {
    let (trap, beside) = (forge(), Beside::new());
    let own = &beside.world.forge;
    let mut sources = Vec::new();
    for status in MOVED {
        // In the address, plain and as it may be written too.
        for (form, secret) in [
            ("plain", SECRET.to_owned()),
            ("base64", STANDARD.encode(SECRET)),
        ] {
            let mode = format!("moved-{status}-{form}");
            let to = format!("{}/2.0/landed?token={secret}", trap.api_url());
            let redirect = Fault::on(RequestKind::Api, Action::redirect(status, &to));
            own.inject(redirect.containing(&mode));
            sources.push(mode);
        }
    }
    for status in [307, 308] {
        let mode = format!("moved-post-{status}");
        let to = format!("{}/2.0/landed", trap.api_url());
        let redirect = Fault::on(RequestKind::Api, Action::redirect(status, &to));
        own.inject(redirect.containing(&mode));
        sources.push(mode);
    }
    beside.name_each(&sources.iter().map(String::as_str).collect::<Vec<_>>());
    let run = beside.backup("by-name").expect(3);
    for mode in &sources {
        let said = error(source(&run, mode));
        assert!(said.starts_with("policy: "), "{mode}: {said}");
        assert!(!said.contains(SECRET), "{mode}: {said}");
    }
    assert!(trap.requests().is_empty(), "{:?}", trap.requests());
}

#[test]
fn a_redirect_within_the_own_origin_keeps_the_hosters_own_field() {
    let beside = Beside::new();
    let landed = Fault::on(RequestKind::Api, Action::json(200, &json!({})));
    let own = &beside.world.forge;
    own.inject(landed.containing("landed"));
    let to = format!("{}/2.0/landed", own.api_url());
    let redirect = Fault::on(RequestKind::Api, Action::redirect(307, &to));
    own.inject(redirect.containing("moved-"));
    beside.name_each(&["moved-307", "moved-post-307"]);
    beside.backup("by-name").expect(0);
    let requests = own.requests();
    let landed = requests.iter().filter(|r| r.target.ends_with("landed"));
    let landed: Vec<_> = landed.collect();
    assert_eq!(landed.len(), 2, "{requests:?}");
    assert!(landed.into_iter().all(has_token), "{requests:?}");
}

/// Takes `Authorization: token …` for what the forge knows, and nothing else.
fn by_token(request: &mut Request) {
    for (name, value) in &mut request.headers {
        if name.eq_ignore_ascii_case("authorization") {
            *value = match value.strip_prefix("token ") {
                Some(token) => {
                    let pair = STANDARD.encode(format!("misbehaving:{token}"));
                    format!("Basic {pair}")
                }
                None => "Basic bm9ib2R5OndoYXRldmVy".to_owned(),
            };
        }
    }
}

#[test]
fn another_scheme_of_authorization_lists_and_clones() {
    let beside = Beside::new();
    let odd = json!({"title": "odd", "hoster": "misbehaving", "name": "acme", "password": SECRET});
    beside.world.configure(&[odd]);
    let kinds = [
        RequestKind::Api,
        RequestKind::InfoRefs,
        RequestKind::UploadPack,
    ];
    for kind in kinds {
        let fault = Fault::on(kind, Action::AlterRequest(by_token));
        beside.world.forge.inject(fault);
    }
    let run = beside.invoke(&["backup", "-vvv"], "token-scheme").run();
    let run = run.expect(0);
    assert!(!format!("{run:?}").contains(SECRET), "{run:#?}");
    let upstream = beside.world.forge.repository("one").git_dir();
    let mirror = beside.world.sandbox.backup().join("odd/acme#one/repo");
    compare::assert_mirror(&upstream, &mirror);
    let sent = format!("{:?}", beside.world.forge.requests());
    assert!(
        sent.contains(&format!("Other(\"token {SECRET}\")")),
        "{sent}"
    );
    for kind in kinds {
        assert!(beside.world.forge.count(kind) > 0);
    }
}

#[test]
fn what_may_have_been_done_is_sent_again_only_if_it_is_marked() {
    let elsewhere = forge();
    elsewhere.inject(Fault::on(RequestKind::Api, Action::status(502)));
    let beside = Beside::new();
    let modes = [
        "once-POST",
        "once-PATCH",
        "once-PUT",
        "once-DELETE",
        "marked-POST",
        "marked-PUT",
        "marked-DELETE",
    ];
    let odd = |mode| json!({"title": mode, "hoster": "misbehaving", "name": mode});
    let mut sources = modes.map(odd).to_vec();
    sources.push(beside.world.source());
    let options = json!({"network": {"retries": 2, "longestWaitSeconds": 1}});
    beside.world.configure_with(&sources, &options);
    let backup = beside.invoke_beside(&["backup"], "by-name", elsewhere.api_url());
    let run = beside.assert_good("by-name", backup.run()).expect(3);
    for mode in modes {
        let said = error(source(&run, mode));
        assert!(
            said.starts_with("unavailable: ") && said.contains("502"),
            "{said}"
        );
        let asked = elsewhere.requests();
        let asked = asked.iter().filter(|r| r.target.ends_with(mode)).count();
        let times = if mode.starts_with("marked") { 3 } else { 1 };
        assert_eq!(asked, times, "{mode}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_minted_token_is_in_no_output_no_file_and_no_process() {
    for mode in ["minted", "minted-early"] {
        let beside = Beside::new();
        let own = &beside.world.forge;
        own.repository("two").commit("more");
        own.inject(Fault::on(RequestKind::UploadPack, Action::Hang).first(1));
        let backup = beside.invoke(&["backup", "--jobs", "1", "-vvv"], mode);
        let running = backup.env("RUST_LOG", "trace").spawn();
        own.wait_for(RequestKind::UploadPack, 1);
        let mut looked_at = 0;
        for process in family(running.pid()) {
            for file in ["cmdline", "comm", "environ"] {
                let bytes = fs::read(format!("/proc/{process}/{file}")).unwrap_or_default();
                let text = String::from_utf8_lossy(&bytes);
                assert!(!text.contains(MINTED) && !text.contains(SECRET), "{text}");
                looked_at += usize::from(!bytes.is_empty());
            }
        }
        // The host's and the worker's.
        assert!(looked_at >= 4, "{looked_at}");
        own.release();
        let run = running.wait();
        let said = format!("{}{}{:?}", run.stdout, run.stderr, run.report);
        assert!(said.contains("the token is **redacted**"), "{said}");
        for secret in [MINTED, SECRET] {
            assert!(!said.contains(secret), "{said}");
            for file in files(&beside.world.sandbox.backup()) {
                let content = fs::read(&file).unwrap();
                let content = String::from_utf8_lossy(&content);
                assert!(!content.contains(secret), "{file:?}");
            }
        }
        // It was in use.
        let sent = format!("{:?}", own.requests());
        assert!(sent.contains(MINTED), "{sent}");
    }
}

#[test]
#[cfg(unix)]
fn a_minted_token_among_last_words_is_not_told() {
    let beside = Beside::new();
    let run = beside.invoke(&["backup", "-vvv"], "minted-abort").run();
    let run = beside.assert_good("minted-abort", run).expect(3);
    let said = error(&source(&run, "odd")["repositories"][0]);
    assert!(
        said.contains("last words: the token is **redacted**"),
        "{said}"
    );
    assert!(!format!("{run:?}").contains(MINTED), "{run:#?}");
    for file in files(&beside.world.sandbox.backup()) {
        let content = fs::read(&file).unwrap();
        assert!(
            !String::from_utf8_lossy(&content).contains(MINTED),
            "{file:?}"
        );
    }
}

/// A process and those that it has started.
#[cfg(target_os = "linux")]
fn family(process: u32) -> Vec<u32> {
    let mut found = vec![process];
    for thread in fs::read_dir(format!("/proc/{process}/task"))
        .unwrap()
        .flatten()
    {
        let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        found.extend(
            children
                .split_whitespace()
                .map(|id| id.parse::<u32>().unwrap()),
        );
    }
    found
}
