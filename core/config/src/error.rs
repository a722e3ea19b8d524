//! What can be wrong with a configuration, and how it is told.

use forgekeep_untrusted::{Printable, Show as _};
use std::fmt;
use std::path::{Path, PathBuf};

/// What kind of fault a [`ConfigError`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConfigErrorKind {
    /// There is no such file.
    NotFound,
    /// No file is named, and there is none at any of the usual places.
    NoneFound,
    /// The file is there, and reading it failed.
    Unreadable,
    /// The file is not UTF-8 text.
    NotUtf8,
    /// The file, or what its aliases expand to, is larger than any configuration.
    TooLarge,
    /// The file name's ending names neither YAML nor TOML.
    UnknownEnding,
    /// The text is not valid YAML or TOML.
    Syntax,
    /// A key is given twice in one place.
    DuplicateKey,
    /// A list where text belongs, text where a number belongs, and the like.
    WrongType,
    /// A key without which there is nothing to do.
    MissingKey,
    /// A value of the right type that cannot be used.
    InvalidValue,
    /// Two sources would share a folder.
    DuplicateTitle,
    /// `%NAME%` names an environment variable that isn't set.
    UnsetVariable,
    /// A command that was to print a secret has not.
    CommandFailed,
}

/// A line and a column of the file, both counted from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// A configuration that cannot be used.
///
/// It is told in three parts: [`what`](Self::what) is wrong and where, [`why`](Self::why) that is
/// so, and a [`hint`](Self::hint) what to do. None of them ever quotes a value that could be a
/// secret, nor the source text around a fault.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}: {}\n  hint: {}", self.0.what, self.0.why, self.0.hint)]
// Boxed: a Result should not grow by the size of its rarer half.
pub struct ConfigError(Box<Fault>);

#[derive(Debug, Clone)]
struct Fault {
    kind: ConfigErrorKind,
    place: FileLocation,
    what: Printable,
    why: Printable,
    hint: Printable,
}

impl ConfigError {
    /// `state` says what is wrong with the key, or with the file where no key is known.
    pub(super) fn new(
        kind: ConfigErrorKind,
        place: FileLocation,
        state: impl fmt::Display,
        why: impl Into<Printable>,
        hint: impl Into<Printable>,
    ) -> Self {
        let what = match &place.key {
            Some(key) => format!("{place}: `{key}` {state}"),
            None => format!("{place}: {state}"),
        };
        Self(Box::new(Fault {
            kind,
            place,
            what: what.into(),
            why: why.into(),
            hint: hint.into(),
        }))
    }

    /// An error about no file in particular.
    pub(super) fn general(
        kind: ConfigErrorKind,
        what: impl Into<Printable>,
        why: impl Into<Printable>,
        hint: impl Into<Printable>,
    ) -> Self {
        Self(Box::new(Fault {
            kind,
            place: FileLocation::default(),
            what: what.into(),
            why: why.into(),
            hint: hint.into(),
        }))
    }

    /// The kind of fault.
    pub fn kind(&self) -> ConfigErrorKind {
        self.0.kind
    }

    /// What is wrong, with file, line, column and key as far as they are known.
    pub fn what(&self) -> &str {
        &self.0.what
    }

    /// Why it cannot be used.
    pub fn why(&self) -> &str {
        &self.0.why
    }

    /// What to do about it.
    pub fn hint(&self) -> &str {
        &self.0.hint
    }

    /// What and why in one line.
    pub fn message(&self) -> String {
        format!("{}: {}", self.0.what, self.0.why)
    }

    /// The file, unless none was found.
    pub fn file(&self) -> Option<&Path> {
        self.0.place.file.as_deref()
    }

    /// Line and column, where known.
    pub fn position(&self) -> Option<Position> {
        self.0.place.position
    }

    /// The path of the key, such as `sources[1].hoster`, where known.
    pub fn key(&self) -> Option<&str> {
        self.0.place.key.as_deref()
    }
}

/// Something in the configuration that is worth a word, and stops nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigWarning {
    /// The file.
    pub file: PathBuf,
    /// Line and column of the key, where known.
    pub position: Option<Position>,
    /// The path of the key, such as `sources[1].passwrod`.
    pub key: Printable,
    /// What about it, without any value.
    pub message: Printable,
}

impl fmt::Display for ConfigWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_place(f, Some(&self.file), self.position)?;
        write!(f, ": `{}` {}", self.key, self.message)
    }
}

/// Where in which file something stands.
#[derive(Debug, Clone, Default)]
pub(super) struct FileLocation {
    pub(super) file: Option<PathBuf>,
    pub(super) position: Option<Position>,
    pub(super) key: Option<String>,
}

impl FileLocation {
    /// A file as a whole.
    pub(super) fn file(path: &Path) -> Self {
        Self {
            file: Some(path.to_owned()),
            ..Self::default()
        }
    }

    /// A place in a file, where it is known.
    pub(super) fn at(path: &Path, position: Option<Position>) -> Self {
        Self {
            position,
            ..Self::file(path)
        }
    }
}

impl fmt::Display for FileLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_place(f, self.file.as_deref(), self.position)
    }
}

fn write_place(
    f: &mut fmt::Formatter<'_>,
    file: Option<&Path>,
    position: Option<Position>,
) -> fmt::Result {
    if let Some(file) = file {
        write!(f, "{}", file.shown())?;
    }
    if let Some(Position { line, column }) = position {
        write!(f, ", line {line}, column {column}")?;
    }
    Ok(())
}
