//! Addresses of `https`, which are plain HTTP on loopback here.

use forgekeep_test_hosters::gitea::Gitea;

use super::*;

const TOKEN: &str = "89abcdef0123456789abcdef0123456789abcdef";

/// A server with a private and a public repository.
fn server() -> (Gitea, [u64; 2]) {
    let gitea = Gitea::new();
    gitea.change(|state| {
        let dev = state.add_user("dev");
        state.add_organisation("acme", dev, true);
        state.add_token(dev, TOKEN, &["read:repository"]);
    });
    let ids = ["private", "public"].map(|name| gitea.repository("acme", name));
    gitea.change(|state| state.repository_mut(ids[0]).private = true);
    (gitea, ids)
}

fn name(gitea: &Gitea, repository: &str) -> String {
    let host = gitea.git_url().replace("http://", "");
    format!("{host}/acme/{repository}")
}

#[test]
fn several_addresses_of_one_server_get_its_password() {
    let (gitea, ids) = server();
    let source = Source::of(&[]);
    let lines = ["private", "public"].map(|of| format!("{}/acme/{of}.git", gitea.git_url()));
    source.sandbox.write(
        "urls.txt",
        format!("# of acme\n{}\n\n{}\n", lines[0], lines[1]),
    );
    let source = source.with("urls", "urls.txt").with("password", TOKEN);
    let run = source.backup().expect(0);
    for (repository, id) in ["private", "public"].iter().zip(ids) {
        let name = name(&gitea, repository);
        assert_eq!(run.outcome(&name), "cloned");
        let folder = source.sandbox.backup().join("servers");
        let mut folders = folder
            .read_dir()
            .unwrap()
            .map(|found| found.unwrap().path());
        let ending = format!("#acme#{repository}");
        let found = folders.find(|path| path.to_str().unwrap().ends_with(&ending));
        compare::assert_mirror(&gitea.git_dir(id), &found.unwrap().join("repo"));
    }
    // Nothing but git is asked for, and what is asked gets the password.
    for request in gitea.requests() {
        assert!(request.target.starts_with("/acme/"), "{}", request.target);
        assert!(request.authorization.is_some(), "{}", request.target);
    }
    let run = source.sandbox.forgekeep(["list"]).run().expect(0);
    assert!(run.stdout.contains("acme/private"), "{}", run.stdout);
    source.sandbox.forgekeep(["check"]).run().expect(0);
}

#[test]
fn one_of_two_servers_that_is_down_costs_its_own_alone() {
    let (gitea, _) = server();
    let gone = server().0.git_url();
    let url = format!("{}/acme/public", gitea.git_url());
    let source = Source::of(&[&url, &format!("{gone}/acme/public")]);
    let run = source.backup().expect(3);
    assert_eq!(run.outcome(&name(&gitea, "public")), "cloned");
}

#[test]
fn a_password_goes_to_one_host() {
    let urls = ["https://a.example/x", "https://b.example/x"];
    let source = Source::of(&urls).with("password", TOKEN);
    let run = source.backup().expect(10);
    let said = run.stderr + &run.stdout;
    assert!(said.contains("2 hosts"), "{said}");
    let user = Source::of(&["https://dev:secret-word@a.example/x"])
        .backup()
        .expect(10);
    assert!(!(user.stderr + &user.stdout).contains("secret-word"));
}
