//! The plugin against a server written down.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod conformance;
mod listing;
mod refusals;
mod sources;
mod support;
mod tokens;
mod write;
