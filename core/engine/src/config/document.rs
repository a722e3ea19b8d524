//! A configuration file as a tree, the same for both syntaxes.
//!
//! Neither library's own deserialisation can do all that is asked of it: the literal text of a
//! number that is meant as text, the line of every key, unknown keys with their place, and
//! messages that never quote a value. A small tree can.

use std::collections::HashSet;
use std::path::Path;

use super::error::{ConfigError, ConfigErrorKind, Place, Position};
use super::{toml, yaml};
use crate::names::printable;

/// One value. It has no `Debug`, because it may hold a secret.
pub(super) struct Node {
    /// The offset at which it begins; known for TOML only (see [`Document::position`]).
    pub(super) at: Option<usize>,
    pub(super) value: Value,
}

pub(super) enum Value {
    Null,
    Scalar(Scalar),
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
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
pub(super) struct Entry {
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
                Place::file(path),
                "cannot tell the syntax of this file",
                "its name must end with `.yml`, `.yaml` or `.toml`",
                "rename the file to the syntax it is written in",
            )),
        }
    }
}

/// What a syntax module found wrong; [`Document::parse`] adds the file.
pub(super) struct SyntaxFault {
    pub(super) kind: ConfigErrorKind,
    pub(super) position: Option<Position>,
    /// Never quotes the source.
    pub(super) why: String,
    /// Where the usual advice for the kind would not help.
    pub(super) hint: Option<&'static str>,
}

pub(super) struct Document<'a> {
    pub(super) root: Node,
    pub(super) syntax: Syntax,
    text: &'a str,
}

impl<'a> Document<'a> {
    pub(super) fn parse(text: &'a str, path: &Path) -> Result<Self, ConfigError> {
        let syntax = Syntax::of(path)?;
        if text.len() > super::MAX_FILE_BYTES {
            return Err(super::file::too_large(path));
        }
        // Editors on Windows write a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let parsed = match syntax {
            Syntax::Yaml => yaml::parse(text),
            Syntax::Toml => toml::parse(text),
        };
        let root = parsed.map_err(|fault| syntax_error(fault, syntax, path))?;
        let document = Self { root, syntax, text };
        match &document.root.value {
            Value::Mapping(_) | Value::Null => {}
            Value::Scalar(_) | Value::Sequence(_) => {
                return Err(ConfigError::new(
                    ConfigErrorKind::WrongType,
                    Place::at(path, document.position(&[])),
                    "the file must hold keys and values",
                    "its outermost level is something else",
                    "start with `localFolder:` and `sources:`",
                ));
            }
        }
        document.refuse_duplicates(&document.root, &mut Vec::new(), "", path)?;
        Ok(document)
    }

    /// The line and column of the value at the end of `trail`, or of its key where it has one.
    ///
    /// For YAML this reads the text once more, since the library tells places only in errors.
    pub(super) fn position(&self, trail: &[Step]) -> Option<Position> {
        match self.syntax {
            Syntax::Yaml => yaml::locate(self.text, trail),
            Syntax::Toml => {
                let mut at = self.root.at;
                let mut node = &self.root;
                for step in trail {
                    match (step, &node.value) {
                        (Step::Entry(index), Value::Mapping(entries)) => {
                            let entry = entries.get(*index)?;
                            at = entry.at;
                            node = &entry.node;
                        }
                        (Step::Item(index), Value::Sequence(items)) => {
                            node = items.get(*index)?;
                            at = node.at;
                        }
                        _ => return None,
                    }
                }
                at.map(|offset| position_of(self.text, offset))
            }
        }
    }

    /// `<<` would be a key like any other, and what it stands for would be missing.
    pub(super) fn refuse_merge_keys(&self, path: &Path) -> Result<(), ConfigError> {
        match self.syntax {
            Syntax::Yaml => self.refuse_merge_key(&self.root, &mut Vec::new(), "", path),
            Syntax::Toml => Ok(()),
        }
    }

    fn refuse_merge_key(
        &self,
        node: &Node,
        trail: &mut Vec<Step>,
        key: &str,
        path: &Path,
    ) -> Result<(), ConfigError> {
        match &node.value {
            Value::Null | Value::Scalar(_) => {}
            Value::Sequence(items) => {
                for (index, item) in items.iter().enumerate() {
                    trail.push(Step::Item(index));
                    self.refuse_merge_key(item, trail, &format!("{key}[{index}]"), path)?;
                    trail.pop();
                }
            }
            Value::Mapping(entries) => {
                for (index, entry) in entries.iter().enumerate() {
                    trail.push(Step::Entry(index));
                    let key = joined(key, &entry.key);
                    if entry.key == "<<" {
                        let place = Place {
                            key: Some(key),
                            ..Place::at(path, self.position(trail))
                        };
                        return Err(ConfigError::new(
                            ConfigErrorKind::Syntax,
                            place,
                            "is a merge key, which is not followed",
                            "the keys that it stands for would be missing",
                            "write these keys out; an alias (`*name`) may stand for a whole value",
                        ));
                    }
                    self.refuse_merge_key(&entry.node, trail, &key, path)?;
                    trail.pop();
                }
            }
        }
        Ok(())
    }

    /// TOML refuses duplicates by itself; YAML's library leaves them to its caller.
    fn refuse_duplicates(
        &self,
        node: &Node,
        trail: &mut Vec<Step>,
        key: &str,
        path: &Path,
    ) -> Result<(), ConfigError> {
        match &node.value {
            Value::Null | Value::Scalar(_) => {}
            Value::Sequence(items) => {
                for (index, item) in items.iter().enumerate() {
                    trail.push(Step::Item(index));
                    self.refuse_duplicates(item, trail, &format!("{key}[{index}]"), path)?;
                    trail.pop();
                }
            }
            Value::Mapping(entries) => {
                let mut seen = HashSet::new();
                for (index, entry) in entries.iter().enumerate() {
                    trail.push(Step::Entry(index));
                    let key = joined(key, &entry.key);
                    if !seen.insert(entry.key.as_str()) {
                        let place = Place {
                            key: Some(key),
                            ..Place::at(path, self.position(trail))
                        };
                        return Err(ConfigError::new(
                            ConfigErrorKind::DuplicateKey,
                            place,
                            "is given twice",
                            "only one of the two values could be used",
                            "remove one of them",
                        ));
                    }
                    self.refuse_duplicates(&entry.node, trail, &key, path)?;
                    trail.pop();
                }
            }
        }
        Ok(())
    }
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

/// The path of a key below another.
pub(super) fn joined(parent: &str, key: &str) -> String {
    let key = printable(key);
    if parent.is_empty() {
        key
    } else {
        format!("{parent}.{key}")
    }
}

fn syntax_error(fault: SyntaxFault, syntax: Syntax, path: &Path) -> ConfigError {
    let (state, hint) = match (fault.kind, syntax) {
        (ConfigErrorKind::DuplicateKey, _) => {
            ("a key is given twice".to_owned(), "remove one of them")
        }
        (ConfigErrorKind::TooLarge, _) => (
            "the file holds too much".to_owned(),
            "take out the nesting, or the aliases (`*name`): a configuration is a few pages of text",
        ),
        (_, Syntax::Yaml) => (
            "this is not valid YAML".to_owned(),
            "check the indentation (spaces, no tabs) and the quotes at and before this line; \
             a value that holds `: ` or ` #`, or starts with one of % @ & * ! { [ needs single \
             quotes, such as '%TOKEN%'",
        ),
        (_, Syntax::Toml) => (
            "this is not valid TOML".to_owned(),
            "check this line and the one before it: text needs quotes, and single quotes take \
             it literally",
        ),
    };
    ConfigError::new(
        fault.kind,
        Place::at(path, fault.position),
        state,
        fault.why,
        fault.hint.unwrap_or(hint),
    )
}
