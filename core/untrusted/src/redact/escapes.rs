//! Ways to escape characters, undone for a search: each byte remembers where it came from.

use std::ops::Range;

/// A text after some escapes were undone.
pub(super) struct Decoded {
    pub bytes: Vec<u8>,
    /// Where each byte's escape began in the original text; and where that ended, at last.
    starts: Vec<usize>,
}

/// Undoes one kind of escape; `None` if the text has none.
type Escape = fn(&Decoded) -> Option<Decoded>;

pub(super) const ESCAPES: [Escape; 4] = [percent, backslash, entity, quoted_printable];

/// What escapes begin with.
pub(super) const MARKS: [u8; 4] = *b"%\\&=";

impl Decoded {
    pub fn new(text: &[u8]) -> Self {
        Self {
            bytes: text.to_vec(),
            starts: (0..=text.len()).collect(),
        }
    }

    /// Where a part came from.
    pub fn origin(&self, part: Range<usize>) -> Range<usize> {
        let at = |index: usize| self.starts.get(index).copied().unwrap_or_default();
        at(part.start)..at(part.end)
    }

    /// Replaces what begins with a mark: `decode` is given the rest of the text from the mark on,
    /// and says how long an escape is and what it means, if it is one.
    fn replaced(
        &self,
        mark: u8,
        decode: impl Fn(&[u8]) -> Option<(usize, Vec<u8>)>,
    ) -> Option<Self> {
        if !self.bytes.contains(&mark) {
            return None;
        }
        let mut bytes = Vec::with_capacity(self.bytes.len());
        let mut starts = Vec::with_capacity(self.starts.len());
        let mut found = false;
        let mut at = 0;
        while let Some(&byte) = self.bytes.get(at) {
            let escape = (byte == mark).then(|| decode(&self.bytes[at..])).flatten();
            let (length, meant) = escape.map_or((1, None), |(length, meant)| (length, Some(meant)));
            found |= meant.is_some();
            for meant in meant.unwrap_or_else(|| vec![byte]) {
                bytes.push(meant);
                starts.push(self.starts[at]);
            }
            at += length;
        }
        starts.push(self.starts.last().copied().unwrap_or_default());
        found.then_some(Self { bytes, starts })
    }
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    let text = std::str::from_utf8(digits).ok()?;
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric());
    plain
        .then(|| u32::from_str_radix(text, radix).ok())
        .flatten()
}

fn character(code: u32) -> Option<Vec<u8>> {
    char::from_u32(code).map(|c| c.to_string().into_bytes())
}

fn byte_after(text: &[u8], skip: usize) -> Option<(usize, Vec<u8>)> {
    let code = number(text.get(skip..skip + 2)?, 16)?;
    Some((skip + 2, vec![u8::try_from(code).ok()?]))
}

/// `%2F`.
fn percent(text: &Decoded) -> Option<Decoded> {
    text.replaced(b'%', |rest| byte_after(rest, 1))
}

/// `=2F`, and the line breaks that are none.
fn quoted_printable(text: &Decoded) -> Option<Decoded> {
    text.replaced(b'=', |rest| {
        if rest.starts_with(b"=\r\n") {
            return Some((3, Vec::new()));
        }
        if rest.starts_with(b"=\n") {
            return Some((2, Vec::new()));
        }
        byte_after(rest, 1)
    })
}

/// `\"`, `\/`, `\u002f`, `\u{2f}`, `\x2f` and pairs of surrogates: JSON, and what languages write.
fn backslash(text: &Decoded) -> Option<Decoded> {
    text.replaced(b'\\', |rest| match rest.get(1)? {
        b'u' if rest.get(2) == Some(&b'{') => {
            let end = rest.iter().take(12).position(|&byte| byte == b'}')?;
            Some((end + 1, character(number(&rest[3..end], 16)?)?))
        }
        b'u' => {
            let high = number(rest.get(2..6)?, 16)?;
            if !(0xd800..0xdc00).contains(&high) {
                return Some((6, character(high)?));
            }
            let low = number(rest.get(6..12)?.strip_prefix(b"\\u")?, 16)?;
            let low = low.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
            Some((12, character(0x10000 + ((high - 0xd800) << 10) + low)?))
        }
        b'x' => byte_after(rest, 2),
        b'n' => Some((2, b"\n".to_vec())),
        b'r' => Some((2, b"\r".to_vec())),
        b't' => Some((2, b"\t".to_vec())),
        b'b' => Some((2, vec![8])),
        b'f' => Some((2, vec![12])),
        other if other.is_ascii_punctuation() => Some((2, vec![*other])),
        _ => None,
    })
}

/// `&quot;`, `&#47;`, `&#x2f;`.
fn entity(text: &Decoded) -> Option<Decoded> {
    const NAMED: [(&[u8], &str); 21] = [
        (b"amp", "&"),
        (b"lt", "<"),
        (b"gt", ">"),
        (b"quot", "\""),
        (b"apos", "'"),
        (b"nbsp", "\u{a0}"),
        (b"sol", "/"),
        (b"plus", "+"),
        (b"equals", "="),
        (b"lowbar", "_"),
        (b"num", "#"),
        (b"percnt", "%"),
        (b"dollar", "$"),
        (b"excl", "!"),
        (b"ast", "*"),
        (b"commat", "@"),
        (b"colon", ":"),
        (b"semi", ";"),
        (b"comma", ","),
        (b"period", "."),
        (b"bsol", "\\"),
    ];
    text.replaced(b'&', |rest| {
        let end = rest.iter().take(12).position(|&byte| byte == b';')?;
        let name = &rest[1..end];
        let meant = match name {
            [b'#', b'x' | b'X', hex @ ..] => character(number(hex, 16)?)?,
            [b'#', digits @ ..] => character(number(digits, 10)?)?,
            name => {
                let found = NAMED.iter().find(|(known, _)| *known == name)?;
                found.1.as_bytes().to_vec()
            }
        };
        Some((end + 1, meant))
    })
}
