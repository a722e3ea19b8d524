//! ssh, with a real sshd on loopback. Each test ends early, with a message, where there is none.

use forgekeep_test_hosters::gitea::Gitea;

use super::*;

#[test]
fn repositories_behind_ssh_are_backed_up_and_brought_up_to_date() {
    let Some(sshd) = Sshd::start() else { return };
    // What a shell would make something else of.
    let names = ["web", "it's", "a b!c", "acme/x.git"];
    for name in names {
        git::repository(&sshd.home().join(name));
    }
    let absolute = sshd.home().join("abs");
    git::repository(&absolute);
    let encoded = [
        "web",
        "it's",
        "a%20b!c",
        "acme/x.git",
        absolute.to_str().unwrap(),
    ];
    let source = Source::behind(&sshd, &encoded);
    let run = source.backup().expect(0);
    let host = format!("127.0.0.1:{}", sshd.port());
    let home = match sshd.user().as_str() {
        "git" => host.clone(),
        user => format!("{host}/~{user}"),
    };
    for name in ["web", "it's", "a b!c", "acme/x"] {
        assert_eq!(run.outcome(&format!("{home}/{name}")), "cloned", "{name}");
    }
    assert_eq!(
        run.outcome(&format!("{host}{}", absolute.display())),
        "cloned"
    );
    let folder = source.sandbox.backup().join("servers");
    let folders: Vec<PathBuf> = folder
        .read_dir()
        .unwrap()
        .map(|f| f.unwrap().path())
        .collect();
    let of = |name: &str| {
        let mut found = folders.iter();
        found
            .find(|path| path.to_str().unwrap().ends_with(name))
            .unwrap()
            .join("repo")
    };
    compare::assert_mirror(&sshd.home().join("web"), &of("#web"));
    compare::assert_mirror(&sshd.home().join("it's"), &of("it's"));
    // Many commits: the negotiation takes several rounds.
    for number in 0..40 {
        git::commit(&sshd.home().join("web"), &format!("more {number}"));
    }
    let run = source.backup().expect(0);
    assert_eq!(run.outcome(&format!("{home}/web")), "updated");
    assert_eq!(run.outcome(&format!("{home}/it's")), "unchanged");
    compare::assert_mirror(&sshd.home().join("web"), &of("#web"));
    assert!(
        sshd.commands()
            .iter()
            .all(|line| line.starts_with("git-upload-pack '"))
    );
}

#[test]
fn the_users_own_configuration_neither_asks_nor_detaches() {
    let Some(sshd) = Sshd::start() else { return };
    git::repository(&sshd.home().join("web"));
    sshd.configure_client(&format!(
        "ControlMaster auto\nControlPath {}/socket-%C\nControlPersist 1h\nRequestTTY force\nRemoteCommand echo no\nStrictHostKeyChecking ask\nServerAliveInterval 0",
        sshd.home().display()
    ));
    let source = Source::behind(&sshd, &["web"]);
    source.backup().expect(0);
    let left = sshd.home().read_dir().unwrap();
    let sockets = left.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_str().unwrap().starts_with("socket-")
    });
    assert_eq!(sockets.count(), 0, "a shared connection was left");
}

#[test]
fn a_key_of_the_source_is_the_one_that_is_used() {
    let Some(sshd) = Sshd::start() else { return };
    git::repository(&sshd.home().join("web"));
    let key = |name: &str| sshd.key(name).to_str().unwrap().to_owned();
    let source = Source::behind(&sshd, &["web"]).with("sshKey", key("user"));
    source.backup().expect(0);
    let command = sshd.commands();
    assert!(!command.is_empty());
    // A key that is not there is an error of the configuration.
    let source = source.with("sshKey", "no-such-key");
    let run = source.backup().expect(10);
    assert!(run.stderr.contains("sshKey"), "{}", run.stderr);
}

#[test]
fn one_refusal_of_a_key_is_all_that_the_host_sees() {
    let Some(sshd) = Sshd::start() else { return };
    for name in ["a", "b", "c", "d", "e", "f"] {
        git::repository(&sshd.home().join(name));
    }
    let stranger = sshd.key("stranger");
    sshd.configure_client(&format!(
        "IdentityAgent none\nIdentityFile {}",
        stranger.display()
    ));
    let source = Source::behind(&sshd, &["a", "b", "c", "d", "e", "f"]);
    let source = source.with("sshKey", stranger.to_str().unwrap());
    // The client's own key would be good.
    let configuration = sshd.key("ssh_config");
    let lines = std::fs::read_to_string(&configuration).unwrap();
    let without: Vec<&str> = lines.lines().filter(|l| !l.ends_with("/user")).collect();
    std::fs::write(configuration, without.join("\n")).unwrap();
    let run = source.backup();
    assert_ne!(run.code, Some(0));
    // One, and once more: a server that drops connections ends ssh in the same way.
    assert_eq!(sshd.connections(), 2, "{}", sshd.log());
    let errors: Vec<String> = report(&run)["sources"][0]["repositories"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["error"]["message"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(errors.len(), 6);
    let not_tried = errors.iter().filter(|error| error.starts_with("not tried"));
    assert_eq!(not_tried.count(), 5, "{errors:#?}");
    assert!(
        errors
            .iter()
            .all(|error| error.contains("Permission denied")),
        "{errors:#?}"
    );
    assert!(
        errors.iter().all(|error| error.contains("stranger")),
        "{errors:#?}"
    );
}

#[track_caller]
fn only_error(run: &Run) -> Value {
    let error = report(run)["sources"][0]["repositories"][0]["error"].clone();
    for part in ["message", "hint"] {
        assert!(!error[part].as_str().unwrap().is_empty(), "{error:#}");
    }
    error
}

#[test]
fn a_passphrase_is_a_failure_that_says_so() {
    let Some(sshd) = Sshd::start() else { return };
    git::repository(&sshd.home().join("web"));
    let key = sshd.protected_key();
    let configuration = sshd.key("ssh_config");
    let lines = std::fs::read_to_string(&configuration).unwrap();
    let without: Vec<&str> = lines.lines().filter(|l| !l.ends_with("/user")).collect();
    std::fs::write(configuration, without.join("\n") + "\nIdentityAgent none\n").unwrap();
    let source = Source::behind(&sshd, &["web"]).with("sshKey", key.to_str().unwrap());
    let run = source.backup();
    assert_ne!(run.code, Some(0));
    let error = only_error(&run);
    assert_eq!(error["kind"], "credentials", "{error:#}");
    assert!(
        error["message"].as_str().unwrap().contains("passphrase"),
        "{error:#}"
    );
    assert_eq!(sshd.connections(), 1);
}

#[test]
fn an_unknown_host_is_a_failure_that_says_so() {
    let Some(sshd) = Sshd::start() else { return };
    git::repository(&sshd.home().join("web"));
    sshd.forget_host();
    let run = Source::behind(&sshd, &["web"]).backup();
    assert_ne!(run.code, Some(0));
    let error = only_error(&run);
    assert_eq!(error["kind"], "policy", "{error:#}");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("key is not known"), "{error:#}");
    assert!(
        message.contains(sshd.known_hosts().to_str().unwrap()),
        "{error:#}"
    );
    assert!(
        error["hint"].as_str().unwrap().contains("ssh-keyscan"),
        "{error:#}"
    );
    // Nothing was accepted on the way.
    assert_eq!(std::fs::read(sshd.known_hosts()).unwrap(), b"");
}

#[test]
fn a_changed_host_key_is_a_failure_with_both_fingerprints() {
    let Some(sshd) = Sshd::start() else { return };
    git::repository(&sshd.home().join("web"));
    let source = Source::behind(&sshd, &["web"]);
    source.backup().expect(0);
    sshd.change_host_key();
    // Whatever the user has said.
    sshd.configure_client("StrictHostKeyChecking no");
    let run = source.backup();
    assert_ne!(run.code, Some(0));
    let error = only_error(&run);
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("another key than the known one"),
        "{error:#}"
    );
    assert!(message.matches("SHA256:").count() >= 2, "{error:#}");
    assert!(
        message.contains(sshd.known_hosts().to_str().unwrap()),
        "{error:#}"
    );
}

#[test]
fn connections_that_are_dropped_at_random_are_tried_again() {
    let Some(sshd) = Sshd::start() else { return };
    git::repository(&sshd.home().join("web"));
    sshd.drop_next(1);
    let source = Source::behind(&sshd, &["web"]);
    source.backup().expect(0);
}

#[test]
fn what_is_not_there_is_not_found_and_the_login_is_good() {
    let Some(sshd) = Sshd::start() else { return };
    git::repository(&sshd.home().join("web"));
    let source = Source::behind(&sshd, &["missing", "web"]);
    let run = source.backup().expect(3);
    let all = report(&run)["sources"][0]["repositories"].clone();
    let missing = all
        .as_array()
        .unwrap()
        .iter()
        .find(|r| r["error"] != Value::Null)
        .unwrap();
    assert_eq!(missing["error"]["kind"], "not-found", "{missing:#}");
}

#[test]
fn the_program_at_the_other_end_can_be_named() {
    let Some(sshd) = Sshd::start() else { return };
    git::repository(&sshd.home().join("web"));
    let source = Source::behind(&sshd, &["web"]).with("uploadPack", "no-such-program");
    let run = source.backup();
    let error = only_error(&run);
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("(exit code 127)"),
        "{error:#}"
    );
    assert!(
        error["hint"].as_str().unwrap().contains("uploadPack"),
        "{error:#}"
    );
    let source = source.with("uploadPack", "git upload-pack");
    source.backup().expect(0);
    assert!(
        sshd.commands()
            .iter()
            .any(|line| line.starts_with("git upload-pack '"))
    );
}

#[test]
fn a_login_that_speaks_before_git_is_shown() {
    let Some(sshd) = Sshd::start() else { return };
    git::repository(&sshd.home().join("web"));
    sshd.chatter("Welcome to the server\n");
    let run = Source::behind(&sshd, &["web"]).backup();
    let error = only_error(&run);
    assert_eq!(error["kind"], "bad-answer", "{error:#}");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("Welcome to the server"),
        "{error:#}"
    );
}

#[test]
fn a_silence_ends_the_connection() {
    let Some(sshd) = Sshd::start() else { return };
    git::repository(&sshd.home().join("web"));
    let mut source = Source::behind(&sshd, &["web"]).with("uploadPack", "exec sleep 600;");
    source.options["network"]["stallSeconds"] = 1.into();
    let run = source.backup();
    let error = only_error(&run);
    assert_eq!(error["kind"], "network", "{error:#}");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("no answer for 1 s"),
        "{error:#}"
    );
}

/// A server that lists over HTTP, and gives its repositories by ssh.
#[test]
fn a_hoster_is_fetched_by_ssh_where_the_source_says_so() {
    let Some(sshd) = Sshd::start() else { return };
    let gitea = Gitea::new();
    gitea.change(|state| {
        let dev = state.add_user("dev");
        state.add_organisation("acme", dev, true);
        state.ssh_url = format!("{}/", sshd.url(sshd.home().to_str().unwrap()));
    });
    let id = gitea.repository("acme", "web");
    gitea.wiki(id);
    std::fs::create_dir(sshd.home().join("acme")).unwrap();
    let link = |to: PathBuf, name: &str| {
        std::os::unix::fs::symlink(to, sshd.home().join("acme").join(name)).unwrap();
    };
    link(gitea.git_dir(id), "web.git");
    link(gitea.wiki_dir(id), "web.wiki.git");
    let mut source = Source::of(&[]).with("sshCommand", sshd.command());
    source.keys.as_object_mut().unwrap().remove("urls");
    let source = source
        .with("hoster", "gitea")
        .with("name", "acme")
        .with("apiUrl", gitea.url())
        // Proved by a key, not by a password.
        .with("authName", "dev")
        .with("protocol", "ssh");
    let run = source.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "cloned");
    assert_eq!(run.repository("acme/web")["wiki"]["outcome"], "cloned");
    compare::assert_mirror(&gitea.git_dir(id), &source.mirror("acme#web"));
    let by_http = gitea.requests();
    assert!(
        by_http
            .iter()
            .all(|request| !request.target.contains("git-upload-pack"))
    );
    // A host that is not the server's gets no login.
    gitea.change(|state| state.ssh_url = "git@git.example.com:".to_owned());
    let before = sshd.connections();
    let run = source.backup();
    let error = &run.repository("acme/web")["error"];
    assert_eq!(error["kind"], "policy", "{error:#}");
    assert_eq!(sshd.connections(), before);
    // By HTTPS again: it is the same backup.
    let source = source.with("protocol", "https").with("authName", "");
    let run = source.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "unchanged");
}

#[test]
fn an_interruption_ends_ssh_with_all_it_has_started() {
    let Some(sshd) = Sshd::start() else { return };
    git::repository(&sshd.home().join("web"));
    let source = Source::behind(&sshd, &["web"]).with("uploadPack", "exec sleep 600;");
    source.write();
    let run = source.sandbox.forgekeep(["backup"]);
    let run = run.env("PATH", std::env::var_os("PATH").unwrap()).spawn();
    sshd.wait_for_commands(1);
    run.interrupt();
    let run = run.wait().expect(130);
    assert!(run.time < std::time::Duration::from_secs(30));
    // The connection ends with its client.
    sshd.wait_for_silence();
}

#[test]
fn check_logs_in_as_a_backup_does() {
    let Some(sshd) = Sshd::start() else { return };
    git::repository(&sshd.home().join("web"));
    let source = Source::behind(&sshd, &["web"]);
    source.write();
    let check = || {
        let check = source.sandbox.forgekeep(["check"]);
        check.env("PATH", std::env::var_os("PATH").unwrap()).run()
    };
    check().expect(0);
    assert_eq!(sshd.connections(), 1);
    sshd.forget_host();
    let run = check();
    assert_ne!(run.code, Some(0));
    assert!((run.stderr + &run.stdout).contains("key is not known"));
}

#[test]
fn one_connection_at_a_time_is_enough_for_many_repositories() {
    let Some(sshd) = Sshd::start() else { return };
    let names: Vec<String> = (0..10).map(|number| format!("r{number}")).collect();
    for name in &names {
        git::repository(&sshd.home().join(name));
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut source = Source::behind(&sshd, &names);
    source.options["network"]["sshConnectionsPerHost"] = 1.into();
    source.backup().expect(0);
    // The list of refs, and the pack.
    assert_eq!(sshd.connections(), 20);
    // A server's process ends a little after its client; without a limit, eight would be let in.
    assert!(sshd.most_at_a_time() < 4, "{}", sshd.most_at_a_time());
    source.backup().expect(0);
    assert_eq!(sshd.connections(), 30);
}
