//! `init`: what is asked, what is written, and what never is.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use forgekeep_tests::{Invocation, Run, Sandbox, Terminal};
use rustix::termios::{LocalModes, tcgetattr};

use crate::support::{EMAIL, TOKEN, World};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

/// A world without a configuration, with one repository.
fn world() -> World {
    let world = World::new();
    world.forge.repository("web").private().commit("one");
    fs::remove_file(world.sandbox.path("settings.yml")).unwrap();
    world
}

/// `init` with everything but the token, which the test gives.
fn init<'w>(world: &'w World, more: &[&str]) -> Invocation<'w> {
    let folder = world.sandbox.backup();
    let all = [
        "init",
        "--hoster",
        "bitbucket",
        "--name",
        "acme",
        "--api-url",
        world.forge.api_url(),
        "--api-auth-name",
        EMAIL,
        "--folder",
        folder.to_str().unwrap(),
    ];
    world.forgekeep(&[&all, more].concat())
}

/// A file with the token, as an editor leaves it.
fn token(world: &World) -> File {
    File::open(world.sandbox.write("given", format!("{TOKEN}\n"))).unwrap()
}

/// Names of what is in the sandbox's own folder.
fn names(sandbox: &Sandbox) -> Vec<String> {
    let entries = fs::read_dir(sandbox.path("")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let ours = ["bin", "home", "tmp", "given"];
    let mut names: Vec<_> = names
        .filter(|name| !ours.contains(&name.as_str()))
        .collect();
    names.sort();
    names
}

#[track_caller]
fn assert_silent(run: &Run) {
    for text in [&run.stdout, &run.stderr] {
        assert!(!text.contains(TOKEN), "{text}");
    }
}

#[test]
fn a_configuration_is_written_that_backs_up_at_once() {
    for (file, arguments) in [
        ("forgekeep.yml", &[][..]),
        ("own.toml", &["--config", "own.toml"]),
    ] {
        let world = world();
        let run = init(&world, &["--token-file", "-"])
            .args(arguments)
            .stdin(token(&world))
            .run()
            .expect(0);
        assert_silent(&run);
        assert!(run.stdout.contains("sees: 1 repository"), "{}", run.stdout);
        assert_eq!(names(&world.sandbox), ["acme.token", file]);
        let config = world.sandbox.path(file);
        let secret = world.sandbox.path("acme.token");
        assert_eq!((mode(&config), mode(&secret)), (0o600, 0o600));
        assert_eq!(fs::read_to_string(&secret).unwrap(), format!("{TOKEN}\n"));
        let text = fs::read_to_string(&config).unwrap();
        assert!(!text.contains(TOKEN) && text.contains("# "), "{text}");
        // The plugin's own keys are named.
        assert!(
            text.contains("# clientId: key of an OAuth consumer"),
            "{text}"
        );
        let run = world.forgekeep(&["check"]).args(arguments).run().expect(0);
        assert!(!run.stderr.contains("warning"), "{}", run.stderr);
        world.forgekeep(&["backup"]).args(arguments).run().expect(0);
        assert!(world.folder("web").exists());
    }
}

#[test]
fn what_is_missing_is_named_where_nobody_can_be_asked() {
    let world = world();
    for (given, option) in [
        (&["init"][..], "--hoster"),
        (&["init", "--hoster", "bitbucket"], "--name"),
        (&["init", "--hoster", "gitea"], "--api-url"),
        (&["init", "--hoster", "git"], "--set urls=…"),
        (&["init", "--hoster", "github", "--name", "x"], "--folder"),
        (
            &["init", "--hoster", "github", "--name", "x", "--folder", "b"],
            "--token-file",
        ),
    ] {
        let run = world.forgekeep(given).run().expect(2);
        let wanted = format!("{option} is missing");
        assert!(run.stderr.contains(&wanted), "{option}: {}", run.stderr);
    }
    let run = world
        .forgekeep(&["init", "--hoster", "githup"])
        .run()
        .expect(11);
    assert!(
        run.stderr.contains("did you mean \"github\"?"),
        "{}",
        run.stderr
    );
    assert_eq!(names(&world.sandbox), Vec::<String>::new());
}

#[test]
fn nothing_that_is_there_is_replaced() {
    for (there, arguments) in [
        ("forgekeep.yml", &[][..]),
        // It would be read in place of the new one, or beside it.
        ("forgekeep.toml", &[]),
        ("settings.yml", &[]),
        ("own.yml", &["--config", "own.yml"]),
        ("acme.token", &["--config", "own.yml"]),
    ] {
        let world = world();
        world.sandbox.write(there, "mine");
        let run = init(&world, &["--token-file", "-", "--force"])
            .args(arguments)
            .stdin(token(&world))
            .run()
            .expect(2);
        assert!(run.stderr.contains("exists already"), "{}", run.stderr);
        assert_eq!(names(&world.sandbox), [there]);
        assert_eq!(fs::read(world.sandbox.path(there)).unwrap(), b"mine");
        assert!(world.forge.requests().is_empty());
    }
    let world = world();
    let run = init(&world, &["--config", "own.json"]).run().expect(2);
    assert!(run.stderr.contains(".yml"), "{}", run.stderr);
}

#[test]
fn a_check_that_fails_leaves_nothing_unless_it_is_forced() {
    let world = world();
    world.forge.change(|state| state.accounts.clear());
    let run = |more: &[&str]| {
        init(&world, &["--token-file", "-"])
            .args(more)
            .stdin(token(&world))
            .run()
            .expect(12)
    };
    let refused = run(&[]);
    assert_silent(&refused);
    assert!(
        refused.stderr.contains("nothing was written"),
        "{}",
        refused.stderr
    );
    assert_eq!(names(&world.sandbox), Vec::<String>::new());
    let forced = run(&["--force"]);
    assert_silent(&forced);
    assert_eq!(names(&world.sandbox), ["acme.token", "forgekeep.yml"]);
}

#[test]
fn offline_asks_nobody_and_the_folder_is_looked_at_all_the_same() {
    let world = world();
    init(&world, &["--token-file", "-", "--offline"])
        .stdin(token(&world))
        .run()
        .expect(0);
    assert!(world.forge.requests().is_empty());
    let arguments = [
        "init",
        "--hoster",
        "git",
        "--set",
        "urls=https://example.com/a.git",
        "--no-token",
        "--offline",
        "--folder",
        "/none/of/these",
        "--config",
        "b.yml",
    ];
    let run = world.forgekeep(&arguments).run().expect(1);
    assert!(
        run.stderr.contains("neither it nor its parent exists"),
        "{}",
        run.stderr
    );
    assert!(!world.sandbox.path("b.yml").exists());
}

#[test]
fn a_token_can_stay_in_the_environment_or_with_systemd() {
    let world = world();
    let run = init(&world, &["--store", "environment"])
        .env("ACME_TOKEN", TOKEN)
        .run()
        .expect(0);
    assert_silent(&run);
    assert_eq!(names(&world.sandbox), ["forgekeep.yml"]);
    world
        .forgekeep(&["check"])
        .env("ACME_TOKEN", TOKEN)
        .run()
        .expect(0);
    world.forgekeep(&["check"]).run().expect(10);
    let arguments = [
        "--store",
        "credential",
        "--config",
        "c.yml",
        "--token-file",
        "-",
    ];
    let run = init(&world, &arguments)
        .stdin(token(&world))
        .run()
        .expect(0);
    assert_silent(&run);
    assert!(
        run.stdout.contains("/etc/credstore/acme.token\n"),
        "{}",
        run.stdout
    );
    assert_eq!(names(&world.sandbox), ["c.yml", "forgekeep.yml"]);
    let check = || world.forgekeep(&["check", "--config", "c.yml"]);
    check().run().expect(10);
    // What systemd hands over comes before a file beside the configuration.
    world.sandbox.write("credentials/acme.token", TOKEN);
    world.sandbox.write("acme.token", "no-token-at-all");
    let folder = world.sandbox.path("credentials");
    check().env("CREDENTIALS_DIRECTORY", folder).run().expect(0);
    check().run().expect(12);
}

#[test]
fn a_secret_in_an_argument_is_refused_and_not_repeated() {
    let world = world();
    for set in ["clientSecret=hunter2hunter2", "hunter2hunter2"] {
        let run = init(&world, &["--no-token", "--set", set]).run().expect(2);
        assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
    }
    let run = world.forgekeep(&["init", "--token", TOKEN]).run().expect(2);
    assert!(run.stderr.contains("--token"), "{}", run.stderr);
    for (content, why) in [("", "is empty"), ("hunter2hunter2\nx", "several lines")] {
        let file = world.sandbox.write("given", content);
        let run = init(&world, &["--token-file", file.to_str().unwrap()])
            .run()
            .expect(2);
        assert!(run.stderr.contains(why), "{}", run.stderr);
    }
    assert_eq!(names(&world.sandbox), Vec::<String>::new());
}

/// Somebody at a pseudo-terminal.
struct Person {
    terminal: Terminal,
}

impl Person {
    /// Sits down before a command, which then runs at the terminal.
    fn before(command: Invocation<'_>) -> (Self, forgekeep_tests::Running) {
        // No question is broken into lines.
        let terminal = Terminal::new(1000);
        let end = || terminal.end();
        let running = command.stdin(end()).stdout(end()).stderr(end()).spawn();
        terminal.watch();
        (Self { terminal }, running)
    }

    #[track_caller]
    fn wait_for(&self, text: &str) {
        self.terminal.wait_for(text);
    }

    /// Answers a question once it is asked.
    #[track_caller]
    fn answer(&mut self, question: &str, answer: &str) {
        self.wait_for(question);
        self.terminal.forget();
        self.type_in(answer);
    }

    fn type_in(&self, line: &str) {
        writeln!(self.terminal.own(), "{line}").unwrap();
    }

    fn echoes(&self) -> bool {
        let modes = tcgetattr(self.terminal.own()).unwrap().local_modes;
        modes.contains(LocalModes::ECHO)
    }

    fn wait_for_silence(&self) {
        let began = Instant::now();
        while self.echoes() {
            assert!(began.elapsed() < Duration::from_secs(60));
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn seen(&self) -> String {
        self.terminal.seen()
    }
}

#[test]
fn somebody_at_a_terminal_is_asked_and_the_token_is_not_shown() {
    let world = world();
    let (mut person, running) =
        Person::before(world.forgekeep(&["init", "--api-url", world.forge.api_url()]));
    person.answer("Hoster: ", "nobody");
    person.answer("answer with one of the names above", "bitbucket");
    person.answer("Name of the user", "acme");
    person.answer("[acme]: ", "");
    person.answer("for the API", EMAIL);
    person.answer("User name for git", "");
    person.answer("Backup folder: ", "backup");
    person.wait_for("Token");
    person.wait_for_silence();
    person.type_in(TOKEN);
    person.wait_for("forgekeep backup --dry-run");
    let seen = person.seen();
    running.wait().expect(0);
    assert!(!seen.contains(TOKEN), "{seen}");
    assert!(person.echoes());
    assert_eq!(names(&world.sandbox), ["acme.token", "forgekeep.yml"]);
    let text = fs::read_to_string(world.sandbox.path("forgekeep.yml")).unwrap();
    // A service starts elsewhere.
    let folder = world.sandbox.backup();
    assert!(text.contains(folder.to_str().unwrap()), "{text}");
    world.backup().expect(0);
}

#[test]
fn an_interrupt_at_the_token_leaves_a_terminal_that_echoes_and_no_file() {
    let world = world();
    let command = init(&world, &["--auth-name", "x", "--title", "acme"]);
    let (person, running) = Person::before(command);
    person.wait_for("Token");
    person.wait_for_silence();
    running.interrupt();
    running.wait().expect(130);
    assert!(person.echoes());
    assert_eq!(names(&world.sandbox), Vec::<String>::new());
}

#[test]
fn a_check_that_fails_is_asked_about() {
    let world = world();
    world.forge.change(|state| state.accounts.clear());
    let file = world.sandbox.write("given", TOKEN);
    let arguments = ["--token-file", file.to_str().unwrap(), "--auth-name", "x"];
    for (answer, written) in [("n", false), ("", false), ("y", true)] {
        let command = init(&world, &arguments).args(&["--title", "acme"]);
        let (mut person, running) = Person::before(command);
        person.answer("all the same? [y/N]: ", answer);
        running.wait().expect(12);
        assert_eq!(world.sandbox.path("forgekeep.yml").exists(), written);
    }
}
