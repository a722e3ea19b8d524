//! A hoster as a target: where repositories are brought back to.

use forgekeep_failure::{Failure, Finding};
use forgekeep_untrusted::{Printable, Untrusted};

use super::{Access, Part, Repository};

/// What a target says before anything is made there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetReport {
    /// Whose and which credentials, in a few words.
    pub identity: Printable,
    /// What they may not do, and would have to.
    pub missing_scopes: Vec<Printable>,
    /// Bytes that there is room for, where the hoster says so.
    pub room: Option<u64>,
    /// How many more repositories may be made, where the hoster says so.
    pub repositories: Option<u64>,
    /// What was asked for, as the target has it, in the same order.
    pub names: Vec<TargetName>,
    /// What pushes it takes.
    pub takes: PushLimits,
    /// What else it refuses, one sentence each.
    pub refuses: Vec<Printable>,
    /// Whatever is worth saying. An error is about a key of the target.
    pub findings: Vec<Finding>,
}

/// A name, as a target has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetName {
    /// What the repository is going to be called, below the target's name.
    pub name: Untrusted,
    /// Why there can be none of that name.
    pub refused: Option<Printable>,
}

/// What a target refuses of what is pushed. What is absent is not known, or not limited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PushLimits {
    /// Bytes of a file.
    pub file_bytes: Option<u64>,
    /// Bytes of a push.
    pub push_bytes: Option<u64>,
    /// Bytes of a repository.
    pub repository_bytes: Option<u64>,
    /// Bytes of the name of a ref.
    pub ref_bytes: Option<u64>,
    /// Whether it refuses branches and tags that are called like the id of an object.
    pub no_refs_like_ids: bool,
    /// Whether it refuses objects that git's own check complains of.
    pub checks_objects: bool,
    /// Whether it refuses files that stand for LFS objects which it does not have.
    pub no_lfs_without_objects: bool,
    /// Whether a repository that is made has no wiki to push to until a person has begun one.
    pub no_new_wikis: bool,
    /// How many repositories may be made in a minute.
    pub creates_per_minute: Option<u32>,
}

/// A repository to make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewRepository {
    /// Its name, as [`TargetName::name`] has it.
    pub name: Untrusted,
    /// One line.
    pub description: Untrusted,
    /// Whether it is going to have a wiki.
    pub wiki: bool,
}

/// How to set up a repository. What is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    /// The branch to make the default one.
    pub default_branch: Option<Untrusted>,
    /// Whether it is to be archived.
    pub archived: Option<bool>,
    /// Whether pushes start workflows.
    pub automation: Option<bool>,
    /// Whether its wiki is to take pushes.
    pub wiki: Option<bool>,
}

/// A session that can be written to.
pub trait TargetSession: Send + Sync {
    /// What the credentials may do, and what the names become. Nothing is written.
    ///
    /// # Errors
    ///
    /// The target cannot be asked.
    fn examine(&self, names: &[String]) -> Result<TargetReport, Failure>;

    /// Makes an empty, private repository, and gives it as it is.
    ///
    /// # Errors
    ///
    /// There is none now, or that is not known.
    fn create(&self, what: &NewRepository) -> Result<Repository, Failure>;

    /// Sets a repository up. Gives what there is to say.
    ///
    /// # Errors
    ///
    /// Something of it could not be set.
    fn configure(&self, repository: &Repository, what: &Setup) -> Result<Vec<Finding>, Failure>;

    /// Removes a repository that was made here. Gives what there is to say.
    ///
    /// # Errors
    ///
    /// It is still there.
    fn remove(&self, repository: &Repository) -> Result<Vec<Finding>, Failure>;

    /// The credentials to push to a part of a repository.
    ///
    /// # Errors
    ///
    /// There are none for it.
    fn push_access(
        &self,
        repository: &Repository,
        part: &Part,
        refused_before: bool,
    ) -> Result<Access, Failure>;

    /// What has ended the whole target: every further call fails by it.
    fn ended(&self) -> Option<Failure>;
}
