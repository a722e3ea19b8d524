//! What is renamed, moved, hidden, deleted, or another's.

use super::*;

#[test]
fn renamed_repositories_projects_and_organisations_keep_their_history() {
    let world = World::new();
    let web = world.azure.repository("shop", "web");
    world.backup().expect(0);
    world
        .azure
        .change(|state| state.repository_mut(&web).name = "site".to_owned());
    world.azure.commit(&web, "two");
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/shop/site"), "updated");
    world.assert_mirrored(&web, "acme#shop#site");
    world
        .azure
        .change(|state| state.project_mut("shop").name = "store".to_owned());
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/store/site"), "unchanged");
    world
        .azure
        .change(|state| state.organisations[0].name = "acme-inc".to_owned());
    world.configure(&[world.source("acme-inc")]);
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme-inc/store/site"), "unchanged");
    world.assert_mirrored(&web, "acme-inc#store#site");
}

#[test]
fn an_organisation_whose_name_a_stranger_has_taken_stops_the_source() {
    let world = World::new();
    let web = world.azure.repository("shop", "web");
    world.backup().expect(0);
    world.azure.change(|state| {
        state.organisations[0].name = "acme-inc".to_owned();
        state.add_organisation("acme");
        state.add_project("other");
    });
    world.azure.repository("other", "web");
    let run = world.backup().expect(3);
    let said = error(source(&run, "forge"));
    assert!(said.contains("acme is another owner than before"), "{said}");
    assert_eq!(source(&run, "forge")["gone"], json!([]));
    world.assert_mirrored(&web, "acme#shop#web");
    assert!(!world.folder("acme#other#web").exists());
}

/// A backup whose `web` is listed no more, after its grace period; the repository that is still there.
pub fn missing(take_away: impl FnOnce(&World, &str)) -> (World, String) {
    let world = World::new();
    let web = world.azure.repository("shop", "web");
    let api = world.azure.repository("shop", "api");
    world.azure.repository("tools", "cli");
    let options = json!({"backup": {"removeDeletedRepos": true, "deletedGraceDays": 30}});
    world.configure_with(&[world.source("acme")], &options);
    world.backup().expect(0);
    take_away(&world, &web);
    world.backup().expect(0);
    crate::identity::backdate(&world.folder("acme#shop#web"));
    (world, api)
}

#[test]
fn what_is_in_the_recycle_bin_goes_to_the_trash() {
    let (world, api) = missing(|world, web| {
        world
            .azure
            .change(|state| state.repository_mut(web).deleted = true);
    });
    let run = world.backup().expect(0);
    let gone = &source(&run, "forge")["gone"][0];
    assert_eq!(gone["state"], "deleted", "{gone:#}");
    assert_eq!(gone["trashed"], true, "{gone:#}");
    assert!(!world.folder("acme#shop#web").exists());
    let trash = world.sandbox.backup().join(".forgekeep/trash");
    assert_eq!(fs::read_dir(trash).unwrap().count(), 1);
    world.assert_mirrored(&api, "acme#shop#api");
}

#[test]
fn what_no_recycle_bin_has_is_hidden_and_kept() {
    type Change = fn(&World, &str);
    let changes: [(&str, Change); 2] = [
        ("a right was taken away", |world, web| {
            world
                .azure
                .change(|state| state.repository_mut(web).hidden = true);
        }),
        ("gone from the recycle bin too", |world, web| {
            world
                .azure
                .change(|state| state.repositories.retain(|one| one.id != web));
        }),
    ];
    for (what, take_away) in changes {
        let (world, _) = missing(take_away);
        let run = world.backup().expect(0);
        let gone = &source(&run, "forge")["gone"][0];
        assert_eq!(gone["state"], "hidden", "{what}: {gone:#}");
        assert_eq!(gone["removed"], false, "{what}");
        assert!(
            world.folder("acme#shop#web").join("repo").is_dir(),
            "{what}"
        );
    }
}

#[test]
fn a_project_that_is_hidden_or_deleted_is_told_once_and_kept() {
    let world = World::new();
    let web = world.azure.repository("shop", "web");
    world.azure.repository("shop", "api");
    world.azure.repository("tools", "cli");
    world.azure.repository("tools", "lib");
    world.backup().expect(0);
    world
        .azure
        .change(|state| state.project_mut("shop").hidden = true);
    let run = world.backup().expect(0);
    let said = notes(&run, "forge");
    assert_eq!(
        said.matches("nothing of acme/shop is listed any longer")
            .count(),
        1,
        "{said}"
    );
    assert_eq!(source(&run, "forge")["gone"], json!([]));
    world.assert_mirrored(&web, "acme#shop#web");
}
