use crate::finding::Finding;
use crate::limit;
use crate::list::OwnerSeen;
use crate::macros::{document, items, words_that_decide};
use crate::read::Document;
use crate::time::Timestamp;

words_that_decide! {
    /// What something is checked for.
    pub enum Purpose, by default Backup {
        /// To be backed up.
        Backup = "backup",
        /// To be written to.
        Target = "target",
    }
}

document! {
    /// Asks the hoster whether a source works.
    pub struct CheckRequest {
        /// For what.
        pub purpose: Purpose,
        /// Of a target: what is to be called how, below its name. `/` stands between groups and name.
        pub names: Vec<String>,
    }
}

document! {
    /// What the hoster says of the credentials, and what they show.
    pub struct CheckReport {
        /// Whose and which credentials, in a few words, such as `API token of dev@example.com`.
        pub identity: String,
        /// The account's immutable id.
        pub account_id: Option<String>,
        /// What the credentials may do, in the hoster's own words.
        pub scopes: Vec<String>,
        /// What they may not do, and would have to.
        pub missing_scopes: Vec<String>,
        /// When they end.
        pub expires: Option<Timestamp>,
        /// How much may be asked still.
        pub limits: Vec<Limit>,
        /// What is known of how much the credentials see, by owner.
        pub owners: Vec<OwnerSeen>,
        /// Number of repositories visible, where the hoster says so without listing all.
        pub visible: Option<u64>,
        /// How many of them are private.
        pub private: Option<u64>,
        /// Of a target: what the account may do there, in the hoster's own words.
        pub rights: Vec<String>,
        /// Of a target: bytes that there is room for.
        pub room: Option<u64>,
        /// Of a target: how many more repositories may be made.
        pub repositories: Option<u64>,
        /// Of a target: the names that were asked for, as it has them, in the same order.
        pub names: Vec<TargetName>,
        /// Of a target: what pushes it takes.
        pub takes: PushLimits,
        /// Of a target: what it refuses, one sentence each.
        pub refuses: Vec<String>,
        /// Whatever is worth saying.
        pub findings: Vec<Finding>,
    }
}

document! {
    /// A limit of the hoster's.
    pub struct Limit {
        /// What is limited.
        pub name: String,
        /// How much is left.
        pub remaining: Option<u64>,
        /// How much there is in all.
        pub most: Option<u64>,
        /// When it is whole again.
        pub resets: Option<Timestamp>,
    }
}

document! {
    /// A name, as a target has it.
    pub struct TargetName {
        /// What the repository is going to be called, below the target's name: what
        /// [`CreateRequest::name`](crate::CreateRequest::name) gets.
        pub name: String,
        /// Why there can be none of that name, in one line.
        pub refused: Option<String>,
    }
}

document! {
    /// What a target refuses of what is pushed. What is absent is not known, or not limited.
    pub struct PushLimits {
        /// Bytes of a file.
        pub file_bytes: Option<u64>,
        /// Bytes of a push.
        pub push_bytes: Option<u64>,
        /// Bytes of a repository.
        pub repository_bytes: Option<u64>,
        /// Bytes of the name of a ref, with `refs/heads/`.
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
        pub creates_per_minute: Option<u64>,
    }
}

items! {
    Limit: limit::NOTES, "limits";
    TargetName: limit::REPOSITORIES, "names";
}

impl Document for CheckRequest {}
impl Document for CheckReport {}
