//! `forgekeep notify test`.

use serde_json::json;

use super::smtp::{Server, Speaks};
use super::web::{Answer, Receiver};
use super::{HOOK, PING, configure, mail, ping, webhook};
use crate::support::World;

#[test]
fn each_channel_gets_a_message_and_the_worst() {
    let world = World::new();
    let presets = ["slack", "teams", "discord", "ntfy", "gotify", "apprise"];
    let receivers: Vec<Receiver> = presets.iter().map(|_| Receiver::start()).collect();
    let (own, by_template, pings) = (Receiver::start(), Receiver::start(), Receiver::start());
    let pager = Receiver::start();
    let server = Server::start(&Speaks::Plain, false);
    let mut notify = vec![mail(&server), webhook(&own), ping(&pings)];
    for (preset, receiver) in presets.iter().zip(&receivers) {
        let mut channel = webhook(receiver);
        channel["preset"] = (*preset).into();
        notify.push(channel);
    }
    let mut channel = webhook(&pager);
    channel["preset"] = "pagerduty".into();
    channel["routingKey"] = "R0utingKey0123456789".into();
    notify.push(channel);
    let mut channel = webhook(&by_template);
    channel["template"] = "{\"what\": {{ title }}, \"more\": [{{ text }}, {{ exitCode }}]}".into();
    notify.push(channel);
    // The sources' credentials have nothing to do with it.
    let sources = [world.source_with("password", "%NOT_SET%")];
    configure(&world, &json!({"notify": notify, "sources": sources}));
    let run = world.forgekeep(&["notify", "test"]).run().expect(0);
    assert_eq!(
        run.stdout.matches(": ok").count(),
        2 * notify.len(),
        "{}",
        run.stdout
    );
    assert!(!run.stdout.contains(HOOK) && !run.stdout.contains(PING));
    let all = [&own, &by_template, &pager].into_iter().chain(&receivers);
    for receiver in all {
        let messages = receiver.take();
        assert_eq!(messages.len(), 2);
        for message in messages {
            assert!(
                message.head.contains("application/json"),
                "{}",
                message.head
            );
            assert!(message.json().is_object());
        }
    }
    let sent = server.take();
    assert_eq!(sent.len(), 2);
    assert!(sent[1].text.len() > 10_000);
    let paths: Vec<String> = pings.take().into_iter().map(|ping| ping.path).collect();
    // Never that all is well.
    assert_eq!(
        paths,
        [format!("/ping/{PING}/start"), format!("/ping/{PING}/fail")]
    );
    assert!(!world.sandbox.backup().exists());
}

#[test]
fn what_does_not_arrive_is_said_of_each() {
    let world = World::new();
    let (good, bad) = (Receiver::start(), Receiver::start());
    bad.answer(Answer::Status(404, format!("no_service {HOOK}")));
    let mut broken = webhook(&good);
    broken["template"] = "{\"text\": \"{{ text }}\"}".into();
    let unset = json!({"kind": "webhook", "url": "%NOT_SET%"});
    configure(
        &world,
        &json!({"notify": [webhook(&good), webhook(&bad), broken, unset]}),
    );
    let run = world.forgekeep(&["notify", "test"]).run().expect(3);
    for part in [
        "(notify[0]): message: ok",
        "(notify[1]): message: failed\n  it answered with status 404: no_service",
        "its template makes no JSON",
        "without quotes round it",
        "notify[3].url: failed",
        "NOT_SET",
    ] {
        assert!(run.stdout.contains(part), "no {part} in {}", run.stdout);
    }
    assert!(!run.stdout.contains(HOOK), "{}", run.stdout);
    let run = world
        .forgekeep(&["notify", "test", "--json"])
        .run()
        .expect(3);
    let document = crate::json::document(&run, "notify");
    assert_eq!(document["exitCode"], 3);
    let channels = document["channels"].as_array().unwrap();
    assert_eq!(channels.len(), 4);
    assert_eq!(channels[0]["worst"]["outcome"], "ok");
    assert_eq!(channels[1]["normal"]["error"]["kind"], "bad-answer");
    // A check says it of those that cannot be used at all.
    let run = world.forgekeep(&["check", "--offline"]).run().expect(0);
    assert!(run.stdout.contains("NOT_SET"), "{}", run.stdout);
}

#[test]
fn without_anybody_to_tell_it_says_so() {
    let world = World::new();
    let run = world.forgekeep(&["notify", "test"]).run().expect(10);
    assert!(run.stderr.contains("nobody is told"), "{}", run.stderr);
}
