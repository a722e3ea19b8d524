use forgekeep_config::ConfigErrorKind;

use super::Folder;

#[test]
fn a_user_name_needs_a_secret_beside_it() {
    let folder = Folder::new();
    for name in ["authName: dev", "apiAuthName: dev@example.com"] {
        let error = folder.refused(name);
        assert_eq!(error.kind(), ConfigErrorKind::MissingKey);
        let said = folder.words(&error);
        let key = name.split(':').next().unwrap();
        assert!(said.contains(&format!("sources[0].{key}")), "{said}");
        assert!(said.contains("only what is public"), "{said}");
        let hint = error.hint().to_string();
        assert!(
            hint.contains("add `password` or `clientSecret`, or remove the user name"),
            "{hint}"
        );
        for secret in [
            "password: hunter2-a-token",
            "clientSecret: hunter2-a-token",
            "passwordCommand: [echo, hunter2-a-token]",
        ] {
            folder.good(&format!("{name}\n{secret}"));
        }
        folder.file("key.pem", "hunter2");
        let path = folder.0.path().join("key.pem");
        folder.good(&format!(
            "{name}\nprivateKeyFile: {}",
            path.to_str().unwrap()
        ));
        // Its plugin may have further secrets.
        folder.settle_with(name, None).unwrap();
    }
    folder.good("");
    folder.good("authName: ''");
}

#[test]
fn everything_of_an_account_and_a_part_of_it_by_name_overlap() {
    let folder = Folder::new();
    let sources = |all: &str, named: &str| {
        let text = format!(
            "localFolder: x\nsources:\n- {{title: all, hoster: h, name: '*', {all}}}\n- {{title: one, hoster: h, name: acme, {named}}}\n"
        );
        folder.settle_text(&text, Some(super::keys()))
    };
    let token = "password: hunter2-token";
    let other = "password: hunter2-another";
    let error = sources(token, token).unwrap_err();
    assert_eq!(error.kind(), ConfigErrorKind::InvalidValue);
    let said = folder.words(&error);
    assert!(said.contains("sources[1].name"), "{said}");
    assert!(said.contains("same account"), "{said}");
    assert!(
        error.hint().to_string().contains("ignoreRepos: ['acme/*']"),
        "{}",
        error.hint()
    );
    // Another token of the same account.
    let named = |token: &str| format!("apiAuthName: Dev@example.com, {token}");
    sources(&named(token), &named(other)).unwrap_err();
    // Two accounts, or what the filter leaves out.
    sources(token, other).unwrap();
    sources(&format!("{token}, ignoreRepos: ['acme/*']"), token).unwrap();
    sources(
        &format!("{token}, apiUrl: 'https://api.example.com'"),
        token,
    )
    .unwrap();
}

#[test]
fn a_group_and_what_is_below_it_overlap() {
    let folder = Folder::new();
    let sources = |outer: &str, inner: &str| {
        let text = format!(
            "localFolder: x\nsources:\n- {{title: a, hoster: h, {inner}}}\n- {{title: b, hoster: h, {outer}}}\n"
        );
        folder.settle_text(&text, Some(super::keys()))
    };
    let error = sources("name: acme", "name: Acme/tools/x").unwrap_err();
    let said = folder.words(&error);
    assert!(said.contains("sources[1].name"), "{said}");
    assert!(said.contains("below `name: acme`"), "{said}");
    let hint = error.hint().to_string();
    assert!(hint.contains("ignoreRepos: ['Acme/tools/x/**']"), "{hint}");
    sources(
        "name: acme, ignoreRepos: ['Acme/tools/**']",
        "name: Acme/tools/x",
    )
    .unwrap();
    sources("name: acme", "name: acme2/tools").unwrap();
    sources(
        "name: acme, apiUrl: 'https://a.example'",
        "name: acme/tools",
    )
    .unwrap();
}
