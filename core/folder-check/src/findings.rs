//! What there is to say about a backup folder.

use forgekeep_failure::{Finding, Severity};

use crate::trial::{Ability, Trial};
use crate::{FolderFacts, user_name};

/// Fewer bytes than this are worth a warning: 1 GiB.
pub const LITTLE: u64 = 1 << 30;

/// The same for files and folders.
const FEW: u64 = 10_000;

/// What would keep a backup from working, or from being kept well, in a folder like this.
pub fn findings(facts: &FolderFacts) -> Vec<Finding> {
    let mut found: Vec<Finding> = facts.trials.iter().filter_map(of_trial).collect();
    if let Some(free) = facts.bytes_free.filter(|free| *free < LITTLE) {
        let free = free / (1 << 20);
        found.push(warning(
            format!("only {free} MiB are free for the backup"),
            "make room there, or move the backup to a larger disk",
        ));
    }
    if let Some(free) = facts.inodes_free.filter(|free| *free < FEW) {
        found.push(warning(
            format!("only {free} more files and folders (inodes) can be made for the backup"),
            "remove small files there, or make a file system with more inodes",
        ));
    }
    if let (true, Some(owner), Some(user)) = (facts.exists, facts.owner, current_user())
        && owner != user
        && user != 0
    {
        let owner = user_name(owner).unwrap_or_else(|| owner.to_string());
        found.push(Finding {
            hint: "run backups always as the same user".into(),
            ..Finding::info(format!(
                "the backup folder belongs to the user {owner}, and this is another"
            ))
        });
    }
    found
}

fn warning(message: String, hint: &str) -> Finding {
    Finding {
        hint: hint.into(),
        ..Finding::warning(message)
    }
}

fn of_trial(trial: &Trial) -> Option<Finding> {
    if trial.works {
        return None;
    }
    let why = match &trial.error {
        Some(error) => format!(": {error}"),
        None => String::new(),
    };
    let (severity, cannot, hint) = match trial.ability {
        Ability::Rename => (
            Severity::Error,
            "cannot replace a file by another in one step",
            "put the backup on another file system: no state can be kept there",
        ),
        Ability::Sync => (
            Severity::Error,
            "cannot write a file through to the disk",
            "put the backup on another file system: a backup is not known to be kept there",
        ),
        Ability::SyncFolder => (
            Severity::Warning,
            "cannot write the names in a folder through to the disk",
            "run `forgekeep verify` after a power loss: the files of the last run may be gone",
        ),
        Ability::Chmod => (
            Severity::Warning,
            "keeps no permissions of its own",
            "mount it so that other users cannot read the backup: with dmask=077,fmask=077, or dir_mode and file_mode",
        ),
        Ability::Lock => (
            Severity::Warning,
            "has no locks that work",
            "see to it that two runs never overlap: nothing keeps a second one out",
        ),
        // Nothing depends on them.
        Ability::HardLink | Ability::Case => return None,
    };
    Some(Finding {
        severity,
        hint: hint.into(),
        ..Finding::warning(format!("the file system of the backup {cannot}{why}"))
    })
}

#[cfg(unix)]
fn current_user() -> Option<u32> {
    Some(rustix::process::geteuid().as_raw())
}

#[cfg(not(unix))]
fn current_user() -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_that_does_not_work_is_told_once_and_what_nothing_needs_is_not() {
        let trial = |ability, works| Trial {
            ability,
            works,
            error: (!works).then(|| "Operation not permitted".to_owned()),
        };
        let all = [
            Ability::Rename,
            Ability::Sync,
            Ability::SyncFolder,
            Ability::Chmod,
            Ability::HardLink,
            Ability::Lock,
            Ability::Case,
        ];
        let facts = |works| FolderFacts {
            trials: all.map(|ability| trial(ability, works)).to_vec(),
            bytes_free: Some(LITTLE),
            inodes_free: Some(FEW),
            ..FolderFacts::default()
        };
        assert_eq!(findings(&facts(true)), []);
        let found = findings(&facts(false));
        assert_eq!(found.len(), 5);
        let errors = found.iter().filter(|f| f.severity == Severity::Error);
        assert_eq!(errors.count(), 2);
        assert!(found.iter().all(|f| f.message.contains("not permitted")));
    }

    #[test]
    fn little_room_is_told() {
        let facts = FolderFacts {
            bytes_free: Some(LITTLE - 1),
            inodes_free: Some(FEW - 1),
            ..FolderFacts::default()
        };
        let found = findings(&facts);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].message.contains("1023 MiB"), "{found:?}");
    }
}
