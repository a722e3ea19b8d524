//! What is renamed, moved, hidden, deleted, or another's.

use super::*;

#[test]
fn a_renamed_repository_and_a_renamed_owner_keep_their_history() {
    let world = World::new();
    let web = world.github.repository("acme", "web");
    world.backup().expect(0);
    world
        .github
        .change(|state| state.repository_mut(web).name = "site".to_owned());
    world.github.commit(web, "two");
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/site"), "updated");
    world.assert_mirrored(web, "acme#site");
    world
        .github
        .change(|state| state.account_mut(world.acme).login = "acme-inc".to_owned());
    world.configure(&[world.source("acme-inc")]);
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme-inc/site"), "unchanged");
    world.assert_mirrored(web, "acme-inc#site");
}

#[test]
fn a_name_that_a_stranger_has_taken_stops_the_source() {
    let world = World::new();
    let web = world.github.repository("acme", "web");
    world.backup().expect(0);
    world.github.change(|state| {
        state.account_mut(world.acme).login = "acme-inc".to_owned();
        let eve = state.add_user("eve");
        state.add_organisation("acme", eve, true);
    });
    world.github.repository("acme", "web");
    let run = world.backup().expect(3);
    let said = error(source(&run, "forge"));
    assert!(said.contains("acme is another owner than before"), "{said}");
    assert_eq!(source(&run, "forge")["gone"], json!([]));
    world.assert_mirrored(web, "acme#web");
}

/// A backup whose `web` is listed no more, after its grace period; the repository that is still there.
pub fn missing(take_away: impl FnOnce(&World, u64)) -> (World, u64) {
    let world = World::new();
    let web = world.github.repository("acme", "web");
    let api = world.github.repository("acme", "api");
    let options = json!({"backup": {"removeDeletedRepos": true, "deletedGraceDays": 30}});
    world.configure_with(&[world.source("acme")], &options);
    world.backup().expect(0);
    take_away(&world, web);
    world.backup().expect(0);
    crate::identity::backdate(&world.folder("acme#web"));
    (world, api)
}

#[test]
fn a_deletion_that_is_proved_goes_to_the_trash() {
    let (world, api) = missing(|world, web| world.github.change(|state| state.delete(web)));
    let run = world.backup().expect(0);
    let gone = &source(&run, "forge")["gone"][0];
    assert_eq!(gone["state"], "deleted", "{gone:#}");
    assert_eq!(gone["trashed"], true, "{gone:#}");
    assert!(!world.folder("acme#web").exists());
    let trash = world.sandbox.backup().join(".forgekeep/trash");
    assert_eq!(fs::read_dir(trash).unwrap().count(), 1);
    world.assert_mirrored(api, "acme#api");
}

#[test]
fn what_is_not_proved_is_hidden_and_kept() {
    type Change = fn(&World, u64);
    let changes: [(&str, Change); 6] = [
        ("not an owner", |world, web| {
            world.github.change(|state| {
                state.delete(web);
                state.account_mut(world.acme).members = vec![(world.dev, false)];
            });
        }),
        ("public repositories alone", |world, web| {
            world.make_private(web);
            let scopes = ["public_repo", "read:org"].map(str::to_owned).to_vec();
            world
                .github
                .change(|state| state.tokens[0].scopes = Some(scopes));
        }),
        ("a fine-grained token", |world, web| {
            world.github.change(|state| {
                state.delete(web);
                state.tokens[0].scopes = None;
            });
        }),
        ("memberships are not told", |world, web| {
            world.github.change(|state| {
                state.delete(web);
                state.tokens[0].scopes = Some(vec!["repo".to_owned()]);
            });
        }),
        ("a right that was taken away", |world, web| {
            world.github.change(|state| {
                state.repository_mut(web).hidden = true;
                state.account_mut(world.acme).members = vec![(world.dev, false)];
            });
        }),
        ("the last one", |world, web| {
            world.github.change(|state| state.delete(web));
        }),
    ];
    for (what, take_away) in changes {
        let (world, api) = missing(take_away);
        if what == "the last one" {
            world.github.change(|state| state.delete(api));
            let run = world
                .sandbox
                .forgekeep(["backup", "--accept-shrinkage"])
                .run();
            assert!(world.folder("acme#web").exists(), "{what}: {}", run.stderr);
            continue;
        }
        let run = world.backup().expect(0);
        let gone = &source(&run, "forge")["gone"][0];
        assert_eq!(gone["state"], "hidden", "{what}: {gone:#}");
        assert_eq!(gone["removed"], false, "{what}");
        assert!(world.folder("acme#web").join("repo").is_dir(), "{what}");
    }
}

#[test]
fn what_was_moved_to_another_owner_is_there() {
    let (world, _) = missing(|world, web| {
        world.github.change(|state| {
            let eve = state.add_user("eve");
            state.repository_mut(web).owner = eve;
        });
    });
    let run = world.backup().expect(0);
    let gone = &source(&run, "forge")["gone"][0];
    assert_ne!(gone["state"], "deleted", "{gone:#}");
    assert!(world.folder("acme#web").join("repo").is_dir());
}
