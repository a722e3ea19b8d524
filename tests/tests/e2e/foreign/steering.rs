//! A mirror's configuration has no power, and what it says of the mirror is right.

use std::fs;

use forgekeep_tests::git;
use serde_json::Value;

use super::{adopted, verified, warnings};
use crate::support::{World, content};

#[test]
fn what_steers_is_set_aside_and_told() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one").wiki();
    world.backup().expect(0);
    let marker = world.sandbox.path("marker");
    let script = world.sandbox.write(
        "steered",
        format!("#!/bin/sh\ntouch {}\n", marker.display()),
    );
    let included = world.sandbox.write("included", "[core]\n\tfsmonitor = x\n");
    for mirror in [world.mirror("web"), world.folder("web").join("wiki")] {
        // What git would run, and what it would do to files: nobody looks at it.
        for hook in [
            "post-update",
            "reference-transaction",
            "post-checkout",
            "pre-push",
        ] {
            let hook = mirror.join("hooks").join(hook);
            fs::create_dir_all(hook.parent().unwrap()).unwrap();
            fs::copy(&script, &hook).unwrap();
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;

                fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
            }
        }
        fs::create_dir_all(mirror.join("info")).unwrap();
        fs::write(mirror.join("info/attributes"), "* filter=x text eol=crlf\n").unwrap();
        let url = world.forge.git_url();
        for (key, value) in [
            ("url.http://127.0.0.1:1/.insteadOf", url),
            ("url.http://127.0.0.1:1/.insteadOf", "forgekeep://"),
            ("include.path", included.to_str().unwrap()),
            ("core.hooksPath", script.to_str().unwrap()),
            ("core.fsmonitor", script.to_str().unwrap()),
            ("remote.origin.url", "http://127.0.0.1:1/"),
            ("http.proxy", "http://127.0.0.1:1/"),
            ("filter.x.smudge", script.to_str().unwrap()),
            ("gc.auto", "0"),
        ] {
            git::run(&mirror, &["config", "--add", key, value]);
        }
        let mut text = fs::read_to_string(mirror.join("config")).unwrap();
        text += "[CORE]\n\tSSHCommand = \"a \\\n b\" # c\n[includeIf \"gitdir:/\"] path = x\n";
        fs::write(mirror.join("config"), text).unwrap();
    }
    let found = verified(&world, 0);
    let said = found["repositories"][0]["warnings"].to_string();
    assert!(said.contains("url.http://127.0.0.1:1/."), "{said}");
    let before = content(&world.mirror("web"));
    super::restored(&world, "web", "copy");
    let tree = world.sandbox.path("tree");
    world
        .forgekeep(&["restore", "web", "--to", tree.to_str().unwrap()])
        .run()
        .expect(0);
    assert_eq!(git::run(&tree, &["status", "--porcelain"]), "");
    for file in ["hooks/pre-push", "info/attributes"] {
        assert!(!tree.join(".git").join(file).exists());
    }
    assert_eq!(content(&world.mirror("web")), before);

    web.commit("two");
    let run = world.backup().expect(0);
    let said = warnings(&run, "acme/web");
    assert_eq!(said.matches("config.set-aside").count(), 2, "{said}");
    let quiet = {
        git::run(&world.mirror("web"), &["config", "remote.x.url", "y"]);
        world.forgekeep(&["backup", "-q"]).run().expect(0)
    };
    assert!(
        format!("{}{}", quiet.stdout, quiet.stderr).contains("remote.x.url"),
        "{}",
        quiet.stderr
    );
    world.assert_mirrored(web);
    for mirror in [world.mirror("web"), world.folder("web").join("wiki")] {
        let aside = mirror.join("config.set-aside");
        let list = git::run(
            &mirror,
            &[
                "config",
                "-f",
                aside.to_str().unwrap(),
                "--no-includes",
                "-l",
            ],
        );
        for line in [
            "url.http://127.0.0.1:1/.insteadof=forgekeep://",
            "core.sshcommand=a  b",
            "includeif.gitdir:/.path=x",
        ] {
            assert!(list.contains(line), "{list}");
        }
        let left = git::run(&mirror, &["config", "--local", "-l"]);
        let mut left: Vec<_> = left.lines().collect();
        left.sort_unstable();
        assert_eq!(
            left,
            [
                "core.bare=true",
                "core.filemode=true",
                "core.repositoryformatversion=0",
                "gc.auto=0"
            ]
        );
    }
    assert!(!marker.exists());
    verified(&world, 0);
    assert_eq!(warnings(&world.backup().expect(0), "acme/web"), "");
}

#[test]
fn files_that_lead_elsewhere_are_set_aside() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one").commit("two");
    let mirror = adopted(&world, "web", web, &[]);
    let first = web.rev_parse("main~1");
    fs::create_dir_all(mirror.join("info")).unwrap();
    fs::write(
        mirror.join("info/grafts"),
        format!("{}\n", web.rev_parse("main")),
    )
    .unwrap();
    fs::write(mirror.join("commondir"), "/nowhere\n").unwrap();
    fs::write(mirror.join("config.worktree"), "[core]\n\tbare = false\n").unwrap();
    fs::write(
        mirror.join("objects/info/http-alternates"),
        "http://127.0.0.1:1/\n",
    )
    .unwrap();
    let run = world.backup().expect(0);
    let said = warnings(&run, "acme/web");
    for file in [
        "grafts.set-aside",
        "commondir.set-aside",
        "config.worktree.set-aside",
        "http-alternates",
    ] {
        assert!(said.contains(file), "{said}");
    }
    world.assert_mirrored(web);
    assert!(git::run(&mirror, &["log", "--format=%H", "main"]).contains(&first));
}

/// Every byte of a mirror's configuration: what is not found must have left its meaning.
#[test]
fn a_flip_in_a_configuration_is_found_and_repaired() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world.backup().expect(0);
    let config = world.mirror("web").join("config");
    let good = fs::read(&config).unwrap();
    // One of each kind: brackets, names, white space, values, ends of lines.
    for at in [0, 2, 6, 7, 9, 12, 15, good.len() - 3, good.len() - 1] {
        for flip in [0x01, 0x40] {
            let mut bad = good.clone();
            bad[at] ^= flip;
            fs::write(&config, &bad).unwrap();
            let found = world.forgekeep(&["verify", "--json"]).run();
            let said: Value = serde_json::from_str(&found.stdout).unwrap();
            assert_eq!(found.code, Some(3), "{at} {flip}: {said}");
            assert!(
                said["repositories"][0].to_string().contains("config"),
                "{said}"
            );
            let run = world.backup().expect(0);
            assert!(
                run.repository("acme/web").to_string().contains("config"),
                "{at}"
            );
            assert_eq!(fs::read(&config).unwrap().len(), good.len());
            verified(&world, 0);
        }
    }
    // The same without a verification in between.
    fs::write(&config, "[core]\n\tbare = tru\n").unwrap();
    let run = world.backup().expect(0);
    assert!(run.repository("acme/web").to_string().contains("config"));
    fs::remove_file(&config).unwrap();
    world.backup().expect(0);
    verified(&world, 0);
    world.assert_mirrored(web);
}

#[test]
fn annotated_tags_of_an_adopted_mirror_are_peeled() {
    let world = World::new();
    let web = world
        .forge
        .repository("web")
        .commit("one")
        .annotated_tag("v1");
    web.git(&["tag", "-a", "-m", "x", "nested", "v1"]);
    web.git(&["update-ref", "refs/odd/tag", "refs/tags/v1"]);
    web.commit("two");
    let mirror = world.mirror("web");
    fs::create_dir_all(&mirror).unwrap();
    git::run(&mirror, &["init", "-q", "--bare"]);
    let source = web.git_dir();
    git::run(
        &mirror,
        &["fetch", "-q", source.to_str().unwrap(), "refs/*:refs/*"],
    );
    git::run(&mirror, &["tag", "-a", "-m", "x", "only-here", "main"]);
    world.backup().expect(0);
    let packed = fs::read_to_string(mirror.join("packed-refs")).unwrap();
    assert!(packed.starts_with("# pack-refs with: peeled fully-peeled "));
    // Three of upstream's, and the one that is kept.
    assert_eq!(packed.matches("\n^").count(), 4, "{packed}");
    verified(&world, 0);
    // Both name the same commit.
    let described = git::run(&mirror, &["describe", "main"]);
    assert!(described.starts_with("v1-1-g") || described.starts_with("nested-1-g"));
    let clone = world.sandbox.path("clone");
    git::run(
        &mirror,
        &[
            "clone",
            "-q",
            "--single-branch",
            ".",
            clone.to_str().unwrap(),
        ],
    );
    assert_eq!(git::run(&clone, &["tag"]), "nested\nv1");

    // As version 0.1 has written it.
    let lines: Vec<_> = packed
        .lines()
        .filter(|line| !line.starts_with('^'))
        .collect();
    fs::write(mirror.join("packed-refs"), lines.join("\n") + "\n").unwrap();
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "unchanged");
    assert!(warnings(&run, "acme/web").contains("packed-refs"));
    assert_eq!(
        fs::read_to_string(mirror.join("packed-refs")).unwrap(),
        packed
    );
    verified(&world, 0);
}
