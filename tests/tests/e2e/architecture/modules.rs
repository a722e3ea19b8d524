//! The modules of a crate and who uses whom, read from the syntax tree.
//!
//! An edge is a path or a `use`, outside tests and attributes. It leads to the module that the path
//! ends in, after re-exports, and to each module that it names on the way. A parent's own items are no
//! part of the graph below it: a parent is there to be used by its children and to put them together.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::Visit;

/// A module by the names from the crate's root, which has none.
pub type ModulePath = Vec<String>;

/// What one module holds, and what it names.
#[derive(Default)]
struct Module {
    children: BTreeSet<String>,
    /// What a `use` brings in, by the name it has here.
    imports: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
    /// Paths that occur, as they are written.
    paths: BTreeSet<Vec<String>>,
    file: PathBuf,
}

/// A crate's modules.
pub struct Modules {
    modules: BTreeMap<ModulePath, Module>,
}

impl Modules {
    /// Reads a crate from its root file.
    pub fn read(root: &Path) -> Self {
        let mut modules = Self {
            modules: BTreeMap::new(),
        };
        let file = syn::parse_file(&fs::read_to_string(root).unwrap()).unwrap();
        modules.add(Vec::new(), root, root.parent().unwrap(), &file.items);
        modules
    }

    fn add(&mut self, path: ModulePath, file: &Path, folder: &Path, items: &[syn::Item]) {
        let mut module = Module {
            file: file.to_owned(),
            ..Module::default()
        };
        for item in items {
            match item {
                syn::Item::Mod(child) if !is_test(&child.attrs) => {
                    let name = child.ident.to_string();
                    module.children.insert(name.clone());
                    let below: ModulePath = path.iter().cloned().chain([name.clone()]).collect();
                    let below_folder = folder.join(&name);
                    if let Some((_, items)) = &child.content {
                        self.add(below, file, &below_folder, items);
                        continue;
                    }
                    let plain = folder.join(format!("{name}.rs"));
                    let child_file = if plain.exists() {
                        plain
                    } else {
                        below_folder.join("mod.rs")
                    };
                    let text = fs::read_to_string(&child_file).unwrap();
                    let parsed = syn::parse_file(&text).unwrap();
                    if !is_test(&parsed.attrs) {
                        self.add(below, &child_file, &below_folder, &parsed.items);
                    }
                }
                syn::Item::Mod(_) => {}
                other => module.visit_item(other),
            }
        }
        self.modules.insert(path, module);
    }

    /// How many modules there are.
    pub fn len(&self) -> usize {
        self.modules.len()
    }

    /// The file a module stands in.
    pub fn files(&self) -> BTreeSet<&Path> {
        self.modules.values().map(|m| m.file.as_path()).collect()
    }

    /// The modules that a path leads to from a module: each that it names, and the one it ends in.
    fn resolve(&self, from: &ModulePath, path: &[String], depth: usize) -> Walk {
        let mut walk = Walk::default();
        if depth > 16 {
            return walk;
        }
        let mut at = from.clone();
        let mut rest = path;
        let mut rooted = false;
        while let Some(first) = rest.first() {
            match first.as_str() {
                "crate" if !rooted => at.clear(),
                "self" if !rooted => {}
                "super" => {
                    if at.pop().is_none() {
                        return Walk::default();
                    }
                }
                _ => break,
            }
            rooted = true;
            rest = &rest[1..];
        }
        let mut named = rooted;
        for (position, segment) in rest.iter().enumerate() {
            let Some(module) = self.modules.get(&at) else {
                break;
            };
            if module.children.contains(segment) {
                at.push(segment.clone());
                walk.named.push(at.clone());
                named = true;
                continue;
            }
            let beyond = &rest[position + 1..];
            let renamed = module.imports.get(segment).map(|target| {
                let whole: Vec<String> = target.iter().chain(beyond).cloned().collect();
                self.resolve(&at, &whole, depth + 1)
            });
            if let Some(target) = renamed.filter(|target| target.end.is_some()) {
                // The way behind somebody's re-export is the affair of who re-exports.
                if at == *from {
                    walk.named.extend(target.named);
                }
                walk.end = target.end;
                return walk;
            }
            for glob in &module.globs {
                let Some(target) = self.resolve(&at, glob, depth + 1).end else {
                    continue;
                };
                let there = self.modules.get(&target);
                let known = there.is_some_and(|m| {
                    m.children.contains(segment) || m.imports.contains_key(segment)
                });
                if known {
                    let again = self.resolve(&target, &rest[position..], depth + 1);
                    if again.end.is_some() {
                        walk.end = again.end;
                        return walk;
                    }
                }
            }
            break;
        }
        walk.end = named.then_some(at);
        walk
    }

    /// Every use of another module, from whom to whom.
    pub fn edges(&self) -> BTreeSet<(ModulePath, ModulePath)> {
        let mut edges = BTreeSet::new();
        for (from, module) in &self.modules {
            let globs = module.globs.iter();
            for path in module.paths.iter().chain(globs) {
                let walk = self.resolve(from, path, 0);
                for to in walk.named.into_iter().chain(walk.end) {
                    if to != *from {
                        edges.insert((from.clone(), to));
                    }
                }
            }
        }
        edges
    }

    /// Every use, from whom to whom, of a module below one that the user is no part of: it names the module
    /// instead of what the parent shows of it.
    pub fn past_the_face(&self) -> BTreeSet<(ModulePath, ModulePath)> {
        let mut found = BTreeSet::new();
        for (from, module) in &self.modules {
            let globs = module.globs.iter();
            for path in module.paths.iter().chain(globs) {
                for to in self.resolve(from, path, 0).named {
                    let parent = &to[..to.len() - 1];
                    if !from.starts_with(parent) {
                        found.insert((from.clone(), to));
                    }
                }
            }
        }
        found
    }

    /// The graphs: for each module with children (and the root), which child uses which, what is below
    /// a child taken as one with it.
    pub fn graphs(&self) -> BTreeMap<ModulePath, BTreeMap<String, BTreeSet<String>>> {
        let edges = self.edges();
        let mut graphs = BTreeMap::new();
        for (parent, module) in &self.modules {
            if module.children.is_empty() {
                continue;
            }
            let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for child in &module.children {
                graph.entry(child.clone()).or_default();
            }
            let below = |path: &ModulePath| {
                path.strip_prefix(parent.as_slice())
                    .and_then(|rest| rest.first().cloned())
            };
            for (from, to) in &edges {
                if let (Some(from), Some(to)) = (below(from), below(to))
                    && from != to
                {
                    graph.entry(from).or_default().insert(to);
                }
            }
            graphs.insert(parent.clone(), graph);
        }
        graphs
    }
}

#[derive(Default)]
struct Walk {
    named: Vec<ModulePath>,
    end: Option<ModulePath>,
}

/// The circles of a graph: each set of modules that reach one another.
pub fn circles(graph: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<Vec<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> = graph
        .keys()
        .map(|start| {
            let mut seen = BTreeSet::new();
            let mut open: Vec<&String> = graph[start].iter().collect();
            while let Some(next) = open.pop() {
                if seen.insert(next) {
                    open.extend(graph.get(next).into_iter().flatten());
                }
            }
            (start, seen)
        })
        .collect();
    let mut found = BTreeSet::new();
    for (start, seen) in &reached {
        if seen.contains(start) {
            let circle = seen
                .iter()
                .filter(|other| reached.get(*other).is_some_and(|r| r.contains(*start)));
            found.insert(circle.map(|name| (*name).clone()).collect());
        }
    }
    found
}

/// Whether something is compiled for tests alone.
pub fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        if attribute.path().is_ident("test") {
            return true;
        }
        let syn::Meta::List(list) = &attribute.meta else {
            return false;
        };
        let words = list.tokens.to_string();
        let mut words = words.split(|c: char| !c.is_alphanumeric() && c != '_');
        attribute.path().is_ident("cfg")
            && words.clone().any(|w| w == "test")
            && !words.any(|w| w == "not")
    })
}

/// The attributes of an item that may be compiled for tests alone.
pub fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

impl Module {
    fn add_use(&mut self, tree: &syn::UseTree, mut so_far: Vec<String>) {
        match tree {
            syn::UseTree::Path(path) => {
                so_far.push(path.ident.to_string());
                self.add_use(&path.tree, so_far);
            }
            syn::UseTree::Name(name) => {
                let name = name.ident.to_string();
                let known_as = match name.as_str() {
                    "self" => so_far.last().cloned().unwrap_or_default(),
                    _ => {
                        so_far.push(name.clone());
                        name
                    }
                };
                self.import(known_as, so_far);
            }
            syn::UseTree::Rename(rename) => {
                if rename.ident != "self" {
                    so_far.push(rename.ident.to_string());
                }
                self.import(rename.rename.to_string(), so_far);
            }
            syn::UseTree::Glob(_) => self.globs.push(so_far),
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.add_use(tree, so_far.clone());
                }
            }
        }
    }

    fn import(&mut self, known_as: String, path: Vec<String>) {
        self.paths.insert(path.clone());
        // `use x;` of a name that is itself: nothing to follow.
        if path.as_slice() != [known_as.clone()] {
            self.imports.insert(known_as, path);
        }
    }

    /// Paths among the words of a macro's call, which have no syntax tree.
    fn add_words(&mut self, words: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for word in words {
            match word {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.add_path(std::mem::take(&mut path));
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' && !path.is_empty() => colons += 1,
                other => {
                    self.add_path(std::mem::take(&mut path));
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.add_words(group.stream());
                    }
                }
            }
        }
        self.add_path(path);
    }

    fn add_path(&mut self, path: Vec<String>) {
        if !path.is_empty() {
            self.paths.insert(path);
        }
    }
}

impl<'ast> Visit<'ast> for Module {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !is_test(attributes(item)) {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !is_test(&function.attrs) {
            syn::visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_use(&item.tree, Vec::new());
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter().map(|s| s.ident.to_string());
        self.add_path(segments.collect());
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.add_words(call.tokens.clone());
    }

    // Not code: what derives and lints are told.
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}
}
