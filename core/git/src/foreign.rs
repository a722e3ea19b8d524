//! Mirrors as other programs have made or left them.
//!
//! libgit2 obeys a repository's configuration, follows what it borrows from, and reads refs in one
//! format only. So before it opens a mirror, this looks at what is there, by files alone:
//!
//! - `format`: whether the format is one we know; anything else is a failure, and nothing is touched;
//! - `adopt`: makes the mirror one of ours, with everything kept and told: what steers in its
//!   configuration is moved to `config.set-aside`; `convert`: its refs;
//! - `borrowed`: what lies in another repository's objects is copied;
//! - `lacking`: what a shallow or a partial clone has never fetched.
//!
//! Commands that only read go by `format` and `reftable`, and change nothing.

mod adopt;
mod aside;
mod borrowed;
mod convert;
mod format;
mod kinds;
mod lacking;

/// Ending of what others have put into a mirror and was moved aside.
pub const SET_ASIDE: &str = ".set-aside";

pub use adopt::{check_taken_in, take_in};
pub use convert::abandon_tables;
pub use format::{
    check_config, check_known, check_loose, check_loose_folders, check_objects, warnings,
};
pub use lacking::Lacking;
