//! Values that cannot be meant are named with what probably is.

use std::path::Path;

use forgekeep_config::{self as config, Config, ConfigError, ConfigErrorKind};

fn env(name: &str) -> Option<String> {
    let value = match name {
        "HOME" => "/home/me",
        "QUOTED" => "\"hunter2\"",
        "LINES" => "hunter2\nhunter2",
        "BREAK" => "hunter2-token\n",
        "BEARER" => "Bearer hunter2",
        "CR" => "/srv/backup\r",
        "mytoken" => "hunter2",
        _ => return None,
    };
    Some(value.to_owned())
}

fn parse(text: &str, name: &str) -> Result<Config, ConfigError> {
    config::parse(text, Path::new(name), &env)
}

/// In JSON, which is YAML; on a line of its own.
fn with_folder(folder: &str) -> Result<Config, ConfigError> {
    let folder = serde_json::Value::from(folder);
    let yaml = parse(
        &format!("localFolder: {folder}\nsources: [{{title: a, hoster: h, name: n}}]\n"),
        "a.yml",
    );
    let toml = parse(
        &format!("localFolder = {folder}\n[[sources]]\ntitle = 'a'\nhoster = 'h'\nname = 'n'\n"),
        "a.toml",
    );
    assert_eq!(yaml.is_ok(), toml.is_ok(), "{folder}");
    yaml
}

fn with(key: &str, value: &str) -> Result<Config, ConfigError> {
    let value = serde_json::Value::from(value);
    let name = if key == "name" { "" } else { "    name: n\n" };
    parse(
        &format!(
            "localFolder: x\nsources:\n  - title: a\n    hoster: h\n{name}    {key}: {value}\n"
        ),
        "a.yml",
    )
}

#[track_caller]
fn refused(result: Result<Config, ConfigError>, says: &str) -> ConfigError {
    let error = match result {
        Ok(_) => panic!("loaded instead of: {says}"),
        Err(error) => error,
    };
    assert_eq!(error.kind(), ConfigErrorKind::InvalidValue, "{error}");
    assert!(
        error.position().is_some() && error.key().is_some(),
        "{error}"
    );
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(error.to_string().contains(says), "{says}: {error}");
    error
}

#[test]
fn folders_that_cannot_be_meant_are_refused_with_what_is() {
    for (folder, says) in [
        ("/srv/backup\r", "carriage return"),
        ("<path>", "placeholder"),
        ("{{ backup }}", "placeholder"),
        ("$(pwd)/backup", "shell command"),
        ("`pwd`/backup", "shell command"),
        ("me@nas:/backup", "an address"),
        ("/srv/backup\n", "line break"),
        ("/srv/backup ", "space at the end"),
        (" /srv/backup", "space at the beginning"),
        ("/srv/backup\t", "'/srv/backup'"),
        ("/srv/ba\nckup", "control character"),
        ("%CR%", "carriage return"),
        ("~", "'/home/me'"),
        ("/srv/backup\u{200b}", "invisible"),
        ("/srv/backup\u{a0}", "space at the end"),
        ("~/backup", "'/home/me/backup'"),
        ("~nobody-we-know/backup", "the whole path"),
        #[cfg(target_os = "linux")]
        ("~root/backup", "write '/root/backup'"),
        #[cfg(target_os = "linux")]
        ("~root", "write '/root'"),
        ("$HOME/backup", "'/home/me/backup'"),
        ("${HOME}/backup", "'/home/me/backup'"),
        ("/srv/$USER/backup", "%USER%"),
        ("/srv/${BACKUP_DIR}", "%BACKUP_DIR%"),
        ("'/srv/backup'", "one pair of quotes"),
        ("\"/srv/backup\"", "one pair of quotes"),
        ("file:///srv/backup", "not a path"),
        ("s3://bucket/backup", "not a path"),
    ] {
        refused(with_folder(folder), says);
    }
    for folder in [
        "/srv/back up",
        "x",
        "../x",
        "/srv/a$b c",
        "/srv/$",
        "%HOME%/b",
        "/srv/a~b",
        "/srv/#1",
    ] {
        // `$b` may be a name; `$ ` and `$` alone are none.
        match folder.contains("$b") {
            true => drop(refused(with_folder(folder), "`$b`")),
            false => drop(with_folder(folder).unwrap()),
        }
    }
}

#[cfg(unix)]
#[test]
fn a_path_of_another_system_is_refused_where_it_is_to_be_used() {
    let folder = tempfile::tempdir().unwrap();
    for path in [
        "c:\\scm-backup",
        "D:/backup",
        "\\\\server\\share",
        "C:",
        "..\\backup",
    ] {
        // A configuration from elsewhere can be read.
        with_folder(path).unwrap();
        let file = folder.path().join("a.yml");
        let text = format!("localFolder: '{path}'\nsources: [{{title: a, hoster: h, name: n}}]\n");
        std::fs::write(&file, text).unwrap();
        refused(config::load(&file, &env), "Windows path");
    }
}

#[test]
fn secrets_that_cannot_be_meant_are_refused_and_never_shown() {
    for (secret, says) in [
        ("'hunter2'", "quote"),
        ("<hunter2>", "placeholder"),
        ("${{ secrets.hunter2 }}", "placeholder"),
        ("$(cat hunter2)", "shell command"),
        ("$env:MY_TOKEN", "'%MY_TOKEN%'"),
        ("\"hunter2\"", "quote"),
        ("%QUOTED%", "in the variable QUOTED"),
        ("%LINES%", "line break"),
        ("hunter2\nhunter2", "line break"),
        ("Bearer hunter2", "header"),
        ("bearer hunter2", "header"),
        ("%BEARER%", "in the variable BEARER"),
        ("Basic hunter2", "header"),
        ("$BITBUCKET_TOKEN", "%BITBUCKET_TOKEN%"),
        ("${BITBUCKET_TOKEN}", "%BITBUCKET_TOKEN%"),
        ("BITBUCKET_TOKEN", "name of a variable"),
        ("mytoken", "name of a variable"),
        ("%BITBUCKET_TOKEN", "one of the two `%`"),
        ("BITBUCKET_TOKEN%", "one of the two `%`"),
        ("/run/secrets/hunter2", "path of a file"),
        ("~/.config/hunter2", "path of a file"),
        ("file:///hunter2", "path of a file"),
        ("./hunter2", "path of a file"),
        ("C:\\hunter2", "path of a file"),
        ("\u{201c}hunter2\u{201d}", "quote"),
        ("hun\u{200b}ter2", "invisible"),
        ("%TOKEN", "one of the two `%`"),
        ("$TOKEN", "%TOKEN%"),
        ("$mytoken", "%mytoken%"),
    ] {
        refused(with("password", secret), says);
    }
    for secret in [
        "ATATT3xFfGF0=ABC_DEF",
        "pa$$word",
        "100%",
        "50%off",
        "/ab+c=",
        "%BREAK%",
        "A_B",
    ] {
        let config = with("password", secret).unwrap();
        assert!(config.warnings.is_empty(), "{secret}");
    }
    // Passwords of people may look like anything.
    for (secret, says) in [
        ("$ecret", "shell variable"),
        ("hunter%", "one of the two `%`"),
    ] {
        let config = with("password", secret).unwrap();
        let warning = config.warnings[0].to_string();
        assert!(
            warning.contains(says) && !warning.contains(secret),
            "{warning}"
        );
    }
    let text = "localFolder: x\nsources: [{title: 'a ', hoster: h, name: n}]\n";
    let warning = parse(text, "a.yml").unwrap().warnings[0].to_string();
    assert!(
        warning.contains("title` begins or ends with a space"),
        "{warning}"
    );
    let config = with("password", "two words").unwrap();
    let warning = config.warnings[0].to_string();
    assert!(warning.contains("password` holds a space"), "{warning}");
}

#[test]
fn names_that_are_addresses_or_end_in_a_blank_are_refused() {
    for (key, name, says) in [
        ("name", "https://bitbucket.org/acme", "'acme'"),
        (
            "name",
            "https://user:hunter2@bitbucket.org/acme/web?x",
            "'acme'",
        ),
        ("name", "https://bitbucket.org", "the name alone"),
        ("name", "acme ", "'acme'"),
        ("name", "\"acme\"", "'acme'"),
        ("name", "<workspace>", "placeholder"),
        ("authName", "'dev'", "'dev'"),
        ("apiAuthName", "\"dev@example.com\"", "'dev@example.com'"),
        ("name", "acme\r", "carriage return"),
        ("name", "$TEAM", "%TEAM%"),
        ("authName", "dev\n", "line break"),
        ("apiAuthName", " dev@example.com", "'dev@example.com'"),
    ] {
        let error = refused(with(key, name), says);
        assert_eq!(error.key().unwrap(), format!("sources[0].{key}"));
    }
    // Numbers and the like are the text that is written.
    for (written, name) in [
        ("0123", "0123"),
        ("yes", "yes"),
        ("1e3", "1e3"),
        ("0x1F", "0x1F"),
    ] {
        let text = format!(
            "localFolder: x\nsources: [{{title: {written}, hoster: h, name: {written}}}]\n"
        );
        let source = parse(&text, "a.yml").unwrap().sources.remove(0);
        assert_eq!((source.title.as_str(), source.name.as_str()), (name, name));
    }
}

#[test]
fn two_sources_for_the_same_repositories_are_warned_of() {
    let two = |one: &str, other: &str| {
        let text = format!(
            "localFolder: x\nsources:\n  - {{title: a, hoster: h, name: n{one}}}\n  - {{title: b, hoster: h, name: N{other}}}\n"
        );
        let config = parse(&text, "a.yml").unwrap();
        let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
        warnings.join("\n")
    };
    let warning = two("", ", password: other");
    assert!(
        warning.contains("line 4") && warning.contains("sources[0]"),
        "{warning}"
    );
    assert_eq!(two("", ", includeRepos: [x]"), "");
    assert_eq!(two("", ", apiUrl: 'https://h.example'"), "");
    assert_eq!(two(", ignoreRepos: [x]", ""), "");
}

#[test]
fn merge_keys_are_refused_where_they_stand() {
    let text = "base: &base\n  hoster: h\nlocalFolder: x\nsources:\n  - <<: *base\n    title: a\n    name: n\n";
    let error = parse(text, "a.yml").unwrap_err();
    assert_eq!(error.kind(), ConfigErrorKind::Syntax);
    assert_eq!(error.position().unwrap().line, 5, "{error}");
    assert_eq!(error.key(), Some("sources[0].<<"));
    assert!(error.hint().contains("write these keys out"), "{error}");
}

#[test]
fn what_is_no_text_file_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let load = |name: &str| config::load(&folder.path().join(name), &env).unwrap_err();
    std::fs::create_dir(folder.path().join("folder.yml")).unwrap();
    let error = load("folder.yml");
    assert_eq!(error.kind(), ConfigErrorKind::Unreadable);
    assert!(error.why().contains("it is a folder"), "{error}");
    let utf16: Vec<u8> = "\u{feff}localFolder: x\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    std::fs::write(folder.path().join("bom.yml"), &utf16).unwrap();
    std::fs::write(folder.path().join("none.yml"), &utf16[2..]).unwrap();
    for name in ["bom.yml", "none.yml"] {
        let error = load(name);
        assert_eq!(error.kind(), ConfigErrorKind::NotUtf8);
        assert!(error.why().contains("UTF-16"), "{error}");
    }
    std::fs::write(folder.path().join("empty.toml"), "").unwrap();
    assert_eq!(load("empty.toml").kind(), ConfigErrorKind::MissingKey);
}

#[cfg(unix)]
#[test]
fn neither_a_pipe_nor_a_device_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo.yml");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("zero.yml")).unwrap();
    for name in ["fifo.yml", "zero.yml"] {
        let error = config::load(&folder.path().join(name), &env).unwrap_err();
        assert_eq!(error.kind(), ConfigErrorKind::Unreadable, "{name}");
        assert!(error.why().contains("a device, a pipe"), "{error}");
    }
}
