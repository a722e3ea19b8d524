use proptest::prelude::*;

use forgekeep_hoster::Part;

use std::collections::HashSet;

use super::*;

fn repository(id: &str, name: &str, size: Option<u64>) -> Repository {
    Repository {
        id: id.into(),
        full_name: name.into(),
        parts: vec![Part {
            url: format!("https://example.com/{name}.git").into(),
            size,
            ..Part::default()
        }],
        ..Repository::default()
    }
}

fn plan(repositories: Vec<Repository>, mut catalogue: Catalogue) -> SourcePlan {
    let filter = RepoFilter::new(&[], &[]).unwrap();
    let repositories = repositories.into_iter().map(Box::new).collect();
    of_source(0, repositories, &filter, &mut catalogue, &|_| false)
}

#[test]
fn the_largest_comes_first_and_the_unknown_before_it() {
    let listed = vec![
        repository("1", "a/small", Some(1)),
        repository("2", "a/large", Some(9)),
        repository("3", "a/unknown", None),
    ];
    let tasks = plan(listed, Catalogue::default()).tasks;
    let mut plan = Plan { tasks };
    plan.order();
    let names: Vec<_> = plan.tasks.iter().map(|t| t.folder.as_str()).collect();
    assert_eq!(names, ["a#unknown", "a#large", "a#small"]);
}

#[test]
fn case_twins_get_a_folder_each() {
    let plan = plan(
        vec![
            repository("1", "a/Web", None),
            repository("2", "a/web", None),
        ],
        Catalogue::default(),
    );
    assert_eq!(plan.tasks[0].folder, "a#Web");
    assert_eq!(plan.tasks[1].folder, names::with_suffix("a#web", "2"));
}

#[test]
fn a_repository_made_again_under_an_old_name_does_not_touch_the_old_one() {
    let mut catalogue = Catalogue::default();
    catalogue.claim("a#web", &"old".into());
    let plan = plan(vec![repository("new", "a/web", None)], catalogue);
    assert_eq!(plan.tasks[0].action, Action::Clone);
    assert_ne!(plan.tasks[0].folder, "a#web");
}

#[test]
fn the_folder_follows_a_renamed_repository() {
    let mut catalogue = Catalogue::default();
    catalogue.claim("a#old", &"1".into());
    let plan = plan(vec![repository("1", "a/new", None)], catalogue);
    assert_eq!(plan.tasks[0].folder, "a#new");
    let from = plan.tasks[0].from.as_ref().unwrap();
    assert_eq!((from.source, from.folder.as_str()), (0, "a#old"));
    assert_eq!(plan.tasks[0].action, Action::Update);
}

#[test]
fn repositories_that_swap_names_never_meet_in_a_folder() {
    let mut catalogue = Catalogue::default();
    catalogue.claim("a#x", &"1".into());
    catalogue.claim("a#y", &"2".into());
    let listed = vec![repository("1", "a/y", None), repository("2", "a/x", None)];
    let plan = plan(listed, catalogue);
    let folders: Vec<_> = plan.tasks.iter().map(|t| t.folder.clone()).collect();
    let wanted = [
        names::with_suffix("a#y", "1"),
        names::with_suffix("a#x", "2"),
    ];
    assert_eq!(folders, wanted);
}

#[test]
fn a_folder_that_had_to_evade_comes_back_when_the_name_is_free() {
    let mut catalogue = Catalogue::default();
    catalogue.claim(&names::with_suffix("a#y", "1"), &"1".into());
    let plan = plan(vec![repository("1", "a/y", None)], catalogue);
    assert_eq!(plan.tasks[0].folder, "a#y");
}

#[test]
fn a_name_that_changes_its_case_only_is_followed() {
    let mut catalogue = Catalogue::default();
    catalogue.claim("a#web", &"1".into());
    let plan = plan(vec![repository("1", "a/Web", None)], catalogue);
    assert_eq!(plan.tasks[0].folder, "a#Web");
    assert!(plan.tasks[0].from.is_some());
}

/// A source that lists a repository which is in the backup under another one.
fn with_undecided(catalogue: &mut Catalogue) -> SourcePlan {
    let filter = RepoFilter::new(&[], &[]).unwrap();
    let listed = vec![
        repository("1", "a/web", None),
        repository("2", "a/Web", None),
    ];
    let listed = listed.into_iter().map(Box::new).collect();
    of_source(0, listed, &filter, catalogue, &|id| *id == "1")
}

#[test]
fn a_repository_that_moved_to_another_source_brings_its_folder() {
    let location = Location {
        source: 1,
        folder: "b#web".to_owned(),
    };
    let mut catalogue = Catalogue::default();
    catalogue.claim("a#gone", &"9".into());
    let mut plan = with_undecided(&mut catalogue);
    assert_eq!(plan.unlisted, ["a#gone"]);
    let moved = plan.undecided.pop().unwrap();
    let task = moved.decide(0, Some(location.clone())).unwrap();
    assert_eq!(task.from, Some(location));
    assert_eq!(
        (task.folder.as_str(), task.action),
        ("a#web", Action::Update)
    );
}

#[test]
fn one_that_has_not_moved_is_cloned_and_its_name_was_kept_for_it() {
    let mut plan = with_undecided(&mut Catalogue::default());
    let new = plan.undecided.pop().unwrap().decide(0, None).unwrap();
    assert_eq!((new.folder.as_str(), new.action), ("a#web", Action::Clone));
    // The other one came while it was open what becomes of the first.
    let twin = names::with_suffix("a#Web", "2");
    assert_eq!(plan.tasks[0].folder, twin);
}

#[test]
fn a_name_on_disk_is_taken_whatever_becomes_of_who_has_it() {
    // It is listed no more, and may be about to move elsewhere.
    let mut catalogue = Catalogue::default();
    catalogue.claim("a#web", &"old".into());
    let plan = with_undecided(&mut catalogue);
    let suffixed = names::with_suffix("a#web", "1");
    let mut undecided = plan.undecided.into_iter();
    let new = undecided.next().unwrap().decide(0, None).unwrap();
    assert_eq!(new.folder, suffixed);
    assert_eq!(plan.unlisted, ["a#web"]);
}

#[test]
fn what_cannot_be_backed_up_is_said() {
    let mut twice = repository("1", "a/b", None);
    twice.full_name = "a/again".into();
    let plan = plan(
        vec![
            repository("1", "a/b", None),
            twice,
            repository("", "a/c", None),
            Repository {
                parts: Vec::new(),
                ..repository("4", "a/d", None)
            },
            Repository {
                skip: Some("hg".into()),
                parts: Vec::new(),
                ..repository("5", "a/e", None)
            },
        ],
        Catalogue::default(),
    );
    assert_eq!(plan.tasks.len(), 1);
    let said: Vec<_> = plan
        .left_out
        .iter()
        .map(|report| {
            report
                .error
                .as_ref()
                .map_or_else(|| report.note.clone().unwrap(), |e| e.message.clone())
        })
        .collect();
    assert_eq!(
        said,
        [
            "the hoster listed it twice",
            "the hoster lists \"a/c\" without identity",
            "the hoster lists \"a/d\" without address to clone from",
            "hg",
        ]
    );
}

proptest! {
    #[test]
    fn every_repository_is_planned_once_and_no_folder_is_shared(
        had in proptest::collection::vec("[aAbBäÄ./# ]{1,6}", 0..20),
        names in proptest::collection::vec("[aAbBäÄ./# ]{1,6}", 1..20)
    ) {
        let repositories: Vec<_> = names
            .iter()
            .enumerate()
            .map(|(n, name)| repository(&n.to_string(), name, None))
            .collect();
        let count = repositories.len();
        // Some of them were there before, under other names.
        let mut catalogue = Catalogue::default();
        for (n, name) in had.iter().enumerate() {
            let folder = names::with_suffix(&names::encode_full_name(name), &n.to_string());
            catalogue.claim(&folder, &n.to_string().into());
        }
        let plan = plan(repositories, catalogue);
        prop_assert_eq!(plan.tasks.len() + plan.left_out.len(), count);
        let folders: HashSet<_> = plan
            .tasks
            .iter()
            .map(|task| names::collision_key(&task.folder))
            .collect();
        prop_assert_eq!(folders.len(), plan.tasks.len());
    }
}
