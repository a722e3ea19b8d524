//! Secrets from files and commands, and that none is shown.

use std::path::Path;

use forgekeep_config::{self as config, OptionKind};
use proptest::prelude::*;

use crate::{Folder, env, keys, option};

#[test]
fn secrets_in_files() {
    let folder = Folder::new();
    let password = |content: &[u8]| {
        folder.file("token", content);
        folder.settle("passwordFile: token").map(|config| {
            assert!(config.warnings.is_empty() && !config.sources[0].literal_password);
            let secret = config.sources[0].password.clone().unwrap();
            assert_eq!(config.secrets().count(), 1);
            secret.expose().to_owned()
        })
    };
    assert_eq!(password(b"hunter2").unwrap(), "hunter2");
    assert_eq!(password(b"hunter2\n").unwrap(), "hunter2");
    assert_eq!(password(b"hunter2\r\n").unwrap(), "hunter2");
    assert_eq!(password(b" %SECRET% \n").unwrap(), " %SECRET% ");
    for content in [
        &b""[..],
        b"\n",
        b" \t\n",
        b"hunter2\nhunter2\n",
        b"hunter2\n\n",
        b"hun\0ter2",
        b"hunter2\xff",
        b"'hunter2'",
        b"Bearer hunter2",
        b"<hunter2>",
        &vec![b'x'; (64 << 10) + 1],
    ] {
        let error = password(content).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    assert_eq!(password(&vec![b'x'; 64 << 10]).unwrap().len(), 64 << 10);
    // Keys have several lines; a password has one.
    folder.file(
        "key",
        "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\n-----END KEY-----\n",
    );
    let config = folder.good(
        "clientSecretFile: '%NONE%key'"
            .replace("%NONE%", "")
            .as_str(),
    );
    let secret = &config.sources[0].own_secrets["clientSecret"];
    assert!(secret.expose().ends_with("-----END KEY-----"));
    assert!(
        config
            .secrets()
            .any(|piece| piece.expose() == "MIIEvQIBADANBgkqhkiG9w0BAQEF")
    );
    let config = folder.good("clientSecret: '%PEM%'");
    assert_eq!(
        config.sources[0].own_secrets["clientSecret"]
            .expose()
            .lines()
            .count(),
        3
    );
}

#[cfg(unix)]
#[test]
fn a_secret_that_others_may_read_is_a_warning() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let set = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let path = folder.file("token", "hunter2");
    folder.file("key", "hunter2 hunter2");
    set(&path, 0o644);
    set(folder.0.path(), 0o755);
    let config = folder.good("passwordFile: token\nprivateKeyFile: key\ncaFile: token");
    // The folder of the temporary folders may keep others out.
    let tmp = folder.0.path().parent().unwrap().canonicalize().unwrap();
    let is_open = tmp
        .ancestors()
        .all(|above| above.metadata().unwrap().permissions().mode() & 0o001 != 0);
    assert_eq!(config.warnings.len(), usize::from(is_open));
    set(folder.0.path(), 0o700);
    assert!(folder.good("passwordFile: token").warnings.is_empty());
}

#[cfg(unix)]
#[test]
fn secrets_from_commands() {
    let folder = Folder::new();
    let runs = folder.0.path().join("runs");
    let count = || std::fs::read_to_string(&runs).map_or(0, |text| text.lines().count());
    let command = |script: &str| {
        let script = format!("echo x >> {}; {script}", runs.to_str().unwrap());
        format!("passwordCommand: [sh, -c, \"{script}\"]")
    };
    let config = folder.good(&command("echo hunter2"));
    assert_eq!(
        config.sources[0].password.as_ref().unwrap().expose(),
        "hunter2"
    );
    assert!(!config.sources[0].literal_password);
    assert_eq!(count(), 1);
    // Loading it runs nothing.
    let text = Folder::text(&command("echo hunter2"));
    let config = config::parse(&text, Path::new("a.yml"), &env).unwrap();
    assert!(config.sources[0].password.is_none());
    assert_eq!(count(), 1);
    // Nor does a configuration that cannot be used anyway.
    folder.refused(&format!("{}\nmode: x", command("echo hunter2")));
    folder.refused(&format!("{}\npassword: x-token", command("echo hunter2")));
    assert_eq!(count(), 1);
    // Two sources with the same command: it is run once.
    let text = format!(
        "{text}  - title: two\n    hoster: h\n    name: m\n    {}\n",
        command("echo hunter2")
    );
    let mut config = config::parse(&text, Path::new("a.yml"), &env).unwrap();
    config.settle(&|_| None, &env).unwrap();
    assert_eq!(count(), 2);
    let both = config
        .sources
        .iter()
        .filter_map(|source| source.password.as_ref());
    assert_eq!(
        both.filter(|secret| secret.expose() == "hunter2").count(),
        2
    );

    let config = folder.good("clientSecretCommand: [echo, '%SECRET%']");
    assert_eq!(
        config.sources[0].own_secrets["clientSecret"].expose(),
        "hunter2-from-env"
    );
    for script in [
        "true",
        "echo",
        "printf 'hunter2\\\\nhunter2'",
        "printf 'hun\\\\000ter2'",
        "printf 'hunter2\\\\377'",
        "echo hunter2; exit 1",
        "echo hunter2; echo hunter2 >&2; exit 1",
        "echo hunter2; kill -9 $$",
        "yes hunter2",
    ] {
        let error = folder.refused(&command(script));
        assert_eq!(error.key(), Some("sources[0].passwordCommand"), "{script}");
    }
    let words = |lines: &str| folder.words(&folder.refused(lines));
    insta::assert_snapshot!(
        words("passwordCommand: [sh, -c, 'printf \"vault is sealed\\033[1m\\n\\nat %SECRET%\\n\" >&2; exit 2']"), @r"
    a.yml, line 6, column 5: `sources[0].passwordCommand` names a command that gave no secret: it ended with exit code 2, and said: vault is sealed\u{1b}[1m / at **redacted**
      hint: run the command in a terminal as the user who runs Forgekeep: it has to print the secret, and nothing else
    ");
    insta::assert_snapshot!(words("passwordCommand: [/no/such/program, '%SECRET%']"), @r"
    a.yml, line 6, column 5: `sources[0].passwordCommand` names a command that cannot be run: No such file or directory (os error 2)
      hint: check that the program is installed and on the PATH, or write its whole path
    ");
    insta::assert_snapshot!(words("passwordCommand: ['true']"), @r"
    a.yml, line 6, column 5: `sources[0].passwordCommand` has a value that cannot be used: the command gives nothing
      hint: have it give the secret, or remove the key for a source without one
    ");
}

#[test]
fn the_copy_masks_the_secrets_of_plugins() {
    let folder = Folder::new();
    folder.file("token", "hunter2");
    folder.file("key", "hunter2");
    let mut keys = keys();
    keys.options.push(option("seed", OptionKind::Secret));
    let lines = "seed: hunter2-seed\nnote: see hunter2-seed\nclientId: n\nprivateKeyFile: key\n\
        passwordFile: token\napiToken: hunter2-unknown";
    let config = folder.settle_with(lines, Some(keys.clone())).unwrap();
    let copy = config.masked_copy().unwrap();
    assert!(!copy.contains("hunter2"), "{copy}");
    for kept in [
        "clientId: n\n",
        "privateKeyFile: key\n",
        "passwordFile: token\n",
        "note: see **masked**",
        "name: n\n",
    ] {
        assert!(copy.contains(kept), "{copy}");
    }
    if cfg!(unix) {
        let lines = "seedCommand: [echo, hunter2-seed, n, '%WORD%']\n\
            passwordCommand: ['printf', \"hunter2\"]";
        let config = folder.settle_with(lines, Some(keys)).unwrap();
        let copy = config.masked_copy().unwrap();
        assert!(!copy.contains("hunter2"), "{copy}");
        // Its words are masked there alone: the name of the source is one of them.
        assert!(copy.contains("name: n\n"), "{copy}");
        let command = "seedCommand:\n  - echo\n  - '**masked**'\n  - '**masked**'\n  - '%WORD%'\n";
        assert!(copy.contains(command), "{copy}");
    }
}

proptest! {
    /// Whatever the own keys hold, an error never has the value, and a copy never the secret.
    #[test]
    fn no_value_is_shown(value in "[a-z<>{}'%$/~:. 0-9-]{1,12}", key in 0usize..9) {
        let secret = format!("s3cr3t{value}s3cr3t");
        let folder = Folder::new();
        let mut keys = keys();
        keys.options.retain(|spec| spec.kind != OptionKind::Choice);
        let names = ["clientId", "oauthUrl", "depth", "includeGists", "urls", "clientSecret", "caFile", "privateKeyFile", "clientSecretFile"];
        let line = format!("{}: {}", names[key], serde_json::to_string(&secret).unwrap());
        match folder.settle_with(&line, Some(keys)) {
            Ok(config) => if names[key] == "clientSecret" {
                prop_assert!(!config.masked_copy().unwrap().contains(&secret));
                let debug = format!("{config:?}");
                prop_assert!(!debug.contains(&secret));
            },
            Err(error) => prop_assert!(!error.to_string().contains(&secret), "{}", error),
        }
    }
}
