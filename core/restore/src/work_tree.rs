//! The work tree of a restored repository: the same bytes as `git clone` writes.
//!
//! libgit2's own checkout is not git's: it takes modes as they stand in a tree, and reads attributes
//! in another order. So this one is ours:
//!
//! 1. `plan` reads the tree by its bytes, bounded, and refuses what git refuses (`names`);
//! 2. `attributes`, with git's glob in `wildmatch`, says what is to be done with each file;
//! 3. `convert` does it, `encoding` for other encodings than UTF-8;
//! 4. `disk` writes files, then links, never through anything that is there;
//! 5. `index` tells git what was written.

mod attributes;
mod convert;
mod disk;
mod encoding;
mod index;
mod kind;
mod names;
mod plan;
mod wildmatch;

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use disk::{Root, Stat};
use forgekeep_durable::atomic_file;
use forgekeep_failure::{Cancel, ErrorKind, Failure};
use forgekeep_git::links::{links, peeled};
use forgekeep_git::memory::{self, exactly};
use forgekeep_git::packs::{Large, Opened};
use forgekeep_git::refs;
use git2::{ObjectType, Odb, OdbObject, Oid, Repository};
use kind::Kind;
use plan::{Plan, WorkTreeEntry};

use super::{Order, failed};

/// Files that are named one by one.
const NAMED: usize = 50;

/// What came of a checkout.
#[derive(Debug, Default)]
pub(super) struct CheckedOut {
    /// Why there is no work tree, if it is one that git would not write either.
    pub nothing: Option<Failure>,
    /// Files that are not there, or not as `git clone` would have them.
    pub odd: Vec<Failure>,
}

/// Checks out the tree behind a tip, into the folder `work_tree` of a repository.
///
/// # Errors
///
/// [`ErrorKind::Disk`] if the disk fails, not if it only refuses a name.
pub(super) fn check_out(
    repository: &Repository,
    order: &Order<'_>,
    work_tree: &Path,
    tip: Oid,
    cancel: &Cancel,
) -> Result<CheckedOut, Failure> {
    let odb = repository.odb().map_err(|e| failed(&e))?;
    let mut done = CheckedOut::default();
    let Some(tree) = tree_of(&odb, tip) else {
        let why = memory::refused();
        let why = why.map_or("HEAD points to nothing that has a tree".to_owned(), |why| {
            format!("what HEAD names is too large: {why}")
        });
        let message = format!("restored without a work tree: {why}");
        done.nothing = Some(
            Failure::new(ErrorKind::Git, message)
                .with_hint("check out a branch; objects and refs are all there"),
        );
        return Ok(done);
    };
    let fold = repository
        .config()
        .and_then(|config| config.get_bool("core.ignorecase"))
        .unwrap_or(false);
    let plan = match plan::make(&odb, tree, fold, cancel) {
        Ok(plan) => plan,
        Err(failure) if failure.kind == ErrorKind::Git => {
            done.nothing = Some(failure);
            return Ok(done);
        }
        Err(failure) => return Err(failure),
    };
    let root = Root::open(work_tree).map_err(|error| Failure::disk("open", work_tree, &error))?;
    let mut writer = Writer {
        odb: &odb,
        large: Large::of(repository.path(), order.object_bytes),
        root,
        work_tree,
        folder: Vec::new(),
        barred: None,
        odd: Odd::default(),
    };
    for (path, why) in &plan.refused {
        writer.odd.left_out(path, why);
    }
    let stats = writer.write(&plan, cancel)?;
    atomic_file::replace(
        &repository.path().join("index"),
        &index::format(&plan.entries, &stats),
    )?;
    done.odd = writer.odd.failures();
    Ok(done)
}

/// The tree behind a tip.
fn tree_of(odb: &Odb<'_>, tip: Oid) -> Option<Oid> {
    let oid = peeled(odb, tip, &HashSet::new())?;
    match odb.read_header(oid).ok()?.1 {
        ObjectType::Tree => Some(oid),
        ObjectType::Commit => {
            let object = exactly(|| odb.read(oid)).ok()?;
            let mut tree = None;
            links(ObjectType::Commit, object.data(), &mut |link| {
                if link.is_tree {
                    tree = Some(link.oid);
                }
            })?;
            tree
        }
        _ => None,
    }
}

/// A path as people read it.
fn ref_path(path: &[u8]) -> String {
    refs::shown(path).to_string()
}

/// What is not as it should be.
#[derive(Default)]
struct Odd {
    failures: Vec<Failure>,
    more: usize,
}

impl Odd {
    fn add(&mut self, message: String, hint: &str) {
        if self.failures.len() >= NAMED {
            self.more += 1;
            return;
        }
        let failure = Failure::new(ErrorKind::Git, message);
        self.failures.push(failure.with_hint(hint));
    }

    fn left_out(&mut self, path: &[u8], why: &str) {
        self.add(
            format!("{} was left out: {why}", ref_path(path)),
            "print it with `git show HEAD:<path>`, or restore to a file system that allows it",
        );
    }

    fn unconverted(&mut self, path: &[u8], why: &str) {
        self.add(
            format!("{} was written without its encoding: {why}", ref_path(path)),
            "convert it yourself if needed: it has the same bytes as in the repository",
        );
    }

    fn failures(self) -> Vec<Failure> {
        let mut failures = self.failures;
        if self.more > 0 {
            let message = format!(
                "{} more files were left out or are not converted",
                self.more
            );
            failures.push(
                Failure::new(ErrorKind::Git, message)
                    .with_hint("run `git status` in the restored folder to see which are missing"),
            );
        }
        failures
    }
}

struct Writer<'a> {
    odb: &'a Odb<'a>,
    large: Large,
    root: Root,
    work_tree: &'a Path,
    /// The folder that was made last, with a slash at its end.
    folder: Vec<u8>,
    /// The folder that could not be made last, in the same form.
    barred: Option<Vec<u8>>,
    odd: Odd,
}

impl<'a> Writer<'a> {
    fn write(&mut self, plan: &Plan, cancel: &Cancel) -> Result<Vec<Option<Stat>>, Failure> {
        let mut stats = vec![None; plan.entries.len()];
        // Links at the end: so nothing is ever written through one.
        for links in [false, true] {
            self.folder.clear();
            for (entry, stat) in plan.entries.iter().zip(&mut stats) {
                if (entry.kind == Kind::Link) != links {
                    continue;
                }
                cancel.check()?;
                if self.is_ready(&entry.path)? {
                    *stat = self.write_entry(entry, cancel)?;
                }
            }
        }
        Ok(stats)
    }

    /// Makes the folders that a path is in. False if that is not possible, which was said.
    fn is_ready(&mut self, path: &[u8]) -> Result<bool, Failure> {
        let end = path.iter().rposition(|byte| *byte == b'/');
        let folder = &path[..end.map_or(0, |end| end + 1)];
        if folder == self.folder {
            return Ok(true);
        }
        let is_barred = |barred: &Vec<u8>| folder.starts_with(barred);
        if self.barred.as_ref().is_some_and(is_barred) {
            return Ok(false);
        }
        for (at, _) in folder.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
            if self.folder.starts_with(&folder[..=at]) {
                continue;
            }
            let part = &folder[..at];
            match self.root.make_folder(part) {
                Ok(()) => {}
                Err(error)
                    if error.kind() == io::ErrorKind::AlreadyExists
                        && self.root.is_folder(part) => {}
                Err(error) => {
                    self.refused(part, &error)?;
                    self.barred = Some(folder[..=at].to_vec());
                    return Ok(false);
                }
            }
        }
        self.folder = folder.to_vec();
        Ok(true)
    }

    fn write_entry(
        &mut self,
        entry: &WorkTreeEntry,
        cancel: &Cancel,
    ) -> Result<Option<Stat>, Failure> {
        let path = &entry.path;
        let written = match entry.kind {
            Kind::Folder | Kind::Submodule => self.root.make_folder(path).map(|()| None),
            Kind::Link => {
                let Some(target) = self.read(entry)? else {
                    return Ok(None);
                };
                // git's is a text of C.
                let target = target.data().split(|byte| *byte == 0).next();
                self.root.link(path, target.unwrap_or_default()).map(Some)
            }
            Kind::File | Kind::Executable => {
                match self.root.create(path, entry.kind == Kind::Executable) {
                    Ok(file) => return self.fill(entry, file, cancel),
                    Err(error) => Err(error),
                }
            }
        };
        match written {
            Ok(stat) => Ok(stat),
            Err(error) => {
                self.refused(path, &error)?;
                Ok(None)
            }
        }
    }

    fn fill(
        &mut self,
        entry: &WorkTreeEntry,
        mut file: File,
        cancel: &Cancel,
    ) -> Result<Option<Stat>, Failure> {
        let path = self.work_tree.join(ref_path(&entry.path));
        let failed_to = |error: io::Error| Failure::disk("write", &path, &error);
        let (size, kind) = self.odb.read_header(entry.oid).map_err(|e| failed(&e))?;
        if kind == ObjectType::Blob && self.large.is_large(size as u64) {
            match self.large.open(entry.oid, self.odb, cancel)? {
                Opened::Stream(mut stream) => {
                    stream.copy_to(
                        &mut |piece| file.write_all(piece).map_err(failed_to),
                        cancel,
                    )?;
                    if entry.conversion.is_some() {
                        let why = "it is too large to be converted in memory";
                        self.odd.unconverted(&entry.path, why);
                    }
                    return Root::stat(&file).map(Some).map_err(failed_to);
                }
                Opened::TooLarge(why) => {
                    drop(file);
                    self.root.remove(&entry.path);
                    self.odd.left_out(&entry.path, &why);
                    return Ok(None);
                }
                Opened::Readable => {}
            }
        }
        let Some(object) = self.read(entry)? else {
            drop(file);
            self.root.remove(&entry.path);
            return Ok(None);
        };
        match &entry.conversion {
            None => file.write_all(object.data()).map_err(failed_to)?,
            Some(conversion) => {
                let data = object.data().to_vec();
                let (data, why) = conversion.apply(entry.oid, data);
                file.write_all(&data).map_err(failed_to)?;
                if let Some(why) = why {
                    self.odd.unconverted(&entry.path, &why);
                }
            }
        }
        Root::stat(&file).map(Some).map_err(failed_to)
    }

    /// None if it, or what it is made from, is too large, or if it is no content of a file: which was said.
    fn read(&mut self, entry: &WorkTreeEntry) -> Result<Option<OdbObject<'a>>, Failure> {
        match exactly(|| self.odb.read(entry.oid)) {
            Ok(object) if object.kind() == ObjectType::Blob => Ok(Some(object)),
            Ok(object) => {
                let kind = object.kind().str();
                let why = format!("the tree has a {kind} in the place of its content");
                self.odd.left_out(&entry.path, &why);
                Ok(None)
            }
            Err(error) => match memory::behind(&error) {
                Some(why) => {
                    self.odd.left_out(&entry.path, &why);
                    Ok(None)
                }
                None => Err(failed(&error)),
            },
        }
    }

    /// A disk that does not take a name, says nothing about the others.
    fn refused(&mut self, path: &[u8], error: &io::Error) -> Result<(), Failure> {
        let why = match error.kind() {
            io::ErrorKind::InvalidFilename => "its name is too long for this file system",
            io::ErrorKind::AlreadyExists => {
                "this file system treats another name as the same, or the tree has a file and a \
                folder of one name"
            }
            io::ErrorKind::NotADirectory => "the tree has a file where its folder should be",
            io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported => {
                "this file system does not allow it"
            }
            // A link to nothing.
            io::ErrorKind::NotFound => "its target is empty",
            _ if is_bad_text(error) => "this file system does not allow the characters of its name",
            _ => {
                let path = self.work_tree.join(ref_path(path));
                return Err(Failure::disk("create", &path, error));
            }
        };
        self.odd.left_out(path, why);
        Ok(())
    }
}

#[cfg(unix)]
fn is_bad_text(error: &io::Error) -> bool {
    use rustix::io::Errno;

    let code = error.raw_os_error();
    let errors = [Errno::ILSEQ, Errno::NAMETOOLONG, Errno::LOOP];
    errors
        .iter()
        .any(|known| code == Some(known.raw_os_error()))
}

#[cfg(not(unix))]
fn is_bad_text(_error: &io::Error) -> bool {
    false
}
