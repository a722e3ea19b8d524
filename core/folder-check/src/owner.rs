//! Whose a folder is, and what root would leave there.

use std::fs;
use std::path::Path;

/// The owner of a backup folder whom a run by root would lock out: the folder is somebody else's, and what
/// root makes there would be root's. None for every other user, and where a file system gives all that is
/// made there to the same owner.
#[cfg(unix)]
pub fn foreign_owner(folder: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;

    let is_root = rustix::process::geteuid().is_root();
    let owner = fs::metadata(folder).ok()?.uid();
    if !is_root || owner == 0 {
        return None;
    }
    let made = crate::place::temporary(folder)?;
    let made = fs::metadata(made.path()).ok()?.uid();
    (made != owner).then_some(owner)
}

/// Users have no numbers here.
#[cfg(not(unix))]
pub fn foreign_owner(_: &Path) -> Option<u32> {
    None
}

/// The name of a user of this machine, if it stands in the list of the machine itself.
pub fn user_name(id: u32) -> Option<String> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    name_in(&users, id)
}

/// The name of a user in the text of passwd(5).
fn name_in(users: &str, id: u32) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let number = fields.nth(1)?;
        (number.parse() == Ok(id) && is_plain(name)).then(|| name.to_owned())
    })
}

/// A name that can be typed.
fn is_plain(name: &str) -> bool {
    let may_be = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    !name.is_empty() && !name.starts_with('-') && name.chars().all(may_be)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_number() {
        let users = "root:x:0:0:root:/root:/bin/sh\n# comment\n\nx;rm:x:7:7::/:\n\
                     forgekeep:x:998:998::/var/lib/forgekeep:/usr/sbin/nologin\n";
        assert_eq!(name_in(users, 998).as_deref(), Some("forgekeep"));
        assert_eq!(name_in(users, 0).as_deref(), Some("root"));
        assert_eq!(name_in(users, 7), None);
        assert_eq!(name_in(users, 1), None);
    }
}
