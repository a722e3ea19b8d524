//! Skipping by the listing: for which repositories git need not be asked, since the hoster's listing has
//! the same version for them as before their last good fetch. In doubt git is asked.
//!
//! The version itself is only compared, never read: whether it is old enough to be believed its plugin
//! decides, which knows the hoster's clock. Each repository is asked for all the same when its turn
//! comes ([`turn`]). If that finds a change that the version hid, nothing of the source is skipped any
//! more, until a run that asks for everything finds no other one ([`conclude`]).

mod after;
mod turn;

use std::collections::HashSet;
use std::path::Path;

use forgekeep_config::Source;
use forgekeep_hoster::{HosterInfo, PartKind, Repository};
use forgekeep_mirror::repair::RepairCases;
use forgekeep_store::report::{RepositoryOutcome, RepositoryReport};
use forgekeep_store::versions::{KnownVersion, SourceVersions, marks};
use forgekeep_untrusted::Untrusted;
use jiff::Timestamp;

use crate::plan::{Action, ByListing, Task};
use crate::source::OpenSource;

pub(crate) use after::conclude;

/// When git is asked although a listing proves that it need not be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking {
    /// For each repository, in this run.
    pub all: bool,
    /// Within so many days.
    pub full_check_days: u32,
    /// When the run began.
    pub now: Timestamp,
    /// When the last run is known to have been at work.
    pub previous: Option<Timestamp>,
}

/// What came of a repository.
pub(crate) struct Done {
    /// Index of its source.
    pub source: usize,
    /// The hoster's identity.
    pub id: Untrusted,
    /// For the report of the run.
    pub report: RepositoryReport,
    /// The version that was listed.
    pub version: Option<Untrusted>,
    /// What the listing said of changes.
    pub by_listing: ByListing,
    /// What the backup has of it now, if that is whole and the listing has a version for it.
    pub known: Option<KnownVersion>,
}

/// Whatever decides what the mirrors of a source hold, besides the hoster and the version of a
/// repository: known under other rules is nothing.
pub(crate) fn rules(hoster: &HosterInfo, source: &Source, api_url: &str) -> String {
    let plugin = [hoster.id.as_str(), hoster.version.as_str(), &hoster.sha256];
    let listing = [source.name.as_str(), api_url];
    let ours = [env!("CARGO_PKG_VERSION")];
    let include = source
        .include_refs
        .iter()
        .map(|pattern| format!("+{pattern}"));
    let exclude = source
        .exclude_refs
        .iter()
        .map(|pattern| format!("-{pattern}"));
    let all = [&plugin[..], &listing, &ours].concat();
    let all = all.into_iter().map(str::to_owned);
    serde_json::Value::from_iter(all.chain(include).chain(exclude)).to_string()
}

/// Marks tasks of a source for which git need not be asked, or for which it is asked although the
/// listing says that nothing has changed. `cases` is what is known of damage.
pub(crate) fn compare(
    tasks: &mut [Task],
    versions: &SourceVersions,
    asking: Asking,
    source: &OpenSource,
    cases: Option<&RepairCases>,
) {
    let is_behind = asking.previous.is_some_and(|last| asking.now < last);
    let asks_all = asking.all || is_behind || versions.ended().is_some();
    for task in tasks {
        let id = &task.repository.id;
        let Some(known) = versions.of(id).filter(|known| is_same(task, known, source)) else {
            continue;
        };
        let path = Untrusted::from(format!("{}/{}", source.folder_name, task.folder));
        let is_damaged = cases.is_some_and(|cases| cases.is_ill(id, &path));
        let is_due = turn::is_due(id, known.checked, asking.now, asking.full_check_days);
        task.by_listing = match asks_all || is_damaged || is_due {
            true => ByListing::Same,
            false => ByListing::Unchanged {
                checked: known.checked,
                empty: known.empty,
            },
        };
    }
}

/// Whether everything about a repository is as it was when this was taken down.
fn is_same(task: &Task, known: &KnownVersion, source: &OpenSource) -> bool {
    let Some(git) = task.repository.part(PartKind::Git) else {
        return false;
    };
    let stays = task.action == Action::Update && task.from.is_none() && task.note.is_none();
    stays
        && git.version.as_ref() == Some(&known.version)
        && git.default_branch == known.default_branch
        && task.repository.full_name == known.name
        && marks(&source.folder.join(&task.folder)).as_ref() == Some(&known.marks)
}

/// Forgets all that is known of others than those that are not asked for: before they are asked.
pub(crate) fn forget_others(versions: &mut SourceVersions, tasks: &[Task]) {
    let proved = tasks.iter().filter(|task| task.by_listing.is_unchanged());
    let proved: HashSet<&Untrusted> = proved.map(|task| &task.repository.id).collect();
    versions.keep(|id| proved.contains(id));
}

/// What the backup has of a repository now, if the outcome is good and whole and the listing has a
/// version of it. `asked` is when git was asked.
pub(crate) fn known(
    repository: &Repository,
    report: &RepositoryReport,
    folder: &Path,
    asked: Timestamp,
) -> Option<KnownVersion> {
    use RepositoryOutcome as O;
    let git = repository.part(PartKind::Git)?;
    let version = git.version.clone()?;
    let is_good = matches!(
        report.outcome,
        O::Cloned | O::Updated | O::Unchanged | O::Empty
    );
    // Damage that was met is an alert, and what was repaired is asked for once more.
    if !is_good || report.error.is_some() || report.alert.is_some() {
        return None;
    }
    Some(KnownVersion {
        name: repository.full_name.clone(),
        version,
        default_branch: git.default_branch.clone(),
        checked: asked,
        empty: report.outcome == O::Empty,
        marks: marks(folder)?,
    })
}
