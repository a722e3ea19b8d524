use forgekeep_plugin_documents::{ErrorKind, HosterError};
use url::Url;

/// An address below a base, with each segment of the path and each part of the query encoded: a name
/// with `/`, `?` or a blank in it stays one name.
///
/// ```
/// # use forgekeep_plugin_sdk::address;
/// let url = address("https://api.example/v1/", &["groups", "a/b", "repos"], &[("page", "2")])?;
/// assert_eq!(url, "https://api.example/v1/groups/a%2Fb/repos?page=2");
/// # Ok::<(), forgekeep_plugin_sdk::HosterError>(())
/// ```
///
/// # Errors
///
/// [`ErrorKind::Other`], if `base` is no address with a host, or a segment is empty, `.` or `..`, which
/// would be another address.
pub fn address(base: &str, path: &[&str], query: &[(&str, &str)]) -> Result<String, HosterError> {
    let mut url = base_of(base)?.as_str().trim_end_matches('/').to_owned();
    for segment in path {
        if matches!(*segment, "" | "." | "..") {
            return Err(HosterError::new(
                ErrorKind::Other,
                format!("`{segment}` cannot stand in an address"),
            )
            .with_hint("check name of the source"));
        }
        url.push('/');
        encode(segment, &mut url);
    }
    for (at, (name, value)) in query.iter().enumerate() {
        url.push(if at == 0 { '?' } else { '&' });
        encode(name, &mut url);
        url.push('=');
        encode(value, &mut url);
    }
    Ok(url)
}

/// Reads a base, without query and fragment.
fn base_of(base: &str) -> Result<Url, HosterError> {
    let fail = |why: &str| {
        HosterError::new(ErrorKind::Other, format!("apiUrl cannot be used: {why}"))
            .with_hint("check apiUrl of the source")
    };
    let mut url = Url::parse(base.trim()).map_err(|error| fail(&error.to_string()))?;
    if !url.has_host() {
        return Err(fail("it names no host"));
    }
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

/// RFC 3986: unreserved characters stay, all others are written as bytes.
fn encode(text: &str, to: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                to.push(char::from(byte));
            }
            _ => {
                to.push('%');
                to.push(char::from(DIGITS[usize::from(byte >> 4)]));
                to.push(char::from(DIGITS[usize::from(byte & 15)]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn names_stay_names() {
        let made = address(
            "https://api.example/v1//?x=1#y",
            &["a/b", "ä", "{x}", "..a", "a b"],
            &[("q", "a&b=c"), ("ü", "")],
        );
        assert_eq!(
            made.unwrap(),
            "https://api.example/v1/a%2Fb/%C3%A4/%7Bx%7D/..a/a%20b?q=a%26b%3Dc&%C3%BC="
        );
        assert_eq!(
            address("https://api.example", &[], &[]).unwrap(),
            "https://api.example"
        );
    }

    #[test]
    fn what_would_be_another_address_is_refused() {
        for segment in ["", ".", ".."] {
            assert!(address("https://api.example", &["a", segment], &[]).is_err());
        }
        for base in ["", "api.example", "/v1", "mailto:a@b"] {
            assert!(address(base, &["a"], &[]).is_err(), "{base}");
        }
    }
}
