//! Small packs of which a great deal is to be made.

use crate::hand::{Hand, other_end, take_in};

/// Bytes of each object.
const SIZE: usize = 12 << 20;

/// A pack in which entry `at` is made from the entry that `base` says.
fn bomb(count: usize, base: impl Fn(usize) -> usize) -> Vec<u8> {
    let whole = Hand::new().whole(&vec![0; SIZE]);
    let pack = (1..=count).fold(whole, |pack, at| {
        let end = (at as u32).to_be_bytes();
        pack.on(base(at), &other_end(SIZE, &end))
    });
    pack.done()
}

#[cfg(target_os = "linux")]
fn anonymous() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:"));
    line.unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap()
}

/// Deep, wide, and a chain with a leaf at each level: if all that something is still to be made from were held,
/// that would be 360 MiB.
#[cfg(target_os = "linux")]
#[test]
fn memory_stays_within_its_bound() {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    let packs = [
        bomb(30, |at| at - 1),
        bomb(30, |_| 0),
        bomb(30, |at| (at - 1) / 2 * 2),
        bomb(30, |at| at / 2),
    ];
    let (most, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    let before = anonymous();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                most.fetch_max(anonymous(), Ordering::Relaxed);
                std::thread::yield_now();
            }
        });
        std::thread::scope(|scope| {
            for pack in &packs {
                assert!(pack.len() < 100_000, "{}", pack.len());
                scope.spawn(|| assert!(take_in(pack, 1000, &[]).is_ok()));
            }
        });
        is_over.store(true, Ordering::Relaxed);
    });
    let most = (most.into_inner() - before) / 1024;
    assert!(most < 200, "{most} MiB");
}
