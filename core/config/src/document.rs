//! A configuration file as a tree, the same for both syntaxes.
//!
//! Neither library's own deserialisation can do all that is asked of it: the literal text of a
//! number that is meant as text, the line of every key, unknown keys with their place, and
//! messages that never quote a value. A small tree can.

use std::collections::HashSet;
use std::path::Path;

use super::error::{ConfigError, ConfigErrorKind, FileLocation, Position};
use super::node::{Node, Step, Syntax, SyntaxFault, Value, position_of};
use super::{toml, yaml};
use forgekeep_untrusted::Printable;

pub(super) struct ConfigDocument<'a> {
    pub(super) root: Node,
    pub(super) syntax: Syntax,
    text: &'a str,
}

impl<'a> ConfigDocument<'a> {
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
                    FileLocation::at(path, document.position(&[])),
                    "the file must hold keys and values",
                    "its top level is something else",
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
                        let place = FileLocation {
                            key: Some(key),
                            ..FileLocation::at(path, self.position(trail))
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
                        let place = FileLocation {
                            key: Some(key),
                            ..FileLocation::at(path, self.position(trail))
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

/// The path of a key below another.
pub(super) fn joined(parent: &str, key: &str) -> String {
    let key = Printable::from(key).to_string();
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
            "remove the nesting or the aliases (`*name`): a configuration is a few pages of text",
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
        FileLocation::at(path, fault.position),
        state,
        fault.why,
        fault.hint.unwrap_or(hint),
    )
}
