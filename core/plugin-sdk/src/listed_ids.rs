use std::collections::BTreeSet;
use std::sync::OnceLock;

use forgekeep_plugin_documents::{HosterError, HttpResponse};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::answer::json;
use crate::api::Api;
use crate::host::Host;
use crate::session::kept;

/// Under which the ids are kept.
const IDS: &str = "listed-ids";

/// Under which the id that a name had is kept.
const NAMED: &str = "named-id";

/// Bytes that the ids may take: 64 KiB are there for all that a source keeps.
const ROOM: usize = 56 << 10;

/// Requests that a listing is worth to find what its pages have missed.
const MOST_ASKED: usize = 1_000;

/// The ids of what a source lists, kept from run to run: where pages are numbered, a deletion in the midst of
/// the listing moves an entry from the next page to the one before, where nobody looks any more. So each
/// one that was listed in the run before and is not now is asked for by its id. Belongs in a
/// [`Session`](crate::Session).
///
/// Some 8,000 ids are kept; of a listing with more, none.
#[derive(Debug, Default)]
pub struct ListedIds {
    /// Absent where the listing has begun in another process, so that it is not known what was listed.
    seen: Mutex<Option<BTreeSet<u64>>>,
    before: OnceLock<BTreeSet<u64>>,
}

impl ListedIds {
    /// A listing begins.
    pub fn begin(&self) {
        *self.seen.lock() = Some(BTreeSet::new());
    }

    /// One is listed.
    pub fn add(&self, id: u64) {
        if let Some(seen) = &mut *self.seen.lock() {
            seen.insert(id);
        }
    }

    /// What is listed is not to be relied upon: each time it is asked, some service decides who sees what.
    pub fn doubt(&self) {
        *self.seen.lock() = None;
    }

    /// How many are listed. `None`: that is not known, or in doubt.
    pub fn count(&self) -> Option<usize> {
        self.seen.lock().as_ref().map(BTreeSet::len)
    }

    /// At the end of a listing: those that were listed of an owner in the run before, are not now, and still
    /// answer below a path, as far as they are `wanted`; 1,000 are asked for at most. What is listed now is kept
    /// for the next run, with these.
    ///
    /// # Errors
    ///
    /// As [`Host::state_get`] and [`Host::state_put`]; as [`Api::batch`] and [`Api::document`].
    pub fn absent<T: DeserializeOwned>(
        &self,
        api: &Api<'_>,
        owner: u64,
        path: &str,
        wanted: impl Fn(&T) -> bool,
    ) -> Result<Vec<T>, HosterError> {
        let before = kept(&self.before, || {
            let state = api.host.state_get(IDS)?;
            let state = state.as_ref().map_or("", |state| state.expose());
            Ok(read(state, owner))
        })?;
        let Some(seen) = self.seen.lock().clone() else {
            return Ok(Vec::new());
        };
        let absent = before.difference(&seen).take(MOST_ASKED);
        let absent: Vec<String> = absent.map(u64::to_string).collect();
        let paths: Vec<_> = absent.iter().map(|id| vec![path, id]).collect();
        let mut found = Vec::new();
        let mut all = seen;
        for (answer, id) in api.batch(&paths)?.iter().zip(&absent) {
            if is_not_found(answer) {
                continue;
            }
            let entry = Api::document(answer)?;
            if wanted(&entry) {
                found.push(entry);
                all.extend(id.parse::<u64>());
            }
        }
        let text = written(owner, &all);
        let text = Some(&*text).filter(|text| text.len() <= ROOM);
        api.host.state_put(IDS, text, false)?;
        Ok(found)
    }
}

impl Api<'_> {
    /// The document of an endpoint; `None` where the API says itself that it is not there.
    ///
    /// # Errors
    ///
    /// As [`Api::get`] and [`Api::document`].
    pub fn found<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Option<T>, HosterError> {
        let response = self.get(path, query)?;
        let found = (!is_not_found(&response)).then(|| Api::document(&response));
        found.transpose()
    }
}

/// Whether an API says itself that something is not there (404, with a JSON object), and no page of a proxy.
pub fn is_not_found(response: &HttpResponse) -> bool {
    response.status == 404 && json::<Value>(response).is_ok_and(|said| said.is_object())
}

/// The owner, and by how much each id is more than the one before it.
fn written(owner: u64, ids: &BTreeSet<u64>) -> String {
    let mut before = 0;
    let mut text = owner.to_string();
    for id in ids {
        text.push_str(&format!(" {}", id - before));
        before = *id;
    }
    text
}

/// The ids, if they are of the owner.
fn read(text: &str, owner: u64) -> BTreeSet<u64> {
    let mut numbers = text.split(' ').map_while(|number| number.parse().ok());
    if numbers.next() != Some(owner) {
        return BTreeSet::new();
    }
    let sum = |before: &mut u64, more: u64| {
        *before = before.checked_add(more)?;
        Some(*before)
    };
    numbers.scan(0, sum).collect()
}

/// What the name of a source stands for. Where it is `found`, with its id, that is kept; where it is not, as it
/// was renamed, it is asked for by the id that the name had in an earlier run.
///
/// # Errors
///
/// As [`Host::state_get`] and [`Host::state_put`]; those of `ask`.
pub fn named_or_known<T>(
    host: &Host<'_>,
    name: &str,
    found: Option<(u64, T)>,
    ask: impl FnOnce(&str) -> Result<Option<T>, HosterError>,
) -> Result<Option<T>, HosterError> {
    if let Some((id, found)) = found {
        host.state_put(NAMED, Some(&format!("{id} {name}")), false)?;
        return Ok(Some(found));
    }
    let kept = host.state_get(NAMED)?;
    let kept = kept.as_ref().and_then(|kept| kept.expose().split_once(' '));
    match kept.filter(|(_, known)| *known == name) {
        Some((id, _)) => ask(id),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_for_the_same_owner() {
        for ids in [&[][..], &[0], &[7, 8, 90_000_000], &[u64::MAX]] {
            let ids: BTreeSet<u64> = ids.iter().copied().collect();
            let text = written(5, &ids);
            assert_eq!(read(&text, 5), ids, "{text}");
            assert!(read(&text, 6).is_empty());
        }
        for spoilt in ["", "x", "5 x 1", "5 18446744073709551615 1"] {
            assert!(read(spoilt, 5).len() <= 1, "{spoilt}");
        }
    }

    #[test]
    fn what_was_listed_in_another_process_is_not_known() {
        let ids = ListedIds::default();
        ids.add(1);
        assert_eq!(ids.count(), None);
        ids.begin();
        ids.add(1);
        ids.add(1);
        assert_eq!(ids.count(), Some(1));
    }
}
