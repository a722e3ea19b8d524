//! What an entry of a tree is.

/// What an entry is. Any other mode is taken for one of these, as git takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Executable,
    Link,
    Folder,
    /// A commit of another repository: an empty folder.
    Submodule,
}

impl Kind {
    /// Of a mode as it stands in a tree; `None` if it is no number.
    pub(super) fn of(mode: &[u8]) -> Option<Self> {
        if mode.is_empty() {
            return None;
        }
        // As git does: 16 bits of it.
        let mode = mode.iter().try_fold(0_u32, |mode, digit| {
            (b'0'..=b'7')
                .contains(digit)
                .then(|| mode << 3 | u32::from(digit - b'0'))
        })?;
        Some(match (mode & 0o170_000, mode & 0o100) {
            (0o100_000, 0) => Self::File,
            (0o100_000, _) => Self::Executable,
            (0o120_000, _) => Self::Link,
            (0o040_000, _) => Self::Folder,
            _ => Self::Submodule,
        })
    }

    /// The mode in git's index.
    pub(super) fn mode(self) -> u32 {
        match self {
            Self::File => 0o100_644,
            Self::Executable => 0o100_755,
            Self::Link => 0o120_000,
            Self::Folder => 0o040_000,
            Self::Submodule => 0o160_000,
        }
    }
}
