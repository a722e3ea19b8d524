//! Many repositories and many refs: pages, connections, and runs that find nothing new.

use std::collections::HashSet;

use forgekeep_tests::{Authorization, Forge, RequestKind, compare};

use crate::support::{EMAIL, TOKEN, USER, World, assert_all, report, source};

/// 150 repositories, every third of them private; their slugs.
fn fill(forge: &Forge) -> Vec<String> {
    let original = forge
        .repository("original")
        .commit("one")
        .commit("two")
        .commit_to("side/branch", "three")
        .annotated_tag("v1");
    let copies = forge.copies(original, "copy", 149);
    for copy in copies.iter().step_by(3) {
        copy.private();
    }
    let mut slugs: Vec<_> = copies.iter().map(|copy| copy.entry().slug).collect();
    slugs.push("original".to_owned());
    slugs
}

fn assert_backed_up_over_pages(world: &World) {
    let slugs = fill(&world.forge);
    let run = world.backup().expect(0);
    assert_all(&run, "cloned", 150);
    assert_eq!(source(&run, "acme")["listed"], 150);
    let listings: Vec<_> = world.forge.requests();
    let listings = listings.iter().filter(|r| r.kind == RequestKind::Api);
    // And one question beside the listing: whether the token sees all of the workspace.
    assert_eq!(listings.count(), 2 + 1, "100 a page");
    for slug in slugs {
        let mirror = world.mirror(&slug);
        let upstream = world.forge.repository(&slug).git_dir();
        // All are copies of one: git's own check of a few is enough.
        match slug.ends_with('5') {
            true => compare::assert_mirror(&upstream, &mirror),
            false => assert_eq!(compare::refs(&upstream), compare::refs(&mirror)),
        }
    }
}

#[test]
fn a_hundred_and_fifty_repositories_come_over_two_pages() {
    assert_backed_up_over_pages(&World::new());
}

#[test]
fn a_hundred_and_fifty_repositories_come_over_pages_with_opaque_cursors() {
    let forge = Forge::builder().api_token(EMAIL, USER, TOKEN);
    assert_backed_up_over_pages(&World::of(forge.opaque_cursors().build()));
}

#[test]
fn a_second_run_asks_once_for_each_unchanged_repository_over_few_connections() {
    let world = World::new();
    fill(&world.forge);
    world.backup().expect(0);
    world.forge.reset_log();
    let run = world.backup().expect(0);
    assert_all(&run, "unchanged", 150);
    assert_eq!(world.forge.count(RequestKind::InfoRefs), 150);
    assert_eq!(world.forge.count(RequestKind::UploadPack), 0);
    assert_eq!(world.forge.count(RequestKind::Other), 0);
    assert_eq!(world.forge.count(RequestKind::Api), 2 + 1);
    // The questions at a time, and what the listing leaves behind.
    let connections = world.forge.connections().len();
    assert!(connections <= 32 + 4, "{connections} connections");
}

#[test]
fn every_request_of_a_source_with_a_token_has_credentials_from_the_first_on() {
    let world = World::new();
    world.forge.repository("private").private().commit("one");
    world.forge.repository("public").commit("one");
    world.backup().expect(0);
    let requests = world.forge.requests();
    assert!(requests.len() >= 5, "{requests:#?}");
    for request in &requests {
        let Some(Authorization::Basic { user, secret }) = &request.authorization else {
            panic!("without credentials: {request:#?}");
        };
        let wanted = match request.kind {
            RequestKind::Api => EMAIL,
            _ => "x-bitbucket-api-token-auth",
        };
        assert_eq!((user.as_str(), secret.as_str()), (wanted, TOKEN));
    }
    let targets: HashSet<_> = requests.iter().map(|r| (&r.method, &r.target)).collect();
    assert_eq!(targets.len(), requests.len(), "nothing is asked twice");
}

#[test]
fn one_job_uses_one_connection_for_git() {
    let world = World::new();
    let original = world.forge.repository("original").commit("one");
    world.forge.copies(original, "copy", 9);
    let run = world.forgekeep(&["backup", "--jobs", "1"]).run().expect(0);
    assert_all(&run, "cloned", 10);
    let connections = world.forge.connections_of(RequestKind::InfoRefs).len();
    assert_eq!(connections, 1);
    world.assert_mirrored(original);
}

#[test]
fn three_thousand_refs_are_mirrored_changed_and_left_alone() {
    let world = World::new();
    let web = world
        .forge
        .repository("web")
        .commit("one")
        .many_branches(3000);
    world.backup().expect(0);
    world.assert_mirrored(web);
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "unchanged");
    web.commit_to("many/7", "more").delete_branch("many/8");
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "updated");
    let refs = &run.repository("acme/web")["refs"];
    assert_eq!((&refs["updated"], &refs["deleted"]), (&1.into(), &1.into()));
    world.assert_mirrored(web);
    assert_eq!(report(&run)["outcome"], "ok");
}
