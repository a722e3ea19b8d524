//! Mail: protected as it was asked for, and as SCM Backup has it.

use serde_json::{Value, json};

use super::smtp::{Server, Speaks};
use super::{SMTP_PASSWORD, assert_secret, configure, fail, mail, plain, warnings};
use crate::faults::certified;
use crate::support::World;

/// A mail server with TLS, and a file with its authority's certificate.
fn secured(
    world: &World,
    speaks: impl Fn(std::sync::Arc<rustls::ServerConfig>) -> Speaks,
) -> (Server, String) {
    let (config, authority) = certified("127.0.0.1");
    world.sandbox.write("ca.pem", authority);
    (Server::start(&speaks(config), false), "ca.pem".to_owned())
}

fn with(mut mail: Value, key: &str, value: impl Into<Value>) -> Value {
    mail[key] = value.into();
    mail
}

#[test]
fn a_connection_is_protected_and_certificates_are_checked() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    fail(&world, "web");
    for (security, speaks) in [
        ("tls", Speaks::Tls as fn(_) -> _),
        ("starttls", Speaks::StartTls as fn(_) -> _),
        ("starttlsIfOffered", Speaks::StartTls as fn(_) -> _),
    ] {
        let (server, ca) = secured(&world, speaks);
        let channel = with(mail(&server), "security", security);
        configure(
            &world,
            &json!({"notify": [with(channel.clone(), "caFile", ca)]}),
        );
        let run = world.backup().expect(3);
        assert_eq!(warnings(&run), "", "{security}");
        let mails = server.take();
        assert_eq!(mails.len(), 1, "{security}");
        assert!(mails[0].encrypted, "{security}");
        assert!(
            mails[0]
                .commands
                .iter()
                .any(|c| c.starts_with("AUTH PLAIN"))
        );
        // Nothing of the login went before.
        let begun = mails[0].commands.iter().position(|c| c == "STARTTLS");
        let login = mails[0].commands.iter().position(|c| c.starts_with("AUTH"));
        assert!(begun.is_none() || begun < login);

        // Without the file, nobody vouches for it.
        configure(&world, &json!({"notify": [channel]}));
        let run = world.backup().expect(3);
        assert!(server.take().is_empty(), "{security}");
        let said = warnings(&run);
        assert!(
            said.contains("the mail server 127.0.0.1 was not told"),
            "{said}"
        );
        assert!(said.contains("certificate"), "{said}");
        assert_secret(&world, &run);
    }
}

#[test]
fn without_starttls_nothing_is_sent_that_needs_it() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    fail(&world, "web");
    let server = Server::start(&Speaks::Plain, false);
    configure(
        &world,
        &json!({"notify": [with(mail(&server), "security", "starttls")]}),
    );
    let run = world.backup().expect(3);
    assert!(warnings(&run).contains("STARTTLS"), "{}", warnings(&run));
    assert!(server.take().is_empty());
    assert!(
        !server
            .commands()
            .iter()
            .any(|command| command.starts_with("AUTH"))
    );
}

#[test]
fn a_password_in_plain_text_goes_to_no_other_machine() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let server = Server::start(&Speaks::Plain, false);
    // This machine, by an address that does not look it.
    let email = json!({
        "from": "a@example.com", "to": "b@example.com;c@example.com", "server": "[::ffff:127.0.0.1]",
        "port": server.port, "useSsl": false, "userName": "u", "password": SMTP_PASSWORD,
    });
    configure(&world, &json!({"email": email}));
    world.forgekeep(&["check"]).run().expect(0);
    let run = world.backup().expect(0);
    let said = warnings(&run);
    assert!(
        said.contains("the password would be sent unencrypted, so the mail is not sent"),
        "{said}"
    );
    assert!(server.take().is_empty());
    assert!(
        !server
            .commands()
            .iter()
            .any(|command| command.starts_with("AUTH"))
    );
    assert_secret(&world, &run);
    // Without a login there is no password.
    configure(&world, &json!({"email": with(email, "userName", "")}));
    let run = world.backup().expect(0);
    assert_eq!(warnings(&run), "");
    assert_eq!(server.take().len(), 1);
}

#[test]
fn the_email_of_scm_backup_comes_after_each_run() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let server = Server::start(&Speaks::Plain, false);
    let email = json!({
        "from": "from@example.com", "to": "b@example.com; c@example.com", "server": "127.0.0.1",
        "port": server.port, "useSsl": false, "userName": "user", "password": SMTP_PASSWORD,
    });
    configure(&world, &json!({"email": email}));
    for code in [0, 3, 0] {
        match code {
            3 => fail(&world, "web"),
            _ => world.forge.clear_faults(),
        }
        let run = world.backup().expect(code);
        assert!(!run.stderr.contains("email"), "{}", run.stderr);
        let mails = server.take();
        assert_eq!(mails.len(), 1, "{code}");
        let text = &mails[0].text;
        for field in [
            "From: from@example.com",
            "To: b@example.com, c@example.com",
            "Subject: Forgekeep on ",
            "Message-ID: <",
            "Date: ",
            "Content-Type: text/plain; charset=utf-8",
        ] {
            assert!(text.contains(field), "no {field} in {text}");
        }
        assert!(plain(&mails[0]).contains(&format!("exit code {code}")));
        let hello = mails[0]
            .commands
            .iter()
            .find(|c| c.starts_with("EHLO"))
            .unwrap();
        assert!(hello.len() > "EHLO ".len());
        assert_secret(&world, &run);
    }
}

#[test]
fn a_login_that_is_refused_says_what_to_do() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let server = Server::start(&Speaks::Plain, true);
    let channel = with(mail(&server), "on", json!(["always"]));
    configure(&world, &json!({"notify": [channel]}));
    let run = world.backup().expect(0);
    let warning = &run.report.as_ref().unwrap()["warnings"][0];
    assert!(
        warning["message"].as_str().unwrap().contains("535"),
        "{warning}"
    );
    assert!(
        warning["hint"]
            .as_str()
            .unwrap()
            .contains("Exchange Online"),
        "{warning}"
    );
    assert_secret(&world, &run);
}
