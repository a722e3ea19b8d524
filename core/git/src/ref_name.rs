//! Names of refs: bytes, as git has them.

use forgekeep_untrusted::{Shown, Untrusted};

/// Name of a ref. Bytes, as in git: a name need not be UTF-8.
pub type RefName = Vec<u8>;

/// Whether a ref may have this name, below `refs/`. The rules of git-check-ref-format(1).
pub fn is_valid_name(name: &[u8]) -> bool {
    let forbidden = |byte: &u8| *byte < 0x20 || *byte == 0x7f || b" ~^:?*[\\".contains(byte);
    name.starts_with(b"refs/")
        && !name.iter().any(forbidden)
        && !name.windows(2).any(|pair| pair == b".." || pair == b"@{")
        && !name.ends_with(b".")
        && name
            .split(|byte| *byte == b'/')
            .all(|part| !part.is_empty() && !part.starts_with(b".") && !part.ends_with(b".lock"))
}

/// The name of a ref as text that can be turned back: bytes that are not UTF-8, and `%`, as `%XX`.
pub fn ref_text(name: &[u8]) -> Untrusted {
    let mut text = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        text.push_str(&chunk.valid().replace('%', "%25"));
        for byte in chunk.invalid() {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text.into()
}

/// The name of a ref as it may be shown.
pub fn shown(name: &[u8]) -> Shown<'static> {
    ref_text(name).into_shown()
}
