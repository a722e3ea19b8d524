//! A repository that is no longer listed: hidden from the credentials, or deleted.

use forgekeep_tests::{Account, Action, Fault, Forge, Repo, RequestKind, Run};
use serde_json::Value;

use crate::identity::{backdate, configure_removal};
use crate::support::{EMAIL, TOKEN, USER, World, notes, source};

/// A workspace with an account, and removal after a grace period.
fn world(account: Account) -> World {
    let world = World::of(Forge::builder().account(account).build());
    configure_removal(&world, world.source());
    for slug in ["web", "api", "docs"] {
        world.forge.repository(slug).private().commit("one");
    }
    world.backup().expect(0);
    world
}

fn member() -> World {
    world(Account::api_token(EMAIL, USER, TOKEN).member_of("acme"))
}

fn administrator() -> World {
    world(Account::api_token(EMAIL, USER, TOKEN).administrator_of("acme"))
}

/// Takes the right to one repository from the account.
fn hide(repository: Repo<'_>, world: &World) {
    let uuid = repository.uuid();
    world
        .forge
        .change(|state| state.accounts[0].hidden.push(uuid));
}

/// A run after every grace period has passed.
fn run_late(world: &World) -> Run {
    world.backup().expect(0);
    backdate(&world.folder("web"));
    world.forgekeep(&["backup", "-q"]).run().expect(0)
}

fn gone(run: &Run) -> &Value {
    &source(run, "acme")["gone"][0]
}

#[test]
fn a_member_who_loses_one_permission_never_costs_a_backup() {
    let world = member();
    hide(world.forge.repository("web"), &world);
    let run = run_late(&world);
    assert_eq!(gone(&run)["state"], "hidden");
    assert_eq!(gone(&run)["removed"], false);
    assert!(
        notes(&run, "acme").contains("does not prove"),
        "{}",
        notes(&run, "acme")
    );
    world.assert_mirrored(world.forge.repository("web"));
    // Let in again, it goes on where it was.
    world.forge.change(|state| state.accounts[0].hidden.clear());
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "unchanged");
}

#[test]
fn what_is_really_gone_stays_with_a_member_too() {
    let world = member();
    world.forge.repository("web").delete();
    let run = run_late(&world);
    assert_eq!(gone(&run)["state"], "hidden");
    assert!(world.mirror("web").is_dir());
}

#[test]
fn what_an_administrator_no_longer_sees_goes_to_the_trash_and_then_for_good() {
    let world = administrator();
    world.forge.repository("web").delete();
    let run = run_late(&world);
    assert_eq!(gone(&run)["state"], "deleted");
    assert_eq!(gone(&run)["removed"], true);
    assert!(!world.folder("web").exists());
    let trash = world
        .sandbox
        .backup()
        .join(gone(&run)["path"].as_str().unwrap());
    assert!(trash.join("repo/HEAD").is_file(), "{trash:?}");
}

#[test]
fn nothing_is_removed_unless_the_workspace_and_another_repository_answer() {
    for (part, action) in [
        // As in the outage of 2025-02-11: workspaces that existed were not found.
        ("pagelen=2", Action::status(404)),
        ("pagelen=2", Action::status(500)),
        (
            "pagelen=2",
            Action::json(200, &serde_json::json!({"values": []})),
        ),
        ("/user/workspaces", Action::status(403)),
        ("/user/workspaces", Action::status(500)),
    ] {
        let world = administrator();
        world.forge.repository("web").delete();
        let fault = Fault::on(RequestKind::Api, action);
        world.forge.inject(fault.containing(part));
        let run = run_late(&world);
        assert_eq!(gone(&run)["state"], "hidden", "{part}");
        assert!(world.mirror("web").is_dir(), "{part}");
    }
}

#[test]
fn an_administrator_of_another_workspace_proves_nothing() {
    let account = Account::api_token(EMAIL, USER, TOKEN)
        .member_of("acme")
        .administrator_of("beta");
    let forge = Forge::builder().workspace("acme").workspace("beta");
    let world = World::of(forge.account(account).build());
    configure_removal(&world, world.source());
    for slug in ["web", "api"] {
        world.forge.repository(slug).private().commit("one");
    }
    world.backup().expect(0);
    world.forge.repository("web").delete();
    let run = run_late(&world);
    assert_eq!(gone(&run)["state"], "hidden");
    assert!(world.mirror("web").is_dir());
}
