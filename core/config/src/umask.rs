//! `options.backup.umask`.

/// The umask where the configuration has none: nobody else.
pub const DEFAULT_UMASK: u32 = 0o077;

/// Reads a umask as `umask(1)` does: octal digits, however many zeros or what sign of octal stands
/// before them. `None` for anything else, and for one that would keep out the user itself.
pub fn parse_umask(text: &str) -> Option<u32> {
    let text = text.trim();
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let octal = !digits.is_empty() && digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    let umask = octal
        .then(|| u32::from_str_radix(digits, 8).ok())
        .flatten()?;
    (umask <= 0o077).then_some(umask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_umask_is_octal_however_it_is_written() {
        for (text, umask) in [
            ("077", 0o077),
            ("77", 0o077),
            ("0077", 0o077),
            ("0o77", 0o077),
            ("0o027", 0o027),
            (" 22 ", 0o022),
            ("0", 0),
            ("000", 0),
        ] {
            assert_eq!(parse_umask(text), Some(umask), "{text}");
        }
        for text in [
            "", "8", "078", "0x3f", "-1", "100", "0777", "u=rwx", "0o", "7e1", "1_0",
        ] {
            assert_eq!(parse_umask(text), None, "{text}");
        }
    }
}
