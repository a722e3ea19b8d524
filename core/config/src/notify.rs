//! Who is told what came of a run: `notify`, and `email` as SCM Backup has it.
//!
//! What is read when the configuration is loaded is only whether it can be meant. Its secrets, and the
//! variables that they come from, are read when somebody is told: a secret that is missing then must not
//! keep a backup from being made.

mod mail;
mod web;

use std::path::{Path, PathBuf};

use forgekeep_untrusted::{Secret, names};

use super::document::ConfigDocument;
use super::environment::literal_parts;
use super::error::{ConfigError, ConfigWarning};
use super::hooks::{Hooks, hooks};
use super::node::Value;
use super::reader::{Field, Reader, Section};
use super::rendered::rendered;
use super::secrets::Printed;
use super::{Config, NOT_SET, schema};

pub use mail::{EMAIL, Mail, MailSecurity, SECURITY};
pub use web::{PRESETS, Ping, Preset, Webhook};

/// The keys of all kinds of channels.
pub const CHANNEL: &[&[&str]] = &[&["kind", "on"], mail::KEYS, web::KEYS];
/// The keys of secrets.
pub(super) const SECRET_KEYS: [&str; 3] = [schema::PASSWORD, "url", "routingKey"];
/// The words of `kind`.
pub const KINDS: [&str; 3] = ["mail", "webhook", "ping"];
/// The words of `on`.
pub const EVENTS: [&str; 4] = ["failure", "alert", "recovery", "always"];

/// What a channel is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct On {
    /// Runs that failed.
    pub failure: bool,
    /// Runs in which upstream has lost much.
    pub alert: bool,
    /// The first good run after one whose failure was told.
    pub recovery: bool,
    /// Every run.
    pub always: bool,
}

/// Somebody who is told.
#[derive(Debug, Clone)]
pub struct Channel {
    /// Its place in the configuration, such as `notify[0]`.
    pub key: String,
    /// Of what.
    pub on: On,
    /// How.
    pub kind: ChannelKind,
}

/// How somebody is told.
#[derive(Debug, Clone)]
pub enum ChannelKind {
    /// By mail.
    Mail(Mail),
    /// By a request to a web service.
    Webhook(Webhook),
    /// By a request to a service that gives the alarm when none comes.
    Ping(Ping),
}

/// All that is to be told and run, with its secrets.
#[derive(Debug, Clone, Default)]
pub struct Notifications {
    /// The backup folder, where it could be read.
    pub local_folder: Option<PathBuf>,
    /// Who is told.
    pub channels: Vec<Channel>,
    /// What is run.
    pub hooks: Hooks,
    /// Why others cannot be told, or commands not be run.
    pub unusable: Vec<ConfigError>,
    /// What was not said when the configuration was loaded.
    pub warnings: Vec<ConfigWarning>,
}

impl Config {
    /// Who is told and what is run, with the secrets, which are read from files and commands now.
    pub fn notifications(&self, environment: &dyn Fn(&str) -> Option<String>) -> Notifications {
        let document = ConfigDocument::parse(self.text.expose(), &self.file);
        let mut read = match &document {
            Ok(document) => read(document, &self.file, environment),
            // It was parsed before.
            Err(error) => Notifications {
                unusable: vec![error.clone()],
                ..Notifications::default()
            },
        };
        read.warnings.retain(|new| {
            let mut known = self.warnings.iter();
            !known.any(|known| known.key == new.key && known.message == new.message)
        });
        read
    }

    /// The part of the configuration that says who is told and what is run, as text that
    /// [`notifications_of_copy`] reads; none where it says nothing of it. Secrets are in it as they are in the
    /// configuration: by a name where that names a variable, a file or a command, else in plain text.
    pub fn notifications_copy(&self) -> Option<Secret> {
        let mut document = ConfigDocument::parse(self.text.expose(), &self.file).ok()?;
        if let Value::Mapping(entries) = &mut document.root.value {
            let who = ["notify", "email", "hooks"];
            if !entries
                .iter()
                .any(|entry| who.contains(&entry.key.as_str()))
            {
                return None;
            }
            entries.retain(|entry| entry.key == "localFolder" || who.contains(&entry.key.as_str()));
        }
        rendered(&document).map(Secret::new)
    }
}

/// The same of a copy of that part, which was made of the configuration `file`; none where it cannot be read.
pub fn notifications_of_copy(
    copy: &Secret,
    file: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Option<Notifications> {
    let document = ConfigDocument::parse(copy.expose(), file).ok()?;
    Some(read(&document, file, environment))
}

/// The same of a configuration that cannot be used, as far as this part of it can be read; none where it
/// cannot be read at all.
pub fn notifications_of(
    file: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Option<Notifications> {
    let text = super::read(file).ok()?;
    let document = ConfigDocument::parse(&text, file).ok()?;
    Some(read(&document, file, environment))
}

/// What is known of the secrets when a channel is read.
pub(super) enum Secrets<'p> {
    /// They are not read yet.
    Later,
    /// They are read now.
    Now(&'p mut Printed),
}

fn read(
    document: &ConfigDocument<'_>,
    file: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Notifications {
    let reader = Reader::new(document, file, environment);
    let mut all = Notifications::default();
    let mut printed = Printed::default();
    {
        let root = reader.root();
        all.local_folder = schema::local_folder(&root, true).ok();
        match hooks(&root) {
            Ok(hooks) => all.hooks = hooks,
            Err(error) => all.unusable.push(error),
        }
        for read in channels(&root, &mut Secrets::Now(&mut printed)) {
            match read {
                Ok(channel) => all.channels.push(channel),
                Err(error) => all.unusable.push(error),
            }
        }
    }
    all.warnings = reader.into_warnings();
    all
}

/// What is known of the channels before anybody is told.
pub(super) struct Checked {
    pub(super) warnings: Vec<ConfigWarning>,
    /// Whether any part of a secret stands in the configuration itself.
    pub(super) is_literal: bool,
}

/// Checks what can be checked without a secret. Only what is our own is refused: `email` was ignored by
/// SCM Backup where it was not complete.
pub(super) fn check(
    document: &ConfigDocument<'_>,
    file: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Checked, ConfigError> {
    let lenient = |name: &str| environment(name).or_else(|| Some(NOT_SET.to_owned()));
    let reader = Reader::new(document, file, &lenient);
    let is_literal = {
        let root = reader.root();
        hooks(&root)?;
        for read in own_channels(&root, &mut Secrets::Later) {
            read?;
        }
        if let Some(field) = root.get("email")
            && let Err(error) = mail::former(&field, &mut Secrets::Later)
        {
            let key = error.key().unwrap_or("email");
            field.warn(format!(
                "is ignored, and no mail is sent: `{key}`: {}",
                error.why()
            ));
        }
        has_literal(&root)
    };
    Ok(Checked {
        warnings: reader.into_warnings(),
        is_literal,
    })
}

fn has_literal(root: &Section<'_>) -> bool {
    let channels = root.get("notify").and_then(|list| list.items().ok());
    let sections = channels.into_iter().flatten().chain(root.get("email"));
    sections
        .filter_map(|field| field.section().ok())
        .any(|section| {
            let mut given = SECRET_KEYS.iter().filter_map(|key| section.get(key));
            given.any(|field| {
                let parts = literal_parts(field.raw_text().unwrap_or_default());
                parts.into_iter().any(|part| !names::is_blank(part))
            })
        })
}

fn channels(root: &Section<'_>, secrets: &mut Secrets<'_>) -> Vec<Result<Channel, ConfigError>> {
    let mut all = own_channels(root, secrets);
    let former = root
        .get("email")
        .map(|field| mail::former(&field, secrets).map(|mail| (field.key.clone(), mail)));
    match former {
        Some(Ok((key, Some(mail)))) => all.push(Ok(Channel {
            key,
            // SCM Backup sends after each run.
            on: On {
                failure: true,
                alert: true,
                recovery: true,
                always: true,
            },
            kind: ChannelKind::Mail(mail),
        })),
        Some(Err(error)) => all.push(Err(error)),
        Some(Ok((_, None))) | None => {}
    }
    all
}

fn own_channels(
    root: &Section<'_>,
    secrets: &mut Secrets<'_>,
) -> Vec<Result<Channel, ConfigError>> {
    let Some(list) = root.get("notify") else {
        return Vec::new();
    };
    match list.items() {
        Ok(items) => items
            .into_iter()
            .map(|item| channel(item, secrets))
            .collect(),
        Err(error) => vec![Err(error)],
    }
}

fn channel(item: Field<'_>, secrets: &mut Secrets<'_>) -> Result<Channel, ConfigError> {
    let key = item.key.clone();
    let section = item.section()?;
    let hint = "add `kind` with `mail`, `webhook` or `ping`";
    let field = section.require("kind", "it says how somebody is told", hint)?;
    let text = field.text()?;
    let (kind, keys) = match text.value.trim().to_ascii_lowercase().as_str() {
        "mail" => (ChannelKind::Mail(mail::own(&section, secrets)?), mail::KEYS),
        "webhook" => (
            ChannelKind::Webhook(web::webhook(&section, secrets)?),
            web::KEYS,
        ),
        "ping" => (
            ChannelKind::Ping(web::ping(&section, secrets)?),
            web::PING_KEYS,
        ),
        _ => {
            return Err(field.invalid(
                format!(
                    "`{}` is neither `mail`, `webhook` nor `ping`",
                    text.quotable()
                ),
                "write `mail`, `webhook` or `ping`",
            ));
        }
    };
    section.warn_unknown(&[&["kind", "on"], keys].concat());
    let on = match section.get("on") {
        Some(field) => events(&field)?,
        None => match kind {
            ChannelKind::Ping(_) => On {
                always: true,
                ..On::none()
            },
            ChannelKind::Mail(_) | ChannelKind::Webhook(_) => On {
                always: false,
                failure: true,
                alert: true,
                recovery: true,
            },
        },
    };
    Ok(Channel { key, on, kind })
}

impl On {
    const fn none() -> Self {
        Self {
            failure: false,
            alert: false,
            recovery: false,
            always: false,
        }
    }
}

fn events(field: &Field<'_>) -> Result<On, ConfigError> {
    let hint = "write a list with `failure`, `alert`, `recovery` or `always`, or leave the key out";
    let words = match field.is_list() {
        true => field.items()?,
        false => Vec::new(),
    };
    let mut on = On::none();
    let mut one = |field: &Field<'_>| {
        let text = field.text()?;
        match text.value.trim().to_ascii_lowercase().as_str() {
            "failure" => on.failure = true,
            "alert" => on.alert = true,
            "recovery" => on.recovery = true,
            "always" => on.always = true,
            _ => {
                let why = format!("`{}` is none of the events", text.quotable());
                return Err(field.invalid(why, hint));
            }
        }
        Ok(())
    };
    match field.is_list() {
        true => words.iter().try_for_each(&mut one)?,
        false => one(field)?,
    }
    if on == On::none() {
        return Err(field.invalid("it names no event, so nobody would be told", hint));
    }
    Ok(on)
}
