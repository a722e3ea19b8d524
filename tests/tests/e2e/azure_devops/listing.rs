//! Pages, projects that cannot be listed, and limits.

use forgekeep_tests::git;

use super::*;

/// Projects with a repository in each.
fn several(world: &World, count: usize) -> Vec<String> {
    let names = (1..=count).map(|number| format!("p{number}"));
    let project = |name: String| {
        world.azure.change(|state| state.add_project(&name));
        world.azure.repository(&name, "web")
    };
    names.map(project).collect()
}

#[test]
fn several_pages_of_projects_with_an_empty_one_in_the_middle() {
    let world = World::new();
    let ids = several(&world, 7);
    world.azure.change(|state| {
        state.page_cap = 2;
        // The third of five pages is empty.
        for name in ["p3", "p4"] {
            state.project_mut(name).hidden = true;
        }
    });
    let run = world.backup().expect(0);
    assert_eq!(source(&run, "forge")["listed"], 5);
    for (at, id) in ids
        .iter()
        .enumerate()
        .filter(|(at, _)| ![2, 3].contains(at))
    {
        world.assert_mirrored(id, &format!("acme#p{}#web", at + 1));
    }
    let asked = world.azure.requests();
    let is_page = |target: &str| target.contains("/_apis/projects?");
    let pages = asked.iter().filter(|one| is_page(&one.target));
    assert_eq!(pages.count(), 5);
}

#[test]
fn one_project_that_cannot_be_listed_is_told_and_the_others_are_backed_up() {
    let world = World::new();
    let web = world.azure.repository("shop", "web");
    let cli = world.azure.repository("tools", "cli");
    world.backup().expect(0);
    world.azure.commit(&cli, "two");
    for status in [403, 404, 500] {
        world
            .azure
            .change(|state| state.project_mut("shop").refused = Some(status));
        let run = world.backup().expect(3);
        assert_eq!(source(&run, "forge")["gone"], json!([]), "{status}");
        assert!(
            report(&run)
                .to_string()
                .contains("acme/shop is not backed up"),
            "{status}"
        );
        world.assert_mirrored(&cli, "acme#tools#cli");
    }
    world.assert_mirrored(&web, "acme#shop#web");
}

#[test]
fn a_limit_in_mid_listing_is_waited_for_however_it_is_told() {
    for how in [Limited::Refused, Limited::Unavailable, Limited::Slowed] {
        let world = World::new();
        let ids = several(&world, 3);
        world.azure.change(|state| {
            state.page_cap = 2;
            state.limit = Some(Limits {
                containing: "continuationToken=2".to_owned(),
                times: 2,
                how,
            });
        });
        let options = json!({"network": {"retries": 0, "limitWaitMinutes": 1}});
        world.configure_with(&[world.source("acme")], &options);
        let run = world.sandbox.forgekeep(["backup", "-v"]).run().expect(0);
        assert_eq!(source(&run, "forge")["listed"], 3, "{how:?}");
        world.assert_mirrored(&ids[2], "acme#p3#web");
        let waited = run.stderr.contains("waiting 1.0 s") || run.stderr.contains("waiting 1 s");
        assert!(waited, "{how:?}: {}", run.stderr);
        let asked = world.azure.requests();
        let of = |token: &str| {
            let token = format!("continuationToken={token}");
            asked
                .iter()
                .filter(|one| one.target.contains(&token))
                .count()
        };
        let times = if how == Limited::Slowed { 1 } else { 3 };
        assert_eq!([of("2"), of("4")], [times, 1], "{how:?}");
    }
}

#[test]
fn a_limit_that_lasts_ends_the_listing_and_nothing_is_gone() {
    for how in [Limited::Refused, Limited::Unavailable] {
        let world = World::new();
        several(&world, 3);
        world.backup().expect(0);
        world.azure.change(|state| {
            state.limit = Some(Limits {
                containing: "_apis/git/repositories".to_owned(),
                times: 100,
                how,
            });
        });
        let run = world.backup().expect(3);
        let said = error(source(&run, "forge"));
        assert!(said.starts_with("rate-limited: "), "{said}");
        assert_eq!(source(&run, "forge")["gone"], json!([]));
    }
}

#[test]
fn merges_of_pull_requests_are_left_out_unless_they_are_wanted() {
    let world = World::new();
    let web = world.azure.repository("shop", "web");
    let upstream = world.azure.git_dir(&web);
    for name in ["refs/pull/1/merge", "refs/notes/commits"] {
        git::run(&upstream, &["update-ref", name, "refs/heads/main"]);
    }
    let refs = || {
        let mirror = world.folder("acme#shop#web").join("repo");
        let pattern = ["refs/heads", "refs/notes", "refs/pull"];
        git::run(
            &mirror,
            &[&["for-each-ref", "--format=%(refname)"][..], &pattern].concat(),
        )
    };
    world.backup().expect(0);
    assert_eq!(refs(), "refs/heads/main\nrefs/notes/commits");
    let mut wanted = world.source("acme");
    wanted["includeRefs"] = json!(["refs/pull/*/merge"]);
    world.configure(&[wanted]);
    world.backup().expect(0);
    assert_eq!(
        refs(),
        "refs/heads/main\nrefs/notes/commits\nrefs/pull/1/merge"
    );
}

#[test]
fn forks_and_what_is_not_public_can_be_left_out_and_what_is_not_listed_is_no_filter() {
    let world = World::new();
    world.azure.repository("shop", "private");
    let fork = world.azure.repository("tools", "fork");
    let public = world.azure.repository("tools", "public");
    world.azure.change(|state| {
        state.project_mut("tools").public = true;
        state.repository_mut(&fork).fork = true;
    });
    let mut some = world.source("acme");
    some["visibility"] = json!(["public"]);
    some["includeForks"] = false.into();
    world.configure(&[some.clone()]);
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/shop/private"), "skipped");
    assert_eq!(run.outcome("acme/tools/fork"), "skipped");
    world.assert_mirrored(&public, "acme#tools#public");
    some["topics"] = json!(["shop"]);
    world.configure(&[some]);
    world.backup().expect(10);
}
