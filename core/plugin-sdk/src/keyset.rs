use forgekeep_plugin_documents::{ErrorKind, HosterError, HttpResponse};
use serde_json::Value;
use url::form_urlencoded;

use crate::address::address;
use crate::answer::from_origin;
use crate::api::Api;
use crate::pager::next_link;

/// For the page after a link that does not lead on.
const NOWHERE: &str = "!";

/// A page of a listing, and the cursor of the next one.
pub type Paged = (Vec<Value>, Option<String>);

/// How a hoster is asked to go on after an id, and not after a number of entries.
#[derive(Clone, Copy, Debug)]
pub struct Keyset<'k> {
    /// What of the query asks for it.
    pub asks: (&'k str, &'k str),
    /// The parameters that say where to go on. The first one takes an id, such as `id_after`.
    pub turns: &'k [&'k str],
}

impl Api<'_> {
    /// A page of a listing in the order of ids. By keyset it goes on after an id, so that a deletion in the midst
    /// of it hides nothing. Of `Link: rel="next"` its `turns` alone count: servers make its address of what they are
    /// configured with. Without links only an empty page is the end. A link that does not lead on becomes a
    /// cursor all the same, so that the page which names it is not lost; asking for that cursor is the error.
    ///
    /// Without a keyset, and where the endpoint knows none (405), pages are numbered, as those of
    /// [`Api::page_of`].
    ///
    /// # Errors
    ///
    /// As [`Api::read`]; [`ErrorKind::BadAnswer`] for a cursor that is none, or does not lead on.
    pub fn paged(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        length: (&str, u64),
        keyset: Option<&Keyset<'_>>,
        cursor: Option<&str>,
    ) -> Result<Paged, HosterError> {
        let numbered = || {
            let (entries, turned) = self.page_of(path, query, length, cursor)?;
            Ok((entries, turned.next))
        };
        let Some(keyset) = keyset else {
            return numbered();
        };
        let turn = match cursor {
            Some(NOWHERE) => return Err(leads_nowhere()),
            Some(cursor) => match cursor.split_once('=') {
                None => return numbered(),
                Some(turn) if keyset.turns.contains(&turn.0) => Some(turn),
                Some(_) => return Err(leads_nowhere()),
            },
            None => None,
        };
        let entries = length.1.to_string();
        let own = [keyset.asks, (length.0, &*entries)];
        let response = self.get(path, &[query, &own, turn.as_slice()].concat())?;
        if response.status == 405 && cursor.is_none() {
            return numbered();
        }
        let entries: Vec<Value> = Self::document(&response)?;
        let after = |last: &Value| {
            let id = last["id"]
                .as_str()
                .map_or_else(|| last["id"].to_string(), str::to_owned);
            keyset.turns.first().map(|turn| format!("{turn}={id}"))
        };
        let next = match next_link(&response) {
            Some(link) => Some(turn_of(&link, keyset.turns)),
            None if response.header("link").is_some() => None,
            None => entries.last().map(after),
        };
        let leads_on = |next: &String| Some(next.as_str()) != cursor;
        let next = next.map(|next| next.filter(leads_on).unwrap_or_else(|| NOWHERE.to_owned()));
        Ok((entries, next))
    }

    /// Asks endpoints side by side, each by its path. Any status is an answer; they come in the order of the
    /// paths.
    ///
    /// # Errors
    ///
    /// As [`Api::get`], of the first that was not answered.
    pub fn batch(&self, paths: &[Vec<&str>]) -> Result<Vec<HttpResponse>, HosterError> {
        let request = |path: &Vec<&str>| {
            let url = address(&self.base, path, &[]);
            url.map(|url| self.request("GET", &url))
        };
        let requests: Result<Vec<_>, _> = paths.iter().map(request).collect();
        let answers = self.host.batch(requests?)?.into_iter();
        let check = |answer: Result<HttpResponse, HosterError>| {
            let answer = answer?;
            from_origin(&answer, &self.base).map(|()| answer)
        };
        answers.map(check).collect()
    }
}

/// Where a link says to go on.
fn turn_of(link: &str, turns: &[&str]) -> Option<String> {
    let (_, query) = link.split_once('?')?;
    let query = query.split('#').next().unwrap_or_default();
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let turn = pairs.find(|(name, value)| turns.contains(&&**name) && !value.is_empty());
    turn.map(|(name, value)| format!("{name}={value}"))
}

fn leads_nowhere() -> HosterError {
    let what = "the listing cannot be followed to its end: its next page does not lead on";
    HosterError::new(ErrorKind::BadAnswer, what).with_hint(
        "run again later; if it persists, report it to whoever runs the hoster; nothing was treated as deleted",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_link_what_turns_the_page_counts_alone() {
        let turns = ["id_after", "cursor"];
        for (link, expected) in [
            (
                "http://internal:80/p?per_page=100&id_after=42",
                Some("id_after=42"),
            ),
            ("?cursor=eyJ%3D&x=1#id_after=7", Some("cursor=eyJ=")),
            ("https://api.example/p?page=2", None),
            ("?id_after=", None),
            ("::", None),
        ] {
            assert_eq!(turn_of(link, &turns).as_deref(), expected, "{link}");
        }
    }
}
