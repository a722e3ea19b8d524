//! Takes the refs of a repository in git's reftable format into `packed-refs`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use forgekeep_durable::{atomic_file, regular_file};
use forgekeep_failure::{Failure, Finding};
use forgekeep_untrusted::{Show as _, Untrusted};

use super::SET_ASIDE;
use super::adopt::Work;
use super::aside::{file_name, set_aside, some, warning};
use crate::git_config::Config;
use crate::refs::{self, KEPT, RefName, RefValue, Refs};
use crate::reftable::{self, Stack, Value};

impl Work<'_> {
    /// Takes the refs of a reftable repository into `packed-refs`. Until the configuration is
    /// replaced, the tables are what counts, for git and for us.
    pub(super) fn convert_refs(
        &self,
        config: Config,
        warnings: &mut Vec<Finding>,
    ) -> Result<(), Failure> {
        (self.may_write)()?;
        self.cancel.check()?;
        let tables = self.mirror.join(reftable::FOLDER);
        regular_file::check_folder(&tables)?;
        let _lock = Lock::take(&tables.join(format!("{}.lock", reftable::LIST)))?;
        let stack = reftable::read(self.mirror)?;
        let converted = Converted::of(&stack);
        self.write_packed(&converted.refs)?;
        make_ref_folders(self.mirror)?;
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
                "its config held settings that Forgekeep does not apply ({}): moved to \
                config{SET_ASIDE}",
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

/// Moves tables aside that cannot be read, for a mirror whose snapshots know its refs. The
/// configuration is the caller's.
pub fn abandon_tables(mirror: &Path) -> Result<(), Failure> {
    make_ref_folders(mirror)?;
    let tables = mirror.join(reftable::FOLDER);
    if fs::symlink_metadata(&tables).is_ok() {
        set_aside(&tables)?;
    }
    Ok(())
}

/// Where loose refs are, git puts a file there that says that there are none.
fn make_ref_folders(mirror: &Path) -> Result<(), Failure> {
    let refs = mirror.join("refs");
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
    odd: Vec<Untrusted>,
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
                    converted.odd.push(Untrusted::lossy(name));
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
                "wait until git has finished; if no git is running, one died and left this lock: \
                remove {}",
                path.shown()
            ))),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
