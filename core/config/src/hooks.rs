//! The commands that are run before and after a run.

use forgekeep_untrusted::names;

use super::error::ConfigError;
use super::reader::{Field, Section};

/// The keys of `hooks`.
pub const HOOKS: &[&str] = &["before", "after", "failure"];

/// A program and its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookCommand {
    /// The program.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// The `hooks` of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hooks {
    /// Before the run.
    pub before: Vec<HookCommand>,
    /// After it, whatever came of it.
    pub after: Vec<HookCommand>,
    /// After a run that failed, before those of `after`.
    pub failure: Vec<HookCommand>,
}

pub(super) fn hooks(root: &Section<'_>) -> Result<Hooks, ConfigError> {
    let Some(field) = root.get("hooks") else {
        return Ok(Hooks::default());
    };
    let section = field.section()?;
    section.warn_unknown(HOOKS);
    let commands = |key: &str| match section.get(key) {
        Some(list) => list.items()?.iter().map(command).collect(),
        None => Ok(Vec::new()),
    };
    Ok(Hooks {
        before: commands("before")?,
        after: commands("after")?,
        failure: commands("failure")?,
    })
}

fn command(field: &Field<'_>) -> Result<HookCommand, ConfigError> {
    if !field.is_list() {
        return Err(field.wrong_type(
            "a list",
            "write each command as a list of its program and arguments: [['mount', '/srv/backup']]; a \
             shell is run by ['sh', '-c', '…'] alone",
        ));
    }
    let mut words = Vec::new();
    for item in field.items()? {
        words.push(item.text()?.value);
    }
    let mut words = words.into_iter();
    match words.next().filter(|program| !names::is_blank(program)) {
        Some(program) => Ok(HookCommand {
            program,
            arguments: words.collect(),
        }),
        None => Err(field.invalid(
            "it names no program",
            "write the program as the first item, then its arguments",
        )),
    }
}
