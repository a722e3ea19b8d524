use proptest::prelude::*;

use forgekeep_hoster::Part;

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

fn plan(repositories: Vec<Repository>, catalogue: Catalogue) -> Plan {
    let mut plan = Plan::default();
    let filter = RepoFilter::new(&[], &[]).unwrap();
    plan.add_source(0, repositories, &filter, catalogue, &mut Movers::new());
    plan.order();
    plan
}

#[test]
fn the_largest_comes_first_and_the_unknown_before_it() {
    let plan = plan(
        vec![
            repository("1", "a/small", Some(1)),
            repository("2", "a/large", Some(9)),
            repository("3", "a/unknown", None),
        ],
        Catalogue::default(),
    );
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

#[test]
fn a_repository_that_moved_to_another_source_brings_its_folder() {
    let location = Location {
        source: 1,
        folder: "b#web".to_owned(),
    };
    let mut movers = Movers::from([("1".into(), location.clone())]);
    let mut plan = Plan::default();
    let filter = RepoFilter::new(&[], &[]).unwrap();
    let mut catalogue = Catalogue::default();
    catalogue.claim("a#gone", &"9".into());
    let listed = vec![repository("1", "a/web", None)];
    plan.add_source(0, listed, &filter, catalogue, &mut movers);
    assert_eq!(plan.tasks[0].from, Some(location));
    assert_eq!(plan.tasks[0].action, Action::Update);
    assert_eq!(plan.unlisted[0].0, "9");
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
        .map(|(_, report)| {
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
