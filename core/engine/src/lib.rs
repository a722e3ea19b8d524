//! Forgekeep's engine. One way for the data:
//!
//! ```text
//! config   -> Config      (config, secret)
//!          -> Registry    (hoster: which hoster serves which source)
//!          -> listing     (listing: repositories, page by page, through a hoster's session)
//!          -> plan        (plan, names, filter, catalogue: pure; --dry-run prints it)
//!          -> execute     (execute, mirror: a pool of workers, one repository each)
//!          -> events      (event: the only thing workers emit)
//!          -> report      (report: what is safe and what is not)
//! ```
//!
//! The engine knows neither plugins' ABI nor terminals: hosters come in as [`hoster::Hoster`]
//! objects, and whatever there is to say goes out as [`event::Event`]s and as a
//! [`report::Report`]. Nothing in here prints or exits.

mod alarm;
mod atomic_file;
pub mod cancel;
pub mod catalogue;
mod completeness;
pub mod config;
pub mod event;
mod execute;
pub mod failure;
pub mod fetch;
pub mod filter;
pub mod finding;
mod folder;
mod foreign;
pub mod forget;
mod git_config;
mod heal;
mod history;
pub mod hoster;
pub mod http;
pub mod inventory;
pub mod layout;
mod libgit2;
mod links;
mod listing;
pub mod lock;
mod loose;
pub mod memory;
pub mod mirror;
pub mod names;
mod object_files;
pub mod packs;
pub mod permissions;
pub mod plan;
mod queue;
mod reach;
pub mod redact;
pub mod refs;
mod regular_file;
pub mod report;
pub mod restore;
pub mod run;
mod sealed;
pub mod secret;
pub mod snapshot;
mod space;
pub mod status;
mod tombstones;
mod torn;
mod trash;
mod trouble;
mod unexpected;
pub mod verify;

pub use failure::{ErrorKind, Failure};
pub use libgit2::initialise;
pub use report::{Absence, Tombstone};
pub use trouble::Trouble;
