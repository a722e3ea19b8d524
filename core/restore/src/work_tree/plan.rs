//! What is to be written: the entries of a tree and all below it, read by their bytes, in the order
//! of git's index. Nothing is written before the whole is known to be one that git would write.

use std::collections::HashMap;

use forgekeep_failure::{Cancel, ErrorKind, Failure};
use forgekeep_git::memory::{self, exactly};
use git2::{ObjectType, Odb, OdbObject, Oid};

use super::attributes::{File, LARGEST_FILE, Stack};
use super::convert::Conversion;
use super::kind::Kind;
use super::names::is_allowed;
use super::ref_path;

/// Files of one work tree. The largest there are have a few million; trees that name each other
/// again and again may have any number.
const MOST_FILES: u64 = 10_000_000;

/// Bytes of a path: no system takes more in one call.
pub(super) const LONGEST_PATH: usize = 4095;

/// Something to write.
#[derive(Debug)]
pub(super) struct WorkTreeEntry {
    pub path: Vec<u8>,
    pub kind: Kind,
    pub oid: Oid,
    pub conversion: Option<Box<Conversion>>,
}

/// What a tree asks for.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// In the order of their paths, each once.
    pub entries: Vec<WorkTreeEntry>,
    /// Paths that no disk takes, or that are there twice.
    pub refused: Vec<(Vec<u8>, &'static str)>,
}

struct Named<'a> {
    name: &'a [u8],
    kind: Kind,
    oid: Oid,
}

fn parse(data: &[u8]) -> Option<Vec<Named<'_>>> {
    let mut entries = Vec::new();
    let mut rest = data;
    while !rest.is_empty() {
        let space = rest.iter().position(|byte| *byte == b' ')?;
        let (mode, after) = rest.split_at(space);
        let end = after.iter().position(|byte| *byte == 0)?;
        let name = after.get(1..end).filter(|name| !name.is_empty())?;
        let oid = after.get(end + 1..end + 21)?;
        entries.push(Named {
            name,
            kind: Kind::of(mode)?,
            oid: Oid::from_bytes(oid).ok()?,
        });
        rest = &after[end + 21..];
    }
    Some(entries)
}

/// Reads a tree and all below it.
///
/// # Errors
///
/// [`ErrorKind::Git`] if git would not check this one out, or nobody could.
pub(super) fn make(odb: &Odb<'_>, root: Oid, fold: bool, cancel: &Cancel) -> Result<Plan, Failure> {
    let files = count(odb, root, cancel)?;
    if files > MOST_FILES {
        return Err(refused(&format!(
            "it has {files} files or more, and {MOST_FILES} is the limit"
        )));
    }
    let mut plan = Plan::default();
    let mut todo = vec![(root, Vec::new(), Stack::default())];
    while let Some((oid, prefix, stack)) = todo.pop() {
        cancel.check()?;
        let object = read(odb, oid)?;
        let entries = parse(object.data()).ok_or_else(|| malformed(oid))?;
        let stack = with_own(odb, &entries, &prefix, stack)?;
        for Named { name, kind, oid } in entries {
            let path = [&prefix[..], name].concat();
            if !is_allowed(name, kind) {
                let path = ref_path(&path);
                return Err(refused(&format!("git does not allow the path {path}")));
            }
            if path.len() > LONGEST_PATH {
                plan.refused.push((path, "its path is too long"));
                continue;
            }
            if kind == Kind::Folder {
                todo.push((oid, [&path[..], b"/"].concat(), stack.clone()));
                continue;
            }
            let is_file = matches!(kind, Kind::File | Kind::Executable);
            let conversion = is_file.then(|| Conversion::of(&stack, &path, fold));
            let conversion = conversion.filter(|conversion| !conversion.is_none());
            plan.entries.push(WorkTreeEntry {
                path,
                kind,
                oid,
                conversion: conversion.map(Box::new),
            });
        }
    }
    plan.entries.sort_by(|a, b| a.path.cmp(&b.path));
    let mut last: Option<Vec<u8>> = None;
    let Plan { entries, refused } = &mut plan;
    entries.retain(|entry| {
        if last.as_ref() == Some(&entry.path) {
            refused.push((entry.path.clone(), "the tree contains it twice"));
            return false;
        }
        last = Some(entry.path.clone());
        true
    });
    Ok(plan)
}

/// The attributes that count in a folder. git reads whatever has the name, also the text of a link.
fn with_own(
    odb: &Odb<'_>,
    entries: &[Named<'_>],
    prefix: &[u8],
    stack: Stack,
) -> Result<Stack, Failure> {
    let named = |entry: &&Named<'_>| {
        entry.name == b".gitattributes" && !matches!(entry.kind, Kind::Folder | Kind::Submodule)
    };
    let is_small = |oid: &Oid| {
        let header = odb.read_header(*oid);
        header.is_ok_and(|(size, kind)| kind == ObjectType::Blob && (size as u64) < LARGEST_FILE)
    };
    let own = entries.iter().find(named).map(|entry| entry.oid);
    let own = own.filter(is_small).map(|oid| read(odb, oid)).transpose()?;
    let own = own.map(|object| File::parse(object.data(), prefix.is_empty()));
    Ok(match (own, prefix.is_empty()) {
        (own, true) => Stack::root(own),
        (Some(own), false) => stack.with(prefix.len(), own),
        (None, false) => stack,
    })
}

/// How many files there are below a tree. Each tree is read once, however often it is named.
fn count(odb: &Odb<'_>, root: Oid, cancel: &Cancel) -> Result<u64, Failure> {
    let mut known: HashMap<Oid, u64> = HashMap::new();
    let mut todo = vec![root];
    while let Some(oid) = todo.last().copied() {
        cancel.check()?;
        if known.contains_key(&oid) {
            todo.pop();
            continue;
        }
        let object = read(odb, oid)?;
        let entries = parse(object.data()).ok_or_else(|| malformed(oid))?;
        let (mut files, before) = (0_u64, todo.len());
        for entry in entries {
            match (entry.kind, known.get(&entry.oid)) {
                (Kind::Folder, Some(below)) => files = files.saturating_add(*below),
                (Kind::Folder, None) => todo.push(entry.oid),
                _ => files = files.saturating_add(1),
            }
        }
        if todo.len() == before {
            known.insert(oid, files);
            todo.pop();
        }
    }
    Ok(known.get(&root).copied().unwrap_or(0))
}

fn read<'o>(odb: &'o Odb<'_>, oid: Oid) -> Result<OdbObject<'o>, Failure> {
    exactly(|| odb.read(oid)).map_err(|error| match memory::behind(&error) {
        Some(why) => refused(&format!("{oid} is too large: {why}")),
        None => super::failed(&error),
    })
}

fn malformed(tree: Oid) -> Failure {
    refused(&format!("its tree {tree} is malformed"))
}

fn refused(why: &str) -> Failure {
    Failure::new(
        ErrorKind::Git,
        format!("restored without a work tree, which cannot be checked out: {why}"),
    )
    .with_hint("use `git sparse-checkout` or `git show` in the restored folder to get what is needed; objects and refs are all there")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_taken_as_git_takes_them() {
        for (mode, kind) in [
            ("100644", Kind::File),
            ("100664", Kind::File),
            ("104755", Kind::Executable),
            ("106777", Kind::Executable),
            ("100600", Kind::File),
            ("102666", Kind::File),
            ("120777", Kind::Link),
            ("40000", Kind::Folder),
            ("040755", Kind::Folder),
            ("160000", Kind::Submodule),
            ("10644", Kind::Submodule),
            ("0", Kind::Submodule),
            ("060000", Kind::Submodule),
        ] {
            assert_eq!(Kind::of(mode.as_bytes()), Some(kind), "{mode}");
        }
        assert_eq!(Kind::of(b"10064x"), None);
    }
}
