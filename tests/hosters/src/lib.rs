//! Fakes of hosters for the end-to-end tests: each answers as its API is documented, has real repositories
//! served by real git, writes down what it is asked, and misbehaves on request. That of Bitbucket is
//! [`forgekeep_tests::Forge`].
//!
//! - [`azure_devops::AzureDevOps`], [`gitea::Gitea`], [`github::GitHub`], [`gitlab::Gitlab`].

#![allow(clippy::disallowed_methods)]
// A failed step ends the test, and the panic says which one it was.
#![allow(clippy::unwrap_used, clippy::expect_used)]

pub mod azure_devops;
pub mod client;
pub mod gitea;
pub mod github;
pub mod gitlab;
mod life;
mod origins;
pub mod pushes;

use forgekeep_pkt_line as pkt_line;
use forgekeep_tests::{backend, git};
