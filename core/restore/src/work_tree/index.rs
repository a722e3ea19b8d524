//! git's index of a work tree that was just written: gitformat-index(5), version 2. With it git need
//! not read every file again, and `git status` is clean.

use sha1::{Digest, Sha1};

use super::disk::Stat;
use super::plan::WorkTreeEntry;

/// In the flags of an entry: the length of its path, if it fits.
const LONGEST: usize = 0xfff;

/// The bytes of the index. What has no [`Stat`] was left out: git shows it as missing.
pub(super) fn format(entries: &[WorkTreeEntry], stats: &[Option<Stat>]) -> Vec<u8> {
    let mut bytes = b"DIRC\0\0\0\x02".to_vec();
    bytes.extend((entries.len() as u32).to_be_bytes());
    for (entry, stat) in entries.iter().zip(stats) {
        let begin = bytes.len();
        let stat = stat.unwrap_or_default();
        for number in [
            stat.changed.0,
            stat.changed.1,
            stat.modified.0,
            stat.modified.1,
            stat.device,
            stat.inode,
            entry.kind.mode(),
            stat.user,
            stat.group,
            stat.size,
        ] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend(entry.oid.as_bytes());
        bytes.extend((entry.path.len().min(LONGEST) as u16).to_be_bytes());
        bytes.extend(&entry.path);
        // At least one NUL, up to a multiple of eight.
        let length = (bytes.len() - begin) / 8 * 8 + 8;
        bytes.resize(begin + length, 0);
    }
    let sum = Sha1::digest(&bytes);
    bytes.extend(sum);
    bytes
}
