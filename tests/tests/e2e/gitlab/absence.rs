//! What is renamed, moved, hidden, deleted, or another's.

use std::fs;

use super::*;

#[test]
fn a_renamed_project_and_a_renamed_group_keep_their_history() {
    let world = World::new();
    let web = world.gitlab.project(world.acme, "web");
    world.backup().expect(0);
    world.gitlab.change(|state| {
        let web = state.project_mut(web);
        web.path = "site".to_owned();
        web.namespace = world.team;
    });
    world.gitlab.commit(web, "two");
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/team/site"), "updated");
    world.assert_mirrored(web, "acme#team#site");
    world
        .gitlab
        .change(|state| state.namespace_mut(world.acme).path = "acme-inc".to_owned());
    // The old path answers 404: it is found by its id.
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme-inc/team/site"), "unchanged");
    let said = notes(&run, "lab");
    assert!(said.contains("acme is called acme-inc now"), "{said}");
    world.configure(&[world.source("acme-inc")]);
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme-inc/team/site"), "unchanged");
    world.assert_mirrored(web, "acme-inc#team#site");
}

#[test]
fn a_name_that_a_stranger_has_taken_stops_the_source() {
    let world = World::new();
    let web = world.gitlab.project(world.acme, "web");
    world.backup().expect(0);
    let stranger = world.gitlab.change(|state| {
        state.namespace_mut(world.acme).path = "acme-inc".to_owned();
        state.add_group("acme", None)
    });
    world.gitlab.project(stranger, "web");
    let run = world.backup().expect(3);
    let said = error(source(&run, "lab"));
    assert!(said.contains("acme is another owner than before"), "{said}");
    assert_eq!(source(&run, "lab")["gone"], json!([]));
    world.assert_mirrored(web, "acme#web");
}

/// A backup of a source whose `web` is listed no more, after its grace period.
fn missing(name: &str, take_away: impl FnOnce(&World, u64)) -> World {
    let world = World::new();
    let web = world.gitlab.project(world.team, "web");
    world.gitlab.project(world.acme, "api");
    world.gitlab.project(world.team, "other");
    let options = json!({"backup": {"removeDeletedRepos": true, "deletedGraceDays": 30}});
    world.configure_with(&[world.source(name)], &options);
    world.backup().expect(0);
    take_away(&world, web);
    world.backup().expect(0);
    crate::identity::backdate(&world.folder("acme#team#web"));
    world
}

#[test]
fn a_deletion_that_is_proved_goes_to_the_trash() {
    for name in ["acme", "acme/team", "*"] {
        let world = missing(name, |world, web| {
            world.gitlab.change(|state| state.delete(web))
        });
        let run = world.backup().expect(0);
        let gone = &source(&run, "lab")["gone"][0];
        assert_eq!(gone["state"], "deleted", "{name}: {gone:#}");
        assert_eq!(gone["trashed"], true, "{name}: {gone:#}");
        assert!(!world.folder("acme#team#web").exists());
        let trash = world.sandbox.backup().join(".forgekeep/trash");
        assert_eq!(fs::read_dir(trash).unwrap().count(), 1);
    }
}

#[test]
fn what_is_not_proved_is_hidden_and_kept() {
    type Change = fn(&World, u64);
    let changes: [(&str, Change); 6] = [
        ("a maintainer", |world, web| {
            world.gitlab.change(|state| {
                state.delete(web);
                state.namespace_mut(world.acme).members[0].1 = 40;
            });
        }),
        ("owner of the subgroup alone", |world, web| {
            world.gitlab.change(|state| {
                state.delete(web);
                let members = std::mem::take(&mut state.namespace_mut(world.acme).members);
                state.namespace_mut(world.team).members = members;
            });
        }),
        ("a fine-grained token", |world, web| {
            world.gitlab.change(|state| {
                state.delete(web);
                // The look-alike lets it read all the same.
                state.tokens[0].scopes = vec!["granular".to_owned(), "read_repository".to_owned()];
                state.reads_without_scope = true;
            });
        }),
        ("a token of OAuth", |world, web| {
            world.gitlab.change(|state| {
                state.delete(web);
                state.tells_tokens = false;
            });
        }),
        ("a policy service", |world, web| {
            world.gitlab.change(|state| {
                state.delete(web);
                state.projects[0].label = Some("secret".to_owned());
            });
        }),
        ("a right that was taken away", |world, web| {
            world.gitlab.change(|state| {
                state.project_mut(web).hidden = true;
                state.namespace_mut(world.acme).members[0].1 = 30;
            });
        }),
    ];
    for (what, take_away) in changes {
        let world = missing("acme", take_away);
        let run = world.backup().expect(0);
        let gone = &source(&run, "lab")["gone"][0];
        assert_eq!(gone["state"], "hidden", "{what}: {gone:#}");
        assert_eq!(gone["removed"], false, "{what}");
        assert!(
            world.folder("acme#team#web").join("repo").is_dir(),
            "{what}"
        );
    }
}

#[test]
fn a_project_that_was_moved_out_of_the_group_is_kept() {
    let world = missing("acme", |world, web| {
        world
            .gitlab
            .change(|state| state.project_mut(web).namespace = world.dev);
    });
    let run = world.backup().expect(0);
    let gone = &source(&run, "lab")["gone"][0];
    assert_eq!(gone["removed"], false, "{gone:#}");
    let said = notes(&run, "lab");
    assert!(
        said.contains("the hoster still has it, as dev/web"),
        "{said}"
    );
}

#[test]
fn a_group_that_shows_nothing_any_more_is_told_and_nothing_is_gone() {
    let world = World::new();
    let web = world.gitlab.project(world.acme, "web");
    world.backup().expect(0);
    world
        .gitlab
        .change(|state| state.project_mut(web).hidden = true);
    let run = world.backup().expect(3);
    let said = notes(&run, "lab");
    assert!(said.contains("no repository of acme is visible"), "{said}");
    assert!(world.folder("acme#web").join("repo").is_dir());
}
