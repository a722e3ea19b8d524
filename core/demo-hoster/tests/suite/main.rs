//! The hoster over real connections.

#![allow(clippy::disallowed_methods)]
// To give libgit2 a transport is unsafe; and in a test, a panic is the error message.
#![allow(unsafe_code, clippy::unwrap_used)]

mod api;
mod client;
mod clone;
mod libgit2;
