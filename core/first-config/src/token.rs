//! The token, as somebody gives it.

use std::fmt;
use std::io::{self, Read};

use forgekeep_untrusted::Secret;

/// The longest token, in bytes.
const MAX: u64 = 64 << 10;

/// Why something is no token.
#[derive(Debug)]
pub enum BadToken {
    /// It cannot be read.
    Unread(io::Error),
    /// There is nothing.
    Empty,
    /// It is too long.
    TooLong,
    /// It has several lines, or characters that cannot be seen.
    Unprintable,
}

impl fmt::Display for BadToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unread(error) => write!(f, "cannot be read: {error}"),
            Self::Empty => f.write_str("is empty"),
            Self::TooLong => f.write_str("is too long for a token"),
            Self::Unprintable => f.write_str("has several lines, or invisible characters"),
        }
    }
}

/// Reads a token. What editors and shells put at its ends is no part of it.
///
/// # Errors
///
/// See [`BadToken`].
pub fn read_token(from: impl Read) -> Result<Secret, BadToken> {
    let mut text = String::new();
    let read = from.take(MAX + 1).read_to_string(&mut text);
    let text = Secret::new(text);
    read.map_err(BadToken::Unread)?;
    if text.expose().len() as u64 > MAX {
        return Err(BadToken::TooLong);
    }
    let token = Secret::new(text.expose().trim());
    match token.expose() {
        "" => Err(BadToken::Empty),
        token if token.contains(char::is_control) => Err(BadToken::Unprintable),
        _ => Ok(token),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_line_and_nothing_else() {
        let read = |text: &[u8]| read_token(text).map(|token| token.expose().to_owned());
        assert_eq!(read(b" t0ken-t0ken\r\n").unwrap(), "t0ken-t0ken");
        assert!(matches!(read(b" \n"), Err(BadToken::Empty)));
        assert!(matches!(read(b"one\ntwo"), Err(BadToken::Unprintable)));
        assert!(matches!(read(b"\xff\xfe"), Err(BadToken::Unread(_))));
        assert!(matches!(read(&[b'x'; 70_000]), Err(BadToken::TooLong)));
    }
}
