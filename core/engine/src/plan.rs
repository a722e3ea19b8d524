//! What a run is going to do about a source. Pure: it follows from the configuration, the listing and
//! what is on disk, and nothing is touched. `--dry-run` prints it.

use std::collections::HashMap;

use forgekeep_config::filter::RepoFilter;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_hoster::Repository;
use forgekeep_store::catalogue::{Catalogue, Owner};
use forgekeep_store::report::{Proof, RepositoryOutcome, RepositoryReport};
use forgekeep_untrusted::{Printable, Untrusted, names};
use jiff::Timestamp;
use serde::Serialize;

/// Longest name or identity of a repository. Hosters allow a few hundred at most.
const MAX_NAME_BYTES: usize = 4096;

const ADDRESS: &str = "address to clone from";

/// What is done about a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is not in the backup yet.
    Clone,
    /// It is, under the hoster's identity.
    Update,
    /// A folder of SCM Backup's with its name is taken over.
    Adopt,
}

/// One repository to mirror.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Index of its source.
    pub source: usize,
    /// The repository. Boxed, as in a listing: lists of hundreds of thousands grow, are sorted and moved.
    pub repository: Box<Repository>,
    /// Folder below the source's folder: one path component.
    pub folder: String,
    /// Where it is now, if that is elsewhere: it was renamed or moved upstream.
    pub from: Option<Location>,
    /// What is done.
    pub action: Action,
    /// What is to be said about it.
    pub note: Option<String>,
    /// What the listing says of changes.
    pub by_listing: ByListing,
}

impl Task {
    /// Size that the hoster states, of one that is not in the backup yet: that much is going to come.
    pub(crate) fn size_of_new(&self) -> Option<u64> {
        match self.action {
            Action::Clone => self.repository.size(),
            Action::Update | Action::Adopt => None,
        }
    }
}

/// What a listing says of whether a repository has changed since git was last asked for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ByListing {
    /// It has, or that cannot be told.
    #[default]
    Unknown,
    /// It has not, and git is asked all the same.
    Same,
    /// It has not, and that is proof enough: git is not asked for its refs.
    Unchanged {
        /// When git was asked.
        checked: Timestamp,
        /// Whether it had no ref then.
        empty: bool,
    },
}

impl ByListing {
    /// Whether it proves that nothing has changed.
    pub fn is_unchanged(self) -> bool {
        matches!(self, Self::Unchanged { .. })
    }

    /// Puts into a report that the repository is as it was, if that is proved. Whether it is.
    pub(crate) fn enter(self, report: &mut RepositoryReport) -> bool {
        let Self::Unchanged { checked, empty } = self else {
            return false;
        };
        report.outcome = match empty {
            true => RepositoryOutcome::Empty,
            false => RepositoryOutcome::Unchanged,
        };
        report.prove(Proof::Listing, checked);
        true
    }
}

/// A folder in the backup.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    /// Index of the source.
    pub source: usize,
    /// Folder below the source's folder.
    pub folder: String,
}

/// A run's plan, to be shown.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// What is to mirror.
    pub tasks: Vec<Task>,
}

/// What there is to do about a source.
#[derive(Debug, Default)]
pub(crate) struct SourcePlan {
    /// What is to mirror.
    pub tasks: Vec<Task>,
    /// What is to mirror, and it is not known yet from where.
    pub undecided: Vec<Undecided>,
    /// What is not, with the reason.
    pub left_out: Vec<RepositoryReport>,
    /// Folders of what is in the backup and was not listed, wherever else it may be.
    pub unlisted: Vec<String>,
    /// Folders of what is marked as gone in the backup, and was listed.
    pub returned: Vec<String>,
    /// The hoster's identities that are listed, and whether each is to mirror.
    pub listed: HashMap<Untrusted, bool>,
}

/// The folder a repository gets, and what is done.
type Placed = Result<(String, Action), Failure>;

/// A repository that is in the backup elsewhere. Whether it has moved from there, others have to say;
/// the folder that it gets is kept for it.
#[derive(Debug)]
pub(crate) struct Undecided {
    /// The repository. Boxed, as in a listing: lists of hundreds of thousands grow, are sorted and moved.
    pub repository: Box<Repository>,
    if_moved: Placed,
    if_new: Placed,
}

impl Undecided {
    /// What is done about it: `from` is where it has moved from, if it has. What cannot be done is a
    /// report with the reason.
    pub fn decide(
        self,
        source: usize,
        from: Option<Location>,
    ) -> Result<Task, Box<RepositoryReport>> {
        let placed = match from {
            Some(_) => self.if_moved,
            None => self.if_new,
        };
        task(source, self.repository, placed, from)
    }
}

fn task(
    source: usize,
    repository: Box<Repository>,
    placed: Placed,
    from: Option<Location>,
) -> Result<Task, Box<RepositoryReport>> {
    match placed {
        Ok((folder, action)) => {
            let is_there = |at: &Location| at.source == source && at.folder == folder;
            Ok(Task {
                source,
                repository,
                from: from.filter(|at| !is_there(at)),
                folder,
                action,
                note: None,
                by_listing: ByListing::default(),
            })
        }
        Err(failure) => {
            let report = RepositoryReport::new(&repository.id, &repository.full_name, "");
            Err(Box::new(report.failed(failure)))
        }
    }
}

/// Plans a source. `catalogue` is what is on disk for it; the folders given to repositories are
/// reserved in it, so that no two get the same. `is_elsewhere` says of one that is not in it whether it
/// is in the backup under another source, and may have moved.
pub(crate) fn of_source(
    source: usize,
    repositories: Vec<Box<Repository>>,
    filter: &RepoFilter,
    catalogue: &mut Catalogue,
    is_elsewhere: &dyn Fn(&Untrusted) -> bool,
) -> SourcePlan {
    let mut plan = SourcePlan::default();
    let mut wanted = Vec::new();
    for repository in repositories {
        let shown = || RepositoryReport::new(&repository.id, &repository.full_name, "");
        let is_first = !plan.listed.contains_key(&repository.id);
        let left_out = if let Some(failure) = defect(&repository) {
            Some(shown().failed(failure))
        } else if !is_first {
            Some(shown().skipped("the hoster listed it twice"))
        } else {
            let by_filter = filter.decide(&repository.facts()).why();
            let why = by_filter.map(Into::into).or(repository.skip.clone());
            why.map(|why: Printable| shown().skipped(why))
        };
        if is_first {
            let is_wanted = left_out.is_none();
            plan.listed.insert(repository.id.clone(), is_wanted);
        }
        match left_out {
            Some(report) => plan.left_out.push(report),
            None => wanted.push(repository),
        }
    }
    for (id, folder) in catalogue.ids() {
        match plan.listed.contains_key(id) {
            false => plan.unlisted.push(folder.to_owned()),
            true if catalogue.is_gone(id) => plan.returned.push(folder.to_owned()),
            true => {}
        }
    }
    plan.unlisted.sort_unstable();
    // Whoever has a folder keeps it, before anybody new gets one.
    wanted.sort_by_key(|repository| catalogue.folder_of(&repository.id).is_none());
    for repository in wanted {
        let own = catalogue.folder_of(&repository.id).map(str::to_owned);
        if own.is_none() && is_elsewhere(&repository.id) {
            let undecided = Undecided {
                if_moved: place(&repository, None, true, catalogue),
                if_new: place(&repository, None, false, catalogue),
                repository,
            };
            for (folder, _) in [&undecided.if_moved, &undecided.if_new]
                .into_iter()
                .flatten()
            {
                catalogue.reserve(folder, &undecided.repository.id);
            }
            plan.undecided.push(undecided);
            continue;
        }
        let placed = place(&repository, own.as_deref(), false, catalogue);
        if let Ok((folder, _)) = &placed {
            catalogue.reserve(folder, &repository.id);
        }
        let from = own.map(|folder| Location { source, folder });
        match task(source, repository, placed, from) {
            Ok(task) => plan.tasks.push(task),
            Err(report) => plan.left_out.push(*report),
        }
    }
    plan
}

impl Plan {
    /// Puts the largest first, so that the longest one does not end the run alone. A repository of
    /// unknown size may be any: it comes first.
    pub fn order(&mut self) {
        self.tasks
            .sort_by_key(|task| std::cmp::Reverse(task.repository.size().unwrap_or(u64::MAX)));
    }

    /// Of how many the listing proves that they have not changed.
    pub fn unchanged(&self) -> usize {
        let all = self.tasks.iter();
        all.filter(|task| task.by_listing.is_unchanged()).count()
    }

    /// How many tasks there are of each kind.
    pub fn counts(&self) -> HashMap<&'static str, usize> {
        let mut counts = HashMap::new();
        for task in &self.tasks {
            let word = match task.action {
                Action::Clone => "clone",
                Action::Update => "update",
                Action::Adopt => "adopt",
            };
            *counts.entry(word).or_insert(0) += 1;
        }
        counts
    }
}

/// What makes a repository impossible to back up, whatever the disk holds.
fn defect(repository: &Repository) -> Option<Failure> {
    let longest = repository.id.len().max(repository.full_name.len());
    if longest > MAX_NAME_BYTES {
        return Some(
            Failure::new(
                ErrorKind::BadAnswer,
                format!("the hoster lists a repository with a name of {longest} bytes"),
            )
            .with_hint("report it to the hoster, or to the plugin's authors"),
        );
    }
    let what = if repository.id.is_empty() {
        "identity"
    } else if repository.full_name.is_empty() {
        "name"
    } else if repository.clone_url().is_empty() && repository.skip.is_none() {
        ADDRESS
    } else {
        return None;
    };
    Some(lacks(repository, what))
}

/// A repository without what it cannot be backed up without.
fn lacks(repository: &Repository, what: &str) -> Failure {
    Failure::new(
        ErrorKind::BadAnswer,
        format!(
            "the hoster lists \"{}\" without {what}",
            repository.full_name.printable()
        ),
    )
    .with_hint("report it to the hoster, or to the plugin's authors")
}

/// A repository of which there is nothing to clone.
pub(crate) fn lacks_address(repository: &Repository) -> Failure {
    lacks(repository, ADDRESS)
}

/// The folder for a repository. It follows the name; one that another repository has, or had at the
/// begin of this run, is not taken. `own` is the folder it has below this source; `moves` says that
/// it comes from another source.
fn place(
    repository: &Repository,
    own: Option<&str>,
    moves: bool,
    catalogue: &Catalogue,
) -> Result<(String, Action), Failure> {
    let found = match own.is_some() || moves {
        true => Action::Update,
        false => Action::Clone,
    };
    let plain = names::encode_full_name(repository.full_name.raw());
    let suffixed = names::with_suffix(&plain, repository.id.raw());
    let mut others = Vec::new();
    for folder in [&plain, &suffixed] {
        let key = names::collision_key(folder);
        // Also if only the case of the name has changed.
        if own.is_some_and(|own| names::collision_key(own) == key) {
            return Ok((folder.clone(), found));
        }
        match catalogue.owner(&key) {
            None => return Ok((folder.clone(), found)),
            Some(Owner::Unclaimed) if found == Action::Clone => {
                return Ok((folder.clone(), Action::Adopt));
            }
            Some(Owner::Unusable(failure)) if found == Action::Clone => {
                return Err(failure.clone());
            }
            // A repository that was deleted and made again under its name, or a twin by case.
            Some(Owner::Id(other)) => others.push(other.printable()),
            Some(Owner::Unclaimed | Owner::Unusable(_)) => others.push("nobody".into()),
        }
    }
    // Rather where it is than in anybody's way.
    if let Some(own) = own {
        return Ok((own.to_owned(), found));
    }
    let message = format!(
        "the folders \"{plain}\" and \"{suffixed}\" both belong to other repositories ({})",
        others.join(", ")
    );
    Err(Failure::new(ErrorKind::ForeignFolder, message).with_hint("move one of them elsewhere"))
}

#[cfg(test)]
mod tests;
