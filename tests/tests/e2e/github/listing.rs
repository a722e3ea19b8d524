//! Pages, owners, limits, and what organisations refuse.

use super::*;

/// A few repositories.
fn several(world: &World, owner: &str, count: usize) -> Vec<u64> {
    let names = (1..=count).map(|number| format!("r{number}"));
    names
        .map(|name| world.github.repository(owner, &name))
        .collect()
}

#[test]
fn several_pages_are_listed_to_their_end() {
    let world = World::new();
    let ids = several(&world, "acme", 5);
    world.github.change(|state| state.page_cap = 2);
    let run = world.backup().expect(0);
    assert_eq!(source(&run, "forge")["listed"], 5);
    world.assert_mirrored(ids[4], "acme#r5");
    let all = world.github.requests();
    let pages = all
        .iter()
        .filter(|request| request.target.contains("/orgs/acme/repos?"));
    assert_eq!(pages.count(), 3);
}

#[test]
fn all_that_the_account_sees_each_organisation_for_itself() {
    let world = World::new();
    world.github.change(|state| {
        state.add_organisation("beta", world.dev, false);
        let eve = state.add_user("eve");
        state.add_organisation("others", eve, true);
    });
    let own = world.github.repository("dev", "own");
    let internal = world.github.repository("acme", "internal");
    let api = world.github.repository("beta", "api");
    world.github.repository("others", "public");
    world.make_private(own);
    // Left out of what the account works on; the organisation's own listing has it.
    world
        .github
        .change(|state| state.repository_mut(internal).visibility = "internal".to_owned());
    world.configure(&[world.source("*")]);
    let run = world.backup().expect(0);
    assert_eq!(source(&run, "forge")["listed"], 3);
    world.assert_mirrored(own, "dev#own");
    world.assert_mirrored(internal, "acme#internal");
    world.assert_mirrored(api, "beta#api");
}

#[test]
fn an_organisation_that_refuses_the_token_costs_itself_alone() {
    let world = World::new();
    let beta = world
        .github
        .change(|state| state.add_organisation("beta", world.dev, false));
    let web = world.github.repository("acme", "web");
    let api = world.github.repository("beta", "api");
    world.configure(&[world.source("*")]);
    world.backup().expect(0);
    let policy = "`beta` forbids access via a personal access token (classic).";
    world
        .github
        .change(|state| state.account_mut(beta).policy = Some(policy.to_owned()));
    world.github.commit(web, "two");
    let run = world.backup().expect(3);
    assert_eq!(run.outcome("acme/web"), "updated");
    let said = report(&run).to_string();
    assert!(
        said.contains("beta ") && said.contains("forbids access"),
        "{said}"
    );
    assert_eq!(source(&run, "forge")["gone"], json!([]));
    world.assert_mirrored(api, "beta#api");
}

#[test]
fn single_sign_on_leaves_nothing_out_in_silence() {
    let world = World::new();
    let beta = world
        .github
        .change(|state| state.add_organisation("beta", world.dev, false));
    let web = world.github.repository("acme", "web");
    world.github.repository("beta", "api");
    world.github.change(|state| {
        state.account_mut(beta).single_sign_on = true;
        state.tokens[0].authorised = false;
        state.page_cap = 1;
    });
    world.github.repository("dev", "own");
    world.github.repository("dev", "other");
    world.configure(&[world.source("*")]);
    let run = world.backup().expect(3);
    world.assert_mirrored(web, "acme#web");
    let said = report(&run).to_string();
    let told = said.matches(&format!("ids {beta}")).count();
    assert_eq!(told, 1, "{said}");
    assert!(said.contains("single sign-on"), "{said}");
    // By its name, the answer says where to go.
    world.configure(&[world.source("beta")]);
    let run = world.backup().expect(3);
    let said = error(source(&run, "forge"));
    assert!(
        said.contains("https://github.com/orgs/beta/sso?authorization_request="),
        "{said}"
    );
}

#[test]
fn ones_own_user_is_listed_with_what_is_private_and_another_with_what_is_public() {
    let world = World::new();
    let own = world.github.repository("dev", "own");
    world.make_private(own);
    world.github.change(|state| state.add_user("eve"));
    world.github.repository("acme", "web");
    let public = world.github.repository("eve", "public");
    let secret = world.github.repository("eve", "secret");
    world.make_private(secret);
    let mut eve = world.source("eve");
    eve["title"] = "eve".into();
    eve["type"] = "user".into();
    world.configure(&[world.source("dev"), eve]);
    let run = world.backup().expect(0);
    assert_eq!(source(&run, "forge")["listed"], 1);
    world.assert_mirrored(own, "dev#own");
    assert_eq!(source(&run, "eve")["listed"], 1);
    let folder = world.sandbox.backup().join("eve/eve#public/repo");
    compare::assert_mirror(&world.github.git_dir(public), &folder);
}

#[test]
fn a_limit_in_mid_listing_is_waited_for_whichever_it_is() {
    for told in [Told::Primary, Told::Secondary] {
        let world = World::new();
        let ids = several(&world, "acme", 5);
        world.github.change(|state| {
            state.page_cap = 2;
            state.limit = Limited {
                containing: "&page=2".to_owned(),
                times: 2,
                told,
            };
        });
        let options = json!({"network": {"retries": 0, "limitWaitMinutes": 1}});
        world.configure_with(&[world.source("acme")], &options);
        let run = world.backup().expect(0);
        assert_eq!(source(&run, "forge")["listed"], 5, "{told:?}");
        world.assert_mirrored(ids[4], "acme#r5");
        let asked = world.github.requests();
        let is_page = |page: usize, target: &str| match page {
            1 => target.contains("/orgs/acme/repos?") && !target.contains("&page="),
            _ => target.contains(&format!("&page={page}")),
        };
        let of_page = |page: usize| {
            let all = asked.iter();
            all.filter(|request| is_page(page, &request.target)).count()
        };
        assert_eq!([of_page(1), of_page(2), of_page(3)], [1, 3, 1], "{told:?}");
    }
}

#[test]
fn a_limit_that_lasts_is_told_from_a_refusal_and_nothing_is_gone() {
    for told in [Told::Primary, Told::Secondary, Told::Bare] {
        let world = World::new();
        several(&world, "acme", 5);
        world.backup().expect(0);
        world.github.change(|state| {
            state.page_cap = 2;
            state.limit = Limited {
                containing: "&page=2".to_owned(),
                times: 100,
                told,
            };
        });
        let run = world.backup().expect(3);
        let said = error(source(&run, "forge"));
        assert!(said.starts_with("rate-limited: "), "{told:?}: {said}");
        assert_eq!(source(&run, "forge")["gone"], json!([]));
    }
}
