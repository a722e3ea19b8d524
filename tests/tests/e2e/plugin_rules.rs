//! Which plugins are run, in what, and what they may keep.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use forgekeep_tests::{
    Action, Fault, RequestKind, Run, binaries, c_plugin, compare, write_misbehaving,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::plugin_calls::{Beside, SECRET};
use crate::plugin_files::assert_unfit;
use crate::support::{World, content, error, files, notes, place, plugin_file, source};

/// SHA-256 of a file, as it is written.
fn sha256(file: &PathBuf) -> String {
    let digest = Sha256::digest(fs::read(file).unwrap());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A folder with a plugin in C for the hoster `odd`.
fn odd_in_c(world: &World, plugin: &str, defines: &[&str]) -> (String, PathBuf) {
    let folder = world.sandbox.path("plugins-c");
    fs::create_dir_all(&folder).unwrap();
    let defines = [&["-DPLUGIN_ID=\"odd\""], defines].concat();
    let file = c_plugin::build(plugin, &folder, &defines);
    (folder.to_str().unwrap().to_owned(), file)
}

/// Panics unless `plugins list` of a binary that has no other plugin says that none can be used.
fn assert_none_usable(world: &World, folder: &str) {
    let binary = world.sandbox.path("app/bin/forgekeep");
    place(&binaries().forgekeep(), &binary);
    let list = world
        .sandbox
        .program(&binary, ["plugins", "list", "--plugin-dir", folder]);
    let run = list.run().expect(11);
    let none = "none of the plugins found can be used";
    assert!(run.stdout.contains(none), "{}", run.stdout);
}

#[test]
fn a_plugin_that_a_panic_would_end_is_refused() {
    let world = World::new();
    let (folder, _) = odd_in_c(&world, c_plugin::RAW, &["-DPANIC=\"abort\""]);
    assert_unfit(
        &world,
        &folder,
        "built with panic = \"abort\"",
        "rebuild it without",
    );
    assert_none_usable(&world, &folder);
}

#[test]
fn a_plugin_of_a_protocol_above_ours_is_refused() {
    let world = World::new();
    let newer = ["-DPROTOCOL_FROM=2", "-DPROTOCOL_TO=3"];
    let (folder, _) = odd_in_c(&world, c_plugin::FROZEN, &newer);
    let why = "it speaks plugin protocol 2 to 3; this forgekeep speaks 1";
    assert_unfit(&world, &folder, why, "install a newer forgekeep");
    assert_none_usable(&world, &folder);
}

/// Writes the configuration with a group `plugins`.
fn configure(world: &World, sources: &[Value], plugins: &Value) {
    let content = json!({
        "localFolder": world.sandbox.backup(), "sources": sources, "plugins": plugins,
        "options": {"network": {"retries": 0}},
    });
    world.sandbox.write("settings.yml", format!("{content:#}"));
}

fn odd() -> Value {
    json!({"title": "odd", "hoster": "misbehaving", "name": "acme", "password": SECRET})
}

/// The file that [`Beside::invoke`] writes for a misbehaviour.
fn file_of(beside: &Beside, misbehave: &str) -> PathBuf {
    let folder = beside.world.sandbox.path(format!("plugins-{misbehave}"));
    folder.join(plugin_file("misbehaving"))
}

#[test]
fn only_plugins_that_are_allowed_are_used() {
    let beside = Beside::new();
    let backup = |sources: &[Value], allow: Value| {
        configure(&beside.world, sources, &json!({ "allow": allow }));
        beside.invoke(&["backup"], "").run()
    };
    let both = [odd(), beside.world.source()];
    backup(&both, json!(["misbehaving", "bitbucket"])).expect(0);
    let hash = sha256(&file_of(&beside, ""));
    let named = format!("misbehaving@sha256:{hash}");
    backup(&both, json!([named, "bitbucket"])).expect(0);

    // Not named: all fail where none is, and otherwise those that are not.
    let refused = |run: &Run, why: &str| {
        let said = error(source(run, "odd"));
        assert!(said.starts_with("plugin-missing: "), "{said}");
        let found = format!("its id is misbehaving, its SHA-256 {hash}");
        assert!(said.contains(why) && said.contains(&found), "{said}");
        assert!(said.contains("to plugins.allow"), "{said}");
    };
    let run = backup(&both, json!([])).expect(11);
    refused(&run, "does not name it");
    assert!(error(source(&run, "acme")).starts_with("plugin-missing: "));
    let run = backup(&both, json!(["bitbucket"])).expect(3);
    refused(&run, "does not name it");
    assert_eq!(source(&run, "acme")["outcome"], "ok");
    // Another file than the one that is named.
    let other = format!("misbehaving@sha256:{}", "0".repeat(64));
    let run = backup(&both, json!(["bitbucket", other])).expect(3);
    refused(&run, "names it with the SHA-256 of another file");
    let run = backup(&both[..1], json!([other])).expect(11);
    refused(&run, "names it with the SHA-256 of another file");
}

#[test]
fn what_is_not_allowed_is_not_opened() {
    let world = World::new();
    let (folder, _) = odd_in_c(&world, c_plugin::RAW, &["-DAT_LOAD=abort()"]);
    let odd = json!({"title": "odd", "hoster": "odd", "name": "good"});
    let said = |plugins: Value| {
        configure(&world, std::slice::from_ref(&odd), &plugins);
        let run = world.forgekeep(&["backup", "--plugin-dir", &folder]).run();
        error(source(&run.expect(11), "odd"))
    };
    let refused = said(json!({"allow": ["bitbucket"]}));
    assert!(
        refused.contains("`plugins.allow` does not name it"),
        "{refused}"
    );
    let list = || {
        let list = world.forgekeep(&["plugins", "list", "--plugin-dir", &folder]);
        list.run().expect(0).stdout
    };
    assert!(list().contains("`plugins.allow` does not name it"));
    // It dies as soon as it is opened.
    let died = said(json!({"allow": ["bitbucket", "odd"]}));
    assert!(died.contains("ended by signal 6"), "{died}");
    assert!(list().contains("ended by signal 6"));
}

#[test]
fn without_rules_that_can_be_read_no_plugin_is_looked_at() {
    let world = World::new();
    let (folder, _) = odd_in_c(&world, c_plugin::RAW, &["-DAT_LOAD=abort()"]);
    for command in [&["list"][..], &["info", "odd"]] {
        let command = |more: &[&str]| {
            let words = [&["plugins"], command, &["--plugin-dir", &folder], more].concat();
            world.forgekeep(&words).run()
        };
        configure(&world, &[odd()], &json!({"allow": 3}));
        let run = command(&[]).expect(10);
        assert!(run.stderr.contains("plugins.allow"), "{}", run.stderr);
        assert!(!run.stdout.contains("signal"), "{}", run.stdout);
        let run = command(&["--config", "missing.yml"]).expect(10);
        assert!(run.stderr.contains("missing.yml"), "{}", run.stderr);
        // A variable that is not set hides no rule.
        let source = json!({"title": "a", "hoster": "bitbucket", "name": "a",
            "password": "%NOT_SET_HERE%"});
        configure(&world, &[source], &json!({"allow": []}));
        let run = command(&[]);
        let said = format!("{}{}", run.stdout, run.stderr);
        assert!(said.contains("`plugins.allow` does not name it"), "{said}");
        // Where there is none, there are no rules.
        fs::remove_file(world.sandbox.path("settings.yml")).unwrap();
        let run = command(&[]);
        let said = format!("{}{}", run.stdout, run.stderr);
        assert!(said.contains("ended by signal 6"), "{said}");
    }
}

#[test]
fn only_the_file_that_is_named_for_a_hoster_is_what_is_wrong_with_it() {
    let world = World::new();
    let folder = world.sandbox.path("plugins-other");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(plugin_file("very-odd")), "no library").unwrap();
    let folder = folder.to_str().unwrap();
    let info = |id: &str| {
        let run = world.forgekeep(&["plugins", "info", id, "--plugin-dir", folder]);
        run.run().expect(11).stderr
    };
    let said = info("very-odd");
    assert!(said.contains(&plugin_file("very-odd")), "{said}");
    let said = info("odd");
    assert!(said.contains("there is no plugin for the hoster"), "{said}");
}

#[test]
#[cfg(target_os = "linux")]
fn confinement_is_required_or_switched_off() {
    let beside = Beside::new();
    let both = [odd(), beside.world.source()];
    let unconfined =
        "the process of the plugin misbehaving is not confined: `plugins.confinement` is `off`";
    for (confinement, comes, is_told) in [
        ("require", "it comes to nobody: PermissionDenied", false),
        ("auto", "it comes to nobody: PermissionDenied", false),
        ("off", "it comes to its hoster", true),
    ] {
        configure(&beside.world, &both, &json!({ "confinement": confinement }));
        let run = beside.backup("connect").expect(0);
        let noted = notes(&run, "odd");
        assert!(noted.contains(comes), "{confinement}: {noted}");
        assert_eq!(
            noted.contains(unconfined),
            is_told,
            "{confinement}: {noted}"
        );
    }
}

#[test]
#[cfg(target_os = "linux")]
fn what_the_kernel_cannot_confine_is_said_and_refused_where_it_is_required() {
    let world = World::new();
    // Without landlock_create_ruleset.
    let older = world.sandbox.path("older-kernel");
    c_plugin::compile("hostile/older-kernel.c", &older, &["-DNUMBER=444"]);
    let forgekeep = binaries().forgekeep();
    let run = |arguments: &[&str]| {
        let words = [&[forgekeep.to_str().unwrap()], arguments].concat();
        world.sandbox.program(&older, &words).run()
    };
    let info = run(&["plugins", "info", "bitbucket"]).expect(0).stdout;
    assert!(info.contains("files: NOT confined: "), "{info}");
    assert!(info.contains("system calls: confined"), "{info}");
    let web = world.forge.repository("web").private().commit("one");
    configure(
        &world,
        &[world.source()],
        &json!({"confinement": "require"}),
    );
    let backup = ["backup", "--report", "told.json"];
    let told = || fs::read_to_string(world.sandbox.path("told.json")).unwrap();
    run(&backup).expect(11);
    assert!(told().contains("cannot be confined: files: "), "{}", told());
    configure(&world, &[world.source()], &json!({"confinement": "auto"}));
    run(&backup).expect(0);
    assert!(told().contains("is not confined: files: "), "{}", told());
    world.assert_mirrored(web);
}

#[test]
fn a_plugin_inside_forgekeep_is_warned_of_in_each_run() {
    let beside = Beside::new();
    let mut odd = odd();
    odd["isolation"] = "inProcess".into();
    beside.world.configure(&[odd, beside.world.source()]);
    for _ in 0..2 {
        let run = beside.backup("").expect(0);
        let warning = "the plugin misbehaving runs inside forgekeep";
        assert!(notes(&run, "odd").contains(warning), "{run:#?}");
        assert!(run.stderr.contains(warning), "{}", run.stderr);
        assert!(
            run.stderr.contains("isolation: inProcess"),
            "{}",
            run.stderr
        );
    }
    let upstream = beside.world.forge.repository("one").git_dir();
    let mirror = beside.world.sandbox.backup().join("odd/acme#one/repo");
    compare::assert_mirror(&upstream, &mirror);
}

#[test]
fn what_a_plugin_keeps_is_there_in_the_next_run() {
    let beside = Beside::new();
    let asked = |arguments: &[&str], times: &str| {
        let run = beside.invoke(arguments, "count").run().expect(0);
        let said = format!("{}{}{:?}", run.stdout, run.stderr, run.report);
        let told = format!("asked {times} times");
        assert!(said.contains(&told), "{said}");
    };
    asked(&["backup"], "1");
    asked(&["backup"], "2");
    let folder = beside.world.sandbox.backup().join(".forgekeep/plugins");
    let kept = content(&folder);
    let [(file, _)] = &kept[..] else {
        panic!("{kept:?}");
    };
    assert_eq!(file, &folder.join("odd.json"));
    let mode = fs::metadata(file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // Nothing is written by what only looks.
    for command in [&["backup", "--dry-run", "-v"][..], &["list", "-v"]] {
        beside.invoke(command, "count").run().expect(0);
        assert_eq!(content(&folder), kept, "{command:?}");
    }
    asked(&["backup"], "3");
}

#[test]
fn a_credential_is_not_kept() {
    let beside = Beside::new();
    let run = beside.backup("keep-password").expect(0);
    let said = notes(&run, "odd");
    assert!(said.contains("refused, policy: "), "{said}");
    for file in files(&beside.world.sandbox.backup()) {
        let content = fs::read(&file).unwrap();
        assert!(
            !String::from_utf8_lossy(&content).contains(SECRET),
            "{file:?}"
        );
    }
}

#[test]
fn a_download_is_told_by_size_and_hash_and_does_not_stay() {
    let beside = Beside::new();
    let archive: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
    let answer = Action::Respond {
        status: 200,
        headers: vec![("Content-Type".to_owned(), "application/zip".to_owned())],
        body: archive.clone(),
    };
    let fault = Fault::on(RequestKind::Api, answer);
    beside.world.forge.inject(fault.containing("/2.0/archive"));
    let run = beside.backup("download").expect(0);
    let digest: String = Sha256::digest(&archive)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let told = format!("{} bytes, {digest}", archive.len());
    assert!(notes(&run, "odd").contains(&told), "{run:#?}");
    let left = files(&beside.world.sandbox.backup().join(".forgekeep/downloads"));
    assert!(left.is_empty(), "{left:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn what_a_plugin_is_and_what_it_is_confined_to_is_shown() {
    let world = World::new();
    let folder = world.sandbox.path("plugins");
    let file = folder.join(plugin_file("misbehaving"));
    write_misbehaving(&file, "", "", "");
    let folder = folder.to_str().unwrap();
    let info = world.forgekeep(&["plugins", "info", "misbehaving", "--plugin-dir", folder]);
    let info = info.run().expect(0).stdout;
    let check = world.forgekeep(&["plugins", "check", file.to_str().unwrap()]);
    let check = check.run().expect(0).stdout;
    let hash = sha256(&file);
    for said in [&info, &check] {
        for line in [
            "id: misbehaving".to_owned(),
            "protocol: 1".to_owned(),
            format!("SHA-256: {hash}"),
            "types: user, org, group".to_owned(),
            "option: apiKey (secret): A second secret".to_owned(),
            "runs: in a process of its own".to_owned(),
            "memory: confined".to_owned(),
            "privileges: confined".to_owned(),
            "system calls: confined".to_owned(),
            "files: confined".to_owned(),
        ] {
            let squeezed = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
            let found = said.lines().any(|shown| squeezed(shown) == line);
            assert!(found, "{line}: {said}");
        }
    }
}
