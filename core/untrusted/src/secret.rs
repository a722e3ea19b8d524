//! The one type a password or token may live in.

use std::fmt;

use zeroize::Zeroize;

/// A secret that cannot be printed by accident.
///
/// Tokens leak through error messages, debug output and reports, hardly ever through code that
/// meant to use them. So this type has no serialisation, and `Debug` and `Display` print
/// `**redacted**`; whoever needs the value calls [`Secret::expose`], which is easy to search for.
///
/// The value is kept exactly as given: nothing is trimmed, because a blank may be part of a
/// password. The memory is overwritten on drop; copies made by others, such as the environment
/// itself, are out of reach.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    /// Wraps `value`, unchanged.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself. Never pass it to a log, a message or a file.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is no character at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("**redacted**")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("**redacted**")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_nothing_of_the_value() {
        let secret = Secret::new(" hunter2 ");
        assert_eq!(
            format!("{secret} {secret:?} {:?}", Some(&secret)),
            "**redacted** **redacted** Some(**redacted**)"
        );
        assert_eq!(secret.expose(), " hunter2 ");
        assert!(!secret.is_empty());
        assert!(Secret::new("").is_empty());
    }
}
