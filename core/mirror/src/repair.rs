//! Repairs a damaged mirror in the course of a backup, without losing what can still be read.
//!
//! A mirror is repaired if the last look at it has found damage ([`Health`](forgekeep_store::health::Health)),
//! or if the run itself meets some. It is examined, then:
//!
//! 1. the frame: what git needs to open it (`frame` in `states`);
//! 2. the objects: a full set from upstream, and what can be salvaged here (`objects`);
//! 3. the snapshots, each out of its neighbours, and then the refs, by the newest of them;
//! 4. the mirror is brought up to date as always, and examined again.
//!
//! New files are complete before they take the place of damaged ones, and those are moved aside
//! (`aside`), so a kill at any moment leaves no less than before. What cannot be repaired is given up:
//! it is said in each run, and no further one downloads everything for it.

mod again;
mod aside;
mod case;
mod objects;
mod packing;
mod states;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fs, io};

use aside::Aside;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_git::packs;
use forgekeep_store::health::Damage;
use forgekeep_store::layout::PARTIAL;
use forgekeep_store::snapshot::Store;
use forgekeep_untrusted::{Show as _, Untrusted};
use forgekeep_verify::{Finding, Piece, Watch, examine};

use crate::{Outcome, Transfer, Upstream};

pub use case::{RepairCase, RepairCases};

/// Files that are named in a note.
const NAMED: usize = 3;

/// What came of mirroring a repository that may have been damaged.
pub struct Repaired {
    /// What came of mirroring it.
    pub outcome: Outcome,
    /// What was repaired.
    pub note: Option<String>,
    /// The same as news: a disk that loses data loses more.
    pub alert: Option<String>,
    /// What cannot be repaired. Upstream's present state is mirrored all the same.
    pub lost: Option<Failure>,
}

impl Repaired {
    /// Nothing was repaired.
    fn unharmed(mut outcome: Outcome, case: &RepairCase<'_>) -> Self {
        Self {
            note: None,
            alert: outcome.alert.take(),
            outcome,
            lost: case.given_up(),
        }
    }
}

/// Mirrors as [`mirror`](crate::mirror) does, and repairs the mirror first if it is damaged.
pub fn mirror(
    upstream: &Upstream<'_>,
    folder: &Path,
    progress: &dyn Fn(Transfer),
    case: &RepairCase<'_>,
) -> Result<Repaired, Failure> {
    let mut met = None;
    // Before anything opens it, whatever is known of it.
    match upstream.take_in(folder) {
        Ok(()) => {}
        Err(failure) if failure.kind == ErrorKind::Damaged => met = Some(failure),
        Err(failure) => return Err(failure),
    }
    if met.is_none() && case.lacks_head {
        met = gone(folder)?;
    }
    // What is known to be damaged, or was, takes more than a question.
    if case.is_ill() || case.has_given_up() {
        (upstream.turn)()?;
    }
    if met.is_none() && !case.is_ill() {
        match crate::mirror(upstream, folder, progress) {
            Ok(outcome) => {
                return again::look(upstream, folder, progress, case, outcome);
            }
            Err(failure) if is_suspicious(&failure, folder) => met = Some(failure),
            Err(failure) => return Err(failure),
        }
    }
    (upstream.turn)()?;
    let repair = Repair::new(upstream, folder, progress);
    if met.is_some() && case.has_given_up() {
        match repair.go_round() {
            Ok(outcome) => return Ok(Repaired::unharmed(outcome, case)),
            Err(failure) => log::debug!("{}: {failure}", folder.shown()),
        }
    }
    let examined = examine(folder, &repair.watch)?;
    let mut findings = case.note(&examined)?;
    // What keeps the run from its end is not given up, whatever is remembered: upstream may have it.
    if met.is_some() && findings.is_empty() {
        findings = examined.findings;
    }
    let Some(met) = met.filter(|_| findings.is_empty()) else {
        if findings.is_empty() {
            let outcome = crate::mirror(upstream, folder, progress)?;
            if case.is_whole() {
                aside::discard(case.folder());
            }
            return Ok(Repaired::unharmed(outcome, case));
        }
        return repair.apply(case, &findings);
    };
    // It was there when this began and is whole now: another program has moved it meanwhile. Or it is
    // no damage that could be repaired.
    log::info!("{}: trying again: {met}", folder.shown());
    match crate::mirror(upstream, folder, progress) {
        Ok(outcome) => Ok(Repaired::unharmed(outcome, case)),
        Err(failure) => Err(Failure {
            kind: match failure.kind {
                ErrorKind::Damaged => ErrorKind::Git,
                kind => kind,
            },
            ..failure
        }),
    }
}

/// Whether a failure may come from damage here.
fn is_suspicious(failure: &Failure, folder: &Path) -> bool {
    match failure.kind {
        ErrorKind::Damaged => true,
        // A mirror without its HEAD looks like something else; but only mirrors have snapshots.
        ErrorKind::ForeignFolder => Store::beside(folder)
            .entries()
            .is_ok_and(|entries| !entries.is_empty()),
        _ => false,
    }
}

/// What is missing, if the mirror itself is, with all its history: only a mirror has snapshots.
fn gone(folder: &Path) -> Result<Option<Failure>, Failure> {
    let is_empty = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    };
    if !is_empty || Store::beside(folder).entries()?.is_empty() {
        return Ok(None);
    }
    let why = "it is missing, and its snapshots are there";
    Ok(Some(Failure::damaged(folder, why)))
}

/// One mirror under repair.
pub(super) struct Repair<'a> {
    upstream: &'a Upstream<'a>,
    mirror: &'a Path,
    progress: &'a dyn Fn(Transfer),
    watch: Watch,
    received: AtomicU64,
}

impl<'a> Repair<'a> {
    fn new(upstream: &'a Upstream<'a>, mirror: &'a Path, progress: &'a dyn Fn(Transfer)) -> Self {
        let services = upstream.services;
        Self {
            upstream,
            mirror,
            progress,
            watch: Watch::new(services.cancel.clone(), forgekeep_git::memory::limit()),
            received: AtomicU64::new(0),
        }
    }

    fn apply(self, case: &RepairCase<'_>, findings: &[Finding]) -> Result<Repaired, Failure> {
        self.upstream.may_change()?;
        let damage: Vec<Damage> = findings.iter().map(|f| case.damage(f)).collect();
        let aside = Aside::make(case.folder(), &damage)?;
        let mut lost = Vec::new();
        // A mirror that is gone altogether is cloned as any other: what is left of it is an empty folder.
        let _ = fs::remove_dir(self.mirror);
        if self.mirror.is_dir() {
            states::repair_frame(self.mirror, findings, &aside)?;
            self.upstream.take_in(self.mirror)?;
            objects::repair(&self, findings, &aside)?;
        }
        lost.extend(states::repair_snapshots(&self, &aside)?);
        if self.mirror.is_dir() {
            lost.extend(states::repair_refs(&self, &aside)?);
        }
        let mut outcome = crate::mirror(self.upstream, self.mirror, self.progress)?;
        outcome.bytes_received += self.received.load(Ordering::Relaxed);
        packs::release(self.mirror);
        let after = examine(self.mirror, &self.watch)?;
        let is_whole = case.conclude(&after, &lost, &aside.folder)?;
        let gone = findings
            .iter()
            .filter(|finding| finding.piece == Piece::Gap);
        let gone: Vec<&str> = gone.map(|finding| finding.what.as_str()).collect();
        if is_whole {
            aside::discard(case.folder());
        }
        let mut alert = match is_whole {
            true => format!(
                "the backup was damaged, and is repaired: {}",
                named(&damage)
            ),
            false => format!("the backup is damaged: {}", named(&damage)),
        };
        if let Some(more) = outcome.alert.take() {
            alert = format!("{alert}; {more}");
        }
        Ok(Repaired {
            outcome,
            alert: Some(alert),
            note: Some(note(&damage, &gone)),
            lost: case.given_up(),
        })
    }

    /// Where new files are made. A run removes what a killed one has left there.
    fn workshop(&self) -> PathBuf {
        let mut name = self.mirror.as_os_str().to_owned();
        name.push(PARTIAL);
        PathBuf::from(name)
    }

    /// Downloads what upstream has into a new bare repository: all, or what is new.
    fn fetch(&self, folder: &Path, all: bool) -> Result<(), Failure> {
        let beside = (!all).then_some(self.mirror);
        let received = crate::fetch_apart(self.upstream, folder, beside, self.progress)?;
        self.received.fetch_add(received, Ordering::Relaxed);
        Ok(())
    }

    /// Brings a mirror up to date of which a part is lost: what is new is fetched past that.
    fn go_round(&self) -> Result<Outcome, Failure> {
        self.upstream.may_change()?;
        objects::fetch_new(self)?;
        let mut outcome = crate::mirror(self.upstream, self.mirror, self.progress)?;
        packs::release(self.mirror);
        outcome.bytes_received += self.received.load(Ordering::Relaxed);
        Ok(outcome)
    }
}

fn note(damage: &[Damage], gone: &[&str]) -> String {
    let mut note = format!("repaired: {}", named(damage));
    for gone in gone {
        note.push_str(&format!("; {gone}"));
    }
    note
}

/// The first of the files that are damaged.
fn named(damage: &[Damage]) -> String {
    let mut files: Vec<&Untrusted> = damage.iter().map(|damage| &damage.file).collect();
    files.sort_unstable();
    files.dedup();
    let some = files.iter().take(NAMED);
    let shown: Vec<_> = some.map(|file| file.shown().to_string()).collect();
    let mut named = shown.join(", ");
    if let Some(more @ 1..) = files.len().checked_sub(NAMED) {
        named.push_str(&format!(" and {more} more"));
    }
    named
}

/// All files below a folder; none if it cannot be read.
fn files_of(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            true => files.extend(files_of(&path)),
            false => files.push(path),
        }
    }
    files
}
