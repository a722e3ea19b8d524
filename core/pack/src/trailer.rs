//! The checksum at the end of a pack, and of what git derives from packs.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use forgekeep_failure::{Cancel, Failure};
use sha1::{Digest, Sha1};

use crate::damaged;

/// Its length in bytes.
pub const TRAILER: u64 = 20;

/// Reads all of a file, and checks that it ends with the checksum of what is before. Returns that.
///
/// # Errors
///
/// [`Damaged`](forgekeep_failure::ErrorKind::Damaged) or [`Disk`](forgekeep_failure::ErrorKind::Disk), naming the file;
/// [`Cancelled`](forgekeep_failure::ErrorKind::Cancelled).
pub fn check_trailer(path: &Path, cancel: &Cancel) -> Result<[u8; TRAILER as usize], Failure> {
    let failed = |error: io::Error| Failure::disk("read", path, &error);
    let mut file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let Some(body) = length.checked_sub(TRAILER) else {
        return Err(damaged(path, "it is too short"));
    };
    let mut rest = (&mut file).take(body);
    let mut sum = Sha1::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        cancel.check()?;
        match rest.read(&mut buffer).map_err(failed)? {
            0 => break,
            read => sum.update(&buffer[..read]),
        }
    }
    let mut trailer = [0; TRAILER as usize];
    file.read_exact(&mut trailer).map_err(failed)?;
    match sum.finalize()[..] == trailer {
        true => Ok(trailer),
        false => Err(wrong_sum(path)),
    }
}

pub(super) fn wrong_sum(path: &Path) -> Failure {
    damaged(path, "its checksum does not match its content")
}
