//! Wikis of groups, and snippets.

use super::*;

#[test]
fn wikis_of_groups_that_have_pages_are_repositories_of_their_own() {
    let world = World::new();
    world.gitlab.project(world.acme, "web");
    world.gitlab.group_wiki(world.acme, Wiki::Pages);
    world.gitlab.group_wiki(world.team, Wiki::Empty);
    let (deep, denied) = world.gitlab.change(|state| {
        state.page_cap = 1;
        let deep = state.add_group("deep", Some(world.team));
        (deep, state.add_group("denied", Some(world.team)))
    });
    world.gitlab.group_wiki(deep, Wiki::Pages);
    world.gitlab.group_wiki(denied, Wiki::Denied);
    for name in ["acme", "*"] {
        let mut of_name = world.source(name);
        of_name["title"] = if name == "*" { "all" } else { "lab" }.into();
        world.configure(&[of_name]);
        let run = world.backup().expect(0);
        let title = if name == "*" { "all" } else { "lab" };
        assert_eq!(source(&run, title)["listed"], 3, "{name}");
        for (id, folder) in [(world.acme, "acme#-#wiki"), (deep, "acme#team#deep#-#wiki")] {
            let mirror = world.sandbox.backup().join(title).join(folder).join("repo");
            compare::assert_mirror(&world.gitlab.group_wiki_dir(id), &mirror);
        }
    }
}

#[test]
fn where_the_plan_has_no_wikis_of_groups_none_is_asked_for() {
    let world = World::new();
    world.gitlab.project(world.acme, "web");
    world.gitlab.change(|state| state.premium = false);
    world.backup().expect(0);
    assert_eq!(world.asked("/wikis") + world.asked("descendant_groups"), 0);
}

#[test]
fn personal_snippets_are_backed_up_on_request_and_those_of_projects_told() {
    let world = World::new();
    let own = world.gitlab.project(world.dev, "own");
    let snippet = world.gitlab.snippet(world.dev, None);
    world.gitlab.snippet(world.dev, Some(own));
    world.configure(&[world.source("dev")]);
    assert_eq!(source(&world.backup().expect(0), "lab")["listed"], 1);
    let mut with_snippets = world.source("dev");
    with_snippets["includeSnippets"] = true.into();
    world.configure(&[with_snippets.clone()]);
    let run = world.backup().expect(0);
    assert_eq!(run.outcome(&format!("-/snippets/{snippet}")), "cloned");
    let mirror = world.folder(&format!("-#snippets#{snippet}")).join("repo");
    compare::assert_mirror(&world.gitlab.snippet_dir(snippet), &mirror);
    let said = notes(&run, "lab");
    assert!(
        said.contains("snippets of projects are not backed up: 1 of them"),
        "{said}"
    );
    with_snippets["name"] = "*".into();
    with_snippets["title"] = "all".into();
    world.configure(&[with_snippets]);
    // Known by its id, whatever the source is called.
    let run = world.backup().expect(0);
    assert_eq!(run.outcome(&format!("-/snippets/{snippet}")), "unchanged");
}
