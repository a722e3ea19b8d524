//! What is refused before anything is run.

use super::*;

#[track_caller]
fn refused(source: &Source, code: i32) -> String {
    let run = source.backup().expect(code);
    run.stderr + &run.stdout
}

#[test]
fn what_cannot_be_fetched_from_is_an_error_of_the_configuration() {
    for (urls, said) in [
        (&["ext::sh -c id"][..], "git-remote-ext"),
        (&["git://h.example/x"], "`git://`"),
        (&["s3://bucket/x"], "scheme"),
        (&["ssh://-oProxyCommand=id/x"], "host"),
        (&["ssh://h:acme/web"], "port"),
        (&["srv/x"], "neither an address nor an absolute path"),
        (&["https://h/a", "git@h:a.git"], "for one folder: h/a"),
    ] {
        let said_by = refused(&Source::of(urls), 10);
        assert!(said_by.contains(said), "{urls:?}: {said_by}");
    }
}

#[test]
fn a_list_that_is_empty_or_missing_is_an_error_of_the_configuration() {
    let said = refused(&Source::of(&[]), 10);
    assert!(said.contains("urls"), "{said}");
    let said = refused(&Source::of(&[]).with("urls", "no-such-file.txt"), 10);
    assert!(said.contains("cannot be read"), "{said}");
    let source = Source::of(&[]).with("urls", "urls.txt");
    for content in ["", "\n \n", "# nothing\n"] {
        source.sandbox.write("urls.txt", content);
        refused(&source, 10);
    }
    let mut none = Source::of(&[]);
    none.keys.as_object_mut().unwrap().remove("urls");
    let said = refused(&none, 10);
    assert!(said.contains("name") || said.contains("urls"), "{said}");
}

#[test]
fn a_path_that_is_no_repository_is_not_found() {
    let source = Source::of(&[]);
    let folder = source.sandbox.path("plain");
    std::fs::create_dir(&folder).unwrap();
    let missing = source.sandbox.path("missing");
    let urls = [&folder, &missing].map(|path| path.to_str().unwrap().to_owned());
    let run = source.with("urls", urls.to_vec()).backup();
    let all = report(&run)["sources"][0]["repositories"].clone();
    for one in all.as_array().unwrap() {
        assert_eq!(one["error"]["kind"], "not-found", "{one:#}");
    }
}

#[test]
fn a_repository_of_another_user_names_both_owners() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can give a folder to another user");
        return;
    }
    let source = Source::of(&[]);
    let path = source.sandbox.path("up/other.git");
    git::repository(&path);
    std::os::unix::fs::chown(&path, Some(12345), None).unwrap();
    let run = source.with("urls", vec![path.to_str().unwrap()]).backup();
    let error = &report(&run)["sources"][0]["repositories"][0]["error"];
    assert_eq!(error["kind"], "forbidden", "{error:#}");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("12345") && message.contains("(id 0)"),
        "{message}"
    );
    assert!(error["hint"].as_str().unwrap().contains("safe.directory"));
}

#[test]
fn a_partial_clone_is_not_filled_on_our_behalf() {
    let source = Source::of(&[]);
    let up = source.sandbox.path("up");
    let whole = up.join("whole.git");
    git::repository(&whole);
    git::run(&whole, &["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", whole.display());
    let clone = [
        "clone",
        "-q",
        "--bare",
        "--filter=blob:none",
        &url,
        "partial.git",
    ];
    git::run(&up, &clone);
    let partial = up.join("partial.git");
    let before = git::run(&partial, &["count-objects", "-v"]);
    let source = source.with("urls", vec![partial.to_str().unwrap()]);
    let run = source.backup();
    let error = &report(&run)["sources"][0]["repositories"][0]["error"];
    let message = error["message"].as_str().unwrap_or_default();
    assert!(message.contains("it is a partial clone"), "{error:#}");
    assert_eq!(git::run(&partial, &["count-objects", "-v"]), before);
}
