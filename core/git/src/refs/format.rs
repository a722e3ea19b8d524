//! Where a mirror keeps its refs, by its files alone.

use std::io;
use std::path::Path;

use forgekeep_durable::regular_file;
use forgekeep_failure::Failure;

use crate::git_config::Config;

/// Most bytes of a configuration that are read.
const MOST: u64 = 1024 * 1024;

/// What `HEAD` says in a repository whose refs are elsewhere.
const NO_HEAD: &[u8] = b"ref: refs/heads/.invalid";

/// Where a mirror keeps its refs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// In `packed-refs` and loose files.
    Files,
    /// In git's reftable format.
    Reftable,
}

/// The configuration of a mirror; `None` if there is none, or if it cannot be understood, which
/// `foreign::check_config` says.
pub fn read_config(mirror: &Path) -> Result<Result<Config, String>, Failure> {
    let path = mirror.join("config");
    match regular_file::read_at_most(&path, MOST) {
        Ok(text) => Ok(Config::parse(&text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Err("it is missing".into())),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(Err(error.to_string())),
        Err(error) => Err(Failure::disk("read", &path, &error)),
    }
}

/// Where the refs of a mirror are.
pub fn storage(mirror: &Path) -> Result<Storage, Failure> {
    let config = read_config(mirror)?.ok();
    storage_by(config.as_ref(), mirror)
}

/// The same, with the configuration at hand. One that is damaged says nothing.
pub fn storage_by(config: Option<&Config>, mirror: &Path) -> Result<Storage, Failure> {
    if config.is_some_and(uses_reftable) {
        return Ok(Storage::Reftable);
    }
    let head = regular_file::read_at_most(&mirror.join("HEAD"), MOST);
    Ok(match head.is_ok_and(|text| is_elsewhere(&text)) {
        true => Storage::Reftable,
        false => Storage::Files,
    })
}

/// Whether this is what `HEAD` holds in a repository whose refs, and `HEAD` itself, are in tables.
pub fn is_elsewhere(head: &[u8]) -> bool {
    head.trim_ascii() == NO_HEAD
}

pub fn uses_reftable(config: &Config) -> bool {
    let all = config.extensions();
    all.iter()
        .any(|(name, value)| name == "refstorage" && value == "reftable")
}
