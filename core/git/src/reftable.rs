//! Reads the refs of a repository in git's reftable format, which libgit2 cannot: git's
//! technical/reftable. Names only what is needed to take the refs into `packed-refs`: blocks of refs,
//! in every table of the stack. Logs, and what only helps to find things faster, are passed over.

mod table;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use forgekeep_durable::regular_file;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_untrusted::Show as _;
use git2::Oid;

use crate::ref_name::RefName;

/// Folder of the tables in a repository.
pub const FOLDER: &str = "reftable";

/// File in it that lists them, the oldest first.
pub const LIST: &str = "tables.list";

/// Most bytes of the list.
const MOST_LIST: u64 = 1024 * 1024;

/// Most bytes of a table: some ten million refs.
const MOST_TABLE: u64 = 1024 * 1024 * 1024;

/// How often the list is read again, because a git that is at work has replaced what it names.
const LOOKS: usize = 10;

/// What a ref is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// An object, and what it peels to if it is an annotated tag.
    Object(Oid, Option<Oid>),
    /// Another ref.
    Symbolic(RefName),
}

/// The refs of a stack of tables, `HEAD` among them.
pub type Stack = BTreeMap<RefName, Value>;

/// Reads the refs of the repository in `folder`.
///
/// # Errors
///
/// [`ErrorKind::Damaged`] naming the file, [`ErrorKind::ForeignFormat`] if its objects have other ids
/// than SHA-1, [`ErrorKind::Disk`].
pub fn read(folder: &Path) -> Result<Stack, Failure> {
    let tables = folder.join(FOLDER);
    let mut look = 1;
    loop {
        match stack(&tables) {
            Err(Trouble::Gone(_)) if look < LOOKS => look += 1,
            Err(Trouble::Gone(failure) | Trouble::Failed(failure)) => return Err(failure),
            Ok(stack) => return Ok(stack),
        }
    }
}

enum Trouble {
    /// A table that the list names is not there.
    Gone(Failure),
    Failed(Failure),
}

fn stack(folder: &Path) -> Result<Stack, Trouble> {
    let list = folder.join(LIST);
    let text =
        regular_file::read_at_most(&list, MOST_LIST).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Trouble::Gone(damaged(&list, "it is missing")),
            _ => Trouble::Failed(Failure::disk("read", &list, &error)),
        })?;
    let mut stack = Stack::new();
    for line in text.split(|byte| *byte == b'\n').filter(|l| !l.is_empty()) {
        let name = std::str::from_utf8(line).ok().filter(|name| is_name(name));
        let name = name.ok_or_else(|| {
            Trouble::Failed(damaged(
                &list,
                "it names a file that cannot be a table of refs",
            ))
        })?;
        let path = folder.join(name);
        let bytes = match regular_file::read_at_most(&path, MOST_TABLE) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let why = format!("{name} is missing, which it names");
                return Err(Trouble::Gone(damaged(&list, &why)));
            }
            Err(error) => return Err(Trouble::Failed(Failure::disk("read", &path, &error))),
        };
        let records = table::records(&bytes).map_err(|error| {
            Trouble::Failed(match error {
                table::Error::Damaged(why) => damaged(&path, why),
                table::Error::OtherIds => other_ids(&path),
            })
        })?;
        for (name, value) in records {
            match value {
                Some(value) => drop(stack.insert(name, value)),
                // A later table takes back what an earlier one has.
                None => drop(stack.remove(&name)),
            }
        }
    }
    Ok(stack)
}

/// Whether this is the name of a file in the folder: a list must not lead elsewhere.
fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    name.bytes().all(fits) && !name.starts_with('.')
}

fn damaged(path: &Path, why: &str) -> Failure {
    Failure::damaged(path, why)
    .with_hint("run `git fsck` and `git for-each-ref` there to see what git makes of it; the objects are most likely still there")
}

fn other_ids(path: &Path) -> Failure {
    Failure::new(
        ErrorKind::ForeignFormat,
        format!(
            "{} belongs to a repository with SHA-256 object ids",
            path.shown()
        ),
    )
}

#[cfg(test)]
mod tests;
