//! Repositories that git is not asked for, since the listing proves that nothing has changed.

use super::*;

/// Long enough by GitHub's clock that each time of a push is settled.
const LATER: i64 = 3600;

fn asked(world: &World) -> Vec<String> {
    let requests = world.github.requests().into_iter();
    let of_git = requests.filter(|request| request.target.contains("/info/refs"));
    let mut names: Vec<_> = of_git
        .map(|request| request.target.split(".git").next().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn what_was_not_pushed_to_is_not_asked_for_but_its_wiki_is() {
    let world = World::new();
    let web = world.github.repository("acme", "web");
    let api = world.github.repository("acme", "api");
    world.github.wiki(api);
    world.github.change(|state| state.ahead = LATER);
    world.backup().expect(0);
    world.github.reset_log();
    let run = world.backup().expect(0);
    assert_eq!(asked(&world), ["/acme/api.wiki"]);
    assert_eq!(
        run.repository("acme/web")["proof"],
        "listing",
        "{:#}",
        run.repository("acme/web")
    );
    // A page of the wiki moves nothing, a push does.
    world.github.wiki(api);
    world.github.commit(web, "two");
    world.github.reset_log();
    let run = world.backup().expect(0);
    assert_eq!(asked(&world), ["/acme/api.wiki", "/acme/web"]);
    assert_eq!(run.outcome("acme/web"), "updated");
    assert_eq!(run.repository("acme/api")["wiki"]["outcome"], "updated");
    world.assert_mirrored(web, "acme#web");
}

#[test]
fn a_push_that_is_not_settled_and_another_default_branch_are_asked_for() {
    let world = World::new();
    let web = world.github.repository("acme", "web");
    world.backup().expect(0);
    world.github.reset_log();
    world.backup().expect(0);
    assert_eq!(asked(&world), ["/acme/web"]);
    world.github.change(|state| state.ahead = LATER);
    world.backup().expect(0);
    world.github.reset_log();
    world.backup().expect(0);
    assert_eq!(asked(&world), [""; 0]);
    world
        .github
        .change(|state| state.repository_mut(web).default_branch = "trunk".to_owned());
    world.backup().expect(0);
    assert_eq!(asked(&world), ["/acme/web"]);
}
