//! Whether what is kept is there and whole.
//!
//! Of each mirror every pack, index and object is read and hashed, refs and snapshots are compared
//! with each other, and whatever they reach must be there. Nothing in a mirror is changed. What is
//! found is remembered in the backup folder (`health`), for `status`, and for the next backup to
//! repair.
//!
//! - `mirror`: one mirror, in terms that the repair understands;
//! - `objects`: its objects;
//! - `bulky`: objects too large to be held in memory;
//! - `auxiliary`: what git derives from them;
//! - `states`: its refs, `HEAD`, configuration and snapshots;
//! - `parts`: what of this is done with each part of a repository;
//! - `folder`: the backup folder as a whole.

pub mod auxiliary;
mod bulky;
mod folder;
mod known;
mod mirror;
pub mod objects;
mod parts;
mod second;
pub mod states;
mod subset;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use forgekeep_failure::{Cancel, ErrorKind, Failure};
use forgekeep_git::memory::OBJECT_BYTES;
use forgekeep_store::health::{Checked, Damage, Soundness};
use forgekeep_store::history::Seen;
use forgekeep_store::inventory::Kept;
use forgekeep_store::layout::STATE_FILE;
use forgekeep_store::part::{PartKind, check_folders};
use forgekeep_untrusted::{Printable, Show as _, Untrusted};
use git2::Oid;

pub use folder::{Turn, Verdict, run};
pub use mirror::{Examined, examine};
pub use subset::{Subset, longest_ago};

/// How far it is, and whether to go on.
#[derive(Clone, Debug)]
pub struct Watch {
    /// Ends it early.
    pub cancel: Cancel,
    /// `options.limits.objectBytes`.
    pub object_bytes: u64,
    objects: Arc<AtomicU64>,
    bytes: Arc<AtomicU64>,
    repositories: Arc<AtomicU64>,
}

impl Default for Watch {
    fn default() -> Self {
        Self::new(Cancel::new(), OBJECT_BYTES)
    }
}

impl Watch {
    /// For work that `cancel` ends, with a limit on what is held in memory.
    pub fn new(cancel: Cancel, object_bytes: u64) -> Self {
        Self {
            cancel,
            object_bytes,
            objects: Arc::default(),
            bytes: Arc::default(),
            repositories: Arc::default(),
        }
    }

    /// Objects read so far.
    pub fn objects(&self) -> u64 {
        self.objects.load(Ordering::Relaxed)
    }

    /// Bytes of packs and their indexes that the objects read so far are in.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Repositories done so far.
    pub fn repositories(&self) -> u64 {
        self.repositories.load(Ordering::Relaxed)
    }

    fn count(&self, objects: u64) {
        self.objects.fetch_add(objects, Ordering::Relaxed);
    }

    fn count_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn count_bytes_again(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Takes back what was counted, and is going to be once more.
    fn count_again(&self, objects: u64) {
        self.objects.fetch_sub(objects, Ordering::Relaxed);
    }
}

/// Which piece of a mirror is damaged: the repair goes by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The folder itself.
    Mirror,
    /// Its `config`.
    Config,
    /// Its `HEAD`.
    Head,
    /// `packed-refs` or a loose ref.
    Refs,
    /// A pack.
    Pack,
    /// The index of a pack.
    Index,
    /// What git derives from packs and objects, and makes again if it is not there.
    Auxiliary,
    /// A loose object's file.
    Loose,
    /// An object that is nowhere, or nowhere readable, and needed.
    Object,
    /// A snapshot's file.
    Snapshot,
    /// A snapshot that no file is left of; the path is that of the one after it.
    Gap,
    /// `forgekeep.json`.
    State,
}

/// A damage, in the terms of the disk.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What it is.
    pub piece: Piece,
    /// The file or folder.
    pub path: PathBuf,
    /// The object it is about, if it is about one.
    pub object: Option<Oid>,
    /// What is wrong, for people.
    pub what: Printable,
}

impl Finding {
    /// Of a piece, about no object.
    pub fn new(piece: Piece, path: &Path, what: impl Into<Printable>) -> Self {
        Self {
            piece,
            path: path.to_owned(),
            object: None,
            what: what.into(),
        }
    }

    /// What a failure says about a file; about another one, if the failure names it.
    pub fn of(piece: Piece, path: &Path, failure: &Failure) -> Self {
        match &failure.damage {
            Some(damage) => Self::new(piece, &damage.path, damage.why.clone()),
            None => Self::new(piece, path, failure.message.clone()),
        }
    }

    /// The same, about an object.
    #[must_use]
    pub fn about(mut self, object: Oid) -> Self {
        self.object = Some(object);
        self
    }

    /// The same in terms of the backup folder, for a file in `folder`, which is `path` there.
    pub fn to_damage(&self, folder: &Path, path: &Untrusted) -> Damage {
        let below = self.path.strip_prefix(folder).unwrap_or(&self.path);
        let mut file = path.raw().to_owned();
        for part in below {
            file.push('/');
            file.push_str(Untrusted::of_path(part).raw());
        }
        Damage {
            file: file.into(),
            object: self.object.map(|oid| oid.to_string()),
            what: self.what.clone(),
        }
    }
}

/// Verifies a repository with all its parts. Reads all of it; the caller's rayon pool shares the work. `seen` is
/// what the last runs have left.
fn check(kept: &Kept, seen: &Seen, watch: &Watch) -> Checked {
    let begun = Instant::now();
    let mut checked = Checked {
        name: kept.name(),
        id: kept.id().cloned(),
        path: kept.path.clone(),
        outcome: Soundness::Sound,
        objects: 0,
        seconds: 0.0,
        damage: Vec::new(),
        warnings: Vec::new(),
        unchecked: Vec::new(),
        error: None,
    };
    match look(kept, seen, watch) {
        Ok(MirrorFindings {
            findings,
            warnings,
            unchecked,
            objects,
            trouble,
        }) => {
            checked.warnings = warnings;
            checked.unchecked = unchecked;
            checked.error = trouble;
            let all = findings.iter();
            checked.damage = all.map(|f| f.to_damage(&kept.folder, &kept.path)).collect();
            checked.objects = objects;
            checked.outcome = if !checked.damage.is_empty() {
                Soundness::Damaged
            } else if checked.error.is_some() {
                Soundness::Failed
            } else if !checked.unchecked.is_empty() {
                Soundness::Unchecked
            } else {
                Soundness::Sound
            };
        }
        Err(failure) => {
            checked.outcome = Soundness::Failed;
            checked.error = Some(failure);
        }
    }
    checked.seconds = (begun.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
    checked
}

/// What was found.
struct MirrorFindings {
    findings: Vec<Finding>,
    warnings: Vec<Printable>,
    unchecked: Vec<Failure>,
    /// How many objects were read.
    objects: u64,
    /// What the machine could not read.
    trouble: Option<Failure>,
}

fn look(kept: &Kept, seen: &Seen, watch: &Watch) -> Result<MirrorFindings, Failure> {
    check_folders(&kept.folder)?;
    let mut findings = Vec::new();
    let mut trouble = None;
    let state = kept.folder.join(STATE_FILE);
    match &kept.state {
        Ok(Some(_)) => {}
        // SCM Backup has no such file; but it makes no snapshots either. And a run that was killed
        // has not come to writing it.
        Ok(None) if !seen.had(&kept.path, None) => {}
        Ok(None) => findings.push(Finding::new(Piece::State, &state, "it is missing")),
        Err(failure) if failure.kind == ErrorKind::Damaged => {
            findings.push(Finding::of(Piece::State, &state, failure));
        }
        Err(failure) if failure.is_of_machine() => trouble = Some(failure.clone()),
        Err(failure) => return Err(failure.clone()),
    }
    let (mut objects, mut warnings, mut unchecked) = (0, Vec::new(), Vec::new());
    let state = kept.state.as_ref().ok().and_then(Option::as_ref);
    for part in PartKind::ALL.map(|kind| kept.part(kind)) {
        let examined = match parts::of_kind(part.kind).verify(&part, state, watch) {
            Err(failure) if failure.is_of_machine() => {
                trouble.get_or_insert(failure);
                continue;
            }
            examined => examined?,
        };
        if let Some(examined) = examined {
            trouble = trouble.or(examined.trouble);
            findings.extend(examined.findings);
            let of_part = |what| format!("{}/{}: {what}", kept.path.shown(), part.name).into();
            warnings.extend(examined.warnings.into_iter().map(of_part));
            unchecked.extend(examined.unchecked);
            objects += examined.objects;
        }
    }
    Ok(MirrorFindings {
        findings,
        warnings,
        unchecked,
        objects,
        trouble,
    })
}
