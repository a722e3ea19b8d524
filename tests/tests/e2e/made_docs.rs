//! What tests and code make of the documentation: it must be in it as it would be made now, and
//! `cargo update-docs` (`FORGEKEEP_UPDATE_DOCS=1`) writes it again.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use forgekeep_failure::ExitCode;

use forgekeep_tests::Sandbox;

use crate::messages;

const END: &str = "<!-- end of what is made -->\n";

/// A file of the repository.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// Panics unless what stands in a page between a line and the end of what is made is `made`; or puts
/// it there.
pub fn compare_or_write_part(page: &str, begin: &str, made: &str) {
    let text = fs::read_to_string(file(page)).unwrap();
    let (head, rest) = text.split_once(begin).expect("the begin of what is made");
    let (_, tail) = rest.split_once(END).expect("the end of what is made");
    compare_or_write(page, &text, &format!("{head}{begin}{made}{END}{tail}"));
}

fn compare_or_write(name: &str, text: &str, made: &str) {
    if text == made {
        return;
    }
    assert!(
        is_update(),
        "{name} is not as it would be made; `cargo update-docs` writes it again:\n{made}"
    );
    fs::write(file(name), made).unwrap();
}

/// Whether what is made shall be written, and not compared.
fn is_update() -> bool {
    std::env::var_os("FORGEKEEP_UPDATE_DOCS").is_some()
}

#[test]
fn the_table_of_exit_codes_is_made_from_the_code() {
    let begin =
        "<!-- made from core/failure/src/exit_code.rs; `cargo update-docs` updates it -->\n";
    compare_or_write_part("docs/exit-codes.md", begin, &ExitCode::table());
}

#[test]
fn the_schema_of_reports_is_made_from_their_types() {
    let name = "schema/report.schema.json";
    let text = fs::read_to_string(file(name)).unwrap();
    compare_or_write(name, &text, &forgekeep_store::report::schema());
}

/// Where the texts are kept that people read.
const MESSAGES: &str = "tests/tests/e2e/messages";
const HELP: &str = "help.txt";

#[test]
fn no_message_changes_unseen() {
    let mut kept: Vec<_> = fs::read_dir(file(MESSAGES))
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != HELP)
        .collect();
    let mut differences = String::new();
    for (folder, made) in messages::of_crates() {
        let name = format!("{}.txt", folder.replace('/', "-"));
        kept.retain(|other| *other != name);
        let path = file(MESSAGES).join(&name);
        let text = fs::read_to_string(&path).unwrap_or_default();
        if is_update() && text != made {
            fs::create_dir_all(file(MESSAGES)).unwrap();
            fs::write(&path, made).unwrap();
        } else {
            differences.push_str(&messages::difference(&text, &made));
        }
    }
    for name in kept {
        match is_update() {
            true => fs::remove_file(file(MESSAGES).join(name)).unwrap(),
            false => writeln!(differences, "{name} is of no crate").unwrap(),
        }
    }
    assert!(
        differences.is_empty(),
        "messages have changed. If each reads as docs/style.md says, `cargo update-docs` accepts \
         them into {MESSAGES}:\n{differences}"
    );
}

#[test]
fn no_help_text_changes_unseen() {
    let sandbox = Sandbox::new();
    let help = |command: &[&str]| {
        let run = sandbox.forgekeep([command, &["--help"]].concat()).run();
        run.expect(0).stdout.replace("forgekeep.exe", "forgekeep")
    };
    let main = help(&[]);
    let commands = |help: &str| -> Vec<String> {
        // In one list, or in groups: between the usage and the options.
        let lines = help
            .lines()
            .skip_while(|line| !line.starts_with("Usage:"))
            .skip(1);
        let lines = lines.take_while(|line| *line != "Options:" && *line != "Arguments:");
        let rows = lines.filter_map(|line| line.strip_prefix("  "));
        let rows = rows.filter(|row| !row.starts_with(' '));
        let names = rows.filter_map(|row| row.split_whitespace().next().map(str::to_owned));
        names.filter(|name| name != "help").collect()
    };
    let mut made = format!("== forgekeep\n{main}");
    for command in commands(&main) {
        let text = help(&[command.as_str()]);
        write!(made, "\n== forgekeep {command}\n{text}").unwrap();
        for below in commands(&text) {
            let text = help(&[command.as_str(), below.as_str()]);
            write!(made, "\n== forgekeep {command} {below}\n{text}").unwrap();
        }
    }
    let name = format!("{MESSAGES}/{HELP}");
    let text = fs::read_to_string(file(&name)).unwrap_or_default();
    compare_or_write(&name, &text, &made);
}
