//! Help: the commands in groups. clap has one list of them, so the list is written here, and clap's is
//! hidden where help is shown.

use std::env;

use clap::{Command, CommandFactory};

use super::Cli;

/// Each command in one group; a test compares.
const GROUPS: [(&str, &[&str]); 5] = [
    ("Back up", &["backup", "list", "check", "status"]),
    ("Restore", &["snapshots", "restore", "drill"]),
    ("Maintain", &["verify", "forget"]),
    ("Run by itself", &["schedule", "notify"]),
    (
        "Set up",
        &[
            "init",
            "demo",
            "plugins",
            "schema",
            "completions",
            "man",
            "help",
        ],
    ),
];

/// As wide as the help of options is, at most.
const WIDTH: usize = 100;

/// The command line as it is read, with its help.
pub fn command_line() -> Command {
    let command = Cli::command();
    let groups = groups(&command, width());
    command
        // One name, whatever the file is called: manual and completions say the same.
        .override_usage("forgekeep [OPTIONS] <COMMAND>")
        .help_template(format!(
            "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n{groups}\n{{all-args}}{{after-help}}"
        ))
        .mut_subcommands(|command| command.hide(true))
        .max_term_width(WIDTH)
}

fn width() -> usize {
    let named = env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let (_, columns) = console::Term::stdout().size_checked().unzip();
    let width = columns.map(usize::from).or(named).unwrap_or(WIDTH);
    // Below this, one word a line is no help.
    width.clamp(40, WIDTH)
}

fn groups(command: &Command, width: usize) -> String {
    let widest = command
        .get_subcommands()
        .map(|command| command.get_name().len())
        .max();
    let column = widest.unwrap_or_default() + 4;
    let about = |name: &str| match name {
        "help" => Some("Print this, or the help of a command".to_owned()),
        name => Some(command.find_subcommand(name)?.get_about()?.to_string()),
    };
    let mut text = String::new();
    for (heading, names) in GROUPS {
        text.push_str(&format!("\n{heading}:\n"));
        for name in names {
            let mut start = format!("  {name:<width$}", width = column - 2);
            for line in wrapped(&about(name).unwrap_or_default(), width - column) {
                text.push_str(&format!("{start}{line}\n"));
                start = " ".repeat(column);
            }
        }
    }
    text
}

/// A text in lines of at most `width` characters, as far as its words are not longer.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
        command_line().debug_assert();
    }

    #[test]
    fn each_command_stands_in_one_group() {
        let named: Vec<_> = GROUPS.iter().flat_map(|(_, names)| *names).collect();
        let in_groups: BTreeSet<_> = named.iter().map(|name| **name).collect();
        assert_eq!(named.len(), in_groups.len());
        let mut command = Cli::command();
        command.build();
        let all: BTreeSet<_> = command.get_subcommands().map(Command::get_name).collect();
        assert_eq!(in_groups, all);
    }

    #[test]
    fn lines_are_as_long_as_they_may_be() {
        assert_eq!(wrapped("one two  three", 7), ["one two", "three"]);
        assert_eq!(wrapped("incomprehensible", 4), ["incomprehensible"]);
        let text = groups(&Cli::command(), 60);
        assert!(
            text.lines().all(|line| line.chars().count() <= 60),
            "{text}"
        );
    }

    /// The lines of examples: two spaces, and the command.
    fn examples(text: &str) -> impl Iterator<Item = &str> {
        let lines = text.lines().filter_map(|line| line.strip_prefix("  "));
        let commands = lines.filter(|line| line.starts_with("forgekeep "));
        commands.map(|line| line.split("  ").next().unwrap_or(line))
    }

    #[test]
    fn every_example_can_be_typed() {
        let command = Cli::command();
        let all = command.get_subcommands().chain([&command]);
        for command in all {
            let text = command.get_after_help().map(ToString::to_string);
            let text = text.unwrap_or_else(|| panic!("{} has no examples", command.get_name()));
            assert!(examples(&text).count() > 0, "{text}");
            for example in examples(&text) {
                let parsed = command_line().try_get_matches_from(example.split(' '));
                assert!(parsed.is_ok(), "{example}: {parsed:?}");
            }
        }
    }
}
