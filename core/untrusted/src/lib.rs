//! What comes from outside: names that become folders, text that reaches a terminal, secrets that must
//! not come back.

pub mod names;
mod redact;
mod secret;
mod shown;
mod text;

pub use redact::{REDACTED, Redactor, SecretIndex};
pub use secret::Secret;
pub use shown::{Printable, Show, Shown};
pub use text::Untrusted;
