//! A plugin that allows it gets several calls for one source at a time, and no more than it says. They
//! share one session.

#![allow(clippy::unwrap_used)]

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use forgekeep_plugin_sdk::{Host, Hoster, Manifest, Page, Result, Session, Source};
use forgekeep_plugin_testkit::{Script, Testee};

/// Calls that may be inside.
const MOST: usize = 3;

static TOGETHER: Barrier = Barrier::new(MOST);
static INSIDE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// Sessions that were opened for the source that panics, and how many are being opened.
static SESSIONS: AtomicUsize = AtomicUsize::new(0);
static OPENING: AtomicUsize = AtomicUsize::new(0);

#[derive(Default)]
struct Several;

forgekeep_plugin_sdk::export_hoster!(Several);

impl Hoster for Several {
    fn manifest(&self) -> Manifest {
        Manifest {
            id: "several".into(),
            concurrency: MOST as u32,
            ..Manifest::default()
        }
    }

    fn open(&self, source: &Source, _: &Host<'_>) -> Result<Session> {
        if source.name == "panic" {
            OPENING.fetch_add(1, Ordering::SeqCst);
            // So long that another one would come.
            for _ in 0..10_000 {
                std::thread::yield_now();
                if OPENING.load(Ordering::SeqCst) > 1 {
                    break;
                }
            }
            OPENING.fetch_sub(1, Ordering::SeqCst);
        }
        Ok(Session::new(SESSIONS.fetch_add(1, Ordering::SeqCst)))
    }

    fn list(&self, source: &Source, cursor: Option<&str>, host: &Host<'_>) -> Result<Page> {
        if source.name == "panic" {
            assert!(cursor.is_none(), "as wanted");
            let next = host.session::<usize>()?.to_string();
            return Ok(Page {
                next: Some(next),
                ..Page::default()
            });
        }
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

#[test]
fn after_a_panic_all_calls_get_the_same_fresh_session() {
    let source = Source {
        name: "panic".into(),
        ..Source::default()
    };
    let opened = Testee::of::<Several>()
        .open(&source, &Script::new())
        .unwrap();
    let before = opened.list(None).unwrap().next;
    opened.list(Some("now")).unwrap_err();
    let sessions: Vec<_> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..MOST)
            .map(|_| scope.spawn(|| opened.list(None).unwrap().next))
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert_ne!(sessions[0], before);
    assert!(
        sessions.iter().all(|session| *session == sessions[0]),
        "{sessions:?}"
    );
}
