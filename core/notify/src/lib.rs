//! Who is told what came of a run, and what is run before and after it.
//!
//! [`Teller::tell`] is given the report of a run, and tells each channel of the configuration what it is to
//! be told: side by side, within a bound of time, each message once. What could not be delivered is kept
//! ([`StatePlaces`]) and sent with the next run. Nothing of it needs room on a disk, and whatever
//! fails is a finding, never a failure of the run.
//!
//! Addresses of webhooks and pings are secrets: messages name their hosts alone.

mod cut;
mod deadline;
mod hooks;
mod mail;
mod message;
mod ping;
mod preset;
mod sample;
mod state;
mod teller;
mod template;
mod web;

pub use deadline::Deadline;
pub use hooks::{HookEnvironment, When, run_hooks};
pub use message::{Event, Message, RunKind, Told};
pub use state::StatePlaces;
pub use teller::{Started, Teller, Tested};
