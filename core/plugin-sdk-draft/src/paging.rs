use std::collections::HashSet;

use forgekeep_abi_draft::{HosterError, error_kind};
use url::Url;

/// Pages a listing may have at most. With the smallest page of any hoster (10), this is a million
/// repositories; a listing that goes on longer does not end.
const MAX_PAGES: usize = 100_000;

/// Follows the `next` links of a listing: within the origin of the first page, and never to the
/// same page twice.
#[derive(Debug)]
pub struct LinkPager {
    origin: url::Origin,
    next: Option<Url>,
    seen: HashSet<String>,
}

impl LinkPager {
    /// Starts at the first page.
    ///
    /// # Errors
    ///
    /// [`error_kind::OTHER`] if `first` is not an absolute URL.
    pub fn new(first: &str) -> Result<Self, HosterError> {
        let first = Url::parse(first).map_err(|error| {
            HosterError::new(error_kind::OTHER, format!("{first} is not a URL: {error}"))
                .with_hint("check apiUrl of the source")
        })?;
        Ok(Self {
            origin: first.origin(),
            seen: HashSet::from([first.as_str().to_owned()]),
            next: Some(first),
        })
    }

    /// The URL of the page to get now; `None` after the last. [`LinkPager::follow`] sets the one
    /// after it.
    pub fn take(&mut self) -> Option<Url> {
        self.next.take()
    }

    /// Sets what the page just read calls its next one.
    ///
    /// # Errors
    ///
    /// [`error_kind::BAD_ANSWER`] if the link is not a URL, leads to another origin (where the
    /// credentials must not go), or to a page already read.
    pub fn follow(&mut self, next: Option<&str>) -> Result<(), HosterError> {
        let Some(link) = next else {
            return Ok(());
        };
        let url = Url::parse(link)
            .map_err(|error| bad_link(format!("its next page is not a URL: {error}")))?;
        if url.origin() != self.origin {
            return Err(bad_link(format!(
                "its next page is at {}, not at {}",
                url.origin().ascii_serialization(),
                self.origin.ascii_serialization()
            )));
        }
        if self.seen.len() >= MAX_PAGES {
            return Err(bad_link(format!("it does not end after {MAX_PAGES} pages")));
        }
        if !self.seen.insert(url.as_str().to_owned()) {
            return Err(bad_link("its next page was read before".to_owned()));
        }
        self.next = Some(url);
        Ok(())
    }
}

fn bad_link(why: String) -> HosterError {
    HosterError::new(
        error_kind::BAD_ANSWER,
        format!("the listing cannot be followed to its end: {why}"),
    )
    .with_hint(
        "run again later; if it persists, report it to the hoster, or check apiUrl; nothing was \
        treated as deleted",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_next_within_the_origin_to_the_end() {
        let mut pager = LinkPager::new("https://api.example.com/2.0/r?page=1").unwrap();
        assert!(pager.take().unwrap().as_str().ends_with("page=1"));
        pager
            .follow(Some("https://api.example.com/2.0/r?page=opaque"))
            .unwrap();
        assert!(pager.take().unwrap().as_str().ends_with("page=opaque"));
        pager.follow(None).unwrap();
        assert!(pager.take().is_none());
    }

    #[test]
    fn another_origin_is_an_error() {
        let mut pager = LinkPager::new("https://api.example.com/r").unwrap();
        for link in [
            "https://evil.example.com/r",
            "http://api.example.com/r?2",
            "https://api.example.com:8443/r?2",
            "/r?2",
            "file:///etc/passwd",
        ] {
            let error = pager.follow(Some(link)).unwrap_err();
            assert_eq!(error.kind, error_kind::BAD_ANSWER, "{link}");
            assert!(pager.take().is_some() || pager.next.is_none());
        }
    }

    #[test]
    fn a_cycle_ends() {
        let mut pager = LinkPager::new("https://api.example.com/r?1").unwrap();
        pager.take();
        pager.follow(Some("https://api.example.com/r?2")).unwrap();
        pager.take();
        let error = pager
            .follow(Some("https://api.example.com/r?1"))
            .unwrap_err();
        assert!(error.message.contains("read before"), "{error}");
    }
}
