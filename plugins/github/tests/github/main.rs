//! The plugin against GitHub written down.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod answers;
mod check;
mod conformance;
mod listing;
mod sources;
mod support;
mod write;
