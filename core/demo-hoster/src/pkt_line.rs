//! Git's framing: four hexadecimal digits of length, then the data; `0000` is a flush.

use crate::Error;

/// Ends a section.
pub const FLUSH: &[u8] = b"0000";
/// The most data that one packet holds.
pub const LONGEST: usize = 65516;

/// Appends a packet; the data must not be longer than [`LONGEST`].
pub fn push(out: &mut Vec<u8>, data: impl AsRef<[u8]>) {
    let data = data.as_ref();
    out.extend(format!("{:04x}", data.len() + 4).as_bytes());
    out.extend(data);
}

/// Takes the next packet from the front: its data, or `None` for a flush.
pub fn take<'a>(input: &mut &'a [u8]) -> Result<Option<&'a [u8]>, Error> {
    let malformed = || Error::Protocol("broken packet".to_owned());
    let (digits, rest) = input.split_at_checked(4).ok_or_else(malformed)?;
    let digits = std::str::from_utf8(digits).map_err(|_| malformed())?;
    let length = usize::from_str_radix(digits, 16).map_err(|_| malformed())?;
    if length == 0 {
        *input = rest;
        return Ok(None);
    }
    let data = length.checked_sub(4).ok_or_else(malformed)?;
    let (data, rest) = rest.split_at_checked(data).ok_or_else(malformed)?;
    *input = rest;
    Ok(Some(data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_was_pushed() {
        let mut bytes = Vec::new();
        push(&mut bytes, "hello\n");
        bytes.extend(FLUSH);
        assert_eq!(bytes, b"000ahello\n0000");
        let mut input = &bytes[..];
        assert_eq!(take(&mut input).unwrap(), Some(&b"hello\n"[..]));
        assert_eq!(take(&mut input).unwrap(), None);
        assert!(take(&mut input).is_err());
        assert!(take(&mut &b"0003"[..]).is_err());
        assert!(take(&mut &b"zzzz"[..]).is_err());
        assert!(take(&mut &b"0010abc"[..]).is_err());
    }
}
