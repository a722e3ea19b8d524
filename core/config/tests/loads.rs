//! What loads, and as what.

use std::path::{Path, PathBuf};
use std::time::Duration;

use forgekeep_config::{self as config, AlertAction, Config, ConfigErrorKind, Options, Within};

fn env(name: &str) -> Option<String> {
    match name {
        "scm_backup_pw" => Some("pw: [from] env%HOME%".to_owned()),
        "HOME" => Some("/home/me".to_owned()),
        "JOBS" => Some("3".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

fn parse(name: &str, text: &str) -> Config {
    match config::parse(text, Path::new(name), &env) {
        Ok(config) => config,
        Err(error) => panic!("{error}\n{text}"),
    }
}

/// What there is to say where no plugin is known.
fn settled(name: &str, text: &str) -> Config {
    let mut config = parse(name, text);
    if let Err(error) = config.settle(&|_| None, &env) {
        panic!("{error}\n{text}");
    }
    config
}

fn warnings(config: &Config) -> String {
    let lines: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[test]
fn a_settings_yml_of_scm_backup_loads_unchanged() {
    let config = settled("settings.yml", include_str!("fixtures/settings.yml"));
    assert_eq!(config.file, Path::new("settings.yml"));
    assert_eq!(config.local_folder, Path::new("c:\\scm-backup"));
    let [first, second] = config.sources.as_slice() else {
        panic!("two sources");
    };
    assert_eq!(first.title, "some_title");
    assert_eq!(first.hoster, "bitbucket");
    assert_eq!(first.kind, Some("org".to_owned()));
    assert_eq!(first.name, "your_team");
    assert_eq!(first.auth_name.as_deref(), Some("your_user"));
    assert_eq!(first.api_auth_name.as_deref(), Some("you@example.com"));
    assert_eq!(
        first.password.as_ref().unwrap().expose(),
        "pw: [from] env%HOME%"
    );
    assert_eq!(first.ignore_repos, ["repo1", "Some-Other-Repo"]);
    assert!(first.include_repos.is_empty() && first.api_url.is_none());
    assert_eq!(second.title, "2024");
    assert_eq!(second.name, "1234");
    assert_eq!(second.kind, Some("user".to_owned()));
    assert_eq!(second.auth_name, None);
    assert_eq!(second.password.as_ref().unwrap().expose(), "007");
    assert_eq!(second.include_repos, ["only-this"]);
    assert!(config.options.backup.remove_deleted_repos);
    assert!(config.options.backup.log_repo_finished);
    insta::assert_snapshot!(warnings(&config), @r"
    settings.yml, line 3, column 1: `waitSecondsOnError` is ignored: Forgekeep ends at once, and its exit code says what went wrong
    settings.yml, line 5, column 1: `scms` is ignored with all its keys (name, path): Forgekeep needs no git executable, and backs up git repositories only
    settings.yml, line 44, column 9: `options.backup.addTimestampedSubfolder` is ignored: Forgekeep keeps one copy of each repository with the history of its branches and tags, not a full copy per run
    settings.yml, line 45, column 9: `options.backup.timestampFormat` is ignored: Forgekeep makes no folder per run
    settings.yml, line 46, column 9: `options.backup.s3BucketName` is ignored: this version uploads nothing; copy the local folder to the bucket with a tool of your choice
    ");
    assert!(!format!("{config:?}").contains("env%"));
}

#[test]
fn both_syntaxes_give_the_same() {
    let yaml = parse(
        "a.yaml",
        "
localFolder: backup
sources:
  - title: acme
    hoster: bitbucket
    type: ORG
    name: acme
    password: 12e3
    apiUrl: http://127.0.0.1:8080
    allowInsecureHttp: false
    includeRepos: [web, 'api-*', 17]
  - {title: other, hoster: x, name: 1.10, password: '', authName: ''}
options:
  backup: {jobs: 0x10, logRepoFinished: true}
  network: {connectSeconds: 5, stallSeconds: '%JOBS%', maxBodyBytes: 65536}
  limits: {objectBytes: 17179869184}
",
    );
    let toml = parse(
        "a.TOML",
        r#"
localFolder = "backup"
[options.backup]
jobs = 0x10
logRepoFinished = true
[options.network]
connectSeconds = 5
stallSeconds = "%JOBS%"
maxBodyBytes = 65_536
[options.limits]
objectBytes = 17179869184
[[sources]]
title = "acme"
hoster = "bitbucket"
type = "ORG"
name = "acme"
password = 12e3
apiUrl = "http://127.0.0.1:8080"
allowInsecureHttp = false
includeRepos = ["web", 'api-*', 17]
[[sources]]
title = "other"
hoster = "x"
name = 1.10
password = ""
authName = ""
"#,
    );
    let shown = |config: &Config| {
        format!(
            "{:?} {:?} {:?}",
            config.local_folder, config.sources, config.options
        )
    };
    assert_eq!(shown(&yaml), shown(&toml));
    for config in [yaml, toml] {
        assert_eq!(config.options.backup.jobs, 16);
        assert_eq!(config.options.network.stall, Duration::from_secs(3));
        assert_eq!(config.options.network.max_body_bytes, 65536);
        assert_eq!(config.options.limits.object_bytes, 17_179_869_184);
        let [first, second] = config.sources.as_slice() else {
            panic!("two sources");
        };
        assert_eq!(first.password.as_ref().unwrap().expose(), "12e3");
        assert_eq!(first.include_repos, ["web", "api-*", "17"]);
        assert_eq!(second.name, "1.10");
        assert!(second.password.is_none() && second.auth_name.is_none());
        assert!(config.warnings.is_empty());
    }
}

const SOURCE: &str = "sources: [{title: a, hoster: b, name: c}]\n";

#[test]
fn empty_sections_count_as_absent() {
    for (name, text) in [
        (
            "a.yml",
            format!("localFolder: x\noptions:\nemail:\nscms: ~\nunknown:\n{SOURCE}"),
        ),
        (
            "b.yml",
            format!(
                "localFolder: x\noptions: {{backup: , network: null, history: , alert: ~}}\n{SOURCE}"
            ),
        ),
        (
            "c.yml",
            format!("\u{feff}---\r\nlocalFolder: x\r\n{SOURCE}"),
        ),
    ] {
        let config = parse(name, &text);
        assert_eq!(config.options, Options::default());
    }
    assert_eq!(Options::default().backup.jobs, 8);
    assert_eq!(Options::default().backup.deleted_grace_days, 30);
    assert_eq!(Options::default().alert.action, AlertAction::Warn);
    assert_eq!(Options::default().network.connect, Duration::from_secs(10));
    assert_eq!(Options::default().network.stall, Duration::from_secs(60));
    assert_eq!(Options::default().network.max_body_bytes, 33_554_432);
    assert_eq!(Options::default().limits.object_bytes, 4_294_967_296);
}

#[test]
fn history_and_alert_are_read() {
    let options = "options:\n  history: {keepDaily: 14, keepWeekly: 8, keepMonthly: 24, \
        keepYearly: 10, keepWithin: 2y6m10d}\n  alert: {action: FAIL, branchesPercent: 50, \
        repositoriesPercent: 10}\n  backup: {removeDeletedRepos: true, deletedGraceDays: 90}\n";
    let config = parse("a.yml", &format!("localFolder: b\n{SOURCE}{options}"));
    assert_eq!(warnings(&config), "");
    let Options {
        backup,
        history,
        alert,
        ..
    } = config.options;
    assert!(backup.remove_deleted_repos);
    assert_eq!(backup.deleted_grace_days, 90);
    let counts = [
        history.keep_daily,
        history.keep_weekly,
        history.keep_monthly,
        history.keep_yearly,
    ];
    assert_eq!(counts, [14, 8, 24, 10]);
    assert_eq!(history.keep_within, Within::parse("2y6m10d"));
    assert_eq!(alert.action, AlertAction::Fail);
    assert_eq!(
        (alert.branches_percent, alert.repositories_percent),
        (50, 10)
    );
}

#[test]
fn what_is_expected_of_runs_is_read() {
    let source = "sources: [{title: a, hoster: h, name: n, maxAge: 8d12h}]\n";
    let options = "options:\n  status: {maxAge: 2d, metrics: m/forgekeep.prom}\n";
    let config = parse("etc/a.yml", &format!("localFolder: b\n{source}{options}"));
    assert_eq!(warnings(&config), "");
    let age = config.sources[0].max_age.unwrap();
    assert_eq!(age.to_string(), "8d12h");
    let status = &config.options.status;
    assert_eq!(status.max_age, Within::parse("2d").unwrap());
    let metrics = status.metrics.as_deref();
    assert_eq!(metrics, Some(Path::new("etc/m/forgekeep.prom")));
    // Without them.
    let config = parse("a.yml", &format!("localFolder: b\n{SOURCE}"));
    assert_eq!(config.sources[0].max_age, None);
    assert_eq!(config.options.status.max_age.to_string(), "36h");
    for (wrong, wanted) in [
        ("{maxAge: 36 hours}", "`36 hours` is not a length of time"),
        ("{maxAge: 0h}", "`0h` is not a length of time"),
        ("{metrics: settings.yml}", "does not end in `.prom`"),
        ("{metrics: ~/a.prom}", "replaced by shells only"),
        ("{maxAge: -1d}", "`-1d` is not a length of time"),
    ] {
        let text = format!("localFolder: b\n{SOURCE}options: {{status: {wrong}}}\n");
        let error = config::parse(&text, Path::new("a.yml"), &env).unwrap_err();
        assert!(error.to_string().contains(wanted), "{error}");
    }
}

#[test]
fn the_former_name_of_alert_works_with_a_warning() {
    let options = "options:\n  alarm: {action: fail, branchesPercent: 50}\n";
    let config = parse("a.yml", &format!("localFolder: b\n{SOURCE}{options}"));
    assert_eq!(config.options.alert.action, AlertAction::Fail);
    assert_eq!(config.options.alert.branches_percent, 50);
    insta::assert_snapshot!(warnings(&config), @"a.yml, line 4, column 3: `options.alarm` is now called `options.alert`: rename it; the old name still works");
}

#[test]
fn what_asks_for_nothing_special_gives_no_warning() {
    let text = "localFolder: '%HOME%/b'\nwaitSecondsOnError: 0\n\
        options: {backup: {removeDeletedRepos: false, addTimestampedSubfolder: False, \
        timestampFormat: '', s3BucketName: }}\n";
    let config = parse("a.yml", &format!("{text}{SOURCE}"));
    assert_eq!(config.local_folder, Path::new("/home/me/b"));
    assert_eq!(warnings(&config), "");
}

#[test]
fn unknown_keys_warn_with_place_and_nearest_key() {
    let config = settled(
        "a.yml",
        "localFolder: x\nLocalFoldr: x\nsources:\n  - title: a\n    hoster: b\n    name: c\n    \
         passwrod: hunter2\n    ignore_repos: [x]\n    \"wei\\erd\": 1\n    includeRepos: ['', ~]\noptions:\n  backup:\n    job: 3\n  \
         zzz: 1\n",
    );
    insta::assert_snapshot!(warnings(&config), @r"
    a.yml, line 2, column 1: `LocalFoldr` is not a known key and is ignored; did you mean `localFolder`?
    a.yml, line 7, column 5: `sources[0].passwrod` is not a known key and is ignored; did you mean `password`?
    a.yml, line 8, column 5: `sources[0].ignore_repos` is not a known key and is ignored; did you mean `ignoreRepos`?
    a.yml, line 9, column 5: `sources[0].wei\u{1b}rd` is not a known key and is ignored
    a.yml, line 10, column 20: `sources[0].includeRepos[0]` is empty and is ignored
    a.yml, line 10, column 24: `sources[0].includeRepos[1]` is empty and is ignored
    a.yml, line 13, column 5: `options.backup.job` is not a known key and is ignored; did you mean `jobs`?
    a.yml, line 14, column 3: `options.zzz` is not a known key and is ignored
    ");
    let config = settled(
        "a.toml",
        "localFolder = 'x'\njobs = 3\n[[sources]]\ntitle = 'a'\nhoster = 'b'\nname = 'c'\n  \
         Password = 'hunter2'\n[options]\nnetwork.stallSecond = 3\n",
    );
    insta::assert_snapshot!(warnings(&config), @r"
    a.toml, line 2, column 1: `jobs` is not a known key and is ignored
    a.toml, line 7, column 3: `sources[0].Password` is not a known key and is ignored; did you mean `password`?
    a.toml, line 9, column 9: `options.network.stallSecond` is not a known key and is ignored; did you mean `stallSeconds`?
    ");
}

#[test]
fn many_warnings_take_no_time() {
    let keys: String = (0..20_000).map(|n| format!("key{n}: x\n")).collect();
    let config = parse("a.yml", &format!("localFolder: x\n{SOURCE}{keys}"));
    assert_eq!(config.warnings.len(), 20_000);
    assert!(config.warnings[0].position.is_some());
}

#[test]
fn the_day_of_expiry_is_a_date() {
    let load = |name: &str, line: &str| {
        let text = match name {
            "a.toml" => format!(
                "localFolder = 'x'\n[[sources]]\ntitle = 'a'\nhoster = 'h'\nname = 'n'\nexpires = {line}\n"
            ),
            _ => format!(
                "localFolder: x\nsources:\n- {{title: a, hoster: h, name: n, expires: {line}}}\n"
            ),
        };
        let config = config::parse(&text, Path::new(name), &env)?;
        Ok::<_, config::ConfigError>(config.sources[0].expires.map(|date| date.to_string()))
    };
    for (name, line) in [
        ("a.yml", "2027-03-31"),
        ("a.yml", "'2027-03-31'"),
        ("a.toml", "'2027-03-31'"),
        ("a.toml", "2027-03-31"),
    ] {
        let date = load(name, line).unwrap();
        assert_eq!(date.as_deref(), Some("2027-03-31"), "{name}: {line}");
    }
    assert_eq!(load("a.yml", "''").unwrap(), None);
    for wrong in ["2027-02-30", "31.3.2027", "2027-03-31T00:00:00Z", "soon"] {
        let error = load("a.yml", &format!("'{wrong}'"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("sources[0].expires"), "{error}");
        assert!(error.contains("is not a date"), "{error}");
    }
}

#[test]
fn api_addresses() {
    let parse = |url: &str, insecure: bool| {
        let text = format!(
            "localFolder: x\nsources: [{{title: a, hoster: b, name: c, apiUrl: '{url}', \
             allowInsecureHttp: {insecure}}}]\n"
        );
        config::parse(&text, Path::new("a.yml"), &env)
    };
    for url in [
        "https://git.example.com/api",
        "http://127.0.0.1:8080",
        "http://127.9.9.9",
        "http://[::1]:1",
        "http://LOCALHOST",
        "",
    ] {
        assert!(parse(url, false).is_ok(), "{url}");
    }
    for url in [
        "http://example.com",
        "http://localhost.example.com",
        "http://10.0.0.1",
        "http://[::2]",
    ] {
        let error = parse(url, false).unwrap_err();
        assert!(error.hint().contains("allowInsecureHttp"), "{error}");
        assert!(parse(url, true).is_ok(), "{url}");
    }
    for url in [
        "ftp://example.com",
        "example.com",
        "https://u:hunter2@example.com",
        "https://hunter2@example.com",
        "https://example.com?hunter2=1",
        "https://example.com/#hunter2",
        "https://exa mple.com/hunter2",
    ] {
        let error = parse(url, true).unwrap_err();
        assert_eq!(error.kind(), ConfigErrorKind::InvalidValue);
        assert_eq!(error.key(), Some("sources[0].apiUrl"));
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn the_file_is_found_in_a_fixed_order() {
    let order = [
        "./forgekeep.toml",
        "./forgekeep.yml",
        "./settings.yml",
        "/xdg/forgekeep/config.toml",
        "/xdg/forgekeep/config.yml",
        "/etc/forgekeep/config.toml",
        "/etc/forgekeep/config.yml",
    ];
    let env = |name: &str| match name {
        "XDG_CONFIG_HOME" => Some("/xdg".to_owned()),
        "HOME" => Some("/home/me".to_owned()),
        "FORGEKEEP_CONFIG" => Some(String::new()),
        _ => None,
    };
    for (index, expected) in order.iter().enumerate() {
        let exists = |path: &Path| order[index..].iter().any(|place| path == Path::new(place));
        let found = config::find(None, &env, &exists).unwrap();
        assert_eq!(found, PathBuf::from(expected));
    }
    let named = |name: &str| (name == "FORGEKEEP_CONFIG").then(|| "named.yml".to_owned());
    let all = |_: &Path| true;
    let none = |_: &Path| false;
    let path = config::find(Some(Path::new("explicit.yml")), &named, &all).unwrap();
    assert_eq!(path, Path::new("explicit.yml"));
    assert_eq!(
        config::find(None, &named, &all).unwrap(),
        Path::new("named.yml")
    );

    let not_named = |path: &Path| path != Path::new("named.yml");
    insta::assert_snapshot!(config::find(None, &named, &not_named).unwrap_err(), @r"
    the configuration named.yml does not exist: FORGEKEEP_CONFIG names it
      hint: correct the path, or create the file
    ");
    let home = |name: &str| (name == "HOME").then(|| "/home/me".to_owned());
    insta::assert_snapshot!(config::find(None, &home, &none).unwrap_err(), @r"
    no configuration was found: none of these files exists: ./forgekeep.toml, ./forgekeep.yml, ./settings.yml, /home/me/.config/forgekeep/config.toml, /home/me/.config/forgekeep/config.yml, /etc/forgekeep/config.toml, /etc/forgekeep/config.yml
      hint: create one of them, or name your file with --config or FORGEKEEP_CONFIG
    ");
}

#[test]
fn files_are_read_with_care() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let good = write("good.yml", format!("localFolder: x\n{SOURCE}").as_bytes());
    assert_eq!(config::load(&good, &env).unwrap().file, good);

    let kind = |path: &Path| config::load(path, &env).unwrap_err().kind();
    assert_eq!(
        kind(&folder.path().join("none.yml")),
        ConfigErrorKind::NotFound
    );
    assert_eq!(
        kind(&write("a.json", b"{}")),
        ConfigErrorKind::UnknownEnding
    );
    assert_eq!(
        kind(&write("big.yml", &vec![b'#'; 1_048_577])),
        ConfigErrorKind::TooLarge
    );
    assert_eq!(
        kind(&write("full.yml", &vec![b'#'; 1_048_576])),
        ConfigErrorKind::MissingKey
    );
    std::fs::create_dir(folder.path().join("folder.yml")).unwrap();
    assert_eq!(
        kind(&folder.path().join("folder.yml")),
        ConfigErrorKind::Unreadable
    );

    let error = config::load(&write("latin.yml", b"a: 1\nb: \xfcber\n"), &env).unwrap_err();
    assert_eq!(error.kind(), ConfigErrorKind::NotUtf8);
    let position = error.position().unwrap();
    assert_eq!((position.line, position.column), (2, 4));
}
