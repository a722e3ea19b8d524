//! To test a hoster plugin without a network, the way the host calls it.
//!
//! - [`Script`] is a forge written down in advance: it answers each request by method and address, and
//!   keeps every request for the test to look at.
//! - [`Testee`] is the plugin, called through its exported table with real documents both ways.
//! - [`conformance`] runs a plugin through all that a host may do to it, with one call: a test writes a
//!   [`conformance::Forge`] down, which says how its hoster answers.
//! - [`Callee`] is whatever can be called like a plugin. [`Testee::callee`] is one; `forgekeep plugins
//!   check` brings another, a confined process, for the part of the kit that needs no hoster
//!   ([`conformance::faults_without_a_forge`]).
//!
//! `Script` makes no checks of a host's: it sends secrets anywhere, follows no redirect, tries nothing
//! again, and its downloads have a made-up hash. Some of what a host would refuse, the kit looks for.
//!
//! ```
//! use forgekeep_plugin_sdk::{Auth, Host, Hoster, HosterError, Manifest, Page, Repository, Source};
//! use forgekeep_plugin_testkit::{Script, Testee};
//!
//! #[derive(Default)]
//! struct Example;
//! forgekeep_plugin_sdk::export_hoster!(Example);
//!
//! impl Hoster for Example {
//!     fn manifest(&self) -> Manifest {
//!         Manifest { id: "example".into(), version: "1.0.0".into(), ..Manifest::default() }
//!     }
//!     fn list(&self, source: &Source, _: Option<&str>, host: &Host<'_>) -> Result<Page, HosterError> {
//!         let names: Vec<String> = host.get_json(&source.api_url, &Auth::None)?;
//!         let all = names.iter().map(|name| Repository::new(name, name, format!("https://git.example/{name}")));
//!         Ok(Page { repositories: all.collect(), ..Page::default() })
//!     }
//! }
//!
//! let script = Script::new().json("https://api.example", 200, &serde_json::json!(["web"]));
//! let source = Source { api_url: "https://api.example".into(), ..Source::default() };
//! let opened = Testee::of::<Example>().open(&source, &script)?;
//! assert_eq!(opened.list(None)?.repositories[0].full_name, "web");
//! assert_eq!(script.requests().len(), 1);
//! # Ok::<(), HosterError>(())
//! ```

// A test kit: a plugin that breaks the rules is a failing test. And the other side of the boundary.
#![allow(clippy::unwrap_used, clippy::expect_used, unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    reason = "the host cleans what a plugin says"
)]

pub mod conformance;
mod script;
mod testee;
mod wire;

pub use script::{Script, Served};
pub use testee::{Opened, Testee};
pub use wire::{Answered, Callee};
