//! Who may read a backup, and the configuration with its secrets.
//!
//! What a run makes is for its own user, by the process's umask, which the host sets as
//! `options.backup.umask` says. What was there before is left as it is; if it holds private code and
//! every user can get at it, that is said in each run. A group that can is as likely as not meant to:
//! only `check` says it, as a note.

use std::path::{Path, PathBuf};

use forgekeep_config::{Config, Source};
use forgekeep_failure::{Finding, Severity};
use forgekeep_store::part::PartKind;
use forgekeep_untrusted::{Show as _, Shown, names};

/// What all other users of the machine may do.
const OTHERS_READ: u32 = 0o004;
const OTHERS_ENTER: u32 = 0o001;

/// What the group of a file may do.
const GROUP_READ: u32 = 0o040;
const GROUP_ENTER: u32 = 0o010;

#[cfg(unix)]
fn mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;

    let metadata = std::fs::metadata(path).ok()?;
    Some(metadata.mode() & 0o7777)
}

#[cfg(not(unix))]
fn mode(_: &Path) -> Option<u32> {
    None
}

#[cfg(unix)]
fn group(path: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;

    Some(std::fs::metadata(path).ok()?.gid())
}

#[cfg(not(unix))]
fn group(_: &Path) -> Option<u32> {
    None
}

fn others_may(path: &Path, what: u32) -> bool {
    mode(path).is_some_and(|mode| mode & what != 0)
}

/// Whether those whom `enter` is about can get at what is in a folder, as far as it and the ones between
/// tell.
fn open_below(top: &Path, below: &[&str], enter: u32) -> bool {
    let mut path = PathBuf::from(top);
    let mut open = others_may(&path, enter);
    for part in below {
        path.push(part);
        open = open && others_may(&path, enter);
    }
    open
}

/// What is wrong with a configuration file that holds a secret, if others may read it: what to say,
/// and whether they can get at it, or only a folder above keeps them out.
pub fn of_configuration(config: &Config) -> Option<(Finding, bool)> {
    let file = &config.file;
    let literal = config.has_literal_secret();
    let mode = mode(file).filter(|mode| literal && mode & OTHERS_READ != 0)?;
    let real = file.canonicalize().unwrap_or_else(|_| file.clone());
    let shown = real.shown();
    let mut warning = Finding::warning(format!(
        "{shown} holds a secret, and its mode {mode:04o} lets every user of this machine read it"
    ));
    warning.hint =
        format!("chmod 600 {shown}; or take the secret from the environment: '%NAME%'").into();
    let mut above = real.ancestors().skip(1);
    Some((
        warning,
        above.all(|folder| others_may(folder, OTHERS_ENTER)),
    ))
}

/// A warning about a backup folder that others can enter.
fn of_folder(config: &Config, what: &str) -> Finding {
    let folder = &config.local_folder;
    let shown = folder.shown();
    let mode = mode(folder).unwrap_or_default();
    let mut warning = Finding::warning(format!(
        "{what} can be read by every user of this machine: {shown} has mode {mode:04o}"
    ));
    warning.hint = format!(
        "chmod 700 {shown}; if that is intended, set options.backup.umask to \
    '022'"
    )
    .into();
    warning
}

/// Whether the configuration wants to know.
fn others_are_kept_out(config: &Config) -> bool {
    config.options.backup.umask & (OTHERS_READ | OTHERS_ENTER) != 0
}

/// A note about what a group can read: a configuration with a secret in it, and the backup.
fn of_group(config: &Config, source: &Source) -> Vec<Finding> {
    let note = |message: String, hint: String| Finding {
        severity: Severity::Info,
        hint: hint.into(),
        ..Finding::warning(message)
    };
    let shown = |path: &Path| path.shown().to_string();
    let mut found = Vec::new();
    let (file, folder) = (&config.file, &config.local_folder);
    if source.literal_password
        && let (Some(mode), Some(group)) = (mode(file), group(file))
        && mode & (GROUP_READ | OTHERS_READ) == GROUP_READ
    {
        let file = shown(file);
        found.push(note(
            format!("{file} holds a secret, and its group ({group}) can read it: mode {mode:04o}"),
            format!("chmod 600 {file}, unless that group may know the secret"),
        ));
    }
    let name = names::encode_component(&source.title);
    if source.secrets().next().is_some()
        && config.options.backup.umask & (GROUP_READ | GROUP_ENTER) != 0
        && let (Some(mode), Some(group)) = (mode(folder), group(folder))
        && open_below(folder, &[&name], GROUP_ENTER)
        && !open_below(folder, &[&name], OTHERS_ENTER)
    {
        let (name, folder) = (Shown::of(&name), shown(folder));
        found.push(note(
            format!("what is backed up in {name} can be read by the group ({group}) of {folder}, which has mode {mode:04o}"),
            format!("chmod 700 {folder}; if the group may read it, set options.backup.umask to \
            '027'"),
        ));
    }
    found
}

/// What there is to say about a source before it is backed up.
pub fn of_source(config: &Config, source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    if source.literal_password
        && let Some((warning, true)) = of_configuration(config)
    {
        found.push(warning);
    }
    let folder = names::encode_component(&source.title);
    if source.secrets().next().is_some()
        && others_are_kept_out(config)
        && open_below(&config.local_folder, &[&folder], OTHERS_ENTER)
    {
        let what = format!("what is backed up in {}", Shown::of(&folder));
        found.push(of_folder(config, &what));
    }
    found.extend(of_group(config, source));
    found
}

/// A warning about private repositories of a source, if the configuration wants to know and others can get at
/// them: `folders` are theirs, in the source's folder.
pub fn of_private<'f>(
    config: &Config,
    source_folder: &str,
    folders: impl Iterator<Item = &'f str>,
) -> Option<Finding> {
    if !others_are_kept_out(config) {
        return None;
    }
    let open = |folder: &str| {
        PartKind::ALL.iter().any(|kind| {
            let below = [source_folder, folder, kind.name()];
            open_below(&config.local_folder, &below, OTHERS_ENTER)
        })
    };
    let what = match folders.filter(|folder| open(folder)).count() {
        0 => return None,
        1 => "1 private repository".to_owned(),
        more => format!("{more} private repositories"),
    };
    Some(of_folder(config, &what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn each_folder_on_the_way_can_keep_others_out() {
        use std::fs::{self, Permissions};
        use std::os::unix::fs::PermissionsExt;

        let top = tempfile::tempdir().unwrap();
        let inner = top.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        let set =
            |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        let folders = [top.path().to_owned(), top.path().join("a"), inner];
        for folder in &folders {
            set(folder, 0o755);
        }
        assert!(open_below(top.path(), &["a", "b"], OTHERS_ENTER));
        for folder in &folders {
            set(folder, 0o750);
            assert!(!open_below(top.path(), &["a", "b"], OTHERS_ENTER));
            set(folder, 0o711);
        }
        assert!(open_below(top.path(), &["a", "b"], OTHERS_ENTER));
        assert!(!open_below(top.path(), &["a", "none"], OTHERS_ENTER));
    }
}
