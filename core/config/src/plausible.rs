//! Values of the right type that cannot be meant: what a shell, another system or a copied line has
//! left in them. Each is named with what is probably meant; no message quotes what may be a secret.

use std::path::Path;

use super::error::ConfigError;
use super::reader::{Field, Text};
use forgekeep_untrusted::{Untrusted, names};

/// Words that stand before a token in a header, and are not part of it.
const SCHEMES: [&str; 3] = ["bearer ", "basic ", "token "];

/// Ends of names of variables that hold secrets.
const SECRET_ENDS: [&str; 7] = [
    "TOKEN", "PASSWORD", "PASSWD", "PASS", "SECRET", "KEY", "PAT",
];

/// Folders in which files with secrets are kept. A token may begin with a slash and hold others.
const SECRET_FOLDERS: [&str; 15] = [
    "/run/",
    "/etc/",
    "/home/",
    "/root/",
    "/var/",
    "/opt/",
    "/srv/",
    "/tmp/",
    "/mnt/",
    "/usr/",
    "/Users/",
    "/secrets/",
    "~/",
    "./",
    "../",
];

/// The backup folder.
pub(super) fn folder(field: &Field<'_>, folder: &str) -> Result<(), ConfigError> {
    ends(field, folder)?;
    if let Some(inner) = in_quotes(folder) {
        return Err(field.invalid(
            "it begins and ends with a quote, which would be part of the folder's name",
            format!("write {}, with one pair of quotes at most", quoted(inner)),
        ));
    }
    if !names::is_printable(folder) {
        return Err(field.invalid(
            "it holds a control character, a line break or an invisible character",
            "type the path again; in double quotes, `\\n` and `\\t` are a line break and a tab",
        ));
    }
    placeholder(field, folder)?;
    let is_remote = folder
        .split_once(':')
        .is_some_and(|(host, path)| host.contains('@') && !host.contains('/') && !path.is_empty());
    if folder.contains("://") || is_remote {
        return Err(field.invalid(
            "it is an address, not a path",
            "write the path of a folder on this machine, such as /srv/backup",
        ));
    }
    if let Some(rest) = folder.strip_prefix('~') {
        let (user, below) = rest.split_once('/').unwrap_or((rest, ""));
        let home = match user {
            "" => field.variable("HOME"),
            user => home_of(user),
        };
        return Err(field.invalid(
            "`~` is replaced by shells only, and would be part of the folder's name",
            match home {
                Some(home) => {
                    let whole = match below {
                        "" => Path::new(&home).to_path_buf(),
                        below => Path::new(&home).join(below),
                    };
                    let whole = quoted(Untrusted::of_path(&whole).raw());
                    match user {
                        "" => format!(
                            "write {whole}; a run from cron or as another user has another home"
                        ),
                        _ => format!("write {whole}"),
                    }
                }
                None => "write the whole path, such as /home/user/backup".to_owned(),
            },
        ));
    }
    if let Some((start, end, name)) = shell_variable(folder) {
        let home = field.variable("HOME").filter(|_| name == "HOME");
        return Err(field.invalid(
            format!("`${name}` is replaced by shells only, and would be part of the folder's name"),
            match home {
                Some(home) => format!(
                    "write {}; a run from cron or as another user has another home",
                    quoted(&format!("{}{home}{}", &folder[..start], &folder[end..]))
                ),
                None => format!("write the whole path, or `%{name}%` for the variable"),
            },
        ));
    }
    Ok(())
}

/// The home of a user of this machine, as the list of its own users has it.
fn home_of(user: &str) -> Option<String> {
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    // passwd(5): the name, then five fields, of which the last is the home.
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let home = fields
            .next()
            .filter(|name| *name == user)
            .and(fields.nth(4))?;
        home.starts_with('/').then(|| home.to_owned())
    })
}

/// Whether a path is one of this system.
pub(super) fn path_of_this_system(field: &Field<'_>, path: &str) -> Result<(), ConfigError> {
    let of_windows = is_on_a_drive(path) || (path.contains('\\') && !path.contains('/'));
    if cfg!(unix) && of_windows {
        return Err(field.invalid(
            "it is a Windows path, and this is another system",
            "write the path of the folder on this machine, such as /srv/backup",
        ));
    }
    if cfg!(windows) && path.starts_with('/') && !path.starts_with("//") {
        return Err(field.invalid(
            "it is a path of another system: it has no drive letter",
            "write the path of the folder on this machine, such as D:\\backup",
        ));
    }
    Ok(())
}

/// Whether it is a path as Windows has it, with the letter of a drive.
fn is_on_a_drive(path: &str) -> bool {
    matches!(path.as_bytes(), [letter, b':'] | [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic())
}

/// The title of a source: it names a folder, which may be there already, so it is only warned of.
pub(super) fn title(field: &Field<'_>, title: &str) {
    if title.trim() != title {
        field.warn("begins or ends with a space, which is part of the name of the source's folder");
    }
}

/// The name of a workspace, an account, a user.
pub(super) fn name(field: &Field<'_>, name: &str) -> Result<(), ConfigError> {
    ends(field, name)?;
    placeholder(field, name)?;
    if let Some(inner) = in_quotes(name) {
        return Err(field.invalid(
            "it begins and ends with a quote, which would be part of the name",
            format!("write {}, with one pair of quotes at most", quoted(inner)),
        ));
    }
    if let Some((_, rest)) = name.split_once("://") {
        let path = rest.split_once('/').map_or("", |(_, path)| path);
        let first = path.split(['/', '?', '#']).next().unwrap_or_default();
        // What stands before the host may be a secret.
        let hint = match first {
            "" => "write the name alone".to_owned(),
            first => format!("write the name alone: {}", quoted(first)),
        };
        return Err(field.invalid("it is an address, not a name", hint));
    }
    if let Some((_, _, variable)) = shell_variable(name) {
        return Err(field.invalid(
            format!("`${variable}` is replaced by shells only"),
            format!("write `%{variable}%` for the variable"),
        ));
    }
    Ok(())
}

/// A secret that a file or a command has given. `origin` says where it stands, such as ` in the file`.
pub(super) fn foreign_secret(
    field: &Field<'_>,
    secret: &str,
    origin: &str,
) -> Result<(), ConfigError> {
    let wrong = |why: &str, hint: String| Err(field.invalid(why, hint));
    if in_quotes(secret).is_some() {
        return wrong(
            "it begins and ends with a quote, which would be sent as part of it",
            format!("remove the inner quotes{origin}"),
        );
    }
    placeholder(field, secret)?;
    // The mark for what is no character also stands for variables that are not set.
    let visible = secret.replace('\u{fffd}', "");
    if !names::is_printable(&visible) {
        return wrong(
            "it holds a line break or an invisible character, which no token does",
            format!("keep one line{origin}: the token alone"),
        );
    }
    let lower = secret.to_ascii_lowercase();
    if let Some(scheme) = SCHEMES.iter().find(|scheme| lower.starts_with(**scheme)) {
        return wrong(
            "it begins with a word that belongs to a header, not to the token",
            format!("remove `{}`{origin}", &secret[..scheme.len()].trim()),
        );
    }
    Ok(())
}

/// A password or a token that the configuration itself gives, under the key `key`.
pub(super) fn secret(field: &Field<'_>, key: &str, text: &Text<'_>) -> Result<(), ConfigError> {
    // A line break at the end comes with many a file and variable, and is not sent.
    let secret = text.value.trim();
    let wrong = |why: &str, hint: String| Err(field.invalid(why, hint));
    let origin = match text.variables.first() {
        Some(variable) => format!(" in the variable {variable}"),
        None => String::new(),
    };
    if text.variables.is_empty() && is_command(secret) {
        return wrong(
            COMMAND,
            format!("write `{key}Command` with the program and its arguments as a list"),
        );
    }
    foreign_secret(field, secret, &origin)?;
    if let Some(name) = secret.strip_prefix("$env:").filter(|name| is_name(name)) {
        return wrong(
            "it is written as a PowerShell variable, and would be sent literally",
            format!("write '%{name}%' for the variable"),
        );
    }
    if let Some((0, end, name)) = shell_variable(secret)
        && end == secret.len()
    {
        if !secret.starts_with("${") && !is_variable(field, name) {
            field.warn(
                "looks like a shell variable, and is sent literally; for a variable, write \
            '%NAME%'",
            );
            return Ok(());
        }
        return wrong(
            "it is written as a shell variable, and would be sent literally",
            format!("write '%{name}%' for the variable"),
        );
    }
    if !text.variables.is_empty() {
        return Ok(());
    }
    let half = secret
        .strip_prefix('%')
        .or_else(|| secret.strip_suffix('%'));
    if let Some(name) = half.filter(|half| is_name(half)) {
        if !is_variable(field, name) {
            field.warn(
                "has only one of the two `%` of a variable, and is sent literally; for a \
            variable, write '%NAME%'",
            );
            return Ok(());
        }
        return wrong(
            "it has only one of the two `%` of a variable",
            "write '%NAME%', with the variable's name between the signs".to_owned(),
        );
    }
    let ends_as_name = secret.contains('_') && SECRET_ENDS.iter().any(|end| secret.ends_with(end));
    if is_name(secret)
        && (field.variable(secret).is_some() || (ends_as_name && is_variable(field, secret)))
    {
        return wrong(
            "it is the name of a variable, and would be sent literally",
            "write '%NAME%', with the name between the signs".to_owned(),
        );
    }
    let known_folder = SECRET_FOLDERS.iter().any(|f| secret.starts_with(f));
    if secret.starts_with("file://")
        || (known_folder && secret[1..].contains('/'))
        || is_on_a_drive(secret)
        || (secret.contains(['/', '\\', '.']) && Path::new(secret).is_file())
    {
        return wrong(
            "it is the path of a file, and would be sent literally",
            format!("write `{key}File` with that path"),
        );
    }
    if secret.contains(char::is_whitespace) {
        field.warn(
            "holds a space in the middle, which no token does: check whether two things were \
            copied",
        );
    }
    Ok(())
}

/// Why a command of a shell is refused.
const COMMAND: &str = "it is a shell command, which is not run here";

fn is_command(value: &str) -> bool {
    value.starts_with("$(") || (value.len() > 1 && value.starts_with('`'))
}

/// Refuses what some other program was to fill in: a template's mark, an example's, a command.
fn placeholder(field: &Field<'_>, value: &str) -> Result<(), ConfigError> {
    let is_mark = (value.starts_with('<') && value.ends_with('>'))
        || (value.contains("{{") && value.contains("}}"));
    if is_mark {
        return Err(field.invalid(
            "it is a placeholder that was not filled in",
            "write the value itself, or `%NAME%` for an environment variable",
        ));
    }
    if is_command(value) {
        return Err(field.invalid(
            COMMAND,
            "write what the command prints, or have a variable hold it and write `%NAME%`",
        ));
    }
    Ok(())
}

/// Refuses what ends in a blank or a carriage return: nobody sees it, and everybody means it without.
fn ends(field: &Field<'_>, value: &str) -> Result<(), ConfigError> {
    let trimmed = value.trim();
    if trimmed.len() == value.len() {
        return Ok(());
    }
    let what = if value.ends_with(['\r', '\n']) {
        "a carriage return or a line break"
    } else if value.starts_with(char::is_whitespace) {
        "a space at the beginning"
    } else {
        "a space at the end"
    };
    Err(field.invalid(
        format!("it has {what}, which would be part of the name"),
        format!(
            "write {}; files and variables from Windows have carriage returns at the ends of lines",
            quoted(trimmed)
        ),
    ))
}

/// What is between quotes that are part of a value.
fn in_quotes(value: &str) -> Option<&str> {
    [
        ('\'', '\''),
        ('"', '"'),
        ('`', '`'),
        ('\u{201c}', '\u{201d}'),
        ('\u{201e}', '\u{201c}'),
        ('\u{2018}', '\u{2019}'),
    ]
    .into_iter()
    .find_map(|(open, close)| value.strip_prefix(open)?.strip_suffix(close))
    .filter(|inner| !inner.is_empty())
}

/// The first `$NAME` or `${NAME}`: where it begins and ends, and the name.
fn shell_variable(value: &str) -> Option<(usize, usize, &str)> {
    value.match_indices('$').find_map(|(start, _)| {
        let rest = &value[start + 1..];
        let (name, length) = match rest.strip_prefix('{') {
            Some(inner) => {
                let end = inner.find('}')?;
                (&inner[..end], end + 2)
            }
            None => {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                let end = end.unwrap_or(rest.len());
                (&rest[..end], end)
            }
        };
        is_name(name).then_some((start, start + 1 + length, name))
    })
}

/// Whether a name is one of a variable that is set, or written as those in capitals are.
fn is_variable(field: &Field<'_>, name: &str) -> bool {
    field.variable(name).is_some() || !name.chars().any(|c| c.is_ascii_lowercase())
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn quoted(value: &str) -> String {
    format!("'{value}'")
}
