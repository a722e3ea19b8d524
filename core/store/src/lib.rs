//! The backup folder: what lies where, which repository is whose, the states that are kept, what came of
//! each run, and what is let go. It needs neither network nor hoster.

#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod catalogue;
pub mod drills;
pub mod forget;
pub mod health;
pub mod history;
pub mod inventory;
pub mod layout;
pub mod part;
pub mod plugin_state;
pub mod remembered;
pub mod report;
pub mod snapshot;
pub mod trash;
pub mod versions;
