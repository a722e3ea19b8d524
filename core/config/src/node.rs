//! A configuration file as a tree, the same for both syntaxes.

use std::path::Path;

use super::error::{ConfigError, ConfigErrorKind, FileLocation, Position};

/// One value. It has no `Debug`, because it may hold a secret.
pub(super) struct Node {
    /// The offset at which it begins; known for TOML only (see `ConfigDocument::position`).
    pub(super) at: Option<usize>,
    pub(super) value: Value,
}

pub(super) enum Value {
    Null,
    Scalar(Scalar),
    Sequence(Vec<Node>),
    Mapping(Vec<MappingEntry>),
}

pub(super) struct Scalar {
    /// As written: `007`, `0x1F`, `1.10`.
    pub(super) text: String,
    pub(super) kind: ScalarKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ScalarKind {
    Text,
    Boolean(bool),
    Integer(i128),
    /// A number with a fraction, a date, an integer beyond all limits.
    Other,
}

/// A key and its value, in the order of the file.
pub(super) struct MappingEntry {
    pub(super) key: String,
    /// The offset at which the key begins; known for TOML only.
    pub(super) at: Option<usize>,
    pub(super) node: Node,
}

/// One step from the root to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The n-th entry of a mapping.
    Entry(usize),
    /// The n-th item of a sequence.
    Item(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    Yaml,
    Toml,
}

impl Syntax {
    /// Decides by the file's ending.
    pub(super) fn of(path: &Path) -> Result<Self, ConfigError> {
        let ending = path.extension().and_then(|ending| ending.to_str());
        match ending.map(str::to_ascii_lowercase).as_deref() {
            Some("yml" | "yaml") => Ok(Self::Yaml),
            Some("toml") => Ok(Self::Toml),
            _ => Err(ConfigError::new(
                ConfigErrorKind::UnknownEnding,
                FileLocation::file(path),
                "the syntax of this file is not known",
                "its name must end with `.yml`, `.yaml` or `.toml`",
                "rename the file to the syntax it is written in",
            )),
        }
    }
}

/// What a syntax module found wrong; `ConfigDocument::parse` adds the file.
pub(super) struct SyntaxFault {
    pub(super) kind: ConfigErrorKind,
    pub(super) position: Option<Position>,
    /// Never quotes the source.
    pub(super) why: String,
    /// Where the usual advice for the kind would not help.
    pub(super) hint: Option<&'static str>,
}

/// The line and column of an offset.
pub(super) fn position_of(text: &str, offset: usize) -> Position {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    Position {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}
