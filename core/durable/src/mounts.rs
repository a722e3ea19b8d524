//! Which kind of file system a path is on.

use std::fs;
use std::path::Path;

/// The kind of file system that a path is on, such as `ext4`. Only Linux says so in a file.
pub fn file_system(path: &Path) -> Option<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let path = path.canonicalize().ok()?;
    kind_of_mount(&mounts, &path).map(str::to_owned)
}

/// The file system of the innermost mount that holds a path, from the text of
/// proc_pid_mountinfo(5).
fn kind_of_mount<'a>(mounts: &'a str, path: &Path) -> Option<&'a str> {
    mounts
        .lines()
        .filter_map(|line| {
            let (before, after) = line.split_once(" - ")?;
            let point = Path::new(before.split(' ').nth(4)?);
            path.starts_with(point)
                .then(|| (point.components().count(), after.split(' ').next()))
        })
        // The last of the deepest: a later mount covers an earlier one.
        .max_by_key(|(depth, _)| *depth)
        .and_then(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_mount_counts() {
        let mounts = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
                      23 22 0:5 / /srv rw shared:1 - nfs4 host:/srv rw\n\
                      24 23 0:6 / /srv/fast rw - xfs /dev/sdb rw\n";
        let kind = |path: &str| kind_of_mount(mounts, Path::new(path));
        assert_eq!(kind("/home/x"), Some("ext4"));
        assert_eq!(kind("/srv/backup/.forgekeep/lock"), Some("nfs4"));
        assert_eq!(kind("/srv/fast/backup"), Some("xfs"));
        assert_eq!(kind("/srvother"), Some("ext4"));
    }
}
