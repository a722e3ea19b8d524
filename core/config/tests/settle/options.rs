//! A plugin's own keys, and `type`.

use forgekeep_config::{self as config, ConfigErrorKind, OptionValue, PluginKeys};

use crate::{Folder, env, keys, warnings};

#[test]
fn each_kind_is_read_as_what_it_is() {
    let folder = Folder::new();
    folder.file("ca.pem", "certificate");
    folder.file(
        "key.pem",
        "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\n-----END KEY-----\n",
    );
    let config = folder.good(
        "type: ORG\nclientId: 0x1F\noauthUrl: https://auth.example.com:8443/site/token\ndepth: '-3'\n\
         includeGists: yes\nurls: [https://a.example/b, '%WORD%', ~]\nmode: Deep\n\
         clientSecret: 'x%SECRET%'\ncaFile: ca.pem\nprivateKeyFile: key.pem",
    );
    let source = &config.sources[0];
    let text = |text: &str| OptionValue::Text(text.to_owned());
    assert_eq!(source.kind.as_deref(), Some("org"));
    assert_eq!(source.own_options["clientId"], text("0x1F"));
    assert_eq!(
        source.own_options["oauthUrl"],
        text("https://auth.example.com:8443/site/token")
    );
    assert_eq!(source.trusted_origins.len(), 1);
    assert_eq!(
        source.trusted_origins[0].as_str(),
        "https://auth.example.com:8443/"
    );
    assert_eq!(source.own_options["depth"], OptionValue::Number(-3));
    assert_eq!(source.own_options["includeGists"], OptionValue::Flag(true));
    assert_eq!(
        source.own_options["urls"],
        OptionValue::List(vec!["https://a.example/b".to_owned(), "deep".to_owned()])
    );
    assert_eq!(source.own_options["mode"], text("deep"));
    assert_eq!(
        source.own_secrets["clientSecret"].expose(),
        "xhunter2-from-env"
    );
    assert!(source.literal_password);
    assert_eq!(source.own_files["caFile"].expose(), b"certificate");
    assert!(
        source.own_files["privateKeyFile"]
            .expose()
            .ends_with(b"END KEY-----\n")
    );
    let secrets: Vec<&str> = config.secrets().map(|secret| secret.expose()).collect();
    assert!(secrets.contains(&"xhunter2-from-env"));
    assert!(secrets.contains(&"MIIEvQIBADANBgkqhkiG9w0BAQEF"));
    assert!(!secrets.contains(&"certificate"));
    assert_eq!(warnings(&config), ["is empty and is ignored"]);
    let debug = format!("{config:?}");
    assert!(
        !debug.contains("hunter2") && !debug.contains("MIIEv"),
        "{debug}"
    );
}

#[test]
fn defaults_are_put_in_and_give_no_origin() {
    let mut keys = keys();
    keys.options[0].required = true;
    keys.options[0].default = Some(OptionValue::Text("made".to_owned()));
    keys.options[1].default = Some(OptionValue::Text("https://anybody.example".to_owned()));
    let folder = Folder::new();
    let config = folder.settle_with("clientId: ''", Some(keys)).unwrap();
    let source = &config.sources[0];
    let text = |text: &str| OptionValue::Text(text.to_owned());
    assert_eq!(source.own_options["clientId"], text("made"));
    assert_eq!(
        source.own_options["oauthUrl"],
        text("https://anybody.example")
    );
    assert_eq!(source.own_options.len(), 2);
    assert!(source.trusted_origins.is_empty());
}

#[test]
fn an_entry_a_line() {
    let folder = Folder::new();
    folder.file(
        "urls.txt",
        "\u{feff}https://a.example/1\r\n\n  https://a.example/2  \n#x",
    );
    let urls = |lines: &str| match folder.good(lines).sources[0].own_options.get("urls") {
        Some(OptionValue::List(list)) => list.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        urls("urls: urls.txt"),
        ["https://a.example/1", "https://a.example/2", "#x"]
    );
    assert_eq!(urls("urls: []"), Vec::<String>::new());
    // One number is one entry, and no file.
    assert_eq!(urls("urls: 4711"), ["4711"]);
    assert!(folder.good("urls: ''").sources[0].own_options.is_empty());

    folder.file("many", "x\n".repeat(10_001));
    assert_eq!(
        folder.refused("urls: many").kind(),
        ConfigErrorKind::TooLarge
    );
    folder.file("large", vec![b'x'; (1 << 20) + 1]);
    assert_eq!(
        folder.refused("urls: large").kind(),
        ConfigErrorKind::TooLarge
    );
    folder.file("bad", b"a\n\xff");
    assert_eq!(
        folder.refused("urls: bad").kind(),
        ConfigErrorKind::InvalidValue
    );
    folder.file("escape", "a\u{1b}b");
    assert_eq!(
        folder.refused("urls: escape").kind(),
        ConfigErrorKind::InvalidValue
    );
}

#[test]
fn what_cannot_be_used_is_refused_with_its_place() {
    use ConfigErrorKind::{InvalidValue, NotFound, TooLarge, Unreadable, UnsetVariable, WrongType};
    let folder = Folder::new();
    folder.file("large", vec![b'x'; (1 << 20) + 1]);
    std::fs::create_dir(folder.0.path().join("folder")).unwrap();
    for (line, kind, key) in [
        ("type: hunter", InvalidValue, "type"),
        ("clientId: [x]", WrongType, "clientId"),
        ("clientId: \"a\\nhunter2\"", InvalidValue, "clientId"),
        ("clientId: '%NOT_SET%hunter2'", UnsetVariable, "clientId"),
        (
            "oauthUrl: http://auth.example.com/hunter2",
            InvalidValue,
            "oauthUrl",
        ),
        (
            "oauthUrl: https://u:hunter2@auth.example.com",
            InvalidValue,
            "oauthUrl",
        ),
        ("oauthUrl: hunter2", InvalidValue, "oauthUrl"),
        ("depth: hunter2", WrongType, "depth"),
        ("depth: 9007199254740992", InvalidValue, "depth"),
        ("depth: 1.5", WrongType, "depth"),
        ("includeGists: hunter2", WrongType, "includeGists"),
        ("urls: {a: hunter2}", WrongType, "urls"),
        ("urls: [[hunter2]]", WrongType, "urls[0]"),
        ("urls: no-such-hunter2", NotFound, "urls"),
        ("mode: '%SECRET%'", InvalidValue, "mode"),
        ("caFile: no-such-hunter2", NotFound, "caFile"),
        ("caFile: folder", Unreadable, "caFile"),
        ("caFile: large", TooLarge, "caFile"),
        ("caFile: ~/hunter2", InvalidValue, "caFile"),
        ("clientSecret: [hunter2]", WrongType, "clientSecret"),
        ("clientSecret: '%EMPTY%'", InvalidValue, "clientSecret"),
        (
            "clientSecret: 'Bearer hunter2'",
            InvalidValue,
            "clientSecret",
        ),
        (
            "clientSecretFile: no-such-hunter2",
            NotFound,
            "clientSecretFile",
        ),
        (
            "clientSecretCommand: pass show hunter2",
            WrongType,
            "clientSecretCommand",
        ),
        ("passwordCommand: []", InvalidValue, "passwordCommand"),
        (
            "passwordCommand: ['', hunter2]",
            InvalidValue,
            "passwordCommand",
        ),
        (
            "passwordCommand: [~, hunter2]",
            WrongType,
            "passwordCommand[0]",
        ),
    ] {
        let error = folder.refused(line);
        assert_eq!(error.kind(), kind, "{line}: {error}");
        assert_eq!(
            error.key(),
            Some(format!("sources[0].{key}").as_str()),
            "{error}"
        );
        let position = error.position().unwrap();
        assert_eq!(position.line, 6, "{line}: {error}");
    }
}

#[test]
fn the_words() {
    let folder = Folder::new();
    let words = |lines: &str| folder.words(&folder.refused(lines));
    insta::assert_snapshot!(words("type: team"), @r"
    a.yml, line 6, column 5: `sources[0].type` has a value that cannot be used: `team` is neither `user` nor `org`
      hint: write `user` or `org`, or leave the key out
    ");
    insta::assert_snapshot!(words("type: orgs"), @r"
    a.yml, line 6, column 5: `sources[0].type` has a value that cannot be used: `orgs` is neither `user` nor `org`
      hint: write `org`
    ");
    insta::assert_snapshot!(words("mode: shalow"), @r"
    a.yml, line 6, column 5: `sources[0].mode` has a value that cannot be used: `shalow` is neither `deep` nor `shallow`
      hint: write `shallow`
    ");
    insta::assert_snapshot!(words("mode: x"), @r"
    a.yml, line 6, column 5: `sources[0].mode` has a value that cannot be used: `x` is neither `deep` nor `shallow`
      hint: write `deep` or `shallow`, or leave the key out
    ");
    insta::assert_snapshot!(words("caFile: none.pem"), @r"
    a.yml, line 6, column 5: `sources[0].caFile` names a file that cannot be read: No such file or directory (os error 2)
      hint: correct the path, or create the file; a relative path starts at the folder of the configuration
    ");
    insta::assert_snapshot!(words("password: a-token\npasswordFile: b"), @r"
    a.yml, line 7, column 5: `sources[0].passwordFile` gives the secret a second time: `sources[0].password` gives it already
      hint: keep one of `sources[0].password` and `sources[0].passwordFile`
    ");
    insta::assert_snapshot!(words("clientSecretFile: a\nclientSecretCommand: [b]"), @r"
    a.yml, line 7, column 5: `sources[0].clientSecretCommand` gives the secret a second time: `sources[0].clientSecretFile` gives it already
      hint: keep one of `sources[0].clientSecretFile` and `sources[0].clientSecretCommand`
    ");
    insta::assert_snapshot!(words("passwordCommand: pass show x"), @r"
    a.yml, line 6, column 5: `sources[0].passwordCommand` has the wrong type: expected a list, found text
      hint: write the program and each argument as an item: ['pass', 'show', 'forge']; a shell is run by ['sh', '-c', '…'] alone
    ");
    let mut keys = keys();
    keys.options[0].required = true;
    let refused = |lines: &str, keys: &PluginKeys| {
        let error = folder.settle_with(lines, Some(keys.clone())).unwrap_err();
        folder.words(&error)
    };
    insta::assert_snapshot!(refused("ClientId: x", &keys), @r"
    a.yml, line 3, column 5: `sources[0].clientId` is missing: the plugin for `h` needs it
      hint: write `clientId` instead of `ClientId`
    ");
    keys.options[0].required = false;
    keys.options[5].required = true;
    insta::assert_snapshot!(refused("password: x", &keys), @r"
    a.yml, line 3, column 5: `sources[0].clientSecret` is missing: the plugin for `h` needs it
      hint: add `clientSecret`, `clientSecretFile` or `clientSecretCommand`
    ");
    insta::assert_snapshot!(refused("clientSecret: ''", &keys), @r"
    a.yml, line 6, column 5: `sources[0].clientSecret` has no value: the plugin for `h` needs it
      hint: add `clientSecret`, `clientSecretFile` or `clientSecretCommand`
    ");
}

#[test]
fn type_is_judged_by_the_plugin_alone() {
    let folder = Folder::new();
    let with = |types: &[&str], lines: &str| {
        let types = types.iter().map(|&word| word.to_owned()).collect();
        let keys = PluginKeys {
            types,
            ..PluginKeys::default()
        };
        folder.settle_with(lines, Some(keys))
    };
    for lines in ["type: org", "type: Group", "type: ''", "name2: x"] {
        assert!(with(&[], lines).is_ok(), "{lines}");
        assert!(folder.settle_with(lines, None).is_ok(), "{lines}");
    }
    let config = with(&["group", "user"], "type: GROUP").unwrap();
    assert_eq!(config.sources[0].kind.as_deref(), Some("group"));
    assert!(with(&["group"], "type: org").is_err());
    assert!(with(&["group"], "").is_ok());
}

#[test]
fn unknown_keys_are_told_with_the_nearest_of_host_and_plugin() {
    let folder = Folder::new();
    let lines = "clientSecretFil: x\nincludeGist: true\nincludeRepo: [x]\nzzz: 1";
    let config = folder.good(lines);
    assert_eq!(
        warnings(&config),
        [
            "is not a known key and is ignored; did you mean `clientSecretFile`?",
            "is not a known key and is ignored; did you mean `includeGists`?",
            "is not a known key and is ignored; did you mean `includeRepos`?",
            "is not a known key and is ignored",
        ]
    );
    let lines_of: Vec<usize> = config
        .warnings
        .iter()
        .map(|warning| warning.position.unwrap().line)
        .collect();
    assert_eq!(lines_of, [6, 7, 8, 9]);
    // Without a plugin, its own keys are not known either.
    let config = folder.settle_with("urls: [x]\nclientId: y", None).unwrap();
    assert_eq!(config.warnings.len(), 2);
    assert!(config.sources[0].own_options.is_empty());
}

#[test]
fn settling_is_done_once_and_all_or_nothing() {
    let folder = Folder::new();
    let path = folder.0.path().join("a.yml");
    let parse = |lines: &str| config::parse(&Folder::text(lines), &path, &env).unwrap();
    let mut config = parse("clientId: x\nmode: wrong");
    assert!(!config.is_settled());
    let before = format!("{config:?}");
    assert!(config.settle(&|_| Some(keys()), &env).is_err());
    assert_eq!(format!("{config:?}"), before);
    let mut config = parse("zzz: x");
    assert_eq!(config.settle(&|_| None, &env).unwrap().len(), 1);
    assert_eq!(config.settle(&|_| None, &env).unwrap().len(), 0);
    assert_eq!(config.warnings.len(), 1);
    assert!(parse("password: x-token").is_settled());
    assert!(!parse("passwordFile: x").is_settled());
    assert!(!parse("passwordCommand: [x]").is_settled());
    assert!(parse("passwordFile: x").sources[0].password.is_none());
}
