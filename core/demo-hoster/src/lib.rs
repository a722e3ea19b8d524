//! A small Bitbucket look-alike on loopback, with real repositories, for the demo and for tests.
//!
//! It speaks the listing part of Bitbucket Cloud's REST API and git's smart HTTP protocol, and needs
//! no git executable. Layers, from the outside in:
//!
//! - [`DemoHoster`]: made-up repositories, served; [`DemoHoster::change_upstream`] is the second act.
//! - [`Site`]: routes a request to the API or to git, and checks the credentials for git.
//! - [`api`]: the API, a pure function from a [`HosterState`] and a [`Request`] to a [`Response`].
//! - [`GitService`]: git's side of a clone; [`BuiltInGit`] does it with libgit2.
//! - [`Server`]: HTTP/1.1 on loopback, one thread for each connection.
//!
//! Tests build their own hoster from the same parts: another [`GitService`], a [`Handler`] around
//! [`Site`] that observes or misbehaves.

#![allow(
    clippy::disallowed_methods,
    reason = "what it is asked by is this machine's own"
)]

pub mod api;
mod content;
mod credentials;
mod demo;
mod documents;
mod error;
mod http;
mod model;
mod oauth;
pub mod scope;
mod server;
mod site;
mod upload_pack;
mod upstream;
mod wire;

pub use demo::DemoHoster;
pub use error::Error;
pub use http::{Body, BodyWriter, Reply, Request, Response, TakeOver};
pub use model::{
    Account, CredentialKind, HosterState, MintedToken, Repository, Scm, Workspace, uuid_from,
};
pub use oauth::is_oauth;
pub use server::{Handler, Server, Socket};
pub use site::{GitCall, GitRoute, GitService, Site};
pub use upload_pack::BuiltInGit;
