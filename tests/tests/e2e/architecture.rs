//! The rules between the crates: which may know which, and where `unsafe` may stand.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

mod modules;
mod parts;
mod walls;

pub use modules::{attributes, is_test};
pub use walls::crates;

/// The folder of the workspace.
pub fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    root.canonicalize().unwrap()
}

fn metadata() -> Metadata {
    let mut command = MetadataCommand::new();
    command.manifest_path(root().join("Cargo.toml"));
    // Only our own manifests: with dependencies, cargo wants those of every platform, and a fresh
    // machine has downloaded only its own.
    command.no_deps();
    command.other_options(["--offline".to_owned(), "--locked".to_owned()]);
    command.exec().unwrap()
}

/// The folder of a package below the workspace's, with slashes.
fn folder(package: &Package) -> String {
    let manifest = package.manifest_path.as_std_path().canonicalize().unwrap();
    let folder = manifest.parent().unwrap().strip_prefix(root()).unwrap();
    folder.to_str().unwrap().replace('\\', "/")
}

/// What each package outside `tests` needs to be built, by folder.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata();
    let packages = metadata.workspace_packages();
    let mut all = BTreeMap::new();
    for package in packages
        .into_iter()
        .filter(|p| !folder(p).starts_with("tests"))
    {
        let normal = package.dependencies.iter();
        let normal = normal.filter(|d| d.kind == DependencyKind::Normal);
        all.insert(folder(package), normal.map(|d| d.name.clone()).collect());
    }
    all
}

#[test]
fn dependencies_between_our_crates_run_one_way() {
    for (folder, dependencies) in dependencies() {
        let allowed: &[&str] = match folder.as_str() {
            "core/abi"
            | "core/page-text"
            | "core/pkt-line"
            | "core/plugin-documents"
            | "core/queue"
            | "core/terminal-text"
            | "core/untrusted" => &[],
            "core/demo-hoster" => &["pkt-line"],
            "core/failure" => &["untrusted"],
            "core/durable" | "core/http" => &["failure", "untrusted"],
            "core/command" | "core/filter" => &["untrusted"],
            "core/config" => &["command", "filter", "untrusted"],
            "core/config-schema" => &["config"],
            "core/folder-check" => &["durable", "failure", "untrusted"],
            "core/first-config" => &["config", "untrusted"],
            "core/notify" => &[
                "command",
                "config",
                "durable",
                "failure",
                "http",
                "store",
                "untrusted",
            ],
            "core/hoster" => &["config", "failure", "http", "untrusted", "upload-pack"],
            "core/upload-pack" => &["failure", "untrusted"],
            "core/git" => &["durable", "failure", "pack", "untrusted"],
            "core/pack" => &["failure"],
            "core/protocol" => &[
                "durable",
                "failure",
                "git",
                "http",
                "pack",
                "page-text",
                "pkt-line",
                "untrusted",
                "upload-pack",
            ],
            "core/store" => &["config", "durable", "failure", "git", "untrusted"],
            "core/verify" => &["durable", "failure", "git", "pack", "store", "untrusted"],
            "core/drill" => &["durable", "failure", "git", "restore", "store", "untrusted"],
            "core/restore" => &[
                "durable",
                "failure",
                "git",
                "http",
                "pkt-line",
                "protocol",
                "store",
                "untrusted",
            ],
            "core/mirror" => &[
                "durable",
                "failure",
                "git",
                "http",
                "pack",
                "protocol",
                "store",
                "untrusted",
                "verify",
            ],
            "core/engine" => &[
                "config",
                "durable",
                "failure",
                "git",
                "hoster",
                "http",
                "known-folders",
                "mirror",
                "protocol",
                "queue",
                "restore-notes",
                "status",
                "store",
                "untrusted",
                "upload-pack",
            ],
            "core/status" => &["config", "durable", "failure", "store", "untrusted"],
            "core/command-line" => &["store"],
            "core/summary" => &[
                "engine",
                "failure",
                "hoster",
                "recovery",
                "status",
                "store",
                "terminal-text",
                "untrusted",
                "verify",
            ],
            "core/documents" => &[
                "config",
                "drill",
                "engine",
                "failure",
                "folder-check",
                "git",
                "hoster",
                "http",
                "notify",
                "plugin-host",
                "plugin-search",
                "recovery",
                "restore",
                "schedule",
                "status",
                "store",
                "untrusted",
                "verify",
            ],
            "core/telling" => &[
                "config",
                "drill",
                "durable",
                "failure",
                "http",
                "notify",
                "store",
                "summary",
                "terminal-text",
                "untrusted",
                "verify",
            ],
            "core/plugin-search" => &[
                "config",
                "durable",
                "failure",
                "hoster",
                "plugin-documents",
                "plugin-host",
                "plugin-testkit",
                "untrusted",
            ],
            "core/schedule" => &["command", "durable", "failure", "untrusted"],
            "core/known-folders" => &["config", "durable", "failure", "store", "untrusted"],
            "core/status-page" => &["failure", "status", "store", "untrusted"],
            "core/restore-notes" => &["durable", "failure", "store", "untrusted"],
            "core/recovery" => &[
                "durable",
                "engine",
                "failure",
                "git",
                "hoster",
                "http",
                "protocol",
                "restore",
                "restore-notes",
                "store",
                "untrusted",
            ],
            "core/plugin-host" => &[
                "abi",
                "config",
                "failure",
                "hoster",
                "http",
                "page-text",
                "plugin-documents",
                "untrusted",
            ],
            "core/plugin-sdk" => &["abi", "page-text", "plugin-documents"],
            "core/plugin-testkit" => &["plugin-documents", "plugin-sdk"],
            // It puts all of them together.
            "host" => &[
                "command-line",
                "documents",
                "summary",
                "telling",
                "config",
                "config-schema",
                "demo-hoster",
                "drill",
                "durable",
                "engine",
                "failure",
                "first-config",
                "folder-check",
                "git",
                "hoster",
                "http",
                "known-folders",
                "mirror",
                "notify",
                "plugin-documents",
                "plugin-host",
                "plugin-search",
                "protocol",
                "recovery",
                "restore",
                "restore-notes",
                "schedule",
                "status",
                "status-page",
                "store",
                "terminal-text",
                "untrusted",
                "verify",
            ],
            plugin if plugin.starts_with("plugins/") => &["plugin-sdk"],
            other => panic!("{other} is new: say here what it may depend on"),
        };
        let ours = dependencies
            .iter()
            .filter(|name| name.starts_with("forgekeep-"));
        for name in ours {
            let short = name.trim_start_matches("forgekeep-");
            assert!(
                allowed.contains(&short),
                "{folder} must not depend on {name}"
            );
        }
    }
}

#[test]
fn each_crate_keeps_to_its_own_subject() {
    let all = dependencies();
    let abi: Vec<_> = all["core/abi"].iter().collect();
    assert_eq!(abi, ["abi_stable"]);
    let forbidden = |folder: &str, names: &[&str]| {
        for name in names {
            assert!(
                !all[folder].contains(*name),
                "{folder} must not depend on {name}"
            );
        }
    };
    // What people type and read: the host alone depends on these.
    const OF_THE_HOST: [&str; 3] = ["core/command-line", "core/documents", "core/summary"];
    let core = all.keys().filter(|folder| folder.starts_with("core/"));
    let core = core.filter(|folder| !OF_THE_HOST.contains(&folder.as_str()));
    for folder in core.filter(|folder| !folder.contains("abi") && !folder.contains("plugin")) {
        forbidden(folder, &["abi_stable", "clap", "libloading", "indicatif"]);
    }
    for folder in [
        "core/git",
        "core/status",
        "core/status-page",
        "core/store",
        "core/verify",
    ] {
        forbidden(folder, &["ureq"]);
    }
    for folder in all.keys().filter(|folder| folder.starts_with("plugins/")) {
        forbidden(folder, &["ureq", "git2", "abi_stable", "libloading"]);
    }
}

#[test]
fn every_package_carries_our_name() {
    for package in metadata().workspace_packages() {
        assert!(package.name.starts_with("forgekeep-"), "{}", package.name);
    }
}

/// Every Rust file below a folder.
/// What only a plugin may know; whatever stands behind it in a file is tests.
const HOSTERS: [&str; 8] = [
    "bitbucket",
    "github",
    "gitlab",
    "gitea",
    "forgejo",
    "azure",
    "codeberg",
    "gogs",
];

#[test]
fn no_hoster_is_named_in_the_core() {
    let mut files = Vec::new();
    sources(&root().join("core"), &mut files);
    let mut named = Vec::new();
    for file in files {
        let path = file.strip_prefix(root()).unwrap();
        let is_test = path
            .iter()
            .any(|part| part == "tests" || part == "tests.rs");
        // The fake of one; and what people read in the help, with examples.
        let is_of_people = path.starts_with("core/command-line");
        if is_test || is_of_people || path.starts_with("core/demo-hoster") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap().to_lowercase();
        for line in text.lines() {
            // Where a license or a reader is sent to.
            let line = line.replace("https://github.com/", "");
            if HOSTERS.iter().any(|hoster| line.contains(hoster)) {
                named.push(format!("{path:?}: {line}"));
            }
        }
    }
    assert_eq!(named, Vec::<String>::new());
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        match path.is_dir() {
            true if name == "target" || name.starts_with('.') => {}
            true => sources(&path, found),
            false if name.ends_with(".rs") => found.push(path),
            false => {}
        }
    }
}

/// Whether a line of code, not of text about it, has the keyword.
fn has_keyword(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices("unsafe").any(|(at, word)| {
        let (before, after) = (&code[..at], &code[at + word.len()..]);
        let quoted = before.replace("\\\"", "").matches('"').count() % 2 == 1;
        !quoted && !before.ends_with(is_word) && !after.starts_with(is_word)
    })
}

/// Whether a comment right above, or above the statement this is the end of, says why it is sound; of
/// a function, what its callers have to see to.
fn is_explained(lines: &[&str], at: usize) -> bool {
    let above = lines[..at].iter().rev().map(|line| line.trim());
    let above: Vec<_> = above.take_while(|line| !line.is_empty()).collect();
    let code = above
        .iter()
        .take_while(|line| !line.starts_with("//"))
        .count();
    let mut comment = above
        .iter()
        .skip(code)
        .take_while(|line| line.starts_with("//"));
    let is_reason = |line: &str| line.starts_with("// SAFETY:") || line == "/// # Safety";
    code <= 3 && comment.any(|line| is_reason(line))
}

#[test]
fn unsafe_code_stands_where_it_may_and_says_why_it_is_sound() {
    const ALLOWED: [&str; 8] = [
        "core/abi/",
        // Calls through the table, and the system calls of the worker process.
        "core/plugin-host/",
        "core/plugin-sdk/",
        "core/plugin-testkit/",
        // What libgit2 does not offer otherwise: its memory, and settings of the process.
        "core/git/",
        // Contents that are too large for the memory are files, mapped.
        "core/pack/src/buffer.rs",
        "tests/plugins/",
        // A test of it registers a transport with libgit2.
        "core/demo-hoster/tests/",
    ];
    let mut files = Vec::new();
    sources(&root(), &mut files);
    assert!(files.len() > 50);
    let mut seen = 0;
    for file in files {
        let path = file
            .strip_prefix(root())
            .unwrap()
            .to_str()
            .unwrap()
            .replace('\\', "/");
        let text = fs::read_to_string(&file).unwrap();
        let lines: Vec<_> = text.lines().collect();
        for (number, line) in lines
            .iter()
            .enumerate()
            .filter(|(_, line)| has_keyword(line))
        {
            let place = format!("{path}:{}", number + 1);
            assert!(
                ALLOWED.iter().any(|folder| path.starts_with(folder)),
                "unsafe at {place}"
            );
            seen += 1;
            let wants_reason = ["unsafe {", "unsafe fn", "unsafe impl"];
            if wants_reason.iter().any(|form| line.contains(form)) {
                assert!(is_explained(&lines, number), "no // SAFETY: above {place}");
            }
        }
    }
    assert!(seen > 0, "the scan finds nothing at all");
}

#[test]
fn the_scan_for_unsafe_code_finds_it() {
    assert!(has_keyword("    unsafe {"));
    assert!(has_keyword("let x = unsafe { *p };"));
    assert!(!has_keyword("#![allow(unsafe_code)]"));
    assert!(!has_keyword("// unsafe { is only mentioned }"));
    assert!(!has_keyword("let text = \"unsafe {\";"));
    assert!(is_explained(
        &["// SAFETY: because.", "// More.", "unsafe {"],
        2
    ));
    assert!(is_explained(
        &["// SAFETY: because.", "let x =", "unsafe {"],
        2
    ));
    assert!(is_explained(
        &["/// # Safety", "///", "/// Keep off.", "unsafe fn f() {"],
        3
    ));
    assert!(!is_explained(&["// SAFETY: because.", "", "unsafe {"], 2));
    assert!(!is_explained(&["// Because.", "unsafe {"], 1));
}

/// The string literals that a source file gives as hints, as far as a scan can tell.
fn hints(source: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for start in source
        .match_indices("hint(")
        .map(|(at, call)| at + call.len())
    {
        let rest = source[start..].trim_start();
        let rest = rest.strip_prefix("format!(").unwrap_or(rest).trim_start();
        if let Some(text) = rest.strip_prefix('"')
            && let Some((hint, _)) = text.split_once('"')
        {
            found.push(hint);
        }
    }
    found
}

/// Whether a hint says what to do, as words without a capital and a stop.
fn is_instruction(hint: &str) -> bool {
    let first = hint.split([' ', ',', ':']).next().unwrap_or_default();
    let no_verb = [
        "a", "an", "another", "if", "it", "its", "none", "nothing", "others", "that", "the",
        "there", "these", "they", "this", "what", "whether", "without",
    ];
    !hint.ends_with('.')
        && !no_verb.contains(&first)
        && first.starts_with(|c: char| c.is_ascii_lowercase() || c == '{')
}

#[test]
fn hints_are_instructions_without_a_capital_and_a_stop() {
    let mut files = Vec::new();
    for folder in ["core", "host", "plugins"] {
        sources(&root().join(folder), &mut files);
    }
    let mut count = 0;
    for file in files {
        let source = fs::read_to_string(&file).unwrap();
        for hint in hints(&source) {
            count += 1;
            assert!(is_instruction(hint), "{}: {hint}", file.display());
        }
    }
    assert!(count > 100, "the scan finds only {count} hints");
}

/// Where clippy's rules for text from outside (`clippy.toml`) do not hold.
const MAY_TAKE_TEXT: [&str; 7] = [
    "core/demo-hoster/src/lib.rs",
    "core/git/src/libgit2.rs",
    "core/plugin-sdk/src/lib.rs",
    "core/plugin-testkit/src/lib.rs",
    "core/untrusted/src/shown.rs",
    "core/untrusted/src/text.rs",
    "plugins/bitbucket/src/lib.rs",
];

#[test]
fn text_from_outside_goes_round_its_types_in_few_places() {
    let mut files = Vec::new();
    for folder in ["core", "host", "plugins"] {
        sources(&root().join(folder), &mut files);
    }
    let exempt = files.iter().filter(|file| {
        let source = fs::read_to_string(file).unwrap();
        let of_tests = "#![cfg_attr(test, allow(clippy::disallowed_methods))]";
        source.replace(of_tests, "").contains("disallowed_methods")
    });
    let exempt: BTreeSet<_> = exempt
        .map(|file| file.strip_prefix(root()).unwrap().to_str().unwrap())
        .map(|name| name.replace('\\', "/"))
        .filter(|name| !name.contains("/tests/"))
        .collect();
    assert_eq!(exempt, BTreeSet::from(MAY_TAKE_TEXT.map(str::to_owned)));
}
