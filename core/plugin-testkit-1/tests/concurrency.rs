//! A plugin that allows it gets several calls for one source at a time, and no more than it says.

#![allow(clippy::unwrap_used)]

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use forgekeep_plugin_sdk_1::{Host, Hoster, Manifest, Page, Result, Source};
use forgekeep_plugin_testkit_1::{Script, Testee};

/// Calls that may be inside.
const MOST: usize = 3;

static TOGETHER: Barrier = Barrier::new(MOST);
static INSIDE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[derive(Default)]
struct Several;

forgekeep_plugin_sdk_1::export_hoster!(Several);

impl Hoster for Several {
    fn manifest(&self) -> Manifest {
        Manifest {
            id: "several".into(),
            concurrency: MOST as u32,
            ..Manifest::default()
        }
    }

    fn list(&self, _: &Source, _: Option<&str>, _: &Host<'_>) -> Result<Page> {
        let inside = INSIDE.fetch_add(1, Ordering::SeqCst) + 1;
        PEAK.fetch_max(inside, Ordering::SeqCst);
        // Nobody goes on before so many are here.
        TOGETHER.wait();
        INSIDE.fetch_sub(1, Ordering::SeqCst);
        Ok(Page::default())
    }
}

#[test]
fn so_many_calls_at_a_time_as_the_manifest_says() {
    let opened = Testee::of::<Several>()
        .open(&Source::default(), &Script::new())
        .unwrap();
    std::thread::scope(|scope| {
        for _ in 0..MOST * 4 {
            scope.spawn(|| opened.list(None).unwrap());
        }
    });
    assert_eq!(PEAK.load(Ordering::SeqCst), MOST);
}
