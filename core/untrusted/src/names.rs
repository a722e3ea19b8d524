//! Names from a hoster as names on disk and on a terminal.
//!
//! A hoster's names are data, never paths. What a file system or a terminal cannot take is
//! percent-encoded, so that the result is one path component on Linux, macOS and Windows, and can
//! be turned back into the name it came from.
//!
//! Left alone on purpose: a leading `-`. It only matters to programs that take the folder as an
//! argument, and renaming such folders would part from the layout of existing backups.

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_normalization::UnicodeNormalization;

/// The longest component in bytes. File systems allow 255; the rest is room for a suffix
/// ([`with_suffix`]) and for temporary siblings.
pub const MAX_COMPONENT_BYTES: usize = 200;

/// The encoding of the empty name: `%` alone cannot come out otherwise.
const EMPTY: &str = "%";

/// Hex digits of the hash that ends a cut component.
const CUT_DIGITS: usize = 16;
/// Hex digits of the hash that tells two colliding folders apart.
const SUFFIX_DIGITS: usize = 8;

/// Characters without a glyph of their own: format, bidirectional and zero-width characters,
/// separators, fillers, variation selectors, tags, private use and non-characters other than the
/// last two of each plane. They make two names look the same, or turn a line around.
const INVISIBLE: &[(u32, u32)] = &[
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x0600, 0x0605),
    (0x061C, 0x061C),
    (0x06DD, 0x06DD),
    (0x070F, 0x070F),
    (0x0890, 0x0891),
    (0x08E2, 0x08E2),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x2028, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xE000, 0xF8FF),
    (0xFDD0, 0xFDEF),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFF),
    (0x110BD, 0x110BD),
    (0x110CD, 0x110CD),
    (0x13430, 0x1343F),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0x10FFFF),
];

fn is_unprintable(c: char) -> bool {
    let code = u32::from(c);
    // Nearly all text: the table below begins here.
    if code < 0xAD {
        return c.is_control();
    }
    c.is_control()
        || code & 0xFFFE == 0xFFFE
        || INVISIBLE
            .iter()
            .any(|&(first, last)| (first..=last).contains(&code))
}

/// Whether `c` is encoded wherever it stands.
fn is_forbidden(c: char) -> bool {
    matches!(
        c,
        '<' | '>' | ':' | '"' | '|' | '?' | '*' | '\\' | '/' | '%'
    ) || is_unprintable(c)
}

/// Turns any text into one path component that Linux, macOS and Windows can hold.
///
/// Encoded as `%XX` (UTF-8 bytes, upper-case hex) are: control characters, `< > : " | ? * \ /`,
/// `%` itself, invisible and bidirectional characters, a leading dot or space, a trailing dot or
/// space, and the first character of a reserved Windows name (`CON`, `nul.txt`, `COM¹`). Other
/// printable Unicode stays as it is. The empty text becomes `%`.
///
/// A result over [`MAX_COMPONENT_BYTES`] is cut, and ends with `~` and 16 hex digits of a hash of
/// the whole text: unlike all others it cannot be decoded. No other result ends like this, because
/// a `~` before 8 or 16 final hex digits is encoded.
pub fn encode_component(text: &str) -> String {
    encode(text, |c| c == '/', None)
}

/// The text that [`encode_component`] was given, or `None` where `component` is not one of its
/// results: a cut one, a half escape, or bytes that are not UTF-8.
pub fn decode_component(component: &str) -> Option<String> {
    decode(component, false)
}

/// Turns a hoster's full name into one path component: `acme/web` becomes `acme#web`.
///
/// Each `/` becomes `#`, as SCM Backup does it, and a literal `#` becomes `%23`. All else is as in
/// [`encode_component`], applied to the whole: a repository called `.config` keeps its dot, since
/// it doesn't lead the component.
pub fn encode_full_name(full_name: &str) -> String {
    encode(full_name, |c| c == '#', Some('/'))
}

/// The full name that [`encode_full_name`] was given; `None` as with [`decode_component`].
pub fn decode_full_name(component: &str) -> Option<String> {
    decode(component, true)
}

/// Encodes `text` character by character; `separator` becomes `#`.
fn encode(text: &str, also_forbidden: fn(char) -> bool, separator: Option<char>) -> String {
    if text.is_empty() {
        return EMPTY.to_owned();
    }
    let count = text.chars().count();
    let mut units: Vec<Cow<'_, str>> = Vec::with_capacity(count);
    for (index, (offset, c)) in text.char_indices().enumerate() {
        let at_an_end = (index == 0 || index + 1 == count) && matches!(c, '.' | ' ');
        units.push(if Some(c) == separator {
            Cow::Borrowed("#")
        } else if at_an_end || is_forbidden(c) || also_forbidden(c) {
            Cow::Owned(escaped(c))
        } else {
            Cow::Borrowed(&text[offset..offset + c.len_utf8()])
        });
    }
    escape_reserved(&mut units);
    escape_hash_mark(&mut units);

    let length: usize = units.iter().map(|unit| unit.len()).sum();
    if length <= MAX_COMPONENT_BYTES {
        return units.concat();
    }
    let room = MAX_COMPONENT_BYTES - CUT_DIGITS - 1;
    let mut cut = String::with_capacity(MAX_COMPONENT_BYTES);
    for unit in &units {
        if cut.len() + unit.len() > room {
            break;
        }
        cut.push_str(unit);
    }
    // Writing to a String cannot fail.
    let _ = write!(cut, "~{:016x}", stable_hash(text));
    cut
}

fn escaped(c: char) -> String {
    let mut bytes = [0; 4];
    let mut out = String::with_capacity(12);
    for byte in c.encode_utf8(&mut bytes).bytes() {
        let _ = write!(out, "%{byte:02X}");
    }
    out
}

/// Encodes the first character of a name that Windows keeps for a device.
fn escape_reserved(units: &mut [Cow<'_, str>]) {
    // The device is what stands before the first dot; blanks before that dot don't count.
    let stem: String = units
        .iter()
        .take_while(|unit| unit.as_ref() != ".")
        .map(|unit| unit.as_ref())
        .collect();
    if is_reserved_on_windows(stem.trim_end_matches(' '))
        && let Some(first) = units.first_mut()
        && let Some(c) = first.chars().next()
    {
        *first = Cow::Owned(escaped(c));
    }
}

fn is_reserved_on_windows(stem: &str) -> bool {
    let upper = stem.to_uppercase();
    if matches!(
        upper.as_str(),
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$"
    ) {
        return true;
    }
    ["COM", "LPT"].iter().any(|device| {
        upper.strip_prefix(device).is_some_and(|rest| {
            let mut digits = rest.chars();
            matches!(digits.next(), Some('1'..='9' | '¹' | '²' | '³')) && digits.next().is_none()
        })
    })
}

/// Encodes the `~` of a name that ends like a cut or a suffixed one.
fn escape_hash_mark(units: &mut [Cow<'_, str>]) {
    for digits in [SUFFIX_DIGITS, CUT_DIGITS] {
        let Some(at) = units.len().checked_sub(digits + 1) else {
            continue;
        };
        let is_hex = |unit: &Cow<'_, str>| {
            unit.len() == 1 && unit.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        if units[at] == "~" && units[at + 1..].iter().all(is_hex) {
            units[at] = Cow::Owned(escaped('~'));
        }
    }
}

/// Whether the text ends with `~` and a hash of ours.
fn ends_with_hash(text: &str) -> bool {
    text.rsplit_once('~').is_some_and(|(_, tail)| {
        matches!(tail.len(), SUFFIX_DIGITS | CUT_DIGITS)
            && tail.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

fn decode(component: &str, full_name: bool) -> Option<String> {
    if component == EMPTY {
        return Some(String::new());
    }
    if ends_with_hash(component) {
        return None;
    }
    let bytes = component.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while let Some(&byte) = bytes.get(index) {
        if byte == b'%' {
            let digits = component.get(index + 1..index + 3)?;
            if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return None;
            }
            out.push(u8::from_str_radix(digits, 16).ok()?);
            index += 3;
        } else {
            out.push(if full_name && byte == b'#' {
                b'/'
            } else {
                byte
            });
            index += 1;
        }
    }
    String::from_utf8(out).ok()
}

/// A key that is equal for two names which some file system would take for one.
///
/// Windows and macOS ignore case, and macOS also the Unicode normal form. Each file system has
/// its own table, so this key is coarser than any of them: NFC, every character to upper and then
/// to lower case (which also joins `ß` and `ss`, `σ` and `ς`), NFC again. Taking two names for
/// one when they are not costs a suffix; the other mistake would cost a backup.
pub fn collision_key(name: &str) -> String {
    name.nfc()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .nfc()
        .collect()
}

/// The folder name for the second of two repositories whose names collide: `folder`, `~`, and
/// 8 hex digits of a hash of the hoster's immutable `id`, so that it is the same in every run.
pub fn with_suffix(folder: &str, id: &str) -> String {
    let hash = stable_hash(id);
    format!("{folder}~{:08x}", (hash >> 32) ^ (hash & 0xFFFF_FFFF))
}

/// `text` made safe for a terminal or a log line: control, bidirectional and invisible characters
/// are written as `\u{1b}`. For people, not for machines: it is not reversible.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if is_printable(text) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_unprintable(c) {
            let _ = write!(out, "{}", c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Whether a text is the same when it is shown: nothing in it has to be escaped for a terminal.
pub fn is_printable(text: &str) -> bool {
    !text.chars().any(is_unprintable)
}

/// Whether there is nothing to see in a text: no character, or white space and invisible ones only.
pub fn is_blank(text: &str) -> bool {
    // The blank of Braille counts as a sign with a shape, and has none.
    text.chars()
        .all(|c| c.is_whitespace() || c == '\u{2800}' || is_unprintable(c))
}

/// FNV-1a, 64 bits: the folder names on disk depend on it, so it may never change, which rules
/// out the standard library's hasher. It tells names apart; it protects nothing.
fn stable_hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests;
