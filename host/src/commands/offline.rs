//! What the commands need that ask no hoster: the configuration without its secrets, or only the
//! backup folder.

use std::path::{Path, PathBuf};

use forgekeep_command_line::{Common, FolderArgument};
use forgekeep_config::{Config, ConfigError, Options};
use forgekeep_failure::{Asked, Failure};
use forgekeep_git::memory;
use forgekeep_store::inventory::{self, Kept};
use forgekeep_store::part::{Part, PartKind};
use forgekeep_untrusted::Untrusted;
use forgekeep_untrusted::names::is_blank;
use forgekeep_verify::Subset;

use crate::exit::{Complaint, ExitCode};

/// Stands for variables that are not set. Not a text that anything is called by.
const STAND_IN: &str = "\u{fffd}unset\u{fffd}";

/// The configuration, also where the variables with the secrets are not set: whoever watches a
/// backup has no need of them.
pub fn configuration(common: &Common) -> Result<Config, ConfigError> {
    let error = match super::configuration(common) {
        Ok(config) => return Ok(config),
        Err(error) => error,
    };
    without_secrets(common.config.as_deref()).unwrap_or(Err(error))
}

/// The same without a word: where only one answer is expected.
pub fn configuration_of(named: Option<&Path>) -> Result<Config, ConfigError> {
    let file = forgekeep_config::find(named, &super::variable, &|path| path.exists())?;
    let error = match forgekeep_config::load(&file, &super::variable) {
        Ok(config) => return Ok(config),
        Err(error) => error,
    };
    without_secrets(named).unwrap_or(Err(error))
}

/// The configuration where each variable that is not set has a stand-in, unless what is asked depends on
/// one.
fn without_secrets(named: Option<&Path>) -> Option<Result<Config, ConfigError>> {
    let file = forgekeep_config::find(named, &super::variable, &|path| path.exists());
    let file = match file {
        Ok(file) => file,
        Err(error) => return Some(Err(error)),
    };
    let environment = |name: &str| {
        let value = super::variable(name).filter(|value| !is_blank(value));
        Some(value.unwrap_or_else(|| STAND_IN.to_owned()))
    };
    match forgekeep_config::load(&file, &environment) {
        Ok(config) if !needs_variables(&config) => Some(Ok(config)),
        _ => None,
    }
}

/// Whether what such a command is about depends on variables that are not set.
fn needs_variables(config: &Config) -> bool {
    let folder = Untrusted::of_path(&config.local_folder);
    let sources = config.sources.iter();
    let mut texts = sources.flat_map(|source| [source.title.as_str(), source.hoster.as_str()]);
    folder.raw().contains(STAND_IN) || texts.any(|text| text.contains(STAND_IN))
}

/// The backup folder: as the command line says, else as the configuration does.
pub fn folder(common: &Common, place: &FolderArgument) -> Result<PathBuf, Complaint> {
    match &place.folder {
        Some(folder) => Ok(folder.clone()),
        None => Ok(configuration(common)?.local_folder),
    }
}

/// The same with the options; those are the defaults where the command line names the folder.
pub fn folder_and_options(
    common: &Common,
    place: &FolderArgument,
) -> Result<(PathBuf, Options), Complaint> {
    if let Some(folder) = &place.folder {
        return Ok((folder.clone(), Options::default()));
    }
    let config = configuration(common)?;
    memory::set_limit(config.options.limits.object_bytes);
    Ok((config.local_folder, config.options))
}

/// What is kept in a backup folder; a complaint where there is no backup in it.
pub fn backup(folder: &Path) -> Result<Vec<Kept>, Complaint> {
    inventory::read_backup(folder).map_err(no_backup)
}

/// There is no backup, or nothing is left of it.
pub fn no_backup(failure: Failure) -> Complaint {
    Complaint {
        ending: ExitCode::of(failure.kind, Asked::Folder),
        ..complaint(failure)
    }
}

/// A failure that ends a command before it has done anything.
pub fn complaint(failure: Failure) -> Complaint {
    Complaint {
        kind: failure.kind,
        ..Complaint::new(ExitCode::Unexpected, failure.message, failure.hint)
    }
}

/// What was asked for is not in the backup, or not clearly: a matter of the arguments.
pub fn not_found(failure: Failure) -> Complaint {
    Complaint::new(ExitCode::Usage, failure.message, failure.hint)
}

/// The repositories that are asked for by name, each once; all of the subset where none is.
pub fn chosen<'k>(
    all: &'k [Kept],
    asked: &[String],
    subset: Option<Subset>,
) -> Result<Vec<&'k Kept>, Complaint> {
    if asked.is_empty() {
        let wanted = |kept: &&Kept| subset.is_none_or(|subset| subset.has(kept));
        return Ok(all.iter().filter(wanted).collect());
    }
    let mut chosen: Vec<&Kept> = Vec::new();
    for asked in asked {
        let kept = inventory::find(all, asked).map_err(not_found)?;
        if !chosen.iter().any(|other| other.path == kept.path) {
            chosen.push(kept);
        }
    }
    Ok(chosen)
}

/// The word for `--subset` that leaves the choice to what is remembered.
pub const AUTO: &str = "auto";

/// Reads `--subset`.
pub fn subset(text: &str, hint: &str) -> Result<Subset, Complaint> {
    text.parse()
        .map_err(|why| Complaint::new(ExitCode::Usage, format!("--subset: {why}"), hint))
}

/// A part of a repository; a complaint where the repository has no such part. The git repository itself
/// is what a repository is, also where it is missing.
pub fn part(kept: &Kept, kind: PartKind) -> Result<Part, Complaint> {
    let part = kept.part(kind);
    if kind == PartKind::Repository || part.is_there() {
        return Ok(part);
    }
    let name = kept.name().printable();
    let message = format!("{name} has no {} in the backup", kind.word());
    Err(Complaint::new(ExitCode::Usage, message, ""))
}
