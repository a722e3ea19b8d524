//! Which credentials go where, and what is said when they are not good enough.

use forgekeep_tests::{Account, Action, Authorization, Fault, Forge, RequestKind, scope};
use serde_json::json;

use crate::support::{EMAIL, TOKEN, USER, World, assert_all, error, forge, notes, report, source};

const ACCESS_TOKEN: &str = "ATCTT3xFfGN0-access=0815";

fn users(world: &World, kind: RequestKind) -> Vec<Option<Authorization>> {
    let requests = world.forge.requests().into_iter();
    let mut all: Vec<_> = requests
        .filter(|request| request.kind == kind)
        .map(|request| request.authorization)
        .collect();
    all.dedup();
    all
}

fn basic(user: &str, secret: &str) -> Vec<Option<Authorization>> {
    let (user, secret) = (user.to_owned(), secret.to_owned());
    vec![Some(Authorization::Basic { user, secret })]
}

#[test]
fn an_api_token_goes_with_the_address_to_the_api_and_with_a_user_name_to_git() {
    let forge = Forge::builder().api_token(EMAIL, USER, TOKEN);
    let world = World::of(forge.separate_git().build());
    world.forge.repository("web").private().commit("one");
    for (auth_name, git_user) in [
        ("", "x-bitbucket-api-token-auth"),
        (USER, USER),
        // The address never works for git.
        (EMAIL, "x-bitbucket-api-token-auth"),
    ] {
        world.configure(&[world.source_with("authName", auth_name)]);
        world.sandbox.remove_backup();
        world.forge.reset_log();
        let run = world.backup().expect(0);
        assert_eq!(run.outcome("acme/web"), "cloned");
        assert_eq!(users(&world, RequestKind::Api), basic(EMAIL, TOKEN));
        assert_eq!(users(&world, RequestKind::InfoRefs), basic(git_user, TOKEN));
        assert_eq!(
            users(&world, RequestKind::UploadPack),
            basic(git_user, TOKEN)
        );
    }
}

#[test]
fn an_access_token_goes_as_bearer_to_the_api_and_with_its_fixed_name_to_git() {
    let world = World::of(Forge::builder().access_token(ACCESS_TOKEN).build());
    let web = world.forge.repository("web").private().commit("one");
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "cloned");
    let bearer = vec![Some(Authorization::Bearer(ACCESS_TOKEN.to_owned()))];
    assert_eq!(users(&world, RequestKind::Api), bearer);
    let git = basic("x-token-auth", ACCESS_TOKEN);
    assert_eq!(users(&world, RequestKind::InfoRefs), git);
    assert_eq!(users(&world, RequestKind::UploadPack), git);
    world.assert_mirrored(web);
}

#[test]
fn without_credentials_public_repositories_are_backed_up_and_a_warning_says_so() {
    let world = World::new();
    let mut source = world.source();
    for key in ["password", "apiAuthName"] {
        source.as_object_mut().unwrap().remove(key);
    }
    world.configure(&[source]);
    let public = world.forge.repository("public").commit("one");
    world.forge.repository("secret").private().commit("one");
    let run = world.backup().expect(0);
    assert_all(&run, "cloned", 1);
    world.assert_mirrored(public);
    assert!(!world.folder("secret").exists());
    for text in [&run.stderr, &notes(&run, "acme")] {
        assert!(text.contains("only public repositories"), "{text}");
    }
    let warnings = run.stderr.matches("only public repositories").count();
    assert_eq!(warnings, 1, "said once, not twice:\n{}", run.stderr);
    assert!(
        world
            .forge
            .requests()
            .iter()
            .all(|r| r.authorization.is_none())
    );
}

#[test]
fn a_refused_token_backs_up_nothing_and_says_so() {
    let world = World::new();
    world.forge.repository("web").private().commit("one");
    world.configure(&[world.source_with("password", "ATATTwrong-token")]);
    let run = world.backup().expect(12);
    assert_eq!(report(&run)["outcome"], "failed");
    assert_eq!(report(&run)["exitCode"], 12);
    assert!(
        error(source(&run, "acme")).starts_with("credentials: "),
        "{run:#?}"
    );
    assert_eq!(world.forge.count(RequestKind::InfoRefs), 0);
    assert!(!world.folder("web").exists());
}

#[test]
fn a_token_without_the_scope_is_told_which_one_it_needs() {
    let account = Account::api_token(EMAIL, USER, TOKEN).with_scopes(&[scope::USER]);
    let world = World::of(Forge::builder().account(account).build());
    world.forge.repository("web").private().commit("one");
    let run = world.backup().expect(3);
    let said = error(source(&run, "acme"));
    assert!(said.starts_with("forbidden: "), "{said}");
    assert!(said.contains("read:repository:bitbucket"), "{said}");
}

#[test]
fn credentials_that_git_refuses_are_tried_once_however_many_work_at_a_time() {
    let world = World::new();
    let other = Forge::builder()
        .workspace("beta")
        .access_token(ACCESS_TOKEN)
        .build();
    other.repository("docs").private().commit("one");
    let beta = json!({"title": "beta", "hoster": "bitbucket", "name": "beta",
        "password": ACCESS_TOKEN, "apiUrl": other.api_url()});
    world.configure(&[world.source_with("authName", "somebody-else"), beta]);
    let original = world.forge.repository("original").private().commit("one");
    world.forge.copies(original, "copy", 30);
    let run = world.forgekeep(&["backup", "--jobs", "8"]).run().expect(3);
    assert_eq!(world.forge.count(RequestKind::InfoRefs), 1);
    let acme = source(&run, "acme");
    assert_eq!(acme["outcome"], "failed");
    let errors: Vec<_> = acme["repositories"]
        .as_array()
        .unwrap()
        .iter()
        .map(error)
        .collect();
    assert_eq!(errors.len(), 31);
    let hint = "check authName";
    for said in &errors {
        assert!(
            said.starts_with("credentials: ")
                && said.contains(hint)
                && said.contains("the user name \"somebody-else\""),
            "{said}"
        );
    }
    let spared = errors
        .iter()
        .filter(|said| said.contains("not tried, after: "));
    assert_eq!(spared.count(), 30);
    // Who has other credentials is none the worse for it.
    assert_eq!(run.outcome("beta/docs"), "cloned");
}

#[test]
fn a_repository_that_hangs_keeps_nobody_of_its_source_waiting_for_long() {
    let world = World::new();
    for slug in ["api", "docs"] {
        world.forge.repository(slug).private().commit("one");
    }
    // The first in line.
    world
        .forge
        .repository("web")
        .private()
        .commit("one")
        .size(1_000_000);
    world
        .forge
        .inject(Fault::on(RequestKind::InfoRefs, Action::Hang).repository("web"));
    let running = world.forgekeep(&["backup", "--jobs", "2"]).spawn();
    world.forge.wait_for(RequestKind::UploadPack, 2);
    world.forge.clear_faults();
    world.forge.release();
    let run = running.wait().expect(3);
    for slug in ["api", "docs"] {
        assert_eq!(run.outcome(&format!("acme/{slug}")), "cloned");
    }
}

#[test]
fn a_password_of_an_older_kind_is_explained() {
    let mut account = Account::api_token("", USER, "ATBBold-app-password");
    account.kind = forgekeep_demo_hoster::CredentialKind::AppPassword;
    let world = World::of(Forge::builder().account(account).build());
    world.configure(&[world.source_with("authName", USER)]);
    let run = world.backup().expect(12);
    assert!(
        run.stderr.contains("app passwords were removed"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("create an API token"), "{}", run.stderr);
}

#[test]
fn the_credentials_of_one_source_do_not_go_to_another() {
    let world = World::new();
    let other = Forge::builder()
        .workspace("beta")
        .access_token(ACCESS_TOKEN)
        .build();
    world.forge.repository("web").private().commit("one");
    other.repository("api").private().commit("one");
    let beta = json!({"title": "beta", "hoster": "bitbucket", "name": "beta",
        "password": ACCESS_TOKEN, "apiUrl": other.api_url()});
    world.configure(&[world.source(), beta]);
    let run = world.backup().expect(0);
    assert_all(&run, "cloned", 2);
    let sent = |forge: &Forge| format!("{:?}", forge.requests());
    assert!(!sent(&world.forge).contains(ACCESS_TOKEN));
    assert!(!sent(&other).contains(TOKEN));
}

#[test]
fn a_revoked_token_leaves_the_backup_as_it_was() {
    let world = World::of(forge());
    world.forge.repository("web").private().commit("one");
    world.backup().expect(0);
    let before = crate::support::content(&world.folder("web"));
    world.forge.change(|state| state.accounts.clear());
    world.backup().expect(12);
    assert_eq!(crate::support::content(&world.folder("web")), before);
}

#[test]
fn one_repository_that_refuses_does_not_stop_the_others() {
    let world = World::new();
    for slug in ["api", "docs", "web"] {
        world.forge.repository(slug).private().commit("one");
    }
    // The first in line, the largest, proves the credentials.
    world.forge.repository("docs").size(1_000_000);
    world
        .forge
        .inject(Fault::on(RequestKind::InfoRefs, Action::status(401)).repository("api"));
    let run = world.forgekeep(&["backup", "--jobs", "1"]).run().expect(3);
    assert_eq!(run.outcome("acme/api"), "failed");
    for slug in ["docs", "web"] {
        world.assert_mirrored(world.forge.repository(slug));
    }
}
