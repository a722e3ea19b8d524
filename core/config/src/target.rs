//! Where repositories can be brought back to: `targets`, for `restore --to-hoster` and `drill` alone.
//!
//! A target is a source by its keys, with credentials of its own that may write. What is read of it when the
//! configuration is loaded is only whether it can be meant: its secrets, and the variables that they come
//! from, need not be there before somebody writes to it.

use std::collections::{BTreeMap, HashSet};

use forgekeep_untrusted::names;

use super::document::ConfigDocument;
use super::error::{ConfigError, ConfigErrorKind, ConfigWarning, FileLocation};
use super::reader::{Field, Reader, Section};
use super::schema::{self, OF_TARGETS, PROJECT, RENAME, TARGETS};
use super::settle::{settle_list, settled_section};
use super::{Config, NOT_SET, PluginKeys, Source};

/// Keys of a source that are about what is backed up, and say nothing of a target.
const NOT_OF_TARGETS: &[&str] = &[
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
    "maxAge",
];

/// A place at a hoster that repositories are brought back to.
#[derive(Debug, Clone)]
pub struct Target {
    /// Who and where, with the credentials.
    pub source: Source,
    /// Other names for some repositories: by any unambiguous end of `TITLE/owner/name`, or by an id.
    pub rename: BTreeMap<String, String>,
    /// The project that repositories are made in, where the hoster has projects; empty where it was not said.
    pub project: String,
}

impl Config {
    /// The titles of all targets, in the order of the file.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        self.targets.iter().map(|target| target.title.as_str())
    }

    /// The hoster of a target, by its title.
    pub fn target_hoster(&self, title: &str) -> Option<&str> {
        let mut targets = self.targets.iter();
        let target = targets.find(|target| target.title == title)?;
        Some(&target.hoster)
    }

    /// Reads a target whole, with its secrets. `plugin` is as for [`settle`](Self::settle). `None`: there is
    /// none of this title. Also returns the warnings.
    ///
    /// # Errors
    ///
    /// A key cannot be used, a required one is missing, or a secret cannot be had.
    pub fn target(
        &self,
        title: &str,
        plugin: &dyn Fn(&str) -> Option<PluginKeys>,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Option<(Target, Vec<ConfigWarning>)>, ConfigError> {
        let Some(index) = self.targets.iter().position(|known| known.title == title) else {
            return Ok(None);
        };
        let document = ConfigDocument::parse(self.text.expose(), &self.file)?;
        let reader = Reader::new(&document, &self.file, environment);
        let target = {
            let root = reader.root();
            let item = match root.get(TARGETS) {
                Some(list) => list.items()?.into_iter().nth(index),
                None => None,
            };
            let Some(item) = item else { return Ok(None) };
            let section = item.section()?;
            let mut target = target(&section)?;
            for key in NOT_OF_TARGETS {
                if let Some(field) = section.get(key) {
                    field.warn("is ignored: the command says what is brought back");
                }
            }
            let (own, options) = settled_section(&mut target.source, section, plugin, OF_TARGETS)?;
            settle_list(&mut [&mut target.source], &[(own, options)])?;
            target
        };
        Ok(Some((target, reader.into_warnings())))
    }

    /// The same configuration with a target as the only source: for whoever opens it.
    #[must_use]
    pub fn of_target(&self, target: &Target) -> Self {
        Self {
            sources: vec![target.source.clone()],
            own_keys: Vec::new(),
            is_pending: false,
            has_settled: true,
            ..self.clone()
        }
    }
}

/// What is known of a target before anybody writes to it.
#[derive(Debug, Clone)]
pub(super) struct Named {
    title: String,
    hoster: String,
}

/// The targets, which are checked as far as that needs no secret.
pub(super) fn named(
    document: &ConfigDocument<'_>,
    file: &std::path::Path,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<(Vec<Named>, Vec<ConfigWarning>), ConfigError> {
    let lenient = |name: &str| environment(name).or_else(|| Some(NOT_SET.to_owned()));
    let reader = Reader::new(document, file, &lenient);
    let mut targets = Vec::new();
    {
        let root = reader.root();
        let Some(list) = root.get(TARGETS) else {
            return Ok((targets, Vec::new()));
        };
        let mut taken = HashSet::new();
        for item in list.items()? {
            let section = item.section()?;
            let source = target(&section)?.source;
            let (title, hoster) = (source.title, source.hoster);
            if !taken.insert(names::collision_key(&title))
                && let Some(field) = section.get("title")
            {
                return Err(field.error(
                    ConfigErrorKind::DuplicateTitle,
                    "is not unique",
                    "another target has the same title, or one that differs in case only",
                    "give each target a title of its own: --to-hoster names it",
                ));
            }
            targets.push(Named { title, hoster });
        }
    }
    Ok((targets, reader.into_warnings()))
}

fn target(section: &Section<'_>) -> Result<Target, ConfigError> {
    let source = schema::source(section)?;
    let mut rename = BTreeMap::new();
    if let Some(field) = section.get(RENAME) {
        let renames = field.section()?;
        for key in renames.keys() {
            let Some(field) = renames.get(key) else {
                continue;
            };
            rename.insert(key.to_owned(), filled(&field)?);
        }
    }
    let project = section.get(PROJECT).map(|field| filled(&field));
    Ok(Target {
        source,
        rename,
        project: project.transpose()?.unwrap_or_default(),
    })
}

fn filled(field: &Field<'_>) -> Result<String, ConfigError> {
    let value = field.text()?.value.trim().to_owned();
    if value.is_empty() {
        return Err(field.invalid("it is empty", "write a name, or remove the key"));
    }
    schema::refuse_unprintable(field, &value)?;
    Ok(value)
}

/// The refusal of a title that no target has.
pub fn unknown_target(config: &Config, title: &str) -> ConfigError {
    let known: Vec<&str> = config.targets().collect();
    let hint = match known.is_empty() {
        true => "add a list `targets`, with the keys of a source and credentials that may write; an entry of `sources` is never written to".to_owned(),
        false => format!("choose one of: {}", known.join(", ")),
    };
    ConfigError::new(
        ConfigErrorKind::MissingKey,
        FileLocation::file(&config.file),
        format!("there is no target \"{title}\""),
        match config.sources.iter().any(|source| source.title == title) {
            true => "it is the title of a source, which is never written to",
            false => "`targets` of the configuration has none of that title",
        },
        hint,
    )
}
