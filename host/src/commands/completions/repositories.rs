//! The hidden command that completion scripts call: which repositories of the backup the word that is
//! being typed may become. It says nothing else and never fails: nobody has asked for anything yet.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, Command, CommandFactory};
use forgekeep_command_line::{Cli, Common, FolderArgument};
use forgekeep_store::inventory;
use forgekeep_untrusted::names;

use crate::terminal::out;

/// Its name. The words after the program's follow: the last one is the word that is being typed.
pub const COMPLETE_REPOSITORIES: &str = "__complete-repositories";

/// Prints what the last word may become, each on a line; nothing where no repository is to stand there.
pub fn complete_repositories(words: impl Iterator<Item = OsString>) {
    // What is no text begins no name of ours.
    let words = words.map(|word| word.into_string().unwrap_or_default());
    let mut words: Vec<String> = words.collect();
    let Some(current) = words.pop() else { return };
    let Some(typed) = Typed::read(&words, &current) else {
        return;
    };
    let common = Common {
        config: typed.config,
        plugin_dirs: Vec::new(),
        verbose: 0,
        quiet: true,
        color: clap::ColorChoice::Auto,
    };
    let place = FolderArgument {
        folder: typed.folder,
    };
    let Ok(folder) = super::super::offline::folder(&common, &place) else {
        return;
    };
    let all = inventory::read(&folder).unwrap_or_default();
    let all: Vec<_> = all
        .iter()
        .map(|kept| kept.name().raw().to_owned())
        .collect();
    for name in candidates(&all, &current) {
        out!("{name}");
    }
}

/// The argument of a command that is a repository of the backup.
pub fn takes(command: &Command) -> Option<&Arg> {
    let is_repository = |arg: &&Arg| {
        let id = arg.get_id();
        arg.is_positional() && (id == "repository" || id == "repositories")
    };
    command.get_arguments().find(is_repository)
}

/// A command line that goes on with a repository.
#[derive(Debug, Default, PartialEq, Eq)]
struct Typed {
    config: Option<PathBuf>,
    folder: Option<PathBuf>,
}

impl Typed {
    /// `None` where no repository is to follow.
    fn read(words: &[String], current: &str) -> Option<Self> {
        let mut command = Cli::command();
        command.build();
        let mut command = &command;
        let mut typed = Self::default();
        let (mut waiting, mut literal, mut positionals) = (None::<&Arg>, false, 0);
        for word in words {
            if let Some(option) = waiting {
                // bash makes three words of --folder=DIR.
                if word != "=" {
                    typed.note(option, word);
                    waiting = None;
                }
            } else if literal || !word.starts_with('-') || word == "-" {
                match command.find_subcommand(word) {
                    Some(below) if !literal && positionals == 0 => command = below,
                    _ => positionals += 1,
                }
            } else if word == "--" {
                literal = true;
            } else {
                let (option, value) = option(command, word);
                match (option, value) {
                    (Some(option), Some(value)) => typed.note(option, value),
                    (option, _) => waiting = option,
                }
            }
        }
        let wants_option = current.starts_with('-') && !literal;
        let argument = takes(command)?;
        let most = argument
            .get_num_args()
            .map_or(1, |range| range.max_values());
        let takes_more = positionals < most;
        (waiting.is_none() && !wants_option && takes_more).then_some(typed)
    }

    fn note(&mut self, option: &Arg, value: &str) {
        let path = || Some(expanded(value));
        match option.get_id().as_str() {
            "config" => self.config = path(),
            "folder" => self.folder = path(),
            _ => {}
        }
    }
}

/// The option that takes a value, and that value where it stands in the same word.
fn option<'c>(command: &'c Command, word: &'c str) -> (Option<&'c Arg>, Option<&'c str>) {
    let takes_value = |arg: &&Arg| arg.get_action().takes_values() && !arg.is_positional();
    let mut options = command.get_arguments().filter(takes_value);
    if let Some(long) = word.strip_prefix("--") {
        let (name, value) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (long, None),
        };
        return (options.find(|arg| arg.get_long() == Some(name)), value);
    }
    // The first of a cluster that takes a value takes the rest of it.
    let letters = word.get(1..).unwrap_or_default();
    for (at, letter) in letters.char_indices() {
        let found = command.get_arguments().filter(takes_value);
        if let Some(arg) = found
            .into_iter()
            .find(|arg| arg.get_short() == Some(letter))
        {
            let rest = letters.get(at + letter.len_utf8()..).unwrap_or_default();
            return (Some(arg), (!rest.is_empty()).then_some(rest));
        }
    }
    (None, None)
}

/// What the shell would make of a path, which it has not yet.
fn expanded(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), env::home_dir()) {
        (Some(below), Some(home)) => home.join(below),
        _ => PathBuf::from(path),
    }
}

/// The longest name of each repository that begins with the word: the whole one, or an end of it that
/// no other has. A terminal shows them, so what could do anything to it is left out.
fn candidates(all: &[String], word: &str) -> Vec<String> {
    let is_plain = |name: &&String| names::is_printable(name) && !name.starts_with('-');
    let mut found = Vec::new();
    for name in all.iter().filter(is_plain) {
        let ends = name
            .match_indices('/')
            .filter_map(|(at, _)| name.get(at + 1..));
        let ends = ends.filter(|_| !word.is_empty());
        let is_clear = |end: &&str| {
            *end == name || {
                let with_slash = format!("/{end}");
                let others = all
                    .iter()
                    .filter(|other| other == end || other.ends_with(&with_slash));
                others.count() == 1
            }
        };
        let mut names = std::iter::once(name.as_str()).chain(ends);
        found.extend(
            names
                .find(|end| end.starts_with(word) && is_clear(end))
                .map(str::to_owned),
        );
    }
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &str) -> Option<Typed> {
        let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let current = words.pop().unwrap();
        Typed::read(&words, &current)
    }

    #[test]
    fn a_repository_is_expected_where_a_command_takes_one() {
        let plain = Some(Typed::default());
        for line in [
            "restore ",
            "restore we",
            "-v restore --to x we",
            "verify a b ",
            "snapshots --wiki ",
            "restore --to = x ",
            "restore -- -we",
            "drill --to-hoster verify ",
        ] {
            assert_eq!(typed(line), plain, "{line}");
        }
        for line in [
            "",
            "rest",
            "backup ",
            "restore --to ",
            "restore --to = ",
            "restore -",
            "snapshots acme/web ",
            "plugins info ",
            "restore -c ",
            "help restore ",
        ] {
            assert_eq!(typed(line), None, "{line}");
        }
    }

    #[test]
    fn folder_and_configuration_are_those_of_the_line() {
        for line in [
            "--config c.yml restore --folder /b ",
            "restore --folder=/b -cc.yml x",
            "restore --folder = /b -qvc c.yml x",
        ] {
            let wanted = Typed {
                config: Some("c.yml".into()),
                folder: Some("/b".into()),
            };
            assert_eq!(typed(line), Some(wanted), "{line}");
        }
    }

    #[test]
    fn a_word_becomes_the_name_or_an_end_of_it_that_is_clear() {
        let all = [
            "acme/acme/web",
            "acme/acme/api",
            "beta/beta/web",
            "-x/y/z",
            "acme/a\u{1b}/b",
        ];
        let all = all.map(str::to_owned);
        let found = |word: &str| candidates(&all, word).join(" ");
        assert_eq!(found(""), "acme/acme/api acme/acme/web beta/beta/web");
        assert_eq!(found("acme/w"), "acme/web");
        assert_eq!(found("ap"), "api");
        assert_eq!(found("we"), "", "two repositories end like that");
        assert_eq!(found("y"), "");
        assert_eq!(found("b"), "beta/beta/web");
    }
}
