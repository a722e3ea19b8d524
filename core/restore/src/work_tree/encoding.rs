//! `working-tree-encoding`: from UTF-8 to what the attribute names, as git does it through the
//! system's iconv. What is not certain to come out as it does there is refused, and named.

use encoding_rs::{EncoderResult, Encoding};
use forgekeep_untrusted::{Show as _, Untrusted};

/// Whether git takes a name for UTF-8, in which everything is.
pub(super) fn is_utf_8(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"utf-8") || name.eq_ignore_ascii_case(b"utf8")
}

/// Encodes text.
///
/// # Errors
///
/// Why it cannot be done.
pub(super) fn encode(name: &[u8], data: &[u8]) -> Result<Vec<u8>, String> {
    let shown = Untrusted::lossy(name).shown().to_string();
    let text = std::str::from_utf8(data)
        .map_err(|_| format!("it is not UTF-8, so it cannot be converted to {shown}"))?;
    let lower = name.to_ascii_lowercase();
    let encoded = match lower.as_slice() {
        // The system's own order, with a mark of it: little-endian wherever this is tested.
        b"utf-16" | b"utf16" | b"utf-16le-bom" | b"utf16le-bom" => {
            Some(utf_16("\u{feff}", text, u16::to_le_bytes))
        }
        b"utf-16be-bom" | b"utf16be-bom" => Some(utf_16("\u{feff}", text, u16::to_be_bytes)),
        b"utf-16le" | b"utf16le" => Some(utf_16("", text, u16::to_le_bytes)),
        b"utf-16be" | b"utf16be" => Some(utf_16("", text, u16::to_be_bytes)),
        b"utf-32" | b"utf32" => Some(utf_32("\u{feff}", text, u32::to_le_bytes)),
        b"utf-32le" | b"utf32le" => Some(utf_32("", text, u32::to_le_bytes)),
        b"utf-32be" | b"utf32be" => Some(utf_32("", text, u32::to_be_bytes)),
        b"ascii" | b"us-ascii" => up_to(text, 0x80),
        b"latin1" | b"latin-1" | b"iso-8859-1" | b"iso8859-1" | b"iso_8859-1" => up_to(text, 0x100),
        lower => {
            legacy(lower, text).ok_or_else(|| format!("the encoding {shown} is not known here"))?
        }
    };
    encoded.ok_or_else(|| format!("it has characters that {shown} does not have"))
}

fn utf_16(mark: &str, text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let units = mark.encode_utf16().chain(text.encode_utf16());
    units.flat_map(bytes).collect()
}

fn utf_32(mark: &str, text: &str, bytes: fn(u32) -> [u8; 4]) -> Vec<u8> {
    let all = mark.chars().chain(text.chars());
    all.flat_map(|one| bytes(one.into())).collect()
}

fn up_to(text: &str, limit: u32) -> Option<Vec<u8>> {
    let one = |one: char| (u32::from(one) < limit).then_some(u32::from(one) as u8);
    text.chars().map(one).collect()
}

/// Names whose tables are the same here and in the C library of GNU, but for what [`is_certain`]
/// keeps out. The web's names are not taken: it means windows-1252 by ISO-8859-1.
fn table(name: &[u8]) -> Option<&'static Encoding> {
    use encoding_rs as e;

    let name = std::str::from_utf8(name).ok()?;
    let windows = name
        .strip_prefix("windows-")
        .or_else(|| name.strip_prefix("cp"));
    Some(match (windows, name) {
        (Some("1250"), _) => e::WINDOWS_1250,
        (Some("1251"), _) => e::WINDOWS_1251,
        (Some("1252"), _) => e::WINDOWS_1252,
        (Some("1253"), _) => e::WINDOWS_1253,
        (Some("1254"), _) => e::WINDOWS_1254,
        (Some("1256"), _) => e::WINDOWS_1256,
        (Some("1257"), _) => e::WINDOWS_1257,
        (Some("866"), _) => e::IBM866,
        (_, "iso-8859-2" | "latin2") => e::ISO_8859_2,
        (_, "iso-8859-3") => e::ISO_8859_3,
        (_, "iso-8859-4") => e::ISO_8859_4,
        (_, "iso-8859-5") => e::ISO_8859_5,
        (_, "iso-8859-6") => e::ISO_8859_6,
        (_, "iso-8859-7") => e::ISO_8859_7,
        (_, "iso-8859-10") => e::ISO_8859_10,
        (_, "iso-8859-13") => e::ISO_8859_13,
        (_, "iso-8859-14") => e::ISO_8859_14,
        (_, "iso-8859-15") => e::ISO_8859_15,
        (_, "iso-8859-16") => e::ISO_8859_16,
        (_, "koi8-r") => e::KOI8_R,
        (_, "koi8-u") => e::KOI8_U,
        (Some("932"), _) | (_, "shift_jis" | "shift-jis" | "sjis") => e::SHIFT_JIS,
        (_, "euc-jp" | "eucjp") => e::EUC_JP,
        (Some("949"), _) | (_, "euc-kr" | "euckr") => e::EUC_KR,
        (_, "gbk") => e::GBK,
        (_, "gb18030") => e::GB18030,
        _ => return None,
    })
}

/// `None` if the encoding is not known; the inner one if the text has no certain form in it.
fn legacy(name: &[u8], text: &str) -> Option<Option<Vec<u8>>> {
    let table = table(name)?;
    let of_windows = name.starts_with(b"cp") || name.starts_with(b"windows-");
    let mut out = Vec::with_capacity(text.len());
    let mut encoder = table.new_encoder();
    let mut bytes = [0; 16];
    for one in text.chars() {
        if one.is_ascii() {
            out.push(one as u8);
            continue;
        }
        let is_strict = !of_windows;
        let Some(one) = its_form(table, is_strict, one) else {
            return Some(None);
        };
        let mut utf_8 = [0; 4];
        let utf_8 = one.encode_utf8(&mut utf_8);
        let (result, _, written) =
            encoder.encode_from_utf8_without_replacement(utf_8, &mut bytes, false);
        let encoded = &bytes[..written];
        if result != EncoderResult::InputEmpty || !is_certain(table, is_strict, encoded) {
            return Some(None);
        }
        out.extend_from_slice(encoded);
    }
    Some(Some(out))
}

/// What a character is called in the web's tables; `None` if only those have it.
fn its_form(table: &'static Encoding, is_strict: bool, one: char) -> Option<char> {
    use encoding_rs as e;

    let is_windows = table.name().starts_with("windows-");
    let is_control = ('\u{80}'..'\u{a0}').contains(&one);
    if is_control && (is_windows || table == e::SHIFT_JIS) {
        return None;
    }
    if table == e::KOI8_U && matches!(one, '\u{40e}' | '\u{45e}') {
        return None;
    }
    if table == e::GB18030
        && matches!(u32::from(one), 0xe000..=0xf8ff | 0xfe10..=0xfe19 | 0x20087 | 0x20089 | 0x200cc | 0x215d7 | 0x2298f | 0x241fe | 0x30000..)
    {
        return None;
    }
    if (table == e::SHIFT_JIS || table == e::EUC_JP) && is_strict {
        // Seven characters that Microsoft has read another way.
        return match one {
            '\u{2225}' | '\u{ff0d}' | '\u{ff5e}' | '\u{ffe0}' | '\u{ffe1}' | '\u{ffe2}' => None,
            '\u{2016}' => Some('\u{2225}'),
            '\u{301c}' => Some('\u{ff5e}'),
            '\u{a2}' => Some('\u{ffe0}'),
            '\u{a3}' => Some('\u{ffe1}'),
            '\u{ac}' => Some('\u{ffe2}'),
            other => Some(other),
        };
    }
    Some(one)
}

/// Whether these bytes are in the standard, and not in an extension that only some have.
fn is_certain(table: &'static Encoding, is_strict: bool, bytes: &[u8]) -> bool {
    use encoding_rs as e;

    let (Some(lead), trail) = (bytes.first(), bytes.get(1).copied().unwrap_or(0)) else {
        return true;
    };
    if table == e::SHIFT_JIS && is_strict {
        return !matches!(lead, 0x80 | 0x87 | 0xed | 0xee | 0xfa..=0xfc);
    }
    if table == e::EUC_JP {
        return !matches!(lead, 0xad | 0xf9..=0xfc);
    }
    if table == e::EUC_KR && is_strict {
        return bytes.len() == 2 && *lead >= 0xa1 && trail >= 0xa1;
    }
    if table == e::GBK {
        let is_missing = matches!(
            (lead, trail),
            (0x80, _) | (0xa8, 0xbb..=0xc0) | (0xa9, 0x89..=0x95)
        ) || *lead == 0xfe && (0x50..0xa1).contains(&trail);
        return !is_missing && bytes.len() == 2;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_encoded_as_the_system_does_it() {
        for (name, text, wanted) in [
            ("UTF-16", "a\u{e4}", &b"\xff\xfea\0\xe4\0"[..]),
            ("UTF-16LE-BOM", "a", b"\xff\xfea\0"),
            ("UTF-16BE", "a", b"\0a"),
            ("UTF-16LE", "\u{1f600}", b"\x3d\xd8\0\xde"),
            ("UTF-32", "a", b"\xff\xfe\0\0a\0\0\0"),
            ("ISO-8859-1", "\u{80}\u{e4}", b"\x80\xe4"),
            ("windows-1252", "\u{20ac}", b"\x80"),
            ("SHIFT-JIS", "\u{65e5}\u{301c}", b"\x93\xfa\x81\x60"),
            ("EUC-JP", "\u{65e5}", b"\xc6\xfc"),
            ("KOI8-R", "\u{424}", b"\xe6"),
        ] {
            assert_eq!(
                encode(name.as_bytes(), text.as_bytes()).unwrap(),
                wanted,
                "{name}"
            );
        }
        for (name, text) in [
            ("windows-1252", "\u{81}"),
            ("latin1", "\u{20ac}"),
            ("SHIFT-JIS", "\u{2460}"),
            ("UTF-9", "a"),
            ("ASCII//TRANSLIT", "a"),
        ] {
            encode(name.as_bytes(), text.as_bytes()).unwrap_err();
        }
        encode(b"UTF-16", b"\xff").unwrap_err();
    }
}
