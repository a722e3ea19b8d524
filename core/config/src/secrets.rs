//! Secrets: written down, in a file of their own, or printed by a command.

use std::collections::HashMap;
use std::time::Duration;

use forgekeep_command::{Unanswered, Why};
use forgekeep_untrusted::{Redactor, Secret, Untrusted, names};

use super::error::{ConfigError, ConfigErrorKind};
use super::reader::{Field, Section, Text};
use super::{beside, environment, plausible};

/// The largest secret, in bytes.
pub(super) const MAX_SECRET: usize = 64 << 10;

/// How long a command may take.
const COMMAND_TIME: Duration = Duration::from_secs(30);

/// Characters of a command's last words that are told.
const MAX_WORDS: usize = 300;

/// Shorter parts of a secret of several lines are not looked for by themselves.
const SHORTEST_LINE: usize = 16;

/// A secret above this size is looked for by its lines alone.
const LONGEST_WHOLE: usize = 4 << 10;

/// The key for the file with a secret.
pub fn file_key(key: &str) -> String {
    format!("{key}File")
}

/// The key for the command that prints a secret.
pub fn command_key(key: &str) -> String {
    format!("{key}Command")
}

/// How a secret is given.
pub(super) enum Way<'a> {
    Plain(Field<'a>),
    File(Field<'a>),
    Command(Field<'a>),
}

impl<'a> Way<'a> {
    fn field(&self) -> &Field<'a> {
        match self {
            Self::Plain(field) | Self::File(field) | Self::Command(field) => field,
        }
    }
}

/// How a section gives a secret, if it does. Nothing is read yet.
///
/// # Errors
///
/// It is given in two ways.
pub(super) fn way<'a>(section: &Section<'a>, key: &str) -> Result<Option<Way<'a>>, ConfigError> {
    let given = |key: &str| {
        let field = section.get(key)?;
        (field.raw_text() != Some("")).then_some(field)
    };
    let ways = [
        given(key).map(Way::Plain),
        given(&file_key(key)).map(Way::File),
        given(&command_key(key)).map(Way::Command),
    ];
    let mut ways = ways.into_iter().flatten();
    let first = ways.next();
    if let (Some(first), Some(second)) = (&first, ways.next()) {
        let (first, second) = (first.field(), second.field());
        return Err(second.error(
            ConfigErrorKind::DuplicateKey,
            "gives the secret a second time",
            format!("`{}` gives it already", first.key),
            format!("keep one of `{}` and `{}`", first.key, second.key),
        ));
    }
    Ok(first)
}

/// A secret, and whether any part of it stands in the configuration itself.
pub(super) struct Found {
    pub(super) secret: Secret,
    pub(super) is_literal: bool,
}

/// Reads a secret that stands in the configuration, under `key`, or in the environment.
pub(super) fn plain(
    field: &Field<'_>,
    key: &str,
    form: Form,
) -> Result<Option<Found>, ConfigError> {
    let text = field.text()?;
    if names::is_blank(&text.value) {
        return blank(field, &text).map(|()| None);
    }
    if text.value.len() > MAX_SECRET {
        return Err(field.error(
            ConfigErrorKind::TooLarge,
            "is too long for a secret",
            format!("it has more than {MAX_SECRET} bytes"),
            "check that this is the right text",
        ));
    }
    if form == Form::Line || !text.value.trim().contains('\n') {
        plausible::secret(field, key, &text)?;
    } else {
        refuse_nul(field, &text.value)?;
    }
    let parts = environment::literal_parts(field.raw_text().unwrap_or_default());
    Ok(Some(Found {
        secret: Secret::new(text.value),
        is_literal: parts.into_iter().any(|part| !names::is_blank(part)),
    }))
}

/// Without a password a hoster lists public repositories only, and nobody would notice.
fn blank(field: &Field<'_>, text: &Text<'_>) -> Result<(), ConfigError> {
    let found = match text.value.is_empty() {
        true => "empty",
        false => "white space only",
    };
    match text.variables.as_slice() {
        [] if text.value.is_empty() => Ok(()),
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

fn refuse_nul(field: &Field<'_>, secret: &str) -> Result<(), ConfigError> {
    if secret.contains('\0') {
        return Err(field.invalid(
            "it holds a NUL character, which no secret does",
            "check that it is the secret, and nothing else",
        ));
    }
    Ok(())
}

/// What a secret looks like.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// One line, such as a password.
    Line,
    /// It may have several, as a key has.
    Lines,
}

/// What commands have printed: each is run once, however many sources have it.
#[derive(Default)]
pub(super) struct Printed(HashMap<Vec<String>, Secret>);

/// Reads a secret, however it is given under `key`.
pub(super) fn read(
    way: &Way<'_>,
    key: &str,
    form: Form,
    printed: &mut Printed,
) -> Result<Option<Found>, ConfigError> {
    let secret = match way {
        Way::Plain(field) => return plain(field, key, form),
        Way::File(field) => {
            let path = beside::secret_path(field)?;
            let bytes = beside::read(field, &path, MAX_SECRET)?;
            beside::warn_of_mode(field, &path);
            one(field, bytes, form, "the file")?
        }
        Way::Command(field) => printed.of(field)?,
    };
    Ok(Some(Found {
        secret,
        is_literal: false,
    }))
}

/// The secret that a file or a command gives.
fn one(
    field: &Field<'_>,
    mut bytes: Vec<u8>,
    form: Form,
    what: &str,
) -> Result<Secret, ConfigError> {
    let end = match bytes.as_slice() {
        [.., b'\r', b'\n'] => 2,
        [.., b'\n'] => 1,
        _ => 0,
    };
    bytes.truncate(bytes.len() - end);
    let text = String::from_utf8(bytes).map_err(|_| {
        field.invalid(
            format!("{what} gives bytes that are not UTF-8 text"),
            "check that it gives the secret, and nothing else",
        )
    })?;
    // Whatever comes of it is overwritten when it is dropped.
    let secret = Secret::new(text);
    if names::is_blank(secret.expose()) {
        let found = match secret.is_empty() {
            true => "gives nothing",
            false => "gives white space only",
        };
        return Err(field.invalid(
            format!("{what} {found}"),
            "have it give the secret, or remove the key for a source without one",
        ));
    }
    refuse_nul(field, secret.expose())?;
    if form == Form::Line {
        plausible::foreign_secret(field, secret.expose(), &format!(" in what {what} gives"))?;
    }
    Ok(secret)
}

/// A command: its program, its arguments, and what of them came from the environment.
struct Arguments {
    program: String,
    arguments: Vec<String>,
    from_environment: Vec<Secret>,
}

/// The command that a value is. Nothing is run.
fn arguments(field: &Field<'_>) -> Result<Arguments, ConfigError> {
    if !field.is_list() {
        return Err(field.wrong_type(
            "a list",
            "write the program and each argument as an item: ['pass', 'show', 'forge']; a shell \
             is run by ['sh', '-c', '…'] alone",
        ));
    }
    let mut words = Vec::new();
    let mut from_environment = Vec::new();
    for item in field.items()? {
        let text = item.text()?;
        let values = text
            .variables
            .iter()
            .filter_map(|name| field.variable(name));
        from_environment.extend(values.map(Secret::new));
        words.push(text.value);
    }
    let mut words = words.into_iter();
    let program = words.next().filter(|program| !names::is_blank(program));
    let Some(program) = program else {
        return Err(field.invalid(
            "it names no program",
            "write the program as the first item, then its arguments",
        ));
    };
    Ok(Arguments {
        program,
        arguments: words.collect(),
        from_environment,
    })
}

/// Refuses what could not be run, before anything is.
pub(super) fn check(way: &Way<'_>) -> Result<(), ConfigError> {
    match way {
        Way::Command(field) => arguments(field).map(|_| ()),
        Way::Plain(_) | Way::File(_) => Ok(()),
    }
}

impl Printed {
    fn of(&mut self, field: &Field<'_>) -> Result<Secret, ConfigError> {
        let Arguments {
            program,
            arguments,
            from_environment,
        } = arguments(field)?;
        let mut words = vec![program.clone()];
        words.extend(arguments.iter().cloned());
        if let Some(known) = self.0.get(&words) {
            return Ok(known.clone());
        }
        log::info!("running the command of {}", field.key);
        let bytes = forgekeep_command::output(&program, &arguments, MAX_SECRET, COMMAND_TIME)
            .map_err(|failed| refused(field, failed, &from_environment))?;
        let secret = one(field, bytes, Form::Line, "the command")?;
        self.0.insert(words, secret.clone());
        Ok(secret)
    }
}

fn refused(field: &Field<'_>, failed: Unanswered, known: &[Secret]) -> ConfigError {
    let hint = "run the command in a terminal as the user who runs Forgekeep: it has to print the \
        secret, and nothing else";
    let mut known = known.to_vec();
    let why = match failed.why {
        Why::Unstarted(error) => {
            return field.error(
                ConfigErrorKind::CommandFailed,
                "names a command that cannot be run",
                error.to_string(),
                "check that the program is installed and on the PATH, or write its whole path",
            );
        }
        Why::TimedOut => format!("it did not end in {} seconds", COMMAND_TIME.as_secs()),
        Why::TooLong => format!("it printed more than {MAX_SECRET} bytes"),
        Why::Failed(status, printed) => {
            known.extend(printed.expose().lines().map(Secret::new));
            match status.code() {
                Some(code) => format!("it ended with exit code {code}"),
                None => format!("it was ended ({status})"),
            }
        }
    };
    let why = match last_words(&failed.words, &known) {
        Some(words) => format!("{why}, and said: {words}"),
        None => why,
    };
    field.error(
        ConfigErrorKind::CommandFailed,
        "names a command that gave no secret",
        why,
        hint,
    )
}

/// The end of what a command has said, without what is known to be a secret.
fn last_words(words: &[u8], known: &[Secret]) -> Option<String> {
    let text = Untrusted::lossy(words);
    let known: Vec<&Secret> = known.iter().collect();
    let redactor = Redactor::new(&known);
    let clean = redactor.clean(text.raw());
    let lines = clean.lines().map(str::trim);
    let line: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    let line = Untrusted::new(line.join(" / ")).printable().to_string();
    let beyond = line.chars().count().saturating_sub(MAX_WORDS);
    let cut: String = line.chars().skip(beyond).collect();
    match (cut.is_empty(), beyond) {
        (true, _) => None,
        (false, 0) => Some(cut),
        (false, _) => Some(format!("…{cut}")),
    }
}

/// What of a secret of several lines is looked for in what is said: itself, unless it is long, and each
/// line that nothing else is likely to hold.
pub(super) fn pieces(secret: &str) -> Vec<Secret> {
    let mut pieces = Vec::new();
    if secret.len() <= LONGEST_WHOLE {
        pieces.push(Secret::new(secret));
    }
    let mut left = MAX_SECRET;
    for line in secret.lines().map(str::trim) {
        let is_mark = line.starts_with("-----");
        if line.len() < SHORTEST_LINE || line.len() > LONGEST_WHOLE || is_mark {
            continue;
        }
        let Some(rest) = left.checked_sub(line.len()) else {
            break;
        };
        left = rest;
        pieces.push(Secret::new(line));
    }
    pieces
}
