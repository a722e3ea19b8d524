//! How large things may be. The parser refuses what is larger, before it has taken it in.

/// Bytes of a document.
pub const DOCUMENT: usize = 32 << 20;

/// Bytes of a string.
pub const STRING: usize = 64 << 10;

/// The largest integer: what JSON numbers hold exactly everywhere.
pub const INTEGER: u64 = (1 << 53) - 1;

/// How deep objects and arrays may lie in one another.
pub const DEPTH: usize = 64;

/// Bytes of memory that reading a document may cost, with itself, where four times its length is less. It
/// is what a page of 10,000 repositories needs, with two parts and ten topics each; one with more to say
/// of each has fewer of them.
pub const MEMORY: usize = 32 << 20;

/// Keys of one object.
pub const KEYS: usize = 1_000;

/// Repositories of a page.
pub const REPOSITORIES: usize = 10_000;

/// Notes or findings of one answer.
pub const NOTES: usize = 1_000;

/// Parts of a repository.
pub const PARTS: usize = 1_000;

/// Bytes of a cursor.
pub const CURSOR: usize = 8 << 10;

/// Requests of a batch.
pub const BATCH: usize = 64;

/// Bytes of a file that is the value of an option.
pub const FILE: usize = 1 << 20;

/// Entries of a list that says little: headers, options, topics.
pub const ENTRIES: usize = 10_000;
