//! What comes from outside: names that become folders, text that reaches a terminal, secrets that must
//! not come back.

pub mod names;
mod redact;
mod secret;

pub use redact::{REDACTED, Redactor};
pub use secret::Secret;
