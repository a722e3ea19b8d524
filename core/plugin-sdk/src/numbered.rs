use forgekeep_plugin_documents::{ErrorKind, Finding, HosterError, HttpResponse, Severity};

use crate::pager::{NumberPager, next_link};

/// For the page after a link that does not lead on.
const NOWHERE: &str = "!";

/// Where a listing stands whose pages are numbered from 1, of a hoster of whose pages little is certain:
/// they may be shorter than was asked for, or empty in the middle, since the hoster leaves out of a page what
/// is hidden; links may carry an address that it is not reached at; it may know no pages at all, and give
/// everything each time. [`Numbered::turn`] finds the end all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    pager: NumberPager,
    seen: u64,
    first: String,
}

/// What a page says of the one after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turned {
    /// The cursor of the page after it; absent after the last.
    pub next: Option<String>,
    /// Whether this page is the one before once more, and is to be passed over.
    pub repeated: bool,
    /// How many entries the hoster counts on all pages (`X-Total-Count`). It may count what it hides.
    pub counted: Option<u64>,
    /// How many entries there were up to this page, with it.
    pub seen: u64,
}

impl Numbered {
    /// The page that a cursor stands for; `None` for the first.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadAnswer`] if the link behind the cursor did not lead on, or the cursor is none.
    pub fn at(cursor: Option<&str>) -> Result<Self, HosterError> {
        let mut words = cursor.unwrap_or("1").splitn(3, ' ');
        let number = words.next();
        if number == Some(NOWHERE) {
            return Err(HosterError::new(
                ErrorKind::BadAnswer,
                "the listing cannot be followed to its end: its next page does not lead on",
            )
            .with_hint("run again later; if it persists, report it to whoever runs the hoster; nothing was treated as deleted"));
        }
        let seen = words.next().and_then(|seen| seen.parse().ok());
        Ok(Self {
            pager: NumberPager::at(1, number)?,
            seen: seen.unwrap_or_default(),
            first: words.next().unwrap_or_default().to_owned(),
        })
    }

    /// The number of this page.
    pub fn number(&self) -> u64 {
        self.pager.number()
    }

    /// What comes after a page that was asked for with a `length`, and has these entries, by their
    /// identities. `Link: rel="next"` says so, where there is that field: by the number `page` in its query
    /// alone. Without it only an empty page is the end, and not even that as long as the hoster counts more
    /// than that many full pages. A link that does not lead on becomes a cursor all the same, so that the
    /// page which names it is not lost; asking for that cursor is the error.
    pub fn turn(&self, response: &HttpResponse, length: u64, ids: &[String]) -> Turned {
        let linked = response.header("link").is_some();
        let first = ids.first().map_or("", String::as_str);
        let counted = response.header("x-total-count");
        let mut turned = Turned {
            next: None,
            repeated: !linked && !first.is_empty() && first == self.first,
            counted: counted.and_then(|counted| counted.trim().parse().ok()),
            seen: self.seen + ids.len() as u64,
        };
        if turned.repeated {
            turned.seen = self.seen;
            return turned;
        }
        let full = self.number().saturating_mul(length);
        let number = match next_link(response) {
            Some(link) => Some(self.named_by(&link)),
            None if linked => None,
            None => self
                .pager
                .next(!ids.is_empty() || turned.counted > Some(full)),
        };
        let first = match first {
            "" => self.first.as_str(),
            first => first,
        };
        turned.next = number.map(|number| format!("{number} {} {first}", turned.seen));
        turned
    }

    fn named_by(&self, link: &str) -> String {
        let query = link.split_once('?').map_or("", |(_, query)| query);
        let query = query.split('#').next().unwrap_or_default();
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let number = pairs.find(|(name, _)| *name == "page");
        let number: Option<u64> = number.and_then(|(_, number)| number.parse().ok());
        let on = number.filter(|number| *number > self.number());
        on.map_or_else(|| NOWHERE.to_owned(), |number| number.to_string())
    }
}

impl Turned {
    /// That the hoster counts more entries than it has shown, once the listing `of` something has ended.
    pub fn shortfall(&self, of: &str) -> Option<Finding> {
        let counted = self.counted.filter(|counted| *counted > self.seen);
        let (None, Some(counted)) = (&self.next, counted) else {
            return None;
        };
        let seen = self.seen;
        let message = format!("of {counted} repositories in {of}, the server shows {seen}");
        Some(Finding::new(Severity::Info, "", message))
    }
}

#[cfg(test)]
mod tests {
    use forgekeep_plugin_documents::Header;

    use super::*;

    fn answer(headers: &[(&str, &str)]) -> HttpResponse {
        let header = |(name, value): &(&str, &str)| Header {
            name: (*name).into(),
            value: (*value).into(),
        };
        HttpResponse {
            headers: headers.iter().map(header).collect(),
            ..HttpResponse::default()
        }
    }

    fn ids(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn a_link_leads_on_by_its_number_whatever_its_address_is() {
        let place = Numbered::at(Some("3 100 51")).unwrap();
        for link in [
            "http://internal:3000/r?limit=50&page=4",
            "?page=4",
            "https://api.example.com/r?page=4#page=1",
        ] {
            let link = format!("<{link}>; rel=\"next\"");
            let turned = place.turn(&answer(&[("link", &link)]), 50, &[]);
            assert_eq!(turned.next.unwrap(), "4 100 51", "{link}");
        }
        for link in [
            "", "::", "/r", "?page=3", "?page=-4", "?pages=4", "#?page=x",
        ] {
            let link = format!("<{link}>; rel=\"next\"");
            let turned = place.turn(&answer(&[("link", &link)]), 50, &ids(&["7"]));
            let error = Numbered::at(turned.next.as_deref()).unwrap_err();
            assert_eq!(error.kind, ErrorKind::BadAnswer, "{link}");
        }
        let last = answer(&[("link", "<?page=1>; rel=\"first\"")]);
        assert_eq!(place.turn(&last, 50, &ids(&["7"])).next, None);
    }

    #[test]
    fn without_links_an_empty_page_is_the_end_unless_more_is_counted() {
        let place = Numbered::at(None).unwrap();
        let turned = place.turn(&answer(&[]), 50, &ids(&["7", "8"]));
        assert_eq!(turned.next.as_deref(), Some("2 2 7"));
        let place = Numbered::at(turned.next.as_deref()).unwrap();
        assert_eq!(place.turn(&answer(&[]), 50, &[]).next, None);
        let few = answer(&[("x-total-count", "100")]);
        assert_eq!(place.turn(&few, 50, &[]).next, None);
        let more = answer(&[("x-total-count", "101")]);
        assert_eq!(place.turn(&more, 50, &[]).next.unwrap(), "3 2 7");
    }

    #[test]
    fn a_page_that_comes_again_is_the_end() {
        let place = Numbered::at(Some("2 2 7")).unwrap();
        let turned = place.turn(&answer(&[]), 50, &ids(&["7", "8"]));
        assert!(turned.repeated);
        assert_eq!((turned.next, turned.seen), (None, 2));
    }

    #[test]
    fn a_shortfall_is_told_at_the_end_alone() {
        let turned = |next: Option<&str>, seen| Turned {
            next: next.map(str::to_owned),
            counted: Some(3),
            seen,
            ..Turned::default()
        };
        assert_eq!(turned(Some("2"), 2).shortfall("acme"), None);
        assert_eq!(turned(None, 3).shortfall("acme"), None);
        let finding = turned(None, 2).shortfall("acme").unwrap();
        assert_eq!(
            finding.message,
            "of 3 repositories in acme, the server shows 2"
        );
    }

    #[test]
    fn what_is_no_cursor_is_an_error() {
        for cursor in ["", "nonsense", "-1", "0", "+https://evil.example/"] {
            assert!(Numbered::at(Some(cursor)).is_err(), "{cursor}");
        }
    }
}
