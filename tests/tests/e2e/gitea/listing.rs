//! Pages, owners, and what is between two pages.

use super::*;

/// A few repositories, of which each has the same content.
fn several(world: &World, owner: &str, count: usize) -> Vec<u64> {
    let names = (1..=count).map(|number| format!("r{number}"));
    names
        .map(|name| world.gitea.repository(owner, &name))
        .collect()
}

#[test]
fn several_pages_however_the_server_makes_them() {
    for (what, links, totals, hides) in [
        ("as they should be", true, true, false),
        ("without totals", true, false, false),
        ("without links", false, true, false),
        ("without either", false, false, false),
        ("hidden ones left out after cutting", true, true, true),
        ("the same without links", false, true, true),
    ] {
        let world = World::new();
        let ids = several(&world, "acme", 9);
        world.gitea.change(|state| {
            (
                state.page_cap,
                state.links,
                state.totals,
                state.hides_after_cutting,
            ) = (2, links, totals, hides);
            // The third page is empty where it was cut before; without links that cannot be told.
            for id in &ids[4..6] {
                state.repository_mut(*id).hidden = links && hides;
            }
            state.repository_mut(ids[7]).hidden = hides;
        });
        let run = world.backup().expect(0);
        let hidden = match (hides, links) {
            (true, true) => 3,
            (true, false) => 1,
            _ => 0,
        };
        assert_eq!(source(&run, "forge")["listed"], 9 - hidden, "{what}");
        assert_eq!(run.outcome("acme/r9"), "cloned", "{what}");
        let said = notes(&run, "forge");
        assert_eq!(
            said.contains("the server shows"),
            hidden > 0,
            "{what}: {said}"
        );
    }
}

#[test]
fn all_that_the_account_owns_or_is_a_member_of() {
    let world = World::new();
    world.gitea.change(|state| {
        state.add_organisation("beta", world.dev, false);
        let eve = state.add_user("eve");
        state.add_organisation("others", eve, true);
    });
    let own = world.gitea.repository("dev", "own");
    world
        .gitea
        .change(|state| state.repository_mut(own).private = true);
    let web = world.gitea.repository("acme", "web");
    let api = world.gitea.repository("beta", "api");
    world.gitea.repository("others", "public");
    world.configure(&[world.source("*")]);
    let run = world.backup().expect(0);
    assert_eq!(source(&run, "forge")["listed"], 3);
    world.assert_mirrored(own, "dev#own");
    world.assert_mirrored(web, "acme#web");
    world.assert_mirrored(api, "beta#api");
}

#[test]
fn ones_own_user_is_listed_with_what_is_private_and_another_with_what_is_public() {
    let world = World::new();
    let own = world.gitea.repository("dev", "own");
    world.gitea.change(|state| {
        state.add_user("eve");
        state.repository_mut(own).private = true;
    });
    world.gitea.repository("acme", "web");
    let public = world.gitea.repository("eve", "public");
    let secret = world.gitea.repository("eve", "secret");
    world
        .gitea
        .change(|state| state.repository_mut(secret).private = true);
    let mut eve = world.source("eve");
    eve["title"] = "eve".into();
    eve["type"] = "user".into();
    world.configure(&[world.source("dev"), eve]);
    let run = world.backup().expect(0);
    assert_eq!(source(&run, "forge")["listed"], 1);
    world.assert_mirrored(own, "dev#own");
    assert_eq!(source(&run, "eve")["listed"], 1);
    let folder = world.sandbox.backup().join("eve/eve#public/repo");
    compare::assert_mirror(&world.gitea.git_dir(public), &folder);
}

#[test]
fn a_limit_in_mid_listing_is_waited_for() {
    let world = World::new();
    let ids = several(&world, "acme", 5);
    world.gitea.change(|state| {
        state.page_cap = 2;
        state.limit = Limited {
            containing: "repos?page=2".to_owned(),
            times: 2,
        };
    });
    let options = json!({"network": {"retries": 0, "limitWaitMinutes": 1}});
    world.configure_with(&[world.source("acme")], &options);
    let run = world.backup().expect(0);
    assert_eq!(source(&run, "forge")["listed"], 5);
    world.assert_mirrored(ids[4], "acme#r5");
    let asked = world.gitea.requests();
    let of_page = |page: usize| {
        let page = format!("/orgs/acme/repos?page={page}");
        asked
            .iter()
            .filter(|request| request.target.contains(&page))
            .count()
    };
    assert_eq!([of_page(1), of_page(2), of_page(3)], [1, 3, 1]);
}

#[test]
fn a_limit_that_lasts_ends_the_listing_and_nothing_is_gone() {
    let world = World::new();
    several(&world, "acme", 5);
    world.backup().expect(0);
    world.gitea.change(|state| {
        state.page_cap = 2;
        state.limit = Limited {
            containing: "repos?page=2".to_owned(),
            times: 100,
        };
    });
    let run = world.backup().expect(3);
    let said = error(source(&run, "forge"));
    assert!(said.starts_with("rate-limited: "), "{said}");
    assert_eq!(source(&run, "forge")["gone"], json!([]));
}

#[test]
fn a_token_for_chosen_repositories_and_one_without_a_scope() {
    let world = World::new();
    let ids = several(&world, "acme", 3);
    world
        .gitea
        .change(|state| state.tokens[0].repositories = Some(vec![ids[1]]));
    let run = world.backup().expect(0);
    assert_eq!(source(&run, "forge")["listed"], 1);
    world.assert_mirrored(ids[1], "acme#r2");
    world.gitea.change(|state| {
        state.tokens[0].repositories = None;
        state.tokens[0].scopes = vec!["read:repository".to_owned(), "read:user".to_owned()];
    });
    let run = world.backup().expect(3);
    let said = error(source(&run, "forge"));
    assert!(
        said.starts_with("forbidden: ") && said.contains("[read:organization]"),
        "{said}"
    );
    assert!(said.contains("make a token at"), "{said}");
}
