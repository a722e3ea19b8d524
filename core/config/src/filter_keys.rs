//! The keys of a source by which more than names is filtered.

use forgekeep_filter::{AttributeFilters, VisibilityWord};
use forgekeep_untrusted::Shown;

use crate::error::{ConfigError, ConfigErrorKind};
use crate::options::within;
use crate::own_value::one_of;
use crate::reader::Section;

/// Reads the keys.
pub(super) fn from_keys(section: &Section<'_>) -> Result<AttributeFilters, ConfigError> {
    let flag = |key: &str| section.get(key).map_or(Ok(true), |field| field.boolean());
    Ok(AttributeFilters {
        archived: flag("includeArchived")?,
        forks: flag("includeForks")?,
        visibility: visibility(section)?,
        topics: words(section, "topics")?,
        languages: words(section, "languages")?,
        pushed_within: (section.get("pushedWithin").as_ref())
            .map(within)
            .transpose()?,
    })
}

/// Refuses a filter that the hoster's listing cannot answer. `attributes` is what its plugin says that the
/// listing has. Ignored, such a filter would match everything or nothing, and nobody would notice.
///
/// # Errors
///
/// There is one.
pub(super) fn judge(
    filters: &AttributeFilters,
    section: &Section<'_>,
    attributes: &[String],
) -> Result<(), ConfigError> {
    for (key, attribute) in filters.asked_for() {
        let is_answered = attributes.iter().any(|known| known == attribute);
        if let (false, Some(field)) = (is_answered, section.get(key)) {
            return Err(field.error(
                ConfigErrorKind::InvalidValue,
                "cannot be used for this hoster",
                "its listing does not say it of repositories",
                "remove the key, and choose repositories by their names (`includeRepos`, `ignoreRepos`)",
            ));
        }
    }
    Ok(())
}

/// Reads patterns of refs: whole names, in which `*` stands for any characters.
///
/// # Errors
///
/// One cannot be that of a ref.
pub(super) fn refs(section: &Section<'_>, key: &str) -> Result<Vec<String>, ConfigError> {
    let patterns = words(section, key)?;
    let is_ref = |pattern: &String| {
        let is_begun = pattern.starts_with("refs/") || pattern.starts_with('*');
        is_begun && !pattern.contains([' ', '~', '^', ':', '?', '[', '\\'])
    };
    if let (Some(bad), Some(field)) = (patterns.iter().find(|one| !is_ref(one)), section.get(key)) {
        return Err(field.invalid(
            format!("`{}` cannot be the name of a ref", Shown::of(bad)),
            "write whole names, such as `refs/pull/*/merge`; `*` stands for any characters",
        ));
    }
    Ok(patterns)
}

fn words(section: &Section<'_>, key: &str) -> Result<Vec<String>, ConfigError> {
    let Some(list) = section.get(key) else {
        return Ok(Vec::new());
    };
    let mut words = Vec::new();
    for item in list.items()? {
        let word = match item.is_null() {
            true => String::new(),
            false => item.text()?.value.trim().to_owned(),
        };
        match word.is_empty() {
            true => item.warn("is empty and is ignored"),
            false => words.push(word),
        }
    }
    Ok(words)
}

fn visibility(section: &Section<'_>) -> Result<Vec<VisibilityWord>, ConfigError> {
    let Some(list) = section.get("visibility") else {
        return Ok(Vec::new());
    };
    let known = VisibilityWord::ALL.map(|(word, _)| word.to_owned());
    let mut wanted = Vec::new();
    for item in list.items()? {
        let text = item.text()?;
        let found = one_of(
            &item,
            text.value.trim(),
            &text.quotable().to_string(),
            &known,
        )?;
        let word = VisibilityWord::ALL.iter().find(|(word, _)| *word == found);
        wanted.extend(word.map(|(_, visibility)| *visibility));
    }
    Ok(wanted)
}
