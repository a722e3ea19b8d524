//! The plugin against scripted answers, through the traits that the host calls.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod check;
mod credentials;
mod listing;
mod lookup;
mod paging;
mod status;
mod support;
mod validate;
