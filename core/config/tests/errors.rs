//! What is refused, and in which words.

use std::path::Path;
use std::time::{Duration, Instant};

use forgekeep_config::{self as config, ConfigError, ConfigErrorKind};

fn env(name: &str) -> Option<String> {
    match name {
        "SECRET" => Some("hunter2".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

fn refused(name: &str, text: &str) -> ConfigError {
    match config::parse(text, Path::new(name), &env) {
        Ok(_) => panic!("loaded:\n{text}"),
        Err(error) => {
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
            error
        }
    }
}

/// Line, column and kind of the error.
fn place(error: &ConfigError) -> (usize, usize, ConfigErrorKind) {
    let position = error.position().unwrap_or_else(|| panic!("{error}"));
    (position.line, position.column, error.kind())
}

/// A configuration with two sources, the second with these lines.
fn yaml(lines: &str) -> String {
    format!(
        "localFolder: x\nsources:\n  - title: one\n    hoster: h\n    name: n\n  - title: two\n    \
         {}\n",
        lines.replace('\n', "\n    ")
    )
}

/// The same in TOML, on the same lines but for the second title (line 7).
fn toml(lines: &str) -> String {
    format!(
        "localFolder = 'x'\n[[sources]]\ntitle = 'one'\nhoster = 'h'\nname = 'n'\n[[sources]]\n\
         title = 'two'\n{lines}\n"
    )
}

#[test]
fn every_semantic_error_has_line_column_and_key() {
    use ConfigErrorKind::{DuplicateKey, InvalidValue, MissingKey, UnsetVariable, WrongType};
    for (yaml_lines, toml_lines, line, kind, key) in [
        ("name: n", "name = 'n'", 0, MissingKey, "hoster"),
        ("hoster: h", "hoster = 'h'", 0, MissingKey, "name"),
        (
            "hoster: h\nname: ''",
            "hoster = 'h'\nname = ''",
            2,
            InvalidValue,
            "name",
        ),
        (
            "hoster: [h]\nname: n",
            "hoster = ['h']\nname = 'n'",
            1,
            WrongType,
            "hoster",
        ),
        (
            "hoster: ../h\nname: n",
            "hoster = '../h'\nname = 'n'",
            1,
            InvalidValue,
            "hoster",
        ),
        (
            "hoster: h\nname: \"a\\e\"",
            "hoster = 'h'\nname = \"a\\u001b\"",
            2,
            InvalidValue,
            "name",
        ),
        (
            "hoster: h\nname: n\n\nincludeRepos:\n  - ok\n  - 'b['",
            "hoster='h'\nname='n'\n\nincludeRepos = [\n  'ok',\n  'b[']",
            6,
            InvalidValue,
            "includeRepos[1]",
        ),
        (
            "hoster: h\nname: n\nignoreRepos: x",
            "hoster='h'\nname='n'\nignoreRepos='x'",
            3,
            WrongType,
            "ignoreRepos",
        ),
        (
            "hoster: h\nname: n\npassword: 'a%NOT_SET%hunter2'",
            "hoster='h'\nname='n'\npassword='a%NOT_SET%hunter2'",
            3,
            UnsetVariable,
            "password",
        ),
        (
            "hoster: h\nname: n\npassword: '%EMPTY%'",
            "hoster='h'\nname='n'\npassword='%EMPTY%'",
            3,
            InvalidValue,
            "password",
        ),
        (
            "hoster: h\nname: n\npassword: {hunter2: hunter2}",
            "hoster='h'\nname='n'\npassword={hunter2 = 'hunter2'}",
            3,
            WrongType,
            "password",
        ),
        (
            "hoster: h\nname: n\nallowInsecureHttp: hunter2",
            "hoster='h'\nname='n'\nallowInsecureHttp='%SECRET%'",
            3,
            WrongType,
            "allowInsecureHttp",
        ),
    ] {
        let key = format!("sources[1].{key}");
        let error = refused("a.yml", &yaml(yaml_lines));
        // A missing key has the place where its group begins.
        let column = if key.ends_with(']') { 9 } else { 5 };
        assert_eq!(place(&error), (line + 6, column, kind), "{error}");
        assert_eq!(error.key(), Some(key.as_str()), "{error}");

        let error = refused("a.toml", &toml(toml_lines));
        let expected = if line == 0 { 6 } else { line + 7 };
        let column = if key.ends_with(']') { 3 } else { 1 };
        assert_eq!(
            (place(&error).0, place(&error).2),
            (expected, kind),
            "{error}"
        );
        assert_eq!(place(&error).1, column, "{error}");
        assert_eq!(error.key(), Some(key.as_str()), "{error}");
    }

    let error = refused("a.yml", &yaml("hoster: h\nname: n\nname: hunter2"));
    assert_eq!(place(&error), (9, 5, DuplicateKey), "{error}");
    assert_eq!(error.key(), Some("sources[1].name"));
    let error = refused("a.toml", &toml("hoster='h'\nname='n'\nname='hunter2'"));
    assert_eq!(place(&error), (10, 1, DuplicateKey), "{error}");
}

#[test]
fn titles_must_make_folders_of_their_own() {
    for (one, two) in [("acme", "ACME"), ("é", "e\u{301}"), ("same", "same")] {
        let error = refused(
            "a.yml",
            &format!(
                "localFolder: x\nsources:\n- {{title: {one}, hoster: h, name: n}}\n\
                 - {{title: {two}, hoster: h, name: n}}\n"
            ),
        );
        assert_eq!(place(&error), (4, 4, ConfigErrorKind::DuplicateTitle));
    }
    for title in [
        "_config",
        "_CONFIG",
        ".forgekeep",
        "' '",
        "\"a\\nb\"",
        "\"\\u202e\"",
    ] {
        let text = format!("localFolder: x\nsources:\n- {{title: {title}, hoster: h, name: n}}\n");
        let error = refused("a.yml", &text);
        assert_eq!(
            place(&error),
            (3, 4, ConfigErrorKind::InvalidValue),
            "{error}"
        );
    }
}

#[test]
fn broken_text_never_shows_a_secret() {
    for lines in [
        "password: 'hunter2",
        "password: \"\\q hunter2\"",
        "password: @hunter2",
        "password: %hunter2",
        "password: *hunter2",
        "password: !hunter2 x",
        "password: !!int hunter2",
        "password: !!float hunter2",
        "password: !!null hunter2",
        "password: hunter2: hunter2",
        "password: [hunter2",
        "password: {hunter2",
        "password: &hunter2 *hunter3",
        "? [hunter2]\n: hunter2",
        "password hunter2",
        "\tpassword: hunter2",
    ] {
        let error = refused("a.yml", &yaml(lines));
        assert_eq!(error.kind(), ConfigErrorKind::Syntax, "{error}");
        assert!(error.position().is_some(), "{error}");
    }
    for lines in [
        "password = hunter2",
        "password = 'hunter2",
        "password = \"hunter2",
        "password = \"\\q hunter2\"",
        "password = 12hunter2",
        "password = 2024-99-99hunter2",
        "password = 'x' hunter2",
        "password 'hunter2'",
        "password = [hunter2",
        "password = {hunter2",
        "password = 'x'\npassword.hunter2 = 1",
        "hunter2",
        "password = 007",
    ] {
        let error = refused("a.toml", &toml(lines));
        assert_eq!(error.kind(), ConfigErrorKind::Syntax, "{error}");
        assert!(error.position().is_some(), "{error}");
    }
}

#[test]
fn hostile_text_neither_hangs_nor_overflows() {
    const SIZE: usize = 1024 * 1024;
    let bomb: String = std::iter::once("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned())
        .chain((1..20).map(|n| {
            let alias = format!("*a{}, ", n - 1);
            format!("a{n}: &a{n} [{}x]\n", alias.repeat(9))
        }))
        .collect();
    let wide_bomb = format!(
        "a: &a [{}]\nb:\n{}",
        "x,".repeat(100_000),
        "- *a\n".repeat(100_000)
    );
    let long_bomb = format!(
        "a: &a {}\nb:\n{}",
        "x".repeat(400_000),
        "- *a\n".repeat(100_000)
    );
    for (name, text) in [
        ("bomb.yml", bomb),
        ("wide.yml", wide_bomb),
        ("long.yml", long_bomb),
        ("cycle.yml", "a: &a [*a]\n".to_owned()),
        ("list.yml", "[".repeat(SIZE)),
        ("some.yml", "[".repeat(9_999)),
        ("map.yml", "{a: ".repeat(9_999)),
        ("dash.yml", "- ".repeat(SIZE / 2)),
        ("key.yml", "? ".repeat(SIZE / 2)),
        (
            "tags.yml",
            format!(
                "{}---\na: 1",
                (0..60_000)
                    .map(|n| format!("%TAG !a{n}! b\n"))
                    .collect::<String>()
            ),
        ),
        ("list.toml", format!("a = {}", "[".repeat(SIZE - 4))),
        ("table.toml", format!("a = {}", "{a=".repeat(SIZE / 3 - 4))),
        ("dots.toml", format!("{}a = 1", "a.".repeat(SIZE / 2 - 4))),
        ("head.toml", format!("[{}a]", "a.".repeat(SIZE / 2 - 4))),
        ("wide.toml", format!("a = [{}]", "1,".repeat(SIZE / 2 - 4))),
    ] {
        let start = Instant::now();
        let error = refused(name, &text);
        let taken = start.elapsed();
        assert!(taken < Duration::from_secs(20), "{name} took {taken:?}");
        assert!(error.to_string().len() < 1000, "{error}");
        let copied = config::masked_copy(&text, Path::new(name));
        assert!(copied.is_err() || name.starts_with("wide"), "{name}");
    }
}

#[test]
fn the_words() {
    let words = |name: &str, text: &str| refused(name, text).to_string();
    insta::assert_snapshot!(words("a.yml", ""), @r"
    a.yml, line 1, column 1: `localFolder` is missing: Forgekeep has to know where the backups go
      hint: add `localFolder` with the path of the backup folder
    ");
    insta::assert_snapshot!(words("a.yml", "- a\n"), @r"
    a.yml, line 1, column 1: the file must hold keys and values: its top level is something else
      hint: start with `localFolder:` and `sources:`
    ");
    insta::assert_snapshot!(words("a.yml", "localfolder: x\n"), @r"
    a.yml, line 1, column 1: `localFolder` is missing: Forgekeep has to know where the backups go
      hint: write `localFolder` instead of `localfolder`
    ");
    insta::assert_snapshot!(words("a.yml", "localFolder: x\nsources:\n"), @r"
    a.yml, line 2, column 1: `sources` has no value: there is nothing to back up
      hint: add at least one source with `title`, `hoster` and `name`
    ");
    insta::assert_snapshot!(words("a.yml", "localFolder: x\nsources: []\n"), @r"
    a.yml, line 2, column 1: `sources` has a value that cannot be used: there is nothing to back up
      hint: add at least one source with `title`, `hoster` and `name`
    ");
    insta::assert_snapshot!(words("a.toml", "localFolder = 'x'\nsources = {title = 'a'}\n"), @r"
    a.toml, line 2, column 1: `sources` has the wrong type: expected a list, found a group of keys
      hint: start each source with the line `[[sources]]`
    ");
    insta::assert_snapshot!(words("a.yml", &yaml("Hoster: h")), @r"
    a.yml, line 6, column 5: `sources[1].hoster` is missing: it says which plugin serves the source
      hint: write `hoster` instead of `Hoster`
    ");
    insta::assert_snapshot!(words("a.yml", &yaml("hoster: h\nname: n\npassword: '%NOT_SET%'")), @r"
    a.yml, line 9, column 5: `sources[1].password` needs the environment variable `NOT_SET`: it is not set (SCM Backup would have used the literal text)
      hint: set NOT_SET in the environment that starts Forgekeep; if `%NOT_SET%` is meant literally, put the whole value into a variable: what comes from the environment is not replaced again
    ");
    insta::assert_snapshot!(words("a.yml", &yaml("hoster: h\nname: n\npassword: '%EMPTY%'")), @r"
    a.yml, line 9, column 5: `sources[1].password` has a value that cannot be used: the environment variable `EMPTY` is set, but empty
      hint: set EMPTY to the secret, or remove the key for a source without one
    ");
    insta::assert_snapshot!(words("a.yml", &yaml("hoster: h\nname: n\napiUrl: http://git.example.com")), @r"
    a.yml, line 9, column 5: `sources[1].apiUrl` has a value that cannot be used: it is plain http to another computer: the password would be sent unencrypted
      hint: use https, or set `allowInsecureHttp: true` for this source if you accept that
    ");
    insta::assert_snapshot!(words("a.yml", &yaml("hoster: h\nname: n\nignoreRepos: ['a{b']")), @r"
    a.yml, line 9, column 19: `sources[1].ignoreRepos[0]` has a value that cannot be used: it is not a valid pattern: unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)
      hint: write a name, or a pattern with `*`; to mean one of * ? [ { literally, put it into brackets: `[*]`
    ");
    insta::assert_snapshot!(words("a.yml", "localFolder: x\nlocalFolder: y\n"), @r"
    a.yml, line 2, column 1: `localFolder` is given twice: only one of the two values could be used
      hint: remove one of them
    ");
    insta::assert_snapshot!(words("a.toml", "localFolder = 'x'\nlocalFolder = 'y'\n"), @r"
    a.toml, line 2, column 1: a key is given twice: only one of the two values could be used
      hint: remove one of them
    ");
    insta::assert_snapshot!(words("a.yml", "localFolder: %HOME%/x\n"), @r"
    a.yml, line 1, column 14: this is not valid YAML: found character that cannot start any token at line 1 column 14, while scanning for the next token
      hint: check the indentation (spaces, no tabs) and the quotes at and before this line; a value that holds `: ` or ` #`, or starts with one of % @ & * ! { [ needs single quotes, such as '%TOKEN%'
    ");
    insta::assert_snapshot!(words("a.toml", "localFolder = hunter2\n"), @r"
    a.toml, line 1, column 15: this is not valid TOML: string values must be quoted, expected literal string
      hint: check this line and the one before it: text needs quotes, and single quotes take it literally
    ");
    insta::assert_snapshot!(words("a.yml", "a: b\n---\nc: d\n"), @r"
    a.yml: this is not valid YAML: it holds more than one document
      hint: keep one document: remove the `---` between them
    ");
    insta::assert_snapshot!(words("a.ini", ""), @r"
    a.ini: the syntax of this file is not known: its name must end with `.yml`, `.yaml` or `.toml`
      hint: rename the file to the syntax it is written in
    ");
    let options = "localFolder: x\nsources: [{title: a, hoster: h, name: n}]\noptions:\n  ";
    insta::assert_snapshot!(words("a.yml", &format!("{options}backup: {{jobs: 65}}")), @r"
    a.yml, line 4, column 12: `options.backup.jobs` has a value that cannot be used: it is not between 1 and 64
      hint: write a number from 1 to 64
    ");
    insta::assert_snapshot!(words("a.yml", &format!("{options}backup: {{jobs: many}}")), @r"
    a.yml, line 4, column 12: `options.backup.jobs` has the wrong type: expected a whole number, found text
      hint: write a number from 1 to 64
    ");
    insta::assert_snapshot!(words("a.yml", &format!("{options}history: {{keepWithin: 3 weeks}}")), @r"
    a.yml, line 4, column 13: `options.history.keepWithin` has a value that cannot be used: `3 weeks` is not a length of time
      hint: write numbers with the units y, m (months), d and h, such as `1y6m` or `30d`
    ");
    insta::assert_snapshot!(words("a.yml", &format!("{options}history: {{keepDaily: -1}}")), @r"
    a.yml, line 4, column 13: `options.history.keepDaily` has a value that cannot be used: it is not between 0 and 366000
      hint: write a number from 0 to 366000
    ");
    insta::assert_snapshot!(words("a.yml", &format!("{options}alert: {{action: panic}}")), @r"
    a.yml, line 4, column 11: `options.alert.action` has a value that cannot be used: `panic` is neither `warn`, `fail` nor `off`
      hint: write `warn`, `fail` or `off`, or leave the key out
    ");
    insta::assert_snapshot!(words("a.yml", &format!("{options}alert: {{branchesPercent: 0}}")), @r"
    a.yml, line 4, column 11: `options.alert.branchesPercent` has a value that cannot be used: it is not between 1 and 100
      hint: write a number from 1 to 100
    ");
    insta::assert_snapshot!(words("a.yml", &format!("{options}alert: {{}}\n  alarm: {{}}")), @r"
    a.yml, line 4, column 3: `options.alert` is given twice: `options.alarm` is its old name
      hint: keep `options.alert`, and remove `options.alarm`
    ");
    insta::assert_snapshot!(words("a.yml", &format!("{options}network: 5")), @r"
    a.yml, line 4, column 3: `options.network` has the wrong type: expected a group of keys, found a number or a date
      hint: write it as keys with values below it
    ");
    insta::assert_snapshot!(words("a.yml", &yaml("hoster: h\nname: n\ntitle2: x").replace("two", "ONE")), @r"
    a.yml, line 6, column 5: `sources[1].title` is not unique: sources[0] has the same title, or one that differs in case only
      hint: give each source a title of its own: it names the source's folder
    ");
}
