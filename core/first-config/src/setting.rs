//! Keys of plugins, given as words: `KEY=VALUE`.

use std::fmt;

use forgekeep_config::{OptionKind, OptionSpec};
use serde_json::{Value, json};

/// A key of a plugin with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The key.
    pub key: String,
    /// What it is set to: a text, a number, a flag or a list of texts.
    pub value: Value,
}

/// Why a key cannot be set so. No variant has the value: it may be a secret at the wrong place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unset {
    /// The plugin has no such key.
    Unknown {
        /// The key.
        key: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// A secret was given by itself.
    Secret(String),
    /// It is given twice, and is no list.
    Twice(String),
    /// It is not what the key wants.
    Unlike {
        /// The key.
        key: String,
        /// What it wants.
        wanted: String,
    },
}

impl fmt::Display for Unset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { key, known } if known.is_empty() => {
                write!(
                    f,
                    "the plugin has no key `{key}`, and no keys of its own at all"
                )
            }
            Self::Unknown { key, known } => write!(
                f,
                "the plugin has no key `{key}`; it has {}",
                known.join(", ")
            ),
            Self::Secret(key) => write!(
                f,
                "`{key}` is a secret, which others could read in an argument"
            ),
            Self::Twice(key) => write!(f, "`{key}` is given twice, and takes one value"),
            Self::Unlike { key, wanted } => write!(f, "`{key}` is not {wanted}"),
        }
    }
}

impl Setting {
    /// Reads the settings of a source from pairs of key and value; a list takes the values of a key that
    /// comes several times. A secret can be `%NAME%`, or stand in a file by the key `…File`.
    ///
    /// # Errors
    ///
    /// See [`Unset`].
    pub fn read(options: &[OptionSpec], pairs: &[(String, String)]) -> Result<Vec<Self>, Unset> {
        let mut settings: Vec<Self> = Vec::new();
        for (key, value) in pairs {
            let value = value_of(options, key, value)?;
            match settings.iter_mut().find(|setting| setting.key == *key) {
                None => settings.push(Self {
                    key: key.clone(),
                    value,
                }),
                Some(Self {
                    value: Value::Array(items),
                    ..
                }) => items.extend(value.as_array().cloned().unwrap_or_default()),
                Some(_) => return Err(Unset::Twice(key.clone())),
            }
        }
        Ok(settings)
    }
}

fn value_of(options: &[OptionSpec], key: &str, value: &str) -> Result<Value, Unset> {
    let find = |name: &str| options.iter().find(|option| option.name == name);
    let unlike = |wanted: &str| Unset::Unlike {
        key: key.to_owned(),
        wanted: wanted.to_owned(),
    };
    let Some(option) = find(key) else {
        // The key for the file with a secret.
        let of_file = key.strip_suffix("File").and_then(find);
        return match of_file {
            Some(option) if option.kind == OptionKind::Secret => Ok(json!(value)),
            _ => Err(Unset::Unknown {
                key: key.to_owned(),
                known: options.iter().map(|option| option.name.clone()).collect(),
            }),
        };
    };
    match option.kind {
        OptionKind::Text | OptionKind::File => Ok(json!(value)),
        OptionKind::List => Ok(json!([value])),
        OptionKind::Number => {
            let number: Result<i64, _> = value.parse();
            number
                .map(|n| json!(n))
                .map_err(|_| unlike("a whole number"))
        }
        OptionKind::Flag => match value {
            "true" => Ok(json!(true)),
            "false" => Ok(json!(false)),
            _ => Err(unlike("`true` or `false`")),
        },
        OptionKind::Choice if option.choices.iter().any(|choice| choice == value) => {
            Ok(json!(value))
        }
        OptionKind::Choice => Err(unlike(&format!("one of {}", option.choices.join(", ")))),
        OptionKind::Secret if is_reference(value) => Ok(json!(value)),
        OptionKind::Secret => Err(Unset::Secret(key.to_owned())),
    }
}

/// Whether a text is the name of an environment variable between percent signs.
fn is_reference(text: &str) -> bool {
    let inner = text
        .strip_prefix('%')
        .and_then(|text| text.strip_suffix('%'));
    inner.is_some_and(is_variable)
}

/// Whether a text can be the name of an environment variable.
pub fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Vec<OptionSpec> {
        let option = |name: &str, kind| OptionSpec {
            name: name.to_owned(),
            kind,
            description: String::new(),
            required: false,
            default: None,
            choices: vec!["one".to_owned()],
            secret: false,
            trusted_origin: false,
        };
        vec![
            option("id", OptionKind::Text),
            option("urls", OptionKind::List),
            option("depth", OptionKind::Number),
            option("gists", OptionKind::Flag),
            option("kind", OptionKind::Choice),
            option("clientSecret", OptionKind::Secret),
        ]
    }

    fn read(pairs: &[(&str, &str)]) -> Result<Vec<(String, Value)>, Unset> {
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let settings = Setting::read(&options(), &pairs)?;
        Ok(settings.into_iter().map(|s| (s.key, s.value)).collect())
    }

    #[test]
    fn values_are_what_their_keys_want() {
        let all = [
            ("id", "7"),
            ("urls", "a"),
            ("urls", "b"),
            ("depth", "7"),
            ("gists", "true"),
            ("kind", "one"),
            ("clientSecret", "%SECRET%"),
        ];
        let values: Vec<Value> = read(&all).unwrap().into_iter().map(|(_, v)| v).collect();
        assert_eq!(
            json!(values),
            json!(["7", ["a", "b"], 7, true, "one", "%SECRET%"])
        );
        assert!(read(&[("clientSecretFile", "/x")]).is_ok());
    }

    #[test]
    fn what_cannot_be_set_is_told_without_its_value() {
        for (key, value) in [
            ("clientSecret", "hunter2hunter2"),
            ("clientSecret", "%hunter2%x"),
            ("clientSecret", "%%"),
            ("depth", "hunter2"),
            ("gists", "hunter2"),
            ("kind", "hunter2"),
            ("none", "hunter2"),
            ("idFile", "hunter2"),
        ] {
            let why = read(&[(key, value)]).unwrap_err().to_string();
            assert!(why.contains(key) && !why.contains("hunter2"), "{why}");
        }
        let twice = read(&[("id", "a"), ("id", "b")]);
        assert_eq!(twice, Err(Unset::Twice("id".to_owned())));
    }
}
