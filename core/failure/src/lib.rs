//! What can go wrong, what else there is to say, and the flag that ends a run early.
//!
//! Every other library of Forgekeep stands on this one: it knows nothing of git, hosters or backups.

mod cancel;
mod exit_code;
mod failure;
mod finding;
pub mod trouble;
mod unexpected;
mod word;

pub use cancel::{Cancel, Told};
pub use exit_code::{Asked, ExitCode};
pub use failure::{Damage, ErrorKind, Failure};
pub use finding::{Finding, Severity};
pub use trouble::Trouble;
pub use unexpected::Unexpected;
pub use word::Word;
