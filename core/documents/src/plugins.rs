//! `plugins list --json`, and that of `plugins info` and `plugins check`.

use std::path::{Path, PathBuf};

use forgekeep_config::{OptionKind, OptionSpec};
use forgekeep_failure::{ErrorKind, ExitCode, Failure};
use forgekeep_plugin_host::{Held, Unusable};
use forgekeep_plugin_search::{Inspected, InspectedFile};
use forgekeep_untrusted::{Printable, Untrusted};
use serde::Serialize;

use crate::SCHEMA;

/// What `forgekeep plugins list --json` prints.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PluginsDocument {
    /// Version of this format.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    schema: u32,
    /// Exit code of the process.
    exit_code: ExitCode,
    /// The files that were found, in the order of the folders.
    plugins: Vec<PluginFound>,
    /// The folders that were searched, in this order.
    folders: Vec<Untrusted>,
}

/// A file that may be a plugin.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PluginFound {
    /// The file.
    file: Untrusted,
    /// The plugin in it, if it can be used.
    plugin: Option<Plugin>,
    /// The file that serves its hoster in its place, if one comes first.
    shadowed_by: Option<Untrusted>,
    /// Why it cannot be used, if so.
    error: Option<Failure>,
}

/// What `forgekeep plugins info --json` and `forgekeep plugins check --json` print.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PluginDocument {
    /// Version of this format.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    schema: u32,
    /// Exit code of the process.
    exit_code: ExitCode,
    /// The plugin.
    plugin: Plugin,
    /// The rules of the plugin protocol that it breaks, of `check`.
    #[serde(skip_serializing_if = "Option::is_none")]
    faults: Option<Vec<Printable>>,
    /// What there is to do about them, if any.
    error: Option<Failure>,
}

/// A plugin that can be used.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Plugin {
    /// The `hoster` of a source.
    id: String,
    /// Other values of `hoster` that it serves.
    aliases: Vec<String>,
    /// Its own version.
    version: Printable,
    /// One line about it.
    description: Printable,
    /// Who made it.
    authors: Vec<Printable>,
    /// Base of the hoster's API for sources without `apiUrl`; may be empty.
    api_url: String,
    /// Further origins that may get the credentials, with the hoster's own API.
    trusted_origins: Vec<String>,
    /// The same with `apiUrl`, as patterns.
    derived_origins: Vec<String>,
    /// What the `type` of a source may be; none where it makes no difference.
    types: Vec<String>,
    /// Keys of a source that only this hoster knows.
    options: Vec<PluginOption>,
    /// Whether repositories can be made there, for `restore --to-hoster`.
    target: bool,
    /// The plugin protocol that is spoken with it.
    protocol: u32,
    /// The SDK that it was built with; may be empty.
    sdk: Printable,
    /// Processor and system that it was built for; may be empty.
    built_for: Printable,
    /// What its process is confined to; empty where it is not.
    confinement: Vec<Confined>,
    /// Its file.
    file: Untrusted,
    /// SHA-256 of that file, in hexadecimal digits.
    sha256: String,
}

/// A key of a source that only one hoster knows.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
struct PluginOption {
    /// The key.
    name: String,
    /// What it is.
    kind: PluginOptionKind,
    /// One line of explanation.
    description: Printable,
    /// Whether a source needs it.
    required: bool,
    /// What a choice may be.
    choices: Vec<String>,
}

/// What a key of a plugin is.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum PluginOptionKind {
    /// A text.
    Text,
    /// A whole number.
    Number,
    /// On or off.
    Flag,
    /// Texts.
    List,
    /// A secret.
    Secret,
    /// One of `choices`.
    Choice,
    /// The name of a file.
    File,
}

/// A part of the confinement of a plugin's process.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
struct Confined {
    /// Which one.
    part: String,
    /// Whether it is enforced.
    confined: bool,
    /// Why it is not, if so.
    why: Option<Printable>,
}

impl PluginsDocument {
    /// Of the files that were found in these folders.
    pub fn new(exit_code: ExitCode, plugins: &[InspectedFile], folders: &[PathBuf]) -> Self {
        Self {
            schema: SCHEMA,
            exit_code,
            plugins: plugins.iter().map(PluginFound::from).collect(),
            folders: folders.iter().map(Untrusted::of_path).collect(),
        }
    }
}

impl From<&InspectedFile> for PluginFound {
    fn from(found: &InspectedFile) -> Self {
        let unusable = found.result.as_ref().err();
        let shadowed_by = match unusable {
            Some(Unusable::IdTaken { by, .. }) => Some(Untrusted::of_path(by)),
            _ => None,
        };
        let error = |unusable: &Unusable| {
            Failure::new(ErrorKind::PluginMissing, unusable.to_string()).with_hint(unusable.hint())
        };
        Self {
            file: Untrusted::of_path(&found.path),
            plugin: found.result.as_ref().ok().map(Plugin::from),
            error: unusable.filter(|_| shadowed_by.is_none()).map(error),
            shadowed_by,
        }
    }
}

impl PluginDocument {
    /// Of a plugin that was only looked at.
    pub fn of(plugin: &Inspected) -> Self {
        Self {
            schema: SCHEMA,
            exit_code: ExitCode::Good,
            plugin: plugin.into(),
            faults: None,
            error: None,
        }
    }

    /// Of one that was tried; `error` says what to do where it breaks rules.
    pub fn tried(
        exit_code: ExitCode,
        plugin: &Inspected,
        faults: Vec<Printable>,
        error: Option<Failure>,
    ) -> Self {
        Self {
            exit_code,
            faults: Some(faults),
            error,
            ..Self::of(plugin)
        }
    }
}

impl From<&Inspected> for Plugin {
    fn from(Inspected { info, about }: &Inspected) -> Self {
        let confinement = about.confinement.parts().iter();
        let confinement = confinement.map(|(part, held)| Confined {
            part: part.to_string(),
            confined: *held == Held::Yes,
            why: match held {
                Held::Yes => None,
                Held::No(why) => Some(why.as_str().into()),
            },
        });
        Self {
            id: info.id.clone(),
            aliases: info.aliases.clone(),
            version: info.version.clone(),
            description: info.description.clone(),
            authors: info.authors.clone(),
            api_url: info.api_url.clone(),
            trusted_origins: info.trusted_origins.clone(),
            derived_origins: info.derived_origins.clone(),
            types: info.types.clone(),
            options: info.options.iter().map(PluginOption::from).collect(),
            target: info.target,
            protocol: about.protocol,
            sdk: about.sdk.clone(),
            built_for: about.target.clone(),
            confinement: confinement.collect(),
            file: Untrusted::of_path(Path::new(&info.file)),
            sha256: about.sha256.to_string(),
        }
    }
}

impl From<&OptionSpec> for PluginOption {
    fn from(option: &OptionSpec) -> Self {
        Self {
            name: option.name.clone(),
            kind: match option.kind {
                OptionKind::Text => PluginOptionKind::Text,
                OptionKind::Number => PluginOptionKind::Number,
                OptionKind::Flag => PluginOptionKind::Flag,
                OptionKind::List => PluginOptionKind::List,
                OptionKind::Secret => PluginOptionKind::Secret,
                OptionKind::Choice => PluginOptionKind::Choice,
                OptionKind::File => PluginOptionKind::File,
            },
            description: option.description.as_str().into(),
            required: option.required,
            choices: option.choices.clone(),
        }
    }
}
