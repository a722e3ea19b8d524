//! Fetching: git's protocol version 0, as a client. See gitprotocol-pack(5) and gitprotocol-http(5).
//!
//! The words on the wire are our own, and `core/pack` takes in the pack: libgit2's client reads our commits
//! with a parser that refuses what old versions of git have written, and keeps nothing of what a
//! server says.
//!
//! ```text
//! http          asks for the refs, and carries the rounds of a conversation as POSTs
//! pipes         the same over the pipes of `core/upload-pack`: a program of git's, here or behind ssh
//! way           which of both
//! advertisement the refs a server has
//! conversation  wants, haves, acknowledgements, the pack: written once for both
//! haves         which commits of ours are told to the server
//! library       the same for a path on this machine, where no git is installed
//! pack_limits   how large a pack may be
//! sink          where the pack goes: `core/pack`, and files that get their names when they last
//! ```

#![cfg_attr(test, allow(clippy::disallowed_methods))]

mod advertisement;
mod answers;
mod conversation;
mod haves;
mod http;
mod library;
mod pack_limits;
mod pipes;
mod sink;
mod way;

pub use advertisement::{Advertisement, Capabilities};
pub use conversation::Conversation;
pub use haves::Haves;
pub use pack_limits::{OBJECTS_PER_PACK, set_pack_limits};
pub use sink::{Incoming, Transfer, Watched, remove_incoming};
pub use way::{Connection, Remote, Way, advertise};
