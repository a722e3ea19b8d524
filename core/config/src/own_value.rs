//! The values of a plugin's own keys, read by what the plugin says they are.

use forgekeep_untrusted::names;

use super::error::{ConfigError, ConfigErrorKind};
use super::nearest::{listed, nearest, neither};
use super::own::{
    FileContent, MAX_ENTRIES, MAX_FILE, MAX_NUMBER, MAX_TEXT, OptionKind, OptionSpec, OptionValue,
};
use super::reader::Field;
use super::{Source, address, beside, secrets};

/// Reads an own key that is no secret into its source. Returns whether it has a value.
pub(super) fn read(
    source: &mut Source,
    field: &Field<'_>,
    spec: &OptionSpec,
) -> Result<bool, ConfigError> {
    let value = match spec.kind {
        OptionKind::Text => {
            let text = text(field)?;
            if let Some(text) = &text
                && spec.trusted_origin
            {
                let url = address::api_url(field, text.trim(), source.allow_insecure_http)?;
                let mut origin = url.clone();
                origin.set_path("/");
                if !source.trusted_origins.contains(&origin) {
                    source.trusted_origins.push(origin);
                }
            }
            text.map(OptionValue::Text)
        }
        OptionKind::Number => match field.raw_text() {
            Some("") => None,
            _ => Some(OptionValue::Number(field.signed(-MAX_NUMBER..=MAX_NUMBER)?)),
        },
        OptionKind::Flag => match field.raw_text() {
            Some("") => None,
            _ => Some(OptionValue::Flag(field.boolean()?)),
        },
        OptionKind::List => {
            let entries = list(field)?;
            if spec.trusted_origin {
                trust(source, field, entries.as_deref().unwrap_or_default())?;
            }
            entries.map(OptionValue::List)
        }
        OptionKind::Choice => choice(field, &spec.choices)?.map(OptionValue::Text),
        OptionKind::File => {
            let Some(content) = file(field, spec.secret)? else {
                return Ok(false);
            };
            if spec.secret {
                let text = str::from_utf8(content.expose()).unwrap_or_default();
                source.secret_pieces.extend(secrets::pieces(text));
            }
            source.own_files.insert(spec.name.clone(), content);
            return Ok(true);
        }
        OptionKind::Secret => None,
    };
    let is_given = value.is_some();
    if let Some(value) = value {
        source.own_options.insert(spec.name.clone(), value);
    }
    Ok(is_given)
}

/// The origins of those entries that are addresses of HTTP may get the source's credentials.
fn trust(source: &mut Source, field: &Field<'_>, entries: &[String]) -> Result<(), ConfigError> {
    for entry in entries {
        let scheme = entry.split_once("://").map(|(scheme, _)| scheme);
        let is_web = |scheme: &str| {
            scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http")
        };
        if !scheme.is_some_and(is_web) {
            continue;
        }
        let mut origin = address::clone_url(field, entry, source.allow_insecure_http)?;
        origin.set_path("/");
        if !source.trusted_origins.contains(&origin) {
            source.trusted_origins.push(origin);
        }
    }
    Ok(())
}

/// A text; an empty one counts as absent.
fn text(field: &Field<'_>) -> Result<Option<String>, ConfigError> {
    let value = field.text()?.value;
    printable(field, &value)?;
    Ok((!value.is_empty()).then_some(value))
}

fn printable(field: &Field<'_>, value: &str) -> Result<(), ConfigError> {
    if value.len() > MAX_TEXT {
        return Err(field.error(
            ConfigErrorKind::TooLarge,
            "is too long",
            format!("it has more than {MAX_TEXT} bytes"),
            "check that this is the right text",
        ));
    }
    if names::is_printable(value) {
        return Ok(());
    }
    Err(field.invalid(
        "it holds a control character or an invisible one",
        "type the value again; such characters come with copied text or a line break",
    ))
}

/// One of the choices, as the plugin writes it.
fn choice(field: &Field<'_>, choices: &[String]) -> Result<Option<String>, ConfigError> {
    let text = field.text()?;
    match text.value.trim() {
        "" => Ok(None),
        word => one_of(field, word, &text.quotable().to_string(), choices).map(Some),
    }
}

/// The one of `words` that a word is, however it writes capitals.
pub(super) fn one_of(
    field: &Field<'_>,
    word: &str,
    quoted: &str,
    words: &[String],
) -> Result<String, ConfigError> {
    if let Some(found) = words.iter().find(|known| known.eq_ignore_ascii_case(word)) {
        return Ok(found.clone());
    }
    let known: Vec<&str> = words.iter().map(String::as_str).collect();
    let hint = match nearest(word, &known) {
        Some(near) => format!("write `{near}`"),
        None => format!("write {}, or leave the key out", listed(&known)),
    };
    Err(field.invalid(format!("`{quoted}` is {}", neither(&known)), hint))
}

/// The entries of a list, or the lines of the file that it names. A number is its one entry.
fn list(field: &Field<'_>) -> Result<Option<Vec<String>>, ConfigError> {
    if field.is_list() {
        let mut entries = Vec::new();
        for item in field.items()? {
            match item.is_null() {
                true => None,
                false => text(&item)?,
            }
            .map_or_else(
                || item.warn("is empty and is ignored"),
                |text| entries.push(text),
            );
        }
        few_enough(field, entries.len())?;
        return Ok(Some(entries));
    }
    let value = field.text()?.value;
    if value.is_empty() {
        return Ok(None);
    }
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(Some(vec![value]));
    }
    let bytes = beside::read(field, &beside::path(field)?, MAX_FILE)?;
    let content = String::from_utf8(bytes).map_err(|_| {
        field.invalid(
            "the file is not UTF-8 text",
            "write one entry a line, and save the file as UTF-8",
        )
    })?;
    let lines = content
        .trim_start_matches('\u{feff}')
        .lines()
        .map(str::trim);
    let entries: Vec<String> = lines
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    for entry in &entries {
        printable(field, entry)?;
    }
    few_enough(field, entries.len())?;
    Ok(Some(entries))
}

fn few_enough(field: &Field<'_>, entries: usize) -> Result<(), ConfigError> {
    if entries <= MAX_ENTRIES {
        return Ok(());
    }
    Err(field.error(
        ConfigErrorKind::TooLarge,
        "is too long a list",
        format!("it has {entries} entries, and {MAX_ENTRIES} are the most"),
        "spread them over several sources",
    ))
}

fn file(field: &Field<'_>, secret: bool) -> Result<Option<FileContent>, ConfigError> {
    if field.raw_text() == Some("") {
        return Ok(None);
    }
    let path = match secret {
        true => beside::secret_path(field)?,
        false => beside::path(field)?,
    };
    let content = beside::read(field, &path, MAX_FILE)?;
    if secret {
        if content.is_empty() {
            return Err(field.invalid(
                "the file is empty",
                "write the secret into it, or remove the key for a source without one",
            ));
        }
        beside::warn_of_mode(field, &path);
    }
    Ok(Some(FileContent::new(content)))
}
