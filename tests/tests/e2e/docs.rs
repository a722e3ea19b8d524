//! The commands in the manual run as they are printed.
//!
//! Each block of `sh` is run by a shell of its own in a backup of one repository with a history;
//! `sh continued` goes on in the shell of the block before; `sh example` and `text example`, where
//! somebody else typed, are not run. Blocks of `cron`
//! and `ini` are run as cron and systemd would. Only what names the machine or the world is replaced,
//! by [`Machine::here`].

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use forgekeep_test_hosters::gitea::Gitea;
use forgekeep_tests::{binaries, git};
use serde_json::{Value, json};

use crate::support::{TOKEN, World, kept, plugin_file};

/// The languages of blocks that hold no commands.
const NO_COMMANDS: [&str; 6] = ["text", "yaml", "toml", "json", "rust", "c"];

/// The README's block that `.ci/readme` runs, on a fresh machine.
const OF_CI: &str = "cargo build --release --workspace && target/release/forgekeep demo\n\
                     cargo test --workspace\n";

/// Programs that are not on every machine; a block with one of them is run where it is there.
const PERHAPS: [&str; 2] = ["jq", "flock"];

/// A token that may write at the target.
const TARGET_TOKEN: &str = "89abcdef0123456789abcdef0123456789abcdef";

struct Block {
    place: String,
    kind: String,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn pages() -> Vec<PathBuf> {
    let mut pages = ["README.md", "CONTRIBUTING.md", "SECURITY.md"]
        .map(|page| root().join(page))
        .to_vec();
    let docs = fs::read_dir(root().join("docs")).unwrap();
    pages.extend(docs.map(|entry| entry.unwrap().path()));
    pages.retain(|page| page.extension().is_some_and(|ending| ending == "md"));
    pages.sort();
    pages
}

fn blocks(page: &Path) -> Vec<Block> {
    let text = fs::read_to_string(page).unwrap();
    let mut blocks = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(kind) = line.trim_start().strip_prefix("```") else {
            continue;
        };
        let indent = line.len() - line.trim_start().len();
        let body = lines.by_ref().take_while(|(_, line)| line.trim() != "```");
        let body = body.map(|(_, line)| line.get(indent..).unwrap_or_default().to_owned() + "\n");
        let name = page.file_name().unwrap().to_str().unwrap();
        blocks.push(Block {
            place: format!("{name}:{}", number + 1),
            kind: kind.to_owned(),
            text: body.collect(),
        });
    }
    blocks
}

/// A machine on which the manual's commands are typed.
struct Machine {
    world: World,
    /// Where everything can be brought back to: `new home` in the configuration.
    _target: Gitea,
}

impl Machine {
    fn new() -> Self {
        let target = Gitea::new();
        target.change(|state| {
            let dev = state.add_user("dev");
            state.add_organisation("acme-restored", dev, true);
            let scopes = ["write:repository", "write:user", "write:organization"];
            state.add_token(dev, TARGET_TOKEN, &scopes);
        });
        let target_url = target.url();
        let machine = Self {
            world: World::new(),
            _target: target,
        };
        let world = &machine.world;
        let web = world.forge.repository("web");
        let page = |number: u32| {
            let at = 1_700_000_000 + number;
            let stream = format!(
                "commit refs/heads/main\nauthor Ada <ada@example.com> {at} +0000\n\
                 committer Ada <ada@example.com> {at} +0000\ndata 2\n{number}\n\
                 {}M 100644 inline public/style.css\ndata 2\n{number}\n\n",
                match number {
                    1 => "",
                    _ => "from refs/heads/main^0\n",
                }
            );
            git::run_with_input(
                &web.git_dir(),
                &["fast-import", "--quiet"],
                stream.as_bytes(),
            );
            web.tag("now");
        };
        page(1);
        web.wiki();
        world.configure_with(
            &[world.source_with("password", "%BITBUCKET_TOKEN%")],
            &json!({}),
        );
        let sandbox = &world.sandbox;
        let settings = fs::read(sandbox.path("settings.yml")).unwrap();
        let mut settings: Value = serde_json::from_slice(&settings).unwrap();
        settings["targets"] = json!([{
            "title": "new home", "hoster": "gitea", "type": "org", "name": "acme-restored",
            "apiUrl": target_url, "password": TARGET_TOKEN,
        }]);
        sandbox.write("settings.yml", format!("{settings:#}"));
        let report = sandbox.path("report.json");
        let backup = || {
            let run = machine
                .world
                .forgekeep(&["backup", "--report", report.to_str().unwrap()]);
            run.env("BITBUCKET_TOKEN", TOKEN).run().expect(0);
        };
        backup();
        page(2);
        backup();
        web.force_push("main");
        page(3);
        backup();
        git::run(
            &sandbox.path(""),
            &["init", "-q", "--bare", "--template=", "newhoster.git"],
        );
        symlink(binaries().forgekeep(), sandbox.path("bin/forgekeep")).unwrap();
        // Who may do everything needs nobody else's leave, and users are not made for a test.
        for (name, script) in [
            ("sudo", "#!/bin/sh\nexec \"$@\"\n"),
            ("useradd", "#!/bin/sh\ntest $# -ge 3\n"),
            ("cargo", "#!/bin/sh\ntest \"$1\" = build\n"),
        ] {
            let path = sandbox.write(format!("bin/{name}"), script);
            fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        }
        machine
    }

    /// What is the machine's, or the world's, as it is here.
    fn here(&self, text: &str) -> String {
        let sandbox = &self.world.sandbox;
        let path = |name: &str| sandbox.path(name).to_str().unwrap().to_owned();
        let owner = fs::metadata(sandbox.path("")).unwrap();
        let (uid, gid) = (owner.uid(), owner.gid());
        let mirror = self.world.mirror("web");
        let tip = kept(&mirror)[0].rsplit('/').next().unwrap().to_owned();
        let snapshots = self.world.forgekeep(&["snapshots", "web", "--json"]);
        let snapshots = snapshots.env("BITBUCKET_TOKEN", TOKEN).run().expect(0);
        let snapshots: Value = serde_json::from_str(&snapshots.stdout).unwrap();
        let newest = &snapshots["snapshots"].as_array().unwrap().last().unwrap();
        let id = newest["id"].as_str().unwrap().to_owned();
        let time = newest["time"].as_str().unwrap().to_owned();
        let day = time.split('T').next().unwrap().to_owned();
        let new_hoster = path("newhoster.git");
        let replaced = [
            // First: the others bring paths with them.
            ("/tmp/", path("tmp/")),
            ("https://newhoster.example/acme/web.git", new_hoster.clone()),
            ("https://newhoster.example/$name.git", new_hoster.clone()),
            ("<address>", new_hoster),
            ("-o forgekeep -g forgekeep", format!("-o {uid} -g {gid}")),
            ("/srv/backup", path("backup")),
            ("/srv/restored", path("restored")),
            ("/usr/local/", path("usr/local/")),
            ("/etc/forgekeep", path("etc/forgekeep")),
            ("/var/lib/forgekeep", path("var/forgekeep")),
            ("9c0193f311578abf708fe6803c7593d66f0f31f0", tip),
            ("000007", "000002".to_owned()),
            ("--at 7c11 ", format!("--at {} ", &id[..6])),
            ("2026-11-22T18:30Z", time),
            ("2026-11-22", day.clone()),
            ("2026-11-21", day),
            ("…", TOKEN.to_owned()),
        ];
        let mut text = text.to_owned();
        for (from, to) in replaced {
            text = text.replace(from, &to);
        }
        text
    }

    /// A folder as somebody has it who types a command.
    fn folder(&self, name: &str) -> PathBuf {
        let sandbox = &self.world.sandbox;
        let folder = sandbox.path(name);
        fs::create_dir_all(folder.join("target/release")).unwrap();
        fs::copy(sandbox.path("settings.yml"), folder.join("forgekeep.yml")).unwrap();
        fs::copy(sandbox.path("report.json"), folder.join("report.json")).unwrap();
        let state = self.world.folder("web").join("forgekeep.json");
        fs::copy(state, folder.join("forgekeep.json")).unwrap();
        for file in [
            "forgekeep".to_owned(),
            plugin_file("azure_devops"),
            plugin_file("bitbucket"),
            plugin_file("git"),
            plugin_file("gitea"),
            plugin_file("github"),
            plugin_file("gitlab"),
        ] {
            let built = folder.join("target/release").join(&file);
            symlink(binaries().folder.join(&file), built).ok();
        }
        folder
    }

    /// A program with nothing of this test's environment but where programs are.
    fn command(&self, program: &str, folder: &Path) -> Command {
        let sandbox = &self.world.sandbox;
        let system = std::env::var("PATH").unwrap();
        let bin = sandbox.path("bin");
        let mut command = Command::new(program);
        command
            .current_dir(folder)
            .env_clear()
            .env("PATH", format!("{}:{system}", bin.display()))
            .env("HOME", sandbox.path("home"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0");
        command
    }
}

#[track_caller]
fn assert_done(what: &str, script: &str, output: &Output) {
    let wrong = wrong(what, script, output);
    assert!(wrong.is_none(), "{}", wrong.unwrap());
}

/// What went wrong, if anything did.
fn wrong(what: &str, script: &str, output: &Output) -> Option<String> {
    let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (shown(&output.stdout), shown(&output.stderr));
    let good = output.status.success() && !stderr.contains("failed:");
    let status = output.status;
    let text = format!("{what}: {status}\n{script}\n--- stdout\n{stdout}\n--- stderr\n{stderr}");
    (!good).then_some(text)
}

/// Whether a program is there that is not everywhere.
fn lacks(text: &str) -> Option<&'static str> {
    let words = |program: &str| {
        let mut words = text.split(|c: char| !c.is_alphanumeric());
        words.any(|word| word == program)
    };
    let path = std::env::var_os("PATH").unwrap();
    let is_there = |program: &str| std::env::split_paths(&path).any(|f| f.join(program).exists());
    PERHAPS
        .into_iter()
        .find(|program| words(program) && !is_there(program))
}

#[test]
fn every_command_in_the_manual_runs_as_it_is_printed() {
    let (mut count, mut all_wrong) = (0, Vec::new());
    for page in pages() {
        let blocks = blocks(&page);
        let mut at = 0;
        while let Some(block) = blocks.get(at) {
            at += 1;
            match block.kind.as_str() {
                "sh" if block.text == OF_CI => continue,
                "sh" => {}
                "cron" | "ini" | "sh example" | "text example" => continue,
                kind if NO_COMMANDS.contains(&kind) => {
                    assert_no_commands(block);
                    continue;
                }
                kind => panic!(
                    "{}: neither run nor marked as an example: {kind}",
                    block.place
                ),
            }
            let mut group = vec![block];
            while let Some(next) = blocks.get(at) {
                match next.kind.as_str() {
                    "sh continued" => group.push(next),
                    kind if kind.starts_with("sh") => break,
                    _ => assert_no_commands(next),
                }
                at += 1;
            }
            let machine = Machine::new();
            let mut script = String::new();
            for block in group {
                match lacks(&block.text) {
                    Some(program) => eprintln!("skipped: {}: no {program} here", block.place),
                    None => {
                        count += 1;
                        script += &format!("echo '-- {}' >&2\n{}", block.place, block.text);
                    }
                }
            }
            let script = machine.here(&script);
            let folder = machine.folder("work");
            let mut shell = machine.command("sh", &folder);
            shell
                .env("BITBUCKET_TOKEN", TOKEN)
                .args(["-eu", "-c", &script]);
            all_wrong.extend(wrong(&block.place, &script, &shell.output().unwrap()));
        }
    }
    assert!(all_wrong.is_empty(), "{}", all_wrong.join("\n\n"));
    assert!(count > 30, "only {count} blocks were run");
}

/// What is printed as text, output or a document is not to be typed.
#[track_caller]
fn assert_no_commands(block: &Block) {
    if block.kind.ends_with(" example") {
        return;
    }
    for line in block.text.lines() {
        let typed = ["$ ", "forgekeep ", "git ", "sudo ", "cargo "];
        let is_typed = typed.iter().any(|start| line.starts_with(start));
        assert!(
            !is_typed,
            "{}: run it, or mark it as an example: {line}",
            block.place
        );
    }
}

#[test]
fn what_ci_runs_of_the_readme_is_what_is_printed_there() {
    let readme = blocks(&root().join("README.md"));
    assert!(readme.iter().any(|block| block.text == OF_CI));
    let run = fs::read_to_string(root().join(".ci/run")).unwrap();
    let readme = run.find(".ci/readme").unwrap();
    assert!(readme < run.find("cargo clippy --workspace").unwrap());
}

#[test]
fn each_decision_has_a_date_and_a_status() {
    let text = fs::read_to_string(root().join("docs/decisions.md")).unwrap();
    let records: Vec<_> = text.split("\n## ").skip(1).collect();
    assert!(records.len() > 30, "{}", records.len());
    let is_date = |date: &str| {
        let form: Vec<_> = date.split('-').map(str::len).collect();
        form == [4, 2, 2] && date.replace('-', "").bytes().all(|b| b.is_ascii_digit())
    };
    for record in records {
        let (heading, body) = record.split_once('\n').unwrap();
        let line = body.trim_start().lines().next().unwrap_or_default();
        let marks = line
            .strip_prefix('*')
            .and_then(|line| line.strip_suffix('*'));
        let marks = marks.and_then(|marks| marks.split_once("; "));
        let is_marked = marks.is_some_and(|(dates, status)| {
            let word = status.split(&[':', ' '][..]).next();
            let is_status = status == "accepted" || matches!(word, Some("open" | "superseded"));
            is_status && dates.split(", revised ").all(is_date)
        });
        assert!(
            is_marked,
            "{heading}: below it, a line like *2026-11-22, revised 2026-11-27; accepted*, not: {line}"
        );
    }
}

#[test]
fn the_commands_of_cargo_that_are_ours_are_described() {
    let config = fs::read_to_string(root().join(".cargo/config.toml")).unwrap();
    let (_, aliases) = config.split_once("[alias]\n").unwrap();
    let aliases = aliases.lines().filter_map(|line| line.split_once(" = "));
    let aliases: BTreeSet<_> = aliases.map(|(name, _)| name).collect();
    let page = fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    let typed = page.lines().filter_map(|line| line.strip_prefix("cargo "));
    let typed = typed.flat_map(|line| line.split(' ').find(|word| !word.starts_with('+')));
    assert_eq!(typed.collect::<BTreeSet<_>>(), aliases);
}

/// The recipe before: the folders, the configuration and the secret.
fn installed() -> Machine {
    let machine = Machine::new();
    let page = blocks(&root().join("docs/scheduling.md"));
    let recipe = page.iter().find(|block| block.text.starts_with("useradd"));
    let recipe = recipe.unwrap();
    let script = machine.here(&recipe.text);
    fs::create_dir_all(machine.world.sandbox.path("etc")).unwrap();
    fs::create_dir_all(machine.world.sandbox.path("var")).unwrap();
    let folder = machine.folder("work");
    let mut shell = machine.command("sh", &folder);
    assert_done(
        &recipe.place,
        &script,
        &shell.args(["-eu", "-c", &script]).output().unwrap(),
    );
    machine
}

#[test]
fn the_crontab_runs_as_cron_runs_it() {
    let page = blocks(&root().join("docs/scheduling.md"));
    let tables: Vec<_> = page.iter().filter(|block| block.kind == "cron").collect();
    assert!(!tables.is_empty());
    for table in tables {
        let machine = installed();
        let text = machine.here(&table.text);
        let sandbox = &machine.world.sandbox;
        // Installed as the README says, and nowhere else.
        let bin = sandbox.path("usr/local/bin");
        fs::create_dir_all(&bin).unwrap();
        symlink(binaries().forgekeep(), bin.join("forgekeep")).unwrap();
        let (mut variables, mut count) = (Vec::new(), 0);
        for line in text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
        {
            let is_variable = line.split_once('=').filter(|(name, _)| !name.contains(' '));
            if let Some(variable) = is_variable {
                variables.push(variable);
                continue;
            }
            count += 1;
            let fields: Vec<_> = line.split_whitespace().collect();
            assert_eq!(fields[5], "forgekeep", "the user: {line}");
            // Whatever white space stands between.
            let command = fields[..6].iter().fold(line, |rest, field| {
                rest.trim_start().strip_prefix(field).unwrap()
            });
            let command = command.trim_start();
            // crontab(5): a percent sign ends the command, unless it is escaped.
            let command = command.replace("\\%", "\u{0}").replace('%', "\n");
            let command = command.replace('\u{0}', "%");
            let mut shell = machine.command("/bin/sh", &sandbox.path("home"));
            shell
                .env_clear()
                .env("HOME", sandbox.path("var/forgekeep"))
                .env("SHELL", "/bin/sh")
                .env("PATH", "/usr/bin:/bin")
                // Stands for /etc, which is not this test's.
                .env("XDG_CONFIG_HOME", sandbox.path("etc"))
                .envs(variables.iter().copied())
                .args(["-c", &command]);
            let output = shell.output().unwrap();
            assert_done(&table.place, &command, &output);
            assert!(
                output.stdout.is_empty() && output.stderr.is_empty(),
                "{output:?}"
            );
        }
        assert_eq!(count, 2);
        assert!(sandbox.path("var/forgekeep/report.json").is_file());
    }
}

#[test]
fn the_service_starts_as_systemd_starts_it() {
    let page = blocks(&root().join("docs/scheduling.md"));
    let service = page.iter().find(|block| block.text.contains("ExecStart="));
    let service = service.unwrap();
    let machine = installed();
    let text = machine.here(&service.text);
    let sandbox = &machine.world.sandbox;
    let bin = sandbox.path("usr/local/bin");
    fs::create_dir_all(&bin).unwrap();
    symlink(binaries().forgekeep(), bin.join("forgekeep")).unwrap();
    let value = |key: &str| {
        let mut values = text.lines().filter_map(|line| line.strip_prefix(key));
        values.next().unwrap_or_else(|| panic!("no {key}"))
    };
    let mut words = value("ExecStart=").split(' ');
    // systemd has no PATH of a shell's.
    let program = words.next().unwrap();
    assert!(program.starts_with('/'));
    let environment = fs::read_to_string(value("EnvironmentFile=")).unwrap();
    let variables = environment.lines().filter_map(|line| line.split_once('='));
    let mut command = Command::new(program);
    command
        .current_dir("/")
        .env_clear()
        .envs(variables)
        .args(words);
    assert_done(&service.place, &text, &command.output().unwrap());
    assert_eq!(value("User="), "forgekeep");
    // What it writes to is what it may write to.
    assert_eq!(value("ReadWritePaths="), sandbox.backup().to_str().unwrap());
}
