//! The rules below the crates: no two modules use each other in a circle, nobody reaches past a module's
//! face, and nothing grows too large to be read.
//!
//! `cargo test -p forgekeep-tests --test e2e walls:: -- --nocapture` prints the graph.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::modules::{Modules, circles};
use super::{folder, metadata, root};

/// Lines of source, without tests, that a file may have.
const LINES_OF_FILE: usize = 500;

/// Lines of source, without tests, that a crate may have.
const LINES_OF_CRATE: usize = 7_000;

/// The modules of each of our crates, by the crate's folder.
pub fn crates() -> BTreeMap<String, Modules> {
    let metadata = metadata();
    let mut all = BTreeMap::new();
    for package in metadata.workspace_packages() {
        for target in &package.targets {
            let file = target.src_path.as_std_path();
            let is_source = file.ends_with("src/lib.rs") || file.ends_with("src/main.rs");
            if is_source && !folder(package).starts_with("tests/") {
                all.insert(folder(package), Modules::read(file));
            }
        }
    }
    all
}

#[test]
fn no_modules_use_each_other_in_a_circle() {
    let mut found = BTreeSet::new();
    for (folder, modules) in crates() {
        for (parent, graph) in modules.graphs() {
            println!("{folder} {}", parent.join("::"));
            for (module, uses) in &graph {
                let uses: Vec<_> = uses.iter().map(String::as_str).collect();
                println!("    {module} -> {}", uses.join(" "));
            }
            for circle in circles(&graph) {
                let circle = format!("{folder} {}: {}", parent.join("::"), circle.join(" "));
                println!("    circle: {circle}");
                found.insert(circle);
            }
        }
    }
    assert_eq!(found, BTreeSet::new());
}

#[test]
fn nobody_reaches_past_the_face_of_a_module() {
    let mut found = BTreeSet::new();
    for (folder, modules) in crates() {
        for (from, to) in modules.past_the_face() {
            found.insert(format!("{folder} {} -> {}", from.join("::"), to.join("::")));
        }
    }
    assert_eq!(found, BTreeSet::new());
}

/// Lines before the tests of a file, which stand at its end.
fn lines_of_source(file: &Path) -> usize {
    let text = fs::read_to_string(file).unwrap();
    let is_test =
        |line: &str| line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test");
    text.lines().take_while(|line| !is_test(line)).count()
}

#[test]
fn no_file_and_no_crate_is_too_large_to_be_read() {
    for (crate_folder, modules) in crates() {
        let mut all = 0;
        for file in modules.files() {
            let lines = lines_of_source(file);
            let file = file.strip_prefix(root()).unwrap().display();
            assert!(lines <= LINES_OF_FILE, "{file} has {lines} lines");
            all += lines;
        }
        println!("{crate_folder}: {all} lines");
        assert!(all <= LINES_OF_CRATE, "{crate_folder} has {all} lines");
    }
}

/// Where a message is read all the same, and why nothing follows from it but words.
const MESSAGES_READ: [(&str, &str); 3] = [
    // Which of the parser's fixed texts it is: for the hint, and so that no value is quoted.
    ("core/config/src/yaml.rs", "message.contains("),
    // The address is taken out, so that many failures for one reason make one line.
    ("core/failure/src/failure.rs", "message.contains("),
    // The number of libgit2's error of the system, which it keeps only as the system's own words.
    ("core/git/src/libgit2.rs", "message.ends_with("),
];

#[test]
fn no_outcome_is_decided_by_reading_a_message() {
    let reads = [
        "contains",
        "starts_with",
        "ends_with",
        "split_once",
        "rsplit_once",
        "split",
        "find",
    ];
    let of_messages = ["message", "message()", "to_string()"];
    let mut found = BTreeSet::new();
    for modules in crates().into_values() {
        for file in modules.files() {
            let text = fs::read_to_string(file).unwrap();
            let name = file
                .strip_prefix(root())
                .unwrap()
                .to_str()
                .unwrap()
                .replace('\\', "/");
            let source: Vec<&str> = text
                .lines()
                .take(lines_of_source(file))
                .map(str::trim)
                .collect();
            // A call may be on a line of its own.
            let source = source.join("\n").replace("\n.", ".");
            for (message, read) in of_messages
                .iter()
                .flat_map(|m| reads.iter().map(move |r| (m, r)))
            {
                let call = format!("{message}.{read}(");
                // `to_string` of an error; of a path or number it is no message.
                let is_error =
                    |at: usize| !call.starts_with("to_") || source[..at].ends_with("error.");
                if source.match_indices(&call).any(|(at, _)| is_error(at)) {
                    found.insert((name.clone(), call));
                }
            }
        }
    }
    let known = MESSAGES_READ.map(|(file, call)| (file.to_owned(), call.to_owned()));
    assert_eq!(found, BTreeSet::from(known));
}

#[test]
fn the_graph_has_what_a_path_names_and_what_a_re_export_stands_for() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        "lib.rs",
        "mod a; mod b; mod c; mod d; mod e; pub use c::C;
         mod inline { pub fn f() { println!(\"{}\", crate::d::D); } }",
    );
    write("a.rs", "mod inside; use crate::C; pub use inside::I;");
    write("a/inside.rs", "pub struct I; use super::super::b;");
    write("b.rs", "use crate::a; fn f() { a::inside::g(); }");
    write(
        "c.rs",
        "pub struct C; #[cfg(test)] mod tests { use crate::a; }",
    );
    write(
        "d.rs",
        "pub const D: u8 = 0; #[cfg(test)] use crate::e; #[test] fn t() { crate::a::I; }",
    );
    write(
        "e.rs",
        "#![allow(unused)] use external::a::Thing; use crate::a::I;",
    );
    let modules = Modules::read(&folder.path().join("lib.rs"));
    let graphs = modules.graphs();
    let uses = |module: &str| -> Vec<_> { graphs[&Vec::new()][module].iter().cloned().collect() };
    assert_eq!(uses("a"), ["b", "c"]);
    assert_eq!(uses("b"), ["a"]);
    assert_eq!(uses("c"), [""; 0]);
    assert_eq!(uses("d"), [""; 0]);
    assert_eq!(uses("e"), ["a"]);
    assert_eq!(uses("inline"), ["d"]);
    let found: Vec<_> = circles(&graphs[&Vec::new()]).into_iter().collect();
    assert_eq!(found, [["a", "b"]]);
    let past: Vec<_> = modules.past_the_face().into_iter().collect();
    let path = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(past, [(path(&["b"]), path(&["a", "inside"]))]);
    assert_eq!(modules.len(), 8);
}
