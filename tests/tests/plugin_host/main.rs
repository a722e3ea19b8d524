//! Plugins from the host's side, with real libraries and real processes: how they are loaded, how they
//! are called, how they end, and what they cannot get at.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod calls;
#[cfg(target_os = "linux")]
mod confined;
mod deaths;
mod frozen;
mod loading;
#[cfg(target_os = "linux")]
mod memory;
mod support;
