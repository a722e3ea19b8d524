//! Typed access to the tree: each value with its key path and its place.

use std::cell::{Cell, RefCell};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use super::document::{ConfigDocument, joined};
use super::environment::{Environment, expand};
use super::error::{ConfigError, ConfigErrorKind, ConfigWarning, FileLocation, Position};
use super::nearest::nearest;
use super::node::{MappingEntry, Node, Scalar, ScalarKind, Step, Syntax, Value};
use forgekeep_untrusted::{Printable, Shown};

/// Finding a place in YAML means reading the file again; a file with more warnings than this has
/// other troubles than a missing line number.
const MAX_LOCATED_WARNINGS: usize = 20;

pub(super) struct Reader<'a> {
    document: &'a ConfigDocument<'a>,
    file: &'a Path,
    environment: Environment<'a>,
    warnings: RefCell<Vec<ConfigWarning>>,
    located: Cell<usize>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        document: &'a ConfigDocument<'a>,
        file: &'a Path,
        environment: Environment<'a>,
    ) -> Self {
        Self {
            document,
            file,
            environment,
            warnings: RefCell::default(),
            located: Cell::new(0),
        }
    }

    pub(super) fn root(&'a self) -> Section<'a> {
        let entries = match &self.document.root.value {
            Value::Mapping(entries) => entries.as_slice(),
            // An empty file; anything else was refused when it was parsed.
            Value::Null | Value::Scalar(_) | Value::Sequence(_) => &[],
        };
        Section {
            field: Field {
                reader: self,
                node: &self.document.root,
                key: String::new(),
                trail: Vec::new(),
            },
            entries,
        }
    }

    /// The warnings in the order of the file, those without a place last.
    pub(super) fn into_warnings(self) -> Vec<ConfigWarning> {
        let mut warnings = self.warnings.into_inner();
        in_order(&mut warnings);
        warnings
    }
}

/// Sorts warnings by their place in the file, those without one last.
pub(super) fn in_order(warnings: &mut [ConfigWarning]) {
    warnings.sort_by_key(|warning| {
        let position = warning.position;
        position.map_or((usize::MAX, 0), |at| (at.line, at.column))
    });
}

/// A value that is there and isn't null.
pub(super) struct Field<'a> {
    reader: &'a Reader<'a>,
    node: &'a Node,
    pub(super) key: String,
    trail: Vec<Step>,
}

/// The text of a field after `%NAME%` was replaced. It may be a secret: messages quote
/// [`quotable`](Self::quotable).
pub(super) struct Text<'a> {
    pub(super) value: String,
    /// The variables it was made from.
    pub(super) variables: Vec<String>,
    raw: &'a str,
}

impl Text<'_> {
    /// What the file says, never what came from the environment.
    pub(super) fn quotable(&self) -> Shown<'_> {
        Shown::of(self.raw)
    }
}

impl<'a> Field<'a> {
    /// An environment variable that is set and not empty, nor a stand-in for one that is not set.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        (self.reader.environment)(name)
            .filter(|value| !value.is_empty() && !value.contains('\u{fffd}'))
    }

    pub(super) fn position(&self) -> Option<Position> {
        self.reader.document.position(&self.trail)
    }

    pub(super) fn error(
        &self,
        kind: ConfigErrorKind,
        state: &str,
        why: impl Into<Printable>,
        hint: impl Into<Printable>,
    ) -> ConfigError {
        let place = FileLocation {
            key: (!self.key.is_empty()).then(|| self.key.clone()),
            ..FileLocation::at(self.reader.file, self.position())
        };
        ConfigError::new(kind, place, state, why, hint)
    }

    pub(super) fn invalid(
        &self,
        why: impl Into<Printable>,
        hint: impl Into<Printable>,
    ) -> ConfigError {
        self.error(
            ConfigErrorKind::InvalidValue,
            "has a value that cannot be used",
            why,
            hint,
        )
    }

    pub(super) fn warn(&self, message: impl Into<Printable>) {
        let located = self.reader.located.get();
        let position = if located < MAX_LOCATED_WARNINGS {
            self.reader.located.set(located + 1);
            self.position()
        } else {
            None
        };
        self.reader.warnings.borrow_mut().push(ConfigWarning {
            file: self.reader.file.to_owned(),
            position,
            key: self.key.clone().into(),
            message: message.into(),
        });
    }

    /// Never quotes the value: a secret may stand in the wrong place.
    pub(super) fn wrong_type(&self, expected: &str, hint: &str) -> ConfigError {
        let found = match &self.node.value {
            Value::Null => "nothing",
            Value::Scalar(scalar) => match scalar.kind {
                ScalarKind::Text => "text",
                ScalarKind::Boolean(_) => "true or false",
                ScalarKind::Integer(_) | ScalarKind::Other => "a number or a date",
            },
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a group of keys",
        };
        self.error(
            ConfigErrorKind::WrongType,
            "has the wrong type",
            format!("expected {expected}, found {found}"),
            hint,
        )
    }

    /// A group of keys.
    pub(super) fn section(self) -> Result<Section<'a>, ConfigError> {
        match &self.node.value {
            Value::Mapping(entries) => Ok(Section {
                entries,
                field: self,
            }),
            Value::Null | Value::Scalar(_) | Value::Sequence(_) => {
                Err(self.wrong_type("a group of keys", "write it as keys with values below it"))
            }
        }
    }

    /// The items of a list, null ones included.
    pub(super) fn items(&self) -> Result<Vec<Field<'a>>, ConfigError> {
        match &self.node.value {
            Value::Sequence(items) => Ok(items
                .iter()
                .enumerate()
                .map(|(index, node)| {
                    self.child(Step::Item(index), node, format!("{}[{index}]", self.key))
                })
                .collect()),
            Value::Null | Value::Scalar(_) | Value::Mapping(_) => {
                let hint = match self.reader.document.syntax {
                    Syntax::Yaml => "write each item on a line of its own, after `- `",
                    Syntax::Toml if self.key == "sources" => {
                        "start each source with the line `[[sources]]`"
                    }
                    Syntax::Toml => "put the items into square brackets: `[\"one\", \"two\"]`",
                };
                Err(self.wrong_type("a list", hint))
            }
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self.node.value, Value::Null)
    }

    /// The keys below this value, and below the items where it is a list, each once.
    pub(super) fn inner_keys(&self) -> Vec<&'a str> {
        let entries: Vec<&MappingEntry> = match &self.node.value {
            Value::Mapping(entries) => entries.iter().collect(),
            Value::Sequence(items) => items
                .iter()
                .filter_map(|item| match &item.value {
                    Value::Mapping(entries) => Some(entries),
                    Value::Null | Value::Scalar(_) | Value::Sequence(_) => None,
                })
                .flatten()
                .collect(),
            Value::Null | Value::Scalar(_) => Vec::new(),
        };
        let mut keys: Vec<&str> = Vec::new();
        for entry in entries {
            if !keys.contains(&entry.key.as_str()) {
                keys.push(&entry.key);
            }
        }
        keys
    }

    /// The value as text. A number or `true` counts as the text it is written as.
    pub(super) fn text(&self) -> Result<Text<'a>, ConfigError> {
        let scalar = self.scalar("text", "write the value on the key's own line, in quotes")?;
        self.expanded(scalar)
    }

    /// The text as written, for a key whose value is of no consequence.
    pub(super) fn raw_text(&self) -> Option<&'a str> {
        match &self.node.value {
            Value::Scalar(scalar) => Some(&scalar.text),
            Value::Null | Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    fn scalar(&self, expected: &str, hint: &str) -> Result<&'a Scalar, ConfigError> {
        match &self.node.value {
            Value::Scalar(scalar) => Ok(scalar),
            Value::Null | Value::Sequence(_) | Value::Mapping(_) => {
                Err(self.wrong_type(expected, hint))
            }
        }
    }

    fn expanded(&self, scalar: &'a Scalar) -> Result<Text<'a>, ConfigError> {
        let expanded = expand(&scalar.text, self.reader.environment).map_err(|name| {
            self.error(
                ConfigErrorKind::UnsetVariable,
                &format!("needs the environment variable `{name}`"),
                "it is not set (SCM Backup would have used the literal text)",
                format!(
                    "set {name} in the environment that starts Forgekeep; if `%{name}%` is meant \
                     literally, put the whole value into a variable: what comes from the \
                     environment is not replaced again"
                ),
            )
        })?;
        Ok(Text {
            value: expanded.value,
            variables: expanded.variables,
            raw: &scalar.text,
        })
    }

    /// `true` or `false`, or one of YAML 1.1's words for them, also in quotes.
    pub(super) fn boolean(&self) -> Result<bool, ConfigError> {
        let hint = "write `true` or `false`";
        let scalar = self.scalar("true or false", hint)?;
        if let ScalarKind::Boolean(value) = scalar.kind {
            return Ok(value);
        }
        match self.expanded(scalar)?.value.to_ascii_lowercase().as_str() {
            "true" | "yes" | "y" | "on" => Ok(true),
            "false" | "no" | "n" | "off" => Ok(false),
            _ => Err(self.wrong_type("true or false", hint)),
        }
    }

    /// A whole number within `range`, also in quotes.
    pub(super) fn integer(&self, range: RangeInclusive<u64>) -> Result<u64, ConfigError> {
        let wide = i128::from(*range.start())..=i128::from(*range.end());
        Ok(u64::try_from(self.whole_number(wide)?).unwrap_or(*range.end()))
    }

    /// The same below zero too.
    pub(super) fn signed(&self, range: RangeInclusive<i64>) -> Result<i64, ConfigError> {
        let wide = i128::from(*range.start())..=i128::from(*range.end());
        Ok(i64::try_from(self.whole_number(wide)?).unwrap_or(*range.end()))
    }

    fn whole_number(&self, range: RangeInclusive<i128>) -> Result<i128, ConfigError> {
        let hint = format!("write a number from {} to {}", range.start(), range.end());
        let scalar = self.scalar("a whole number", &hint)?;
        let number = match scalar.kind {
            ScalarKind::Integer(number) => Some(number),
            ScalarKind::Text => self.expanded(scalar)?.value.trim().parse::<i128>().ok(),
            ScalarKind::Boolean(_) | ScalarKind::Other => None,
        };
        let Some(number) = number else {
            return Err(self.wrong_type("a whole number", &hint));
        };
        if !range.contains(&number) {
            let why = format!("it is not between {} and {}", range.start(), range.end());
            return Err(self.invalid(why, hint));
        }
        Ok(number)
    }

    /// A path that the value names: a relative one starts at the folder of the configuration.
    pub(super) fn beside(&self, path: &str) -> PathBuf {
        let folder = self.reader.file.parent().unwrap_or_else(|| Path::new(""));
        folder.join(path)
    }

    /// Whether the value is a list.
    pub(super) fn is_list(&self) -> bool {
        matches!(self.node.value, Value::Sequence(_))
    }

    /// The same value once more.
    pub(super) fn again(&self) -> Field<'a> {
        Field {
            reader: self.reader,
            node: self.node,
            key: self.key.clone(),
            trail: self.trail.clone(),
        }
    }

    fn child(&self, step: Step, node: &'a Node, key: String) -> Field<'a> {
        let mut trail = self.trail.clone();
        trail.push(step);
        Field {
            reader: self.reader,
            node,
            key,
            trail,
        }
    }
}

/// A group of keys.
pub(super) struct Section<'a> {
    pub(super) field: Field<'a>,
    entries: &'a [MappingEntry],
}

impl<'a> Section<'a> {
    /// The value of `key`, unless it is missing or null.
    pub(super) fn get(&self, key: &str) -> Option<Field<'a>> {
        let index = self.entries.iter().position(|entry| entry.key == key)?;
        let field = self.entry(index)?;
        (!field.is_null()).then_some(field)
    }

    fn entry(&self, index: usize) -> Option<Field<'a>> {
        let entry = self.entries.get(index)?;
        let key = joined(&self.field.key, &entry.key);
        Some(self.field.child(Step::Entry(index), &entry.node, key))
    }

    /// The value of `key`, or an error that says why it is needed.
    pub(super) fn require(
        &self,
        key: &str,
        why: &str,
        hint: &str,
    ) -> Result<Field<'a>, ConfigError> {
        self.get(key).ok_or_else(|| self.missing(key, why, hint))
    }

    pub(super) fn missing(&self, key: &str, why: &str, hint: &str) -> ConfigError {
        let misspelt = self
            .entries
            .iter()
            .find(|entry| entry.key != key && nearest(&entry.key, &[key]).is_some());
        let hint = match misspelt {
            Some(entry) => format!("write `{key}` instead of `{}`", entry.key),
            None => hint.to_owned(),
        };
        let position = self.entries.iter().position(|entry| entry.key == key);
        // Null: the key is there, and its place is better than the group's.
        if let Some(field) = position.and_then(|index| self.entry(index)) {
            return field.error(ConfigErrorKind::MissingKey, "has no value", why, hint);
        }
        let place = FileLocation {
            key: Some(joined(&self.field.key, key)),
            ..FileLocation::at(self.field.reader.file, self.field.position())
        };
        ConfigError::new(ConfigErrorKind::MissingKey, place, "is missing", why, hint)
    }

    /// The keys, in the order of the file.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.entries.iter().map(|entry| entry.key.as_str())
    }

    /// Warns about each key that isn't one of `known`.
    pub(super) fn warn_unknown(&self, known: &[&str]) {
        for (index, entry) in self.entries.iter().enumerate() {
            if known.contains(&entry.key.as_str()) {
                continue;
            }
            let Some(field) = self.entry(index) else {
                continue;
            };
            field.warn(match nearest(&entry.key, known) {
                Some(known) => {
                    format!("is not a known key and is ignored; did you mean `{known}`?")
                }
                None => "is not a known key and is ignored".to_owned(),
            });
        }
    }
}

/// A key that is true or false, and false where it is not there.
pub(super) fn boolean(section: &Section<'_>, key: &str) -> Result<bool, ConfigError> {
    section.get(key).map_or(Ok(false), |field| field.boolean())
}
