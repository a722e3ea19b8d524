//! What a document cannot hold is held back by the SDK: it costs neither the answer nor the error.

#![allow(clippy::unwrap_used)]

use forgekeep_plugin_documents::limit;
use forgekeep_plugin_sdk::{
    CheckReport, CheckRequest, ConfigureRequest, CreateRequest, ErrorKind, Export, ExportPage,
    ExportRequest, Finding, Host, Hoster, HosterError, Limit, LookupRequest, Manifest, Page,
    Presence, PushLimits, RemoveRequest, Repository, Result, Severity, Source, Target, TargetName,
};
use forgekeep_plugin_testkit::{Opened, Script, Testee};

/// Says too much, in each answer.
#[derive(Default)]
struct Boundless;

forgekeep_plugin_sdk::export_hoster!(Boundless);

fn notes() -> Vec<Finding> {
    let note = |at: usize| Finding::new(Severity::Warning, "", at.to_string());
    (0..=limit::NOTES).map(note).collect()
}

fn vast() -> Repository {
    let mut repository = Repository::new("1", "acme/web", "https://x/web.git");
    repository.parts[0].size = Some(u64::MAX);
    repository
}

/// Of words, and longer than a string may be.
fn long() -> String {
    "word ".repeat(limit::STRING)
}

impl Hoster for Boundless {
    fn manifest(&self) -> Manifest {
        Manifest {
            id: "boundless".into(),
            ..Manifest::default()
        }
    }

    fn validate(&self, _: &Source) -> Vec<Finding> {
        vec![Finding::new(Severity::Warning, "name", long()).with_hint(long())]
    }

    fn list(&self, _: &Source, cursor: Option<&str>, _: &Host<'_>) -> Result<Page> {
        let mut error = HosterError::new(ErrorKind::RateLimited, long())
            .with_hint(long())
            .with_said(long());
        error.retry_after = Some(u64::MAX);
        match cursor {
            Some("panic") => panic!("{}", long()),
            Some("one word") => {
                error.message = "ä".repeat(limit::STRING);
                Err(error)
            }
            _ => Err(error),
        }
    }

    fn check(&self, _: &Source, _: &CheckRequest, _: &Host<'_>) -> Result<CheckReport> {
        let limits = vec![Limit {
            name: "core".into(),
            remaining: Some(u64::MAX),
            most: Some(limit::INTEGER),
            resets: None,
        }];
        Ok(CheckReport {
            limits,
            visible: Some(limit::INTEGER + 1),
            private: Some(u64::MAX),
            room: Some(u64::MAX),
            ..CheckReport::default()
        })
    }

    fn lookup(&self, _: &Source, _: &LookupRequest, _: &Host<'_>) -> Result<Presence> {
        Ok(Presence::present(vast()))
    }

    fn export(&self, _: &Source, _: &ExportRequest, _: &Host<'_>) -> Result<Export> {
        let page = ExportPage {
            notes: notes(),
            ..ExportPage::default()
        };
        Ok(Export {
            page,
            content: b"content".to_vec(),
        })
    }

    fn target(&self) -> Option<&dyn Target> {
        Some(self)
    }
}

impl Target for Boundless {
    fn create(&self, _: &Source, _: &CreateRequest, _: &Host<'_>) -> Result<Repository> {
        Ok(vast())
    }

    fn configure(&self, _: &Source, _: &ConfigureRequest, _: &Host<'_>) -> Result<Vec<Finding>> {
        Ok(notes())
    }

    fn remove(&self, _: &Source, _: &RemoveRequest, _: &Host<'_>) -> Result<Vec<Finding>> {
        Ok(notes())
    }

    fn examine(&self, _: &Source, what: &CheckRequest, _: &Host<'_>) -> Result<CheckReport> {
        let name = TargetName {
            name: what.names.concat(),
            refused: Some("x".repeat(limit::STRING + 1)),
        };
        Ok(CheckReport {
            room: Some(u64::MAX),
            repositories: Some(u64::MAX),
            takes: PushLimits {
                file_bytes: Some(u64::MAX),
                ..PushLimits::default()
            },
            names: vec![name],
            ..CheckReport::default()
        })
    }
}

fn opened() -> Opened {
    Testee::of::<Boundless>()
        .open(&Source::default(), &Script::new())
        .unwrap()
}

#[test]
fn numbers_of_a_check() {
    let report = opened().check().unwrap();
    let limit = &report.limits[0];
    assert_eq!((limit.remaining, limit.most), (None, Some(limit::INTEGER)));
    assert_eq!(
        (report.visible, report.private, report.room),
        (None, None, None)
    );
}

#[test]
fn the_size_of_a_repository_that_was_looked_up_or_made() {
    let Presence::Present(found) = opened().lookup("1").unwrap() else {
        panic!("it is there");
    };
    assert_eq!(found.parts[0].size, None);
    let made = opened().create(&CreateRequest::default()).unwrap();
    assert_eq!(made.parts[0].size, None);
}

#[test]
fn notes_of_a_target_and_of_an_export() {
    let export = opened().export(&ExportRequest::default()).unwrap();
    assert_eq!(export.content, b"content");
    let configured = opened().configure(&ConfigureRequest::default()).unwrap();
    let removed = opened().remove(&RemoveRequest::default()).unwrap();
    for notes in [export.page.notes, configured, removed] {
        assert_eq!(notes.len(), limit::NOTES);
        let last = notes.last().unwrap();
        assert_eq!(last.message, "and 2 more");
        assert_eq!(last.severity, Severity::Warning);
    }
}

#[test]
fn what_a_target_takes() {
    let report = opened().examine(&["we", "b"]).unwrap();
    assert_eq!((report.room, report.repositories), (None, None));
    assert_eq!(report.takes, PushLimits::default());
    assert_eq!(report.names[0].name, "web");
    assert_eq!(report.names[0].refused.as_deref(), Some("…"));
}

/// Cut, at the end of a word: half a word may be half a secret, which nobody would know again.
fn is_cut(text: &str) -> bool {
    text.len() <= limit::STRING && text.len() > limit::STRING - 10 && text.ends_with("word …")
}

#[test]
fn texts_of_an_error() {
    let error = opened().list(None).unwrap_err();
    assert_eq!(error.kind, ErrorKind::RateLimited);
    assert_eq!(error.retry_after, None);
    assert!(is_cut(&error.message) && is_cut(&error.hint) && is_cut(&error.said));
    let error = opened().list(Some("panic")).unwrap_err();
    assert!(
        error
            .message
            .starts_with("plugin boundless panicked in list at ")
    );
    assert!(is_cut(&error.message));
    let error = opened().list(Some("one word")).unwrap_err();
    assert_eq!(error.message, "…");
}

#[test]
fn texts_of_a_finding() {
    let findings = Testee::of::<Boundless>()
        .validate(&Source::default())
        .unwrap();
    assert!(is_cut(&findings[0].message) && is_cut(&findings[0].hint));
}
