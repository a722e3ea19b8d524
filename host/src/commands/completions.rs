//! `forgekeep completions`: a shell's script, from the same description as the help. In bash, zsh and
//! fish it completes repositories, too: what is in the backup is asked of a hidden command
//! ([`repositories`]), since the scripts are files that packages install.

mod repositories;

use clap::{Command, CommandFactory};
use clap_complete::{Generator, Shell};
use clap_complete_nushell::Nushell;
use forgekeep_command_line::{Cli, CompletionShell, CompletionsArguments};

use crate::exit::{Complaint, ExitCode};
use crate::terminal;

pub use repositories::{COMPLETE_REPOSITORIES, complete_repositories};

const BASH: &str = include_str!("completions/forgekeep.bash");
const ZSH: &str = include_str!("completions/forgekeep.zsh");
const FISH: &str = include_str!("completions/forgekeep.fish");

/// `forgekeep completions`.
pub fn run(arguments: &CompletionsArguments) -> Result<ExitCode, Complaint> {
    terminal::bytes_to_stdout(script(arguments.shell).as_bytes());
    Ok(ExitCode::Good)
}

fn script(shell: CompletionShell) -> String {
    match shell {
        CompletionShell::Bash => bash(&generated(Shell::Bash)),
        CompletionShell::Zsh => zsh(&generated(Shell::Zsh)),
        CompletionShell::Fish => fish(&generated(Shell::Fish)),
        CompletionShell::PowerShell => generated(Shell::PowerShell),
        CompletionShell::Nushell => generated(Nushell),
    }
}

fn generated(shell: impl Generator) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "forgekeep", &mut script);
    // What is generated is text.
    String::from_utf8(script).unwrap_or_default()
}

/// The function that is registered calls the generated one, and adds to what it answers.
fn bash(script: &str) -> String {
    let script = script.replace(
        "complete -F _forgekeep ",
        "complete -F _forgekeep_and_repositories ",
    );
    match script.split_once("\nif [[ \"${BASH_VERSINFO[0]}\" -eq 4") {
        Some((functions, register)) => {
            format!("{functions}\n{BASH}\nif [[ \"${{BASH_VERSINFO[0]}}\" -eq 4{register}")
        }
        None => script,
    }
}

/// The places where repositories stand call a function of ours, which needs the words as they were
/// typed: the generated functions take commands off them.
fn zsh(script: &str) -> String {
    let mut text = String::new();
    for line in script.lines() {
        let is_repository = line.contains("repositories -- ") || line.contains("repository -- ");
        match line.strip_suffix(":_default' \\") {
            Some(start) if is_repository => {
                text.push_str(start);
                text.push_str(":_forgekeep_repositories' \\\n");
            }
            _ => {
                text.push_str(line);
                text.push('\n');
            }
        }
        if line == "_forgekeep() {" {
            text.push_str("    local -a forgekeep_words=(\"${(@)words[1,CURRENT]}\")\n");
        }
    }
    match text.split_once("\nif [ \"$funcstack[1]\"") {
        Some((functions, start)) => format!("{functions}\n{ZSH}\nif [ \"$funcstack[1]\"{start}"),
        None => text,
    }
}

fn fish(script: &str) -> String {
    let mut text = format!("{script}{FISH}");
    for command in with_repositories(&Cli::command()) {
        text.push_str(&format!(
            "complete -c forgekeep -n \"__fish_forgekeep_using_subcommand {command}\" -f -a \
             \"(__forgekeep_repositories)\"\n"
        ));
    }
    text
}

/// The commands that take repositories of the backup.
fn with_repositories(command: &Command) -> Vec<String> {
    let commands = command.get_subcommands();
    let taking = commands.filter(|command| repositories::takes(command).is_some());
    taking
        .map(|command| command.get_name().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn scripts_call_the_hidden_command() {
        let commands = ["snapshots", "drill", "restore", "verify", "forget"];
        assert_eq!(with_repositories(&Cli::command()), commands);
        for shell in CompletionShell::value_variants() {
            let script = script(*shell);
            let calls = script.matches(COMPLETE_REPOSITORIES).count();
            let asks = script.matches("_forgekeep_repositories").count();
            let hooks = script.matches("-F _forgekeep_and_repositories ").count();
            let expected = match shell {
                CompletionShell::Bash => (1, 0, 2),
                // The function and a call for each command, in zsh two for `forget`'s help.
                CompletionShell::Zsh | CompletionShell::Fish => (1, 1 + commands.len(), 0),
                CompletionShell::PowerShell | CompletionShell::Nushell => (0, 0, 0),
            };
            assert_eq!((calls, asks, hooks), expected, "{shell:?}\n{script}");
        }
    }
}
