//! One mirror.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsString;
use std::path::Path;
use std::time::SystemTime;

use forgekeep_failure::Failure;
use forgekeep_git::object_files::{ObjectFiles, database};
use forgekeep_git::reach::{Root, Walk};
use forgekeep_git::{foreign, libgit2, packs};
use forgekeep_untrusted::Show as _;
use git2::Oid;

use super::objects::{self, AllRead};
use super::states::{self, States};
use super::{Finding, Piece, Watch};

/// Objects that are named one by one; a pack that is cut short may take a hundred thousand.
const NAMED: usize = 50;

/// How often a mirror is looked at whose files others move.
const LOOKS: usize = 5;

/// What there is to say about a mirror.
pub struct Examined {
    /// What is damaged.
    pub findings: Vec<Finding>,
    /// What somebody should know that is no damage.
    pub warnings: Vec<String>,
    /// Objects read.
    pub objects: u64,
    /// Tips of snapshots that are there, and that no ref reaches.
    pub not_held: Vec<Oid>,
    /// Objects that something needs, and that are nowhere.
    pub lost: Vec<Oid>,
    /// Why some objects were not checked.
    pub unchecked: Vec<Failure>,
    /// What the machine could not read: the findings are those of the rest.
    pub trouble: Option<Failure>,
}

/// Examines the mirror in a folder, which may be missing.
///
/// # Errors
///
/// [`Cancelled`](forgekeep_failure::ErrorKind::Cancelled), or [`Disk`](forgekeep_failure::ErrorKind::Disk) if anything
/// cannot be read.
pub fn examine(mirror: &Path, watch: &Watch) -> Result<Examined, Failure> {
    let mut examined = examine_what_can_be_read(mirror, watch)?;
    match examined.trouble.take() {
        Some(failure) => Err(failure),
        None => Ok(examined),
    }
}

/// The same, as far as it comes where the machine cannot read a part.
pub(super) fn examine_what_can_be_read(mirror: &Path, watch: &Watch) -> Result<Examined, Failure> {
    for _ in 1..LOOKS {
        let before = Shelving::of(mirror);
        let examined = look(mirror, watch);
        let is_clean = examined.as_ref().is_ok_and(|it| it.findings.is_empty());
        if is_clean || before == Shelving::of(mirror) {
            return examined;
        }
        watch.cancel.check()?;
        log::info!(
            "{}: another program has moved its objects meanwhile: looking again",
            mirror.shown()
        );
    }
    look(mirror, watch)
}

/// Which files there are that hold objects, as far as their folders tell. Somebody's `git gc` moves
/// objects from file to file: what was missing here may have been there.
#[derive(PartialEq, Eq)]
struct Shelving {
    packs: Option<BTreeSet<OsString>>,
    changed: Vec<Option<SystemTime>>,
}

impl Shelving {
    fn of(mirror: &Path) -> Self {
        let changed = |first: u8| {
            let folder = mirror.join(format!("objects/{first:02x}"));
            folder.metadata().and_then(|found| found.modified()).ok()
        };
        Self {
            packs: packs::names(mirror).ok(),
            changed: (0..=u8::MAX).map(changed).collect(),
        }
    }
}

fn look(mirror: &Path, watch: &Watch) -> Result<Examined, Failure> {
    libgit2::initialise()?;
    let mut examined = Examined {
        findings: Vec::new(),
        warnings: Vec::new(),
        objects: 0,
        not_held: Vec::new(),
        lost: Vec::new(),
        unchecked: Vec::new(),
        trouble: None,
    };
    let findings = &mut examined.findings;
    let is_there = states::is_folder(mirror)?;
    // The machine's trouble with one part is no reason to keep quiet about what is wrong with another.
    let mut trouble = None;
    if is_there {
        unless_of_machine(foreign::check_objects(mirror), &mut trouble)?;
        unless_of_machine(foreign::check_loose_folders(mirror), &mut trouble)?;
        unless_of_machine(foreign::check_known(mirror), &mut trouble)?;
        let of_frame = unless_of_machine(states::of_repository(mirror), &mut trouble)?;
        findings.extend(of_frame.into_iter().flatten());
        examined.warnings = foreign::warnings(mirror);
    } else {
        findings.push(Finding::new(Piece::Mirror, mirror, "it is missing"));
    }
    let states = States::read(mirror, findings, &watch.cancel);
    let states = unless_of_machine(states, &mut trouble)?;
    let files = match is_there {
        true => unless_of_machine(ObjectFiles::gather(mirror), &mut trouble)?,
        false => None,
    };
    let Some(files) = files else {
        examined.trouble = trouble;
        return Ok(examined);
    };
    let surveys = objects::check_files(&files, watch, findings);
    let surveys = unless_of_machine(surveys, &mut trouble)?;
    let (Some(states), Some(surveys), None) = (states, surveys, &trouble) else {
        // What cannot be read may hold what seems to be missing.
        unless_of_machine(
            objects::check_loose_files(&files, watch, findings),
            &mut trouble,
        )?;
        examined.trouble = trouble;
        return Ok(examined);
    };
    let read = objects::read_all(&files, surveys, mirror, watch, findings);
    let Some(mut read) = unless_of_machine(read, &mut trouble)? else {
        examined.trouble = trouble;
        return Ok(examined);
    };
    let unchecked = std::mem::take(&mut read.unchecked);
    let unread: HashSet<Oid> = unchecked.keys().copied().collect();
    examined.unchecked = unchecked.into_values().collect();
    examined.objects = files.count();
    let database = database(mirror)?;
    let not_to_read = read.unreadable.union(&unread).copied().collect();
    if let Some(stored) = &states.stored {
        states::check_peeled(mirror, stored, &database, &not_to_read, findings);
    }
    let work = Work {
        mirror,
        files: &files,
        read: &read,
        states: &states,
        walk: Walk {
            database: &database,
            known: &read.known,
            unreadable: &read.unreadable,
            unread: &unread,
            cancel: &watch.cancel,
        },
    };
    work.check_reached(&mut examined)?;
    work.check_held(&mut examined)?;
    Ok(examined)
}

/// What was done, unless the machine could not; the first such trouble is remembered.
fn unless_of_machine<T>(
    done: Result<T, Failure>,
    trouble: &mut Option<Failure>,
) -> Result<Option<T>, Failure> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(failure) if failure.is_of_machine() => {
            trouble.get_or_insert(failure);
            Ok(None)
        }
        Err(failure) => Err(failure),
    }
}

struct Work<'a> {
    mirror: &'a Path,
    files: &'a ObjectFiles,
    read: &'a AllRead,
    states: &'a States,
    walk: Walk<'a>,
}

impl Work<'_> {
    /// Whatever refs and snapshots reach has to be there. Only walked if something is amiss:
    /// otherwise no object names one that is missing.
    fn check_reached(&self, examined: &mut Examined) -> Result<(), Failure> {
        let mut roots = self.states.refs.clone();
        roots.extend(self.states.tips.iter().cloned());
        let has = |root: &Root| self.read.known.binary_search(&root.oid).is_ok();
        let amiss = !self.read.missing.is_empty() || !self.read.unreadable.is_empty();
        if !amiss && roots.iter().all(has) {
            return Ok(());
        }
        let mut lost = Vec::new();
        self.walk
            .all(&roots, &mut |oid, root| lost.push((oid, root.name.clone())))?;
        if !lost.is_empty() {
            for index in &self.files.lone {
                let pack = index.with_extension("pack");
                examined.findings.push(Finding::new(
                    Piece::Pack,
                    &pack,
                    "it is missing, though its index is there",
                ));
            }
        }
        let objects = self.mirror.join("objects");
        for (oid, name) in lost.iter().take(NAMED) {
            let how = match self.read.unreadable.contains(oid) {
                true => "cannot be read",
                false => "is missing",
            };
            let what = format!("it {how}, and {name} needs it");
            let finding = Finding::new(Piece::Object, &objects, what);
            examined.findings.push(finding.about(*oid));
        }
        if let Some(more @ 1..) = lost.len().checked_sub(NAMED) {
            let what = format!("{more} more objects are missing or cannot be read");
            examined
                .findings
                .push(Finding::new(Piece::Object, &objects, what));
        }
        examined.lost = lost.into_iter().map(|(oid, _)| oid).collect();
        Ok(())
    }

    /// What no ref reaches, git may remove.
    fn check_held(&self, examined: &mut Examined) -> Result<(), Failure> {
        let held: HashSet<Oid> = self.states.refs.iter().map(|root| root.oid).collect();
        let lost: HashSet<Oid> = examined.lost.iter().copied().collect();
        let there = |root: &&Root| {
            let oid = root.oid;
            !lost.contains(&oid) && self.read.known.binary_search(&oid).is_ok()
        };
        let tips = self.states.tips.iter().filter(there);
        let mut loose: Vec<&Root> = tips.filter(|tip| !held.contains(&tip.oid)).collect();
        if loose.is_empty() {
            return Ok(());
        }
        let seen = self.walk.commits(&self.states.refs)?;
        loose.retain(|tip| !seen.contains(&tip.oid));
        for tip in &loose {
            let packed = self.mirror.join("packed-refs");
            let what = format!("no ref holds it, and {} needs it", tip.name);
            let finding = Finding::new(Piece::Refs, &packed, what);
            examined.findings.push(finding.about(tip.oid));
        }
        examined.not_held = loose.iter().map(|tip| tip.oid).collect();
        Ok(())
    }
}
