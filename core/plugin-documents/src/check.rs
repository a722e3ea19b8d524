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

items! {
    Limit: limit::NOTES, "limits";
}

impl Document for CheckRequest {}
impl Document for CheckReport {}
