//! The first look at a document: whether it keeps to the rules that need no knowledge of its fields.
//! It runs over the bytes once and holds nothing but the keys of the objects that are open. Whether
//! all is JSON is for the parser behind it: of what that one takes, this one sees the same.
//!
//! What the parser is going to cost in memory is reckoned here, without knowing the types: an element of
//! an array costs what the largest type does that there can be many of, a string at least what an
//! allocation does. That is never too little, and too much for what the parser passes over.

use std::borrow::Cow;

use crate::limit;
use crate::refused::Refused;

/// Bytes of an element of an array: of one that is an object ([`Part`](crate::Part)), and of any other.
const OBJECT: usize = 160;
const ELEMENT: usize = 24;

/// Bytes that an allocation takes besides what is in it.
const ALLOCATED: usize = 8;

/// Bytes kept for 10,000 repositories, whose type is larger, and for the parser.
const KEPT: usize = 6 << 20;

/// What is open.
enum Open<'a> {
    Array,
    Object(Vec<Cow<'a, str>>),
}

/// Goes over a document. Gives whether it has the key `requires` at its top.
pub(crate) fn scan(text: &str) -> Result<bool, Refused> {
    let bytes = text.as_bytes();
    let mut open: Vec<Open<'_>> = Vec::new();
    let most = limit::MEMORY.max(bytes.len() * 4);
    let room = most.saturating_sub(bytes.len() + KEPT);
    let mut cost = 0;
    let mut requires = false;
    // Whether the next string is a key.
    let mut key_follows = false;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'{' | b'[' => {
                key_follows = *byte == b'{';
                if open.len() >= limit::DEPTH {
                    return Err(Refused::TooLarge("its depth"));
                }
                cost += match (byte, open.last()) {
                    // As an element it was counted before: by the bracket, or a comma.
                    (b'{', Some(Open::Array)) => OBJECT - ELEMENT,
                    (b'{', _) => 0,
                    _ => ELEMENT + ALLOCATED,
                };
                open.push(match byte {
                    b'{' => Open::Object(Vec::new()),
                    _ => Open::Array,
                });
            }
            b'}' | b']' => {
                if let Some(Open::Object(keys)) = open.pop() {
                    no_key_twice(keys)?;
                }
                key_follows = false;
            }
            b',' => match open.last() {
                Some(Open::Object(_)) => key_follows = true,
                _ => cost += ELEMENT,
            },
            b'"' => {
                let end = end_of_string(bytes, at)?;
                // Quotes are ASCII, so these are borders of characters.
                let quoted = text.get(at..=end).unwrap_or_default();
                if let (true, Some(Open::Object(keys))) = (key_follows, open.last_mut()) {
                    let key = unquoted(quoted)?;
                    if keys.len() >= limit::KEYS {
                        return Err(Refused::TooLarge("an object"));
                    }
                    if key.len() > limit::STRING {
                        return Err(Refused::TooLarge("a key"));
                    }
                    keys.push(key);
                    requires |= open.len() == 1 && is_requires(&open);
                    key_follows = false;
                } else if quoted.len() > limit::STRING + 2
                    && unquoted(quoted)?.len() > limit::STRING
                {
                    return Err(Refused::TooLarge("a string"));
                } else {
                    cost += allocated(quoted.len().saturating_sub(2));
                }
                at = end;
            }
            b'-' | b'0'..=b'9' => {
                let end = bytes[at..]
                    .iter()
                    .position(|b| !matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
                    .map_or(bytes.len(), |length| at + length);
                number(&bytes[at..end])?;
                at = end - 1;
            }
            _ => {}
        }
        if cost > room {
            return Err(Refused::TooLarge("the memory that it takes"));
        }
        at += 1;
    }
    Ok(requires)
}

/// What a string takes besides its own place.
fn allocated(length: usize) -> usize {
    match length {
        0 => 0,
        length => (length + ALLOCATED).next_multiple_of(16).max(32),
    }
}

fn is_requires(open: &[Open<'_>]) -> bool {
    matches!(open.last(), Some(Open::Object(keys)) if keys.last().is_some_and(|key| key == "requires"))
}

/// Where the string that begins here ends, at its quote.
fn end_of_string(bytes: &[u8], start: usize) -> Result<usize, Refused> {
    // No character needs more than six bytes for each of its own (`\u0041`).
    let longest = limit::STRING * 6;
    let mut at = start + 1;
    loop {
        match bytes.get(at) {
            None => return Err(Refused::malformed("it ends in a string")),
            Some(b'"') => return Ok(at),
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
        }
        if at - start > longest + 2 {
            return Err(Refused::TooLarge("a string"));
        }
    }
}

fn unquoted(quoted: &str) -> Result<Cow<'_, str>, Refused> {
    if quoted.contains('\\') {
        return serde_json::from_str(quoted)
            .map(Cow::Owned)
            .map_err(|_| Refused::malformed("a string has an escape that there is not"));
    }
    Ok(Cow::Borrowed(quoted.trim_matches('"')))
}

fn no_key_twice(mut keys: Vec<Cow<'_, str>>) -> Result<(), Refused> {
    keys.sort_unstable();
    let twice = keys
        .iter()
        .zip(keys.iter().skip(1))
        .any(|(key, next)| key == next);
    if twice {
        return Err(Refused::malformed("an object has a key twice"));
    }
    Ok(())
}

/// Integers are held exactly everywhere up to [`limit::INTEGER`]; what is no integer may be anything.
fn number(digits: &[u8]) -> Result<(), Refused> {
    let digits = digits.strip_prefix(b"-").unwrap_or(digits);
    if !digits.iter().all(u8::is_ascii_digit) {
        return Ok(());
    }
    let value = digits.iter().try_fold(0_u64, |value, digit| {
        value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    });
    match value {
        Some(value) if value <= limit::INTEGER => Ok(()),
        _ => Err(Refused::TooLarge("an integer")),
    }
}
