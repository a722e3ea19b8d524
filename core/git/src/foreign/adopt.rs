//! Makes a mirror that somebody else has made or changed one of ours.

use std::path::{Path, PathBuf};
use std::{fs, io};

use forgekeep_durable::{atomic_file, regular_file};
use forgekeep_failure::{Cancel, ErrorKind, Failure, Finding};
use forgekeep_untrusted::Show as _;

use super::aside::{file_name, set_aside, some, warning};
use super::{SET_ASIDE, borrowed, format};
use crate::git_config::Config;
use crate::refs::{self, Storage};
use crate::reftable;

/// Files that make git and libgit2 look elsewhere, or see another history than there is.
const STEERING: [&str; 4] = ["commondir", "gitdir", "info/grafts", "config.worktree"];

/// Extensions whose work is done here.
const DONE: [&str; 3] = ["refstorage", "partialclone", "noop-v1"];

/// Makes the mirror at `mirror` one that libgit2 may open: refs in `packed-refs`, a configuration that
/// steers nothing, objects that are all its own. What is replaced is moved aside, after what replaces
/// it is on the disk, and told in `warnings`. A mirror of ours is only looked at.
///
/// # Errors
///
/// [`ErrorKind::ForeignFormat`] for a format that is not known, and nothing was changed;
/// [`ErrorKind::Damaged`] if the configuration or the refs cannot be read; and what
/// `may_write` says.
pub fn take_in(
    mirror: &Path,
    may_write: &dyn Fn() -> Result<(), Failure>,
    cancel: &Cancel,
    warnings: &mut Vec<Finding>,
) -> Result<(), Failure> {
    regular_file::check_folder(mirror)?;
    if fs::symlink_metadata(mirror.join("HEAD")).is_err() {
        return Ok(()); // Whatever it is, it is no mirror: that is told elsewhere.
    }
    format::check_objects(mirror)?;
    let config = refs::read_config(mirror)?;
    if let Ok(config) = &config {
        format::check_known_by(config, mirror)?;
    }
    let config = config.and_then(|config| format::wrong_with(&config).map_or(Ok(config), Err));
    let config = config.map_err(|why| {
        let path = mirror.join("config");
        Failure::damaged(&path, why)
    })?;
    let work = Work {
        mirror,
        may_write,
        cancel,
    };
    for file in STEERING {
        work.set_aside_file(file, warnings)?;
    }
    match refs::storage_by(Some(&config), mirror)? {
        Storage::Reftable => work.convert_refs(config, warnings)?,
        Storage::Files => {
            work.clean_config(&config, warnings)?;
            // What a run that was killed right after the switch has left.
            if mirror.join(reftable::FOLDER).is_dir() {
                work.set_aside(reftable::FOLDER)?;
            }
        }
    }
    borrowed::take(mirror, may_write, cancel, warnings)
}

/// Makes sure that a mirror is as a backup leaves it: for commands that change it, and take in nothing.
///
/// # Errors
///
/// As [`take_in`], and [`ErrorKind::ForeignFormat`] for what that would have set aside.
pub fn check_taken_in(mirror: &Path) -> Result<(), Failure> {
    format::check_objects(mirror)?;
    format::check_known(mirror)?;
    let mut found = format::warnings(mirror);
    let steering = STEERING.iter();
    let steering = steering.filter(|file| fs::symlink_metadata(mirror.join(file)).is_ok());
    found.extend(steering.map(|file| format!("it has a file {file}")));
    if found.is_empty() {
        return Ok(());
    }
    let message = format!(
        "{} is not in the form that a backup writes: {}",
        mirror.shown(),
        found.join("; ")
    );
    Err(Failure::new(ErrorKind::ForeignFormat, message).with_hint(
        "run `forgekeep backup` first: it converts what other programs have made, and keeps the \
        old files",
    ))
}

pub(super) struct Work<'a> {
    pub mirror: &'a Path,
    pub may_write: &'a dyn Fn() -> Result<(), Failure>,
    pub cancel: &'a Cancel,
}

impl Work<'_> {
    pub fn set_aside(&self, name: &str) -> Result<PathBuf, Failure> {
        (self.may_write)()?;
        set_aside(&self.mirror.join(name))
    }

    fn set_aside_file(&self, name: &str, warnings: &mut Vec<Finding>) -> Result<(), Failure> {
        if fs::symlink_metadata(self.mirror.join(name)).is_err() {
            return Ok(());
        }
        let new = self.set_aside(name)?;
        warnings.push(warning(
            self.mirror,
            &format!(
                "its file {name}, which makes git look elsewhere, was moved to {}",
                file_name(&new)
            ),
        ));
        Ok(())
    }

    /// Moves out of the configuration what steers.
    fn clean_config(&self, config: &Config, warnings: &mut Vec<Finding>) -> Result<(), Failure> {
        let is_done = |section: &str, key: &str| section == "extensions" && DONE.contains(&key);
        let (_, taken) = config.split(&is_done);
        if taken.is_empty() {
            return Ok(());
        }
        (self.may_write)()?;
        self.write_config(config)?;
        let keys = config.steering();
        if !keys.is_empty() {
            warnings.push(warning(
                self.mirror,
                &format!(
                    "its config held settings that Forgekeep does not apply ({}): moved to \
                    config{SET_ASIDE}",
                    some(&keys)
                ),
            ));
        }
        Ok(())
    }

    /// Writes what may stay, after what goes is safe beside it.
    pub fn write_config(&self, config: &Config) -> Result<(), Failure> {
        let is_done = |section: &str, key: &str| section == "extensions" && DONE.contains(&key);
        let mut config = config.clone();
        let extensions = config.extensions();
        if extensions
            .iter()
            .all(|(name, _)| DONE.contains(&name.raw()))
        {
            config.set_core("repositoryformatversion", "0");
        }
        let (kept, taken) = config.split(&is_done);
        if !taken.is_empty() {
            let aside = self.mirror.join(format!("config{SET_ASIDE}"));
            let mut text = match regular_file::read(&aside) {
                Ok(text) => text,
                Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
                Err(error) => return Err(Failure::disk("read", &aside, &error)),
            };
            // A run that was killed in between has written it already.
            if !text.ends_with(&taken) {
                text.extend(&taken);
                atomic_file::replace(&aside, &text)?;
            }
        }
        atomic_file::replace(&self.mirror.join("config"), &kept)
    }
}
