//! How large an object may be that has to be held in memory.

use std::fs;
use std::path::{Path, PathBuf};

/// Bytes, unless a configuration says another: `options.limits.objectBytes`.
pub const OBJECT_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// Why an object of `size` bytes is not read as a whole, if so: it is above the limit that was
/// configured, or the memory there is does not do for it and for what it is made from.
pub(crate) fn refusal(size: u64, limit: u64) -> Option<String> {
    if size > limit {
        return Some(format!(
            "it is no blob that is stored as a whole, {size} bytes of it would have to be held in memory, and {limit} is the limit (options.limits.objectBytes)"
        ));
    }
    let free = free()?;
    (size > free / 2).then(|| {
        format!(
            "it is no blob that is stored as a whole, twice {size} bytes of memory would be needed for it, and {free} are free"
        )
    })
}

/// Bytes of memory that this process may still have; `None` where nobody says.
pub(crate) fn free() -> Option<u64> {
    [of_machine(), of_group(), of_process()]
        .into_iter()
        .flatten()
        .min()
}

/// What the machine can still give.
fn of_machine() -> Option<u64> {
    kilobytes("/proc/meminfo", "MemAvailable:")
}

/// What this process's control group may have, or one that it is in. What they have already is not
/// subtracted: most of that is the cache of files, which gives way.
fn of_group() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/cgroup").ok()?;
    let below = text.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let root = Path::new("/sys/fs/cgroup");
    let folder: PathBuf = root.join(below);
    let groups = folder.ancestors().take_while(|at| at.starts_with(root));
    let limits = groups.filter_map(|group| {
        let text = fs::read_to_string(group.join("memory.max")).ok()?;
        text.trim().parse().ok()
    });
    limits.min()
}

/// What is left of the room for addresses, if there is a limit on it.
fn of_process() -> Option<u64> {
    #[cfg(unix)]
    let limit = rustix::process::getrlimit(rustix::process::Resource::As).current;
    #[cfg(not(unix))]
    let limit: Option<u64> = None;
    let taken = kilobytes("/proc/self/status", "VmSize:").unwrap_or(0);
    Some(limit?.saturating_sub(taken))
}

/// A number of kilobytes that a line says, in bytes.
fn kilobytes(file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes.saturating_mul(1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_above_the_limit_or_the_memory_is_refused() {
        assert_eq!(refusal(0, 0), None);
        assert!(refusal(11, 10).unwrap().contains("11 bytes"));
        #[cfg(target_os = "linux")]
        assert!(refusal(1 << 60, u64::MAX).unwrap().contains("are free"));
    }
}
