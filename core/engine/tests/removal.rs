//! What is removed, by what a hoster says: with a hoster that can prove a deletion.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "removal/scene.rs"]
mod scene;

use std::path::PathBuf;

use forgekeep_failure::{ErrorKind, ExitCode, Failure};
use forgekeep_hoster::{Owner, OwnerSeen, Presence, Sees};
use forgekeep_store::catalogue::RepositoryState;
use forgekeep_store::inventory;
use forgekeep_store::report::{Absence, Report, SourceOutcome};
use jiff::{SignedDuration, Timestamp};
use scene::{Scene, age, belongs, notes, owned, proved, repository};

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
