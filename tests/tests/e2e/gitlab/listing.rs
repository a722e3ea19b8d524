//! Pages, owners, and what is between two pages.

use super::*;

fn several(world: &World, namespace: u64, count: usize) -> Vec<u64> {
    let names = (1..=count).map(|number| format!("r{number}"));
    names
        .map(|name| world.gitlab.project(namespace, &name))
        .collect()
}

#[test]
fn several_pages_of_a_group_whatever_address_the_links_have() {
    let world = World::new();
    let ids = several(&world, world.acme, 5);
    let last = world.gitlab.project(world.team, "last");
    world.gitlab.change(|state| {
        state.page_cap = 2;
        state.project_mut(ids[1]).archived = true;
    });
    let run = world.backup().expect(0);
    assert_eq!(source(&run, "lab")["listed"], 6);
    world.assert_mirrored(ids[1], "acme#r2");
    world.assert_mirrored(last, "acme#team#last");
    // In the order of ids, without what is shared with the group.
    let of_group = format!(
        "/groups/{}/projects?include_subgroups=true&with_shared=false",
        world.acme
    );
    assert_eq!(world.asked(&of_group), 4);
    assert_eq!(world.asked("order_by=id&sort=asc"), 5);
}

#[test]
fn older_servers_that_leave_out_archived_ones_are_asked_for_them() {
    let world = World::new();
    let web = world.gitlab.project(world.acme, "web");
    world.gitlab.change(|state| {
        state.hides_archived = true;
        state.project_mut(web).archived = true;
    });
    assert_eq!(world.backup().expect(0).outcome("acme/web"), "cloned");
}

#[test]
fn what_is_shared_with_a_group_belongs_to_another() {
    let world = World::new();
    let web = world.gitlab.project(world.acme, "web");
    let others = world.gitlab.change(|state| state.add_group("others", None));
    let foreign = world.gitlab.project(others, "foreign");
    world
        .gitlab
        .change(|state| state.project_mut(foreign).shared_with.push(world.acme));
    let run = world.backup().expect(0);
    assert_eq!(source(&run, "lab")["listed"], 1);
    world.assert_mirrored(web, "acme#web");
}

#[test]
fn all_that_the_account_is_a_member_of_by_keyset_and_without_it() {
    for keyset in [true, false] {
        let world = World::new();
        world.gitlab.change(|state| {
            (state.page_cap, state.keyset) = (1, keyset);
            state.add_group("public", None);
        });
        let own = world.gitlab.project(world.dev, "own");
        let web = world.gitlab.project(world.acme, "web");
        let deep = world.gitlab.project(world.team, "deep");
        let public = world
            .gitlab
            .read(|state| state.namespaces.last().unwrap().id);
        world.gitlab.project(public, "none-of-ours");
        world.gitlab.change(|state| {
            state.project_mut(own).visibility = "private".to_owned();
            state.project_mut(web).archived = true;
        });
        world.configure(&[world.source("*")]);
        let run = world.backup().expect(0);
        assert_eq!(source(&run, "lab")["listed"], 3, "keyset: {keyset}");
        world.assert_mirrored(own, "dev#own");
        world.assert_mirrored(web, "acme#web");
        world.assert_mirrored(deep, "acme#team#deep");
        assert_eq!(world.asked("id_after="), if keyset { 3 } else { 0 });
        let owners = source(&run, "lab")["owners"].as_array().unwrap().clone();
        let owners: Vec<_> = owners.iter().map(|owner| &owner["name"]).collect();
        assert_eq!(owners, ["acme", "acme/team", "dev"]);
    }
}

#[test]
fn a_user_is_listed_by_keyset_with_what_is_private_of_ones_own() {
    let world = World::new();
    let own = world.gitlab.project(world.dev, "own");
    let eve = world.gitlab.change(|state| {
        state.page_cap = 1;
        state.project_mut(own).visibility = "private".to_owned();
        state.add_user("eve")
    });
    let old = world.gitlab.project(world.dev, "old");
    let public = world.gitlab.project(eve, "public");
    let secret = world.gitlab.project(eve, "secret");
    world.gitlab.change(|state| {
        state.project_mut(old).archived = true;
        state.project_mut(secret).visibility = "private".to_owned();
    });
    let mut of_eve = world.source("eve");
    of_eve["title"] = "eve".into();
    of_eve["type"] = "user".into();
    world.configure(&[world.source("dev"), of_eve]);
    let run = world.backup().expect(0);
    assert_eq!(source(&run, "lab")["listed"], 2);
    world.assert_mirrored(own, "dev#own");
    world.assert_mirrored(old, "dev#old");
    assert_eq!(source(&run, "eve")["listed"], 1);
    let folder = world.sandbox.backup().join("eve/eve#public/repo");
    compare::assert_mirror(&world.gitlab.git_dir(public), &folder);
}

#[test]
fn a_subgroup_alone_and_a_group_whose_path_is_a_number() {
    let world = World::new();
    world.gitlab.project(world.acme, "web");
    let deep = world.gitlab.project(world.team, "deep");
    world.configure(&[world.source("acme/team")]);
    let run = world.backup().expect(0);
    assert_eq!(source(&run, "lab")["listed"], 1);
    world.assert_mirrored(deep, "acme#team#deep");
    // Its path is the id of another group.
    let path = world.acme.to_string();
    let number = world.gitlab.change(|state| state.add_group(&path, None));
    let ours = world.gitlab.project(number, "ours");
    let mut by_number = world.source(&path);
    by_number["type"] = "group".into();
    by_number["title"] = "number".into();
    world.configure(&[by_number]);
    let run = world.backup().expect(0);
    assert_eq!(source(&run, "number")["listed"], 1);
    let folder = world
        .sandbox
        .backup()
        .join(format!("number/{path}#ours/repo"));
    compare::assert_mirror(&world.gitlab.git_dir(ours), &folder);
}

#[test]
fn a_deletion_in_the_midst_of_a_listing_hides_none() {
    let world = World::new();
    let ids = several(&world, world.acme, 5);
    world.gitlab.change(|state| state.page_cap = 2);
    world.backup().expect(0);
    // The third one moves to the first page once that was read.
    world.gitlab.change(|state| {
        let first = format!("/groups/{}/projects?", world.acme);
        let deletion = Disturbance::Deletes(ids[0]);
        state.disturbances.push((first, deletion));
    });
    world.gitlab.commit(ids[2], "two");
    // It is gone between its listing and its turn.
    let run = world.backup().expect(3);
    assert_eq!(run.outcome("acme/r1"), "failed");
    assert_eq!(run.outcome("acme/r3"), "updated");
    world.assert_mirrored(ids[2], "acme#r3");
    assert_eq!(world.asked(&format!("/projects/{}", ids[2])), 1);
    // The next run asks for the one that is gone, and the one after it for none.
    for times in [1, 0] {
        world.gitlab.reset_log();
        world.backup().expect(0);
        assert_eq!(world.asked("/api/v4/projects/"), times);
    }
}

#[test]
fn a_limit_in_mid_listing_is_waited_for() {
    let world = World::new();
    let ids = several(&world, world.acme, 5);
    world.gitlab.change(|state| {
        state.page_cap = 2;
        let second = "per_page=100".to_owned();
        state
            .disturbances
            .push((format!("page=2&{second}"), Disturbance::Limited(2)));
    });
    let options = json!({"network": {"retries": 0, "limitWaitMinutes": 1}});
    world.configure_with(&[world.source("acme")], &options);
    let run = world.backup().expect(0);
    assert_eq!(source(&run, "lab")["listed"], 5);
    world.assert_mirrored(ids[4], "acme#r5");
    let asked =
        |page: usize| world.asked(&format!("archived=false&order_by=id&sort=asc&page={page}&"));
    assert_eq!([asked(1), asked(2), asked(3)], [1, 3, 1]);
}

#[test]
fn a_limit_that_lasts_ends_the_listing_and_nothing_is_gone() {
    let world = World::new();
    several(&world, world.acme, 5);
    world.backup().expect(0);
    world.gitlab.change(|state| {
        state.page_cap = 2;
        let second = ("page=2&".to_owned(), Disturbance::Limited(100));
        state.disturbances.push(second);
    });
    let run = world.backup().expect(3);
    let said = error(source(&run, "lab"));
    assert!(said.starts_with("rate-limited: "), "{said}");
    assert_eq!(source(&run, "lab")["gone"], json!([]));
}

#[test]
fn an_import_that_has_failed_is_told() {
    let world = World::new();
    let web = world.gitlab.project(world.acme, "web");
    world
        .gitlab
        .change(|state| state.project_mut(web).import = "failed".to_owned());
    let run = world.backup().expect(0);
    let said = notes(&run, "lab");
    assert!(
        said.contains("acme/web may not be whole: its import at GitLab is failed"),
        "{said}"
    );
}

#[test]
fn a_source_as_scm_backup_has_it_works_with_the_same_folders() {
    let world = World::new();
    let web = world.gitlab.project(world.acme, "web");
    let deep = world.gitlab.project(world.team, "deep");
    world.gitlab.wiki(deep, Wiki::Pages);
    for kind in ["group", "org"] {
        let mut source = world.source("acme");
        source["type"] = kind.into();
        source["authName"] = "acme".into();
        world.configure(&[source]);
        world.backup().expect(0);
        world.assert_mirrored(web, "acme#web");
        world.assert_mirrored(deep, "acme#team#deep");
        let wiki = world.folder("acme#team#deep").join("wiki");
        compare::assert_mirror(&world.gitlab.wiki_dir(deep), &wiki);
    }
}

#[test]
fn two_sources_of_which_one_is_in_the_other_are_refused() {
    let world = World::new();
    world.gitlab.project(world.team, "deep");
    for (outer, inner) in [("acme", "acme/team"), ("*", "acme")] {
        let mut below = world.source(inner);
        below["title"] = "below".into();
        world.configure(&[world.source(outer), below]);
        world.backup().expect(10);
    }
    assert!(world.gitlab.requests().is_empty());
}
