//! How large an object may be that has to be held in memory.
//!
//! What is stored as a whole is read piece by piece (`packs::Large`). A delta cannot be: libgit2 holds
//! it, its base and itself, and how large those are is known only while it is being read. So the bound
//! is where libgit2 takes its memory (`allocator`): what is more than the limit, or than the machine
//! has, it does not get, and says so.

mod allocator;

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

pub use allocator::set_up;

/// Bytes, unless a configuration says another: `options.limits.objectBytes`.
pub const OBJECT_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// Bytes that libgit2 always gets: no table of its own is refused for a limit on objects.
const SMALL: u64 = 64 * 1024;

/// Bytes up to which the limit is not applied where packs are taken in, moved or sent: a limit that is
/// low shall not keep a backup from being made.
const MODEST: u64 = 64 * 1024 * 1024;

/// Bytes from which on the machine is asked what it has.
const MUCH: u64 = 16 * 1024 * 1024;

static LIMIT: AtomicU64 = AtomicU64::new(OBJECT_BYTES);

thread_local! {
    static EXACT: Cell<bool> = const { Cell::new(false) };
    static REFUSED: Cell<Option<Refused>> = const { Cell::new(None) };
}

/// What was too much.
#[derive(Clone, Copy)]
enum Refused {
    Limit { size: u64, limit: u64 },
    Memory { size: u64, free: u64 },
}

impl Refused {
    fn why(self) -> String {
        match self {
            Self::Limit { size, limit } => format!(
                "it cannot be read piece by piece, {size} bytes would have to be held in memory at once, and the limit is {limit} (options.limits.objectBytes)"
            ),
            Self::Memory { size, free } => format!(
                "it cannot be read piece by piece, {size} bytes and what they are made from would have to be held in memory, and {free} are free"
            ),
        }
    }
}

/// What to do about an object that was refused.
pub const HINT: &str = "raise options.limits.objectBytes if that was the limit, or run where \
there is more memory; nothing says that the object is damaged";

/// Sets `options.limits.objectBytes`, for the whole process: its memory is one.
pub fn set_limit(bytes: u64) {
    LIMIT.store(bytes, Ordering::Relaxed);
}

/// `options.limits.objectBytes`.
pub fn limit() -> u64 {
    LIMIT.load(Ordering::Relaxed)
}

/// The same where packs are taken in.
pub fn modest_limit() -> u64 {
    limit().max(MODEST)
}

/// Why an object of so many bytes was refused where packs are taken in.
pub fn modest_refusal(size: u64) -> String {
    let limit = modest_limit();
    Refused::Limit { size, limit }.why()
}

/// Has libgit2 read objects for which the limit counts, however low it is. Whether it was refused
/// memory meanwhile, [`refused`] tells.
pub fn exactly<T>(read: impl FnOnce() -> T) -> T {
    REFUSED.set(None);
    let before = EXACT.replace(true);
    let done = read();
    EXACT.set(before);
    done
}

/// Why libgit2 was refused memory, if an error of its is about that.
pub fn behind(error: &git2::Error) -> Option<String> {
    match error.class() {
        git2::ErrorClass::NoMemory => refused(),
        _ => None,
    }
}

/// Why libgit2 was refused memory last, on this thread.
pub fn refused() -> Option<String> {
    REFUSED.get().map(Refused::why)
}

/// Whether libgit2 gets so many bytes.
fn is_granted(bytes: usize) -> bool {
    let size = bytes as u64;
    if size <= SMALL {
        return true;
    }
    let limit = limit();
    // What is not compressible has some bytes more when it is compressed.
    let most = match EXACT.get() {
        true => limit.saturating_add(limit / 1024 + SMALL),
        false => modest_limit(),
    };
    let refused = if size > most {
        Some(Refused::Limit { size, limit })
    } else if size > MUCH {
        let free = free().filter(|free| size > free / 4 * 3);
        free.map(|free| Refused::Memory { size, free })
    } else {
        None
    };
    if refused.is_some() {
        REFUSED.set(refused);
    }
    refused.is_none()
}

/// Why an object of `size` bytes is not read as a whole, if so: it is above the limit that was
/// configured, or the memory there is does not do for it and for what it is made from.
pub fn refusal(size: u64, limit: u64) -> Option<String> {
    if size > limit {
        return Some(Refused::Limit { size, limit }.why());
    }
    let free = if size > MUCH { free()? } else { return None };
    (size > free / 2).then(|| Refused::Memory { size, free }.why())
}
/// Bytes of memory that this process may still have; `None` where nobody says.
pub fn free() -> Option<u64> {
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
