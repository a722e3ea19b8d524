//! What a bare git repository is: refs, packs, objects, configuration, by their files where libgit2
//! refuses or obeys too much, and by libgit2 where it does not.

#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod foreign;
pub mod git_config;
pub mod libgit2;
pub mod links;
pub mod loose;
pub mod memory;
pub mod object_files;
pub mod packs;
pub mod reach;
mod ref_name;
pub mod refs;
pub mod reftable;
pub mod torn;
