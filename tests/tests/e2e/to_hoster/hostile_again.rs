//! What a second reading has found.

use super::*;

#[test]
fn an_archived_repository_is_present_in_a_second_restore() {
    let rescue = Rescue::new();
    let archive = |world: &World| {
        let folder = world.folder("api");
        let file = folder.join("forgekeep.json");
        let text = fs::read(&file).unwrap();
        let mut state: Value = serde_json::from_slice(&text).unwrap();
        state["format"] = 1.into();
        state["archived"] = true.into();
        state.as_object_mut().unwrap().remove("checksum");
        fs::write(file, state.to_string()).unwrap();
    };
    archive(&rescue.world);
    rescue.all().expect(0);
    let is_archived = |name: &str| {
        let id = rescue.id(name);
        rescue.gitea.read(|state| {
            let found = state.repositories.iter().find(|one| one.id == id);
            found.unwrap().archived
        })
    };
    assert!(is_archived("api") && !is_archived("web"));
    rescue.gitea.reset_log();
    let report = document(&rescue.all().expect(0));
    assert_eq!(of(&report, "acme/api")["outcome"], "present", "{report:#}");
    assert_eq!(rescue.writes(), 0);
    // What it lacks comes all the same, and it is archived again.
    git::run(
        &rescue.there("api"),
        &["update-ref", "-d", "refs/heads/main"],
    );
    let report = document(&rescue.all().expect(0));
    assert_eq!(of(&report, "acme/api")["outcome"], "restored", "{report:#}");
    assert!(is_archived("api"));
}

#[test]
fn a_damaged_wiki_is_told() {
    let rescue = Rescue::new();
    let folder = rescue.world.folder("web");
    fs::write(folder.join("wiki/packed-refs"), "damaged").unwrap();
    for file in crate::support::files(&folder.join("snapshots/wiki")) {
        fs::write(file, "damaged").unwrap();
    }
    for arguments in [&["--all", "--json", "--dry-run"][..], &["--all", "--json"]] {
        let report = document(&rescue.restore(arguments).expect(3));
        let wiki = of(&report, "acme/web")["wiki"].clone();
        assert!(
            wiki.as_str().unwrap().starts_with("not restored"),
            "{report:#}"
        );
    }
}

#[test]
fn a_wiki_that_has_grown_is_sent_in_a_second_restore() {
    let rescue = Rescue::new();
    rescue.all().expect(0);
    let web = rescue.world.forge.repository("web").wiki();
    rescue.world.backup().expect(0);
    rescue.all().expect(0);
    let wiki = rescue.gitea.wiki_dir(rescue.id("web"));
    assert_eq!(refs(&wiki), refs(&web.wiki_dir()));
}

#[test]
fn what_is_partial_is_set_up_once() {
    let rescue = Rescue::new();
    rescue
        .gitea
        .change(|state| state.pushes.refused = vec!["refs/heads/side".into()]);
    rescue.all().expect(3);
    let id = rescue.id("web");
    rescue
        .gitea
        .change(|state| state.repository_mut(id).automation = true);
    rescue.all().expect(3);
    assert!(rescue.gitea.read(|state| {
        let found = state.repositories.iter().find(|one| one.id == id);
        found.unwrap().automation
    }));
}

#[test]
fn a_second_loss_goes_on_in_the_same_folder_too() {
    let world = own();
    let again = ["restore", "web", "--to-hoster", "again", "--json"];
    for _ in 0..3 {
        world.forge.repository("web").delete();
        world.forgekeep(&again).run().expect(0);
        world.backup().expect(0);
        let folders = fs::read_dir(world.sandbox.backup().join("acme")).unwrap();
        assert_eq!(folders.count(), 2);
    }
    // Also where no backup ran between two losses.
    for _ in 0..2 {
        world.forge.repository("web").delete();
        world.forgekeep(&again).run().expect(0);
    }
    world.backup().expect(0);
    let folders = fs::read_dir(world.sandbox.backup().join("acme")).unwrap();
    assert_eq!(folders.count(), 2);
    world.assert_mirrored(world.forge.repository("web"));
}

#[test]
fn a_backup_leaves_alone_what_a_drill_has_left() {
    let world = own();
    let mut running = world
        .forgekeep(&["drill", "api", "--to-hoster", "again"])
        .spawn();
    wait_for_note(&world, "\"madeName\"");
    running.kill();
    running.wait();
    world.backup().expect(0);
    let folders = fs::read_dir(world.sandbox.backup().join("acme")).unwrap();
    assert_eq!(folders.count(), 2);
}

#[test]
fn a_drill_tells_a_bad_target_before_it_begins() {
    let rescue = Rescue::new();
    rescue.configure(&json!({ "password": "0000000000000000000000000000000000000000" }));
    let arguments = ["drill", "--to-hoster", "new home"];
    let run = rescue.world.forgekeep(&arguments).run().expect(12);
    assert!(!run.stderr.contains("brought back"), "{}", run.stderr);
    rescue
        .world
        .forgekeep(&["drill", "--to-hoster", "acme"])
        .run()
        .expect(10);
}
