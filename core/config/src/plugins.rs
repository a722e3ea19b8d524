//! The `plugins` of the configuration: which may be loaded, and how they are confined.

use super::error::ConfigError;
use super::nearest::{listed, neither};
use super::reader::{Field, Section};

/// The keys of the group.
pub const PLUGINS: &[&str] = &["allow", "confinement"];

/// What `confinement` may be.
pub const CONFINEMENT: [&str; 3] = ["auto", "require", "off"];

/// The `plugins` of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PluginOptions {
    /// The plugins that may be loaded; `None` for all, an empty list for none.
    pub allow: Option<Vec<AllowedPlugin>>,
    /// How a plugin's process is confined.
    pub confinement: Confinement,
}

/// An entry of `plugins.allow`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedPlugin {
    /// The plugin's id, in lower case.
    pub id: String,
    /// The SHA-256 that its file must have: 64 hexadecimal digits, in lower case. `None` for any.
    pub sha256: Option<String>,
}

/// How a plugin's process is confined: `plugins.confinement`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Confinement {
    /// As far as the system can.
    #[default]
    Auto,
    /// Fully: where the system cannot, no plugin is run.
    Require,
    /// Not at all.
    Off,
}

/// Whether a plugin may be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PluginVerdict {
    /// It may.
    Allowed,
    /// `plugins.allow` does not name it.
    NotNamed,
    /// `plugins.allow` names it with another file's SHA-256.
    OtherFile,
}

impl PluginOptions {
    /// Whether the plugin with this id may be loaded from a file with this SHA-256, in hexadecimal
    /// digits.
    pub fn allows(&self, id: &str, sha256: &str) -> PluginVerdict {
        let Some(allow) = &self.allow else {
            return PluginVerdict::Allowed;
        };
        let mut verdict = PluginVerdict::NotNamed;
        for entry in allow.iter().filter(|entry| entry.id == id) {
            match &entry.sha256 {
                Some(hash) if !hash.eq_ignore_ascii_case(sha256) => {
                    verdict = PluginVerdict::OtherFile;
                }
                Some(_) | None => return PluginVerdict::Allowed,
            }
        }
        verdict
    }
}

pub(super) fn plugins(root: &Section<'_>) -> Result<PluginOptions, ConfigError> {
    let Some(field) = root.get("plugins") else {
        return Ok(PluginOptions::default());
    };
    let section = field.section()?;
    section.warn_unknown(PLUGINS);
    Ok(PluginOptions {
        allow: allow(&section)?,
        confinement: confinement(&section)?,
    })
}

fn allow(section: &Section<'_>) -> Result<Option<Vec<AllowedPlugin>>, ConfigError> {
    let Some(list) = section.get("allow") else {
        // "All" is not what an empty place means to everybody.
        if section.keys().any(|key| key == "allow") {
            return Err(section.missing(
                "allow",
                "it could mean all plugins, or none",
                "write `[]` for none, or remove the key for all",
            ));
        }
        return Ok(None);
    };
    let items = list.items()?;
    items
        .iter()
        .map(allowed)
        .collect::<Result<_, _>>()
        .map(Some)
}

fn allowed(item: &Field<'_>) -> Result<AllowedPlugin, ConfigError> {
    let text = item.text()?.value.trim().to_lowercase();
    let (id, hash) = match text.split_once('@') {
        Some((id, hash)) => (id, Some(hash)),
        None => (text.as_str(), None),
    };
    // The id is part of the plugin's file name.
    let is_id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if id.is_empty() || !id.chars().all(is_id) {
        return Err(item.invalid(
            "the id of a plugin has only letters a to z, digits and `-`",
            "write the id of a plugin as `forgekeep plugins list` shows it, or its id and the SHA-256 of its \
             file: `id@sha256:…`",
        ));
    }
    let sha256 = match hash {
        None => None,
        Some(hash) => Some(sha256(hash).ok_or_else(|| {
            item.invalid(
                "what follows the `@` is not a SHA-256",
                format!("write `{id}@sha256:` and the 64 digits that `sha256sum` prints"),
            )
        })?),
    };
    Ok(AllowedPlugin {
        id: id.to_owned(),
        sha256,
    })
}

fn sha256(text: &str) -> Option<String> {
    let digits = text.strip_prefix("sha256:")?;
    let is_hash = digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hash.then(|| digits.to_owned())
}

fn confinement(section: &Section<'_>) -> Result<Confinement, ConfigError> {
    let Some(field) = section.get("confinement") else {
        return Ok(Confinement::default());
    };
    // YAML 1.1 reads a bare `off` as false; here the word as written counts.
    let text = field.text()?;
    match text.value.trim().to_ascii_lowercase().as_str() {
        "" | "auto" => Ok(Confinement::Auto),
        "require" => Ok(Confinement::Require),
        "off" | "false" => Ok(Confinement::Off),
        _ => Err(field.invalid(
            format!("`{}` is {}", text.quotable(), neither(&CONFINEMENT)),
            format!("write {}, or leave the key out", listed(&CONFINEMENT)),
        )),
    }
}
