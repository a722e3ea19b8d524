use crate::access::PartRef;
use crate::finding::Finding;
use crate::list::is_cursor;
use crate::macros::document;
use crate::read::Document;
use crate::refused::Refused;
use crate::time::Timestamp;

document! {
    /// It was done.
    pub struct Done {
        /// What there is to say.
        pub notes: Vec<Finding>,
    }
}

document! {
    /// Asks a target to make a repository.
    pub struct CreateRequest {
        /// Its name, below the target's: as [`TargetName::name`](crate::TargetName::name) has it.
        pub name: String,
        /// Whether only those who are let in may see it: from the beginning, never public first.
        pub private: bool,
        /// One line.
        pub description: String,
        /// Whether it is going to hold LFS objects.
        pub lfs: bool,
        /// Whether it is going to have a wiki: the answer has a part for it, if it can be pushed to.
        pub wiki: bool,
    }
}

document! {
    /// Asks a target to set up a repository. What is absent stays.
    pub struct ConfigureRequest {
        /// The repository's identity.
        pub id: String,
        /// Its handle.
        pub handle: String,
        /// Its full name.
        pub full_name: String,
        /// The branch to make the default one.
        pub default_branch: Option<String>,
        /// Whether it is to be archived.
        pub archived: Option<bool>,
        /// Whether pushes start workflows.
        pub automation: Option<bool>,
        /// Whether its wiki is to take pushes. Where that needs a page first, it gets one, which the host
        /// replaces; where it has pages, nothing is done.
        pub wiki: Option<bool>,
    }
}

document! {
    /// Asks a target to remove a repository that the host has made itself.
    pub struct RemoveRequest {
        /// The repository's identity.
        pub id: String,
        /// Its handle.
        pub handle: String,
        /// Its full name.
        pub full_name: String,
    }
}

document! {
    /// Asks for a page of what is to be exported of a repository.
    pub struct ExportRequest {
        /// The repository's identity.
        pub id: String,
        /// Its handle.
        pub handle: String,
        /// Its full name.
        pub full_name: String,
        /// Which part.
        pub part: PartRef,
        /// What of it, such as `issues`.
        pub what: String,
        /// Only what has changed since.
        pub since: Option<Timestamp>,
        /// [`ExportPage::next`] of the page before.
        pub cursor: Option<String>,
    }
}

document! {
    /// A page of an export; its content is the bytes beside it.
    pub struct ExportPage {
        /// Cursor of the page after it.
        pub next: Option<String>,
        /// What there is to say.
        pub notes: Vec<Finding>,
    }
}

impl Document for Done {}
impl Document for CreateRequest {}
impl Document for ConfigureRequest {}
impl Document for RemoveRequest {}

impl Document for ExportRequest {
    fn sound(&self) -> Result<(), Refused> {
        is_cursor(self.cursor.as_ref())
    }
}

impl Document for ExportPage {
    fn sound(&self) -> Result<(), Refused> {
        is_cursor(self.next.as_ref())
    }
}
