//! Bad input: each gets its documented exit code, and a message with what, why and what to do.

use std::fs;

use serde_json::json;

use crate::support::{TOKEN, World, report};

/// What a backup that ends with this code says: first on standard error, then in its summary.
fn complaint(world: &World, code: i32) -> String {
    let run = world.backup().expect(code);
    assert_eq!(report(&run)["exitCode"], code);
    let said = format!("{}{}", run.stderr, run.stdout);
    assert!(!said.contains(TOKEN));
    assert!(said.contains("hint: "), "no hint: {said}");
    world.shown(&said)
}

/// The same for a configuration, which is wrong before anything is asked or made.
fn refused(file: &str, text: &str) -> String {
    let world = World::new();
    fs::remove_file(world.sandbox.path("settings.yml")).unwrap();
    world.sandbox.write(file, text);
    let said = complaint(&world, 10);
    assert!(world.forge.requests().is_empty());
    assert!(!world.sandbox.backup().exists());
    said
}

#[test]
fn no_configuration() {
    let world = World::new();
    fs::remove_file(world.sandbox.path("settings.yml")).unwrap();
    insta::assert_snapshot!(complaint(&world, 10), @r"
    forgekeep: no configuration was found: none of these files exists: ./forgekeep.toml, ./forgekeep.yml, ./settings.yml, [sandbox]/home/.config/forgekeep/config.toml, [sandbox]/home/.config/forgekeep/config.yml, /etc/forgekeep/config.toml, /etc/forgekeep/config.yml
      hint: create one of them, or name your file with --config or FORGEKEEP_CONFIG
    ");
}

#[test]
fn a_configuration_that_was_named_and_is_not_there() {
    let world = World::new();
    let run = world
        .forgekeep(&["backup", "--config", "nope.yml"])
        .run()
        .expect(10);
    insta::assert_snapshot!(world.shown(&run.stderr), @r"
    forgekeep: the configuration nope.yml does not exist: --config names it
      hint: correct the path, or create the file
    ");
}

#[test]
fn broken_yaml() {
    let text = "localFolder: backup\nsources:\n  - title: acme\n   hoster: [bitbucket\n";
    insta::assert_snapshot!(refused("settings.yml", text), @r"
    forgekeep: ./settings.yml, line 4, column 4: this is not valid YAML: did not find expected '-' indicator at line 4 column 4, while parsing a block collection at line 3 column 3
      hint: check the indentation (spaces, no tabs) and the quotes at and before this line; a value that holds `: ` or ` #`, or starts with one of % @ & * ! { [ needs single quotes, such as '%TOKEN%'
    ");
}

#[test]
fn broken_yaml_does_not_show_the_secret_beside_the_error() {
    let text = format!("sources:\n  - password: {TOKEN}: [oops\n");
    let said = refused("settings.yml", &text);
    assert!(!said.contains(TOKEN), "{said}");
}

#[test]
fn broken_toml() {
    let text = "localFolder = 'backup'\n[[sources]\ntitle = 'acme'\n";
    insta::assert_snapshot!(refused("forgekeep.toml", text), @r"
    forgekeep: ./forgekeep.toml, line 2, column 11: this is not valid TOML: unclosed array table, expected `]`
      hint: check this line and the one before it: text needs quotes, and single quotes take it literally
    ");
}

#[test]
fn an_unknown_syntax() {
    let world = World::new();
    world.sandbox.write("config.json", "{}");
    let run = world
        .forgekeep(&["backup", "--config", "config.json"])
        .run()
        .expect(10);
    insta::assert_snapshot!(world.shown(&run.stderr), @r"
    forgekeep: config.json: the syntax of this file is not known: its name must end with `.yml`, `.yaml` or `.toml`
      hint: rename the file to the syntax it is written in
    ");
}

#[test]
fn a_missing_key() {
    insta::assert_snapshot!(refused("settings.yml", "localFolder: backup\n"), @r"
    forgekeep: ./settings.yml, line 1, column 1: `sources` is missing: there is nothing to back up
      hint: add at least one source with `title`, `hoster` and `name`
    ");
}

#[test]
fn a_wrong_value() {
    let text = "localFolder: backup\nsources:\n  - {title: a, hoster: bitbucket, name: a, isolation: vm}\n";
    insta::assert_snapshot!(refused("settings.yml", text), @r"
    forgekeep: ./settings.yml, line 3, column 44: `sources[0].isolation` has a value that cannot be used: `vm` is neither `process` nor `inProcess`
      hint: remove the key: `inProcess` is for debugging a plugin
    ");
}

#[test]
fn a_variable_that_is_not_set() {
    let world = World::new();
    world.configure(&[world.source_with("password", "%NO_SUCH_TOKEN%")]);
    insta::assert_snapshot!(complaint(&world, 10), @r"
    forgekeep: ./settings.yml, line 15, column 7: `sources[0].password` needs the environment variable `NO_SUCH_TOKEN`: it is not set (SCM Backup would have used the literal text)
      hint: set NO_SUCH_TOKEN in the environment that starts Forgekeep; if `%NO_SUCH_TOKEN%` is meant literally, put the whole value into a variable: what comes from the environment is not replaced again
    ");
}

#[test]
fn an_api_over_plain_http_to_another_computer() {
    let world = World::new();
    world.configure(&[world.source_with("apiUrl", "http://api.example.com")]);
    insta::assert_snapshot!(complaint(&world, 10), @r"
    forgekeep: ./settings.yml, line 12, column 7: `sources[0].apiUrl` has a value that cannot be used: it is plain http to another computer: the password would be sent unencrypted
      hint: use https, or set `allowInsecureHttp: true` for this source if you accept that
    ");
}

#[test]
fn an_unknown_hoster() {
    let world = World::new();
    world.configure(&[world.source_with("hoster", "bitbuckt")]);
    insta::assert_snapshot!(complaint(&world, 11), @r#"
    acme: failed: no plugin serves the hoster "bitbuckt"
    source  result
    acme    failed

    What failed:
      acme: no plugin serves the hoster "bitbuckt"
        hint: did you mean "bitbucket"?

    Nothing was backed up.
    "#);
}

#[test]
fn an_unknown_workspace() {
    let world = World::new();
    world.configure(&[world.source_with("name", "acne")]);
    insta::assert_snapshot!(complaint(&world, 3), @r"
    acme: failed: Bitbucket knows no workspace acne, or hides it from the API token of dev@example.com (404): No workspace with identifier 'acne'.
    source  result
    acme    failed

    What failed:
      acme: Bitbucket knows no workspace acne, or hides it from the API token of dev@example.com (404): No workspace with identifier 'acne'.
        hint: check name: it is the id of the workspace, the part after https://bitbucket.org/ in the address of its repositories, which changes when the workspace is renamed; check that the account is a member of it; check that apiUrl ([forge]) is Bitbucket's API

    Nothing was backed up.
    ");
}

#[test]
fn a_wrong_token() {
    let world = World::new();
    world.configure(&[world.source_with("password", "ATATTwrong-token")]);
    insta::assert_snapshot!(complaint(&world, 12), @r"
    acme: failed: Bitbucket refuses the API token of dev@example.com (401): Token is invalid, expired, or not supported for this endpoint.
    source  result
    acme    failed

    What failed:
      acme: Bitbucket refuses the API token of dev@example.com (401): Token is invalid, expired, or not supported for this endpoint.
        hint: check at https://id.atlassian.com/manage-profile/security/api-tokens that the token has neither expired nor been revoked, and that it was created with scopes (app Bitbucket, at least read:repository:bitbucket); check that apiAuthName is the e-mail address of that account

    Nothing was backed up.
    ");
}

#[test]
fn an_api_that_is_not_there() {
    let world = World::new();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    world.configure(&[world.source_with("apiUrl", url.clone())]);
    let said = complaint(&world, 3).replace(&url, "[closed]");
    insta::assert_snapshot!(said, @r"
    acme: failed: [closed]/2.0/repositories/acme?pagelen=100&sort=created_on: connection refused: nothing listens there
    source  result
    acme    failed

    What failed:
      acme: [closed]/2.0/repositories/acme?pagelen=100&sort=created_on: connection refused: nothing listens there
        hint: check the address and that the server is running

    Nothing was backed up.
    ");
}

#[test]
fn a_source_that_does_not_exist() {
    let world = World::new();
    let run = world
        .forgekeep(&["backup", "--source", "acne"])
        .run()
        .expect(2);
    insta::assert_snapshot!(world.shown(&run.stderr), @r#"
    forgekeep: the configuration has no source with the title "acne"
      hint: its sources are: acme
    "#);
}

#[test]
fn arguments_that_make_no_sense() {
    let world = World::new();
    for arguments in [
        &["backup", "--jobs", "0"][..],
        &["backup", "--progress", "fancy"],
        &["backup", "--no-such-option"],
        &["restroe"],
        &[],
        &["backup", "-v", "-q"],
    ] {
        let run = world
            .sandbox
            .program(forgekeep_tests::binaries().forgekeep(), arguments)
            .run();
        assert_eq!(run.code, Some(2), "{arguments:?}: {run:#?}");
        assert!(
            run.stderr.contains("Usage:") || run.stderr.contains("--help"),
            "{}",
            run.stderr
        );
    }
    assert!(!world.sandbox.backup().exists());
}

#[test]
fn a_missing_disk() {
    let world = World::new();
    let folder = world.sandbox.path("mnt/backup");
    let config = json!({"localFolder": folder, "sources": [world.source()]});
    world.sandbox.write("settings.yml", config.to_string());
    let run = world.backup();
    insta::assert_snapshot!(format!("{:?}\n{}", run.code, world.shown(&run.stderr)), @r"
    Some(1)
    forgekeep: cannot create the backup folder [sandbox]/mnt/backup: No such file or directory (os error 2)
      hint: check whether the disk is mounted; if it is, create the folder: neither it nor its parent exists
    ");
}
