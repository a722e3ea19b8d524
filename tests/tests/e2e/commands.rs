//! The commands, and what they promise to programs that read them.

use forgekeep_tests::{Action, Fault, RequestKind};
use serde_json::Value;

use crate::support::{World, content, report, source};

fn world() -> World {
    let world = World::new();
    world
        .forge
        .repository("web")
        .private()
        .commit("one")
        .size(4096)
        .wiki();
    world.forge.repository("api").commit("one");
    world.forge.repository("old").hg();
    world
}

#[track_caller]
fn keys(value: &Value, wanted: &[&str]) {
    let object = value
        .as_object()
        .unwrap_or_else(|| panic!("not an object: {value}"));
    for key in wanted {
        assert!(object.contains_key(*key), "{key} is missing in {value:#}");
    }
}

#[track_caller]
fn assert_schema(report: &Value) {
    keys(report, &["schema", "outcome", "exitCode", "sources"]);
    assert_eq!(report["schema"], 1);
    let outcome = report["outcome"].as_str().unwrap();
    assert!(
        ["ok", "partial", "failed", "interrupted"].contains(&outcome),
        "{outcome}"
    );
    assert!(report["exitCode"].is_u64());
    for source in report["sources"].as_array().unwrap() {
        keys(
            source,
            &[
                "title",
                "hoster",
                "outcome",
                "listed",
                "error",
                "repositories",
            ],
        );
        assert!(source["title"].is_string() && source["hoster"].is_string());
        let outcome = source["outcome"].as_str().unwrap();
        assert!(["ok", "partial", "failed"].contains(&outcome), "{outcome}");
        assert!(source["listed"].is_u64());
        assert_error(&source["error"]);
        for repository in source["repositories"].as_array().unwrap() {
            assert_repository(repository);
        }
    }
}

#[track_caller]
fn assert_repository(entry: &Value) {
    keys(
        entry,
        &[
            "id",
            "name",
            "path",
            "outcome",
            "refs",
            "bytesReceived",
            "seconds",
            "error",
        ],
    );
    assert!(
        ["id", "name", "path"]
            .iter()
            .all(|key| entry[key].is_string()),
        "{entry:#}"
    );
    let outcome = entry["outcome"].as_str().unwrap();
    let known = [
        "cloned",
        "updated",
        "unchanged",
        "empty",
        "skipped",
        "failed",
    ];
    assert!(known.contains(&outcome), "{outcome}");
    for key in ["created", "updated", "forced", "deleted"] {
        assert!(entry["refs"][key].is_u64(), "{entry:#}");
    }
    assert!(
        entry["bytesReceived"].is_u64() && entry["seconds"].is_f64(),
        "{entry:#}"
    );
    assert_error(&entry["error"]);
    assert_eq!(entry["error"].is_null(), outcome != "failed", "{entry:#}");
}

#[track_caller]
fn assert_error(error: &Value) {
    if !error.is_null() {
        keys(error, &["kind", "message", "hint"]);
        assert!(
            ["kind", "message", "hint"]
                .iter()
                .all(|key| error[key].is_string()),
            "{error:#}"
        );
    }
}

#[test]
fn the_report_has_the_documented_form_and_the_exit_code_of_the_process() {
    let world = world();
    let run = world.backup().expect(0);
    assert_schema(report(&run));
    assert_eq!(report(&run)["exitCode"], 0);
    assert_eq!(source(&run, "acme")["listed"], 3);
    let web = run.repository("acme/web");
    assert_eq!(web["id"], world.forge.repository("web").uuid().as_str());
    assert_eq!(web["path"], "acme/acme#web");
    assert_eq!(web["refs"]["created"], 1);

    world
        .forge
        .inject(Fault::on(RequestKind::InfoRefs, Action::status(500)).repository("web"));
    let run = world.backup().expect(3);
    assert_schema(report(&run));
    assert_eq!(
        (&report(&run)["outcome"], &report(&run)["exitCode"]),
        (&"partial".into(), &3.into())
    );
    assert_eq!(source(&run, "acme")["outcome"], "partial");

    world.forge.change(|state| state.accounts.clear());
    let run = world.backup().expect(12);
    assert_schema(report(&run));
    assert_eq!(report(&run)["exitCode"], 12);
    assert_eq!(report(&run)["outcome"], "failed");
}

#[test]
fn a_run_that_could_not_be_made_has_a_report_too() {
    let world = world();
    world.sandbox.write("settings.yml", "localFolder: [\n");
    let run = world.backup().expect(10);
    assert_schema(report(&run));
    assert_eq!(report(&run)["outcome"], "failed");
    assert_eq!(report(&run)["exitCode"], 10);
    assert_error(&report(&run)["error"]);
    assert_eq!(report(&run)["error"]["kind"], "config");
}

#[test]
fn a_report_that_cannot_be_written_is_said() {
    let world = world();
    let run = world
        .forgekeep(&["backup", "--report", "no/such/folder/r.json"])
        .run();
    assert!(run.code.is_some_and(|code| code != 0), "{run:#?}");
    assert!(run.stderr.contains("no/such/folder"), "{}", run.stderr);
}

#[test]
fn a_dry_run_prints_the_plan_and_touches_nothing() {
    let world = world();
    let run = world.forgekeep(&["backup", "--dry-run"]).run().expect(0);
    assert!(!world.sandbox.backup().exists());
    assert_eq!(world.forge.count(RequestKind::InfoRefs), 0);
    insta::assert_snapshot!(world.shown(&run.stdout), @r"
    acme (bitbucket):
      clone   acme/web -> acme#web, 4.00 KiB
      clone   acme/api -> acme#api, 0 B
      skip    acme/old: Mercurial repository: Bitbucket removed Mercurial in 2020; nothing to clone
    Nothing was changed. A run would clone 2, update 0 and adopt 0.
    ");
    world.backup().expect(0);
    let before = content(&world.sandbox.backup());
    world.forge.repository("web").commit("two");
    world.forge.repository("new").commit("one");
    let run = world.forgekeep(&["backup", "--dry-run"]).run().expect(0);
    assert!(
        run.stdout.contains("clone 1, update 2 and adopt 0"),
        "{}",
        run.stdout
    );
    assert_eq!(content(&world.sandbox.backup()), before);
}

#[test]
fn list_shows_what_there_is_and_touches_nothing() {
    let world = world();
    let run = world.forgekeep(&["list"]).run().expect(0);
    insta::assert_snapshot!(world.shown(&run.stdout), @r"
    acme (bitbucket): 3 repositories
      repository      size  branch  about
      acme/web    4.00 KiB  main    private, wiki
      acme/api         0 B  main
      acme/old           -  -       not backed up
      not backed up: acme/old: Mercurial repository: Bitbucket removed Mercurial in 2020; nothing to clone
    ");
    assert!(!world.sandbox.backup().exists());
    assert_eq!(world.forge.count(RequestKind::InfoRefs), 0);
}

#[test]
fn list_as_json_is_for_programs() {
    let world = world();
    world.configure(&[world.source_with("ignoreRepos", vec!["api"])]);
    let run = world.forgekeep(&["list", "--json"]).run().expect(0);
    let list = crate::json::document(&run, "list");
    assert_eq!(list["schema"], 1);
    let acme = &list["sources"][0];
    assert_eq!(
        (&acme["title"], &acme["listed"]),
        (&"acme".into(), &3.into())
    );
    assert_eq!(acme["error"], Value::Null);
    let find = |name: &str| {
        let mut all = acme["repositories"].as_array().unwrap().iter();
        all.find(|r| r["name"] == name).unwrap().clone()
    };
    let web = find("acme/web");
    assert_eq!(web["id"], world.forge.repository("web").uuid().as_str());
    assert_eq!(
        web["cloneUrl"],
        world.forge.repository("web").clone_url().as_str()
    );
    assert_eq!(
        (&web["private"], &web["size"]),
        (&true.into(), &4096.into())
    );
    assert_eq!(
        (&web["defaultBranch"], &web["leftOut"]),
        (&"main".into(), &Value::Null)
    );
    assert!(
        find("acme/api")["leftOut"]
            .as_str()
            .unwrap()
            .contains("ignoreRepos")
    );
    assert!(
        find("acme/old")["leftOut"]
            .as_str()
            .unwrap()
            .contains("Mercurial")
    );
}

#[test]
fn list_says_what_failed() {
    let world = world();
    world.forge.change(|state| state.accounts.clear());
    let run = world.forgekeep(&["list", "--json"]).run().expect(12);
    let list = crate::json::document(&run, "list");
    assert_eq!(list["sources"][0]["error"]["kind"], "credentials");
    let run = world.forgekeep(&["list"]).run().expect(12);
    assert!(
        run.stderr.contains("refuses the API token"),
        "{}",
        run.stderr
    );
}

/// What `check` prints, without what is the machine's own: tests/tests/e2e/surroundings.rs has that.
fn without_figures(shown: &str) -> String {
    let of_machine = ["  owner: ", "  file system: ", "  tried: "];
    let lines = shown.lines();
    let lines = lines.filter(|line| !of_machine.iter().any(|begin| line.starts_with(begin)));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn check_says_who_one_is_and_what_one_sees() {
    let world = world();
    let run = world.forgekeep(&["check"]).run().expect(0);
    insta::assert_snapshot!(without_figures(&world.shown(&run.stdout)), @r"
    configuration: ./settings.yml
    backup folder: [sandbox]/backup
      the first backup makes it; of the folder that it will be in:
    proxy: none
    certificates: those of the system
    acme (bitbucket): ok
      as: API token of dev@example.com (devuser)
      sees: 3 repositories, 1 of them private
      owners: acme
      scopes: read:repository:bitbucket, read:user:bitbucket, read:workspace:bitbucket
    ");
    assert!(!world.sandbox.backup().exists());
    world.forge.change(|state| state.accounts.clear());
    let run = world.forgekeep(&["check"]).run().expect(12);
    assert!(
        run.stdout.contains("refuses the API token"),
        "{}",
        run.stdout
    );
}

#[test]
fn an_offline_check_asks_nobody() {
    let world = world();
    let run = world.forgekeep(&["check", "--offline"]).run().expect(0);
    insta::assert_snapshot!(without_figures(&world.shown(&run.stdout)), @r"
    configuration: ./settings.yml
    backup folder: [sandbox]/backup
      the first backup makes it; of the folder that it will be in:
    proxy: none
    certificates: those of the system
    acme (bitbucket): ok, as far as can be checked offline
    ");
    let mut source = world.source();
    source.as_object_mut().unwrap().remove("apiAuthName");
    world.configure(&[source]);
    let run = world.forgekeep(&["check", "--offline"]).run().expect(10);
    assert!(
        run.stdout.contains("apiAuthName is missing"),
        "{}",
        run.stdout
    );
    assert!(world.forge.requests().is_empty());
}
