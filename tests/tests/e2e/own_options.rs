//! Secrets from files and commands, and the schema of the configuration, with the real plugin.

use std::fs;

use serde_json::{Value, json};

use crate::support::{TOKEN, World, files};

/// A world whose source has its token from elsewhere.
fn world_with(key: &str, value: impl Into<Value>) -> World {
    let world = World::new();
    let mut source = world.source_with(key, value);
    if let Some(source) = source.as_object_mut() {
        source.remove("password");
    }
    world.configure(&[source]);
    world
}

/// Panics if the token stands in what a run has said or written, but for one file.
#[track_caller]
fn assert_silent(world: &World, said: &str, but_for: &str) {
    assert!(!said.contains(TOKEN), "{said}");
    for path in files(&world.sandbox.path("")) {
        if !path.ends_with(but_for) {
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            assert!(!text.contains(TOKEN), "{path:?}");
        }
    }
}

#[test]
fn a_token_in_a_file_of_its_own_lists_what_is_private() {
    let world = world_with("passwordFile", "token.txt");
    let web = world.forge.repository("web").private().commit("one");
    world.sandbox.write("token.txt", format!("{TOKEN}\n"));
    let run = world.forgekeep(&["backup", "-vvv"]).run().expect(0);
    world.assert_mirrored(web);
    assert_silent(
        &world,
        &format!("{}{}", run.stdout, run.stderr),
        "token.txt",
    );
    // What asks no hoster has no need of it.
    fs::remove_file(world.sandbox.path("token.txt")).unwrap();
    world.forgekeep(&["status"]).run().expect(0);
    let run = world.backup().expect(10);
    assert!(run.stderr.contains("passwordFile"), "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn a_command_is_run_once_by_what_asks_the_hoster_alone() {
    let script = "echo x >> runs; /bin/cat token.txt";
    let world = world_with("passwordCommand", json!(["/bin/sh", "-c", script]));
    let web = world.forge.repository("web").private().commit("one");
    world.sandbox.write("token.txt", TOKEN);
    let runs = || {
        let text = fs::read_to_string(world.sandbox.path("runs")).unwrap_or_default();
        text.lines().count()
    };
    let run = world.forgekeep(&["backup", "-vvv"]).run().expect(0);
    world.assert_mirrored(web);
    assert_eq!(runs(), 1);
    assert_silent(
        &world,
        &format!("{}{}", run.stdout, run.stderr),
        "token.txt",
    );
    let copy = fs::read_to_string(world.sandbox.backup().join("_config/settings.yml")).unwrap();
    assert!(
        copy.contains("/bin/sh") && !copy.contains("token.txt"),
        "{copy}"
    );
    for command in [
        &["status"][..],
        &["verify"],
        &["plugins", "list"],
        &["schema", "config"],
    ] {
        world.forgekeep(command).run().expect(0);
        assert_eq!(runs(), 1, "{command:?}");
    }
    for (number, command) in [&["list"][..], &["check"], &["check", "--offline"]]
        .iter()
        .enumerate()
    {
        world.forgekeep(command).run().expect(0);
        assert_eq!(runs(), 2 + number, "{command:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_command_that_fails_ends_the_run_before_anything_is_asked() {
    let script = format!("echo {TOKEN}; echo {TOKEN} locked >&2; exit 7");
    let world = world_with("passwordCommand", json!(["/bin/sh", "-c", script]));
    world.forge.repository("web").commit("one");
    let run = world.backup().expect(10);
    assert!(
        run.stderr.contains("it ended with exit code 7"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("locked"), "{}", run.stderr);
    assert!(!run.stderr.contains(TOKEN), "{}", run.stderr);
    assert!(world.forge.requests().is_empty());
    assert!(!world.sandbox.backup().exists());
}

#[test]
fn the_schema_knows_the_plugins_that_are_found() {
    let world = World::new();
    let run = world.forgekeep(&["schema", "config"]).run().expect(0);
    let schema: Value = serde_json::from_str(&run.stdout).unwrap();
    let source = &schema["properties"]["sources"]["items"];
    let hosters = source["properties"]["hoster"]["enum"].as_array().unwrap();
    assert!(hosters.contains(&json!("bitbucket")), "{hosters:?}");
    assert_eq!(source["unevaluatedProperties"], json!(false));
}
