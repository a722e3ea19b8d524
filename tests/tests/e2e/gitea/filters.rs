//! Filters by what the listing says.

use super::*;

/// A world with a plain repository and three odd ones, all of them in the backup.
fn world() -> World {
    let world = World::new();
    for name in ["plain", "archived", "fork", "private"] {
        let id = world.gitea.repository("acme", name);
        world.gitea.change(|state| {
            let repository = state.repository_mut(id);
            repository.archived = name == "archived";
            repository.fork = name == "fork";
            repository.private = name == "private";
        });
    }
    world.backup().expect(0);
    world
}

fn filtered(world: &World, keys: &Value) {
    let mut source = world.source("acme");
    for (key, value) in keys.as_object().unwrap() {
        source[key] = value.clone();
    }
    world.configure(&[source]);
}

#[test]
fn a_filter_leaves_out_what_it_is_about_says_so_and_nothing_is_gone() {
    let world = world();
    for (keys, left_out, why) in [
        (
            json!({"includeArchived": false}),
            "acme/archived",
            "archived, by includeArchived",
        ),
        (
            json!({"includeForks": false}),
            "acme/fork",
            "a fork, by includeForks",
        ),
        (
            json!({"visibility": ["public", "internal"]}),
            "acme/private",
            "not in visibility",
        ),
        (
            json!({"ignoreRepos": ["re:^acme/pri"]}),
            "acme/private",
            "in ignoreRepos",
        ),
    ] {
        filtered(&world, &keys);
        let plan = world.sandbox.forgekeep(["backup", "--dry-run"]).run();
        let plan = plan.expect(0).stdout;
        let line = plan.lines().find(|line| line.contains(left_out));
        assert!(line.is_some_and(|line| line.contains(why)), "{plan}");
        let run = world.backup().expect(0);
        let report = run.repository(left_out);
        assert_eq!(report["outcome"], "skipped", "{report:#}");
        assert_eq!(report["note"], why, "{report:#}");
        let others = source(&run, "forge")["repositories"].as_array().unwrap();
        let skipped = others.iter().filter(|one| one["outcome"] == "skipped");
        assert_eq!(skipped.count(), 1, "{others:#?}");
        assert_eq!(source(&run, "forge")["gone"], json!([]));
        let folder = left_out.replace('/', "#");
        assert!(world.folder(&folder).join("repo/HEAD").exists());
    }
    filtered(&world, &json!({}));
    assert_eq!(world.backup().expect(0).outcome("acme/fork"), "unchanged");
}

#[test]
fn a_filter_that_the_listing_cannot_answer_is_an_error_that_names_the_key() {
    let world = world();
    for (key, value) in [
        ("topics", json!(["backup"])),
        ("languages", json!(["rust"])),
        ("pushedWithin", json!("2y")),
    ] {
        filtered(&world, &json!({ key: value }));
        for command in ["backup", "check", "list"] {
            let said = world.sandbox.forgekeep([command]).run().expect(10).stderr;
            let named = format!("`sources[0].{key}` cannot be used for this hoster");
            assert!(said.contains(&named), "{command} {key}: {said}");
        }
    }
}

#[test]
fn what_no_filter_can_be_is_an_error_that_says_what_can() {
    let world = world();
    for (keys, words) in [
        (json!({"visibility": ["secret"]}), "`public`"),
        (json!({"visibility": "private"}), "sources[0].visibility"),
        (json!({"pushedWithin": "two years"}), "`1y6m`"),
        (json!({"includeForks": "maybe"}), "`true` or `false`"),
        (json!({"ignoreRepos": ["re:("]}), "unclosed group"),
    ] {
        filtered(&world, &keys);
        let said = world.backup().expect(10).stderr;
        assert!(said.contains(words), "{keys}: {said}");
    }
}
