//! Plugin files: where they are looked for, and what is said of those that cannot be used.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use forgekeep_tests::{Invocation, binaries, write_misbehaving};
use serde_json::json;

use crate::support::{TOKEN, World, error, place, plugin_file, report, source};

/// The binary in a place of its own, without the plugins of the build beside it.
struct Installed {
    world: World,
    binary: PathBuf,
}

impl Installed {
    fn new() -> Self {
        let world = World::new();
        let binary = world.sandbox.path("app/bin/forgekeep");
        place(&binaries().forgekeep(), &binary);
        Self { world, binary }
    }

    fn run<'s>(&'s self, arguments: &[&str]) -> Invocation<'s> {
        self.world.sandbox.program(&self.binary, arguments)
    }

    fn install(&self, folder: &str) -> PathBuf {
        let file = self
            .world
            .sandbox
            .path(folder)
            .join(plugin_file("bitbucket"));
        place(&binaries().library("forgekeep_hoster_bitbucket"), &file);
        file.canonicalize().unwrap()
    }

    /// The file of the plugin that is used, as `plugins info` says it.
    fn used(&self) -> PathBuf {
        let info = self.run(&[
            "plugins",
            "info",
            "bitbucket",
            "--plugin-dir",
            "first",
            "--plugin-dir",
            "second",
        ]);
        let path = [
            self.world.sandbox.path("third"),
            self.world.sandbox.path("fourth"),
        ];
        let run = info
            .env("FORGEKEEP_PLUGIN_PATH", std::env::join_paths(path).unwrap())
            .env("XDG_DATA_HOME", self.world.sandbox.path("data"))
            .run()
            .expect(0);
        let file = run
            .stdout
            .lines()
            .find_map(|line| line.strip_prefix("file:"))
            .unwrap();
        Path::new(file.trim()).to_owned()
    }
}

#[test]
fn plugins_are_looked_for_in_the_documented_order() {
    let installed = Installed::new();
    let folders = [
        "first",
        "second",
        "third",
        "fourth",
        "app/bin",
        "app/lib/forgekeep/plugins",
        "data/forgekeep/plugins",
    ];
    let files = folders.map(|folder| installed.install(folder));
    for file in files {
        assert_eq!(installed.used().canonicalize().unwrap(), file);
        fs::remove_file(file).unwrap();
    }
}

#[test]
fn without_xdg_data_home_the_folder_below_home_is_looked_in() {
    let installed = Installed::new();
    installed.install("home/.local/share/forgekeep/plugins");
    let run = installed
        .run(&["plugins", "info", "bitbucket"])
        .run()
        .expect(0);
    assert!(
        run.stdout.contains(".local/share/forgekeep/plugins"),
        "{}",
        run.stdout
    );
}

#[test]
fn an_installed_binary_backs_up_with_an_installed_plugin() {
    let installed = Installed::new();
    installed.install("app/lib/forgekeep/plugins");
    let web = installed
        .world
        .forge
        .repository("web")
        .private()
        .commit("one");
    installed.run(&["backup"]).run().expect(0);
    installed.world.assert_mirrored(web);
}

#[test]
fn without_any_plugin_it_is_said_where_they_are_looked_for() {
    let installed = Installed::new();
    let run = installed
        .run(&["backup", "--report", "r.json"])
        .run()
        .expect(11);
    assert!(
        run.stderr
            .contains("no plugin serves the hoster \"bitbucket\""),
        "{}",
        run.stderr
    );
    assert!(
        run.stdout.contains("forgekeep plugins list"),
        "{}",
        run.stderr
    );
    let run = installed.run(&["plugins", "list"]).run().expect(11);
    for folder in [
        "app/bin",
        "lib/forgekeep/plugins",
        ".local/share/forgekeep/plugins",
        "/usr/lib/forgekeep/plugins",
    ] {
        assert!(run.stdout.contains(folder), "{folder}: {}", run.stdout);
    }
}

/// Why a plugin is unfit and what to do, as `plugins check` says it: two lines.
pub(crate) fn assert_unfit(world: &World, folder: &str, why: &str, hint: &str) {
    let file = Path::new(folder).join(plugin_file("odd"));
    let check = world.forgekeep(&["plugins", "check", file.to_str().unwrap()]);
    let run = check.run().expect(11);
    let lines: Vec<_> = run.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{}", run.stderr);
    assert!(
        lines[0].contains(file.to_str().unwrap()) && lines[0].contains(why),
        "{}",
        run.stderr
    );
    assert!(
        lines[1].starts_with("  hint: ") && lines[1].contains(hint),
        "{}",
        run.stderr
    );

    let list = world.forgekeep(&["plugins", "list", "--plugin-dir", folder]);
    let run = list.run().expect(0);
    assert!(
        run.stdout.contains("unfit") && run.stdout.contains(why),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains(hint) && run.stdout.contains("bitbucket"),
        "{}",
        run.stdout
    );

    // Not in the way where it is not needed; exit 11 where it is.
    let web = world.forge.repository("web").commit("one");
    world.configure(&[world.source()]);
    let backup = || world.forgekeep(&["backup", "--plugin-dir", folder]).run();
    backup().expect(0);
    world.assert_mirrored(web);
    let odd = json!({"title": "odd", "hoster": "odd", "name": "acme"});
    world.configure(std::slice::from_ref(&odd));
    let run = backup().expect(11);
    let said = error(source(&run, "odd"));
    assert!(
        said.starts_with("plugin-missing: ") && said.contains(why) && said.contains(hint),
        "{said}"
    );
    world.configure(&[world.source(), odd]);
    let run = backup().expect(3);
    assert_eq!(report(&run)["outcome"], "partial");
    assert_eq!(run.outcome("acme/web"), "unchanged");
}

fn assert_library_unfit(library: &str, why: &str, hint: &str) {
    let world = World::new();
    let folder = world.plugin_folder(library, "odd");
    assert_unfit(&world, &folder, why, hint);
}

#[test]
fn a_file_that_is_no_library() {
    let world = World::new();
    world.sandbox.write(
        format!("junk/{}", plugin_file("odd")),
        "#!/bin/sh\nexit 1\n",
    );
    let folder = world.sandbox.path("junk").to_str().unwrap().to_owned();
    assert_unfit(
        &world,
        &folder,
        "not a library this system can load",
        "operating system and processor",
    );
}

#[test]
fn a_folder_with_the_name_of_a_plugin() {
    let world = World::new();
    let folder = world.sandbox.path("folders");
    fs::create_dir_all(folder.join(plugin_file("odd"))).unwrap();
    assert_unfit(
        &world,
        folder.to_str().unwrap(),
        "it is not a file",
        "remove it",
    );
}

#[test]
fn a_library_that_is_no_plugin() {
    assert_library_unfit(
        "test_plugin_foreign",
        "exports no `forgekeep_plugin_1`",
        "remove the file",
    );
}

#[test]
fn a_plugin_of_the_draft() {
    assert_library_unfit(
        "test_plugin_draft",
        "built for plugin ABI 0.1.0; this forgekeep speaks 1",
        "rebuild it",
    );
}

#[test]
fn a_plugin_with_another_layout() {
    assert_library_unfit(
        "test_plugin_other_layout",
        "but its types differ",
        "rebuild it",
    );
}

#[test]
fn a_plugin_that_panics_while_starting_or_has_no_good_name() {
    for (misbehave, why) in [
        ("panic-new", "as wanted, in new"),
        ("panic-manifest", "panicked in manifest"),
        ("exit-new", "exited with code 0"),
        ("segv-manifest", "segmentation fault"),
        ("bad-id", "\"../../etc\" cannot be an id"),
        ("empty-id", "\"\" cannot be an id"),
    ] {
        let world = World::new();
        let folder = world.sandbox.path("plugins");
        write_misbehaving(&folder.join(plugin_file("odd")), misbehave, "", "");
        assert_unfit(
            &world,
            folder.to_str().unwrap(),
            why,
            "report it to the plugin's authors",
        );
    }
}

#[test]
fn a_plugin_that_others_may_write_to() {
    let writable =
        |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    for of_folder in [true, false] {
        let world = World::new();
        let file = world.sandbox.path("open").join(plugin_file("odd"));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        // Not a link: the mode is the file's.
        fs::copy(binaries().library("test_plugin_misbehaving"), &file).unwrap();
        writable(if of_folder {
            file.parent().unwrap()
        } else {
            &file
        });
        let folder = file.parent().unwrap().to_str().unwrap();
        assert_unfit(&world, folder, "is writable by others", "chmod o-w");
    }
}

#[test]
fn an_id_that_is_taken() {
    let world = World::new();
    let folder = world.sandbox.path("plugins");
    write_misbehaving(&folder.join(plugin_file("odd")), "take-bitbucket", "", "");
    let folder = folder.to_str().unwrap().to_owned();
    let web = world.forge.repository("web").private().commit("one");
    let with = |arguments: &[&str]| {
        world
            .forgekeep(arguments)
            .args(&["--plugin-dir", &folder])
            .run()
    };
    let run = with(&["plugins", "list"]).expect(0);
    let shadowed = "bitbucket is served by ";
    assert!(run.stdout.contains(shadowed), "{}", run.stdout);
    assert!(run.stdout.contains("which comes first"), "{}", run.stdout);
    // The one whose file is called so serves.
    with(&["backup"]).expect(0);
    world.assert_mirrored(web);
}

#[test]
fn the_plugins_there_are_say_who_they_are() {
    let world = World::new();
    let run = world.forgekeep(&["plugins", "list"]).run().expect(0);
    let file = binaries().library("forgekeep_hoster_bitbucket");
    let is_it = |line: &str| line.starts_with("bitbucket ") && line.contains("0.1.0");
    assert!(run.stdout.lines().any(is_it), "{}", run.stdout);
    let run = world
        .forgekeep(&["plugins", "info", "bitbucket"])
        .run()
        .expect(0);
    assert!(
        run.stdout.contains("https://api.bitbucket.org"),
        "{}",
        run.stdout
    );
    let run = world
        .forgekeep(&["plugins", "info", "nope"])
        .run()
        .expect(11);
    assert!(
        run.stderr
            .contains("there is no plugin for the hoster \"nope\""),
        "{}",
        run.stderr
    );
    let run = world
        .forgekeep(&["plugins", "check", file.to_str().unwrap()])
        .run()
        .expect(0);
    assert!(
        run.stdout.contains("usable with plugin protocol 1"),
        "{}",
        run.stdout
    );
    // By its name alone, as whoever has just built it has it.
    let name = plugin_file("bitbucket");
    fs::copy(&file, world.sandbox.path(&name)).unwrap();
    world
        .forgekeep(&["plugins", "check", &name])
        .run()
        .expect(0);
    world
        .forgekeep(&["plugins", "check", "not-there.so"])
        .run()
        .expect(11);
}

#[test]
fn a_plugin_that_no_source_needs_is_opened_once() {
    let world = World::new();
    let folder = world.sandbox.path("plugins");
    // Its file comes in the order of names before Bitbucket's.
    write_misbehaving(&folder.join(plugin_file("a")), "exit-manifest", "", "");
    let folder = folder.to_str().unwrap();
    let alias = json!({"title": "acme", "hoster": "bitbucket-cloud", "name": "acme",
        "password": TOKEN, "apiAuthName": "dev@example.com", "apiUrl": world.forge.api_url()});
    world.configure(&[alias]);
    let web = world.forge.repository("web").private().commit("one");
    let opened = || {
        let backup = world.forgekeep(&["backup", "-v", "--plugin-dir", folder]);
        let run = backup.run().expect(0);
        run.stderr.contains("exited with code 0")
    };
    assert!(opened());
    world.assert_mirrored(web);
    assert!(!opened());
    // Another file is another plugin.
    write_misbehaving(
        &Path::new(folder).join(plugin_file("a")),
        "exit-new",
        "",
        "",
    );
    assert!(opened());
    // Whoever looks for another name is told of those that were not opened, too.
    let typo = json!({"title": "acme", "hoster": "bitbukcet", "name": "acme"});
    world.configure(&[typo]);
    let run = world.backup().expect(11);
    assert!(run.stdout.contains("did you mean"), "{}", run.stdout);
}
