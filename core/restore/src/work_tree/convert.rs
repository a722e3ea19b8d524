//! What a file's bytes become on the way from the repository into the work tree: `convert.c` of git,
//! with the settings that a machine without any has. Filters of other programs are not configured
//! then, so what `filter` names is written as it is.

use git2::Oid;

use super::attributes::{Stack, Value};
use super::encoding;

/// Whether text that nobody has said more of has CRLF at the end of its lines.
const NATIVE_CRLF: bool = cfg!(windows);

/// Attributes that decide.
const NAMES: [&[u8]; 5] = [b"text", b"crlf", b"eol", b"ident", b"working-tree-encoding"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Eol {
    /// As it is.
    Keep,
    Crlf,
    /// CRLF, unless it is no text or has some.
    AutoCrlf,
    /// LF, if it is text: nothing is to be done, but git takes another way.
    AutoLf,
}

/// What is to be done with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Conversion {
    eol: Eol,
    ident: bool,
    encoding: Option<Encoding>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Encoding {
    Named(Vec<u8>),
    /// Set, but to no name: git gives up there.
    None,
}

impl Conversion {
    /// Of a path.
    pub(super) fn of(stack: &Stack, path: &[u8], fold: bool) -> Self {
        let mut conversion = Self {
            eol: Eol::Keep,
            ident: false,
            encoding: None,
        };
        if stack.is_empty() {
            return conversion;
        }
        let [text, crlf, eol, ident, encoding] = stack.of(path, NAMES, fold);
        conversion.eol = eol_of(&text, &crlf, &eol);
        conversion.ident = ident == Value::True;
        conversion.encoding = match encoding {
            Value::Unset => None,
            Value::True | Value::False => Some(Encoding::None),
            Value::Text(name) if name.is_empty() || encoding::is_utf_8(&name) => None,
            Value::Text(name) => Some(Encoding::Named(name)),
        };
        conversion
    }

    /// Whether the bytes stay as they are, whatever they are.
    pub(super) fn is_none(&self) -> bool {
        let keeps = matches!(self.eol, Eol::Keep | Eol::AutoLf);
        keeps && !self.ident && self.encoding.is_none()
    }

    /// Converts a file. Also returns why its encoding could not be done; then it is left out, as git
    /// does.
    pub(super) fn apply(&self, oid: Oid, data: Vec<u8>) -> (Vec<u8>, Option<String>) {
        let mut data = data;
        // git streams where it can, and its two ways of expanding an ident differ in corners.
        let streams = self.encoding.is_none() && matches!(self.eol, Eol::Keep | Eol::Crlf);
        if self.ident {
            data = match streams {
                true => ident_streamed(&data, oid),
                false => ident_whole(data, oid),
            };
        }
        if self.eol == Eol::Crlf || self.eol == Eol::AutoCrlf && is_text_of_lf(&data) {
            data = to_crlf(data);
        }
        let encoded = match &self.encoding {
            None => return (data, None),
            Some(_) if data.is_empty() => return (data, None),
            Some(Encoding::None) => {
                let why = "the attribute working-tree-encoding names no encoding";
                return (data, Some(why.to_owned()));
            }
            Some(Encoding::Named(name)) => encoding::encode(name, &data),
        };
        match encoded {
            Ok(encoded) => (encoded, None),
            Err(why) => (data, Some(why)),
        }
    }
}

fn eol_of(text: &Value, crlf: &Value, eol: &Value) -> Eol {
    #[derive(Clone, Copy, PartialEq)]
    enum Text {
        Undefined,
        Binary,
        Yes,
        Input,
        Auto,
    }
    let of = |value: &Value| match value {
        Value::True => Text::Yes,
        Value::False => Text::Binary,
        Value::Text(word) if word == b"input" => Text::Input,
        Value::Text(word) if word == b"auto" => Text::Auto,
        Value::Unset | Value::Text(_) => Text::Undefined,
    };
    let text = match of(text) {
        Text::Undefined => of(crlf),
        known => known,
    };
    let crlf = match eol {
        Value::Text(word) if word == b"crlf" => Some(true),
        Value::Text(word) if word == b"lf" => Some(false),
        _ => None,
    };
    match (text, crlf) {
        (Text::Binary, _) => Eol::Keep,
        (Text::Auto, Some(true)) => Eol::AutoCrlf,
        (Text::Auto, Some(false)) => Eol::Keep,
        (Text::Auto, None) if NATIVE_CRLF => Eol::AutoCrlf,
        (Text::Auto, None) => Eol::AutoLf,
        (_, Some(true)) => Eol::Crlf,
        (_, Some(false)) => Eol::Keep,
        (Text::Yes, None) if NATIVE_CRLF => Eol::Crlf,
        (_, None) => Eol::Keep,
    }
}

/// Whether it is text all of whose lines end in LF, as far as git can tell.
fn is_text_of_lf(data: &[u8]) -> bool {
    let (mut printable, mut other) = (0_usize, 0_usize);
    for byte in data {
        match byte {
            b'\r' | 0 => return false,
            b'\n' => {}
            8 | b'\t' | 27 | 12 => printable += 1,
            127 | 0..32 => other += 1,
            _ => printable += 1,
        }
    }
    // The end of file of DOS does not count.
    if data.last() == Some(&26) {
        other -= 1;
    }
    printable >> 7 >= other
}

fn to_crlf(data: Vec<u8>) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() + data.len() / 32);
    let mut last = 0;
    for byte in data {
        if byte == b'\n' && last != b'\r' {
            out.push(b'\r');
        }
        out.push(byte);
        last = byte;
    }
    out
}

/// Replaces `$Id$` and `$Id: …$`, as git does with a file that it has in memory.
fn ident_whole(data: Vec<u8>, oid: Oid) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() + 64);
    let mut rest = &data[..];
    let find = |text: &[u8], wanted: u8| text.iter().position(|byte| *byte == wanted);
    while let Some(dollar) = find(rest, b'$') {
        out.extend_from_slice(&rest[..=dollar]);
        rest = &rest[dollar + 1..];
        if rest.len() < 3 || !rest.starts_with(b"Id") {
            continue;
        }
        match rest[2] {
            b'$' => rest = &rest[3..],
            b':' => {
                let Some(end) = find(&rest[3..], b'$') else {
                    break;
                };
                let inner = &rest[3..3 + end];
                // Line feeds and further spaces: of another system.
                let space = inner.get(1..).and_then(|inner| find(inner, b' '));
                let is_foreign = space.is_some_and(|at| at + 2 < inner.len());
                if inner.contains(&b'\n') || is_foreign {
                    continue;
                }
                rest = &rest[3 + end + 1..];
            }
            _ => continue,
        }
        out.extend_from_slice(format!("Id: {oid} $").as_bytes());
    }
    out.extend_from_slice(rest);
    out
}

/// The same, as git does with a file that it streams, which it does if it can: byte by byte, and not
/// always with the same result.
fn ident_streamed(data: &[u8], oid: Oid) -> Vec<u8> {
    const HEAD: &[u8] = b"$Id";
    let ident = format!(": {oid} $");
    let mut out = Vec::with_capacity(data.len() + 64);
    let mut left: Vec<u8> = Vec::new();
    let (mut state, mut skipping) = (0, false);
    for byte in data.iter().copied() {
        if skipping {
            left.push(byte);
            if byte != b'\n' && byte != b'$' {
                continue;
            }
            if byte == b'$' && !is_foreign(&left) {
                left.truncate(HEAD.len());
                left.extend_from_slice(ident.as_bytes());
            }
            skipping = false;
            state = 0;
            out.append(&mut left);
            continue;
        }
        if HEAD.get(state) == Some(&byte) {
            state += 1;
            continue;
        }
        left.extend_from_slice(&HEAD[..state]);
        if state == HEAD.len() {
            match byte {
                b':' => {
                    left.push(byte);
                    skipping = true;
                    continue;
                }
                b'$' => left.extend_from_slice(ident.as_bytes()),
                _ => {
                    left.push(byte);
                    state = 0;
                    continue;
                }
            }
        } else {
            left.push(byte);
        }
        state = 0;
        out.append(&mut left);
    }
    if !skipping {
        left.extend_from_slice(&HEAD[..state]);
    }
    out.append(&mut left);
    out
}

/// Whether an ident that was expanded is another system's.
fn is_foreign(text: &[u8]) -> bool {
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    let Some(rest) = text.strip_prefix(b"$Id: ") else {
        return false;
    };
    // git's own isspace.
    let is_space = |byte: u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    let spaces = rest.iter().enumerate().filter(|(_, byte)| is_space(**byte));
    spaces
        .into_iter()
        .any(|(at, _)| rest.get(at + 1) != Some(&b'$'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn oid() -> Oid {
        Oid::from_str(&"1".repeat(40)).unwrap()
    }

    #[test]
    fn an_ident_is_expanded_within_its_line() {
        let id = format!("$Id: {} $", oid());
        for (text, wanted) in [
            ("a $Id$ b", format!("a {id} b")),
            ("$Id: old $", id.clone()),
            ("$Id:$", id.clone()),
            ("$Id: a b c $", "$Id: a b c $".to_owned()),
            ("$Id: x\n$ y", "$Id: x\n$ y".to_owned()),
            ("$Id", "$Id".to_owned()),
            ("$Id: x", "$Id: x".to_owned()),
            ("$Idx$", "$Idx$".to_owned()),
        ] {
            for out in [
                ident_streamed(text.as_bytes(), oid()),
                ident_whole(text.into(), oid()),
            ] {
                assert_eq!(String::from_utf8(out).unwrap(), wanted, "{text:?}");
            }
        }
    }

    #[test]
    fn line_feeds_become_crlf_once() {
        assert_eq!(to_crlf(b"a\nb\r\nc\r\r\n".to_vec()), b"a\r\nb\r\nc\r\r\n");
        assert!(is_text_of_lf(b"a\nb\n"));
        assert!(!is_text_of_lf(b"a\r\nb\n"));
        assert!(!is_text_of_lf(b"a\0b\n"));
        assert!(is_text_of_lf(b"a\n\x1a"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(text in "[$Id: \nx\r]{0,40}") {
            let _ = ident_streamed(text.as_bytes(), oid());
            let _ = ident_whole(text.into_bytes(), oid());
        }
    }
}
