//! A GitHub App in place of a token.

use super::*;

/// The App belongs to `acme`, and is installed there and on `beta`.
fn world() -> (World, [u64; 2]) {
    let world = World::new();
    let installed = world.github.change(|state| {
        let eve = state.add_user("eve");
        let beta = state.add_organisation("beta", eve, true);
        state.app_owner = world.acme;
        [state.install(world.acme), state.install(beta)]
    });
    world.sandbox.write("app.pem", APP_KEY);
    world.configure(&[app(&world, "acme")]);
    (world, installed)
}

fn app(world: &World, name: &str) -> Value {
    let mut source = world.source(name);
    source.as_object_mut().unwrap().remove("password");
    source["appId"] = 4711.into();
    source["privateKeyFile"] = world.sandbox.path("app.pem").to_str().unwrap().into();
    source
}

fn minted(world: &World) -> usize {
    world.github.read(|state| state.minted.len())
}

#[test]
fn an_app_backs_up_private_repositories_with_one_token() {
    let (world, _) = world();
    let ids: Vec<u64> = (0..6)
        .map(|number| {
            let id = world.github.repository("acme", &format!("r{number}"));
            world.make_private(id);
            id
        })
        .collect();
    world.github.change(|state| state.page_cap = 4);
    let run = world.backup().expect(0);
    assert_eq!(source(&run, "forge")["listed"], 6);
    for (number, id) in ids.iter().enumerate() {
        world.assert_mirrored(*id, &format!("acme#r{number}"));
    }
    assert_eq!(minted(&world), 1);
    // No token is written down anywhere.
    let secret = world.github.read(|state| state.minted[0].secret.clone());
    for file in crate::support::files(&world.sandbox.backup()) {
        let content = fs::read(&file).unwrap();
        let found = content
            .windows(secret.len())
            .any(|some| some == secret.as_bytes());
        assert!(!found, "{}", file.display());
    }
    assert!(!run.stdout.contains(&secret) && !run.stderr.contains(&secret));
}

#[test]
fn a_token_that_expires_in_mid_run_is_replaced_once() {
    let (world, _) = world();
    for number in 0..6 {
        let id = world.github.repository("acme", &format!("r{number}"));
        world.make_private(id);
    }
    world.github.change(|state| {
        state.page_cap = 2;
        // After the first page, and once more after some clones.
        state.revoked_by = vec!["&page=2".to_owned(), "/r3.git/info/refs".to_owned()];
    });
    let run = world
        .sandbox
        .forgekeep(["backup", "--jobs", "4"])
        .run()
        .expect(0);
    assert_eq!(source(&run, "forge")["listed"], 6);
    for number in 0..6 {
        assert_eq!(run.outcome(&format!("acme/r{number}")), "cloned");
    }
    assert_eq!(minted(&world), 3);
}

#[test]
fn a_token_that_is_not_known_everywhere_yet_is_tried_again() {
    let (world, _) = world();
    let web = world.github.repository("acme", "web");
    world.make_private(web);
    world.github.change(|state| state.slow_tokens = 1);
    world.backup().expect(0);
    world.assert_mirrored(web, "acme#web");
    assert_eq!(minted(&world), 1);
}

#[test]
fn a_clock_that_is_wrong_is_made_up_for() {
    for ahead in [-7200, 7200] {
        let (world, _) = world();
        world.github.change(|state| state.ahead = ahead);
        let web = world.github.repository("acme", "web");
        world.make_private(web);
        world.backup().expect(0);
        world.assert_mirrored(web, "acme#web");
    }
}

#[test]
fn everything_is_what_the_apps_owner_has_and_strangers_are_told() {
    let (world, [own, strangers]) = world();
    let web = world.github.repository("acme", "web");
    let api = world.github.repository("beta", "api");
    world.make_private(api);
    world.configure(&[app(&world, "*")]);
    let run = world.backup().expect(0);
    assert_eq!(source(&run, "forge")["listed"], 1);
    world.assert_mirrored(web, "acme#web");
    let said = notes(&run, "forge");
    assert!(said.contains("the App is on beta too"), "{said}");
    // Named by its number it is backed up, and each has an outcome of its own.
    let mut both = app(&world, "*");
    both["installationId"] = json!([own.to_string(), strangers.to_string()]);
    world.configure(&[both]);
    let run = world.backup().expect(0);
    assert_eq!(source(&run, "forge")["listed"], 2);
    world.assert_mirrored(api, "beta#api");
    world
        .github
        .change(|state| state.installations[1].suspended = true);
    world.github.commit(web, "two");
    let run = world.backup().expect(3);
    assert_eq!(run.outcome("acme/web"), "updated");
    let said = report(&run).to_string();
    assert!(
        said.contains("beta ") && said.contains("suspended"),
        "{said}"
    );
    assert_eq!(source(&run, "forge")["gone"], json!([]));
    world.assert_mirrored(api, "beta#api");
}

#[test]
fn an_app_that_is_not_installed_there_and_one_with_selected_repositories() {
    let (world, _) = world();
    let web = world.github.repository("acme", "web");
    let api = world.github.repository("acme", "api");
    world.make_private(web);
    world.make_private(api);
    world
        .github
        .change(|state| state.installations[0].selected = Some(vec![web]));
    let run = world.backup().expect(0);
    assert_eq!(source(&run, "forge")["listed"], 1);
    assert_eq!(source(&run, "forge")["owners"][0]["sees"], "selected");
    let run = world.sandbox.forgekeep(["check"]).run().expect(0);
    let said = run.stdout + &run.stderr;
    assert!(
        said.contains("GitHub App 4711") && said.contains("selected repositories"),
        "{said}"
    );
    world.configure(&[app(&world, "gamma")]);
    let run = world.backup().expect(3);
    let said = error(source(&run, "forge"));
    assert!(said.contains("the App is not installed on"), "{said}");
}

#[test]
fn a_key_that_is_none_is_told_without_a_network() {
    let (world, _) = world();
    world
        .sandbox
        .write("app.pem", "-----BEGIN OPENSSH PRIVATE KEY-----\n");
    let run = world.sandbox.forgekeep(["check", "--offline"]).run();
    let said = run.stdout + &run.stderr;
    assert!(
        said.contains("privateKeyFile is in OpenSSH's form") && said.contains("ssh-keygen"),
        "{said}"
    );
    assert!(world.github.requests().is_empty());
}
