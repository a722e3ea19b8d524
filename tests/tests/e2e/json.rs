//! `--json`: one document, alone on standard output, whatever comes of the command, as its schema says.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use boon::{Compiler, Draft, Schemas};
use forgekeep_tests::{Action, Fault, Invocation, RequestKind, Run, git};
use serde_json::Value;

use crate::support::{EMAIL, TOKEN, World};

fn root(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// Panics unless a document is as `schema/NAME.schema.json` says.
#[track_caller]
pub fn assert_valid(name: &str, document: &Value) {
    let schema = fs::read(root(&format!("schema/{name}.schema.json"))).unwrap();
    let place = format!("https://schema.example/{name}.json");
    let mut compiler = Compiler::new();
    compiler.set_default_draft(Draft::V2020_12);
    compiler.enable_format_assertions();
    let schema = serde_json::from_slice(&schema).unwrap();
    compiler.add_resource(&place, schema).unwrap();
    let mut schemas = Schemas::new();
    let index = compiler.compile(&place, &mut schemas).unwrap();
    if let Err(error) = schemas.validate(document, index) {
        panic!("not as the schema {name} says: {error:#}\n{document:#}");
    }
}

/// The document that a run has printed, and nothing else.
#[track_caller]
pub fn document(run: &Run, name: &str) -> Value {
    let document: Value = serde_json::from_str(&run.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}\n{}", run.stdout, run.stderr));
    assert_valid(name, &document);
    assert_eq!(document["schema"], 1);
    let code = document.get("exitCode").and_then(Value::as_i64);
    if let Some(code) = code {
        assert_eq!(Some(code), run.code.map(i64::from), "{document:#}");
    }
    document
}

/// Runs a command that does what it was asked.
#[track_caller]
fn good(invocation: Invocation<'_>, name: &str) -> Value {
    let run = invocation.run().expect(0);
    let document = document(&run, name);
    let error = document.get("error");
    assert!(error.is_none_or(Value::is_null), "{document:#}");
    document
}

/// Runs a command that cannot do it, and says why by `error`.
#[track_caller]
fn failed(invocation: Invocation<'_>, code: i32, name: &str) -> Value {
    let run = invocation.run().expect(code);
    let document = document(&run, name);
    let error = &document["error"];
    for part in ["kind", "message"] {
        let part = error[part].as_str().unwrap_or_default();
        assert!(!part.is_empty(), "{document:#}");
    }
    // People read it where they always do, and it is the same; but for what is said of command lines.
    let hint = error["hint"].as_str().unwrap();
    let is_there = name == "failed" || run.stderr.contains(hint);
    assert!(is_there, "{hint}: {}", run.stderr);
    document
}

fn world() -> World {
    let world = World::new();
    world.forge.repository("web").private().commit("one").wiki();
    world.forge.repository("api").commit("one");
    world.forge.repository("empty");
    world
}

#[test]
fn each_command_prints_one_document_as_its_schema_says() {
    let world = world();
    let run = |line: &str, schema: &str| good(world.forgekeep(&words(line)), schema);
    let plan = run("backup --dry-run --json", "plan");
    assert_eq!(plan["sources"][0]["planned"][0]["action"], "clone");
    run("backup --json", "report");
    run("backup --json --progress plain", "report");
    run("list --json", "list");
    run("check --json", "check");
    run("check --offline --json", "check");
    run("status --json", "status");
    run("status --json --check", "status");
    let all = run("snapshots acme/web --json", "snapshots");
    assert_eq!(all["snapshots"][0]["origin"], "run", "{all:#}");
    let one = run("restore acme/web --to one --json", "restore");
    assert_eq!(one["repositories"][0]["head"], "refs/heads/main", "{one:#}");
    let all = run("restore --all --to all --json", "restore");
    let restored = all["repositories"].as_array().unwrap();
    let outcomes: Vec<_> = restored.iter().map(|one| &one["outcome"]).collect();
    assert_eq!(outcomes.len(), 4, "{all:#}");
    assert!(
        outcomes.iter().all(|outcome| *outcome == "restored"),
        "{all:#}"
    );
    assert!(
        world
            .sandbox
            .path("all")
            .join("acme/acme/web.wiki")
            .is_dir()
    );
    run("verify --json", "verify");
    run("verify --subset auto --json", "verify");
    run("forget --dry-run --json", "forget");
    run("forget --json", "forget");
    let plugins = run("plugins list --json", "plugins");
    let first = &plugins["plugins"][0];
    run("plugins info bitbucket --json", "plugins");
    let file = first["file"].as_str().unwrap();
    let checked = good(
        world.forgekeep(&["plugins", "check", file, "--json"]),
        "plugins",
    );
    assert_eq!(checked["plugin"], first["plugin"]);
    assert_eq!(checked["faults"].as_array().unwrap().len(), 0);
    let demo = run("demo --dir demo --json", "demo");
    for report in demo["reports"].as_array().unwrap() {
        assert_valid("report", report);
    }
    assert_eq!(demo["reports"].as_array().unwrap().len(), 2);
    let path = std::env::var("PATH").unwrap();
    good(
        world.forgekeep(&["drill", "--json"]).env("PATH", path),
        "drill",
    );
}

#[test]
fn a_push_prints_one_document() {
    let world = world();
    world.backup().expect(0);
    let there = world.sandbox.path("there.git");
    git::run(
        &world.sandbox.path(""),
        &["init", "--bare", "--quiet", "there.git"],
    );
    let address = there.to_str().unwrap();
    let line = ["restore", "acme/web", "--push", address, "--json"];
    let document = good(world.forgekeep(&line), "restore");
    assert_eq!(document["repositories"][0]["outcome"], "restored");
    assert_eq!(document["pushedTo"], address);
}

#[test]
fn init_prints_one_document_whether_it_writes_or_not() {
    let world = world();
    fs::remove_file(world.sandbox.path("settings.yml")).unwrap();
    world.sandbox.write("given", format!("{TOKEN}\n"));
    world.sandbox.write("wrong", "wrong\n");
    let folder = world.sandbox.backup();
    let folder = folder.to_str().unwrap();
    let api = world.forge.api_url();
    let line = |token: &str| {
        let line = format!(
            "init --json --hoster bitbucket --name acme --api-url {api} --api-auth-name {EMAIL} \
             --token-file {token} --folder"
        );
        let mut line: Vec<String> = words(&line).into_iter().map(str::to_owned).collect();
        line.push(folder.to_owned());
        line
    };
    let refused = line("wrong");
    let refused: Vec<&str> = refused.iter().map(String::as_str).collect();
    let document = failed(world.forgekeep(&refused), 12, "init");
    assert_eq!(document["configuration"], Value::Null);
    assert_eq!(
        document["check"]["sources"][0]["error"]["kind"],
        "credentials"
    );
    assert!(!world.sandbox.path("forgekeep.yml").exists());

    let given = line("given");
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    let document = good(world.forgekeep(&given), "init");
    assert_valid("check", &document["check"]);
    let file = document["configuration"].as_str().unwrap();
    assert!(Path::new(file).is_file());
    assert!(Path::new(document["tokenFile"].as_str().unwrap()).is_file());
    assert!(!document.to_string().contains(TOKEN));
}

#[cfg(unix)]
#[test]
fn a_schedule_prints_one_document() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = world();
    let crontab = world.sandbox.write(
        "programs/crontab",
        "#!/bin/sh\nPATH=/usr/bin:/bin\ncase $1 in -l) cat \"$0.table\" ;; *) cat \"$1\" >\"$0.table\" ;; esac",
    );
    world.sandbox.write("programs/crontab.table", "");
    fs::set_permissions(&crontab, fs::Permissions::from_mode(0o755)).unwrap();
    let run = |command: &str| {
        let line = ["schedule", "--kind", "cron", "--user", command, "--json"];
        let invocation = world.forgekeep(&line);
        invocation.env("PATH", crontab.parent().unwrap().to_owned())
    };
    let before = run("status").run().expect(3);
    assert_eq!(document(&before, "schedule")["jobs"][0]["installed"], false);
    good(run("install"), "schedule");
    let jobs = &good(run("status"), "schedule")["jobs"];
    assert_eq!(jobs[0]["installed"], true);
    good(run("remove"), "schedule");
}

/// Every command that takes `--json`, with a document for each, and how it ends with a configuration that
/// cannot be read.
const ALL: [(&str, i32, &str); 18] = [
    ("backup", 10, "report"),
    ("list", 10, "list"),
    ("check", 10, "check"),
    ("status", 10, "status"),
    ("snapshots web", 10, "snapshots"),
    ("restore web --to x", 10, "restore"),
    ("drill", 10, "drill"),
    ("verify", 10, "verify"),
    ("forget", 10, "forget"),
    ("notify test", 10, "notify"),
    ("schedule install", 10, "schedule"),
    ("schedule status", 10, "schedule"),
    ("schedule remove", 10, "schedule"),
    ("plugins list", 10, "plugins"),
    ("plugins info bitbucket", 10, "plugins"),
    ("plugins check nothing.so", 11, "plugins"),
    ("init --hoster bitbucket", 2, "init"),
    ("demo --dir tmp", 1, "demo"),
];

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

#[test]
fn a_failure_is_one_document_too() {
    let world = world();
    world.sandbox.write("settings.yml", "localFolder: [\n");
    for (line, code, schema) in ALL {
        let line = format!("{line} --json");
        let document = failed(world.forgekeep(&words(&line)), code, schema);
        if code == 10 {
            assert_eq!(document["error"]["kind"], "config", "{line}");
        }
        if schema != "report" {
            assert_valid("failed", &document);
        }
    }
    // The contract of monitors has codes of its own.
    let run = world.forgekeep(&["status", "--check", "--json"]).run();
    let document = document(&run.expect(3), "status");
    assert_eq!(document["level"], "unknown");
    assert_eq!(document["error"]["kind"], "config");
    assert_eq!(
        document["concerns"][0]["message"],
        document["error"]["message"]
    );
}

#[test]
fn a_command_line_that_cannot_be_read_is_one_document_too() {
    let world = world();
    for (line, ..) in ALL {
        for more in ["--json --surprise", "--surprise --json"] {
            let line = format!("{line} {more}");
            let document = failed(world.forgekeep(&words(&line)), 2, "failed");
            let message = document["error"]["message"].as_str().unwrap();
            assert!(message.contains("--surprise"), "{line}: {message}");
            assert!(!message.contains('\n'), "{message:?}");
        }
    }
    for line in [
        "restore --json",
        "surprise --json",
        "man pages --json",
        "status --json --html",
        "backup --json --jobs 0",
    ] {
        failed(world.forgekeep(&words(line)), 2, "failed");
    }
    for line in [
        "backup --json --progress json",
        "backup --json --report -",
        "backup --json --report nowhere/report.json",
        "backup --json --metrics metrics.txt",
    ] {
        let run = world.forgekeep(&words(line)).run();
        assert!(matches!(run.code, Some(1 | 2)), "{line}: {}", run.stderr);
        assert_eq!(document(&run, "report")["outcome"], "failed");
    }
    assert!(!world.sandbox.backup().exists());
    // Where no document is asked for, there is none.
    for line in ["list --surprise", "verify -- --json --surprise"] {
        let run = world.forgekeep(&words(line)).run();
        assert!(run.stdout.is_empty(), "{line}: {}", run.stdout);
    }
}

#[test]
fn what_fails_in_part_is_in_the_document_of_the_command() {
    let world = world();
    let fault = Fault::on(RequestKind::InfoRefs, Action::status(500));
    world.forge.inject(fault.repository("api"));
    let run = world.forgekeep(&["backup", "--json"]).run().expect(3);
    let report = document(&run, "report");
    assert_eq!(report["outcome"], "partial");
    // The file has the same.
    assert_eq!(run.report.as_ref(), Some(&report));
    world.forge.clear_faults();
    world.backup().expect(0);

    let objects = world.mirror("web").join("objects/pack");
    let pack = fs::read_dir(objects)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let pack = pack.filter(|path| path.extension().is_some_and(|end| end == "pack"));
    for file in pack {
        fs::remove_file(file).unwrap();
    }
    let run = world.forgekeep(&["verify", "--json"]).run().expect(3);
    assert_eq!(document(&run, "verify")["outcome"], "damaged");
    let line = ["restore", "--all", "--to", "all", "--json"];
    let run = world.forgekeep(&line).run().expect(3);
    assert_eq!(document(&run, "restore")["outcome"], "partial");
    failed(
        world.forgekeep(&["restore", "acme/web", "--to", "one", "--json"]),
        3,
        "restore",
    );

    world.forge.change(|state| state.accounts.clear());
    for (line, schema) in [
        ("list", "list"),
        ("check", "check"),
        ("backup --dry-run", "plan"),
    ] {
        let line = format!("{line} --json");
        let run = world.forgekeep(&words(&line)).run().expect(12);
        let document = document(&run, schema);
        let error = &document["sources"][0]["error"];
        assert_eq!(error["kind"], "credentials", "{document:#}");
    }
    let run = world.forgekeep(&["backup", "--json"]).run().expect(12);
    document(&run, "report");
}

#[cfg(unix)]
#[test]
fn what_is_interrupted_prints_its_document() {
    let world = world();
    for (line, kind, schema) in [
        ("backup", RequestKind::UploadPack, "report"),
        ("list", RequestKind::Api, "list"),
        ("check", RequestKind::Api, "check"),
        ("backup --dry-run", RequestKind::Api, "plan"),
    ] {
        world.forge.inject(Fault::on(kind, Action::Hang));
        let before = world.forge.count(kind);
        let line = format!("{line} --json");
        let running = world.forgekeep(&words(&line)).spawn();
        world.forge.wait_for(kind, before + 1);
        running.interrupt();
        let run = running.wait().expect(130);
        assert_eq!(document(&run, schema)["exitCode"], 130, "{line}");
        world.forge.clear_faults();
    }
}

#[test]
fn every_command_with_json_is_tried_here() {
    let help = fs::read_to_string(root("tests/tests/e2e/messages/help.txt")).unwrap();
    let mut taking = BTreeSet::new();
    let mut command = "";
    for line in help.lines() {
        if let Some(name) = line.strip_prefix("== forgekeep") {
            command = name.trim();
        }
        // Not where a sentence or an example names it.
        if line.trim_start().starts_with("--json") {
            taking.insert(command.to_owned());
        }
    }
    let tried = ALL.iter().map(|(line, ..)| {
        let line = words(line);
        let names = line.iter().take(match line[0] {
            "schedule" | "plugins" | "notify" => 2,
            _ => 1,
        });
        names.copied().collect::<Vec<_>>().join(" ")
    });
    assert_eq!(taking, tried.collect());
}

#[test]
fn the_program_knows_each_schema_by_its_name() {
    let world = world();
    let page = fs::read_to_string(root("docs/json.md")).unwrap();
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(root("schema")).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let name = file.strip_suffix(".schema.json").unwrap().to_owned();
        let run = world.forgekeep(&["schema", &name]).run().expect(0);
        let kept = fs::read_to_string(root(&format!("schema/{file}"))).unwrap();
        // That of the configuration has what the plugins say.
        if name != "config" {
            assert_eq!(run.stdout, kept, "{name}");
            assert!(page.contains(&format!("(../schema/{file})")), "{name}");
        }
        names.insert(name);
    }
    let run = world.forgekeep(&["schema", "--help"]).run().expect(0);
    let listed = run.stdout.lines().filter_map(|line| {
        let (name, _) = line.trim().strip_prefix("- ")?.split_once(':')?;
        Some(name.to_owned())
    });
    assert_eq!(listed.collect::<BTreeSet<_>>(), names);
    world.forgekeep(&["schema", "surprise"]).run().expect(2);
}
