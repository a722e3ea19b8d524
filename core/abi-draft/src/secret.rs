use std::fmt;

use abi_stable::StableAbi;
use abi_stable::std_types::RString;

/// A password or token on its way across the boundary. `Debug` prints `**redacted**`, and there
/// is no `Display`.
#[repr(C)]
#[derive(StableAbi, Clone, PartialEq, Eq)]
pub struct SecretString {
    value: RString,
}

impl SecretString {
    /// Wraps a secret.
    pub fn new(value: impl Into<RString>) -> Self {
        Self {
            value: value.into(),
        }
    }

    /// The secret itself: for the one place that puts it on the wire.
    pub fn expose(&self) -> &str {
        self.value.as_str()
    }
}

impl fmt::Debug for SecretString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("**redacted**")
    }
}
