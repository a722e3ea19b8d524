//! The documents of plugin protocol 1: what the bytes mean that cross ABI 1, in both directions.
//!
//! A call carries the name of a [`method`], a document and raw bytes. Here are the documents, as Rust
//! types, and the one parser that both sides read them with. Authors of plugins see the types through
//! the SDK; one who writes in another language reads `tests/golden/protocol-1`.
//!
//! # Rules
//!
//! 1. A document is one JSON object in UTF-8. Depth at most 64, integers at most 2^53 − 1, ids are
//!    strings, times are RFC 3339 in UTC, durations whole seconds.
//! 2. `null` and absent mean the default of a field. Unknown fields are ignored. A key that comes twice
//!    is refused.
//! 3. `"requires": ["word"]`, at the top, names what the receiver has to understand. One that knows
//!    no such word answers `unsupported`. So a field can be added that restricts what others say.
//! 4. An unknown word of an enumeration counts as `other` where it informs, and is refused where it
//!    decides what is sent, deleted or written.
//! 5. Raw bytes (bodies, files) travel beside the document, never in it.
//! 6. Caps hold while a document is parsed ([`limit`]), and reading a hostile one costs at most four
//!    times its length in memory, or 32 MiB where that is more.
//!
//! Fields and words are only added. So values are built with `..Default::default()` and taken apart by
//! name, and a `match` on words has an arm for those that are not known yet. The structs are not
//! `non_exhaustive`, since then nobody could build them that way; nor are the enumerations that decide
//! what the host does ([`Auth`], [`Way`], [`Presence`]), so that the compiler names each place of it.

mod access;
mod check;
mod error;
mod finding;
mod hello;
pub mod limit;
mod list;
mod lookup;
mod macros;
mod manifest;
pub mod method;
mod option;
mod read;
mod refused;
mod scan;
mod secret;
mod service;
mod source;
mod ssh;
mod target;
mod time;
mod write;

pub use access::{Access, AccessRequest, Auth, Deed, Local, PartRef, Way};
pub use check::{CheckReport, CheckRequest, Limit, Purpose, PushLimits, TargetName};
pub use error::{Concern, ErrorKind, HosterError};
pub use finding::{Finding, Findings, Severity};
pub use hello::{Built, Hello, HelloRequest, PROTOCOL, Protocols};
pub use list::{
    Advice, Attributes, ListRequest, Owner, OwnerSeen, Page, Part, PartKind, RefAdvice, Repository,
    Sees, Visibility,
};
pub use lookup::{LookupRequest, Presence};
pub use manifest::{Manifest, OptionKind, OptionSpec, SOURCE_KEYS};
pub use option::{FileContent, OptionValue, Span};
pub use read::{Document, Item, Read, parse};
pub use refused::Refused;
pub use secret::Secret;
pub use service::{
    BatchAnswer, BatchAnswers, BatchRequest, Cancelled, Download, DownloadedFile, Header,
    HttpRequest, HttpResponse, LogLevel, LogLine, Progress, RESERVED_FIELDS, SecretAdd, StateGet,
    StatePut, StateValue,
};
pub use source::{Opened, Protocol, Source};
pub use ssh::{NotSsh, Ssh};
pub use target::{ConfigureRequest, CreateRequest, Done, ExportPage, ExportRequest, RemoveRequest};
pub use time::{NotATime, Timestamp};
pub use write::write;
