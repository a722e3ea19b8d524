use crate::limit;
use crate::macros::{document, items, words_that_inform};
use crate::read::Document;

words_that_inform! {
    /// How bad a finding is.
    pub enum Severity, by default Info {
        /// Good to know.
        Info = "info",
        /// It works, but perhaps not as its author thinks.
        Warning = "warning",
        /// It cannot work, or something is not backed up.
        Error = "error",
    }
}

document! {
    /// What there is to say that is no failure: of a source, or of a listing.
    pub struct Finding {
        /// How bad it is.
        pub severity: Severity,
        /// Key of the source it is about (`name`, `password`, …), if any.
        pub key: String,
        /// What and why, in one line, without secrets.
        pub message: String,
        /// What to do, if anything.
        pub hint: String,
    }
}

items! {
    Finding: limit::NOTES, "notes";
}

impl Finding {
    /// A finding about a key. Without one: `""`.
    pub fn new(severity: Severity, key: &str, message: impl Into<String>) -> Self {
        Self {
            severity,
            key: key.to_owned(),
            message: message.into(),
            hint: String::new(),
        }
    }

    /// Adds what to do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

document! {
    /// What a validation found.
    pub struct Findings {
        /// All of it.
        pub findings: Vec<Finding>,
    }
}

impl Document for Findings {}
