//! A plugin's manifest, checked. What is only shown is cleaned; what is used must be right.

use forgekeep_config::{OptionKind as OwnKind, OptionSpec as OwnSpec, OptionValue as OwnValue};
use forgekeep_hoster::HosterInfo;
use forgekeep_plugin_documents::{Manifest, OptionKind, OptionSpec, OptionValue, SOURCE_KEYS};
use forgekeep_untrusted::{Printable, Redactor, Shown, names};

use super::convert::text;

/// Most characters of an id or a word.
const MOST_ID: usize = 32;

/// Most characters of a key.
const MOST_KEY: usize = 64;

/// Reads a manifest.
pub(super) fn read(manifest: &Manifest) -> Result<HosterInfo, Printable> {
    let nothing = Redactor::default();
    let strings = |list: &[String]| list.iter().map(|item| text(item, &nothing)).collect();
    ids(manifest)?;
    let addresses = std::iter::once(&manifest.api_url).chain(&manifest.trusted_origins);
    for address in addresses.filter(|address| !address.is_empty()) {
        if !is_address(address) {
            return Err(format!("\"{}\" is not a web address", Shown::of(address)).into());
        }
    }
    for pattern in &manifest.derived_origins {
        let is_derived = pattern.contains("{host}") || pattern.contains("{domain}");
        if !is_address(pattern) || !is_derived {
            return Err(format!(
                "\"{}\" is no origin that follows from an address: https:// with {{host}} or {{domain}}",
                Shown::of(pattern)
            )
            .into());
        }
    }
    Ok(HosterInfo {
        id: manifest.id.clone(),
        aliases: manifest.aliases.clone(),
        version: text(&manifest.version, &nothing),
        authors: strings(&manifest.authors),
        description: text(&manifest.description, &nothing),
        types: manifest.types.clone(),
        attributes: manifest.attributes.clone(),
        api_url: manifest.api_url.clone(),
        trusted_origins: manifest.trusted_origins.clone(),
        derived_origins: manifest.derived_origins.clone(),
        options: options(&manifest.options)?,
        ref_questions: Some(manifest.ref_questions).filter(|most| *most > 0),
        target: manifest.target,
        nameless: manifest.nameless,
        file: std::path::PathBuf::new(),
        sha256: String::new(),
    })
}

/// Ids, aliases and types: they stand in the configuration, and the id in the name of the file.
fn ids(manifest: &Manifest) -> Result<(), Printable> {
    let is_word = |word: &str| {
        (1..=MOST_ID).contains(&word.len())
            && word
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let ids = std::iter::once(&manifest.id).chain(&manifest.aliases);
    for (what, word) in ids
        .map(|id| ("an id", id))
        .chain(manifest.types.iter().map(|kind| ("a type", kind)))
    {
        if !is_word(word) {
            return Err(format!(
                "\"{}\" cannot be {what}: lower-case letters, digits and -, at most {MOST_ID}",
                Shown::of(word)
            )
            .into());
        }
    }
    Ok(())
}

fn is_address(text: &str) -> bool {
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    is_web && names::is_printable(text)
}

fn options(specs: &[OptionSpec]) -> Result<Vec<OwnSpec>, Printable> {
    let mut taken: Vec<String> = SOURCE_KEYS.map(str::to_owned).to_vec();
    let mut options = Vec::new();
    for spec in specs {
        let option = option(spec)?;
        for key in keys(&option) {
            if taken.iter().any(|other| other.eq_ignore_ascii_case(&key)) {
                return Err(
                    format!("the option {key} has the name of another key of sources").into(),
                );
            }
            taken.push(key);
        }
        options.push(option);
    }
    Ok(options)
}

/// The keys of the configuration that an option is read from.
fn keys(option: &OwnSpec) -> Vec<String> {
    let name = &option.name;
    match option.kind {
        OwnKind::Secret => vec![
            name.clone(),
            format!("{name}File"),
            format!("{name}Command"),
        ],
        _ => vec![name.clone()],
    }
}

fn option(spec: &OptionSpec) -> Result<OwnSpec, Printable> {
    let nothing = Redactor::default();
    let name = Shown::of(&spec.name);
    let is_key = (1..=MOST_KEY).contains(&spec.name.len())
        && spec.name.starts_with(|c: char| c.is_ascii_lowercase())
        && spec.name.bytes().all(|b| b.is_ascii_alphanumeric());
    if !is_key {
        return Err(
            format!("\"{name}\" cannot be an option: camelCase, letters and digits").into(),
        );
    }
    let kind = match spec.kind {
        OptionKind::Text => OwnKind::Text,
        OptionKind::Number => OwnKind::Number,
        OptionKind::Flag => OwnKind::Flag,
        OptionKind::List => OwnKind::List,
        OptionKind::Secret => OwnKind::Secret,
        OptionKind::Choice => OwnKind::Choice,
        OptionKind::File => OwnKind::File,
        // How it is to be read, and whether it is a secret, is not known.
        _ => {
            return Err(format!(
                "the option {name} is of a kind that this forgekeep does not know"
            )
            .into());
        }
    };
    if kind == OwnKind::Choice && spec.choices.is_empty() {
        return Err(format!("the option {name} is a choice of nothing").into());
    }
    let default = match &spec.default {
        None => None,
        Some(value) => Some(
            default(kind, &spec.choices, value)
                .ok_or_else(|| format!("the default of the option {name} is of another kind"))?,
        ),
    };
    Ok(OwnSpec {
        name: spec.name.clone(),
        kind,
        description: text(&spec.description, &nothing).to_string(),
        required: spec.required,
        default,
        choices: spec.choices.clone(),
        secret: spec.secret || kind == OwnKind::Secret,
        trusted_origin: spec.trusted_origin,
    })
}

/// A default, if it can be one. A secret or a file has none.
fn default(kind: OwnKind, choices: &[String], value: &OptionValue) -> Option<OwnValue> {
    match (kind, value) {
        (OwnKind::Text, OptionValue::Text(text)) => Some(OwnValue::Text(text.clone())),
        (OwnKind::Choice, OptionValue::Text(text)) if choices.contains(text) => {
            Some(OwnValue::Text(text.clone()))
        }
        (OwnKind::Number, OptionValue::Number(number)) => Some(OwnValue::Number(*number)),
        (OwnKind::Flag, OptionValue::Flag(flag)) => Some(OwnValue::Flag(*flag)),
        (OwnKind::List, OptionValue::List(list)) => Some(OwnValue::List(list.clone())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        Manifest {
            id: "x".into(),
            ..Manifest::default()
        }
    }

    fn with_option(spec: OptionSpec) -> Manifest {
        Manifest {
            options: vec![spec],
            ..manifest()
        }
    }

    #[test]
    fn what_a_manifest_shows_holds_nothing_a_terminal_obeys() {
        let hostile = "https://x/\u{1b}[2J";
        let shown = Manifest {
            version: hostile.into(),
            description: hostile.into(),
            authors: vec![hostile.into()],
            ..manifest()
        };
        let info = read(&shown).unwrap();
        let said = format!("{}{}{}", info.version, info.description, info.authors[0]);
        assert!(!said.contains(char::is_control), "{said:?}");
        let bad = [
            Manifest {
                api_url: hostile.into(),
                ..manifest()
            },
            Manifest {
                trusted_origins: vec![hostile.into()],
                ..manifest()
            },
            Manifest {
                derived_origins: vec![hostile.into()],
                ..manifest()
            },
            Manifest {
                types: vec![hostile.into()],
                ..manifest()
            },
            Manifest {
                aliases: vec![hostile.into()],
                ..manifest()
            },
            with_option(OptionSpec::new(hostile, OptionKind::Text, "")),
        ];
        for manifest in bad {
            let why = read(&manifest).unwrap_err();
            assert!(!why.contains(char::is_control), "{why:?}");
        }
    }

    #[test]
    fn what_is_used_must_be_right() {
        let mut none = OptionSpec::new("mode", OptionKind::Choice, "");
        let bad = [
            Manifest {
                id: "../etc".into(),
                ..manifest()
            },
            Manifest {
                id: String::new(),
                ..manifest()
            },
            Manifest {
                id: "x".repeat(33),
                ..manifest()
            },
            Manifest {
                api_url: "ftp://x".into(),
                ..manifest()
            },
            Manifest {
                derived_origins: vec!["https://evil.example".into()],
                ..manifest()
            },
            with_option(none.clone()),
            with_option(OptionSpec::new("passwordFile", OptionKind::Text, "")),
            with_option(OptionSpec::new("Password", OptionKind::Text, "")),
            with_option(OptionSpec::new("future", OptionKind::Other, "")),
            Manifest {
                options: vec![
                    OptionSpec::new("key", OptionKind::Secret, ""),
                    OptionSpec::new("keyFile", OptionKind::File, ""),
                ],
                ..manifest()
            },
        ];
        for manifest in bad {
            assert!(read(&manifest).is_err(), "{manifest:?}");
        }
        none.choices = vec!["fast".into(), "safe".into()];
        for (default, is_right) in [("safe", true), ("quick", false)] {
            none.default = Some(OptionValue::Text(default.into()));
            assert_eq!(
                read(&with_option(none.clone())).is_ok(),
                is_right,
                "{default}"
            );
        }
    }
}
