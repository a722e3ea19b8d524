//! How large a pack may be that is taken in.

use std::sync::atomic::{AtomicU64, Ordering};

use forgekeep_failure::{ErrorKind, Failure};

/// Objects, unless a configuration says another number: `options.limits.objectsPerPack`.
pub const OBJECTS_PER_PACK: u64 = 50_000_000;

static BYTES: AtomicU64 = AtomicU64::new(u64::MAX);
static OBJECTS: AtomicU64 = AtomicU64::new(OBJECTS_PER_PACK);

/// Sets `options.limits.packBytes` and `options.limits.objectsPerPack`, for the whole process: its disk and its
/// memory are one.
pub fn set_pack_limits(bytes: Option<u64>, objects: u64) {
    BYTES.store(bytes.unwrap_or(u64::MAX), Ordering::Relaxed);
    OBJECTS.store(objects, Ordering::Relaxed);
}

/// Whether a pack may have so many bytes.
pub(super) fn check_bytes(bytes: u64) -> Result<(), Failure> {
    check(bytes, BYTES.load(Ordering::Relaxed), "bytes", "packBytes")
}

/// Whether a pack may have as many objects as its head says: number of objects in network order behind
/// signature and version, 4 bytes each (gitformat-pack(5)).
pub(super) fn check_head(head: &[u8; 12]) -> Result<(), Failure> {
    let [.., a, b, c, d] = *head;
    let objects = u64::from(u32::from_be_bytes([a, b, c, d]));
    check(
        objects,
        OBJECTS.load(Ordering::Relaxed),
        "objects",
        "objectsPerPack",
    )
}

fn check(number: u64, most: u64, what: &str, key: &str) -> Result<(), Failure> {
    if number <= most {
        return Ok(());
    }
    let message =
        format!("its pack has more than {most} {what}, which is the limit (options.limits.{key})");
    Err(Failure::new(ErrorKind::Policy, message)
        .with_hint(format!("raise options.limits.{key}, or leave the repository out with ignoreRepos; the backup is as it was")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_objects_is_that_of_the_head() {
        assert!(check_head(b"PACK\0\0\0\x02\0\0\0\x07").is_ok());
        let failure = check_head(b"PACK\0\0\0\x02\xff\0\0\0").unwrap_err();
        assert!(failure.message.contains("50000000 objects"), "{failure}");
    }
}
