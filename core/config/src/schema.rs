//! From the tree to the configuration.

use std::collections::HashMap;
use std::path::PathBuf;

use forgekeep_untrusted::{Secret, names};
use url::Url;

use super::error::{ConfigError, ConfigErrorKind};
use super::reader::{Field, Section, boolean};
use super::{
    COPY_FOLDER, STATE_FOLDER, Source, SourceKind, address, environment, options, plausible,
    predecessor,
};
use crate::filter;

const TOP_LEVEL: &[&str] = &["localFolder", "sources", "options"];
const SOURCE: &[&str] = &[
    "title",
    "hoster",
    "type",
    "name",
    "authName",
    "apiAuthName",
    "password",
    "apiUrl",
    "allowInsecureHttp",
    "trustedOrigins",
    "includeRepos",
    "ignoreRepos",
];
/// Whether any part of the schema has such a key.
pub(super) fn is_known_key(key: &str) -> bool {
    [
        TOP_LEVEL,
        SOURCE,
        predecessor::TOP_LEVEL,
        predecessor::BACKUP,
    ]
    .iter()
    .chain(options::ALL)
    .any(|keys| keys.contains(&key))
}

pub(super) fn warn_unknown_top_level(root: &Section<'_>) {
    root.warn_unknown(&[TOP_LEVEL, predecessor::TOP_LEVEL].concat());
}

pub(super) fn local_folder(root: &Section<'_>, is_here: bool) -> Result<PathBuf, ConfigError> {
    let why = "Forgekeep has to know where the backups go";
    let hint = "add `localFolder` with the path of the backup folder";
    let field = root.require("localFolder", why, hint)?;
    let folder = field.text()?.value;
    if folder.trim().is_empty() {
        return Err(field.invalid("it is empty", "write the path of the backup folder"));
    }
    if folder.contains('\0') {
        return Err(field.invalid(
            "it holds a NUL character, which no path can",
            "write the path of the backup folder",
        ));
    }
    plausible::folder(&field, &folder)?;
    if is_here {
        plausible::path_of_this_system(&field, &folder)?;
    }
    Ok(PathBuf::from(folder))
}

pub(super) fn sources(root: &Section<'_>) -> Result<Vec<Source>, ConfigError> {
    let why = "there is nothing to back up";
    let hint = "add at least one source with `title`, `hoster` and `name`";
    let list = root.require("sources", why, hint)?;
    let mut sources = Vec::new();
    let mut folders: HashMap<String, String> = HashMap::new();
    for item in list.items()? {
        let key = item.key.clone();
        let section = item.section()?;
        let source = source(&section)?;
        let folder = names::collision_key(&names::encode_component(&source.title));
        if let Some(earlier) = folders.insert(folder, key)
            && let Some(title) = section.get("title")
        {
            return Err(title.error(
                ConfigErrorKind::DuplicateTitle,
                "is not unique",
                format!("{earlier} has the same title, or one that differs in case only"),
                "give each source a title of its own: it names the source's folder",
            ));
        }
        if let Some(earlier) = sources.iter().position(|other| is_twin(other, &source)) {
            section.field.warn(format!(
                "lists the same repositories as sources[{earlier}]: hoster, name and filters are the same, and all would be kept twice; remove one, or give them different filters"
            ));
        }
        sources.push(source);
    }
    if sources.is_empty() {
        return Err(list.invalid(why, hint));
    }
    Ok(sources)
}

/// Whether two sources are about the same repositories, with whatever credentials.
fn is_twin(one: &Source, other: &Source) -> bool {
    one.hoster == other.hoster
        && one.api_url == other.api_url
        && one.name.eq_ignore_ascii_case(&other.name)
        && one.include_repos == other.include_repos
        && one.ignore_repos == other.ignore_repos
}

fn source(section: &Section<'_>) -> Result<Source, ConfigError> {
    section.warn_unknown(SOURCE);
    let title = title(section)?;
    let hoster = hoster(section)?;
    let kind = kind(section)?;
    let name = required_name(
        section,
        "name",
        "it says whose repositories are backed up",
        "add `name` with the user, organisation or workspace at the hoster",
    )?;
    let allow_insecure_http = boolean(section, "allowInsecureHttp")?;
    let api_url = match section.get("apiUrl") {
        Some(field) => match field.text()?.value.trim() {
            "" => None,
            text => Some(address::api_url(&field, text, allow_insecure_http)?),
        },
        None => None,
    };
    Ok(Source {
        title,
        hoster,
        kind,
        name,
        auth_name: optional_name(section, "authName")?,
        api_auth_name: optional_name(section, "apiAuthName")?,
        literal_password: is_literal(section),
        password: password(section)?,
        api_url,
        allow_insecure_http,
        trusted_origins: origins(section, allow_insecure_http)?,
        include_repos: patterns(section, "includeRepos")?,
        ignore_repos: patterns(section, "ignoreRepos")?,
    })
}

fn origins(section: &Section<'_>, allow_insecure_http: bool) -> Result<Vec<Url>, ConfigError> {
    let Some(field) = section.get("trustedOrigins") else {
        return Ok(Vec::new());
    };
    let mut origins = Vec::new();
    for item in field.items()? {
        let text = item.text()?.value;
        origins.push(address::origin(&item, text.trim(), allow_insecure_http)?);
    }
    Ok(origins)
}

fn title(section: &Section<'_>) -> Result<String, ConfigError> {
    let title = required_name(
        section,
        "title",
        "it names the source, and its folder",
        "add `title` with a name that no other source has",
    )?;
    let key = names::collision_key(&title);
    if (key == COPY_FOLDER || key == STATE_FOLDER)
        && let Some(field) = section.get("title")
    {
        return Err(field.invalid(
            format!("Forgekeep uses the folders `{COPY_FOLDER}` and `{STATE_FOLDER}` itself"),
            "choose another title",
        ));
    }
    Ok(title)
}

fn hoster(section: &Section<'_>) -> Result<String, ConfigError> {
    let why = "it says which plugin serves the source";
    let hint = "add `hoster` with the id of a plugin, such as `bitbucket`";
    let field = section.require("hoster", why, hint)?;
    let hoster = field.text()?.value.trim().to_lowercase();
    // The id becomes part of a plugin's file name.
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if hoster.is_empty() || !hoster.chars().all(valid) {
        return Err(field.invalid(
            "the id of a hoster has only letters a to z, digits, `-` and `_`",
            "write the id of a plugin, such as `bitbucket`",
        ));
    }
    Ok(hoster)
}

fn kind(section: &Section<'_>) -> Result<Option<SourceKind>, ConfigError> {
    let Some(field) = section.get("type") else {
        return Ok(None);
    };
    let text = field.text()?;
    match text.value.trim().to_ascii_lowercase().as_str() {
        "" => Ok(None),
        "user" => Ok(Some(SourceKind::User)),
        "org" => Ok(Some(SourceKind::Org)),
        _ => Err(field.invalid(
            format!("`{}` is neither `user` nor `org`", text.quotable()),
            "write `user` or `org`, or leave the key out",
        )),
    }
}

fn required_name(
    section: &Section<'_>,
    key: &str,
    why: &str,
    hint: &str,
) -> Result<String, ConfigError> {
    let field = section.require(key, why, hint)?;
    let value = field.text()?.value;
    if value.trim().is_empty() {
        return Err(field.invalid(format!("it is empty, and {why}"), hint));
    }
    match key {
        "title" => plausible::title(&field, &value),
        _ => plausible::name(&field, &value)?,
    }
    refuse_unprintable(&field, &value)?;
    Ok(value)
}

fn optional_name(section: &Section<'_>, key: &str) -> Result<Option<String>, ConfigError> {
    let Some(field) = section.get(key) else {
        return Ok(None);
    };
    let value = field.text()?.value;
    if !value.is_empty() {
        plausible::name(&field, &value)?;
    }
    refuse_unprintable(&field, &value)?;
    Ok((!value.is_empty()).then_some(value))
}

fn refuse_unprintable(field: &Field<'_>, value: &str) -> Result<(), ConfigError> {
    if names::is_printable(value) {
        return Ok(());
    }
    Err(field.invalid(
        "it holds a control character or an invisible one",
        "type the value again; such characters come with copied text or a line break",
    ))
}

fn password(section: &Section<'_>) -> Result<Option<Secret>, ConfigError> {
    let Some(field) = section.get("password") else {
        return Ok(None);
    };
    let text = field.text()?;
    if !names::is_blank(&text.value) {
        plausible::secret(&field, &text)?;
        return Ok(Some(Secret::new(text.value)));
    }
    let found = match text.value.is_empty() {
        true => "empty",
        false => "white space only",
    };
    // Without a password a hoster lists public repositories only, and nobody would notice.
    match text.variables.as_slice() {
        [] if text.value.is_empty() => Ok(None),
        [] => Err(field.invalid(
            "it is white space only",
            "write the secret, or remove the key for a source without one",
        )),
        [variable] => Err(field.invalid(
            format!("the environment variable `{variable}` is set, but {found}"),
            format!("set {variable} to the secret, or remove the key for a source without one"),
        )),
        variables => Err(field.invalid(
            format!(
                "the environment variables `{}` are set, but {found}",
                variables.join("`, `")
            ),
            "set them to the secret, or remove the key for a source without one",
        )),
    }
}

/// Whether the file itself has the password, or a part of it.
fn is_literal(section: &Section<'_>) -> bool {
    let field = section.get("password");
    let text = field.as_ref().and_then(|field| field.raw_text());
    let parts = environment::literal_parts(text.unwrap_or_default());
    parts.into_iter().any(|part| !names::is_blank(part))
}

fn patterns(section: &Section<'_>, key: &str) -> Result<Vec<String>, ConfigError> {
    let Some(list) = section.get(key) else {
        return Ok(Vec::new());
    };
    let mut patterns = Vec::new();
    for item in list.items()? {
        let pattern = if item.is_null() {
            String::new()
        } else {
            item.text()?.value
        };
        if pattern.is_empty() {
            item.warn("is empty and is ignored");
            continue;
        }
        filter::check_pattern(&pattern).map_err(|error| {
            item.invalid(
                format!("it is not a valid pattern: {}", error.reason),
                "write a name, or a pattern with `*`; to mean one of * ? [ { literally, put it \
                 into brackets: `[*]`",
            )
        })?;
        patterns.push(pattern);
    }
    Ok(patterns)
}

#[cfg(test)]
mod tests {
    use forgekeep_plugin_documents::SOURCE_KEYS;

    use super::SOURCE;

    #[test]
    fn no_option_of_a_plugin_may_be_called_as_a_key_of_a_source() {
        for key in SOURCE {
            assert!(SOURCE_KEYS.contains(key), "{key}");
        }
    }
}
