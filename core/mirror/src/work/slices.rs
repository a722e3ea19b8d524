//! A repository with more refs than its server can serve at once: branches and tags first, then the rest in
//! slices. A hoster may have a hundred thousand refs of pull requests, and give up on one request for all.

use std::path::Path;
use std::sync::atomic::Ordering;

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_git::refs::{self, RefName, StoredRefs};
use forgekeep_untrusted::Show as _;
use git2::{Odb, Oid, Repository};

use super::Work;

/// Objects that are asked for in the first slice.
const FIRST: usize = 4096;

/// A slice that is no larger, and is given up as well, is the last one.
const SMALLEST: usize = 64;

/// After so many of these one after the other nothing more is asked for.
const MOST_IN_VAIN: usize = 3;

/// Refs that are named one by one.
const NAMED: usize = 3;

/// What upstream has, and did not send.
pub(super) struct NotFetched {
    names: Vec<RefName>,
    why: Failure,
}

impl NotFetched {
    /// As the reason why the repository is not backed up as a whole.
    pub fn failure(&self) -> Failure {
        let named: Vec<String> = self
            .names
            .iter()
            .take(NAMED)
            .map(|name| refs::shown(name).to_string())
            .collect();
        let more = match self.names.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let number = self.names.len();
        let message = format!(
            "{number} refs are not up to date: {}{more}: the server gives up on them: {}",
            named.join(", "),
            self.why.message
        );
        let hint = "run again: what has come is kept, and the next run asks for the rest; or leave such refs out with excludeRefs";
        Failure {
            message: message.into(),
            hint: hint.into(),
            ..self.why.clone()
        }
    }
}

impl Work<'_> {
    /// Downloads what `folder` is missing of what upstream has: all at once, or in slices where the server
    /// gives up before it sends any pack. What does not come then stays as it is in `stored`. The packs lean on
    /// what is there if they may be `thin`.
    pub fn download(
        &mut self,
        repository: &Repository,
        folder: &Path,
        stored: &StoredRefs,
        thin: bool,
    ) -> Result<(), Failure> {
        let before = self.received.load(Ordering::Relaxed);
        let mut known = stored.refs.clone();
        match self.download_missing(repository, folder, &mut known, thin) {
            Err(failure)
                if gives_up(&failure) && self.received.load(Ordering::Relaxed) == before =>
            {
                let odb = repository.odb().map_err(|e| self.failed(&e))?;
                self.in_slices(&odb, folder, stored, thin, failure)
            }
            done => done,
        }
    }

    fn in_slices(
        &mut self,
        odb: &Odb<'_>,
        folder: &Path,
        stored: &StoredRefs,
        thin: bool,
        failure: Failure,
    ) -> Result<(), Failure> {
        let is_first =
            |name: &RefName| name.starts_with(b"refs/heads/") || name.starts_with(b"refs/tags/");
        let wants = |first: bool| -> Vec<Oid> {
            let of_this = self
                .upstream
                .iter()
                .filter(|(name, _)| is_first(name) == first);
            let oids = of_this.map(|(_, value)| value.oid);
            let head = self
                .advertised
                .head_oid
                .filter(|_| first && self.detached().is_some());
            let mut oids: Vec<Oid> = oids.chain(head).filter(|oid| !odb.exists(*oid)).collect();
            oids.sort_unstable();
            oids.dedup();
            oids
        };
        if wants(false).is_empty() {
            return Err(failure);
        }
        log::info!(
            "{}: branches and tags first, then the other refs in slices: {failure}",
            self.folder.shown()
        );
        // What is told to be there is bounded as well: most of the rest builds on branches.
        let mut known = stored.refs.clone();
        known.retain(|name, _| is_first(name));
        self.download_wants(odb, folder, wants(true), &mut known, thin)?;
        // Some of them may be reached by branches.
        let mut rest = wants(false);
        let (mut size, mut retry, mut in_vain) = (FIRST, 0, 0);
        let mut given_up = None;
        while !rest.is_empty() && in_vain < MOST_IN_VAIN {
            let now = size.min(rest.len());
            let mut known = known.clone();
            match self.download_wants(odb, folder, rest[..now].to_vec(), &mut known, thin) {
                Ok(()) => {
                    drop(rest.drain(..now));
                    in_vain = 0;
                }
                Err(why) if !gives_up(&why) => return Err(why),
                Err(_) if now > SMALLEST => {
                    size = now.div_ceil(4);
                    continue;
                }
                // It may be what passes; if not, it is this slice, and the others may come.
                Err(why) => match self.asked.services.retry(&mut retry, why) {
                    Ok(()) => continue,
                    Err(why) if why.kind == ErrorKind::Cancelled => return Err(why),
                    Err(why) => {
                        given_up = Some(why);
                        drop(rest.drain(..now));
                        in_vain += 1;
                    }
                },
            }
            rest.retain(|oid| !odb.exists(*oid));
        }
        if let Some(why) = given_up {
            self.give_up(odb, stored, why);
        }
        Ok(())
    }

    /// What has not come stays as it was.
    fn give_up(&mut self, odb: &Odb<'_>, stored: &StoredRefs, why: Failure) {
        let missing = self
            .upstream
            .iter()
            .filter(|(_, value)| !odb.exists(value.oid));
        let names: Vec<RefName> = missing.map(|(name, _)| name.clone()).collect();
        for name in &names {
            match stored.refs.get(name) {
                Some(old) => self.upstream.insert(name.clone(), *old),
                None => self.upstream.remove(name),
            };
        }
        self.not_fetched = Some(NotFetched { names, why });
    }
}

/// Whether fewer objects may be had where these are not.
fn gives_up(failure: &Failure) -> bool {
    use ErrorKind::{BadAnswer, Git, Network, Unavailable};
    matches!(failure.kind, BadAnswer | Git | Network | Unavailable)
}
