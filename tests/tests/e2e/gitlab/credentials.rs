//! Tokens: which there are, what they lack, and when they end.

use super::*;

const OAUTH: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

#[test]
fn a_token_of_oauth_goes_as_bearer_and_beside_its_user_name() {
    let world = World::new();
    let web = world.gitlab.project(world.acme, "web");
    world.gitlab.change(|state| {
        state.project_mut(web).visibility = "private".to_owned();
        state.tokens[0].secret = OAUTH.to_owned();
        state.tokens[0].is_oauth = true;
    });
    let mut by_oauth = world.source("acme");
    by_oauth["password"] = OAUTH.into();
    world.configure(&[by_oauth]);
    world.backup().expect(0);
    world.assert_mirrored(web, "acme#web");
    let run = world.check().expect(0);
    assert!(run.stdout.contains("access token of dev"), "{}", run.stdout);
}

#[test]
fn a_token_that_is_refused_ends_with_12_and_is_sent_once() {
    let world = World::new();
    world.gitlab.project(world.acme, "web");
    let mut refused = world.source("acme");
    refused["password"] = "glpat-nonsense".into();
    world.configure(&[refused]);
    let run = world.backup().expect(12);
    let said = error(source(&run, "lab"));
    assert!(said.starts_with("credentials: "), "{said}");
    assert!(
        said.contains("/-/user_settings/personal_access_tokens"),
        "{said}"
    );
    // Failed logins lock an address out.
    assert_eq!(world.gitlab.requests().len(), 1);
}

#[test]
fn a_token_that_ends_in_mid_run_fails_what_is_left() {
    let world = World::new();
    for number in 1..=4 {
        world.gitlab.project(world.acme, &format!("r{number}"));
    }
    world.gitlab.change(|state| state.ends_after_listing = true);
    let run = world.backup();
    assert_ne!(run.code, Some(0), "{}", run.stderr);
    let said = report(&run).to_string();
    assert!(said.contains("credentials"), "{said}");
}

#[test]
fn a_scope_that_is_missing_is_told_before_anything_is_cloned() {
    let world = World::new();
    world.gitlab.project(world.acme, "web");
    for (scopes, missing) in [
        (
            vec!["read_api"],
            "the token lacks the scope read_repository",
        ),
        (vec!["read_repository"], "insufficient_scope"),
    ] {
        let scopes = scopes.into_iter().map(str::to_owned).collect();
        world.gitlab.change(|state| state.tokens[0].scopes = scopes);
        world.gitlab.reset_log();
        let run = world.backup();
        let said = error(source(&run, "lab"));
        assert!(said.starts_with("forbidden: "), "{said}");
        assert!(
            said.contains("read_api and read_repository, and set password"),
            "{said}"
        );
        assert!(
            said.contains(missing) || missing == "insufficient_scope",
            "{said}"
        );
        assert_eq!(world.asked(".git/"), 0);
    }
    world
        .gitlab
        .change(|state| state.tokens[0].scopes = vec!["api".to_owned()]);
    world.backup().expect(0);
}

#[test]
fn check_says_whose_the_token_is_and_when_it_ends() {
    let world = World::new();
    world.gitlab.project(world.acme, "web");
    let run = world.check().expect(0);
    assert!(
        run.stdout.contains("access token \"backup\" of dev"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("2027-0"), "{}", run.stdout);
    assert!(
        run.stdout.contains("acme (all of its repositories)"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_deploy_token_is_refused_with_the_way_out() {
    let world = World::new();
    for (key, value) in [
        ("password", "gldt-abc"),
        ("authName", "gitlab+deploy-token-7"),
    ] {
        let mut deploy = world.source("acme");
        deploy[key] = value.into();
        world.configure(&[deploy]);
        let run = world.sandbox.forgekeep(["check", "--offline"]).run();
        let said = run.expect(10);
        let said = said.stdout + &said.stderr;
        assert!(said.contains("hoster: git"), "{said}");
    }
    assert!(world.gitlab.requests().is_empty());
}

#[test]
fn without_credentials_what_is_public_is_backed_up() {
    let world = World::new();
    let web = world.gitlab.project(world.acme, "web");
    let old = world.gitlab.project(world.acme, "old");
    let hidden = world.gitlab.project(world.acme, "hidden");
    world.gitlab.change(|state| {
        state.project_mut(old).archived = true;
        state.project_mut(hidden).visibility = "private".to_owned();
    });
    let mut anonymous = world.source("acme");
    anonymous.as_object_mut().unwrap().remove("password");
    world.configure(&[anonymous]);
    let run = world.backup().expect(0);
    world.assert_mirrored(web, "acme#web");
    world.assert_mirrored(old, "acme#old");
    assert!(!report(&run).to_string().contains("acme/hidden"));
}
