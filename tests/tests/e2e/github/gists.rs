//! Gists: repositories of their own, on request.

use super::*;

const OWN: &str = "aa5a315d61ae9438b18d";
const SECRET: &str = "bb5a315d61ae9438b18d";
const OTHERS: &str = "1";

fn world() -> World {
    let world = World::new();
    let web = world.github.repository("dev", "web");
    world.make_private(web);
    world.github.change(|state| state.add_user("eve"));
    world.github.gist("dev", OWN, true);
    world.github.gist("dev", SECRET, false);
    world.github.gist("eve", OTHERS, true);
    world.github.change(|state| {
        for gist in &mut state.gists {
            gist.starred_by.push(world.dev);
        }
    });
    world
}

#[test]
fn gists_are_repositories_of_their_own_where_they_are_asked_for() {
    let world = world();
    world.configure(&[world.source("dev")]);
    let run = world.backup().expect(0);
    assert_eq!(source(&run, "forge")["listed"], 1);
    let mut with_gists = world.source("dev");
    with_gists["includeGists"] = true.into();
    world.configure(&[with_gists.clone()]);
    let run = world.backup().expect(0);
    assert_eq!(source(&run, "forge")["listed"], 3);
    for id in [OWN, SECRET] {
        let mirror = world.folder(&format!("dev#gists#{id}")).join("repo");
        compare::assert_mirror(&world.github.gist_dir(id), &mirror);
    }
    with_gists["includeStarred"] = true.into();
    world.configure(&[with_gists]);
    let run = world.backup().expect(0);
    // One's own starred ones are there once.
    assert_eq!(source(&run, "forge")["listed"], 4);
    let mirror = world.folder(&format!("eve#gists#{OTHERS}")).join("repo");
    compare::assert_mirror(&world.github.gist_dir(OTHERS), &mirror);
}

#[test]
fn another_users_public_gists_are_listed() {
    let world = world();
    let mut eve = world.source("eve");
    eve["includeGists"] = true.into();
    world.configure(&[eve]);
    let run = world.backup().expect(0);
    assert_eq!(source(&run, "forge")["listed"], 1);
    assert_eq!(run.outcome(&format!("eve/gists/{OTHERS}")), "cloned");
}

#[test]
fn gists_that_cannot_be_listed_do_not_end_the_listing() {
    let world = world();
    let mut with_gists = world.source("dev");
    with_gists["includeGists"] = true.into();
    world.configure(&[with_gists]);
    world.github.change(|state| state.gists_are_down = true);
    let run = world.backup().expect(3);
    assert_eq!(run.outcome("dev/web"), "cloned");
    let said = notes(&run, "forge");
    assert!(
        said.contains("beside repositories is not backed up"),
        "{said}"
    );
}

#[test]
fn a_gist_that_is_gone_is_never_called_deleted() {
    let world = world();
    world.github.repository("dev", "api");
    let mut with_gists = world.source("dev");
    with_gists["includeGists"] = true.into();
    let options = json!({"backup": {"removeDeletedRepos": true, "deletedGraceDays": 30}});
    world.configure_with(&[with_gists], &options);
    world.backup().expect(0);
    world
        .github
        .change(|state| state.gists.retain(|gist| gist.id != SECRET));
    world.backup().expect(0);
    let folder = world.folder(&format!("dev#gists#{SECRET}"));
    crate::identity::backdate(&folder);
    let run = world.backup().expect(0);
    let gone = &source(&run, "forge")["gone"][0];
    assert_eq!(gone["state"], "hidden", "{gone:#}");
    assert!(folder.join("repo").is_dir());
}
