//! How git is fetched, and hosters that know no names.

use forgekeep_config::{
    ConfigErrorKind, OptionKind, OptionSpec, OptionValue, PluginKeys, Protocol,
};

use crate::{Folder, keys, option, warnings};

#[test]
fn protocol_key_and_command_are_read() {
    let folder = Folder::new();
    let key = folder.file("key", "-----BEGIN OPENSSH PRIVATE KEY-----");
    let config = folder.good("protocol: SSH\nsshKey: key\nsshCommand: [ssh, -F, /etc/other]");
    let ssh = &config.sources[0].ssh;
    assert_eq!(ssh.protocol, Protocol::Ssh);
    assert_eq!(ssh.key.as_deref(), Some(&*key));
    assert_eq!(ssh.command, ["ssh", "-F", "/etc/other"]);
    for none in ["", "protocol: ''\nsshKey: ''\nsshCommand: []"] {
        assert_eq!(folder.good(none).sources[0].ssh, Default::default());
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let folder = Folder::new();
    for (lines, said) in [
        ("protocol: git", "protocol"),
        ("sshKey: missing", "cannot be read"),
        ("sshKey: .", "a folder"),
        ("sshKey: key.pub", "public half"),
        (
            "sshKey: '-----BEGIN OPENSSH PRIVATE KEY----- hunter2'",
            "not the path",
        ),
        ("sshCommand: ssh -F x", "a list"),
        ("sshCommand: ['', x]", "empty"),
    ] {
        let error = folder.refused(lines);
        let words = folder.words(&error);
        assert!(words.contains(said), "{lines}: {words}");
    }
}

#[test]
fn a_user_name_needs_no_secret_where_a_key_logs_in() {
    let folder = Folder::new();
    let error = folder.refused("authName: dev");
    assert_eq!(error.kind(), ConfigErrorKind::MissingKey);
    folder.good("authName: dev\nprotocol: ssh");
}

/// The keys of a plugin whose sources have addresses in place of a name.
fn nameless() -> PluginKeys {
    let urls = OptionSpec {
        required: true,
        trusted_origin: true,
        ..option("urls", OptionKind::List)
    };
    PluginKeys {
        options: vec![urls],
        nameless: true,
        ..PluginKeys::default()
    }
}

fn settle(
    folder: &Folder,
    lines: &str,
    keys: PluginKeys,
) -> Result<forgekeep_config::Config, String> {
    let text = format!(
        "localFolder: x\nsources:\n  - title: one\n    hoster: h\n    {}\n",
        lines.replace('\n', "\n    ")
    );
    let settled = folder.settle_text(&text, Some(keys));
    settled.map_err(|error| folder.words(&error))
}

#[test]
fn a_hoster_without_names_is_called_by_the_title() {
    let folder = Folder::new();
    let config = settle(&folder, "urls: [https://a.example/x]", nameless()).unwrap();
    assert_eq!(config.sources[0].name, "one");
    let config = settle(
        &folder,
        "name: acme\nurls: [https://a.example/x]",
        nameless(),
    )
    .unwrap();
    assert_eq!(config.sources[0].name, "one");
    assert!(
        warnings(&config)[0].starts_with("is ignored"),
        "{:?}",
        warnings(&config)
    );
    // Any other hoster needs one, whatever other keys there are.
    let error = settle(&folder, "urls: [https://a.example/x]", keys()).unwrap_err();
    assert!(error.contains("name"), "{error}");
    assert!(
        settle(&folder, "authName: dev", nameless())
            .unwrap_err()
            .contains("name")
    );
}

#[test]
fn origins_of_addresses_get_the_credentials_and_an_empty_list_is_refused() {
    let folder = Folder::new();
    let urls = "urls: [https://a.example/x, https://a.example/y, 'https://b.example:8443/x', \
                git@c.example:x, /srv/x]";
    let config = settle(&folder, urls, nameless()).unwrap();
    let origins: Vec<&str> = config.sources[0]
        .trusted_origins
        .iter()
        .map(|url| url.as_str())
        .collect();
    assert_eq!(origins, ["https://a.example/", "https://b.example:8443/"]);
    assert!(
        matches!(&config.sources[0].own_options["urls"], OptionValue::List(all) if all.len() == 5)
    );
    folder.file("empty", "\n \n");
    for (lines, said) in [
        ("urls: []", "empty"),
        ("urls: empty", "without an entry"),
        ("urls: missing", "cannot be read"),
        (
            "urls: [https://dev:hunter2@a.example/x]",
            "user name or a password",
        ),
        ("urls: ['http://a.example/x']", "plain http"),
    ] {
        let error = settle(&folder, lines, nameless()).unwrap_err();
        assert!(error.contains(said), "{lines}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
