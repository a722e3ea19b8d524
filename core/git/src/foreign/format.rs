//! Which format a mirror has, and whether its configuration is that of a mirror.

use std::fs;
use std::path::{Path, PathBuf};

use forgekeep_durable::regular_file;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_untrusted::Show as _;

use super::kinds::check_packs;
use crate::git_config::Config;
use crate::refs::{Storage, read_config, storage};

/// What an extension may say, of those that change nothing for a mirror. All else is not known.
const HARMLESS: [&str; 4] = [
    "noop",
    "preciousobjects",
    "worktreeconfig",
    "relativeworktrees",
];

/// Makes sure that libgit2 may be let near the packs of a mirror: of a pipe it would wait for ever, and
/// what lies behind a link is no part of the backup.
///
/// # Errors
///
/// [`ErrorKind::Disk`] for what is no regular file.
pub fn check_objects(mirror: &Path) -> Result<(), Failure> {
    check_packs(&mirror.join("objects/pack"), regular_file::check_kind)?;
    super::borrowed::check(mirror)
}

/// The same for the loose objects, of which a mirror of ours has hardly any.
pub fn check_loose(mirror: &Path) -> Result<(), Failure> {
    for folder in loose_folders(mirror) {
        regular_file::check_folder(&folder)?;
        check_packs(&folder, regular_file::check_kind)?;
    }
    Ok(())
}

/// Makes sure that the folders of loose objects are folders, and no links to others.
pub fn check_loose_folders(mirror: &Path) -> Result<(), Failure> {
    loose_folders(mirror).try_for_each(|folder| regular_file::check_folder(&folder).map(drop))
}

fn loose_folders(mirror: &Path) -> impl Iterator<Item = PathBuf> {
    let objects = mirror.join("objects");
    (0..=u8::MAX).map(move |first| objects.join(format!("{first:02x}")))
}

/// Makes sure that this version knows a mirror's format. A configuration that cannot be understood
/// says nothing about it: that is damage, which is told elsewhere.
///
/// # Errors
///
/// [`ErrorKind::ForeignFormat`].
pub fn check_known(mirror: &Path) -> Result<(), Failure> {
    match read_config(mirror)? {
        Ok(config) => check_known_by(&config, mirror),
        Err(_) => Ok(()),
    }
}

/// The same, with the configuration at hand.
pub(super) fn check_known_by(config: &Config, mirror: &Path) -> Result<(), Failure> {
    let version = config.value("core", "repositoryformatversion");
    let version = version.and_then(|text| text.parse::<u64>().ok());
    if let Some(version @ 2..) = version {
        return Err(foreign(
            mirror,
            &format!(
                "has version {version} of git's repository format, and this version of Forgekeep \
                knows 0 and 1"
            ),
        ));
    }
    for (name, value) in config.extensions() {
        let known = match name.raw() {
            "objectformat" if value == "sha256" => {
                return Err(foreign(
                    mirror,
                    "has SHA-256 object ids, and this version of Forgekeep knows SHA-1 only",
                ));
            }
            "objectformat" => value == "sha1",
            // git migrate leaves "files"; a newer git may say where they are.
            "refstorage" => matches!(value.raw(), "files" | "reftable"),
            "partialclone" | "noop-v1" => true,
            // git itself goes by no others in a repository of version 0.
            name => HARMLESS.contains(&name) || version == Some(0),
        };
        if !known {
            let what = format!(
                "uses the extension {} = {} of git's repository format, which this version of \
                Forgekeep does not know",
                name.shown(),
                value.shown()
            );
            return Err(foreign(mirror, &what));
        }
    }
    Ok(())
}

fn foreign(mirror: &Path, what: &str) -> Failure {
    Failure::new(
        ErrorKind::ForeignFormat,
        format!("{} {what}", mirror.shown()),
    )
    .with_hint(format!(
        "move {} elsewhere to back up into a new mirror; nothing in it was changed, and git itself can read it",
        mirror.shown()
    ))
}

/// Whether a mirror's configuration says what it has to; or what is wrong with it. Not what steers:
/// that is set aside, and is no damage.
pub fn check_config(mirror: &Path) -> Result<(), String> {
    let config = read_config(mirror).map_err(|failure| failure.message)??;
    wrong_with(&config).map_or(Ok(()), Err)
}

pub(super) fn wrong_with(config: &Config) -> Option<String> {
    if config.boolean("core", "bare") != Some(true) {
        return Some("it does not say that the repository is bare".to_owned());
    }
    // Everybody who makes a repository writes it: where it is missing, a byte of it has changed.
    if config.boolean("core", "filemode").is_none() {
        return Some("its core.filemode is neither true nor false".to_owned());
    }
    for key in ["ignorecase", "precomposeunicode", "symlinks"] {
        if config.value("core", key).is_some() && config.boolean("core", key).is_none() {
            return Some(format!("its core.{key} is neither true nor false"));
        }
    }
    let version = config.value("core", "repositoryformatversion");
    match version.as_deref() {
        Some("0") => None,
        // A mirror of ours has no extension, and its format is 0.
        Some("1") if !config.extensions().is_empty() => None,
        _ => Some("its core.repositoryformatversion is not that of a mirror".to_owned()),
    }
}

/// What somebody should know about a mirror that no backup has taken in yet.
pub fn warnings(mirror: &Path) -> Vec<String> {
    let mut found = Vec::new();
    if storage(mirror) == Ok(Storage::Reftable) {
        found.push("its refs are in the reftable format".to_owned());
    }
    if let Ok(Ok(config)) = read_config(mirror) {
        let steering = config.steering();
        if !steering.is_empty() {
            let keys: Vec<_> = steering.iter().map(|key| key.shown().to_string()).collect();
            let keys = keys.join(", ");
            found.push(format!(
                "its config holds settings that Forgekeep does not apply: {keys}"
            ));
        }
    }
    for (file, what) in [
        ("shallow", "it is a shallow clone"),
        (
            "objects/info/alternates",
            "it borrows objects from another repository",
        ),
    ] {
        if fs::symlink_metadata(mirror.join(file)).is_ok() {
            found.push(format!("{what} ({file})"));
        }
    }
    if super::lacking::has_promisors(mirror) {
        found.push("it is a partial clone".to_owned());
    }
    found
}

#[cfg(test)]
mod tests {
    use forgekeep_untrusted::Untrusted;

    use super::*;

    /// Every bit of the configuration that we write: a change that is not found has left its meaning.
    #[test]
    fn every_flip_is_found() {
        const OURS: &[u8] =
            b"[core]\n\tbare = true\n\trepositoryformatversion = 0\n\tfilemode = true\n";
        let values = |config: &Config| {
            let core = ["bare", "repositoryformatversion", "filemode"];
            core.map(|key| config.value("core", key))
        };
        let good = Config::parse(OURS).unwrap();
        assert_eq!(wrong_with(&good), None);
        for at in 0..OURS.len() {
            for bit in 0..8 {
                let mut text = OURS.to_vec();
                text[at] ^= 1 << bit;
                let Ok(config) = Config::parse(&text) else {
                    continue;
                };
                let is_newer = config
                    .value("core", "repositoryformatversion")
                    .and_then(|version| version.parse::<u64>().ok())
                    .is_some_and(|version| version > 1);
                if wrong_with(&config).is_none() && !is_newer {
                    assert_eq!(values(&config), values(&good), "{at} {bit}");
                    assert_eq!(config.steering(), Vec::<Untrusted>::new(), "{at} {bit}");
                }
            }
        }
    }
}
