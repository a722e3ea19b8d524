//! What a run is going to do. Pure: it follows from the configuration, the listing and what is on
//! disk, and nothing is touched. `--dry-run` prints it.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use crate::catalogue::{Catalogue, Owner};
use crate::filter::{Decision, RepoFilter};
use crate::hoster::Repository;
use crate::names;
use crate::report::RepositoryReport;
use crate::{ErrorKind, Failure};

/// Longest name or identity of a repository. Hosters allow a few hundred at most.
const MAX_NAME_BYTES: usize = 4096;

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
    /// What is done.
    pub action: Action,
}

/// A run's plan.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// What is to mirror, largest first.
    pub tasks: Vec<Task>,
    /// What is not, with the reason, by index of the source.
    pub left_out: Vec<(usize, RepositoryReport)>,
}

impl Plan {
    /// Adds a source. `catalogue` is what is on disk for it; the folders given to new repositories
    /// are claimed in it, so that no two get the same.
    pub fn add_source(
        &mut self,
        source: usize,
        repositories: Vec<Repository>,
        filter: &RepoFilter,
        mut catalogue: Catalogue,
    ) {
        let mut seen = HashSet::new();
        let mut wanted = Vec::new();
        for repository in repositories {
            let shown = || {
                RepositoryReport::new(
                    &names::printable(&repository.id),
                    &names::printable(&repository.full_name),
                    "",
                )
            };
            let left_out = if let Some(failure) = defect(&repository) {
                Some(shown().failed(failure))
            } else if !seen.insert(repository.id.clone()) {
                Some(shown().skipped("the hoster listed it twice"))
            } else {
                match (filter.decide(&repository.full_name), &repository.skip) {
                    (Decision::NotIncluded, _) => Some(shown().skipped("not in includeRepos")),
                    (Decision::Ignored, _) => Some(shown().skipped("in ignoreRepos")),
                    (Decision::Included, Some(why)) => Some(shown().skipped(why)),
                    (Decision::Included, None) => None,
                }
            };
            match left_out {
                Some(report) => self.left_out.push((source, report)),
                None => wanted.push(repository),
            }
        }
        // Whoever has a folder keeps it, before anybody new gets one.
        let (known, new): (Vec<_>, Vec<_>) = wanted
            .into_iter()
            .partition(|repository| catalogue.folder_of(&repository.id).is_some());
        for repository in known {
            let folder = catalogue.folder_of(&repository.id).map(str::to_owned);
            self.tasks.extend(folder.map(|folder| Task {
                source,
                repository,
                folder,
                action: Action::Update,
            }));
        }
        for repository in new {
            match place(&repository, &catalogue) {
                Ok((folder, action)) => {
                    catalogue.claim(&folder, &repository.id);
                    self.tasks.push(Task {
                        source,
                        repository,
                        folder,
                        action,
                    });
                }
                Err(failure) => {
                    let report = RepositoryReport::new(
                        &names::printable(&repository.id),
                        &names::printable(&repository.full_name),
                        "",
                    );
                    self.left_out.push((source, report.failed(failure)));
                }
            }
        }
    }

    /// Puts the largest first, so that the longest one does not end the run alone. A repository of
    /// unknown size may be any: it comes first.
    pub fn order(&mut self) {
        self.tasks
            .sort_by_key(|task| std::cmp::Reverse(task.repository.size.unwrap_or(u64::MAX)));
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
    } else if repository.clone_url.is_empty() && repository.skip.is_none() {
        "address to clone from"
    } else {
        return None;
    };
    Some(
        Failure::new(
            ErrorKind::BadAnswer,
            format!(
                "the hoster lists \"{}\" without {what}",
                names::printable(&repository.full_name)
            ),
        )
        .with_hint("report it to the hoster, or to the plugin's authors"),
    )
}

/// The folder for a repository that is not in the backup yet.
fn place(repository: &Repository, catalogue: &Catalogue) -> Result<(String, Action), Failure> {
    let plain = names::encode_full_name(&repository.full_name);
    match catalogue.owner(&names::collision_key(&plain)) {
        None => return Ok((plain, Action::Clone)),
        Some(Owner::Unclaimed) => return Ok((plain, Action::Adopt)),
        Some(Owner::Unusable(failure)) => return Err(failure.clone()),
        // A repository that was deleted and made anew under its name, or a twin by case.
        Some(Owner::Id(_)) => {}
    }
    let suffixed = names::with_suffix(&plain, &repository.id);
    match catalogue.owner(&names::collision_key(&suffixed)) {
        None => Ok((suffixed, Action::Clone)),
        Some(Owner::Unclaimed) => Ok((suffixed, Action::Adopt)),
        Some(Owner::Unusable(failure)) => Err(failure.clone()),
        Some(Owner::Id(other)) => Err(Failure::new(
            ErrorKind::ForeignFolder,
            format!(
                "the folders \"{plain}\" and \"{suffixed}\" both belong to other repositories ({})",
                names::printable(other)
            ),
        )
        .with_hint("move one of them elsewhere")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn repository(id: &str, name: &str, size: Option<u64>) -> Repository {
        Repository {
            id: id.to_owned(),
            full_name: name.to_owned(),
            clone_url: format!("https://example.com/{name}.git"),
            wiki_url: None,
            default_branch: None,
            size,
            private: false,
            skip: None,
        }
    }

    fn plan(repositories: Vec<Repository>, catalogue: Catalogue) -> Plan {
        let mut plan = Plan::default();
        let filter = RepoFilter::new(&[], &[]).unwrap();
        plan.add_source(0, repositories, &filter, catalogue);
        plan.order();
        plan
    }

    #[test]
    fn the_largest_comes_first_and_the_unknown_before_it() {
        let plan = plan(
            vec![
                repository("1", "a/small", Some(1)),
                repository("2", "a/large", Some(9)),
                repository("3", "a/unknown", None),
            ],
            Catalogue::default(),
        );
        let names: Vec<_> = plan.tasks.iter().map(|t| t.folder.as_str()).collect();
        assert_eq!(names, ["a#unknown", "a#large", "a#small"]);
    }

    #[test]
    fn case_twins_get_a_folder_each() {
        let plan = plan(
            vec![
                repository("1", "a/Web", None),
                repository("2", "a/web", None),
            ],
            Catalogue::default(),
        );
        assert_eq!(plan.tasks[0].folder, "a#Web");
        assert_eq!(plan.tasks[1].folder, names::with_suffix("a#web", "2"));
    }

    #[test]
    fn a_repository_made_anew_under_an_old_name_does_not_touch_the_old_one() {
        let mut catalogue = Catalogue::default();
        catalogue.claim("a#web", "old");
        let plan = plan(vec![repository("new", "a/web", None)], catalogue);
        assert_eq!(plan.tasks[0].action, Action::Clone);
        assert_ne!(plan.tasks[0].folder, "a#web");
    }

    #[test]
    fn a_renamed_repository_keeps_its_folder() {
        let mut catalogue = Catalogue::default();
        catalogue.claim("a#old", "1");
        let plan = plan(vec![repository("1", "a/new", None)], catalogue);
        assert_eq!(plan.tasks[0].folder, "a#old");
        assert_eq!(plan.tasks[0].action, Action::Update);
    }

    #[test]
    fn what_cannot_be_backed_up_is_said() {
        let mut twice = repository("1", "a/b", None);
        twice.full_name = "a/again".to_owned();
        let plan = plan(
            vec![
                repository("1", "a/b", None),
                twice,
                repository("", "a/c", None),
                Repository {
                    clone_url: String::new(),
                    ..repository("4", "a/d", None)
                },
                Repository {
                    skip: Some("hg".to_owned()),
                    clone_url: String::new(),
                    ..repository("5", "a/e", None)
                },
            ],
            Catalogue::default(),
        );
        assert_eq!(plan.tasks.len(), 1);
        let said: Vec<_> = plan
            .left_out
            .iter()
            .map(|(_, report)| {
                report
                    .error
                    .as_ref()
                    .map_or_else(|| report.note.clone().unwrap(), |e| e.message.clone())
            })
            .collect();
        assert_eq!(
            said,
            [
                "the hoster listed it twice",
                "the hoster lists \"a/c\" without identity",
                "the hoster lists \"a/d\" without address to clone from",
                "hg",
            ]
        );
    }

    proptest! {
        #[test]
        fn every_repository_is_planned_once_and_no_folder_is_shared(
            names in proptest::collection::vec("[aAbBäÄ./# ]{1,6}", 1..20)
        ) {
            let repositories: Vec<_> = names
                .iter()
                .enumerate()
                .map(|(n, name)| repository(&n.to_string(), name, None))
                .collect();
            let count = repositories.len();
            let plan = plan(repositories, Catalogue::default());
            prop_assert_eq!(plan.tasks.len() + plan.left_out.len(), count);
            let folders: HashSet<_> = plan
                .tasks
                .iter()
                .map(|task| crate::names::collision_key(&task.folder))
                .collect();
            prop_assert_eq!(folders.len(), plan.tasks.len());
        }
    }
}
