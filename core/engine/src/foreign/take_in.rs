//! Makes a mirror that somebody else has made or changed one of ours.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::borrowed;
use super::config::Config;
use super::format::{self, Storage};
use super::reftable::{self, Stack, Value};
use crate::cancel::Cancel;
use crate::hoster::Finding;
use crate::names::printable;
use crate::refs::{self, KEPT, RefName, RefValue, Refs};
use crate::{ErrorKind, Failure, atomic_file, regular_file};

/// Ending of what is moved aside.
pub(crate) const ASIDE: &str = ".set-aside";

/// Keys and refs that are named in a warning.
const NAMED: usize = 5;

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
pub(crate) fn take_in(
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
    format::check_known(mirror)?;
    let config = format::read_config(mirror)?
        .and_then(|config| format::wrong_with(&config).map_or(Ok(config), Err));
    let config = config.map_err(|why| {
        let path = mirror.join("config");
        let message = format!("{} is damaged: {why}", path.display());
        Failure::new(ErrorKind::Damaged, message)
    })?;
    let work = Work {
        mirror,
        may_write,
        cancel,
    };
    for file in STEERING {
        work.set_aside_file(file, warnings)?;
    }
    match format::storage(mirror)? {
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

/// Moves a file or a folder of a mirror aside, beside where it is. Returns its new place.
pub(super) fn set_aside(path: &Path) -> Result<PathBuf, Failure> {
    let mut number = 1;
    let new = loop {
        let mut name = path.as_os_str().to_owned();
        name.push(ASIDE);
        if number > 1 {
            name.push(format!("-{number}"));
        }
        let new = PathBuf::from(name);
        if fs::symlink_metadata(&new).is_err() {
            break new;
        }
        number += 1;
    };
    fs::rename(path, &new).map_err(|error| Failure::disk("move aside", path, &error))?;
    atomic_file::sync_parent(&new)?;
    Ok(new)
}

pub(super) fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    printable(&name).to_string()
}

/// Makes sure that a mirror is as a backup leaves it: for commands that change it, and take in nothing.
///
/// # Errors
///
/// As [`take_in`], and [`ErrorKind::ForeignFormat`] for what that would have set aside.
pub(crate) fn check_taken_in(mirror: &Path) -> Result<(), Failure> {
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
        "{} is not as a backup leaves it: {}",
        mirror.display(),
        found.join("; ")
    );
    Err(Failure::new(ErrorKind::ForeignFormat, message).with_hint(
        "run `forgekeep backup` first: it converts what others have made, and keeps the old files",
    ))
}

struct Work<'a> {
    mirror: &'a Path,
    may_write: &'a dyn Fn() -> Result<(), Failure>,
    cancel: &'a Cancel,
}

impl Work<'_> {
    fn set_aside(&self, name: &str) -> Result<PathBuf, Failure> {
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
                    "its config held settings that forgekeep does not obey ({}): moved to config{ASIDE}",
                    some(&keys)
                ),
            ));
        }
        Ok(())
    }

    /// Writes what may stay, after what goes is safe beside it.
    fn write_config(&self, config: &Config) -> Result<(), Failure> {
        let is_done = |section: &str, key: &str| section == "extensions" && DONE.contains(&key);
        let mut config = config.clone();
        let extensions = config.extensions();
        if extensions
            .iter()
            .all(|(name, _)| DONE.contains(&name.as_str()))
        {
            config.set_core("repositoryformatversion", "0");
        }
        let (kept, taken) = config.split(&is_done);
        if !taken.is_empty() {
            let aside = self.mirror.join(format!("config{ASIDE}"));
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

    /// Takes the refs of a reftable repository into `packed-refs`. Until the configuration is
    /// replaced, the tables are what counts, for git and for us.
    fn convert_refs(&self, config: Config, warnings: &mut Vec<Finding>) -> Result<(), Failure> {
        (self.may_write)()?;
        self.cancel.check()?;
        let tables = self.mirror.join(reftable::FOLDER);
        regular_file::check_folder(&tables)?;
        let _lock = Lock::take(&tables.join(format!("{}.lock", reftable::LIST)))?;
        let stack = reftable::read(self.mirror)?;
        let converted = Converted::of(&stack);
        self.write_packed(&converted.refs)?;
        self.make_ref_folders()?;
        for (name, target) in &converted.symbolic {
            self.write_symbolic(name, target)?;
        }
        let mut head = match stack.get(&b"HEAD"[..]) {
            Some(Value::Symbolic(target)) => [b"ref: ", &target[..]].concat(),
            Some(Value::Object(oid, _)) => oid.to_string().into_bytes(),
            None => b"ref: refs/heads/main".to_vec(),
        };
        head.push(b'\n');
        atomic_file::replace(&self.mirror.join("HEAD"), &head)?;
        self.write_config(&config)?;
        let aside = self.set_aside(reftable::FOLDER)?;
        let mut what = format!(
            "its refs were in the reftable format: {} are in packed-refs now, and the old files in {}",
            converted.refs.len(),
            file_name(&aside)
        );
        if !converted.odd.is_empty() {
            what.push_str(&format!(
                "; names that git does not allow are kept as old tips: {}",
                some(&converted.odd)
            ));
        }
        warnings.push(warning(self.mirror, &what));
        let keys = config.steering();
        if !keys.is_empty() {
            let what = format!(
                "its config held settings that forgekeep does not obey ({}): moved to config{ASIDE}",
                some(&keys)
            );
            warnings.push(warning(self.mirror, &what));
        }
        Ok(())
    }

    fn write_packed(&self, refs: &Refs) -> Result<(), Failure> {
        let packed = self.mirror.join("packed-refs");
        // What a table says an annotated tag peels to is there for every tag.
        let text = refs::format_packed(refs);
        match regular_file::read(&packed) {
            // Neither git nor we go by it; but somebody may want to see it.
            Ok(old) if old != text && !old.trim_ascii().is_empty() => drop(set_aside(&packed)?),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::disk("read", &packed, &error)),
        }
        atomic_file::replace(&packed, &text)
    }

    /// Where loose refs are, git puts a file there that says that there are none.
    fn make_ref_folders(&self) -> Result<(), Failure> {
        let refs = self.mirror.join("refs");
        regular_file::check_folder(&refs)?;
        let all = match refs.is_dir() {
            true => loose(&refs)?,
            false => Vec::new(),
        };
        // Loose refs of an earlier time would win over what is in the tables.
        let placeholder = refs.join("heads");
        if all.iter().any(|path| *path != placeholder) {
            set_aside(&refs)?;
        } else if !all.is_empty() {
            fs::remove_file(&placeholder)
                .map_err(|error| Failure::disk("remove", &placeholder, &error))?;
        }
        for name in ["heads", "tags"] {
            regular_file::make_folder(&refs.join(name))?;
        }
        Ok(())
    }

    fn write_symbolic(&self, name: &RefName, target: &RefName) -> Result<(), Failure> {
        let Ok(below) = std::str::from_utf8(name) else {
            return Ok(());
        };
        let path = self.mirror.join(below);
        if let Some(folder) = path.parent() {
            regular_file::make_folder(folder)?;
        }
        let text = [b"ref: ", &target[..], b"\n"].concat();
        atomic_file::replace(&path, &text)
    }
}

/// Files of refs in a folder of a repository that has its refs elsewhere.
fn loose(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error: io::Error| Failure::disk("read", folder, &error);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        match entry.file_type().map_err(failed)?.is_dir() {
            true => found.extend(loose(&entry.path())?),
            false => found.push(entry.path()),
        }
    }
    Ok(found)
}

/// The refs of a stack as `packed-refs` holds them.
#[derive(Default)]
struct Converted {
    refs: Refs,
    /// Other symbolic refs than `HEAD`.
    symbolic: BTreeMap<RefName, RefName>,
    /// Names that are kept as old tips.
    odd: Vec<String>,
}

impl Converted {
    fn of(stack: &Stack) -> Self {
        let mut converted = Self::default();
        for (name, value) in stack {
            match value {
                Value::Object(oid, peeled) if refs::is_valid_name(name) => {
                    let value = RefValue {
                        oid: *oid,
                        peeled: *peeled,
                    };
                    converted.refs.insert(name.clone(), value);
                }
                Value::Symbolic(target)
                    if refs::is_valid_name(name) && refs::is_valid_name(target) =>
                {
                    converted.symbolic.insert(name.clone(), target.clone());
                }
                // HEAD has a file of its own.
                Value::Object(oid, peeled) if name != b"HEAD" => {
                    let kept = [KEPT, oid.to_string().as_bytes()].concat();
                    let value = RefValue {
                        oid: *oid,
                        peeled: *peeled,
                    };
                    converted.refs.insert(kept, value);
                    let name = String::from_utf8_lossy(name);
                    converted.odd.push(printable(&name).to_string());
                }
                _ => {}
            }
        }
        converted
    }
}

/// git's own lock on the list of tables: as long as it is there, git changes no ref.
struct Lock(PathBuf);

impl Lock {
    fn take(path: &Path) -> Result<Self, Failure> {
        match fs::File::create_new(path) {
            Ok(_) => Ok(Self(path.to_owned())),
            Err(error) => Err(Failure::disk("lock", path, &error).with_hint(format!(
                "git is writing refs, or died while doing so; if none is running, remove {}",
                path.display()
            ))),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn some(names: &[String]) -> String {
    let shown: Vec<_> = names.iter().take(NAMED).map(String::as_str).collect();
    let mut text = printable(&shown.join(", ")).to_string();
    if let Some(more @ 1..) = names.len().checked_sub(NAMED) {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

/// A warning about a mirror, named by its folder.
pub(super) fn warning(mirror: &Path, what: &str) -> Finding {
    Finding::warning(format!("{}: {what}", mirror.display()))
}
