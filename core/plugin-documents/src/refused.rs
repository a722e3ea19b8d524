use std::fmt;

/// Why a document was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is larger, or something in it is, than a rule allows.
    TooLarge(&'static str),
    /// It is no document, or not the one that was to come. Quotes nothing of it.
    Malformed(String),
    /// It requires what this version does not know.
    Unsupported(String),
}

impl Refused {
    pub(crate) fn malformed(why: &str) -> Self {
        Self::Malformed(why.to_owned())
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(what) => write!(f, "{what} is over the limit"),
            Self::Malformed(why) => f.write_str(why),
            Self::Unsupported(word) => write!(f, "it requires `{word}`, which is not known here"),
        }
    }
}

impl std::error::Error for Refused {}
