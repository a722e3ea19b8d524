//! `forgekeep man`: the manual, from the same description as the help.

use std::fs;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use forgekeep_command_line::{Cli, ManArguments};

use crate::exit::{Complaint, ExitCode};
use crate::terminal::out;

/// Of a user's commands.
const SECTION: &str = "1";

/// Where the exit codes stand.
const EXIT_CODES: &str = "Exit codes:";

const ENVIRONMENT: &[(&str, &str)] = &[
    (
        "FORGEKEEP_CONFIG",
        "The configuration file, unless --config names one.",
    ),
    (
        "FORGEKEEP_PLUGIN_PATH",
        "Folders to look for plugins in, after those of --plugin-dir; separated as in PATH.",
    ),
    (
        "NO_COLOR",
        "If set and not empty, nothing is coloured, unless --color says otherwise.",
    ),
    (
        "CLICOLOR_FORCE",
        "If set and not 0, text is coloured without a terminal, too.",
    ),
];

const FILES: &[(&str, &str)] = &[
    (
        "./forgekeep.toml, ./forgekeep.yml, ./settings.yml",
        "The configuration, in this order, in the current folder.",
    ),
    (
        "$XDG_CONFIG_HOME/forgekeep/config.toml, config.yml",
        "The user's configuration; by default in ~/.config.",
    ),
    (
        "/etc/forgekeep/config.toml, config.yml",
        "The system's configuration.",
    ),
    (
        "/usr/lib/forgekeep/plugins",
        "The plugins of packages. `forgekeep plugins list` shows all that are found.",
    ),
];

/// `forgekeep man`.
pub fn run(arguments: &ManArguments) -> Result<ExitCode, Complaint> {
    let folder = &arguments.folder;
    fs::create_dir_all(folder).map_err(|error| Complaint::file("make", folder, &error))?;
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let count = write(&command, folder)?;
    out!("{count} pages written");
    Ok(ExitCode::Good)
}

/// Writes the page of a command and those of what is below it; says how many.
fn write(command: &Command, folder: &Path) -> Result<usize, Complaint> {
    let man = Man::new(command.clone())
        .section(SECTION)
        .manual("Forgekeep Manual")
        .source(concat!("Forgekeep ", env!("CARGO_PKG_VERSION")));
    let file = folder.join(man.get_filename());
    let mut page = Vec::new();
    let made = render(&man, command, &mut page).and_then(|()| fs::write(&file, &page));
    made.map_err(|error| Complaint::file("write", &file, &error))?;
    let mut count = 1;
    for below in command.get_subcommands() {
        count += write(below, folder)?;
    }
    Ok(count)
}

fn render(man: &Man, command: &Command, page: &mut Vec<u8>) -> std::io::Result<()> {
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(page)?;
    }
    man.render_options_section(page)?;
    let mut rest = Roff::new();
    if let Some(text) = command.get_after_help() {
        examples(&mut rest, &text.to_string());
    }
    exit_codes(&mut rest);
    if is_whole(command) {
        surroundings(&mut rest);
    }
    see_also(&mut rest, command);
    rest.to_writer(page)
}

/// Whether it is the program, and not one of its commands.
fn is_whole(command: &Command) -> bool {
    command.get_name() == "forgekeep"
}

/// The examples as they stand in the help, each on lines of its own.
fn examples(roff: &mut Roff, text: &str) {
    roff.control("SH", ["EXAMPLES"]);
    let text = text.split(EXIT_CODES).next().unwrap_or(text).trim_end();
    let (heading, lines) = text.split_once('\n').unwrap_or((text, ""));
    if heading != "Examples:" {
        roff.text([roman(heading)]);
    }
    // The lines are filled by us, and not by whoever shows the page.
    roff.control("nf", []);
    for line in lines.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
}

fn exit_codes(roff: &mut Roff) {
    roff.control("SH", ["EXIT STATUS"]);
    for code in ExitCode::ALL {
        roff.control("TP", []);
        roff.text([bold(code.code().to_string())]);
        roff.text([roman(without_links(code.meaning()))]);
    }
}

/// A text of the documentation, where no link leads anywhere: the words of its links remain.
fn without_links(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("](") {
        let (start, words) = before.rsplit_once('[').unwrap_or((before, ""));
        plain.push_str(start);
        plain.push_str(words);
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    // A terminal that shows the page may have no other characters.
    plain.replace('`', "").replace('…', "...")
}

/// What is not on the command line, on the page of the whole.
fn surroundings(roff: &mut Roff) {
    for (heading, entries) in [("ENVIRONMENT", ENVIRONMENT), ("FILES", FILES)] {
        roff.control("SH", [heading]);
        for (name, meaning) in entries {
            roff.control("TP", []);
            roff.text([bold(*name)]);
            roff.text([roman(*meaning)]);
        }
    }
}

fn see_also(roff: &mut Roff, command: &Command) {
    let Some((above, _)) = command
        .get_display_name()
        .and_then(|name| name.rsplit_once('-'))
    else {
        return;
    };
    roff.control("SH", ["SEE ALSO"]);
    roff.text([bold(above), roman(format!("({SECTION})"))]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_become_their_words() {
        assert_eq!(without_links("a [b c](#d), `e`; [f](g) h"), "a b c, e; f h");
    }
}
