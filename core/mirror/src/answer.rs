//! A question that is asked before its turn: while the source is still being listed, and nothing may be
//! fetched or written for it yet.
//!
//! Of the answer only a sum of the refs is kept: it tells whether upstream has what the mirror has, and
//! takes no more memory for ten thousand refs than for one. Where it does not fit, upstream is asked again.

use std::path::Path;

use forgekeep_failure::Failure;
use forgekeep_git::foreign::Lacking;
use forgekeep_git::refs::{RefName, RefValue, Refs, StoredRefs};
use forgekeep_http::Services;
use forgekeep_protocol::{Advertisement, Capabilities, Remote, Way, advertise};
use forgekeep_store::snapshot::Store;
use forgekeep_untrusted::{Printable, Untrusted};
use git2::Oid;
use jiff::Timestamp;
use sha1::{Digest as _, Sha1};

use crate::work::{Work, leave_out};
use crate::{Outcome, RefRules, Transfer, Upstream, found, is_same};

/// Most bytes of what an answer is kept with: `HEAD`, names that are left out, ends of a shallow history.
/// Honest servers send some dozen.
const MOST_BYTES: usize = 8 * 1024;

/// What upstream has answered.
#[derive(Debug)]
pub struct Answer {
    /// When it was asked.
    pub asked: Timestamp,
    refs: [u8; 20],
    /// All but the refs.
    rest: Advertisement,
}

/// Asks for the refs that upstream has, and does nothing else. `None` if the answer is not one to keep.
///
/// # Errors
///
/// There is no answer.
pub fn ask_early(
    url: &Untrusted,
    way: &Way,
    services: &Services,
    rules: &RefRules,
) -> Result<Option<Answer>, Failure> {
    let asked = Timestamp::now();
    let (mut advertised, _) = advertise(&Remote { url, way, services })?;
    leave_out(&mut advertised, rules);
    let refs = std::mem::take(&mut advertised.refs);
    Ok((bytes_of(&advertised) <= MOST_BYTES).then(|| Answer {
        asked,
        refs: sum(refs.iter()),
        rest: Advertisement {
            capabilities: Capabilities::default(),
            ..advertised
        },
    }))
}

/// How much memory it takes without its refs and capabilities.
fn bytes_of(advertised: &Advertisement) -> usize {
    let head = advertised.head.as_ref().map_or(0, Vec::len);
    let names = advertised.left_out.iter().chain(&advertised.reserved);
    let names: usize = names.map(|name| name.len() + size_of::<Printable>()).sum();
    head + names + advertised.shallow.len() * size_of::<Oid>()
}

/// Which refs these are.
fn sum<'r>(refs: impl Iterator<Item = (&'r RefName, &'r RefValue)>) -> [u8; 20] {
    let mut sum = Sha1::new();
    for (name, value) in refs {
        sum.update(value.oid.as_bytes());
        sum.update(value.peeled.unwrap_or(Oid::ZERO_SHA1).as_bytes());
        sum.update(name);
        // No name holds one.
        sum.update(b"\n");
    }
    sum.finalize().into()
}

impl Answer {
    /// What upstream has said, if its refs are those of the mirror.
    fn with_refs_of(&self, stored: &StoredRefs) -> Option<Advertisement> {
        (sum(stored.upstream()) == self.refs).then(|| Advertisement {
            refs: Refs::from_iter(
                stored
                    .upstream()
                    .map(|(name, value)| (name.clone(), *value)),
            ),
            head: self.rest.head.clone(),
            head_oid: self.rest.head_oid,
            head_peeled: self.rest.head_peeled,
            left_out: self.rest.left_out.clone(),
            reserved: self.rest.reserved.clone(),
            shallow: self.rest.shallow.clone(),
            capabilities: Capabilities::default(),
        })
    }
}

/// The outcome, if the mirror is what upstream has answered and there is nothing else to do about it.
pub(super) fn as_it_was(
    answer: &Answer,
    upstream: &Upstream<'_>,
    folder: &Path,
    progress: &dyn Fn(Transfer),
) -> Result<Option<Outcome>, Failure> {
    let stored = StoredRefs::read(folder)?;
    if stored.lacks_packed || Lacking::look(folder).is_some() {
        return Ok(None);
    }
    let Some(advertised) = answer.with_refs_of(&stored) else {
        return Ok(None);
    };
    let store = Store::beside(folder);
    let newest = store.newest();
    let present = found(&stored, folder)?;
    if !store.is_settled(newest.as_ref(), &present) {
        return Ok(None);
    }
    let mut work = Work::new(upstream, folder, (advertised, None), progress);
    work.is_there = true;
    work.newest = newest;
    match is_same(&stored, &work, present.head.as_ref()) {
        true => work.unchanged(&stored, None, None).map(Some),
        false => Ok(None),
    }
}
