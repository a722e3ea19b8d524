//! A backup, and a hoster that says what a test has it say.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forgekeep_engine::run::{Engine, Selection};
use forgekeep_failure::{Failure, Finding};
use forgekeep_hoster::{
    Access, CheckReport, Cursor, Hoster, HosterInfo, Owner, OwnerSeen, Page, Part, Presence,
    Registry, Repository, Services, Session, SourceSpec, SourceState,
};
use forgekeep_http::Authorization;
use forgekeep_store::catalogue::{Missing, RepositoryState};
use forgekeep_store::report::Report;
use forgekeep_store::snapshot::Identity;
use forgekeep_untrusted::Untrusted;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

/// What the hoster lists, and what it says when it is asked for one that it does not.
#[derive(Clone)]
pub struct Fake {
    pub info: HosterInfo,
    pub listed: Arc<Mutex<Vec<Repository>>>,
    pub owners: Arc<Mutex<Vec<OwnerSeen>>>,
    pub answer: Arc<Mutex<Result<Presence, Failure>>>,
    pub asked: Arc<Mutex<Vec<Untrusted>>>,
}

struct Open {
    page: Page,
    answer: Result<Presence, Failure>,
    asked: Arc<Mutex<Vec<Untrusted>>>,
}

impl Hoster for Fake {
    fn info(&self) -> &HosterInfo {
        &self.info
    }

    fn open(
        &self,
        _source: SourceSpec,
        _services: Services,
        _state: Arc<dyn SourceState>,
    ) -> Result<Box<dyn Session>, Failure> {
        let page = Page {
            repositories: self.listed.lock().clone(),
            owners: self.owners.lock().clone(),
            ..Page::default()
        };
        Ok(Box::new(Open {
            page,
            answer: self.answer.lock().clone(),
            asked: Arc::clone(&self.asked),
        }))
    }
}

impl Session for Open {
    fn validate(&self) -> Result<Vec<Finding>, Failure> {
        Ok(Vec::new())
    }

    fn check(&self) -> Result<CheckReport, Failure> {
        Ok(CheckReport::default())
    }

    fn page(&self, _cursor: Option<&Cursor>) -> Result<Page, Failure> {
        Ok(self.page.clone())
    }

    fn lookup(&self, id: &Untrusted, _full_name: &Untrusted) -> Result<Presence, Failure> {
        self.asked.lock().push(id.clone());
        self.answer.clone()
    }

    fn access(&self, _: &Repository, _: &Part, _: bool) -> Result<Access, Failure> {
        Ok(Access::Http(Authorization::Anonymous))
    }
}

/// Listed, and never cloned.
pub fn repository(id: &str, name: &str) -> Repository {
    Repository {
        id: id.into(),
        full_name: name.into(),
        skip: Some("not under git".into()),
        ..Repository::default()
    }
}

pub fn proved() -> Presence {
    Presence::Deleted {
        proof: "the hoster's log".into(),
    }
}

pub struct Scene {
    pub folder: tempfile::TempDir,
    pub fake: Fake,
}

impl Scene {
    /// A backup in which `acme/old` has been missed often enough, for long enough.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let fake = Fake {
            info: HosterInfo {
                id: "fake".to_owned(),
                api_url: "https://fake.example".to_owned(),
                ..HosterInfo::default()
            },
            listed: Arc::new(Mutex::new(vec![repository("{web}", "acme/web")])),
            owners: Arc::default(),
            answer: Arc::new(Mutex::new(Ok(Presence::Hidden))),
            asked: Arc::default(),
        };
        let scene = Self { folder, fake };
        scene.keep("{old}", "acme/old");
        scene
    }

    /// Puts a repository into the backup that has been missed often enough, for long enough.
    pub fn keep(&self, id: &str, name: &str) -> PathBuf {
        let folder = self.old().with_file_name(name.replace('/', "#"));
        fs::create_dir_all(folder.join("repo/objects")).unwrap();
        fs::write(folder.join("repo/HEAD"), "ref: refs/heads/main\n").unwrap();
        let identity = Identity {
            hoster: "fake".to_owned(),
            id: id.into(),
            full_name: name.into(),
        };
        let long_ago = Timestamp::now() - SignedDuration::from_hours(24 * 90);
        let mut state = RepositoryState::new(identity, long_ago);
        state.listing = Some(forgekeep_store::catalogue::Listing {
            api_url: "https://fake.example".to_owned(),
            name: "acme".to_owned(),
        });
        state.write(&folder).unwrap();
        age(&folder);
        folder
    }

    pub fn backup(&self) -> PathBuf {
        self.folder.path().join("backup")
    }

    pub fn old(&self) -> PathBuf {
        self.backup().join("acme/acme#old")
    }

    pub fn trash(&self) -> Vec<PathBuf> {
        let trash = self.backup().join(".forgekeep/trash");
        let entries = fs::read_dir(trash).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    pub fn answer(&self, answer: Result<Presence, Failure>) {
        *self.fake.answer.lock() = answer;
    }

    pub fn run(&self) -> Report {
        let settings = self.folder.path().join("settings.yml");
        let text = format!(
            "localFolder: {}\nsources:\n  - title: acme\n    hoster: fake\n    name: acme\n\
             options:\n  backup: {{ removeDeletedRepos: true, deletedGraceDays: 30 }}\n",
            self.backup().display()
        );
        fs::write(&settings, text).unwrap();
        let config = forgekeep_config::load(&settings, &|_| None).unwrap();
        let mut registry = Registry::default();
        assert!(registry.add(Arc::new(self.fake.clone())).is_ok());
        let engine = Engine::new(config, registry, Some(1), Arc::new(()));
        engine.backup(&Selection::default()).unwrap()
    }
}

/// As if it had been missed for 60 days, on five of them.
pub fn age(folder: &Path) {
    let mut state = RepositoryState::read(folder).unwrap().unwrap();
    let now = Timestamp::now();
    let ago = |days: i64| now - SignedDuration::from_hours(24 * days);
    state.gone = Some(ago(60));
    state.missing = Some(Missing {
        runs: 5,
        days: 5,
        last: ago(1),
    });
    if let Some(trashed) = &mut state.trashed {
        trashed.at = ago(60);
    }
    state.write(folder).unwrap();
}

pub fn notes(report: &Report) -> String {
    let notes = report.sources[0].notes.iter();
    notes
        .map(|note| note.message.as_str())
        .collect::<Vec<_>>()
        .join("\n")
}

/// Listed, of an owner.
pub fn owned(id: &str, name: &str, owner: (&str, &str)) -> Repository {
    Repository {
        owner: Owner {
            id: owner.0.into(),
            name: owner.1.into(),
        },
        ..repository(id, name)
    }
}

/// Takes down whose a repository in the backup was.
pub fn belongs(folder: &Path, owner: &str) {
    let mut state = RepositoryState::read(folder).unwrap().unwrap();
    state.owner = Some(owner.into());
    state.write(folder).unwrap();
}
