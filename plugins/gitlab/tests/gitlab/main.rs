//! The plugin against a server written down.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod check;
mod conformance;
mod listing;
mod lookup;
mod sources;
mod support;
mod write;
