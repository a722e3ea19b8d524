//! Packs: read, checked and indexed, on all cores and in bounded memory. gitformat-pack(5).
//!
//! ```text
//! entry     the header of an entry
//! index     an index, read
//! trailer   the checksum at the end of a file
//! inflate   the content of an entry
//! delta     a delta, applied to its base
//! object_id the id of an object, with detection of collisions
//! buffer    memory for contents: so much for all of the process, and files for the rest
//! table     the entries of a pack: where each begins, and what it is made from
//! scan      a pack as it comes, entry by entry: makes the table
//! survey    a pack that has an index: checks its sums, and makes the table
//! made      one object, made from its base and its deltas
//! resolve   all objects of a table, each made once, on all cores
//! incoming  takes in a pack: scan, resolve, complete, and write the index
//! ```

#![cfg_attr(test, allow(clippy::disallowed_methods))]

mod buffer;
mod delta;
pub mod entry;
mod incoming;
mod index;
mod index_writer;
mod inflate;
mod made;
mod object_id;
mod pack_file;
mod resolve;
mod scan;
mod survey;
mod table;
mod threads;
mod trailer;
mod unsound;

use std::path::Path;

use forgekeep_failure::Failure;

pub use delta::DeltaHeader;
pub use incoming::{IncomingPack, Indexed};
pub use index::PackIndex;
pub use made::{Made, make};
pub use object_id::{IdHasher, object_id};
pub use resolve::{Object, read_all};
pub use survey::{Survey, survey};
pub use trailer::{TRAILER, check_trailer};
pub use unsound::Unsound;

/// A file of a repository is not what it should be.
pub fn damaged(path: &Path, why: &str) -> Failure {
    Failure::damaged(path, why).with_hint(
        "move this repository's folder elsewhere to have it cloned again, and see the \
    system log for errors of this disk; nothing was changed",
    )
}
