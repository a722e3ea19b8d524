//! How git is fetched: `protocol`, `sshKey`, `sshCommand`.

use std::path::PathBuf;

use forgekeep_untrusted::names;

use super::beside;
use super::error::ConfigError;
use super::nearest::{listed, neither};
use super::reader::{Field, Section};

/// What `protocol` may be.
pub(super) const PROTOCOLS: [&str; 2] = ["https", "ssh"];

/// The key that names a file: whether it is there is judged with the secrets.
pub(super) const KEY: &str = "sshKey";

/// How the git repositories of a source are fetched: `protocol`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// By HTTPS.
    #[default]
    Https,
    /// By ssh.
    Ssh,
}

/// How ssh is called for a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SshOptions {
    /// `protocol`.
    pub protocol: Protocol,
    /// `sshKey`: the file with the one private key to log in with.
    pub key: Option<PathBuf>,
    /// `sshCommand`: program and arguments in place of `ssh`; empty for that.
    pub command: Vec<String>,
}

pub(super) fn ssh(section: &Section<'_>) -> Result<SshOptions, ConfigError> {
    let key = section.get(KEY).map(|field| key(&field)).transpose()?;
    let command = section.get("sshCommand").map(|field| command(&field));
    Ok(SshOptions {
        protocol: protocol(section)?,
        key: key.flatten(),
        command: command.transpose()?.unwrap_or_default(),
    })
}

fn protocol(section: &Section<'_>) -> Result<Protocol, ConfigError> {
    let Some(field) = section.get("protocol") else {
        return Ok(Protocol::default());
    };
    let text = field.text()?;
    match text.value.trim().to_ascii_lowercase().as_str() {
        "" | "https" => Ok(Protocol::Https),
        "ssh" => Ok(Protocol::Ssh),
        _ => Err(field.invalid(
            format!("`{}` is {}", text.quotable(), neither(&PROTOCOLS)),
            format!("write {}, or leave the key out", listed(&PROTOCOLS)),
        )),
    }
}

fn key(field: &Field<'_>) -> Result<Option<PathBuf>, ConfigError> {
    let text = field.text()?.value;
    if text.contains("PRIVATE KEY") || text.starts_with("ssh-") {
        return Err(field.invalid(
            "it is a key, not the path of a file with one",
            "write the private key into a file with mode 600, and its path here",
        ));
    }
    if text.is_empty() {
        return Ok(None);
    }
    if text.ends_with(".pub") {
        return Err(field.invalid(
            "it is the public half of a key",
            "write the path of the private key: the same without `.pub`",
        ));
    }
    beside::path(field).map(Some)
}

fn command(field: &Field<'_>) -> Result<Vec<String>, ConfigError> {
    let mut words = Vec::new();
    for item in field.items()? {
        let word = item.text()?.value;
        if !names::is_printable(&word) || (words.is_empty() && word.trim().is_empty()) {
            return Err(item.invalid(
                "it is empty, or holds a control character",
                "write the program first, and each argument as an item of its own",
            ));
        }
        words.push(word);
    }
    Ok(words)
}

/// Whether the file of the key is there.
///
/// # Errors
///
/// It is not, or is no file.
pub(super) fn check_key(section: &Section<'_>) -> Result<(), ConfigError> {
    let Some(field) = section.get(KEY) else {
        return Ok(());
    };
    match key(&field)? {
        Some(path) => beside::check(&field, &path),
        None => Ok(()),
    }
}
