//! What is removed, by what a hoster says: with a hoster that can prove a deletion.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forgekeep_engine::run::{Engine, Selection};
use forgekeep_failure::{ErrorKind, ExitCode, Failure, Finding};
use forgekeep_hoster::{
    CheckReport, Cursor, Hoster, HosterInfo, Owner, OwnerSeen, Page, Part, Presence, Registry,
    Repository, Sees, Services, Session, SourceSpec, SourceState,
};
use forgekeep_http::Authorization;
use forgekeep_store::catalogue::{Missing, RepositoryState};
use forgekeep_store::inventory;
use forgekeep_store::report::{Absence, Report, SourceOutcome};
use forgekeep_store::snapshot::Identity;
use forgekeep_untrusted::Untrusted;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

/// What the hoster lists, and what it says when it is asked for one that it does not.
#[derive(Clone)]
struct Fake {
    info: HosterInfo,
    listed: Arc<Mutex<Vec<Repository>>>,
    owners: Arc<Mutex<Vec<OwnerSeen>>>,
    answer: Arc<Mutex<Result<Presence, Failure>>>,
    asked: Arc<Mutex<Vec<Untrusted>>>,
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

    fn access(&self, _: &Repository, _: &Part, _: bool) -> Result<Authorization, Failure> {
        Ok(Authorization::Anonymous)
    }
}

/// Listed, and never cloned.
fn repository(id: &str, name: &str) -> Repository {
    Repository {
        id: id.into(),
        full_name: name.into(),
        skip: Some("not under git".into()),
        ..Repository::default()
    }
}

fn proved() -> Presence {
    Presence::Deleted {
        proof: "the hoster's log".into(),
    }
}

struct Scene {
    folder: tempfile::TempDir,
    fake: Fake,
}

impl Scene {
    /// A backup in which `acme/old` has been missed often enough, for long enough.
    fn new() -> Self {
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
    fn keep(&self, id: &str, name: &str) -> PathBuf {
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

    fn backup(&self) -> PathBuf {
        self.folder.path().join("backup")
    }

    fn old(&self) -> PathBuf {
        self.backup().join("acme/acme#old")
    }

    fn trash(&self) -> Vec<PathBuf> {
        let trash = self.backup().join(".forgekeep/trash");
        let entries = fs::read_dir(trash).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    fn answer(&self, answer: Result<Presence, Failure>) {
        *self.fake.answer.lock() = answer;
    }

    fn run(&self) -> Report {
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
fn age(folder: &Path) {
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

fn notes(report: &Report) -> String {
    let notes = report.sources[0].notes.iter();
    notes
        .map(|note| note.message.as_str())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn only_proof_removes() {
    let scene = Scene::new();
    let refused = |kind, status| Err(Failure::new(kind, "no").with_status(status));
    let answers = [
        (Ok(Presence::Hidden), Absence::Hidden),
        (refused(ErrorKind::NotFound, 404), Absence::Hidden),
        (refused(ErrorKind::Gone, 410), Absence::Hidden),
        (refused(ErrorKind::Forbidden, 403), Absence::Missing),
        (refused(ErrorKind::Unavailable, 503), Absence::Missing),
        (
            Ok(Presence::There(Box::new(repository("{old}", "acme/new")))),
            Absence::Missing,
        ),
    ];
    for (answer, wanted) in answers {
        scene.answer(answer.clone());
        let report = scene.run();
        let gone = &report.sources[0].gone;
        assert_eq!((gone.len(), gone[0].removed), (1, false), "{answer:?}");
        assert_eq!(gone[0].state, wanted, "{answer:?}");
        assert!(scene.old().join("repo/HEAD").exists(), "{answer:?}");
        assert!(report.has_warning(), "{answer:?}");
        assert_eq!(scene.trash(), Vec::<PathBuf>::new());
    }
}

#[test]
fn what_is_proved_deleted_goes_to_the_trash_and_from_there_after_another_period() {
    let scene = Scene::new();
    scene.answer(Ok(proved()));
    let report = scene.run();
    let gone = &report.sources[0].gone[0];
    assert_eq!(
        (gone.removed, gone.trashed, gone.state),
        (true, true, Absence::Deleted)
    );
    assert!(
        notes(&report).contains("acme/old was removed"),
        "{}",
        notes(&report)
    );
    assert!(!scene.old().exists());
    let [trashed] = scene.trash().try_into().unwrap();
    assert!(trashed.join("repo/HEAD").exists());
    let date = Timestamp::now().strftime("%Y").to_string();
    let name = trashed.file_name().unwrap().to_str().unwrap();
    assert!(
        name.starts_with(&date) && name.ends_with("-acme-acme#old"),
        "{name}"
    );
    // It is found there.
    let all = inventory::read(&scene.backup()).unwrap();
    let kept = inventory::find(&all, "acme/old").unwrap();
    assert!(kept.trashed && kept.folder == trashed && kept.name() == "acme/acme/old");
    // The next runs leave it, however long ago it was missed first.
    for _ in 0..2 {
        let report = scene.run();
        let gone = &report.sources[0].gone[0];
        assert_eq!((gone.removed, gone.trashed), (false, true));
    }
    age(&trashed);
    let report = scene.run();
    assert!(report.sources[0].gone[0].removed);
    assert!(notes(&report).contains("for good"), "{}", notes(&report));
    assert_eq!(scene.trash(), Vec::<PathBuf>::new());
    assert_eq!(scene.run().sources[0].gone, Vec::new());
}

#[test]
fn what_is_listed_again_is_taken_back() {
    let scene = Scene::new();
    scene.answer(Ok(proved()));
    scene.run();
    assert_eq!(scene.trash().len(), 1);
    let listed = repository("{old}", "acme/old");
    scene.fake.listed.lock().push(listed);
    let report = scene.run();
    assert!(notes(&report).contains("taken back"), "{}", notes(&report));
    assert!(scene.old().join("repo/HEAD").exists());
    let state = RepositoryState::read(&scene.old()).unwrap().unwrap();
    assert_eq!(
        (state.gone, state.missing, state.trashed),
        (None, None, None)
    );
    assert_eq!(scene.trash(), Vec::<PathBuf>::new());
    assert_eq!(report.sources[0].gone, Vec::new());
}

#[test]
fn that_counting_begins_again_is_told_once() {
    let gap = |state: &mut RepositoryState| {
        let missing = state.missing.as_mut().unwrap();
        missing.last -= SignedDuration::from_hours(24 * 50);
    };
    let future = |state: &mut RepositoryState| {
        let missing = state.missing.as_mut().unwrap();
        missing.last += SignedDuration::from_hours(24 * 900);
    };
    let stamp = |state: &mut RepositoryState| state.gone = Some(Timestamp::UNIX_EPOCH);
    let changes: [&dyn Fn(&mut RepositoryState); 3] = [&gap, &future, &stamp];
    for change in changes {
        let scene = Scene::new();
        scene.answer(Ok(proved()));
        let mut state = RepositoryState::read(&scene.old()).unwrap().unwrap();
        change(&mut state);
        state.write(&scene.old()).unwrap();
        let report = scene.run();
        let said = notes(&report);
        assert!(said.contains("counted from zero"), "{said}");
        assert!(said.contains("acme/old"), "{said}");
        assert!(report.has_warning());
        assert_eq!(report.sources[0].gone[0].runs, 1);
        assert!(scene.old().exists());
        let said = notes(&scene.run());
        assert!(!said.contains("counted from zero"), "{said}");
    }
}

/// Listed, of an owner.
fn owned(id: &str, name: &str, owner: (&str, &str)) -> Repository {
    Repository {
        owner: Owner {
            id: owner.0.into(),
            name: owner.1.into(),
        },
        ..repository(id, name)
    }
}

#[test]
fn a_name_that_another_owner_has_taken_ends_the_source_before_anything_is_done() {
    let scene = Scene::new();
    scene.answer(Ok(proved()));
    let list = |owner| *scene.fake.listed.lock() = vec![owned("{web}", "acme/web", owner)];
    list(("{1}", "acme"));
    // What was missed for long enough is put into the trash by this one.
    age(&scene.old());
    assert!(scene.run().sources[0].error.is_none());
    let trashed = scene.trash().len();
    list(("{9}", "Acme"));
    for _ in 0..2 {
        let report = scene.run();
        let source = &report.sources[0];
        let said = source.error.as_ref().unwrap();
        assert!(
            said.message.contains("is another owner than before"),
            "{said}"
        );
        assert_eq!((source.repositories.len(), source.gone.len()), (0, 0));
        assert_eq!(scene.trash().len(), trashed);
    }
    // The same owner under another name is nothing to stop at.
    list(("{1}", "acme-renamed"));
    assert!(scene.run().sources[0].error.is_none());
}

/// Takes down whose a repository in the backup was.
fn belongs(folder: &Path, owner: &str) {
    let mut state = RepositoryState::read(folder).unwrap().unwrap();
    state.owner = Some(owner.into());
    state.write(folder).unwrap();
}

#[test]
fn nothing_is_proved_under_a_name_that_another_owner_has() {
    // Whose it was, and who has the name now.
    for (was, name, is_proof) in [
        (Some("{1}"), "acme", true),
        (Some("{1}"), "ACME", true),
        (Some("{1}"), "acme-renamed", false),
        (Some("{2}"), "acme", false),
        (None, "acme", false),
    ] {
        let scene = Scene::new();
        scene.answer(Ok(proved()));
        *scene.fake.listed.lock() = vec![owned("{web}", "acme/web", ("{1}", name))];
        if let Some(was) = was {
            belongs(&scene.old(), was);
        }
        let report = scene.run();
        let gone = &report.sources[0].gone;
        let wanted = if is_proof {
            Absence::Deleted
        } else {
            Absence::Hidden
        };
        assert_eq!(gone[0].state, wanted, "{was:?} {name}");
        assert_eq!(scene.fake.asked.lock().len(), usize::from(is_proof));
        assert_eq!(scene.old().exists(), !is_proof);
    }
}

#[test]
fn an_owner_that_has_no_name_is_told_of_all_the_same() {
    let scene = Scene::new();
    *scene.fake.owners.lock() = vec![OwnerSeen {
        owner: Owner::default(),
        sees: Sees::Unknown,
        error: Some(Failure::new(
            ErrorKind::Unavailable,
            "somebody is out of order",
        )),
    }];
    let report = scene.run();
    assert_ne!(report.exit_code, ExitCode::Good);
    assert!(notes(&report).contains("somebody is out of order"));
    assert_eq!(report.sources[0].gone.len(), 0);
}

#[test]
fn what_is_of_an_owner_that_is_listed_no_more_is_never_gone() {
    let scene = Scene::new();
    scene.answer(Ok(proved()));
    let beta = owned("{beta}", "beta/one", ("{2}", "beta"));
    *scene.fake.listed.lock() = vec![
        owned("{web}", "acme/web", ("{1}", "acme")),
        owned("{old}", "acme/old", ("{1}", "acme")),
        beta,
    ];
    assert!(!notes(&scene.run()).contains("any longer"));
    let beta = scene.keep("{beta}", "beta/one");
    belongs(&scene.old(), "{1}");
    scene.fake.listed.lock().truncate(1);
    age(&scene.old());
    for _ in 0..2 {
        let report = scene.run();
        let said = notes(&report);
        assert!(
            said.contains("nothing of beta is listed any longer"),
            "{said}"
        );
        let gone = &report.sources[0].gone;
        let names: Vec<_> = gone.iter().map(|gone| gone.name.as_str()).collect();
        assert_eq!(names, ["acme/old"]);
        assert!(beta.exists());
    }
    // Of the other owner it is.
    assert_eq!(scene.trash().len(), 1);
}

#[test]
fn an_owner_that_cannot_be_listed_costs_nothing_of_its_own_and_of_others() {
    let scene = Scene::new();
    scene.answer(Ok(proved()));
    let acme = ("{1}", "acme");
    let mut listed = vec![
        owned("{web}", "acme/web", acme),
        owned("{old}", "acme/old", acme),
    ];
    for number in 0..8 {
        let (id, name) = (format!("{{b{number}}}"), format!("beta/{number}"));
        listed.push(owned(&id, &name, ("{2}", "beta")));
    }
    *scene.fake.listed.lock() = listed.clone();
    let report = scene.run();
    let owners = |report: &Report| -> Vec<(String, u64, bool)> {
        let owners = report.sources[0].owners.iter();
        owners
            .map(|owner| (owner.name.to_string(), owner.listed, owner.error.is_some()))
            .collect()
    };
    assert_eq!(
        owners(&report),
        [("acme".to_owned(), 2, false), ("beta".to_owned(), 8, false)]
    );
    let beta = scene.keep("{b0}", "beta/0");
    belongs(&scene.old(), "{1}");
    age(&scene.old());
    *scene.fake.listed.lock() = listed[..1].to_vec();
    *scene.fake.owners.lock() = vec![OwnerSeen {
        owner: listed[2].owner.clone(),
        sees: Sees::Unknown,
        error: Some(Failure::new(ErrorKind::Unavailable, "beta is out of order")),
    }];
    for _ in 0..2 {
        let report = scene.run();
        let source = &report.sources[0];
        // Nothing is under git here, so that nothing is safe either.
        assert_eq!(source.outcome, SourceOutcome::Failed);
        assert_eq!(source.error, None);
        assert_eq!(report.exit_code, ExitCode::Partial);
        let names: Vec<_> = source.gone.iter().map(|gone| gone.name.as_str()).collect();
        assert_eq!(names, ["acme/old"]);
        assert!(beta.exists());
    }
    // Back again, with less than half of what it had.
    scene.fake.owners.lock().clear();
    *scene.fake.listed.lock() = [&listed[..1], &listed[2..5]].concat();
    let report = scene.run();
    assert_eq!(
        owners(&report),
        [("acme".to_owned(), 1, false), ("beta".to_owned(), 3, true)]
    );
    let error = report.sources[0].owners[1].error.as_ref().unwrap();
    assert_eq!(error.kind, ErrorKind::Shortfall);
    assert!(
        error.message.contains("3 repositories are listed, but 8"),
        "{error}"
    );
    assert!(
        report.sources[0]
            .gone
            .iter()
            .all(|gone| !gone.name.starts_with("beta"))
    );
}

#[test]
fn a_run_asks_about_a_hundred_at_most() {
    let scene = Scene::new();
    for number in 0..119 {
        scene.keep(&format!("{{{number}}}"), &format!("acme/gone-{number}"));
    }
    let report = scene.run();
    assert_eq!(scene.fake.asked.lock().len(), 100);
    let said = notes(&report);
    assert!(said.contains("20 more will be in later runs"), "{said}");
    let states = |state| {
        let gone = report.sources[0].gone.iter();
        gone.filter(|gone| gone.state == state).count()
    };
    assert_eq!(
        (states(Absence::Hidden), states(Absence::Missing)),
        (100, 20)
    );
}
