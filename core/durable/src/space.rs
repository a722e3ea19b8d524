//! Room on disk: what is there, what clones will take of it, and what follows when it has run out.
//!
//! - A clone that does not fit, going by the size the hoster states, is not begun. One of unknown
//!   size always is.
//! - Once a file system is full, no more clones are begun on it in this run: they would fill what is
//!   left, and take it from the updates of what is in the backup already, which are small. Those are
//!   still made while there is a reserve.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_untrusted::Show as _;
use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;

/// What must be free for an update on a file system that was full before.
const RESERVE: u64 = 16 * 1024 * 1024;

/// A file system, by its number.
type Disk = u64;

/// The file systems of a run.
#[derive(Default)]
pub struct Space {
    disks: Mutex<HashMap<Disk, Ledger>>,
}

/// What is known about one file system.
#[derive(Default)]
struct Ledger {
    full: bool,
    /// Stated sizes of the clones that are planned so far and not done.
    to_clone: u64,
    under_way: Vec<Arc<Share>>,
}

/// What a clone under way takes.
struct Share {
    size: u64,
    received: AtomicU64,
}

impl Share {
    fn to_come(&self) -> u64 {
        self.size
            .saturating_sub(self.received.load(Ordering::Relaxed))
    }
}

impl Ledger {
    /// Why a clone must not be begun, if so.
    fn refuse(&self, size: Option<u64>, free: Option<u64>) -> Option<String> {
        if self.full {
            return Some(self.lacking(free));
        }
        let (size, free) = (size?, free?);
        let others = self.under_way.iter().map(|share| share.to_come());
        let promised = others.fold(0, u64::saturating_add);
        let lacking = size.saturating_add(promised).saturating_sub(free);
        if lacking == 0 {
            return None;
        }
        let promised = match promised {
            0 => String::new(),
            promised => format!(
                ", of which the clones in progress will take {}",
                bytes(promised)
            ),
        };
        Some(format!(
            "it needs {} by the hoster's figure, and {} is free{promised}: {} is missing",
            bytes(size),
            bytes(free),
            bytes(lacking)
        ))
    }

    fn lacking(&self, free: Option<u64>) -> String {
        const BEGIN: &str = "the disk became full in this run";
        let Some(free) = free else {
            return BEGIN.to_owned();
        };
        match self.to_clone.checked_sub(free) {
            Some(lacking @ 1..) => format!(
                "{BEGIN}; what is still to be cloned needs {} by the hosters' figures, and {} is \
                free: {} is missing",
                bytes(self.to_clone),
                bytes(free),
                bytes(lacking)
            ),
            _ => format!(
                "{BEGIN}; {} is free, and what is still to be cloned needs {} by the hosters' \
                figures: how much is missing is not known",
                bytes(free),
                bytes(self.to_clone)
            ),
        }
    }
}

impl Space {
    /// A clone into `folder` is planned, of the size that the hoster states. It takes no room before it
    /// begins: until then it only counts for what is said once a disk is full.
    pub fn expect_clone(&self, folder: &Path, size: Option<u64>) {
        if let (Some(size), Some((disk, _))) = (size, look(folder)) {
            let mut disks = self.disks();
            let ledger = disks.entry(disk).or_default();
            ledger.to_clone = ledger.to_clone.saturating_add(size);
        }
    }

    fn disks(&self) -> MutexGuard<'_, HashMap<Disk, Ledger>> {
        self.disks.lock()
    }

    /// Begins a clone into `folder`, which does not exist yet: from here on it has its share of the room.
    ///
    /// # Errors
    ///
    /// There is not enough room for it.
    pub fn begin_clone(&self, folder: &Path, size: Option<u64>) -> Result<Claim<'_>, Failure> {
        let share = Arc::new(Share {
            size: size.unwrap_or_default(),
            received: AtomicU64::new(0),
        });
        // Where nothing can be found out, the clone is tried.
        let Some((disk, free)) = look(folder) else {
            return Ok(Claim {
                space: self,
                disk: None,
                share,
            });
        };
        let mut disks = self.disks();
        let ledger = disks.entry(disk).or_default();
        if let Some(why) = ledger.refuse(size, free) {
            return Err(refused(folder, "cloned", &why).with_hint(
                "make room there, or move the backup to a larger disk, then run again: \
                completed repositories are kept",
            ));
        }
        ledger.under_way.push(Arc::clone(&share));
        Ok(Claim {
            space: self,
            disk: Some(disk),
            share,
        })
    }

    /// Whether an update in `folder` may be tried: what is downloaded for one is not known before.
    ///
    /// # Errors
    ///
    /// Its file system was full, and still is.
    pub fn begin_update(&self, folder: &Path) -> Result<(), Failure> {
        let Some((disk, Some(free))) = look(folder) else {
            return Ok(());
        };
        let full = self.disks().get(&disk).is_some_and(|ledger| ledger.full);
        if !full || free >= RESERVE {
            return Ok(());
        }
        let why = format!(
            "the disk became full in this run, and {} is free, less than the {} that an update \
            needs",
            bytes(free),
            bytes(RESERVE)
        );
        Err(refused(folder, "updated", &why)
            .with_hint("make room there, then run again: the mirror is unchanged"))
    }

    /// Learns from what failed in `folder`.
    pub fn learn(&self, folder: &Path, failure: &Failure) {
        if failure.out_of_space
            && let Some((disk, _)) = look(folder)
        {
            self.disks().entry(disk).or_default().full = true;
        }
    }

    /// What is free where `folder` is or would be, if that can be found out.
    pub fn free(folder: &Path) -> Option<u64> {
        look(folder).and_then(|(_, free)| free)
    }
}

/// What a file system has, and what this user may still have of it.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Room {
    /// Bytes that are free.
    pub free_bytes: u64,
    /// Bytes that it has.
    pub total_bytes: u64,
    /// Files that can still be made (inodes), where their number is limited.
    pub free_files: Option<u64>,
}

impl Room {
    /// What is free where `folder` is or would be, if that can be found out.
    #[cfg(unix)]
    pub fn of(folder: &Path) -> Option<Self> {
        let nearest = folder.ancestors().find(|path| path.exists())?;
        let figures = rustix::fs::statvfs(nearest).ok();
        // Some network file systems state no size at all: nothing follows from their figures.
        let figures = figures.filter(|figures| figures.f_blocks > 0)?;
        Some(Self {
            free_bytes: figures.f_bavail.saturating_mul(figures.f_frsize),
            total_bytes: figures.f_blocks.saturating_mul(figures.f_frsize),
            // Some file systems make room for files as they need it, and say 0.
            free_files: (figures.f_files > 0).then_some(figures.f_favail),
        })
    }

    /// Nothing is asked here yet.
    #[cfg(not(unix))]
    pub fn of(_folder: &Path) -> Option<Self> {
        None
    }
}

fn refused(folder: &Path, done: &str, why: &str) -> Failure {
    let message = format!("{} was not {done}: {why}", folder.shown());
    // Not `out_of_space`: that one clone is too large does not mean that the disk is full.
    Failure::new(ErrorKind::Disk, message)
}

/// A clone under way, and its share of the room.
pub struct Claim<'s> {
    space: &'s Space,
    disk: Option<Disk>,
    share: Arc<Share>,
}

impl Claim<'_> {
    /// Says how much has been received: that is no longer to come.
    pub fn received(&self, bytes: u64) {
        self.share.received.store(bytes, Ordering::Relaxed);
    }

    /// The clone is there.
    pub fn done(self) {
        if let Some(disk) = self.disk {
            let mut disks = self.space.disks();
            let ledger = disks.entry(disk).or_default();
            ledger.to_clone = ledger.to_clone.saturating_sub(self.share.size);
        }
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if let Some(disk) = self.disk {
            let mut disks = self.space.disks();
            let ledger = disks.entry(disk).or_default();
            ledger
                .under_way
                .retain(|share| !Arc::ptr_eq(share, &self.share));
        }
    }
}

/// The file system that a folder is on or would be on, and the bytes that this user may still
/// write to it.
fn look(folder: &Path) -> Option<(Disk, Option<u64>)> {
    let nearest: PathBuf = folder.ancestors().find(|path| path.exists())?.to_owned();
    ask(&nearest)
}

#[cfg(unix)]
fn ask(folder: &Path) -> Option<(Disk, Option<u64>)> {
    use std::os::unix::fs::MetadataExt;

    let disk = std::fs::metadata(folder).ok()?.dev();
    let figures = rustix::fs::statvfs(folder).ok();
    // Some network file systems state no size at all: nothing follows from their figures.
    let figures = figures.filter(|figures| figures.f_blocks > 0);
    let free = figures.map(|figures| figures.f_bavail.saturating_mul(figures.f_frsize));
    Some((disk, free))
}

/// Nothing is asked here yet; a full disk still shows, by the error of whoever writes.
#[cfg(not(unix))]
fn ask(_folder: &Path) -> Option<(Disk, Option<u64>)> {
    Some((0, None))
}

/// A number of bytes for people.
fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if count < 1024 {
        return format!("{count} bytes");
    }
    let mut value = count as f64 / 1024.0;
    let mut units = UNITS.iter();
    let mut unit = units.next().unwrap_or(&"");
    for next in units {
        // 1023.96 would be shown as 1024.0.
        if value < 1023.95 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    const GIB: u64 = 1 << 30;

    fn full() -> Failure {
        let error = io::Error::from(io::ErrorKind::StorageFull);
        Failure::disk("write", Path::new("/b"), &error)
    }

    #[test]
    fn what_does_not_fit_is_refused_with_what_is_lacking_and_the_unknown_never() {
        let ledger = Ledger::default();
        assert_eq!(ledger.refuse(Some(GIB), Some(GIB)), None);
        assert_eq!(ledger.refuse(None, Some(0)), None);
        assert_eq!(ledger.refuse(Some(GIB), None), None);
        assert_eq!(
            ledger.refuse(Some(3 * GIB), Some(GIB)).unwrap(),
            "it needs 3.0 GiB by the hoster's figure, and 1.0 GiB is free: 2.0 GiB is missing"
        );
    }

    #[test]
    fn what_clones_under_way_will_take_is_not_free() {
        let share = Arc::new(Share {
            size: 2 * GIB,
            received: AtomicU64::new(0),
        });
        let ledger = Ledger {
            under_way: vec![Arc::clone(&share)],
            ..Ledger::default()
        };
        assert_eq!(
            ledger.refuse(Some(2 * GIB), Some(3 * GIB)).unwrap(),
            "it needs 2.0 GiB by the hoster's figure, and 3.0 GiB is free, of which the clones in \
            progress will take 2.0 GiB: 1.0 GiB is missing"
        );
        // Half of it came, and took half a share of what is free.
        share.received.store(GIB, Ordering::Relaxed);
        assert!(ledger.refuse(Some(2 * GIB), Some(2 * GIB)).is_some());
        // More came than was stated: the hoster's figure was wrong, and nothing is to come.
        share.received.store(9 * GIB, Ordering::Relaxed);
        assert_eq!(ledger.refuse(Some(2 * GIB), Some(2 * GIB)), None);
    }

    #[test]
    fn a_full_disk_refuses_all_clones_and_says_what_is_lacking_as_far_as_it_is_known() {
        let ledger = Ledger {
            full: true,
            to_clone: 3 * GIB,
            ..Ledger::default()
        };
        let lacking = ledger.refuse(None, Some(GIB)).unwrap();
        assert!(lacking.ends_with("2.0 GiB is missing"), "{lacking}");
        let unclear = ledger.refuse(Some(1), Some(4 * GIB)).unwrap();
        assert!(unclear.contains("is not known"), "{unclear}");
        assert!(ledger.refuse(Some(1), None).is_some());
    }

    #[test]
    fn a_run_counts_what_is_done_and_gives_back_what_was_claimed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let (one, two) = (path("one/repo"), path("two/repo"));
        let space = Space::default();
        let disk = look(&one).unwrap().0;
        space.expect_clone(&one, Some(5));
        space.expect_clone(&one, None);
        // What is only planned takes no room.
        assert!(space.disks()[&disk].under_way.is_empty());
        let claim = space.begin_clone(&one, Some(5)).unwrap();
        assert_eq!(space.disks()[&disk].under_way.len(), 1);
        claim.done();
        space.expect_clone(&two, Some(7));
        drop(space.begin_clone(&two, Some(7)).unwrap());
        assert_eq!(space.disks()[&disk].to_clone, 7);
        assert!(space.disks()[&disk].under_way.is_empty());
        space.learn(&two, &Failure::new(ErrorKind::Network, "cut off"));
        assert!(space.begin_clone(&two, None).is_ok());
        space.learn(&two, &full());
        let failure = space.begin_clone(&two, None).err().unwrap();
        assert_eq!(failure.kind, ErrorKind::Disk);
        assert!(
            failure.message.contains("the disk became full"),
            "{failure}"
        );
        // There is room on the disk of this test.
        assert_eq!(space.begin_update(folder.path()), Ok(()));
    }

    #[cfg(unix)]
    #[test]
    fn more_than_there_can_be_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let space = Space::default();
        let failure = space.begin_clone(folder.path(), Some(u64::MAX)).err();
        let failure = failure.unwrap();
        assert!(failure.message.ends_with("is missing"), "{failure}");
        assert!(failure.message.contains("16.0 EiB"), "{failure}");
    }

    #[test]
    fn bytes_are_shown_for_people() {
        for (count, shown) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1024 * 1024 - 1, "1.0 MiB"),
            (GIB + GIB / 4, "1.2 GiB"),
        ] {
            assert_eq!(bytes(count), shown);
        }
    }
}
