//! What can be judged only when the plugins are known: their own keys, `type`, and secrets, which are
//! not read before somebody needs them.

use super::document::ConfigDocument;
use super::error::{ConfigError, ConfigWarning};
use super::filter_keys;
use super::masked::OwnKeys;
use super::own::{OptionKind, OptionSpec, PluginKeys, secret_keys};
use super::own_value;
use super::reader::{Reader, Section, in_order};
use super::schema::{ADD_NAME, PASSWORD, SOURCE, WHOSE};
use super::secrets::{self, Form, Printed};
use super::{Config, OptionValue, Source, ssh, together};

impl Config {
    /// Whether nothing of the configuration waits for [`settle`](Self::settle).
    pub fn is_settled(&self) -> bool {
        !self.is_pending
    }

    /// Reads what [`load`](super::load) has left: the own keys of the sources' plugins, and secrets
    /// in files and from commands, which are run now. `plugin` gives what the plugin of a `hoster` says
    /// of its keys, or nothing where there is none that can be used: then nothing is said of its
    /// sources' `type`, and keys that are not known are ignored with a warning. Returns the warnings,
    /// which are added to those that there are.
    ///
    /// Only a command that talks to hosters needs this. A second time it does nothing.
    ///
    /// # Errors
    ///
    /// A key cannot be used, a required one is missing, or a secret cannot be had. The configuration is
    /// then as it was.
    pub fn settle(
        &mut self,
        plugin: &dyn Fn(&str) -> Option<PluginKeys>,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Vec<ConfigWarning>, ConfigError> {
        if self.has_settled {
            return Ok(Vec::new());
        }
        let mut sources = self.sources.clone();
        let (own_keys, warnings) = {
            let document = ConfigDocument::parse(self.text.expose(), &self.file)?;
            let reader = Reader::new(&document, &self.file, environment);
            let own_keys = settle_sources(&reader, &mut sources, plugin)?;
            (own_keys, reader.into_warnings())
        };
        self.sources = sources;
        self.own_keys = own_keys;
        self.warnings.extend(warnings.iter().cloned());
        in_order(&mut self.warnings);
        self.has_settled = true;
        self.is_pending = false;
        Ok(warnings)
    }
}

fn settle_sources(
    reader: &Reader<'_>,
    sources: &mut [Source],
    plugin: &dyn Fn(&str) -> Option<PluginKeys>,
) -> Result<Vec<OwnKeys>, ConfigError> {
    let root = reader.root();
    let Some(list) = root.get("sources") else {
        return Ok(Vec::new());
    };
    let mut sections = Vec::new();
    for (source, item) in sources.iter_mut().zip(list.items()?) {
        sections.push(settled_section(source, item.section()?, plugin, &[])?);
    }
    settle_list(&mut sources.iter_mut().collect::<Vec<_>>(), &sections)?;
    let names = sections.iter().map(|(section, _)| section);
    together::refuse_overlaps(sources, &names.collect::<Vec<_>>())?;
    let own_keys = sections
        .iter()
        .map(|(_, options)| own_keys(known_options(options)));
    Ok(own_keys.collect())
}

/// A section with the options of its plugin, where there is one that could be asked.
pub(super) type SectionOfPlugin<'r> = (Section<'r>, Option<Vec<OptionSpec>>);

/// Reads what a plugin says of a source's keys, but for secrets. `more` are keys that others read.
pub(super) fn settled_section<'r>(
    source: &mut Source,
    section: Section<'r>,
    plugin: &dyn Fn(&str) -> Option<PluginKeys>,
    more: &[&str],
) -> Result<SectionOfPlugin<'r>, ConfigError> {
    let keys = plugin(&source.hoster);
    if let Some(keys) = &keys {
        judge_kind(source, &section, &keys.types)?;
        filter_keys::judge(&source.attribute_filters, &section, &keys.attributes)?;
        judge_name(source, &section, keys.nameless)?;
    }
    let options = keys.map(|keys| keys.options);
    ssh::check_key(&section)?;
    read_options(source, &section, known_options(&options))?;
    let known = known(known_options(&options));
    let mut known: Vec<&str> = known.iter().map(String::as_str).collect();
    known.extend(more);
    section.warn_unknown(&known);
    Ok((section, options))
}

/// Reads the secrets. Last, so that no command is run for a configuration that cannot be used.
pub(super) fn settle_list(
    sources: &mut [&mut Source],
    sections: &[SectionOfPlugin<'_>],
) -> Result<(), ConfigError> {
    let mut printed = Printed::default();
    for (source, (section, options)) in sources.iter_mut().zip(sections) {
        read_secrets(source, section, known_options(options), &mut printed)?;
    }
    for (source, (section, options)) in sources.iter().zip(sections) {
        if let Some(options) = options {
            together::demand_secret(source, section, options)?;
        }
    }
    Ok(())
}

/// None where there is no plugin that could be asked.
fn known_options(options: &Option<Vec<OptionSpec>>) -> &[OptionSpec] {
    options.as_deref().unwrap_or_default()
}

fn judge_kind(
    source: &mut Source,
    section: &Section<'_>,
    types: &[String],
) -> Result<(), ConfigError> {
    // Where it makes no difference, SCM Backup's `user` and `org` are as good as any word.
    if let (Some(kind), Some(field), false) = (&source.kind, section.get("type"), types.is_empty())
    {
        let quoted = field.text()?.quotable().to_string();
        source.kind = Some(own_value::one_of(&field, kind, &quoted, types)?);
    }
    Ok(())
}

/// What is not called by a name is called by the title of its source.
fn judge_name(
    source: &mut Source,
    section: &Section<'_>,
    nameless: bool,
) -> Result<(), ConfigError> {
    match (nameless, section.get("name")) {
        (true, field) => {
            if let Some(field) = field {
                field.warn(format!(
                    "is ignored: what is backed up of `{}` has no name of an account",
                    source.hoster
                ));
            }
            source.name.clone_from(&source.title);
            Ok(())
        }
        (false, None) => Err(section.missing("name", WHOSE, ADD_NAME)),
        (false, Some(_)) => Ok(()),
    }
}

fn read_options(
    source: &mut Source,
    section: &Section<'_>,
    options: &[OptionSpec],
) -> Result<(), ConfigError> {
    for key in std::iter::once(PASSWORD).chain(secret_keys(options)) {
        if let Some(way) = secrets::way(section, key)? {
            secrets::check(&way)?;
        }
    }
    for spec in options {
        let is_given = match (spec.kind, section.get(&spec.name)) {
            (OptionKind::Secret, _) => secrets::way(section, &spec.name)?.is_some(),
            (_, Some(field)) => own_value::read(source, &field, spec)?,
            (_, None) => false,
        };
        let value = source.own_options.get(&spec.name);
        if spec.required
            && matches!(value, Some(OptionValue::List(entries)) if entries.is_empty())
            && let Some(field) = section.get(&spec.name)
        {
            return Err(field.invalid(
                "it is empty, or names a file without an entry",
                "write at least one entry, in a file each on a line of its own",
            ));
        }
        if is_given {
            continue;
        }
        if let Some(default) = &spec.default {
            let options = &mut source.own_options;
            options.insert(spec.name.clone(), default.clone());
        } else if spec.required {
            return Err(missing(source, section, spec));
        }
    }
    Ok(())
}

fn missing(source: &Source, section: &Section<'_>, spec: &OptionSpec) -> ConfigError {
    let key = &spec.name;
    let why = format!("the plugin for `{}` needs it", source.hoster);
    let hint = match spec.kind {
        OptionKind::Secret => format!(
            "add `{key}`, `{}` or `{}`",
            secrets::file_key(key),
            secrets::command_key(key)
        ),
        _ => format!("add `{key}`"),
    };
    section.missing(key, &why, &hint)
}

fn read_secrets(
    source: &mut Source,
    section: &Section<'_>,
    options: &[OptionSpec],
    printed: &mut Printed,
) -> Result<(), ConfigError> {
    if source.password.is_none()
        && let Some(way) = secrets::way(section, PASSWORD)?
        && let Some(found) = secrets::read(&way, PASSWORD, Form::Line, printed)?
    {
        source.password = Some(found.secret);
    }
    for key in secret_keys(options) {
        let Some(way) = secrets::way(section, key)? else {
            continue;
        };
        let Some(found) = secrets::read(&way, key, Form::Lines, printed)? else {
            continue;
        };
        source.literal_password |= found.is_literal;
        if found.secret.expose().trim().contains('\n') {
            let pieces = secrets::pieces(found.secret.expose());
            source.secret_pieces.extend(pieces);
        }
        source.own_secrets.insert(key.to_owned(), found.secret);
    }
    Ok(())
}

/// The keys of a source whose plugin has these options.
fn known(options: &[OptionSpec]) -> Vec<String> {
    let of_secrets = secret_keys(options).map(str::to_owned).collect::<Vec<_>>();
    let mut known: Vec<String> = SOURCE.iter().map(|&key| key.to_owned()).collect();
    known.extend(options.iter().map(|spec| spec.name.clone()));
    known.extend(of_secrets.iter().map(|key| secrets::file_key(key)));
    known.extend(of_secrets.iter().map(|key| secrets::command_key(key)));
    known
}

fn own_keys(options: &[OptionSpec]) -> OwnKeys {
    let is_file = |spec: &&OptionSpec| spec.kind == OptionKind::File;
    OwnKeys {
        secrets: secret_keys(options).map(str::to_owned).collect(),
        files: options
            .iter()
            .filter(is_file)
            .map(|spec| spec.name.clone())
            .collect(),
    }
}
