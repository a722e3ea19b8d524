//! Packs that no ref names yet.
//!
//! What a fetch has brought is named by no ref until the refs are switched: a `git repack -ad` or
//! `git gc` of somebody's would remove it. A `.keep` beside the pack, git's own convention, has git
//! leave it alone. Ours says whose it is, so that one a killed run has left is recognised.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use forgekeep_durable::regular_file;
use forgekeep_failure::Failure;

/// What is in a `.keep` of ours.
const OURS: &[u8] = b"forgekeep: held until refs name what is in this pack\n";

const ENDING: &str = "keep";

/// Has git leave the pack alone that is to come to `pack`. One that somebody else has put there does
/// as well.
pub fn hold(pack: &Path) -> Result<(), Failure> {
    let path = pack.with_extension(ENDING);
    let made = OpenOptions::new().write(true).create_new(true).open(&path);
    match made.and_then(|mut file| file.write_all(OURS)) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(Failure::disk("write", &path, &error))
        }
        _ => Ok(()),
    }
}

/// Whether a `.keep` is ours, or half of it: a run may be killed while it writes one.
pub(super) fn is_ours(keep: &Path) -> bool {
    regular_file::read_at_most(keep, OURS.len() as u64)
        .is_ok_and(|content| !content.is_empty() && OURS.starts_with(&content))
}

/// Lets go of all packs of a repository that are held, also by a run that was killed. For when refs
/// name what is in them. What cannot be removed costs room, and is left for the next time.
pub fn release(repository: &Path) {
    let folder = repository.join("objects/pack");
    let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
    let names: Vec<OsString> = entries.map(|entry| entry.file_name()).collect();
    release_some(&folder, &names);
}

/// The same, where it is known what is in the folder of packs.
pub fn release_some<'a>(folder: &Path, names: impl IntoIterator<Item = &'a OsString>) {
    for name in names {
        let path = folder.join(name);
        let is_keep = path.extension().is_some_and(|ending| ending == ENDING);
        if !is_keep || !is_ours(&path) {
            continue;
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                log::warn!("{}", Failure::disk("remove", &path, &error));
            }
            _ => {}
        }
    }
}

/// Whether git gives such a name to a file of a pack that it has not finished. Another git may be at
/// work, as another user: nobody else has to be able to read it.
pub fn is_unfinished(name: &str) -> bool {
    name.starts_with(".tmp-") || name.starts_with("tmp_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_ours_is_let_go() {
        let folder = tempfile::tempdir().unwrap();
        let packs = folder.path().join("objects/pack");
        fs::create_dir_all(&packs).unwrap();
        let theirs = packs.join("pack-b.keep");
        fs::write(&theirs, "fetch-pack 17 on host\n").unwrap();
        fs::write(packs.join("pack-c.keep"), "").unwrap();
        hold(&packs.join("pack-a.pack")).unwrap();
        hold(&packs.join("pack-b.pack")).unwrap();
        assert!(is_ours(&packs.join("pack-a.keep")));
        release(folder.path());
        assert!(!packs.join("pack-a.keep").exists());
        assert_eq!(fs::read(&theirs).unwrap(), b"fetch-pack 17 on host\n");
        assert!(packs.join("pack-c.keep").exists());
    }
}
