//! The fakes take what is made, set up and pushed, as real servers do: asked by plain HTTP and the real git.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod azure_devops;
mod gitea;
mod github;
mod gitlab;
mod schema;
