//! A check ends where a backup would, and with the same code.

use forgekeep_tests::{Action, Fault, RequestKind};

use crate::support::{World, files};

fn world() -> World {
    let world = World::new();
    world.forge.repository("web").private().commit("one");
    world
}

/// What ends a backup ends a check, with the same code.
#[track_caller]
fn as_a_backup(world: &World, code: i32, says: &str) {
    let run = world.forgekeep(&["check"]).run().expect(code);
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(said.contains(says), "{says}: {said}");
    world.backup().expect(code);
}

#[test]
fn a_check_ends_where_the_folder_ends_a_backup() {
    let world = world();
    let configure = |folder: &str| {
        let source = world.source();
        let content = serde_json::json!({
            "localFolder": world.sandbox.path(folder), "sources": [source],
        });
        world.sandbox.write("settings.yml", content.to_string());
    };
    world.sandbox.write("file", "x");
    for (folder, says) in [
        ("no/such/folder", "whether the disk is mounted"),
        ("file", "cannot use the backup folder"),
        ("file/backup", "backup folder"),
    ] {
        configure(folder);
        as_a_backup(&world, 1, says);
        world.forgekeep(&["check", "--offline"]).run().expect(1);
    }
    configure("new");
    world.forgekeep(&["check"]).run().expect(0);
    assert!(!world.sandbox.path("new").exists());
}

#[test]
fn a_check_asks_git_as_a_backup_does() {
    let world = World::new();
    world.forge.repository("public").commit("one");
    world.forge.repository("web").private().commit("one");
    for (status, code, says) in [
        (401, 12, "the credentials were refused"),
        (403, 3, "403"),
        (500, 3, "500"),
    ] {
        world.forge.clear_faults();
        world
            .forge
            .inject(Fault::on(RequestKind::InfoRefs, Action::status(status)));
        as_a_backup(&world, code, says);
    }
    // One that is gone since it was listed says nothing about the others.
    world.forge.clear_faults();
    let gone = Fault::on(RequestKind::InfoRefs, Action::status(404));
    world.forge.inject(gone.repository("web"));
    world.forgekeep(&["check"]).run().expect(0);
    // A private one is asked for first, and one that is not to be backed up not at all.
    world.forge.clear_faults();
    let refused = Fault::on(RequestKind::InfoRefs, Action::status(401));
    world.forge.inject(refused.repository("web"));
    world.forgekeep(&["check"]).run().expect(12);
    world.configure(&[world.source_with("ignoreRepos", vec!["web"])]);
    world.forgekeep(&["check"]).run().expect(0);
    world.forge.reset_log();
    world.forgekeep(&["check", "--offline"]).run().expect(0);
    assert!(world.forge.requests().is_empty());
}

#[test]
fn a_check_writes_nothing_and_warns_of_a_run_under_way() {
    let world = world();
    world.backup().expect(0);
    let before = files(&world.sandbox.backup());
    let run = world.forgekeep(&["check"]).run().expect(0);
    assert!(!run.stdout.contains("another run"), "{}", run.stdout);
    let lock = world.sandbox.backup().join(".forgekeep/lock");
    let lock = std::fs::File::options().write(true).open(lock).unwrap();
    lock.lock().unwrap();
    for arguments in [&["check"][..], &["check", "--offline"]] {
        let run = world.forgekeep(arguments).run().expect(0);
        assert!(
            run.stdout
                .contains("warning: a backup could not start now: another run"),
            "{}",
            run.stdout
        );
    }
    world.backup().expect(13);
    lock.unlock().unwrap();
    assert_eq!(files(&world.sandbox.backup()), before);
}

/// Somebody else than root, who may write anywhere.
#[cfg(unix)]
#[test]
fn a_check_ends_where_the_folder_is_somebody_elses() {
    use std::os::unix::fs::{PermissionsExt, chown};

    use crate::machine::{SOMEBODY, give, is_root};

    let world = world();
    world.backup().expect(0);
    let backup = world.sandbox.backup();
    let is_root = is_root();
    let run = |arguments: &[&str]| match is_root {
        true => world.forgekeep(arguments).user(SOMEBODY).run(),
        false => world.forgekeep(arguments).run(),
    };
    let forbid = |path: &std::path::Path, forbidden: bool| {
        let mode = if forbidden { 0o555 } else { 0o755 };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        if is_root {
            chown(path, Some(if forbidden { 0 } else { SOMEBODY }), None).unwrap();
        }
    };
    if is_root {
        give(&world.sandbox.path(""), SOMEBODY);
    }
    run(&["check"]).expect(0);
    let folders = [
        backup.join(".forgekeep"),
        backup.join("_config"),
        backup.join("acme"),
    ];
    for (folder, code) in folders.iter().zip([3, 1, 3]) {
        // What is not there yet has to be made, and the copy to be written again.
        world.configure(&[world.source_with(
            "ignoreRepos",
            vec![folder.file_name().unwrap().to_string_lossy().into_owned()],
        )]);
        if is_root {
            chown(world.sandbox.path("settings.yml"), Some(SOMEBODY), None).unwrap();
        }
        world
            .forge
            .repository(&format!("new-{code}-{}", folder.file_name().unwrap().len()))
            .commit("one");
        forbid(folder, true);
        for arguments in [&["check"][..], &["check", "--offline"], &["backup"]] {
            let run = run(arguments).expect(code);
            let said = format!("{}{}", run.stdout, run.stderr);
            assert!(said.contains("denied"), "{arguments:?}: {said}");
        }
        forbid(folder, false);
    }
    std::fs::remove_dir_all(&backup).unwrap();
    forbid(backup.parent().unwrap(), true);
    for arguments in [&["check"][..], &["check", "--offline"], &["backup"]] {
        run(arguments).expect(1);
    }
    forbid(backup.parent().unwrap(), false);
}

/// A cause that ends a backup: its name, how it is set up, what is added to the command line and to the
/// environment, the exit code, and words of the reason.
struct Cause {
    name: &'static str,
    set_up: fn(&World),
    arguments: &'static [&'static str],
    variable: Option<(&'static str, &'static str)>,
    code: i32,
    says: &'static str,
    /// Whether it can be told offline.
    offline: bool,
}

fn cause(name: &'static str, code: i32, says: &'static str, set_up: fn(&World)) -> Cause {
    Cause {
        name,
        set_up,
        arguments: &[],
        variable: None,
        code,
        says,
        offline: false,
    }
}

fn everything_answers(world: &World, kind: RequestKind, status: u16) {
    let answer = Action::status(status);
    world.forge.inject(Fault::on(kind, answer));
}

/// Puts a file where a folder belongs.
fn in_place_of(world: &World, folder: &str) {
    let place = world.sandbox.backup().join(folder);
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::fs::write(place, "x").unwrap();
}

fn causes() -> Vec<Cause> {
    use RequestKind::{Api, InfoRefs};
    let proxy = |name, value| Cause {
        variable: Some(("HTTPS_PROXY", value)),
        offline: true,
        ..cause(name, 10, "HTTPS_PROXY", |_| {})
    };
    vec![
        proxy("a proxy of no protocol", "ftp://proxy:3128"),
        proxy("a proxy without a host", "http://"),
        proxy("a proxy with a path", "http://proxy:3128/proxy.pac"),
        Cause {
            offline: true,
            ..cause("a plugin that is missing", 11, "no plugin", |world| {
                world.configure(&[world.source_with("hoster", "nosuch")]);
            })
        },
        Cause {
            arguments: &["--plugin-dir", "plugins"],
            offline: true,
            ..cause("a plugin that is none", 11, "plugins", |world| {
                let file = crate::support::plugin_file("broken");
                world.sandbox.write(format!("plugins/{file}"), "no library");
                world.configure(&[world.source_with("hoster", "broken")]);
            })
        },
        Cause {
            offline: true,
            ..cause("a configuration without a name", 10, "name", |world| {
                let mut source = world.source();
                source.as_object_mut().unwrap().remove("name");
                world.configure(&[source]);
            })
        },
        Cause {
            offline: true,
            ..cause("a plain address", 10, "plain http", |world| {
                world.configure(&[world.source_with("apiUrl", "http://forge.example")]);
            })
        },
        cause("a file in the place of the reports", 1, "runs", |world| {
            in_place_of(world, ".forgekeep/runs");
        }),
        cause("a file in the place of the trash", 3, "trash", |world| {
            in_place_of(world, ".forgekeep/trash");
        }),
        cause(
            "a file in the place of a source",
            3,
            "backup/acme",
            |world| {
                in_place_of(world, "acme");
            },
        ),
        cause("a folder in the place of a file", 1, "_config", |world| {
            let folder = world.sandbox.backup().join("_config/settings.yml");
            std::fs::create_dir_all(folder).unwrap();
        }),
        cause("a dead token", 12, "401", |world| {
            world.forge.change(|state| state.accounts.clear());
        }),
        // The listing answers whoever asks; git does not.
        cause("a dead token beside a public listing", 12, "401", |world| {
            let refused = Fault::on(Api, Action::status(401));
            world.forge.inject(refused.containing("/user"));
            everything_answers(world, InfoRefs, 401);
        }),
        cause("an API that refuses", 3, "403", |world| {
            everything_answers(world, Api, 403);
        }),
        cause("an API that knows nothing", 3, "404", |world| {
            everything_answers(world, Api, 404);
        }),
        cause("an API out of order", 3, "500", |world| {
            everything_answers(world, Api, 500);
        }),
        cause("git that wants other credentials", 12, "401", |world| {
            everything_answers(world, InfoRefs, 401);
        }),
        cause("git that refuses", 3, "403", |world| {
            everything_answers(world, InfoRefs, 403);
        }),
        cause("git that knows nothing", 3, "404", |world| {
            everything_answers(world, InfoRefs, 404);
        }),
        cause("git that has withdrawn all", 3, "410", |world| {
            everything_answers(world, InfoRefs, 410);
        }),
        cause("git that answers with a page", 3, "git", |world| {
            world.forge.inject(Fault::on(InfoRefs, Action::html(200)));
        }),
        cause("one source of two", 3, "403", |world| {
            let other = world.source_with("title", "other");
            let mut gone = world.source_with("title", "gone");
            gone["name"] = "nosuch".into();
            world.configure(&[other, gone]);
            let refused = Fault::on(Api, Action::status(403));
            world.forge.inject(refused.containing("nosuch"));
        }),
    ]
}

#[test]
fn a_check_ends_with_the_code_of_a_backup_whatever_the_cause() {
    for cause in causes() {
        let world = World::new();
        world.forge.repository("web").private().commit("one");
        world.forge.repository("public").commit("one");
        (cause.set_up)(&world);
        let run = |arguments: &[&str]| {
            let mut command = world.forgekeep(arguments).args(cause.arguments);
            if let Some((name, value)) = cause.variable {
                command = command.env(name, value);
            }
            command.run()
        };
        let mut commands = vec![&["check"][..], &["backup"]];
        if cause.offline {
            commands.push(&["check", "--offline"]);
        }
        for arguments in commands {
            let run = run(arguments);
            let said = format!("{}{}", run.stdout, run.stderr);
            assert_eq!(
                run.code,
                Some(cause.code),
                "{}: {arguments:?}: {said}",
                cause.name
            );
            assert!(
                said.contains(cause.says),
                "{}: {arguments:?}: {said}",
                cause.name
            );
            assert!(
                said.contains("hint: "),
                "{}: {arguments:?}: {said}",
                cause.name
            );
        }
    }
}
