//! The rules of ABI 1, as the SDK keeps them, through the exported table.

#![allow(clippy::unwrap_used, unsafe_code)]

mod raw;

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use forgekeep_plugin_documents::{limit, method};
use forgekeep_plugin_sdk::__private::Exported;
use forgekeep_plugin_sdk::__private::abi;
use forgekeep_plugin_sdk::{
    Access, AccessRequest, Auth, CheckReport, CheckRequest, CreateRequest, Downloaded, ErrorKind,
    ExportRequest, Finding, Host, Hoster, HosterError, HttpRequest, HttpResponse, LogLevel,
    Manifest, Page, Presence, RemoveRequest, Repository, Secret, Session, Severity, Source,
};
use forgekeep_plugin_testkit::{Answered, Script, Testee};

/// Does what the source's name says.
#[derive(Default)]
struct Odd;

forgekeep_plugin_sdk::export_hoster!(Odd);

/// Sessions that were opened, and calls that are inside `list`; the most of them at a time.
static SESSIONS: AtomicU32 = AtomicU32::new(0);
static INSIDE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

struct Kept {
    number: u32,
    panics_in_drop: bool,
}

impl Drop for Kept {
    fn drop(&mut self) {
        assert!(!self.panics_in_drop, "as wanted, in drop");
    }
}

/// What panics once more when it is dropped.
struct Payload;

impl Drop for Payload {
    fn drop(&mut self) {
        panic!("as wanted, in the payload");
    }
}

impl Hoster for Odd {
    fn manifest(&self) -> Manifest {
        Manifest {
            id: "odd".into(),
            concurrency: 1,
            ..Manifest::default()
        }
    }

    fn validate(&self, source: &Source) -> Vec<Finding> {
        assert!(source.name != "panic-validate", "as wanted, in validate");
        vec![Finding::new(Severity::Info, "name", source.name.clone())]
    }

    fn open(&self, source: &Source, host: &Host<'_>) -> Result<Session, HosterError> {
        assert!(source.name != "panic-open", "as wanted, in open");
        if source.name == "refused" {
            return Err(HosterError::new(ErrorKind::Other, "no such thing"));
        }
        host.debug("opened");
        Ok(Session::new(Kept {
            number: SESSIONS.fetch_add(1, Ordering::SeqCst),
            panics_in_drop: source.name == "panic-drop",
        }))
    }

    fn list(
        &self,
        source: &Source,
        cursor: Option<&str>,
        host: &Host<'_>,
    ) -> Result<Page, HosterError> {
        let number = host.session::<Kept>()?.number;
        match (source.name.as_str(), cursor) {
            ("panic", Some("now")) => panic!("as wanted, in list"),
            ("panic", Some("payload")) => std::panic::panic_any(Payload),
            ("inside", _) => {
                let inside = INSIDE.fetch_add(1, Ordering::SeqCst) + 1;
                MOST.fetch_max(inside, Ordering::SeqCst);
                for _ in 0..1_000 {
                    std::thread::yield_now();
                }
                INSIDE.fetch_sub(1, Ordering::SeqCst);
            }
            ("threads", _) => std::thread::scope(|scope| {
                for thread in 0..8 {
                    scope.spawn(move || {
                        let url = format!("https://api.example/{thread}");
                        assert_eq!(host.get(&url, &Auth::None).unwrap().status, 404);
                    });
                }
            }),
            ("talks", _) => {
                let severity = |at| match at {
                    4_999 => Severity::Error,
                    _ => Severity::Info,
                };
                let notes = (0..5_000).map(|at| Finding::new(severity(at), "", at.to_string()));
                let mut vast = Repository::new("1", "acme/web", "https://x/web.git");
                vast.parts[0].size = Some(u64::MAX);
                return Ok(Page {
                    notes: notes.collect(),
                    repositories: vec![vast],
                    total: Some(u64::MAX),
                    ..Page::default()
                });
            }
            _ => {}
        }
        Ok(Page {
            next: Some(number.to_string()),
            ..Page::default()
        })
    }

    fn check(
        &self,
        _: &Source,
        _: &CheckRequest,
        host: &Host<'_>,
    ) -> Result<CheckReport, HosterError> {
        // All services, one after the other.
        host.log(LogLevel::Warn, "odd");
        host.progress(1, Some(2));
        host.add_secret(&Secret::new("minted-token"))?;
        host.state_put("a", Some("1"), false)?;
        host.state_put("b", Some("2"), true)?;
        host.state_put("b", None, true)?;
        assert_eq!(host.state_get("a")?, Some(Secret::new("1")));
        assert_eq!(host.state_get("b")?, None);
        let post = |text: &str| {
            HttpRequest::new("POST", "https://api.example/echo", &Auth::None)
                .with_body("text/plain", text)
        };
        let many = vec![post("x"); limit::BATCH + 1];
        let answers = host.batch(many)?;
        assert_eq!(answers.len(), limit::BATCH + 1);
        assert!(
            answers
                .iter()
                .all(|answer| answer.as_ref().unwrap().body == b"said")
        );
        let file = host.download(HttpRequest::get("https://api.example/file", &Auth::None))?;
        assert!(matches!(file, Downloaded::File(file) if file.size == 5));
        let none = host.download(HttpRequest::get("https://api.example/none", &Auth::None))?;
        assert!(matches!(none, Downloaded::Answer(answer) if answer.status == 404));
        let number: u32 = host.get_json("https://api.example/number", &Auth::None)?;
        assert!(!host.cancelled());
        Ok(CheckReport {
            visible: Some(number.into()),
            ..CheckReport::default()
        })
    }
}

fn named(name: &str) -> Source {
    Source {
        name: name.into(),
        ..Source::default()
    }
}

fn testee() -> Testee {
    Testee::of::<Odd>()
}

#[test]
fn hello_says_what_it_is() {
    let hello = testee().hello().unwrap();
    assert_eq!(hello.protocols.common(&hello.protocols), Some(1));
    assert_eq!(hello.built.panic, "unwind");
    assert_eq!(
        hello.built.sdk,
        concat!("forgekeep-plugin-sdk ", env!("CARGO_PKG_VERSION"))
    );
    assert!(hello.built.target.contains(std::env::consts::OS));
    assert_eq!(testee().manifest().unwrap().id, "odd");
}

#[test]
fn both_entrances_lead_to_one_table() {
    let table = Odd::table();
    assert_eq!(table.magic, abi::MAGIC);
    assert_eq!(
        (table.abi, table.size as usize),
        (abi::ABI, size_of::<abi::Table>())
    );
    let module = forgekeep_plugin_sdk::__private::module::<Odd>();
    assert!(std::ptr::eq((module.table())(), table));
}

#[test]
fn a_panic_fails_its_call_and_the_next_one_gets_a_fresh_session() {
    let script = Script::new();
    let opened = testee().open(&named("panic"), &script).unwrap();
    let session = || opened.list(None).unwrap().next.unwrap();
    let first = session();
    assert_eq!(session(), first);
    for (cursor, said) in [("now", "as wanted, in list"), ("payload", "no message")] {
        let error = opened.list(Some(cursor)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Plugin);
        assert!(
            error.message.starts_with("plugin odd panicked in list at "),
            "{error}"
        );
        assert!(error.message.ends_with(said), "{error}");
        assert!(error.message.contains("rules/main.rs:"), "{error}");
        assert!(!error.hint.is_empty());
    }
    let fresh = session();
    assert_ne!(fresh, first);
    assert_eq!(session(), fresh);
}

#[test]
fn panics_elsewhere_are_caught_too() {
    testee().manifest().unwrap();
    let error = testee().validate(&named("panic-validate")).unwrap_err();
    assert!(error.message.contains("panicked in validate"), "{error}");
    let error = testee()
        .open(&named("panic-open"), &Script::new())
        .unwrap_err();
    assert!(error.message.contains("panicked in open"), "{error}");
    // Dropped at the end; the process goes on.
    drop(testee().open(&named("panic-drop"), &Script::new()).unwrap());
    assert_eq!(testee().validate(&named("x")).unwrap()[0].message, "x");
    let error = testee()
        .open(&named("refused"), &Script::new())
        .unwrap_err();
    assert_eq!(error.message, "no such thing");
}

#[test]
fn calls_for_one_source_come_one_at_a_time_and_from_any_thread() {
    let opened = testee().open(&named("inside"), &Script::new()).unwrap();
    let barrier = Arc::new(Barrier::new(4));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let barrier = Arc::clone(&barrier);
            let opened = &opened;
            scope.spawn(move || {
                barrier.wait();
                for _ in 0..20 {
                    opened.list(None).unwrap();
                }
            });
        }
    });
    assert_eq!(MOST.load(Ordering::SeqCst), 1);
}

#[test]
fn the_host_may_be_asked_from_several_threads() {
    let script = Script::new();
    let opened = testee().open(&named("threads"), &script).unwrap();
    opened.list(None).unwrap();
    assert_eq!(script.requests().len(), 8);
}

#[test]
fn objects_have_numbers_of_their_own() {
    let script = Script::new();
    let mut numbers: Vec<u64> = (0..5)
        .map(|_| testee().open(&named("x"), &script).unwrap().object())
        .collect();
    assert!(
        numbers
            .iter()
            .all(|number| (1..=limit::INTEGER).contains(number))
    );
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 5);
    let opened = testee().open(&named("x"), &script).unwrap();
    let number = opened.object();
    drop(opened);
    let callee = testee();
    let gone = callee
        .callee()
        .call(&script, number, method::LIST, b"{}", &[]);
    assert!(matches!(gone, Answered::Error(_)));
    callee.callee().drop_object(number);
    callee.callee().drop_object(0);
    testee().manifest().unwrap();
}

#[test]
fn each_service_of_the_host() {
    let script = Script::new()
        .on(
            "POST",
            "https://api.example/echo",
            Ok(HttpResponse {
                status: 200,
                body: b"said".to_vec(),
                ..HttpResponse::default()
            }),
        )
        .body("https://api.example/file", 200, "text/plain", "bytes")
        .json("https://api.example/number", 200, &serde_json::json!(7));
    let opened = testee().open(&named("x"), &script).unwrap();
    assert_eq!(opened.check().unwrap().visible, Some(7));
    assert!(script.log().contains(&(LogLevel::Warn, "odd".to_owned())));
    assert_eq!(script.progress(), [(1, Some(2))]);
    assert_eq!(script.secrets(), [Secret::new("minted-token")]);
    assert_eq!(script.state("a"), Some(Secret::new("1")));
    let posts = script
        .requests()
        .into_iter()
        .filter(|request| request.method == "POST");
    assert!(posts.into_iter().all(|request| request.body == b"x"));
}

#[test]
fn what_a_document_cannot_hold_costs_no_page() {
    let opened = testee().open(&named("talks"), &Script::new()).unwrap();
    let page = opened.list(None).unwrap();
    assert_eq!(
        (page.total, page.repositories[0].parts[0].size),
        (None, None)
    );
    assert_eq!(page.notes.len(), limit::NOTES);
    let last = page.notes.last().unwrap();
    assert_eq!(last.message, "and 4001 more");
    assert_eq!(last.severity, Severity::Error);
}

#[test]
fn what_a_hoster_does_not_say_has_a_default() {
    let script = Script::new();
    let opened = testee().open(&named("x"), &script).unwrap();
    assert_eq!(
        opened.access(&AccessRequest::default()),
        Ok(Access::default())
    );
    assert_eq!(opened.lookup("1"), Ok(Presence::Hidden));
    let unsupported = [
        opened.export(&ExportRequest::default()).unwrap_err(),
        opened.create(&CreateRequest::default()).unwrap_err(),
        opened.remove(&RemoveRequest::default()).unwrap_err(),
    ];
    assert!(
        unsupported
            .iter()
            .all(|error| error.kind == ErrorKind::Unsupported)
    );
    assert!(!testee().manifest().unwrap().target);
}

#[test]
fn documents_that_are_none_are_errors() {
    let script = Script::new();
    let callee = testee();
    for document in [&b""[..], b"[]", b"{\"a\":1,\"a\":1}", b"\xff"] {
        for name in [
            method::HELLO,
            method::MANIFEST,
            method::OPEN,
            method::VALIDATE,
        ] {
            let answered = callee.callee().call(&script, 0, name, document, &[]);
            assert!(matches!(answered, Answered::Error(_)), "{name}");
        }
    }
    let requiring = br#"{"requires":["x"]}"#;
    let answered = callee
        .callee()
        .call(&script, 0, method::OPEN, requiring, &[]);
    assert!(matches!(answered, Answered::Error(error) if error.kind == ErrorKind::Unsupported));
}
