//! Who is told, and what is run: read, and kept secret.
// A failed step ends the test, and the panic says which one it was.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use forgekeep_config::{
    self as config, ChannelKind, Config, ConfigErrorKind, Mail, MailSecurity, Notifications,
};

const SOURCE: &str = "localFolder: x\nsources: [{title: a, hoster: b, name: c}]\n";

fn loaded(text: &str) -> Config {
    let text = format!("{SOURCE}{text}");
    config::parse(&text, Path::new("settings.yml"), &|_| None).unwrap()
}

fn refused(text: &str) -> config::ConfigError {
    let text = format!("{SOURCE}{text}");
    config::parse(&text, Path::new("settings.yml"), &|_| None).unwrap_err()
}

fn told(text: &str) -> Notifications {
    let variable = |name: &str| (name == "SET").then(|| "https://x.example/hook".to_owned());
    loaded(text).notifications(&variable)
}

fn mail(text: &str) -> Mail {
    let told = told(text);
    assert!(told.unusable.is_empty(), "{:?}", told.unusable);
    match told.channels.into_iter().next().map(|channel| channel.kind) {
        Some(ChannelKind::Mail(mail)) => mail,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_port_has_its_security_and_the_other_way_round() {
    use MailSecurity::{None, StartTls, StartTlsIfOffered, Tls};
    for (keys, port, security) in [
        ("server: s.example", 587, StartTls),
        ("server: s.example, port: 465", 465, Tls),
        ("server: s.example, port: 25", 25, StartTlsIfOffered),
        ("server: s.example, port: 2525", 2525, StartTls),
        ("server: s.example, security: tls", 465, Tls),
        ("server: s.example, security: none", 25, None),
        (
            "server: s.example, port: 1, security: starttlsIfOffered",
            1,
            StartTlsIfOffered,
        ),
        ("server: localhost", 25, StartTlsIfOffered),
        ("server: 127.0.0.1, port: 1025", 1025, StartTlsIfOffered),
        ("server: '[::1]', port: '465'", 465, Tls),
    ] {
        let mail = mail(&format!(
            "notify: [{{kind: mail, from: a@example.com, to: b@example.com, {keys}}}]"
        ));
        assert_eq!((mail.port, mail.security), (port, security), "{keys}");
    }
}

#[test]
fn the_email_of_scm_backup_is_read_as_it_does() {
    let former = |keys: &str| {
        mail(&format!(
            "email: {{from: a@example.com, to: 'b@example.com; c@example.com;', server: s.example, {keys}}}"
        ))
    };
    let mail = former("port: 0, useSsl: false, userName: '', password: x");
    assert_eq!(
        (mail.port, mail.security),
        (25, MailSecurity::StartTlsIfOffered)
    );
    assert_eq!(mail.to, ["b@example.com", "c@example.com"]);
    assert!(mail.login.is_none());
    let mail = former("useSsl: true, userName: u, password: p");
    assert_eq!((mail.port, mail.security), (465, MailSecurity::Tls));
    assert_eq!(mail.login.unwrap().1.expose(), "p");
    // Nobody is told by one that is empty.
    assert!(
        told("email: {from: '', to: '', server: ''}")
            .channels
            .is_empty()
    );
    // One that cannot be used is no error: it never was.
    for keys in [
        "from: x",
        "server: 'a b', from: a@b, to: c@d",
        "port: many, server: s",
    ] {
        let config = loaded(&format!("email: {{{keys}}}"));
        let warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
        assert!(
            warnings.iter().any(|w| w.contains("no mail is sent")),
            "{warnings:?}"
        );
    }
}

#[test]
fn what_cannot_be_meant_is_refused_where_it_stands() {
    for (text, said) in [
        ("notify: [{url: x}]", "notify[0].kind"),
        ("notify: [{kind: smoke}]", "`smoke`"),
        ("notify: [{kind: webhook}]", "notify[0].url"),
        ("notify: [{kind: webhook, url: x, preset: icq}]", "`icq`"),
        (
            "notify: [{kind: webhook, url: x, preset: slack, template: y}]",
            "`template`",
        ),
        ("notify: [{kind: webhook, preset: pagerduty}]", "routingKey"),
        ("notify: [{kind: webhook, url: x, urlFile: y}]", "urlFile"),
        (
            "notify: [{kind: ping, url: x, on: [sometimes]}]",
            "`sometimes`",
        ),
        ("notify: [{kind: ping, url: x, on: []}]", "no event"),
        (
            "notify: [{kind: mail, server: 's/x', from: a@b, to: c@d}]",
            "server",
        ),
        (
            "notify: [{kind: mail, server: s, from: a@b, to: nobody}]",
            "mail address",
        ),
        ("notify: mail", "a list"),
        ("hooks: {before: [mount]}", "hooks.before[0]"),
        ("hooks: {after: [[]]}", "no program"),
    ] {
        let error = refused(text).to_string();
        assert!(error.contains(said), "{text}: {error}");
    }
}

#[test]
fn a_secret_that_is_missing_keeps_nobody_else_from_being_told() {
    let told = told(
        "notify:\n\
         - {kind: webhook, url: '%UNSET%'}\n\
         - {kind: webhook, url: '%SET%'}\n\
         - {kind: ping, urlFile: /no/such/file}\n\
         - {kind: ping, url: 'http://far.example/x'}\n\
         - {kind: ping, url: 'https://user:pass@far.example/x'}\n\
         - {kind: webhook, preset: pagerduty, routingKey: '%SET%'}\n",
    );
    assert_eq!(told.channels.len(), 2);
    assert_eq!(told.channels[0].key, "notify[1]");
    let kinds: Vec<ConfigErrorKind> = told
        .unusable
        .iter()
        .map(config::ConfigError::kind)
        .collect();
    assert_eq!(
        kinds,
        [
            ConfigErrorKind::UnsetVariable,
            ConfigErrorKind::NotFound,
            ConfigErrorKind::InvalidValue,
            ConfigErrorKind::InvalidValue
        ]
    );
    let said = format!("{:?}", told.unusable);
    assert!(!said.contains("far.example"), "{said}");
}

#[test]
fn of_a_configuration_that_cannot_be_used_this_part_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.yml");
    let told = |text: &str| {
        std::fs::write(&file, text).unwrap();
        config::notifications_of(&file, &|_| None)
    };
    let told_of =
        told("notify: [{kind: ping, url: 'https://x.example/1'}, {kind: 7}]\nsources: 5\n");
    let told_of = told_of.unwrap();
    assert_eq!((told_of.channels.len(), told_of.unusable.len()), (1, 1));
    assert!(told_of.local_folder.is_none());
    assert!(told("notify: [").is_none());
}

#[test]
fn a_masked_copy_shows_whose_an_address_is_and_no_more() {
    let copy = |text: &str| config::masked_copy(text, Path::new("a.yml")).unwrap();
    let text = format!(
        "{SOURCE}notify:\n\
         - kind: webhook\n  url: https://hooks.example.com/services/T1/hunter2\n  routingKey: hunter4\n\
         - kind: webhook\n  webhookUrl: https://hooks.example.com/hunter5\n\
         - kind: ping\n  url: '%PING%'\n\
         - kind: ping\n  url: https://hc.example/%ID%/hunter6\n\
         - kind: mail\n  urlCommand: [pass, hunter7]\n  passwordFile: secret-file\n  password: hunter3\n\
         hooks:\n  after: [[curl, -H, 'X-Key: hunter8'], [sync]]\n\
         email: {{server: s.example, password: hunter9}}\n"
    );
    let copied = copy(&text);
    assert!(!copied.contains("hunter"), "{copied}");
    assert!(
        copied.contains("https://hooks.example.com/**masked**"),
        "{copied}"
    );
    for kept in [
        "'%PING%'",
        "secret-file",
        "curl",
        "sync",
        "s.example",
        "pass",
    ] {
        assert!(copied.contains(kept), "{kept}: {copied}");
    }
    assert_eq!(copy(&copied), copied);
}

#[test]
fn an_address_that_stands_there_is_a_secret_of_the_file() {
    let has = |text: &str| loaded(text).has_literal_secret();
    assert!(!has(""));
    assert!(!has("notify: [{kind: ping, url: '%URL%'}]"));
    assert!(has("notify: [{kind: ping, url: 'https://x.example/1'}]"));
    assert!(has("email: {password: hunter2}"));
}

#[test]
fn a_copy_says_the_same_in_both_syntaxes_and_keeps_names_as_names() {
    let yaml = "localFolder: x\n# a remark\nsources: [{title: a, hoster: b, name: c, password: '%SECRET%'}]\n\
        email: {server: s.example, from: a@example.com, to: 'b@example.com;c@example.com', port: 25}\n\
        notify:\n\
        - {kind: webhook, url: 'https://y.example/literal?a=1&b=%41'}\n\
        - {kind: webhook, url: '%SET%', template: \"{\\n  \\\"t\\\": {{ title }} # 5 %\\n}\"}\n\
        - {kind: ping, urlFile: gone}\n\
        hooks: {failure: [[sh, -c, \"echo '$X' \\\\\\\\ \\\"\"]]}\n";
    let toml = "localFolder = 'x'\n# a remark\n\
        sources = [{title = 'a', hoster = 'b', name = 'c', password = '%SECRET%'}]\n\
        [email]\nserver = 's.example'\nfrom = 'a@example.com'\nto = 'b@example.com;c@example.com'\nport = 25\n\
        [[notify]]\nkind = 'webhook'\nurl = 'https://y.example/literal?a=1&b=%41'\n\
        [[notify]]\nkind = 'webhook'\nurl = '%SET%'\ntemplate = \"{\\n  \\\"t\\\": {{ title }} # 5 %\\n}\"\n\
        [[notify]]\nkind = 'ping'\nurlFile = 'gone'\n\
        [hooks]\nfailure = [['sh', '-c', \"echo '$X' \\\\\\\\ \\\"\"]]\n";
    let variable = |name: &str| match name {
        "SET" => Some("https://x.example/hook".to_owned()),
        "SECRET" => Some("s3cret-of-a-source".to_owned()),
        _ => None,
    };
    for (text, file) in [(yaml, "settings.yml"), (toml, "forgekeep.toml")] {
        let file = Path::new(file);
        let config = config::parse(text, file, &variable).unwrap();
        let copy = config.notifications_copy().unwrap();
        for absent in ["sources", "SECRET", "x.example/hook", "remark"] {
            assert!(!copy.expose().contains(absent), "{}", copy.expose());
        }
        let read = config::notifications_of_copy(&copy, file, &variable).unwrap();
        let known = config.notifications(&variable);
        let shown = |told: &Notifications| {
            format!(
                "{:?} {:?} {:?} {:?}",
                told.local_folder,
                told.hooks,
                told.unusable
                    .iter()
                    .map(|error| error.key())
                    .collect::<Vec<_>>(),
                told.channels
            )
        };
        assert_eq!(read.channels.len(), 3);
        assert_eq!(shown(&read), shown(&known));
        let secrets = |told: &Notifications| -> Vec<String> {
            let secrets = told
                .channels
                .iter()
                .filter_map(|channel| match &channel.kind {
                    ChannelKind::Webhook(webhook) => Some(webhook.url.expose().to_owned()),
                    _ => None,
                });
            secrets.collect()
        };
        assert_eq!(secrets(&read), secrets(&known));
    }
    assert!(loaded("").notifications_copy().is_none());
}
