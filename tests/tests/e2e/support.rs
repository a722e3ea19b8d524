//! What the tests share: a forge with a sandbox beside it, and configurations.

use std::fs;
use std::path::{Path, PathBuf};

use forgekeep_tests::{Forge, Invocation, Repo, Run, Sandbox, binaries, compare, git};
use serde_json::{Value, json};

pub const EMAIL: &str = "dev@example.com";
pub const USER: &str = "devuser";
pub const TOKEN: &str = "ATATT3xFfGF0-T3st=4711";

/// A forge with one account, as most tests need it.
pub fn forge() -> Forge {
    Forge::builder().api_token(EMAIL, USER, TOKEN).build()
}

/// A forge, and a sandbox in which its first workspace is backed up.
pub struct World {
    pub forge: Forge,
    pub sandbox: Sandbox,
}

impl World {
    /// With the forge of [`forge`].
    pub fn new() -> Self {
        Self::of(forge())
    }

    /// With any forge.
    pub fn of(forge: Forge) -> Self {
        let sandbox = Sandbox::new();
        let world = Self { forge, sandbox };
        world.configure(&[world.source()]);
        world
    }

    /// The source for the forge's first workspace, with its first account: title `acme`.
    pub fn source(&self) -> Value {
        let workspace = self.forge.workspace();
        let mut source = json!({
            "title": workspace, "hoster": "bitbucket", "type": "org", "name": workspace,
            "apiUrl": self.forge.api_url(),
        });
        if let Some(account) = self.forge.accounts().first() {
            source["password"] = account.token.clone().into();
            if !account.email.is_empty() {
                source["apiAuthName"] = account.email.clone().into();
            }
        }
        source
    }

    /// The same with one key more, or another value for it.
    pub fn source_with(&self, key: &str, value: impl Into<Value>) -> Value {
        let mut source = self.source();
        source[key] = value.into();
        source
    }

    /// Writes `settings.yml` with these sources. JSON is YAML, and needs no rules for quotes; one
    /// key a line, so that the places in messages are always the same.
    pub fn configure(&self, sources: &[Value]) -> PathBuf {
        // Faults last in most tests: trying again would only take time. Retries have tests of
        // their own.
        let options = json!({"network": {"retries": 0, "limitWaitMinutes": 0}});
        self.configure_with(sources, &options)
    }

    /// The same with other options.
    pub fn configure_with(&self, sources: &[Value], options: &Value) -> PathBuf {
        let content = json!({
            "localFolder": self.sandbox.backup(), "options": options, "sources": sources,
        });
        self.sandbox.write("settings.yml", format!("{content:#}"))
    }

    /// A command.
    pub fn forgekeep(&self, arguments: &[&str]) -> Invocation<'_> {
        self.sandbox.forgekeep(arguments)
    }

    /// Backs up.
    pub fn backup(&self) -> Run {
        self.forgekeep(&["backup"]).run()
    }

    /// The folder of a repository of the first workspace, by its slug.
    pub fn folder(&self, slug: &str) -> PathBuf {
        let workspace = self.forge.workspace();
        let folder = format!("{workspace}/{workspace}#{slug}");
        self.sandbox.backup().join(folder)
    }

    /// Its mirror.
    pub fn mirror(&self, slug: &str) -> PathBuf {
        self.folder(slug).join("repo")
    }

    /// Panics unless the mirror of a repository equals it.
    pub fn assert_mirrored(&self, repository: Repo<'_>) {
        let slug = repository.entry().slug;
        compare::assert_mirror(&repository.git_dir(), &self.mirror(&slug));
    }

    /// Output without what differs from run to run.
    pub fn shown(&self, text: &str) -> String {
        let sandbox = self.sandbox.path("");
        let sandbox = sandbox.to_string_lossy();
        text.replace(sandbox.trim_end_matches('/'), "[sandbox]")
            .replace(self.forge.api_url(), "[forge]")
            .replace(self.forge.git_url(), "[git]")
    }

    /// A folder with a library as the plugin of a hoster, for `--plugin-dir`.
    pub fn plugin_folder(&self, library: &str, hoster: &str) -> String {
        let folder = self.sandbox.path(format!("plugins-{hoster}"));
        fs::create_dir_all(&folder).unwrap();
        place(
            &binaries().library(library),
            &folder.join(plugin_file(hoster)),
        );
        folder.to_str().unwrap().to_owned()
    }
}

/// Writes the configuration of a sandbox, with these options and without retries and waits.
pub fn configure(sandbox: &Sandbox, sources: &[Value], options: &Value) {
    let mut all = json!({"network": {"retries": 0, "limitWaitMinutes": 0}});
    for (key, value) in options.as_object().unwrap() {
        all[key] = value.clone();
    }
    let folder = sandbox.backup();
    let content = json!({ "localFolder": folder, "options": all, "sources": sources });
    sandbox.write("settings.yml", format!("{content:#}"));
}

/// The name of a plugin's file.
pub fn plugin_file(hoster: &str) -> String {
    let file = binaries().library(&format!("forgekeep_hoster_{hoster}"));
    file.file_name().unwrap().to_str().unwrap().to_owned()
}

/// Puts a large file somewhere else, without a copy where that is possible.
pub fn place(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    if fs::hard_link(from, to).is_err() {
        fs::copy(from, to).unwrap();
    }
}

/// The report of a run that wrote one.
#[track_caller]
pub fn report(run: &Run) -> &Value {
    run.report.as_ref().expect("the run wrote a report")
}

/// A source in a report, by its title.
#[track_caller]
pub fn source<'r>(run: &'r Run, title: &str) -> &'r Value {
    let mut sources = report(run)["sources"].as_array().unwrap().iter();
    sources
        .find(|source| source["title"] == title)
        .unwrap_or_else(|| panic!("{title} is not in the report: {:#?}", run.report))
}

/// The texts of the notes of a source, one in each line.
#[track_caller]
pub fn notes(run: &Run, title: &str) -> String {
    let notes = source(run, title)["notes"].as_array().unwrap().iter();
    let texts: Vec<_> = notes
        .map(|note| note["message"].as_str().unwrap())
        .collect();
    texts.join("\n")
}

/// Panics unless every repository of a run came out like this.
#[track_caller]
pub fn assert_all(run: &Run, outcome: &str, count: usize) {
    let sources = report(run)["sources"].as_array().unwrap().iter();
    let all: Vec<&Value> = sources
        .flat_map(|source| source["repositories"].as_array().unwrap())
        .collect();
    assert_eq!(all.len(), count);
    let others: Vec<_> = all.iter().filter(|r| r["outcome"] != outcome).collect();
    assert!(others.is_empty(), "not {outcome}: {others:#?}");
}

/// The error of a repository or of a source, as `kind: message / hint`.
pub fn error(entry: &Value) -> String {
    let part = |key: &str| entry["error"][key].as_str().unwrap_or("-").to_owned();
    format!("{}: {} / {}", part("kind"), part("message"), part("hint"))
}

/// Makes a pipe that nobody writes to.
#[cfg(unix)]
pub fn pipe(path: &Path) {
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
}

/// Every file below a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else {
        return found;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        match path.is_dir() && !path.is_symlink() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

/// Every file below a folder with its content, to see whether anything was touched.
pub fn content(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all: Vec<_> = files(folder)
        .into_iter()
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    all.sort();
    all
}

/// The refs under which old tips are kept.
pub fn kept(mirror: &Path) -> Vec<String> {
    let refs = git::run(
        mirror,
        &["for-each-ref", "--format=%(refname)", "refs/forgekeep/kept"],
    );
    refs.lines().map(str::to_owned).collect()
}
