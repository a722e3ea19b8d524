//! What the author of a Forgekeep hoster plugin writes against. `docs/writing-a-plugin.md` leads from
//! nothing to a tested plugin, and `plugins/template` is one to copy.
//!
//! A plugin is a dynamic library that knows one hoster's API. It answers who it is
//! ([`Hoster::manifest`]), whether a source is sound ([`Hoster::validate`], [`Hoster::check`]), and
//! what is there ([`Hoster::list`], [`Hoster::access`], [`Hoster::lookup`]). It does no I/O of its
//! own: each method gets the [`Host`], which makes its requests.
//!
//! Two methods are required; all others have defaults:
//!
//! ```
//! use forgekeep_plugin_sdk::{Host, Hoster, Manifest, Page, Repository, Result, Source};
//!
//! #[derive(Default)]
//! struct Example;
//!
//! impl Hoster for Example {
//!     fn manifest(&self) -> Manifest {
//!         Manifest { id: "example".into(), version: "1.0.0".into(), ..Manifest::default() }
//!     }
//!
//!     fn list(&self, source: &Source, _cursor: Option<&str>, host: &Host<'_>) -> Result<Page> {
//!         host.info(&format!("listing {}", source.name));
//!         let web = Repository::new("1", "acme/web", "https://example.com/acme/web.git");
//!         Ok(Page { repositories: vec![web], ..Page::default() })
//!     }
//! }
//!
//! forgekeep_plugin_sdk::export_hoster!(Example);
//! ```
//!
//! # What the SDK does for you
//!
//! - **Panics** are caught: a panic becomes the error of what was asked, naming plugin, method and
//!   place; the next call gets a fresh session.
//! - **Calls** for one source come one at a time, unless the manifest's `concurrency` says otherwise.
//! - **Documents** are read within their limits, with what they require; what is not known is answered
//!   with [`ErrorKind::Unsupported`].
//! - **Caps**: a number over 2^53 − 1 is left out of an answer, notes beyond 1,000 are counted, and texts
//!   of notes and errors are cut at 64 KiB; the host would refuse the whole answer.
//! - **Addresses** ([`address`]): path and query, encoded; those for cloning, as they are to be
//!   ([`clone_address`]).
//! - **Targets**: [`flat_name`], [`path_name`] and [`without_endings`] make a name that the hoster takes,
//!   [`target_name`] says it or why there can be none, and [`in_one_line`] makes a description; [`owner_and_name`]
//!   are those of an address. [`not_made`] says why there is none, and what that is about ([`NotMade`]), [`is_there`]
//!   whether there is one, [`no_such_id`] that there is none to remove. [`remark`] and [`automation_finding`] are
//!   what else there is to say.
//! - **Ssh**: for a source with `protocol: ssh`, [`wanted_address`] chooses a part's address, and
//!   [`ssh_access`] makes the way of it ([`ssh_address`]).
//! - **Sources**: one with a finding of severity error is not opened; [`credential_findings`] and
//!   [`client_findings`] find what no hoster takes.
//! - **Entries** ([`entries`]): one that cannot be read is a note, and not the end of the listing.
//! - **Owners** ([`owner_seen`], [`owner_failed`], [`owner_findings`], [`is_of_one_owner`]): one that cannot be
//!   listed costs only itself.
//! - **Paging**: [`LinkPager`] follows links within one origin, and ends on a loop; [`NumberPager`]
//!   counts; [`Numbered`] does so where little is certain, [`ListedIds`] finds what such pages miss;
//!   [`Api::paged`] goes on after an id; [`Stages`] are listings one after the other; [`TokenPager`] takes what the hoster gives;
//!   [`next_link`] reads `Link: rel="next"`, and [`Api::linked`] follows it for an API.
//! - **Listings** ([`Listings`], [`list`], [`look_up`]): of several owners, one after another, each with its own
//!   failure; and the proof that a repository was deleted. [`RepositoryEntry`] is the form that many APIs have.
//! - **Versions** ([`settled_version`]): by which an unchanged repository need not be asked.
//! - **Tokens that are made** ([`MintedTokens`]): one for all threads, renewed before it ends; by an
//!   [`OAuthClient`] or in the hoster's own way; [`Signer`] makes requests with them.
//! - **Signed tokens** (`SigningKey`, `HosterClock`, with the feature `jwt`): for hosters that know apps.
//! - **Checks** ([`report_of`], [`sunset`]): what a first page tells, and the end of an API.
//! - **An API** ([`Api`]): a base and credentials; endpoints by path and query, whole listings at once. A
//!   [`Server`] has it with what else a call needs.
//! - **Answers**: [`Host::get_json`], [`Host::get_good`], or [`json`] and [`status_error`]: a web page in place of JSON, a
//!   field of the wrong type, 401, 403, 404, 410, 429 and 5xx become errors that say so, with the
//!   hoster's own words ([`said`]) and the time to ask again ([`retry`]). [`from_origin`] refuses what a
//!   redirect has led away to; [`asks_to_sign_in`] knows the page that comes instead.
//!
//! # What the host does for you
//!
//! All of it is behind [`Host`], for the duration of a call:
//!
//! - **Requests** ([`Host::http`], [`Host::batch`]): one client for the whole run, with its TLS, proxy,
//!   redirects, retries and waits for limits. Every status is an answer. Credentials go into [`Auth`];
//!   a secret that would go to another host, in any part of a request, is refused.
//! - **Secrets** ([`Host::add_secret`]): what the plugin has received by itself is kept out of messages.
//! - **State** ([`Host::state_get`], [`Host::state_put`]): 64 KiB for each source, kept between runs;
//!   never a credential that was made.
//! - **Log** ([`Host::info`] and others), progress, and whether the run was interrupted
//!   ([`Host::cancelled`]).
//! - **Downloads** ([`Host::download`]) to a file that the host has. Nothing takes one over yet.
//!
//! # Where a plugin runs
//!
//! In a process of its own for each source. On Linux it is confined: it opens no file after its first
//! answer, and no connection and no program at all. A call has a minute of its own time (10 seconds for
//! [`Hoster::validate`]); the clock stops while the host makes requests. A process that ends is started
//! again for what is left, so cursors and handles have to mean something in another process; what is
//! lost with one belongs into the [`Session`].
//!
//! [`Hoster::export`] has its place in the protocol. The host does not ask it yet.
//!
//! Types of the documents grow: build them with `..Default::default()`.

// The export macro and the way across the boundary.
#![allow(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    reason = "the host cleans what a plugin says"
)]

mod address;
mod advice;
mod answer;
mod api;
mod cursor;
mod entries;
mod export;
mod export_macro;
mod findings;
mod hold;
mod host;
mod hoster;
mod just_minted;
#[cfg(feature = "jwt")]
mod jwt;
mod keyset;
mod limits;
mod linked;
mod listed_ids;
mod listings;
mod minted;
mod names;
mod not_made;
mod numbered;
mod owners;
mod pager;
mod panics;
mod plugin;
mod proof;
mod report;
mod repository_entry;
mod server;
mod session;
mod settled;
mod sign_in;
mod signer;
mod slices;
mod source;
mod ssh;
mod stages;
mod wire;

pub use forgekeep_page_text::page_text;
pub use forgekeep_plugin_documents::{
    Access, AccessRequest, Advice, Attributes, Auth, CheckReport, CheckRequest, Concern,
    ConfigureRequest, CreateRequest, Deed, DownloadedFile, ErrorKind, ExportPage, ExportRequest,
    FileContent, Finding, Header, HosterError, HttpRequest, HttpResponse, Limit, Local, LogLevel,
    LookupRequest, Manifest, NotSsh, OptionKind, OptionSpec, OptionValue, Owner, OwnerSeen, Page,
    Part, PartKind, PartRef, Presence, Protocol, Purpose, PushLimits, RefAdvice, RemoveRequest,
    Repository, Secret, Sees, Severity, Source, Ssh, TargetName, Timestamp, Visibility, Way,
};

pub use address::address;
pub use advice::{not_pushed, ref_advice};
pub use answer::{from_origin, json, said, status_error};
pub use api::Api;
pub use cursor::{cursor, from_cursor};
pub use entries::{all_entries, entries, entries_in, filled, first_filled, texts};
pub use findings::{automation_finding, client_findings, remark, warning};
pub use host::{Downloaded, Host};
pub use hoster::{Export, Hoster, Target};
#[cfg(feature = "jwt")]
pub use jwt::{HosterClock, SigningKey};
pub use keyset::{Keyset, Paged};
pub use limits::{Retry, date, http_date, limit, retry};
pub use linked::{Linked, all_linked};
pub use listed_ids::{ListedIds, is_not_found, named_or_known};
pub use listings::{Listing, Listings, list, look_up};
pub use minted::{Grant, Minted, MintedTokens, OAuthClient};
pub use names::{flat_name, in_one_line, owner_and_name, path_name, target_name, without_endings};
pub use not_made::{NotMade, is_there, no_such_id, not_made};
pub use numbered::{Numbered, Turned};
pub use owners::{
    is_of_one_owner, missing_scopes, owner_failed, owner_findings, owner_seen, scopes,
};
pub use pager::{LinkPager, NumberPager, TokenPager, next_link};
pub use proof::answers_instead;
pub use report::{report_of, sunset};
pub use repository_entry::{Account, RepositoryEntry};
pub use server::{
    Server, advised, flag_option, is_hexadecimal, sees_all_if, source_findings, wiki_beside,
};
pub use session::{Session, kept};
pub use settled::settled_version;
pub use sign_in::{asks_to_sign_in, offers_windows_alone};
pub use signer::{Judge, Signer};
pub use slices::slice;
pub use source::{
    anonymous_findings, beside, clone_address, credential_findings, flaws, name_findings,
    path_findings, server_address, server_findings, token,
};
pub use ssh::{ssh_access, ssh_address, wanted_address};
pub use stages::Stages;

/// What most methods return.
pub type Result<T> = std::result::Result<T, HosterError>;

#[doc(hidden)]
pub mod __private {
    //! For the export macro and the test kit.

    pub use forgekeep_abi as abi;

    pub use crate::export::{Exported, loader_result, module, table};
    pub use crate::plugin::Plugin;
}
