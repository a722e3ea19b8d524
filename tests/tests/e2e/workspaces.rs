//! Every workspace of an account by one source: `name: '*'`.

use std::path::PathBuf;

use forgekeep_tests::{Account, Action, Fault, Forge, RequestKind, compare};
use serde_json::Value;

use crate::identity::{backdate, configure_removal};
use crate::support::{EMAIL, TOKEN, USER, World, assert_all, error, source};

/// Workspaces acme and beta with a repository `web` each, all of which are backed up as `all`.
fn world(account: Account) -> World {
    let forge = Forge::builder().workspace("acme").workspace("beta");
    let world = World::of(forge.account(account).build());
    world.configure(&[all(&world)]);
    for workspace in ["acme", "beta"] {
        let web = world.forge.repository_in(workspace, "web");
        web.private().commit(workspace);
    }
    world
}

fn token() -> Account {
    Account::api_token(EMAIL, USER, TOKEN)
        .administrator_of("acme")
        .member_of("beta")
}

fn all(world: &World) -> Value {
    let mut source = world.source_with("title", "all");
    source["name"] = "*".into();
    source
}

fn folder(world: &World, name: &str) -> PathBuf {
    world.sandbox.backup().join("all").join(name)
}

fn assert_mirrored(world: &World, workspace: &str) {
    let web = world.forge.repository_in(workspace, "web");
    let mirror = folder(world, &format!("{workspace}#web")).join("repo");
    compare::assert_mirror(&web.git_dir(), &mirror);
}

/// Adds a workspace with a repository, and makes the account a member of it.
fn add(world: &World, slug: &str) {
    world.forge.change(|state| {
        let mut workspace = state.workspaces[0].clone();
        workspace.uuid = forgekeep_demo_hoster::uuid_from(slug);
        workspace.slug = slug.to_owned();
        workspace.repositories.clear();
        state.workspaces.push(workspace);
        state.accounts[0].workspaces.push(slug.to_owned());
    });
    world
        .forge
        .repository_in(slug, "web")
        .private()
        .commit("one");
}

#[test]
fn workspaces_lie_side_by_side_and_another_one_moves_none() {
    let world = world(token());
    let run = world.backup().expect(0);
    assert_all(&run, "cloned", 2);
    for workspace in ["acme", "beta"] {
        let name = format!("{workspace}/web");
        let path = format!("all/{workspace}#web");
        assert_eq!(run.repository(&name)["path"], path.as_str());
        assert_mirrored(&world, workspace);
    }
    for slug in ["aaa", "zzz", "b-1"] {
        add(&world, slug);
        let run = world.backup().expect(0);
        for workspace in ["acme", "beta"] {
            assert_eq!(run.outcome(&format!("{workspace}/web")), "unchanged");
            assert_mirrored(&world, workspace);
        }
        assert_eq!(run.outcome(&format!("{slug}/web")), "cloned");
        assert_mirrored(&world, slug);
    }
}

#[test]
fn a_workspace_that_does_not_answer_costs_only_itself() {
    for (status, words) in [(500, "500"), (404, "404"), (403, "403"), (410, "410")] {
        let world = world(token());
        world.backup().expect(0);
        world.forge.repository_in("acme", "web").commit("two");
        let fault = Fault::on(RequestKind::Api, Action::status(status));
        world.forge.inject(fault.containing("/repositories/beta"));
        let run = world.backup().expect(3);
        assert_eq!(run.outcome("acme/web"), "updated", "{status}");
        let of_run = source(&run, "all");
        assert_eq!(
            (&of_run["outcome"], &of_run["error"]),
            (&"partial".into(), &Value::Null)
        );
        let owners = of_run["owners"].as_array().unwrap();
        let names: Vec<_> = owners.iter().map(|owner| &owner["name"]).collect();
        assert_eq!(names, ["acme", "beta"]);
        assert_eq!(owners[0]["error"], Value::Null);
        let said = error(&owners[1]);
        assert!(said.contains("workspace beta cannot be listed"), "{said}");
        assert!(said.contains(words), "{said}");
        assert!(
            run.stderr.contains("workspace beta cannot be listed"),
            "{}",
            run.stderr
        );
        assert_mirrored(&world, "acme");
        assert!(folder(&world, "beta#web").join("repo/HEAD").is_file());
        // Nothing of it is gone.
        assert!(!source(&run, "all")["gone"].to_string().contains("beta"));
        world.forge.clear_faults();
        let run = world.backup().expect(0);
        assert_all(&run, "unchanged", 2);
    }
}

#[test]
fn a_token_that_was_narrowed_to_one_workspace_backs_up_that_one() {
    let world = world(Account::api_token(EMAIL, USER, TOKEN).member_of("beta"));
    let run = world.backup().expect(0);
    assert_all(&run, "cloned", 1);
    assert_mirrored(&world, "beta");
}

#[test]
fn an_oauth_consumer_backs_up_the_workspaces_that_it_may_list() {
    let mut account = Account::oauth_consumer("acme", "key-of-a-consumer", "secret-of-a-consumer");
    let world = world(account.clone());
    let mut source = all(&world);
    let keys = source.as_object_mut().unwrap();
    keys.remove("password");
    source["clientId"] = "key-of-a-consumer".into();
    source["clientSecret"] = "secret-of-a-consumer".into();
    world.configure(&[source]);
    let run = world.backup().expect(3);
    let said = error(self::source(&run, "all"));
    assert!(said.starts_with("forbidden: "), "{said}");
    assert!(said.contains("read:workspace:bitbucket"), "{said}");
    account
        .scopes
        .push(forgekeep_tests::scope::WORKSPACE.to_owned());
    world.forge.change(|state| state.accounts = vec![account]);
    let run = world.backup().expect(0);
    assert_all(&run, "cloned", 1);
}

#[test]
fn an_account_without_the_scope_is_told_which_one_it_needs() {
    let scopes = [forgekeep_tests::scope::REPOSITORY];
    let world = world(token().with_scopes(&scopes));
    let run = world.backup().expect(3);
    let said = error(source(&run, "all"));
    assert!(said.starts_with("forbidden: "), "{said}");
    assert!(said.contains("read:workspace:bitbucket"), "{said}");
}

#[test]
fn an_access_token_has_no_workspaces_of_its_own() {
    let world = world(Account::access_token("acme", "ATCTT3xFfGN0-access=0815"));
    for arguments in [&["backup"][..], &["check", "--offline"]] {
        let run = world.forgekeep(arguments).run();
        let said = format!("{}{}", run.stdout, run.stderr);
        assert_eq!(run.code, Some(10), "{said}");
        assert!(said.contains("bound to the workspace"), "{said}");
    }
    assert!(world.forge.requests().is_empty());
}

#[test]
fn a_check_asks_two_requests_more_for_each_workspace() {
    let world = world(token());
    let run = world.forgekeep(&["check"]).run().expect(0);
    // Who, which workspaces; two for each; the first page, and git.
    assert_eq!(
        world.forge.requests().len(),
        2 + 2 * 2 + 2,
        "{:#?}",
        world.forge.requests()
    );
    assert!(run.stdout.contains("2 repositories"), "{}", run.stdout);
}

#[test]
fn deletions_are_proved_in_each_workspace_by_itself() {
    let world = world(token());
    configure_removal(&world, all(&world));
    for workspace in ["acme", "beta"] {
        world
            .forge
            .repository_in(workspace, "other")
            .private()
            .commit("one");
    }
    world.backup().expect(0);
    for workspace in ["acme", "beta"] {
        world.forge.repository_in(workspace, "web").delete();
    }
    world.backup().expect(0);
    for name in ["acme#web", "beta#web"] {
        backdate(&folder(&world, name));
    }
    let run = world.backup().expect(0);
    // An administrator here, a member there.
    let gone = source(&run, "all")["gone"].as_array().unwrap().clone();
    let state = |name: &str| {
        let found = gone.iter().find(|entry| entry["name"] == name);
        found.unwrap()["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        (state("acme/web").as_str(), state("beta/web").as_str()),
        ("deleted", "hidden")
    );
    assert!(!folder(&world, "acme#web").exists());
    assert!(folder(&world, "beta#web").join("repo/HEAD").is_file());
}
