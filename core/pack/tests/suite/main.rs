//! Packs that git has made, packs made by hand, and packs made to do harm.
#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used)] // what is in `hand`, too

mod bombs;
mod hand;
mod hostile;
mod indexing;
mod made;
mod thin;
