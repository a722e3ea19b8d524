//! What a run is going to do. Pure: it follows from the configuration, the listing and what is on
//! disk, and nothing is touched. `--dry-run` prints it.

use std::collections::{HashMap, HashSet};

use forgekeep_config::filter::{Decision, RepoFilter};
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_hoster::Repository;
use forgekeep_store::catalogue::{Catalogue, Owner};
use forgekeep_store::report::RepositoryReport;
use forgekeep_untrusted::{Untrusted, names};
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
    /// The repository.
    pub repository: Repository,
    /// Folder below the source's folder: one path component.
    pub folder: String,
    /// Where it is now, if that is elsewhere: it was renamed or moved upstream.
    pub from: Option<Location>,
    /// What is done.
    pub action: Action,
}

/// A folder in the backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// Index of the source.
    pub source: usize,
    /// Folder below the source's folder.
    pub folder: String,
}

/// A run's plan.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// What is to mirror, largest first.
    pub tasks: Vec<Task>,
    /// What is not, with the reason, by index of the source.
    pub left_out: Vec<(usize, RepositoryReport)>,
    /// What is in the backup and was not listed, wherever else it may be: the hoster's identities
    /// and where they are.
    pub unlisted: Vec<(Untrusted, Location)>,
    /// What is marked as gone in the backup, and was listed.
    pub returned: Vec<Location>,
}

/// What repositories may have moved here: the hoster's identities, and where they are.
pub type Movers = HashMap<Untrusted, Location>;

impl Plan {
    /// Adds a source. `catalogue` is what is on disk for it; the folders given to repositories are
    /// claimed in it, so that no two get the same. `movers` are those that other sources of the same
    /// hoster have in the backup and no longer list; who is taken from there is removed.
    pub fn add_source(
        &mut self,
        source: usize,
        repositories: Vec<Repository>,
        filter: &RepoFilter,
        mut catalogue: Catalogue,
        movers: &mut Movers,
    ) {
        let mut seen = HashSet::new();
        let mut wanted = Vec::new();
        for repository in repositories {
            let shown = || RepositoryReport::new(&repository.id, &repository.full_name, "");
            let is_first = seen.insert(repository.id.clone());
            let left_out = if let Some(failure) = defect(&repository) {
                Some(shown().failed(failure))
            } else if !is_first {
                Some(shown().skipped("the hoster listed it twice"))
            } else {
                match (filter.decide(repository.full_name.raw()), &repository.skip) {
                    (Decision::NotIncluded, _) => Some(shown().skipped("not in includeRepos")),
                    (Decision::Ignored, _) => Some(shown().skipped("in ignoreRepos")),
                    (Decision::Included, Some(why)) => Some(shown().skipped(why.clone())),
                    (Decision::Included, None) => None,
                }
            };
            match left_out {
                Some(report) => self.left_out.push((source, report)),
                None => wanted.push(repository),
            }
        }
        let back = catalogue.ids().filter(|(id, _)| seen.contains(*id));
        let back = back.filter(|(id, _)| catalogue.is_gone(id));
        self.returned.extend(back.map(|(_, folder)| Location {
            source,
            folder: folder.to_owned(),
        }));
        let unlisted = catalogue.ids().filter(|(id, _)| !seen.contains(*id));
        self.unlisted.extend(unlisted.map(|(id, folder)| {
            let folder = folder.to_owned();
            (id.clone(), Location { source, folder })
        }));
        // Whoever has a folder keeps it, before anybody new gets one.
        wanted.sort_by_key(|repository| catalogue.folder_of(&repository.id).is_none());
        for repository in wanted {
            let own = catalogue.folder_of(&repository.id).map(str::to_owned);
            let mover = match &own {
                Some(_) => None,
                // To one source only: there is one folder.
                None => movers.remove(&repository.id),
            };
            match place(&repository, own.as_deref(), mover.is_some(), &catalogue) {
                Ok((folder, action)) => {
                    let at = own.map(|folder| Location { source, folder });
                    let at = at.or(mover);
                    catalogue.claim(&folder, &repository.id);
                    let is_there = |at: &Location| at.source == source && at.folder == folder;
                    self.tasks.push(Task {
                        source,
                        repository,
                        from: at.filter(|at| !is_there(at)),
                        folder,
                        action,
                    });
                }
                Err(failure) => {
                    let report = RepositoryReport::new(&repository.id, &repository.full_name, "");
                    self.left_out.push((source, report.failed(failure)));
                }
            }
        }
    }

    /// Puts the largest first, so that the longest one does not end the run alone. A repository of
    /// unknown size may be any: it comes first.
    pub fn order(&mut self) {
        self.tasks
            .sort_by_key(|task| std::cmp::Reverse(task.repository.size().unwrap_or(u64::MAX)));
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
