//! Projects and groups that are marked for deletion: still there for some days, renamed, and archived.

use super::*;

const DAY: &str = "2026-11-28";

#[test]
fn a_project_that_is_marked_is_backed_up_into_its_folder_and_the_day_is_told() {
    let world = World::new();
    let web = world.gitlab.project(world.acme, "web");
    world.backup().expect(0);
    world.gitlab.commit(web, "two");
    world.gitlab.change(|state| state.mark(web, DAY));
    let run = world.backup().expect(0);
    let name = format!("acme/web-deletion_scheduled-{web}");
    assert_eq!(run.outcome(&name), "updated");
    world.assert_mirrored(web, &name.replace('/', "#"));
    let said = notes(&run, "lab");
    assert!(
        said.contains(&format!("{name} is marked for deletion since {DAY}")),
        "{said}"
    );
}

#[test]
fn a_group_that_is_marked_is_found_by_its_id_and_the_day_is_told() {
    let world = World::new();
    let web = world.gitlab.project(world.team, "web");
    world.backup().expect(0);
    world.gitlab.commit(web, "two");
    world
        .gitlab
        .change(|state| state.mark_group(world.acme, DAY));
    let run = world.backup().expect(0);
    let name = format!("acme-deletion_scheduled-{}/team/web", world.acme);
    assert_eq!(run.outcome(&name), "updated");
    world.assert_mirrored(web, &name.replace('/', "#"));
    let said = notes(&run, "lab");
    assert!(
        said.contains(&format!(
            "the group acme is marked for deletion since {DAY}"
        )),
        "{said}"
    );
    assert!(!said.contains("change name"), "{said}");
}

#[test]
fn no_filter_leaves_out_a_project_that_is_marked() {
    let world = World::new();
    let web = world.gitlab.project(world.acme, "web");
    let old = world.gitlab.project(world.acme, "old");
    world.gitlab.change(|state| {
        state.mark(web, DAY);
        state.project_mut(old).archived = true;
    });
    let mut without_archived = world.source("acme");
    without_archived["includeArchived"] = false.into();
    world.configure(&[without_archived]);
    let run = world.backup().expect(0);
    let name = format!("acme/web-deletion_scheduled-{web}");
    assert_eq!(run.outcome(&name), "cloned");
    assert!(!world.folder("acme#old").exists());
    let mut by_name = world.source("acme");
    by_name["includeRepos"] = json!(["old"]);
    by_name["ignoreRepos"] = json!(["web*"]);
    world.configure(&[by_name]);
    let run = world.backup().expect(0);
    assert_eq!(run.outcome(&name), "unchanged");
    assert_eq!(run.outcome("acme/old"), "cloned");
}
