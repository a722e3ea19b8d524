//! The configuration file: found, read, warned about, and copied without its secrets.

use std::fs;

use serde_json::json;

use crate::support::{TOKEN, World, notes};

/// A `settings.yml` of SCM Backup's with every key it knows, for a forge.
fn scm_backup_settings(world: &World) -> String {
    format!(
        "# made for SCM Backup\n\
         localFolder: '{}'\nwaitSecondsOnError: 5\n\
         scms:\n  - name: git\n    path: 'c:\\git\\git.exe'\n\
         email:\n  from: from@example.com\n  to: to@example.com\n  server: 127.0.0.1\n  \
         port: 1\n  useSsl: true\n  userName: mailer\n  password: 'smtp-secret-4711'\n\
         sources:\n  - title: acme\n    hoster: Bitbucket\n    type: org\n    name: acme\n    \
         authName: devuser\n    apiAuthName: dev@example.com\n    password: '%scm_backup_pw%'\n    \
         apiUrl: {}\n    ignoreRepos:\n      - playground\n\
         options:\n  backup:\n    removeDeletedRepos: true\n    logRepoFinished: yes\n    \
         addTimestampedSubfolder: true\n    timestampFormat: 'yyyy-MM-dd HH%mm%ss'\n    \
         s3BucketName: my-bucket\n",
        world.sandbox.backup().display(),
        world.forge.api_url(),
    )
}

#[test]
fn a_settings_yml_of_scm_backup_works_and_what_is_not_acted_on_is_named() {
    let world = World::new();
    let web = world.forge.repository("web").private().commit("one");
    world.forge.repository("playground").commit("one");
    let file = world
        .sandbox
        .write("settings.yml", scm_backup_settings(&world));
    let run = world
        .forgekeep(&["backup"])
        .env("scm_backup_pw", TOKEN)
        .run()
        .expect(0);
    world.assert_mirrored(web);
    assert_eq!(run.outcome("acme/playground"), "skipped");
    let warned = |key: &str| {
        run.stderr
            .lines()
            .any(|line| line.starts_with("warning: ") && line.contains(key))
    };
    for ignored in [
        "waitSecondsOnError",
        "scms",
        "addTimestampedSubfolder",
        "timestampFormat",
        "s3BucketName",
    ] {
        assert!(
            warned(ignored),
            "{ignored} is not in a warning:\n{}",
            run.stderr
        );
    }
    // Nobody is at home there, which the end of the run says.
    assert!(
        run.stdout
            .contains("the mail server 127.0.0.1 was not told")
    );
    for used in [
        "email",
        "logRepoFinished",
        "removeDeletedRepos",
        "authName",
        "ignoreRepos",
        "`sources",
        "type",
    ] {
        assert!(!warned(used), "{used} is in a warning:\n{}", run.stderr);
    }
    let copy = fs::read_to_string(world.sandbox.backup().join("_config/settings.yml")).unwrap();
    assert!(!copy.contains("smtp-secret-4711"), "{copy}");
    assert!(
        copy.contains("%scm_backup_pw%") && copy.contains("my-bucket"),
        "{copy}"
    );
    assert!(
        fs::read_to_string(file)
            .unwrap()
            .contains("smtp-secret-4711")
    );
}

#[test]
fn the_copy_beside_the_backup_has_no_secrets() {
    let world = World::new();
    world.backup().expect(0);
    let copy = world.sandbox.backup().join("_config/settings.yml");
    let text = fs::read_to_string(&copy).unwrap();
    assert!(
        !text.contains(TOKEN) && text.contains("**masked**"),
        "{text}"
    );
    assert!(text.contains("dev@example.com"), "{text}");
}

fn toml(world: &World) -> String {
    format!(
        "localFolder = '{}'\n[[sources]]\ntitle = 'acme'\nhoster = 'bitbucket'\nname = 'acme'\n\
         apiAuthName = 'dev@example.com'\npassword = '{TOKEN}'\napiUrl = '{}'\n",
        world.sandbox.backup().display(),
        world.forge.api_url()
    )
}

#[test]
fn toml_is_as_good_as_yaml() {
    let world = World::new();
    let web = world.forge.repository("web").private().commit("one");
    world.sandbox.write("other/backup.toml", toml(&world));
    world
        .forgekeep(&["backup", "--config", "other/backup.toml"])
        .run()
        .expect(0);
    world.assert_mirrored(web);
    let copy = fs::read_to_string(world.sandbox.backup().join("_config/backup.toml")).unwrap();
    assert!(
        !copy.contains(TOKEN) && copy.contains("**masked**"),
        "{copy}"
    );
}

#[test]
fn the_first_file_of_the_documented_order_is_used() {
    let world = World::new();
    fs::remove_file(world.sandbox.path("settings.yml")).unwrap();
    let title = |name: &str| {
        let source = world.source_with("title", name);
        json!({"localFolder": world.sandbox.backup(), "sources": [source]}).to_string()
    };
    let files = [
        "xdg/forgekeep/config.yml",
        "settings.yml",
        "forgekeep.yml",
        "forgekeep.toml",
        "from-variable.yml",
        "from-option.yml",
    ];
    for file in files {
        match file.ends_with("toml") {
            true => world.sandbox.write(file, toml(&world)),
            false => world.sandbox.write(file, title("acme")),
        };
        let mut check = world.forgekeep(&["check", "--offline"]);
        check = check.env("XDG_CONFIG_HOME", world.sandbox.path("xdg"));
        if file.starts_with("from-") {
            check = check.env("FORGEKEEP_CONFIG", world.sandbox.path("from-variable.yml"));
        }
        if file == "from-option.yml" {
            check = check.args(&["--config", "from-option.yml"]);
        }
        let run = check.run().expect(0);
        let first = run.stdout.lines().next().unwrap();
        assert!(
            first.starts_with("configuration: ") && first.ends_with(file),
            "{file}: {first}"
        );
    }
}

#[test]
fn an_unknown_key_is_warned_about_with_its_nearest_kin() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    world.configure(&[world.source_with("ignoreRepo", vec!["web"])]);
    let run = world.backup().expect(0);
    let warning = run
        .stderr
        .lines()
        .find(|line| line.starts_with("warning: "))
        .unwrap();
    assert!(
        warning.contains("`sources[0].ignoreRepo`") && warning.contains("ignoreRepos"),
        "{warning}"
    );
    assert_eq!(run.outcome("acme/web"), "cloned");
    assert!(!notes(&run, "acme").contains("ignoreRepo"));
}
