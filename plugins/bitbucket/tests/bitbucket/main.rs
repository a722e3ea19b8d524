//! The plugin against scripted answers, called as the host calls it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod check;
mod conformance;
mod credentials;
mod listing;
mod lookup;
mod oauth;
mod paging;
mod status;
mod support;
mod validate;
mod workspaces;
mod write;
