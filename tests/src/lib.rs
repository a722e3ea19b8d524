//! The harness of the end-to-end tests.
//!
//! - [`Forge`]: a Bitbucket look-alike with real repositories, served by real git; it logs what it
//!   is asked, and misbehaves on request ([`Fault`]).
//!   The fakes of other hosters are a crate of their own, beside this one.
//! - [`sshd::Sshd`]: a real sshd on loopback, where there is one.
//! - [`Sandbox`]: a folder in which the real binary runs, without anything of the machine's.
//! - [`compare`]: whether a mirror equals its upstream.
//! - [`c_plugin`]: plugins in C, built for a test.
//! - [`Cost`]: time, processor time and memory of a run, for benchmarks.
//!
//! Needs git.

#![allow(clippy::disallowed_methods)]
// A failed step ends the test, and the panic says which one it was.
#![allow(clippy::unwrap_used, clippy::expect_used)]

pub mod backend;
mod binaries;
pub mod c_plugin;
pub mod compare;
mod cost;
mod fault;
mod forge;
mod gate;
pub mod git;
mod logged;
mod misbehaving;
mod pack_bytes;
mod peak;
mod processor;
mod push_target;
mod sandbox;
#[cfg(unix)]
pub mod sshd;
#[cfg(unix)]
mod terminal;

pub use binaries::{Binaries, binaries};
pub use cost::{Cost, median};
pub use fault::{Action, Answer, Fault};
pub use forge::{Forge, ForgeBuilder, Repo};
pub use forgekeep_demo_hoster::{Account, Request, scope};
pub use forgekeep_pkt_line as pkt_line;
pub use gate::Exchange;
pub use logged::{Authorization, Logged, RequestKind};
pub use misbehaving::write_misbehaving;
pub use peak::Peak;
pub use push_target::PushTarget;
pub use sandbox::{Invocation, Run, Running, Sandbox};
#[cfg(unix)]
pub use terminal::Terminal;
