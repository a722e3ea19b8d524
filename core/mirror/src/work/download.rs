//! Steps 2 and 3 of a mirror: what is missing comes, and is checked.

use std::collections::BTreeSet;
use std::path::Path;

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_git::refs::{self, Refs, StoredRefs};
use forgekeep_pack::Unsound;
use forgekeep_protocol::{Conversation, Haves, Incoming, Watched};
use forgekeep_untrusted::{Show as _, Shown};
use git2::{Odb, Oid, Repository};

use super::Work;
use crate::connected::{self, Gap};
use crate::fetch_apart;
use crate::place::{partial_path, remove_partial, take_packs};

impl Work<'_> {
    /// Downloads what a mirror that is there is missing, and makes sure that new tips have all they
    /// need.
    pub fn download_new(
        &mut self,
        repository: &Repository,
        stored: &StoredRefs,
    ) -> Result<(), Failure> {
        // Opened before anything comes: what it knows was there before.
        let other = self.open()?;
        let before = other.odb().map_err(|e| self.failed(&e))?;
        self.download(repository, self.folder, stored, true)?;
        self.complete(repository, stored, &before)?;
        self.mark_ends(repository, self.folder)
    }

    /// Downloads what `folder` is missing of what upstream has. `known` are the refs whose history is
    /// there, and has those that came afterwards; the packs lean on it if they may be `thin`.
    pub fn download_missing(
        &self,
        repository: &Repository,
        folder: &Path,
        known: &mut Refs,
        thin: bool,
    ) -> Result<(), Failure> {
        let odb = repository.odb().map_err(|e| self.failed(&e))?;
        let all: BTreeSet<Oid> = self.tips().collect();
        let missing = all.into_iter().filter(|oid| !odb.exists(*oid)).collect();
        self.download_wants(&odb, folder, missing, known, thin)
    }

    /// Downloads these objects, with all they need.
    pub fn download_wants(
        &self,
        odb: &Odb<'_>,
        folder: &Path,
        mut todo: Vec<Oid>,
        known: &mut Refs,
        thin: bool,
    ) -> Result<(), Failure> {
        let is_missing = |oid: &Oid| !odb.exists(*oid);
        let mut at_once = todo.len();
        while !todo.is_empty() {
            let now = at_once.min(todo.len());
            match self.fetch(odb, folder, &todo[..now], known, thin) {
                // Proxies bound requests; some 20,000 objects are named in nginx's megabyte.
                Err(failure) if failure.status == Some(413) && now > 1 => {
                    at_once = now.div_ceil(4);
                    log::info!("asking for {at_once} objects at a time: {failure}");
                    continue;
                }
                done => done?,
            }
            odb.refresh().map_err(|e| self.failed(&e))?;
            let asked: BTreeSet<Oid> = todo.drain(..now).collect();
            if let Some(absent) = asked.iter().find(|oid| is_missing(oid)) {
                return Err(self.not_sent(*absent));
            }
            todo.retain(is_missing);
            let came = self.upstream.iter();
            let came = came.filter(|(_, value)| asked.contains(&value.oid));
            known.extend(came.map(|(name, value)| (name.clone(), *value)));
        }
        Ok(())
    }

    fn fetch(
        &self,
        odb: &Odb<'_>,
        folder: &Path,
        wants: &[Oid],
        known: &Refs,
        thin: bool,
    ) -> Result<(), Failure> {
        let explain = |error: &git2::Error| self.failed(error);
        let refuse = |unsound: &Unsound| self.refused(unsound);
        let watched = Watched {
            progress: self.progress,
            received: &self.received,
            cancel: self.cancel,
            explain: &explain,
            refuse: &refuse,
        };
        let mut sink = Incoming::new(folder, Some(odb), watched);
        let asked;
        let (mut connection, offered) = match &self.connection {
            Some(connection) => (connection.clone(), &self.advertised.capabilities),
            None => {
                asked = self.asked.ask()?;
                (asked.1.clone(), &asked.0.capabilities)
            }
        };
        let mut conversation = Conversation::new(&mut connection, offered, self.cancel);
        conversation.thin = thin;
        let mut haves = Haves::new(odb, known, &self.upstream);
        conversation.fetch(wants, &mut haves, &mut sink)
    }

    pub fn not_sent(&self, oid: Oid) -> Failure {
        let name = self.upstream.iter().find(|(_, value)| value.oid == oid);
        let name = name.map_or(Shown::of("HEAD"), |(name, _)| refs::shown(name));
        Failure::new(
            ErrorKind::BadAnswer,
            format!(
                "the server advertises {} at {oid}, but did not send that object",
                name,
            ),
        )
        .with_hint(
            "run again later, and report it to the hoster if it persists; the refs were \
        left as they were",
        )
        .transient()
    }

    /// Makes sure that new tips have all they need. What was there without it is fetched with
    /// everything else, as for a clone.
    fn complete(
        &self,
        repository: &Repository,
        stored: &StoredRefs,
        before: &Odb<'_>,
    ) -> Result<(), Failure> {
        let gap = || {
            let tips = self.tips();
            let ends = &self.advertised.shallow;
            let told = |failure| self.warn(failure);
            connected::first_gap(
                repository,
                before,
                &stored.refs,
                tips,
                ends,
                self.cancel,
                &told,
            )
        };
        let folder = self.folder.shown();
        let oid = match gap()? {
            None => return Ok(()),
            Some(Gap::Missing(oid)) => oid,
            Some(Gap::Unreadable(oid)) => {
                let why = format!("{oid}, left by a run that did not finish, cannot be read");
                return Err(Failure::damaged(self.folder, why)
                    .with_hint("run `forgekeep backup`: it repairs what upstream still has"));
            }
        };
        log::info!("{folder}: {oid} is there, but not all it needs");
        self.fetch_everything(repository)?;
        match gap()? {
            None => Ok(()),
            Some(Gap::Missing(oid) | Gap::Unreadable(oid)) => Err(Failure::new(
                ErrorKind::BadAnswer,
                format!("the server did not send all that {oid} needs"),
            )
            .with_hint(
                "run again later, and report it to the hoster if it persists; the refs \
            were left as they were",
            )
            .transient()),
        }
    }

    /// Fetches all that upstream has, as for a clone, and moves it in.
    pub fn fetch_everything(&self, repository: &Repository) -> Result<(), Failure> {
        let apart = partial_path(self.folder);
        remove_partial(&apart)?;
        let fetched = fetch_apart(self.asked, &apart, None, self.progress);
        let moved = fetched.and_then(|received| {
            self.received
                .fetch_add(received, std::sync::atomic::Ordering::Relaxed);
            take_packs(&apart, self.folder)
        });
        let _ = remove_partial(&apart);
        moved?;
        let refreshed = repository.odb().and_then(|odb| odb.refresh());
        refreshed.map_err(|e| self.failed(&e))
    }
}
