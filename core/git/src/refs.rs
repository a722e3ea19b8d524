//! The refs of a mirror on disk: read from loose files and `packed-refs`, written as one
//! `packed-refs` by one rename.
//!
//! Thousands of loose ref files are what makes libgit2 slow, and half of them written is what a
//! killed run leaves behind. One file is the whole state, or the whole state before it. It also
//! holds names that a file system cannot: `Fix` beside `fix`, and `a` beside `a/b`. The format is
//! the one of git-pack-refs(1); the names follow git-check-ref-format(1).

mod format;

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use forgekeep_durable::{atomic_file, regular_file};
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_untrusted::Show as _;
use format::is_elsewhere;
use git2::Oid;

use crate::links::peeled;
use crate::memory;
use crate::reftable;

pub use crate::links::parse_oid;
pub use crate::ref_name::{RefName, is_valid_name, ref_text, shown};
pub use format::{Storage, read_config, storage, storage_by};

/// Refs by name, in the order of `packed-refs`.
pub type Refs = BTreeMap<RefName, RefValue>;

/// Refs below this prefix are ours: they hold what upstream has lost. Never taken from upstream.
pub const OURS: &[u8] = b"refs/forgekeep/";

/// Prefix of the refs that hold a tip upstream has moved or deleted; the rest of the name is the
/// object id, so that the same tip is held once however often it was lost.
pub const KEPT: &[u8] = b"refs/forgekeep/kept/";

/// Prefix of the refs that hold a tip which only forgotten snapshots had, until it is pruned; the
/// rest of the name is the object id.
pub const FORGOTTEN: &[u8] = b"refs/forgekeep/forgotten/";

/// First line of `packed-refs` as we write it.
const PEELED: &[u8] = b"# pack-refs with: peeled fully-peeled sorted \n";

/// The same for refs of which it is not known what they peel to.
const UNPEELED: &[u8] = b"# pack-refs with: sorted \n";

/// Where a ref points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefValue {
    /// The object.
    pub oid: Oid,
    /// What the object is after peeling, if it is an annotated tag and this is known.
    pub peeled: Option<Oid>,
}

impl RefValue {
    /// Whether it is this object, or a tag of it.
    pub fn names(&self, oid: Oid) -> bool {
        self.oid == oid || self.peeled == Some(oid)
    }
}

/// Symbolic refs in files of their own: what they lead to, and the files.
type Symbolic = BTreeMap<RefName, (RefName, PathBuf)>;

/// How far git follows symbolic refs.
const DEEPEST: usize = 5;

/// The refs of a bare repository.
#[derive(Debug, Default)]
pub struct StoredRefs {
    /// All of them, ours included.
    pub refs: Refs,
    /// Files of loose refs, which would win over `packed-refs`.
    pub loose: Vec<PathBuf>,
    /// Whether there is no `packed-refs`, or nothing in it, where one could be.
    pub lacks_packed: bool,
}

impl StoredRefs {
    /// Reads the refs of the bare repository in `folder`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Damaged`] naming file and line, [`ErrorKind::Disk`] naming the path.
    pub fn read(folder: &Path) -> Result<Self, Failure> {
        if storage(folder)? == Storage::Reftable {
            return Self::from_tables(&reftable::read(folder)?);
        }
        let packed = folder.join("packed-refs");
        let mut stored = Self::default();
        match regular_file::read(&packed) {
            Ok(text) => {
                stored.lacks_packed = text.is_empty();
                stored.refs = parse_packed(&text, &packed)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => stored.lacks_packed = true,
            Err(error) => return Err(Failure::disk("read", &packed, &error)),
        }
        let mut symbolic = Symbolic::new();
        stored.read_loose(&folder.join("refs"), b"refs".to_vec(), &mut symbolic)?;
        stored.follow(&symbolic);
        Ok(stored)
    }

    /// Symbolic refs other than `HEAD`: no mirror of ours has one, and one that stands alone is left
    /// where it is. But one in front of a ref of `packed-refs` counts for git, so it counts here: its
    /// name has the value of the ref that it leads to, or none.
    fn follow(&mut self, symbolic: &Symbolic) {
        if symbolic.is_empty() {
            return;
        }
        let packed = self.refs.clone();
        for (name, (_, path)) in symbolic
            .iter()
            .filter(|(name, _)| packed.contains_key(*name))
        {
            let mut at = name;
            for _ in 0..DEEPEST {
                let Some((target, _)) = symbolic.get(at) else {
                    break;
                };
                at = target;
            }
            let value = packed.get(at).filter(|_| !symbolic.contains_key(at));
            match value {
                Some(value) => drop(self.refs.insert(name.clone(), *value)),
                None => drop(self.refs.remove(name)),
            }
            self.loose.push(path.clone());
        }
    }

    /// The refs of a repository that somebody has made in, or moved to, git's reftable format. It can
    /// be read so; before it is written to, it is converted.
    fn from_tables(stack: &reftable::Stack) -> Result<Self, Failure> {
        let mut stored = Self::default();
        for (name, value) in stack {
            // Symbolic ones are left out, as loose ones are.
            if let (reftable::Value::Object(oid, peeled), true) = (value, is_valid_name(name)) {
                let value = RefValue {
                    oid: *oid,
                    peeled: *peeled,
                };
                stored.refs.insert(name.clone(), value);
            }
        }
        Ok(stored)
    }

    fn read_loose(
        &mut self,
        folder: &Path,
        prefix: RefName,
        symbolic: &mut Symbolic,
    ) -> Result<(), Failure> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(Failure::disk("read", folder, &error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| Failure::disk("read", folder, &error))?;
            let path = entry.path();
            let mut name = prefix.clone();
            name.push(b'/');
            name.extend(entry.file_name().as_encoded_bytes());
            let kind = entry
                .file_type()
                .map_err(|error| Failure::disk("read", &path, &error))?;
            if kind.is_dir() {
                self.read_loose(&path, name, symbolic)?;
            } else if is_valid_name(&name) {
                self.read_loose_file(path, name, symbolic)?;
            }
        }
        Ok(())
    }

    fn read_loose_file(
        &mut self,
        path: PathBuf,
        name: RefName,
        symbolic: &mut Symbolic,
    ) -> Result<(), Failure> {
        let text =
            regular_file::read(&path).map_err(|error| Failure::disk("read", &path, &error))?;
        let text = text.trim_ascii();
        if let Some(target) = text.strip_prefix(b"ref:") {
            symbolic.insert(name, (target.trim_ascii().to_vec(), path));
            return Ok(());
        }
        let oid = std::str::from_utf8(text).ok().and_then(parse_oid);
        let oid = oid.ok_or_else(|| damaged(&path, "it does not hold an object id"))?;
        self.refs.insert(name, RefValue { oid, peeled: None });
        self.loose.push(path);
        Ok(())
    }

    /// The refs that mirror upstream, without ours.
    pub fn upstream(&self) -> impl Iterator<Item = (&RefName, &RefValue)> {
        self.refs.iter().filter(|(name, _)| !name.starts_with(OURS))
    }
}

fn parse_packed(text: &[u8], path: &Path) -> Result<Refs, Failure> {
    let mut refs = Refs::new();
    // The one whose peeled line may follow.
    let mut last: Option<(RefName, RefValue)> = None;
    for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let broken = || damaged(path, &format!("line {} is not a ref", number + 1));
        if let Some(peeled) = line.strip_prefix(b"^") {
            let oid = std::str::from_utf8(peeled).ok().and_then(parse_oid);
            let (Some(oid), Some((_, target))) = (oid, &mut last) else {
                return Err(broken());
            };
            target.peeled = Some(oid);
            continue;
        }
        let oid = line.get(..40).and_then(|oid| std::str::from_utf8(oid).ok());
        let (Some(oid), Some(b' ')) = (oid.and_then(parse_oid), line.get(40)) else {
            return Err(broken());
        };
        let name = line[41..].to_vec();
        if !is_valid_name(&name) {
            return Err(broken());
        }
        refs.extend(last.replace((name, RefValue { oid, peeled: None })));
    }
    refs.extend(last);
    if !text.is_empty() && !text.ends_with(b"\n") {
        return Err(damaged(path, "its last line is cut off"));
    }
    Ok(refs)
}

fn damaged(path: &Path, why: &str) -> Failure {
    Failure::damaged(path, why)
    .with_hint("see docs/restore.md, then move this repository's folder away to have it cloned again; the objects are most likely still there")
}

/// Replaces all refs of the bare repository in `folder` in one step.
///
/// `stored` is what [`StoredRefs::read`] returned: its loose refs are first written into
/// `packed-refs` with the values they have, and only then removed, so that at no moment a ref is
/// lost or another's value shows through.
pub fn replace_all(folder: &Path, stored: &StoredRefs, new: &Refs) -> Result<(), Failure> {
    if storage(folder)? == Storage::Reftable {
        let message = format!("the refs of {} are in the reftable format", folder.shown());
        return Err(Failure::new(ErrorKind::ForeignFormat, message)
            .with_hint("run `forgekeep backup`: it converts them, and keeps the old files"));
    }
    let packed = folder.join("packed-refs");
    if !stored.loose.is_empty() {
        // What loose tags peel to is not known yet, so nothing is promised: git looks itself then.
        atomic_file::replace(&packed, &lines(UNPEELED, &stored.refs))?;
        for path in &stored.loose {
            match fs::remove_file(path) {
                // Somebody's git has packed it meanwhile.
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Failure::disk("remove", path, &error));
                }
                _ => {}
            }
        }
    }
    atomic_file::replace(&packed, &format_packed(new))
}

/// Writes the refs of a repository that has none, without the promise that all tags are peeled: git
/// looks itself then.
pub fn write_unpeeled(folder: &Path, refs: &Refs) -> Result<(), Failure> {
    atomic_file::replace(&folder.join("packed-refs"), &lines(UNPEELED, refs))
}

/// The content of `packed-refs` for these refs (git-pack-refs(1)).
pub fn format_packed(refs: &Refs) -> Vec<u8> {
    // "fully-peeled" promises that every tag has its peeled line; so only what is peeled by
    // `peel` below is written with it.
    lines(PEELED, refs)
}

fn lines(head: &[u8], refs: &Refs) -> Vec<u8> {
    let mut text = head.to_vec();
    for (name, value) in refs {
        let _ = write!(text, "{} ", value.oid);
        text.extend(name);
        text.push(b'\n');
        if let Some(peeled) = value.peeled {
            let _ = writeln!(text, "^{peeled}");
        }
    }
    text
}

/// Fills in what annotated tags peel to, as `packed-refs` promises it. `known` are values that are
/// there already: of those only what is missing is filled in, since loose tags say nothing of it, and
/// `packed-refs` of version 0.1 may lack it.
///
/// Read from the bytes: what a tag is of may be a commit that libgit2 cannot parse, as old programs
/// have written them.
pub fn peel(
    repository: &git2::Repository,
    refs: &mut Refs,
    known: &Refs,
) -> Result<(), git2::Error> {
    let odb = repository.odb()?;
    for (name, value) in refs.iter_mut() {
        let is_known = known.get(name).is_some_and(|old| old == value);
        if is_known && value.peeled.is_some() {
            continue;
        }
        match peel_one(&odb, value.oid) {
            Ok(peeled) => value.peeled = peeled,
            // It is no worse than it was.
            Err(_) if is_known => {}
            // Too large to be read: what upstream says of it has to do.
            Err(error) if value.peeled.is_some() && memory::behind(&error).is_some() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Fills in what annotated tags peel to, but for tags that are too large to be read. Whether there is
/// none of these.
pub fn peel_readable(repository: &git2::Repository, refs: &mut Refs) -> Result<bool, git2::Error> {
    let odb = repository.odb()?;
    let mut all = true;
    for value in refs.values_mut() {
        match peel_one(&odb, value.oid) {
            Ok(peeled) => value.peeled = peeled,
            Err(error) if memory::behind(&error).is_some() => all = false,
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

fn peel_one(odb: &git2::Odb<'_>, oid: Oid) -> Result<Option<Oid>, git2::Error> {
    let (_, kind) = odb.read_header(oid)?;
    if kind != git2::ObjectType::Tag {
        return Ok(None);
    }
    let target = peeled(odb, oid, &HashSet::new()).ok_or_else(|| {
        let class = match memory::refused() {
            Some(_) => git2::ErrorClass::NoMemory,
            None => git2::ErrorClass::Tag,
        };
        git2::Error::new(
            git2::ErrorCode::NotFound,
            class,
            format!("the object that the tag {oid} points to cannot be read"),
        )
    })?;
    Ok(Some(target))
}

/// The object that a `HEAD` is detached at: it is written as an object id then, which no name of a ref
/// looks like.
pub fn detached(head: &[u8]) -> Option<Oid> {
    parse_oid(std::str::from_utf8(head).ok()?).filter(|oid| !oid.is_zero())
}

/// A `HEAD` that is detached at an object.
pub fn detached_at(oid: Oid) -> RefName {
    oid.to_string().into_bytes()
}

/// Where `HEAD` of a bare repository points: a ref, or an [object](detached). `None` if there is none,
/// or it is neither.
///
/// # Errors
///
/// If the machine cannot read it.
pub fn read_head(folder: &Path) -> Result<Option<RefName>, Failure> {
    let head = folder.join("HEAD");
    let text = match regular_file::read(&head) {
        Ok(text) => text,
        Err(error) => {
            let failure = Failure::disk("read", &head, &error);
            return match failure.is_of_machine() {
                true => Err(failure),
                false => Ok(None),
            };
        }
    };
    if is_elsewhere(&text) {
        let mut refs = match reftable::read(folder) {
            Ok(refs) => refs,
            Err(failure) if failure.is_of_machine() => return Err(failure),
            Err(_) => return Ok(None),
        };
        return Ok(match refs.remove(&b"HEAD"[..]) {
            Some(reftable::Value::Symbolic(target)) => is_valid_name(&target).then_some(target),
            Some(reftable::Value::Object(oid, _)) => Some(detached_at(oid)),
            None => None,
        });
    }
    let Some(target) = text.trim_ascii().strip_prefix(b"ref:") else {
        return Ok(detached(text.trim_ascii()).map(detached_at));
    };
    let target = target.trim_ascii();
    Ok(is_valid_name(target).then(|| target.to_vec()))
}

/// Writes all refs of a repository that nobody uses yet, and is synced as a whole before anybody does.
pub fn write_new(folder: &Path, refs: &Refs, head: Option<&[u8]>) -> Result<(), Failure> {
    atomic_file::write_new(&folder.join("packed-refs"), &format_packed(refs))?;
    match head {
        Some(target) => atomic_file::write_new(&folder.join("HEAD"), &format_head(target)),
        None => Ok(()),
    }
}

/// Points `HEAD` to a ref, which need not exist, or to an [object](detached).
pub fn write_head(folder: &Path, target: &[u8]) -> Result<(), Failure> {
    atomic_file::replace(&folder.join("HEAD"), &format_head(target))
}

fn format_head(target: &[u8]) -> Vec<u8> {
    let mut text = match detached(target) {
        Some(_) => Vec::new(),
        None => b"ref: ".to_vec(),
    };
    text.extend(target);
    text.push(b'\n');
    text
}

#[cfg(test)]
mod tests;
