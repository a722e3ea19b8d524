//! From the tree to the configuration.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use forgekeep_untrusted::names;
use jiff::civil::Date;
use url::Url;

use super::error::{ConfigError, ConfigErrorKind};
use super::reader::{Field, Section, boolean};
use super::secrets::{self, Form, Found, Way};
use super::{
    COPY_FOLDER, Isolation, STATE_FOLDER, Source, address, options, plausible, predecessor, ssh,
};
use crate::{filter, filter_keys};

/// The keys at the top level.
pub const TOP_LEVEL: &[&str] = &[
    "localFolder",
    "sources",
    "targets",
    "options",
    "plugins",
    "notify",
    "hooks",
    "email",
];
/// The keys of a source.
pub const SOURCE: &[&str] = &[
    "title",
    "hoster",
    "type",
    "name",
    "authName",
    "apiAuthName",
    PASSWORD,
    "passwordFile",
    "passwordCommand",
    "apiUrl",
    "allowInsecureHttp",
    "trustedOrigins",
    "includeRepos",
    "ignoreRepos",
    "includeArchived",
    "includeForks",
    "visibility",
    "topics",
    "languages",
    "pushedWithin",
    "includeRefs",
    "excludeRefs",
    "protocol",
    ssh::KEY,
    "sshCommand",
    "expires",
    "maxAge",
    "isolation",
    "pluginEnvironment",
];
/// The key of the list of targets.
pub(super) const TARGETS: &str = "targets";
pub(super) const RENAME: &str = "rename";
pub(super) const PROJECT: &str = "project";
/// The keys that only targets have.
pub(super) const OF_TARGETS: &[&str] = &[RENAME, PROJECT];
/// Why a source has a name, and what to do about one without.
pub(super) const WHOSE: &str = "it says whose repositories are backed up";
pub(super) const ADD_NAME: &str =
    "add `name` with the user, organisation or workspace at the hoster";
/// A date as it is written.
const DATE: &str = "2027-03-31";
/// The secret that every source may have.
pub const PASSWORD: &str = "password";

/// All keys that a target may have, whatever its plugin.
pub(super) fn keys_of_targets() -> impl Iterator<Item = &'static str> {
    SOURCE.iter().chain(OF_TARGETS).copied()
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

/// The sources, and whether anything in them is left to [`Config::settle`](super::Config::settle).
pub(super) fn sources(root: &Section<'_>) -> Result<(Vec<Source>, bool), ConfigError> {
    let why = "there is nothing to back up";
    let hint = "add at least one source with `title`, `hoster` and `name`";
    let list = root.require("sources", why, hint)?;
    let mut sources = Vec::new();
    let mut is_pending = false;
    let mut folders: HashMap<String, String> = HashMap::new();
    for item in list.items()? {
        let key = item.key.clone();
        let section = item.section()?;
        let source = source(&section)?;
        is_pending |= has_later_keys(&section);
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
    Ok((sources, is_pending))
}

/// Whether a source has anything that is read only when the plugins are known.
fn has_later_keys(section: &Section<'_>) -> bool {
    let later = [
        secrets::file_key(PASSWORD),
        secrets::command_key(PASSWORD),
        ssh::KEY.to_owned(),
    ];
    section
        .keys()
        .any(|key| !SOURCE.contains(&key) || later.iter().any(|later| later == key))
}

/// Whether two sources are about the same repositories, with whatever credentials.
fn is_twin(one: &Source, other: &Source) -> bool {
    !one.name.is_empty()
        && one.hoster == other.hoster
        && one.api_url == other.api_url
        && one.name.eq_ignore_ascii_case(&other.name)
        && one.include_repos == other.include_repos
        && one.ignore_repos == other.ignore_repos
        && one.attribute_filters == other.attribute_filters
}

pub(super) fn source(section: &Section<'_>) -> Result<Source, ConfigError> {
    let title = title(section)?;
    let hoster = hoster(section)?;
    let kind = kind(section)?;
    // Whether there is a name to a hoster is its plugin's to say, which also knows keys of its own.
    let has_own = section.keys().any(|key| !SOURCE.contains(&key));
    let name = match section.get("name") {
        None if has_own => String::new(),
        _ => required_name(section, "name", WHOSE, ADD_NAME)?,
    };
    let allow_insecure_http = boolean(section, "allowInsecureHttp")?;
    let api_url = match section.get("apiUrl") {
        Some(field) => match field.text()?.value.trim() {
            "" => None,
            text => Some(address::api_url(&field, text, allow_insecure_http)?),
        },
        None => None,
    };
    let password = password(section)?;
    Ok(Source {
        title,
        hoster,
        kind,
        name,
        auth_name: optional_name(section, "authName")?,
        api_auth_name: optional_name(section, "apiAuthName")?,
        literal_password: password.as_ref().is_some_and(|found| found.is_literal),
        password: password.map(|found| found.secret),
        api_url,
        allow_insecure_http,
        trusted_origins: origins(section, allow_insecure_http)?,
        include_repos: patterns(section, "includeRepos")?,
        ignore_repos: patterns(section, "ignoreRepos")?,
        attribute_filters: filter_keys::from_keys(section)?,
        include_refs: filter_keys::refs(section, "includeRefs")?,
        exclude_refs: filter_keys::refs(section, "excludeRefs")?,
        expires: expires(section)?,
        max_age: (section.get("maxAge").as_ref())
            .map(options::within)
            .transpose()?,
        ssh: ssh::ssh(section)?,
        isolation: isolation(section)?,
        plugin_environment: plugin_environment(section)?,
        own_secrets: BTreeMap::new(),
        own_options: BTreeMap::new(),
        own_files: BTreeMap::new(),
        secret_pieces: Vec::new(),
    })
}

fn expires(section: &Section<'_>) -> Result<Option<Date>, ConfigError> {
    let Some(field) = section.get("expires") else {
        return Ok(None);
    };
    let text = field.text()?;
    let written = text.value.trim();
    if written.is_empty() {
        return Ok(None);
    }
    // Also a time is a date to others.
    let date = (written.len() == DATE.len()).then(|| written.parse());
    date.and_then(Result::ok).map(Some).ok_or_else(|| {
        field.invalid(
            format!("`{}` is not a date", text.quotable()),
            format!("write the day on which the credentials expire, such as {DATE}"),
        )
    })
}

fn isolation(section: &Section<'_>) -> Result<Isolation, ConfigError> {
    let Some(field) = section.get("isolation") else {
        return Ok(Isolation::default());
    };
    let text = field.text()?;
    match text.value.trim() {
        "" | "process" => Ok(Isolation::Process),
        "inProcess" => Ok(Isolation::InProcess),
        _ => Err(field.invalid(
            format!("`{}` is neither `process` nor `inProcess`", text.quotable()),
            "remove the key: `inProcess` is for debugging a plugin",
        )),
    }
}

fn plugin_environment(section: &Section<'_>) -> Result<Vec<String>, ConfigError> {
    let Some(field) = section.get("pluginEnvironment") else {
        return Ok(Vec::new());
    };
    let mut names = Vec::new();
    for item in field.items()? {
        let name = item.text()?.value;
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(item.invalid(
                "it is not the name of an environment variable",
                "write the name of a variable, without `%` or `$`",
            ));
        }
        names.push(name);
    }
    Ok(names)
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
    let hint = "add `hoster` with the id of a plugin: `forgekeep plugins list` shows them";
    let field = section.require("hoster", why, hint)?;
    let hoster = field.text()?.value.trim().to_lowercase();
    // The id becomes part of a plugin's file name.
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if hoster.is_empty() || !hoster.chars().all(valid) {
        return Err(field.invalid(
            "the id of a hoster has only letters a to z, digits, `-` and `_`",
            "write the id of a plugin: `forgekeep plugins list` shows them",
        ));
    }
    Ok(hoster)
}

/// The word; whether the hoster's plugin knows it is judged with its manifest.
fn kind(section: &Section<'_>) -> Result<Option<String>, ConfigError> {
    let Some(field) = section.get("type") else {
        return Ok(None);
    };
    let word = field.text()?.value.trim().to_ascii_lowercase();
    refuse_unprintable(&field, &word)?;
    Ok((!word.is_empty()).then_some(word))
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

pub(super) fn refuse_unprintable(field: &Field<'_>, value: &str) -> Result<(), ConfigError> {
    if names::is_printable(value) {
        return Ok(());
    }
    Err(field.invalid(
        "it holds a control character or an invisible one",
        "type the value again; such characters come with copied text or a line break",
    ))
}

/// The password, where it stands here. Files and commands are left to [`super::settle`].
fn password(section: &Section<'_>) -> Result<Option<Found>, ConfigError> {
    match secrets::way(section, PASSWORD)? {
        Some(Way::Plain(field)) => secrets::plain(&field, PASSWORD, Form::Line),
        Some(Way::File(_) | Way::Command(_)) | None => Ok(None),
    }
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
    use std::collections::BTreeSet;

    use forgekeep_plugin_documents::SOURCE_KEYS;

    #[test]
    fn no_option_of_a_plugin_may_be_called_as_a_key_of_a_source() {
        let keys: BTreeSet<&str> = SOURCE_KEYS.into_iter().collect();
        let ours: BTreeSet<&str> = super::keys_of_targets().collect();
        assert_eq!(keys, ours);
        assert_eq!(super::keys_of_targets().count(), SOURCE_KEYS.len());
    }
}
