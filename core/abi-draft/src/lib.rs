//! The types that cross the boundary between Forgekeep and its hoster plugins.
//!
//! This crate depends on `abi_stable` alone, so that the library behind the boundary could be
//! replaced here without touching a plugin's own code. Plugin authors do not use it directly:
//! `forgekeep-plugin-sdk-draft` wraps it in a safe trait.
//!
//! # Versions
//!
//! The ABI's version is this crate's version, apart from the product's. Major 0 is a draft: any
//! minor may change anything, and host and plugin must be built from the same minor. It is frozen
//! as 1 once several unlike hosters work on it; from then on a type in here never changes, and a
//! later need gets a new type beside it.
//!
//! # How data grows
//!
//! `abi_stable` compares layouts field by field, so a structure cannot grow after the freeze.
//! Every structure therefore ends with [`Extras`]: an ordered, open list of key and value, for
//! what nobody thought of. A key that is not known is ignored by both sides.
//!
//! # Ownership and panics
//!
//! Everything is passed by value and owned by the receiver. No function here may unwind: the SDK
//! catches panics on the plugin's side, because a panic that leaves a plugin ends the process.

// The derives of abi_stable 0.11 expand to unsafe impls and to impls inside constants, and name the
// generated types with an underscore.
#![allow(unsafe_code, non_local_definitions, non_camel_case_types)]

mod data;
mod error;
pub mod error_kind;
mod extras;
mod http;
mod module;
mod secret;

pub use abi_stable;

pub use data::{
    CheckReport, Finding, GitAccess, Manifest, Note, OptionSpec, Page, Repository, Severity, Source,
};
pub use error::HosterError;
pub use extras::Extras;
pub use http::{Authorization, Header, HttpRequest, HttpResponse};
pub use module::{
    LogLevel, Plugin, Plugin_TO, PluginBox, PluginModule, PluginModule_Ref, Services, Services_TO,
    ServicesBox, Session, Session_TO, SessionBox,
};
pub use secret::SecretString;

/// Base name in the library header, by which a Forgekeep plugin is told from any other library
/// made with `abi_stable`.
pub const BASE_NAME: &str = "forgekeep_hoster";

/// The version of this ABI, which a plugin is built against and a host speaks.
pub const ABI_VERSION: &str = env!("CARGO_PKG_VERSION");
