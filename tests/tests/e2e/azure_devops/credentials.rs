//! Sign-in pages, tokens of Entra, and who has none.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use super::*;

const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const CLIENT: &str = "11112222-bbbb-3333-cccc-4444dddd5555";
const SECRET: &str = "A1b~C2d.E3f_G4h-I5j6K7l8M9n0";

/// A source whose credentials are a service principal's.
fn principal(world: &World) -> Value {
    world.azure.change(|state| {
        state
            .principals
            .push([TENANT, CLIENT, SECRET].map(str::to_owned));
    });
    let mut source = world.source("acme");
    source.as_object_mut().unwrap().remove("password");
    source["tenantId"] = TENANT.into();
    source["clientId"] = CLIENT.into();
    source["clientSecret"] = SECRET.into();
    source["oauthUrl"] = world.azure.login_url().into();
    source
}

/// The different credentials that git was asked with.
fn of_git(world: &World) -> BTreeSet<Option<String>> {
    let requests = world.azure.requests().into_iter();
    let of_git = requests.filter(|request| request.target.contains("/_git/"));
    of_git.map(|request| request.authorization).collect()
}

#[test]
fn a_page_to_sign_in_at_is_never_taken_for_an_empty_organisation() {
    let ways = [
        SignIn::Unauthorized,
        SignIn::Page,
        SignIn::Redirect,
        SignIn::Windows,
    ];
    for sign_in in ways {
        let world = World::new();
        let web = world.azure.repository("shop", "web");
        world.backup().expect(0);
        world.azure.change(|state| {
            state.tokens.clear();
            state.sign_in = sign_in;
        });
        let run = world.backup().expect(12);
        let said = error(source(&run, "forge"));
        assert!(said.starts_with("credentials: "), "{sign_in:?}: {said}");
        let hint = match sign_in {
            SignIn::Windows => "offers Windows sign-in, which is not supported",
            _ => "/acme/_usersSettings/tokens for this organisation alone",
        };
        assert!(said.contains(hint), "{sign_in:?}: {said}");
        assert_eq!(source(&run, "forge")["gone"], json!([]));
        world.assert_mirrored(&web, "acme#shop#web");
    }
}

#[test]
fn a_token_without_the_scope_for_code_is_forbidden() {
    let world = World::new();
    world.azure.change(|state| state.tokens[0].scopes.clear());
    let run = world.backup().expect(3);
    let said = error(source(&run, "forge"));
    assert!(
        said.starts_with("forbidden: ") && said.contains("TF400813"),
        "{said}"
    );
    assert!(said.contains("Code (read)"), "{said}");
}

#[test]
fn without_credentials_public_projects_are_backed_up() {
    let world = World::new();
    let web = world.azure.repository("shop", "web");
    world.azure.repository("tools", "hidden");
    world
        .azure
        .change(|state| state.project_mut("shop").public = true);
    let mut anonymous = world.source("acme");
    anonymous.as_object_mut().unwrap().remove("password");
    world.configure(&[anonymous]);
    let run = world.backup().expect(0);
    world.assert_mirrored(&web, "acme#shop#web");
    assert_eq!(source(&run, "forge")["listed"], 1);
    world
        .azure
        .change(|state| state.project_mut("shop").public = false);
    let said = error(source(&world.backup().expect(12), "forge"));
    assert!(
        said.contains("asks no credentials to sign in") || said.contains("sign in"),
        "{said}"
    );
}

#[test]
fn a_service_principal_backs_up_with_one_token() {
    let world = World::new();
    world.configure(&[principal(&world)]);
    let ids = ["web", "api", "docs"].map(|name| world.azure.repository("shop", name));
    world.backup().expect(0);
    world.assert_mirrored(&ids[0], "acme#shop#web");
    assert_eq!(world.azure.read(|state| state.minted.len()), 1);
    let sent = "Bearer eyJ0.entra-token-1.signed".to_owned();
    assert_eq!(of_git(&world), BTreeSet::from([Some(sent)]));
    for request in world.azure.requests() {
        assert!(!request.target.contains(SECRET), "{}", request.target);
    }
}

#[test]
fn a_token_of_entra_that_ends_in_mid_run_is_renewed_and_no_repository_fails() {
    let world = World::new();
    world.configure(&[principal(&world)]);
    let names: Vec<_> = (1..=12).map(|number| format!("r{number}")).collect();
    let repository = |name: &String| world.azure.repository("shop", name);
    let ids: Vec<_> = names.iter().map(repository).collect();
    let ends_at = Some("/_git/r7/git-upload-pack".to_owned());
    world.azure.change(|state| state.token_ends_at = ends_at);
    let run = world.sandbox.forgekeep(["backup", "--jobs", "4"]).run();
    let run = run.expect(0);
    for (name, id) in names.iter().zip(&ids) {
        assert_eq!(run.outcome(&format!("acme/shop/{name}")), "cloned");
        world.assert_mirrored(id, &format!("acme#shop#{name}"));
    }
    // One for all who were refused, not one for each.
    assert_eq!(world.azure.read(|state| state.minted.len()), 2);
    assert_eq!(of_git(&world).len(), 2);
}

#[test]
fn a_token_of_entra_that_ends_in_mid_listing_is_renewed() {
    let world = World::new();
    world.configure(&[principal(&world)]);
    let web = world.azure.repository("tools", "web");
    world.azure.change(|state| {
        state.page_cap = 1;
        // The page that it answers with last is the second one.
        state.token_ends_at = Some("continuationToken=1".to_owned());
    });
    world.backup().expect(0);
    world.assert_mirrored(&web, "acme#tools#web");
    assert_eq!(world.azure.read(|state| state.minted.len()), 2);
}

#[test]
fn a_client_secret_that_is_refused_ends_with_12_and_is_tried_once() {
    let world = World::new();
    let mut wrong = principal(&world);
    wrong["clientSecret"] = "another-secret-that-has-ended".into();
    world.configure(&[wrong]);
    let run = world.backup().expect(12);
    let said = error(source(&run, "forge"));
    assert!(
        said.starts_with("credentials: ") && said.contains("AADSTS7000215"),
        "{said}"
    );
    let asked = world.azure.requests();
    let tries = asked.iter().filter(|one| one.target.contains("/oauth2/"));
    assert_eq!(tries.count(), 1);
}

#[test]
fn an_access_token_as_password_is_a_bearer() {
    let world = World::new();
    let web = world.azure.repository("shop", "web");
    let token = "eyJ0.given-token.signed";
    world.azure.change(|state| {
        state
            .minted
            .push(forgekeep_test_hosters::azure_devops::Minted {
                secret: token.to_owned(),
                until: SystemTime::now() + Duration::from_secs(3600),
            });
    });
    let mut given = world.source("acme");
    given["password"] = token.into();
    world.configure(&[given]);
    world.backup().expect(0);
    world.assert_mirrored(&web, "acme#shop#web");
    assert_eq!(
        of_git(&world),
        BTreeSet::from([Some(format!("Bearer {token}"))])
    );
}
