//! What is shown on a terminal: colour, width, bars; and that none of it is in what goes elsewhere.

use std::fs;

use forgekeep_tests::{Action, Fault, Invocation, RequestKind, Running, Terminal};

use crate::support::{World, report};

/// Runs at a terminal, without input.
fn at(terminal: &Terminal, command: Invocation<'_>) -> Running {
    let running = command
        .env("TERM", "xterm")
        .stdout(terminal.end())
        .stderr(terminal.end())
        .spawn();
    terminal.watch();
    running
}

/// What it shows, without what only moves the cursor.
fn shown(columns: u16, command: Invocation<'_>, code: i32) -> String {
    let terminal = Terminal::new(columns);
    // The last line: what was written before has been read by then.
    let _open = terminal.end();
    at(&terminal, command).wait().expect(code);
    let end = "the end of it";
    std::io::Write::write_all(&mut terminal.end(), end.as_bytes()).unwrap();
    terminal.wait_for(end);
    terminal.seen().replace('\r', "").replace(end, "")
}

fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        out.push_str(before);
        let end = after.find(|c: char| c.is_ascii_alphabetic()).unwrap();
        rest = &after[end + 1..];
    }
    out + rest
}

const LONG: &str =
    "a-repository-with-a-name-that-is-longer-than-most-terminals-are-wide-and-ends-so";

fn world() -> World {
    let world = World::new();
    for slug in ["web", LONG] {
        world.forge.repository(slug).private().commit(slug);
    }
    world
}

#[test]
fn colour_is_for_terminals_and_for_whoever_asks_for_it() {
    let world = world();
    world.backup().expect(0);
    let status = |arguments: &[&str]| world.forgekeep(&[&["status"], arguments].concat());
    let green = "\u{1b}[32mok\u{1b}[0m";
    assert!(shown(80, status(&[]), 0).contains(green));
    assert!(!shown(80, status(&["--color", "never"]), 0).contains('\u{1b}'));
    assert!(!shown(80, status(&[]).env("NO_COLOR", "1"), 0).contains('\u{1b}'));
    let run = |command: Invocation<'_>| command.run().expect(0).stdout;
    assert!(!run(status(&[])).contains('\u{1b}'));
    assert!(run(status(&["--color=always"])).contains(green));
    assert!(run(status(&[]).env("CLICOLOR_FORCE", "1")).contains(green));
    // What a program reads has none, whatever is asked for.
    let json = run(status(&["--json", "--color=always"]));
    assert!(!json.contains('\u{1b}'), "{json}");
    // Nor has a report.
    let arguments = ["backup", "--color=always", "--report", "of-run.json"];
    let backup = world.forgekeep(&arguments).run().expect(0);
    assert!(
        backup.stdout.contains("\u{1b}[32mAll good: "),
        "{backup:#?}"
    );
    let report = fs::read_to_string(world.sandbox.path("of-run.json")).unwrap();
    assert!(
        !report.contains('\u{1b}') && !report.contains("u001b"),
        "{report}"
    );
    // Also what is wrong with the arguments, and the help.
    for (asked, coloured) in [("always", true), ("never", false)] {
        let help = world
            .forgekeep(&["--color", asked, "--help"])
            .run()
            .expect(0);
        assert_eq!(help.stdout.contains('\u{1b}'), coloured, "{asked}");
        let wrong = world
            .forgekeep(&["--color", asked, "nonsense"])
            .run()
            .expect(2);
        assert_eq!(wrong.stderr.contains('\u{1b}'), coloured, "{asked}");
    }
}

#[test]
fn a_hostile_name_steers_no_terminal_with_colour_either() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    world.backup().expect(0);
    // A title, as the name of its folder gives it: it clears the screen.
    let backup = world.sandbox.backup();
    let other = backup.join("%1B[2Jx");
    fs::create_dir(&other).unwrap();
    fs::rename(world.folder("web"), other.join("web")).unwrap();
    let all = world.sandbox.path("all").display().to_string();
    let commands: [&[&str]; 5] = [
        &["status", "-v"],
        &["verify"],
        &["drill"],
        &["restore", "--all", "--to", &all],
        &["backup", "-vv"],
    ];
    for command in commands {
        let run = world
            .forgekeep(&[command, &["--color", "always"]].concat())
            .run();
        for text in [&run.stdout, &run.stderr] {
            assert!(!text.contains("\u{1b}[2J"), "{command:?}: {text:?}");
        }
        let both = format!("{}{}", run.stdout, run.stderr);
        assert!(
            both.contains("\u{1b}[") && both.contains("\\u{1b}[2Jx"),
            "{both}"
        );
    }
}

#[test]
fn lines_fit_the_terminal_and_names_are_whole_elsewhere() {
    let world = world();
    world.backup().expect(0);
    for command in [&["list"][..], &["status", "-v"], &["check"], &["verify"]] {
        let wide = plain(&shown(72, world.forgekeep(command), 0));
        for line in wide
            .lines()
            .filter(|line| !line.contains('/') || line.contains('…'))
        {
            let columns = line.trim_end().chars().count();
            assert!(columns <= 72, "{command:?}: {columns}: {line}");
        }
        let piped = world.forgekeep(command).run().expect(0).stdout;
        assert!(!piped.contains('…'), "{piped}");
    }
    let list = plain(&shown(72, world.forgekeep(&["list"]), 0));
    assert!(
        list.contains("  acme/a-repository-w") && list.contains("-and-ends-so "),
        "{list}"
    );
    assert!(
        world
            .forgekeep(&["list"])
            .run()
            .expect(0)
            .stdout
            .contains(LONG)
    );
    // A message is broken between words, and goes on further in.
    let missing = world.forgekeep(&["snapshots", "nobody/has-such-a-name"]);
    let told = plain(&shown(40, missing, 2));
    assert!(told.lines().count() > 2, "{told}");
    assert!(
        told.lines().all(|line| line.chars().count() <= 40),
        "{told}"
    );
    assert!(
        told.lines().skip(1).all(|line| line.starts_with("  ")),
        "{told}"
    );
}

#[test]
fn each_long_command_has_a_bar_and_leaves_none() {
    let world = world();
    let all = world.sandbox.path("all").display().to_string();
    let one = world.sandbox.path("one").display().to_string();
    for (command, bar) in [
        (&["backup"][..], "/2 repositories, "),
        (&["verify"], "/2 repositories, "),
        (&["drill"], "/2 repositories, "),
        (&["restore", "--all", "--to", &all], "/2 restored, "),
        (&["restore", "acme/web", "--to", &one], "/1 repositories, "),
    ] {
        let seen = shown(100, world.forgekeep(command), 0);
        assert!(seen.contains(bar), "{command:?}: {seen:?}");
        // The last thing is no bar.
        let last = seen.rsplit("\u{1b}[2K").next().unwrap();
        assert!(!last.contains(bar), "{command:?}: {seen:?}");
        // And without a terminal there is none.
    }
    for command in [&["verify"][..], &["drill"], &["backup"]] {
        let run = world.forgekeep(command).run().expect(0);
        assert!(!run.stderr.contains("/2 repositories, "), "{run:#?}");
    }
}

#[test]
fn an_interruption_is_told_in_one_line_with_numbers() {
    let world = World::new();
    let slugs: Vec<String> = (0..12).map(|number| format!("repo-{number:02}")).collect();
    for slug in &slugs {
        world.forge.repository(slug).private().commit(slug);
    }
    world
        .forge
        .inject(Fault::on(RequestKind::UploadPack, Action::Hang));
    let running = world.forgekeep(&["backup", "--jobs", "2"]).spawn();
    world.forge.wait_for(RequestKind::UploadPack, 2);
    running.interrupt();
    let run = running.wait().expect(130);
    for slug in &slugs {
        assert_eq!(run.outcome(&format!("acme/{slug}")), "notDone");
        assert!(
            !run.stdout.contains(slug) && !run.stderr.contains(slug),
            "{run:#?}"
        );
    }
    assert_eq!(report(&run)["outcome"], "interrupted");
    let last = run.stdout.lines().last().unwrap();
    assert_eq!(
        last,
        "Interrupted: 0 repositories backed up before, 12 repositories not done; run again for the rest."
    );
    // What was not done has not failed.
    let status = world.forgekeep(&["status", "--json"]).run().expect(0);
    let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    let one = &status["sources"][0]["repositories"][0];
    assert_eq!(one["lastOutcome"], "notDone");
    assert_eq!(one["failingSince"], serde_json::Value::Null);
    world.forge.clear_faults();
    world.forge.release();
    world.backup().expect(0);
}
