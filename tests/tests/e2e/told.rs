//! Who is told of a run: each within it, once, with what failed and what to do, and no secret.

mod checks;
mod early;
mod hooks;
mod mail;
mod sent_later;
mod smtp;
mod tested;
mod units;
mod web;

use std::fs;
use std::path::Path;

use forgekeep_tests::{Action, Fault, RequestKind, Run};
use serde_json::{Value, json};
use smtp::{Server, Speaks};
use web::Receiver;

use crate::support::{TOKEN, World, files, report};

/// What stands in each address, and is nobody's to see.
pub const HOOK: &str = "hook-T0Ken-0123456789abcdef";
pub const PING: &str = "8f14e45f-ea3c-4b5a-9d7b-1c2d3e4f5a6b";
pub const SMTP_PASSWORD: &str = "smtp-Passw0rd-xyz";

/// A configuration with these keys beside the sources.
pub fn configure(world: &World, more: &Value) {
    let mut content = json!({
        "localFolder": world.sandbox.backup(),
        "options": {"network": {"retries": 0, "limitWaitMinutes": 0}},
        "sources": [world.source()],
    });
    for (key, value) in more.as_object().unwrap() {
        content[key] = value.clone();
    }
    world.sandbox.write("settings.yml", format!("{content:#}"));
}

pub fn webhook(receiver: &Receiver) -> Value {
    json!({"kind": "webhook", "url": format!("{}/services/{HOOK}", receiver.url)})
}

pub fn ping(receiver: &Receiver) -> Value {
    json!({"kind": "ping", "url": format!("{}/ping/{PING}", receiver.url)})
}

pub fn mail(server: &Server) -> Value {
    json!({
        "kind": "mail", "server": "127.0.0.1", "port": server.port,
        "from": "Backup <backup@example.com>", "to": ["ops@example.com", "boss@example.com"],
        "userName": "backup", "password": SMTP_PASSWORD,
    })
}

/// Has a repository fail from now on.
pub fn fail(world: &World, slug: &str) {
    let fault = Fault::on(RequestKind::InfoRefs, Action::status(500));
    world.forge.inject(fault.repository(slug));
}

/// The messages of a run's own warnings, one in each line.
pub fn warnings(run: &Run) -> String {
    let warnings = report(run)["warnings"].as_array().cloned();
    let texts = warnings.unwrap_or_default();
    let texts = texts
        .iter()
        .map(|w| w["message"].as_str().unwrap().to_owned());
    texts.collect::<Vec<_>>().join("\n")
}

/// Panics if a secret is in what a run has said or left.
#[track_caller]
pub fn assert_secret(world: &World, run: &Run) {
    let report = run.report.as_ref().map(ToString::to_string);
    let mut texts = vec![run.stdout.clone(), run.stderr.clone()];
    texts.extend(report);
    for file in [world.sandbox.backup(), world.sandbox.path("home")]
        .iter()
        .flat_map(|folder| files(folder))
    {
        if is_copy(&file) {
            continue;
        }
        texts.push(String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned());
    }
    for text in texts {
        for secret in [HOOK, PING, SMTP_PASSWORD, TOKEN] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

/// Whether it is the copy of who is told, which has secrets as the configuration has them, and is nobody else's.
fn is_copy(file: &Path) -> bool {
    let name = file.file_name().unwrap().to_str().unwrap();
    let is_copy = name.starts_with("notify-copy-");
    #[cfg(unix)]
    if is_copy {
        use std::os::unix::fs::MetadataExt as _;
        assert_eq!(fs::metadata(file).unwrap().mode() & 0o777, 0o600);
    }
    is_copy
}

#[track_caller]
fn assert_clean(text: &str) {
    for secret in [HOOK, PING, SMTP_PASSWORD, TOKEN] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

/// The text of a mail, whatever it came through.
pub fn plain(mail: &smtp::Received) -> String {
    let (head, body) = mail.text.split_once("\r\n\r\n").unwrap();
    let body = body.replace("\r\n..", "\r\n.");
    match head.contains("quoted-printable") {
        true => body.replace("=\r\n", "").replace("=3D", "="),
        false => body,
    }
}

#[test]
fn a_night_that_fails_is_told_to_each_once_and_so_is_that_it_has_passed() {
    let world = World::new();
    world.forge.repository("api").commit("one");
    world.forge.repository("web").commit("one");
    let (hook, slack, pings) = (Receiver::start(), Receiver::start(), Receiver::start());
    let server = Server::start(&Speaks::Plain, false);
    let mut to_slack = webhook(&slack);
    to_slack["preset"] = "slack".into();
    let all = json!([mail(&server), webhook(&hook), to_slack, ping(&pings)]);
    configure(&world, &json!({"notify": all}));
    world.backup().expect(0);
    assert!(server.take().is_empty() && hook.take().is_empty() && slack.take().is_empty());
    let paths = |pings: &Receiver| -> Vec<String> {
        let pings = pings.take();
        assert!(pings.iter().all(|ping| ping.method == "POST"));
        pings.into_iter().map(|ping| ping.path).collect()
    };
    let (start, success) = (format!("/ping/{PING}/start"), format!("/ping/{PING}"));
    assert_eq!(paths(&pings), [start.clone(), success.clone()]);

    fail(&world, "web");
    // Nothing is said of an address in a log either.
    let run = world.forgekeep(&["backup", "-vvv"]).run().expect(3);
    assert!(run.stderr.contains("POST "), "{}", run.stderr);
    assert_secret(&world, &run);
    assert_eq!(warnings(&run), "");
    let failed = run.repository("acme/web")["error"].clone();
    let (why, hint) = (
        failed["message"].as_str().unwrap(),
        failed["hint"].as_str().unwrap(),
    );
    let mails = server.take();
    assert_eq!(mails.len(), 1, "{mails:?}");
    let text = plain(&mails[0]);
    assert_clean(&mails[0].text);
    for part in ["acme/web", why, hint, "exit code 3"] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    for to in ["RCPT TO:<ops@example.com>", "RCPT TO:<boss@example.com>"] {
        assert!(mails[0].commands.iter().any(|command| command == to));
    }
    let messages = hook.take();
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(messages[0].path, format!("/services/{HOOK}"));
    let message = messages[0].json();
    assert_eq!(message["event"], "failure");
    assert_eq!(message["outcome"], "partial");
    assert_eq!(message["exitCode"], 3);
    assert_eq!(message["failed"], json!(["acme/web"]));
    assert!(
        message["text"].as_str().unwrap().contains(hint),
        "{message}"
    );
    assert_clean(&messages[0].body);
    let messages = slack.take();
    assert_eq!(messages.len(), 1);
    assert!(
        messages[0].json()["text"]
            .as_str()
            .unwrap()
            .contains("acme/web")
    );
    let sent = pings.take();
    let path: Vec<&str> = sent.iter().map(|ping| ping.path.as_str()).collect();
    assert_eq!(path, [start.clone(), format!("{success}/fail")]);
    assert!(sent[1].body.contains("acme/web"), "{}", sent[1].body);
    assert_clean(&sent[1].body);

    world.forge.clear_faults();
    let run = world.backup().expect(0);
    assert_secret(&world, &run);
    let mails = server.take();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].text.contains("works again"), "{}", mails[0].text);
    let messages = hook.take();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].json()["event"], "recovery");
    assert_eq!(messages[0].json()["exitCode"], 0);
    assert_eq!(slack.take().len(), 1);
    assert_eq!(paths(&pings), [start.clone(), success.clone()]);

    world.backup().expect(0);
    assert!(server.take().is_empty() && hook.take().is_empty() && slack.take().is_empty());
    assert_eq!(paths(&pings), [start, success]);
    // The reports, of which one was written twice, are whole.
    let status = world.forgekeep(&["status"]).run();
    assert!(!status.stdout.contains("damage"), "{}", status.stdout);
}

#[test]
fn a_run_over_some_sources_tells_no_ping_that_all_is_well() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let (hook, pings) = (Receiver::start(), Receiver::start());
    let mut other = world.source();
    other["title"] = "other".into();
    other["includeRepos"] = json!(["web"]);
    let notify = json!([webhook(&hook), ping(&pings)]);
    let sources = json!([world.source(), other]);
    configure(&world, &json!({"notify": notify, "sources": sources}));
    fail(&world, "web");
    world.backup().expect(3);
    assert_eq!(hook.take().len(), 1);
    assert_eq!(pings.take().len(), 2);
    world.forge.clear_faults();
    let some = |titles: &[&str]| {
        let mut arguments = vec!["backup"];
        titles
            .iter()
            .for_each(|title| arguments.extend(["--source", title]));
        world.forgekeep(&arguments).run()
    };
    some(&["acme"]).expect(0);
    assert_eq!(pings.take().len(), 0);
    // Nobody knows whether the other one is well.
    assert!(hook.take().is_empty());
    some(&["acme", "other"]).expect(0);
    assert_eq!(pings.take().len(), 2);
    assert_eq!(hook.take()[0].json()["event"], "recovery");
    // A dry run tells nobody.
    fail(&world, "web");
    let dry = world.sandbox.forgekeep(["backup", "--dry-run"]).run();
    assert!(dry.code.is_some());
    assert!(hook.take().is_empty() && pings.take().is_empty());
}

#[test]
fn an_alert_is_told_and_is_no_failure() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    let (hook, pings) = (Receiver::start(), Receiver::start());
    configure(&world, &json!({"notify": [webhook(&hook), ping(&pings)]}));
    world.backup().expect(0);
    pings.take();
    web.force_push("main");
    let run = world.backup().expect(0);
    let messages = hook.take();
    assert_eq!(messages.len(), 1, "{}", run.stdout);
    assert_eq!(messages[0].json()["event"], "alert");
    assert!(messages[0].body.contains("ALERT"), "{}", messages[0].body);
    assert_eq!(pings.take().len(), 2);
}

#[test]
fn a_message_is_not_sent_on_to_another_host() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let (hook, thief, pings) = (Receiver::start(), Receiver::start(), Receiver::start());
    configure(&world, &json!({"notify": [webhook(&hook), ping(&pings)]}));
    let elsewhere = web::Answer::Redirect(format!("{}/services/{HOOK}", thief.url));
    hook.answer(elsewhere.clone());
    pings.answer(elsewhere);
    fail(&world, "web");
    let run = world.backup().expect(3);
    assert!(thief.take().is_empty());
    let said = warnings(&run);
    assert!(
        said.contains("the webhook at 127.0.0.1 was not told"),
        "{said}"
    );
    assert!(
        said.contains("the ping at 127.0.0.1 was not told"),
        "{said}"
    );
    assert_secret(&world, &run);
}

#[test]
fn an_answer_of_200_is_no_delivery_where_it_says_so() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let pings = Receiver::start();
    configure(&world, &json!({"notify": [ping(&pings)]}));
    pings.answer(web::Answer::Status(200, "OK (not found)".to_owned()));
    let run = world.backup().expect(0);
    assert!(
        warnings(&run).contains("OK (not found)"),
        "{}",
        warnings(&run)
    );
    assert_secret(&world, &run);
}
