//! The copy of the configuration that may lie in the backup folder.

use std::path::Path;

use super::document::ConfigDocument;
use super::environment::{is_reference, literal_parts};
use super::error::{ConfigError, ConfigErrorKind, FileLocation};
use super::node::{Node, Scalar, ScalarKind, Value};
use super::notify;
use super::rendered::rendered;
use super::schema::{PASSWORD, TARGETS, keys_of_targets};
use super::secrets::{command_key, file_key};

/// What stands in place of a secret.
const MASK: &str = "**masked**";

const HEADER: &str = "# A copy of the configuration without its comments. Secrets are replaced by **masked**: each\n\
     # value under a key that looks like a secret's, unless it is a single %NAME%, wherever it occurs.\n";

/// Parts of a key's name, in lower case and without `_` and `-`, that make its value a secret.
const SECRET_PARTS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "passwort",
    "pwd",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "credential",
    "authorization",
    "bearer",
    "cookie",
];

/// Shorter literals next to a `%NAME%` are separators, not secrets.
const MIN_PART: usize = 4;

/// What a plugin says of the keys of its sources.
#[derive(Debug, Clone, Default)]
pub(super) struct OwnKeys {
    /// Secrets.
    pub(super) secrets: Vec<String>,
    /// Names of files.
    pub(super) files: Vec<String>,
}

/// The text to keep beside the backups: the same configuration without any literal secret.
///
/// Every value under a key that looks like a secret's, known, unknown or misspelt, becomes
/// `**masked**`, unless it is a single `%NAME%`. So does the user part of an address
/// (`https://user:password@host`), and each occurrence of such a literal in any other value or
/// unknown key. Of a command that prints a secret, the program alone stays; so does the name of a file
/// with one. All else keeps its value and, in YAML, its order; `%NAME%` is not replaced.
///
/// [`Config::masked_copy`](super::Config::masked_copy) knows the secrets among the keys of plugins too.
///
/// # Errors
/// The text cannot be parsed, so nobody knows where the secrets are.
pub fn masked_copy(text: &str, path: &Path) -> Result<String, ConfigError> {
    copy(text, path, &[])
}

/// The same; `own_keys` are what the plugins say, by source.
pub(super) fn copy(text: &str, path: &Path, own_keys: &[OwnKeys]) -> Result<String, ConfigError> {
    let mut document = ConfigDocument::parse(text, path)?;
    let mut literals = Literals(Vec::new());
    mask_root(&mut document.root, own_keys, &mut literals);
    literals.0.sort();
    literals.0.dedup();
    mask_literals(&mut document.root, &literals);
    let rendered = rendered(&document).ok_or_else(|| {
        ConfigError::new(
            ConfigErrorKind::Syntax,
            FileLocation::file(path),
            "cannot make a masked copy",
            "the configuration cannot be written as text again",
            "simplify keys and values that this configuration doesn't need",
        )
    })?;
    Ok(format!("{HEADER}{rendered}"))
}

/// What was masked, to find it elsewhere.
struct Literals(Vec<String>);

impl Literals {
    fn add(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.0.push(text.to_owned());
        let parts = literal_parts(text);
        let parts = parts.into_iter().filter(|part| part.len() >= MIN_PART);
        self.0.extend(parts.map(str::to_owned));
    }

    /// `text` with every literal masked, or `None` where there is none.
    fn masked(&self, text: &str) -> Option<String> {
        let mut covered = vec![false; text.len()];
        for literal in &self.0 {
            let step = literal.chars().next().map_or(1, char::len_utf8);
            let mut from = 0;
            // Occurrences may overlap, so the search goes on behind the first character.
            while let Some(found) = text[from..].find(literal.as_str()) {
                let start = from + found;
                covered[start..start + literal.len()].fill(true);
                from = start + step;
            }
        }
        if !covered.contains(&true) {
            return None;
        }
        let mut out = String::new();
        let mut inside = false;
        for (offset, c) in text.char_indices() {
            if !covered[offset] {
                out.push(c);
            } else if !inside {
                out.push_str(MASK);
            }
            inside = covered[offset];
        }
        Some(out)
    }
}

/// Masks the secrets of a configuration: those of its sources by what is known of their keys.
fn mask_root(root: &mut Node, own_keys: &[OwnKeys], literals: &mut Literals) {
    let Value::Mapping(entries) = &mut root.value else {
        return mask_secrets(root, false, literals);
    };
    for entry in entries {
        let secret = is_secret_key(&entry.key);
        match &mut entry.node.value {
            Value::Sequence(sources) if entry.key == "sources" => {
                let unknown = OwnKeys::default();
                for (index, source) in sources.iter_mut().enumerate() {
                    mask_source(source, own_keys.get(index).unwrap_or(&unknown), literals);
                }
            }
            Value::Sequence(targets) if entry.key == TARGETS => {
                for target in targets {
                    mask_target(target, literals);
                }
            }
            Value::Sequence(channels) if entry.key == "notify" => {
                for channel in channels {
                    mask_channel(channel, literals);
                }
            }
            Value::Mapping(hooks) if entry.key == "hooks" => {
                let commands = hooks.iter_mut().map(|hooks| &mut hooks.node);
                commands.for_each(|commands| mask_commands(commands, literals));
            }
            _ => mask_secrets(&mut entry.node, secret, literals),
        }
    }
}

/// Masks the secrets of a channel: its address but for the host, and whatever stands under a key that is
/// not known.
fn mask_channel(channel: &mut Node, literals: &mut Literals) {
    let Value::Mapping(entries) = &mut channel.value else {
        return mask_secrets(channel, true, literals);
    };
    let is_known = |key: &str| notify::CHANNEL.iter().any(|keys| keys.contains(&key));
    for entry in entries {
        let key = entry.key.as_str();
        match &mut entry.node.value {
            Value::Scalar(scalar) if key == "url" => mask_address(scalar, literals),
            _ if notify::SECRET_KEYS.contains(&key) => {
                mask_secrets(&mut entry.node, true, literals)
            }
            _ if notify::SECRET_KEYS
                .iter()
                .any(|secret| command_key(secret) == key) =>
            {
                mask_command(&mut entry.node, literals);
            }
            _ if is_known(key) => {
                let secret = is_secret_key(key) && !key.ends_with("File");
                mask_secrets(&mut entry.node, secret, literals);
            }
            _ => mask_secrets(&mut entry.node, true, &mut Literals(Vec::new())),
        }
    }
}

/// Masks an address that is a secret. Whose it is stays.
fn mask_address(scalar: &mut Scalar, literals: &mut Literals) {
    // A copy of a copy is the same.
    let is_masked = scalar.text.ends_with(MASK);
    if is_reference(&scalar.text) || scalar.text.is_empty() || is_masked {
        return;
    }
    literals.add(&scalar.text);
    let url = url::Url::parse(scalar.text.trim()).ok();
    let of_host = url.and_then(|url| match literal_parts(&scalar.text).as_slice() {
        [_] => Some(format!("{}://{}/{MASK}", url.scheme(), url.host_str()?)),
        _ => None,
    });
    mask(scalar, of_host.unwrap_or_else(|| MASK.to_owned()));
}

fn mask_commands(commands: &mut Node, literals: &mut Literals) {
    match &mut commands.value {
        Value::Sequence(commands) => {
            commands
                .iter_mut()
                .for_each(|command| mask_command(command, literals));
        }
        _ => mask_secrets(commands, true, literals),
    }
}

/// Masks the secrets of a target. Nobody asks its plugin for a backup, so each value under a key that is not
/// the host's is masked; here alone, since most are ordinary words.
fn mask_target(target: &mut Node, literals: &mut Literals) {
    if let Value::Mapping(entries) = &mut target.value {
        let own = |key: &str| !keys_of_targets().any(|known| known == key);
        let own = entries.iter_mut().filter(|entry| own(&entry.key));
        for entry in own {
            if is_secret_key(&entry.key) {
                mask_secrets(&mut entry.node, true, literals);
            } else {
                mask_secrets(&mut entry.node, true, &mut Literals(Vec::new()));
            }
        }
    }
    mask_source(target, &OwnKeys::default(), literals);
}

fn mask_source(source: &mut Node, own: &OwnKeys, literals: &mut Literals) {
    let Value::Mapping(entries) = &mut source.value else {
        return mask_secrets(source, false, literals);
    };
    let secrets = || std::iter::once(PASSWORD).chain(own.secrets.iter().map(String::as_str));
    for entry in entries {
        let key = &entry.key;
        let is_file = own.files.contains(key) || secrets().any(|secret| file_key(secret) == *key);
        if secrets().any(|secret| secret == key) {
            mask_secrets(&mut entry.node, true, literals);
        } else if is_file {
            mask_secrets(&mut entry.node, false, literals);
        } else if secrets().any(|secret| command_key(secret) == *key) {
            mask_command(&mut entry.node, literals);
        } else {
            let secret = is_secret_key(key);
            mask_secrets(&mut entry.node, secret, literals);
        }
    }
}

/// Masks a command but for its program. Its arguments are masked here alone: most are ordinary words,
/// such as the name of an account.
fn mask_command(command: &mut Node, literals: &mut Literals) {
    let Value::Sequence(words) = &mut command.value else {
        return mask_secrets(command, true, literals);
    };
    let mut of_command = Literals(Vec::new());
    for (index, word) in words.iter_mut().enumerate() {
        match index {
            0 => mask_secrets(word, false, literals),
            _ => mask_secrets(word, true, &mut of_command),
        }
    }
}

/// Masks what is a secret by its key or by its place in an address.
fn mask_secrets(node: &mut Node, secret: bool, literals: &mut Literals) {
    match &mut node.value {
        Value::Null => {}
        Value::Scalar(scalar) => {
            if secret {
                if !is_reference(&scalar.text) && !scalar.text.is_empty() {
                    literals.add(&scalar.text);
                    mask(scalar, MASK.to_owned());
                }
            } else if let Some(masked) = without_user_part(&scalar.text, literals) {
                mask(scalar, masked);
            }
        }
        Value::Sequence(items) => {
            for item in items {
                mask_secrets(item, secret, literals);
            }
        }
        Value::Mapping(entries) => {
            for entry in entries {
                let secret = secret || is_secret_key(&entry.key);
                mask_secrets(&mut entry.node, secret, literals);
            }
        }
    }
}

/// Masks what was found to be a secret elsewhere.
fn mask_literals(node: &mut Node, literals: &Literals) {
    match &mut node.value {
        Value::Null => {}
        Value::Scalar(scalar) => {
            // `true` is no leak, even where it is a password too.
            let masked = match scalar.kind {
                ScalarKind::Boolean(_) => None,
                ScalarKind::Text | ScalarKind::Integer(_) | ScalarKind::Other => {
                    literals.masked(&scalar.text)
                }
            };
            if scalar.text != MASK
                && let Some(masked) = masked
            {
                mask(scalar, masked);
            }
        }
        Value::Sequence(items) => {
            for item in items {
                mask_literals(item, literals);
            }
        }
        Value::Mapping(entries) => {
            for entry in entries {
                if !super::keys::is_known_key(&entry.key)
                    && let Some(masked) = literals.masked(&entry.key)
                {
                    entry.key = masked;
                }
                mask_literals(&mut entry.node, literals);
            }
        }
    }
}

fn mask(scalar: &mut Scalar, text: String) {
    scalar.text = text;
    scalar.kind = ScalarKind::Text;
}

/// Whether a key looks like a secret's, also with a typing error at its begin or end.
pub(super) fn is_secret_key(key: &str) -> bool {
    let folded: Vec<char> = key
        .to_lowercase()
        .chars()
        .filter(|c| !matches!(c, '_' | '-' | ' ' | '.'))
        .collect();
    let text: String = folded.iter().collect();
    if text == "pass" || SECRET_PARTS.iter().any(|part| text.contains(part)) {
        return true;
    }
    let close = |part: &[char]| {
        let part: String = part.iter().collect();
        strsim::damerau_levenshtein(&part, "password") <= 2
    };
    (6..=10)
        .filter(|&length| length <= folded.len())
        .any(|length| close(&folded[..length]) || close(&folded[folded.len() - length..]))
}

/// Masks `user:password@` and `token@` in each address of the text; `None` where there is none.
fn without_user_part(text: &str, literals: &mut Literals) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    let mut found = false;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        rest = after;
        let word = &after[..after.find(char::is_whitespace).unwrap_or(after.len())];
        let authority = &word[..word.find(['/', '?', '#']).unwrap_or(word.len())];
        // A password with an unescaped `/` ends the authority too early; the `:` before it is not
        // followed by a port then.
        let odd_port = authority.rsplit_once(':').is_some_and(|(_, port)| {
            !port.is_empty() && !port.bytes().all(|byte| byte.is_ascii_digit())
        });
        let end = match authority.rfind('@') {
            None if odd_port => word.rfind('@'),
            end => end,
        };
        let Some(end) = end else { continue };
        let (user, password) = match word[..end].split_once(':') {
            Some((user, password)) => (Some(user), password),
            None => (None, &word[..end]),
        };
        if password.is_empty() || is_reference(password) || (user.is_none() && password == "git") {
            continue;
        }
        literals.add(password);
        if let Some(user) = user {
            out.push_str(user);
            out.push(':');
        }
        out.push_str(MASK);
        rest = &after[end..];
        found = true;
    }
    out.push_str(rest);
    found.then_some(out)
}
