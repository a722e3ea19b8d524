use std::collections::HashMap;

use forgekeep_plugin_documents::{ErrorKind, HosterError, HttpResponse, limit};
use parking_lot::Mutex;
use url::Url;

/// Pages a listing may have at most. With the smallest page of any hoster (10), this is a million
/// repositories; a listing that goes on longer does not end.
const MAX_PAGES: usize = 100_000;

/// Before a link that may be followed.
const GOOD: &str = "+";
/// Before a link that leads to a page already read.
const READ_BEFORE: &str = "!";
/// For a link that is too long for a cursor.
const TOO_LONG: &str = "-";

/// Turns the `next` links of a listing into cursors and back: within the origin of the first page.
///
/// In a [`Session`](crate::Session) it remembers the pages, and a loop ends as an error. Made for
/// each call it works as well: then the host sees that a cursor comes again.
///
/// A link that cannot be followed becomes a cursor all the same, so that the page which names it is
/// not lost; asking for that cursor is the error.
#[derive(Debug)]
pub struct LinkPager {
    first: Url,
    /// Which page a link is, counted from the first.
    pages: Mutex<HashMap<String, usize>>,
}

impl LinkPager {
    /// A listing that begins at an address.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Other`] if `first` is not an absolute address.
    pub fn new(first: &str) -> Result<Self, HosterError> {
        let first = Url::parse(first).map_err(|error| {
            HosterError::new(ErrorKind::Other, format!("{first} is not a URL: {error}"))
                .with_hint("check apiUrl of the source")
        })?;
        Ok(Self {
            pages: Mutex::new(HashMap::from([(first.as_str().to_owned(), 0)])),
            first,
        })
    }

    /// The address of the page that a cursor stands for.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadAnswer`] if the link behind it is no address, leads to another origin (where the
    /// credentials must not go), or to a page already read.
    pub fn url(&self, cursor: Option<&str>) -> Result<String, HosterError> {
        let Some(cursor) = cursor else {
            return Ok(self.first.as_str().to_owned());
        };
        let Some(link) = cursor.strip_prefix(GOOD) else {
            return Err(bad_link(if cursor.starts_with(READ_BEFORE) {
                "its next page was read before".to_owned()
            } else if cursor == TOO_LONG {
                "the address of its next page is too long".to_owned()
            } else {
                "its next page is not one of this listing".to_owned()
            }));
        };
        let url = Url::parse(link)
            .map_err(|error| bad_link(format!("its next page is not a URL: {error}")))?;
        if url.origin() != self.first.origin() {
            return Err(bad_link(format!(
                "its next page is at {}, not at {}",
                url.origin().ascii_serialization(),
                self.first.origin().ascii_serialization()
            )));
        }
        if self.pages.lock().len() > MAX_PAGES {
            return Err(bad_link(format!("it does not end after {MAX_PAGES} pages")));
        }
        Ok(url.into())
    }

    /// The cursor for what the page of a cursor calls its next one.
    pub fn next(&self, cursor: Option<&str>, link: Option<&str>) -> Option<String> {
        let link = link?;
        if link.len() + GOOD.len() > limit::CURSOR {
            return Some(TOO_LONG.to_owned());
        }
        let normal = |link: &str| Url::parse(link).map_or_else(|_| link.to_owned(), Into::into);
        let (page, next) = (self.url(cursor).unwrap_or_default(), normal(link));
        let mut pages = self.pages.lock();
        // After a restart, counting begins at the page that is asked for.
        let number = *pages.entry(page).or_insert(0);
        match *pages.entry(next).or_insert(number + 1) {
            before if before <= number => Some(format!("{READ_BEFORE}{number}")),
            _ => Some(format!("{GOOD}{link}")),
        }
    }
}

fn bad_link(why: String) -> HosterError {
    HosterError::new(
        ErrorKind::BadAnswer,
        format!("the listing cannot be followed to its end: {why}"),
    )
    .with_hint(
        "run again later; if it persists, report it to the hoster, or check apiUrl; nothing was \
        treated as deleted",
    )
}

/// Counts pages: the cursor is the number of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberPager {
    number: u64,
}

impl NumberPager {
    /// The page that a cursor stands for, in a listing that begins with `first`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Other`] if it is none of this listing.
    pub fn at(first: u64, cursor: Option<&str>) -> Result<Self, HosterError> {
        let Some(cursor) = cursor else {
            return Ok(Self { number: first });
        };
        let number = cursor.parse().ok().filter(|number| *number >= first);
        let number = number.ok_or_else(|| bad_link("its cursor is no number".to_owned()))?;
        if number - first > MAX_PAGES as u64 {
            return Err(bad_link(format!("it does not end after {MAX_PAGES} pages")));
        }
        Ok(Self { number })
    }

    /// The number of this page.
    pub fn number(self) -> u64 {
        self.number
    }

    /// The cursor of the next page, if there is `more`.
    pub fn next(self, more: bool) -> Option<String> {
        more.then(|| (self.number + 1).to_string())
    }
}

/// Takes what the hoster gives: the cursor is its own (an `endCursor`, a continuation token).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenPager<'cursor> {
    token: Option<&'cursor str>,
}

impl<'cursor> TokenPager<'cursor> {
    /// The page that a cursor stands for.
    pub fn at(cursor: Option<&'cursor str>) -> Self {
        Self { token: cursor }
    }

    /// What to send to the hoster; `None` for the first page.
    pub fn token(self) -> Option<&'cursor str> {
        self.token
    }

    /// The cursor of the next page, from what the hoster has said.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadAnswer`] if it is the same again, or too long.
    pub fn next(self, token: Option<&str>) -> Result<Option<String>, HosterError> {
        match token.filter(|token| !token.is_empty()) {
            None => Ok(None),
            Some(token) if self.token == Some(token) => {
                Err(bad_link("its next page was read before".to_owned()))
            }
            Some(token) if token.len() > limit::CURSOR => Err(bad_link(
                "the cursor of its next page is too long".to_owned(),
            )),
            Some(token) => Ok(Some(token.to_owned())),
        }
    }
}

/// The address that `Link: <…>; rel="next"` gives (RFC 8288). Other relations are passed over.
pub fn next_link(response: &HttpResponse) -> Option<String> {
    let lines = response.headers.iter();
    let lines = lines.filter(|header| header.name.eq_ignore_ascii_case("link"));
    lines.into_iter().find_map(|header| next_in(&header.value))
}

fn next_in(line: &str) -> Option<String> {
    let mut rest = line;
    while let Some((_, after)) = rest.split_once('<') {
        let (target, after) = after.split_once('>')?;
        // Up to the next `<` that is not in quotes.
        let mut quoted = false;
        let end = after.find(|c| {
            quoted ^= c == '"';
            c == '<' && !quoted
        });
        let (parameters, next) = after.split_at(end.unwrap_or(after.len()));
        if is_next(parameters) {
            return Some(target.trim().to_owned());
        }
        rest = next;
    }
    None
}

fn is_next(parameters: &str) -> bool {
    let mut quoted = false;
    let mut parameters = parameters.split(|c| {
        quoted ^= c == '"';
        !quoted && matches!(c, ';' | ',')
    });
    parameters.any(|parameter| {
        parameter.split_once('=').is_some_and(|(name, value)| {
            name.trim().eq_ignore_ascii_case("rel")
                && value
                    .trim()
                    .trim_matches('"')
                    .split_whitespace()
                    .any(|word| word.eq_ignore_ascii_case("next"))
        })
    })
}

#[cfg(test)]
mod tests {
    use forgekeep_plugin_documents::Header;

    use super::*;

    const FIRST: &str = "https://api.example.com/r?page=1";

    #[test]
    fn follows_next_within_the_origin_to_the_end() {
        let pager = LinkPager::new(FIRST).unwrap();
        assert_eq!(pager.url(None).unwrap(), FIRST);
        let link = "https://api.example.com/r?page=opaque";
        let cursor = pager.next(None, Some(link)).unwrap();
        assert_eq!(pager.url(Some(&cursor)).unwrap(), link);
        // Asked again, it says the same.
        assert_eq!(pager.next(None, Some(link)), Some(cursor.clone()));
        assert_eq!(pager.next(Some(&cursor), None), None);
        // Another process knows it too.
        let other = LinkPager::new(FIRST).unwrap();
        assert_eq!(other.url(Some(&cursor)).unwrap(), link);
    }

    #[test]
    fn another_origin_is_an_error() {
        let pager = LinkPager::new("https://api.example.com/r").unwrap();
        for link in [
            "https://evil.example.com/r",
            "http://api.example.com/r?2",
            "https://api.example.com:8443/r?2",
            "/r?2",
            "",
            "file:///etc/passwd",
        ] {
            let cursor = pager.next(None, Some(link)).unwrap();
            let error = pager.url(Some(&cursor)).unwrap_err();
            assert_eq!(error.kind, ErrorKind::BadAnswer, "{link}");
        }
        for cursor in ["", "https://api.example.com/r", "-", "!1"] {
            assert!(pager.url(Some(cursor)).is_err(), "{cursor}");
        }
        let long = "x".repeat(limit::CURSOR);
        let cursor = pager.next(None, Some(&long)).unwrap();
        assert!(cursor.len() <= limit::CURSOR);
        assert!(pager.url(Some(&cursor)).is_err());
    }

    #[test]
    fn a_cycle_ends() {
        let pager = LinkPager::new("https://api.example.com/r?1").unwrap();
        let second = "https://api.example.com/r?2";
        let cursor = pager.next(None, Some(second)).unwrap();
        for before in ["https://api.example.com/r?1", second] {
            let next = pager.next(Some(&cursor), Some(before)).unwrap();
            let error = pager.url(Some(&next)).unwrap_err();
            assert!(error.message.contains("read before"), "{error}");
        }
    }

    #[test]
    fn numbers_count() {
        let page = NumberPager::at(1, None).unwrap();
        assert_eq!(page.number(), 1);
        let next = page.next(true).unwrap();
        assert_eq!(NumberPager::at(1, Some(&next)).unwrap().number(), 2);
        assert_eq!(page.next(false), None);
        for cursor in ["", "x", "0", "-1", "99999999999999999999", "9999999"] {
            assert!(NumberPager::at(1, Some(cursor)).is_err(), "{cursor}");
        }
    }

    #[test]
    fn tokens_are_the_hosters() {
        let page = TokenPager::at(None);
        assert_eq!(page.token(), None);
        assert_eq!(page.next(Some("abc")).unwrap().as_deref(), Some("abc"));
        assert_eq!(page.next(Some("")).unwrap(), None);
        assert_eq!(page.next(None).unwrap(), None);
        assert!(TokenPager::at(Some("abc")).next(Some("abc")).is_err());
        assert!(page.next(Some(&"x".repeat(limit::CURSOR + 1))).is_err());
    }

    #[test]
    fn links_by_their_relation() {
        let next = |values: &[&str]| {
            let headers = values.iter().map(|value| Header {
                name: "Link".into(),
                value: (*value).into(),
            });
            next_link(&HttpResponse {
                headers: headers.collect(),
                ..HttpResponse::default()
            })
        };
        let two = "<https://x/?page=2>; rel=\"next\", <https://x/?page=9>; rel=\"last\"";
        assert_eq!(next(&[two]).as_deref(), Some("https://x/?page=2"));
        let behind = "<https://x/?a=1,2;3>; title=\"a, <b>; rel=next\"; rel=\"prev\", <https://x/n>; REL=next";
        assert_eq!(next(&[behind]).as_deref(), Some("https://x/n"));
        let several = "<https://x/n>; rel=\"self next\"";
        assert_eq!(
            next(&["<https://x/d>; rel=\"deprecation\"", several]).as_deref(),
            Some("https://x/n")
        );
        for none in [
            "",
            "<https://x/>; rel=\"prev\"",
            "<https://x/",
            "https://x/; rel=next",
            "<https://x/>; rel=\"nextish\"",
        ] {
            assert_eq!(next(&[none]), None, "{none}");
        }
    }
}
