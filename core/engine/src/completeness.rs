//! Whether a listing is the whole truth.
//!
//! A credential that lost rights, a filter at the hoster or a listing that breaks off looks like
//! repositories that were deleted. So what a source lists is compared with what it listed last time
//! and with the number that the hoster states. A listing that falls short of either is an error of
//! the source; what it holds is backed up, and the number to compare with stays.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use forgekeep_durable::sealed;
use forgekeep_failure::{ErrorKind, Failure, Finding, Severity};
use forgekeep_store::layout::{LISTINGS, OWN_FOLDER};
use forgekeep_untrusted::{Printable, Untrusted};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::owners::{self, Owners, OwnersListed};

/// From how many repositories on losing half of them is no everyday thing.
const HALF_MATTERS: u64 = 4;

/// Which listing it is. A source that is pointed at another workspace gets a new baseline.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key<'a> {
    /// Title in the configuration.
    pub title: &'a str,
    /// Id of the hoster.
    pub hoster: &'a str,
    /// What is listed there: the source's `name`.
    pub name: &'a str,
}

/// How much a complete listing holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted {
    /// Repositories, each once.
    pub listed: u64,
    /// Repositories in all, where the hoster says so.
    pub total: Option<u64>,
    /// Repositories that the backup has of this listing.
    pub known: u64,
    /// How many of these are listed no more: as many others may be listed for them.
    pub lost: u64,
}

/// What is remembered of a listing.
struct ListedOf {
    all: u64,
    of_owners: BTreeMap<String, u64>,
}

/// What there is to say about a listing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Why it is not taken for the whole truth, the worst first.
    pub errors: Vec<Failure>,
    /// What is good to know.
    pub notes: Vec<Finding>,
    /// Why what is listed of single owners is not taken for the whole truth, by their identities.
    pub of_owners: BTreeMap<String, Failure>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListingsFile {
    format: u32,
    sources: Vec<RecordedListing>,
    /// What a newer version wrote.
    #[serde(flatten)]
    more: Map<String, Value>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RecordedListing {
    title: String,
    hoster: String,
    name: String,
    listed: u64,
    at: Timestamp,
    /// By how many the hoster's own number was accepted to be higher. Some hosters count what they
    /// never list, and that must not need a new acceptance in each run.
    #[serde(default, skip_serializing_if = "is_zero")]
    accepted_shortfall: u64,
    /// Who the repositories belonged to.
    #[serde(default, skip_serializing_if = "Owners::is_empty")]
    owners: Owners,
    /// How many belonged to each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    listed_of: BTreeMap<String, u64>,
    /// What a newer version wrote.
    #[serde(flatten)]
    more: Map<String, Value>,
}

impl RecordedListing {
    fn new(key: Key<'_>, listed: u64, at: Timestamp) -> Self {
        Self {
            title: key.title.to_owned(),
            hoster: key.hoster.to_owned(),
            name: key.name.to_owned(),
            listed,
            at,
            accepted_shortfall: 0,
            owners: Owners::new(),
            listed_of: BTreeMap::new(),
            more: Map::new(),
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // As serde calls it.
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// How much each source listed last time.
#[derive(Debug)]
pub(crate) struct Listings {
    path: PathBuf,
    /// Why it is not known, if so. Then nothing is remembered either: the file may be all there is
    /// to repair it from.
    known: Result<ListingsFile, Failure>,
    accept_shrinkage: bool,
    changed: bool,
    /// What the reports say of each title, where the memory went missing.
    rebuilt: BTreeMap<Printable, (u64, Timestamp)>,
}

impl Listings {
    /// Reads what is remembered in a backup folder. No file is no failure: nothing was listed yet.
    pub fn read(local_folder: &Path, accept_shrinkage: bool) -> Self {
        let path = local_folder.join(OWN_FOLDER).join(LISTINGS.name);
        Self {
            known: read(&path),
            path,
            accept_shrinkage,
            changed: false,
            rebuilt: BTreeMap::new(),
        }
    }

    /// Compares with what the kept reports say, where nothing is remembered: the memory went missing.
    pub fn rebuild(&mut self, listed: BTreeMap<Printable, (u64, Timestamp)>) {
        self.rebuilt = listed;
    }

    /// A source has a new title: what is remembered for the old one is its own, and is written at
    /// once.
    pub fn retitle(&mut self, old: &str, key: Key<'_>) {
        if let (Some(listed), false) = (
            self.rebuilt.get(old).copied(),
            self.rebuilt.contains_key(key.title),
        ) {
            self.rebuilt.insert(key.title.into(), listed);
        }
        let Ok(document) = &mut self.known else {
            return;
        };
        let is_old = |entry: &RecordedListing| is_for(entry, Key { title: old, ..key });
        if document.sources.iter().any(|entry| is_for(entry, key)) {
            return;
        }
        if let Some(entry) = document.sources.iter_mut().find(|entry| is_old(entry)) {
            key.title.clone_into(&mut entry.title);
            self.changed = true;
            // It is written again after all sources were listed: that tells if it cannot be.
            if let Err(failure) = self.write() {
                log::warn!("{failure}");
            }
        }
    }

    /// What is remembered of a listing, with what there is to say about that.
    fn last(&self, key: Key<'_>) -> (Option<RecordedListing>, Option<Finding>) {
        let entry = self.known.as_ref().ok().and_then(|document| {
            let mut all = document.sources.iter();
            all.find(|entry| is_for(entry, key)).cloned()
        });
        if entry.is_some() {
            return (entry, None);
        }
        let Some((listed, at)) = self.rebuilt.get(key.title).copied() else {
            return (None, None);
        };
        let note = Finding::warning(format!(
            "the last listing was not recorded: its number is taken from the report of {}",
            to_the_second(at)
        ));
        (Some(RecordedListing::new(key, listed, at)), Some(note))
    }

    /// Whether what is listed belongs to whom it did: the owners that are listed no more.
    ///
    /// # Errors
    ///
    /// A name has another owner: nothing of the listing is to be used.
    pub fn check_owners(&self, key: Key<'_>, now: &Owners) -> Result<Owners, Failure> {
        let (Some(entry), false) = (self.last(key).0, self.accept_shrinkage) else {
            return Ok(Owners::new());
        };
        match owners::replaced(&entry.owners, now) {
            Some(failure) => Err(failure),
            None => Ok(owners::absent(&entry.owners, now)),
        }
    }

    /// Whether [`judge`](Self::judge) would have nothing against a listing.
    pub fn stands(&self, key: Key<'_>, counted: Counted) -> bool {
        let (entry, _) = self.last(key);
        let is_accepted = self.accept_shrinkage || doubts(entry.as_ref(), counted).is_empty();
        self.known.is_ok() && is_accepted
    }

    /// Compares a complete listing with the last one and with the hoster's own number, and
    /// remembers it if it stands up or is accepted.
    pub fn judge(&mut self, key: Key<'_>, counted: Counted, now: &OwnersListed) -> Verdict {
        let (entry, note) = self.last(key);
        // What could not be listed is missing in all numbers.
        let is_partial = now.values().any(|owner| owner.error.is_some());
        let mut verdict = Verdict {
            notes: note.into_iter().collect(),
            ..Verdict::default()
        };
        let messages = match is_partial {
            true => Vec::new(),
            false => doubts(entry.as_ref(), counted),
        };
        let stands = messages.is_empty() || self.accept_shrinkage;
        for message in messages {
            if self.accept_shrinkage {
                verdict.notes.push(accepted(&message));
            } else {
                verdict.errors.push(shortfall(message));
            }
        }
        let listed_of = entry.as_ref().map(|entry| entry.listed_of.clone());
        let mut listed_of = self.judge_owners(listed_of.unwrap_or_default(), now, &mut verdict);
        match &mut self.known {
            Ok(document) if stands => {
                self.changed = true;
                let last = entry.as_ref().map_or(0, |entry| entry.listed);
                let accepted = entry.as_ref().map_or(0, |entry| entry.accepted_shortfall);
                let owners = entry.map(|entry| entry.owners).unwrap_or_default();
                let owners =
                    owners::remembered(&owners, &owners::names(now), self.accept_shrinkage);
                // So many are remembered and no more, whatever a hoster says.
                listed_of.retain(|id, _| owners.contains_key(id));
                // What could not be listed is not forgotten.
                let listed = match is_partial {
                    true => counted.listed.max(last),
                    false => counted.listed,
                };
                let listed = ListedOf {
                    all: listed,
                    of_owners: listed_of,
                };
                let accepted = match is_partial {
                    true => accepted,
                    false => missing(counted),
                };
                remember(document, key, listed, accepted, owners);
            }
            Ok(_) => {}
            Err(failure) => verdict.errors.push(failure.clone()),
        }
        verdict
    }

    /// Compares what is listed of each owner with the last time, where there are several: one that shows
    /// less would not be seen among the others. Returns what is to be remembered of each.
    fn judge_owners(
        &self,
        last: BTreeMap<String, u64>,
        now: &OwnersListed,
        verdict: &mut Verdict,
    ) -> BTreeMap<String, u64> {
        let are_several = now.len() > 1 || last.len() > 1;
        let mut remembered = match self.accept_shrinkage {
            true => BTreeMap::new(),
            false => last.clone(),
        };
        for (id, owner) in now.iter().filter(|(_, owner)| owner.error.is_none()) {
            let before = last.get(id).copied().unwrap_or(0);
            if are_several && has_shrunk(before, owner.listed) {
                let message = format!(
                    "{}: {} listed, but {before} last time",
                    Untrusted::new(&owner.name).printable(),
                    repositories(owner.listed)
                );
                if !self.accept_shrinkage {
                    verdict.of_owners.insert(id.clone(), shortfall(message));
                    continue;
                }
                verdict.notes.push(accepted(&message));
            }
            remembered.insert(id.clone(), owner.listed);
        }
        remembered
    }

    /// Writes what is to be remembered.
    pub fn write(&self) -> Result<(), Failure> {
        let (Ok(document), true) = (&self.known, self.changed) else {
            return Ok(());
        };
        let document = ListingsFile {
            format: LISTINGS.formats.known,
            ..document.clone()
        };
        sealed::write(&self.path, &document).map_err(|failure| {
            failure.while_doing(
                "the number of listed repositories was not \
            recorded",
            )
        })
    }
}

fn accepted(message: &str) -> Finding {
    Finding {
        severity: Severity::Info,
        ..Finding::warning(format!("{message}: accepted (--accept-shrinkage)"))
    }
}

/// By how many the hoster's own number is higher.
fn missing(counted: Counted) -> u64 {
    counted.total.unwrap_or(0).saturating_sub(counted.listed)
}

/// Why a listing may not be the whole truth, by what the last one held.
fn doubts(entry: Option<&RecordedListing>, counted: Counted) -> Vec<String> {
    let last = entry.map_or(0, |entry| entry.listed);
    let accepted = entry.map_or(0, |entry| entry.accepted_shortfall);
    let mut messages = Vec::new();
    if has_shrunk(last, counted.listed) {
        let since = entry.map_or_else(String::new, |e| format!(" ({})", to_the_second(e.at)));
        messages.push(format!(
            "{} listed, but {last} last time{since}",
            repositories(counted.listed)
        ));
    }
    let left = counted.known.saturating_sub(counted.lost);
    if messages.is_empty() && has_halved(counted.known, left) {
        messages.push(format!(
            "{} of the {} repositories that are in the backup are no longer listed",
            counted.lost, counted.known
        ));
    }
    if let Some(total) = counted.total.filter(|_| missing(counted) > accepted) {
        messages.push(format!(
            "{} listed, but the hoster counts {total}",
            repositories(counted.listed)
        ));
    }
    messages
}

/// Whether there are so few that somebody has to look.
fn has_shrunk(last: u64, listed: u64) -> bool {
    match listed {
        0 => last > 0,
        _ => has_halved(last, listed),
    }
}

fn has_halved(last: u64, listed: u64) -> bool {
    last >= HALF_MATTERS && listed.saturating_mul(2) < last
}

fn shortfall(message: String) -> Failure {
    Failure::new(ErrorKind::Shortfall, message).with_hint(
        "check whether the credentials still show every repository (what is listed is backed up, \
        and nothing is removed); if the number is right, run once with --accept-shrinkage",
    )
}

fn repositories(number: u64) -> String {
    match number {
        1 => "1 repository is".to_owned(),
        _ => format!("{number} repositories are"),
    }
}

fn to_the_second(time: Timestamp) -> Timestamp {
    time.round(jiff::Unit::Second).unwrap_or(time)
}

fn is_for(entry: &RecordedListing, key: Key<'_>) -> bool {
    entry.title == key.title && entry.hoster == key.hoster && entry.name == key.name
}

fn remember(
    document: &mut ListingsFile,
    key: Key<'_>,
    listed: ListedOf,
    accepted_shortfall: u64,
    owners: Owners,
) {
    let at = Timestamp::now();
    if let Some(entry) = document.sources.iter_mut().find(|e| is_for(e, key)) {
        entry.listed = listed.all;
        entry.listed_of = listed.of_owners;
        entry.at = at;
        entry.accepted_shortfall = accepted_shortfall;
        entry.owners = owners;
        return;
    }
    document.sources.push(RecordedListing {
        accepted_shortfall,
        owners,
        listed_of: listed.of_owners,
        ..RecordedListing::new(key, listed.all, at)
    });
}

fn read(path: &Path) -> Result<ListingsFile, Failure> {
    let document = sealed::read(path, LISTINGS.formats).map_err(|failure| {
        failure.while_doing("the listing cannot be compared with the last one")
    })?;
    Ok(document.unwrap_or_else(|| ListingsFile {
        format: LISTINGS.formats.known,
        sources: Vec::new(),
        more: Map::new(),
    }))
}

#[cfg(test)]
mod tests;
