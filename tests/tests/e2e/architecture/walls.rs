//! The rules below the crates: no two modules use each other in a circle, nobody reaches past a module's
//! face, and nothing grows too large to be read.
//!
//! `cargo test -p forgekeep-tests --test e2e walls:: -- --nocapture` prints the graph.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::modules::{Modules, circles};
use super::{folder, metadata, root};

/// Circles that are still to be cut: crate, module, and who is in it. No others may come.
const CIRCLES: &[&str] = &[];

/// Uses of a module past what its parent shows that are still to be mended.
const PAST_THE_FACE: &[&str] = &[
    "core/abi  -> error::error_kind",
    "core/demo-hoster  -> model::scope",
    "core/demo-hoster api -> model::scope",
    "core/demo-hoster site -> model::scope",
    "core/git foreign::adopt -> refs::reftable",
    "core/git foreign::convert -> refs::reftable",
    "core/git foreign::format -> refs::storage",
    "core/store inventory::absence -> history::file",
    "core/store status -> history::file",
    "core/store status -> history::mark",
    "core/store status::disk -> inventory::absence",
    "host  -> commands::backup",
    "host  -> commands::check",
    "host  -> commands::demo",
    "host  -> commands::forget",
    "host  -> commands::list",
    "host  -> commands::plugins",
    "host  -> commands::restore",
    "host  -> commands::snapshots",
    "host  -> commands::status",
    "host  -> commands::verify",
    "host commands -> plugins::search",
    "host commands::plugins -> plugins::load",
    "host commands::plugins -> plugins::search",
];

/// Lines of source, without tests, that a file may have.
const LINES_OF_FILE: usize = 500;

/// Lines of source, without tests, that a crate may have.
const LINES_OF_CRATE: usize = 7_000;

/// Crates that are still to be divided.
const LARGE_CRATES: &[&str] = &[];

/// The modules of each of our crates, by the crate's folder.
fn crates() -> BTreeMap<String, Modules> {
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
    let known = CIRCLES.iter().map(|circle| (*circle).to_owned());
    assert_eq!(found, known.collect::<BTreeSet<_>>());
}

#[test]
fn nobody_reaches_past_the_face_of_a_module() {
    let mut found = BTreeSet::new();
    for (folder, modules) in crates() {
        for (from, to) in modules.past_the_face() {
            found.insert(format!("{folder} {} -> {}", from.join("::"), to.join("::")));
        }
    }
    let known = PAST_THE_FACE.iter().map(|use_| (*use_).to_owned());
    assert_eq!(found, known.collect::<BTreeSet<_>>());
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
        let is_large = LARGE_CRATES.contains(&crate_folder.as_str());
        assert_eq!(
            all > LINES_OF_CRATE,
            is_large,
            "{crate_folder} has {all} lines"
        );
    }
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
