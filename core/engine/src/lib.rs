//! Forgekeep's engine. One way for the data:
//!
//! ```text
//! config   -> Config      (config, secret)
//!          -> Registry    (hoster: which hoster serves which source)
//!          -> listing     (run::beside, listing: each source on a thread, page by page)
//!          -> plan        (run::planner, plan, names, filter, catalogue; --dry-run prints it)
//!          -> execute     (queue, early, execute, mirror: a pool of workers, one repository each)
//!          -> events      (event: the only thing workers emit)
//!          -> report      (report: what is safe and what is not)
//! ```
//!
//! A source goes this way as soon as it is listed, whatever the others do; what needs all of them
//! (tombstones, alerts, the shortfall of a listing) comes at the end.
//!
//! The engine knows neither plugins' ABI nor terminals: hosters come in as [`forgekeep_hoster::Hoster`]
//! objects, and whatever there is to say goes out as [`event::Event`]s and as a
//! [`forgekeep_store::report::Report`]. Nothing in here prints or exits.

mod access;
mod alert;
mod completeness;
mod early;
pub mod event;
mod execute;
mod listing;
mod owners;
mod permissions;
pub mod plan;
mod postponed;
mod programs;
pub mod run;
mod source;
mod source_state;
mod tombstones;
mod versions;

// What the configuration says when it says nothing is the limit that holds when nobody sets one.
const _: () = assert!(forgekeep_config::OBJECT_BYTES == forgekeep_git::memory::OBJECT_BYTES);
const _: () = assert!(forgekeep_config::OBJECTS_PER_PACK == forgekeep_protocol::OBJECTS_PER_PACK);
