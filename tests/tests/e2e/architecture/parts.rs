//! Each verb has a way for each kind of part.
//!
//! The tables are matches, so the compiler names a kind that is missing, as long as no wildcard takes
//! it in. And what is done with all kinds goes by `PartKind::ALL`.

use std::collections::BTreeSet;
use std::fs;

use syn::visit::{self, Visit};

use super::{root, sources};

/// Where the kinds are.
const KINDS: &str = "core/store/src/part.rs";

/// What is done with a part: the file with the trait and its table, and the trait.
const VERBS: [(&str, &str); 5] = [
    (KINDS, "Hold"),
    ("core/store/src/forget/folder.rs", "Prune"),
    ("core/verify/src/parts.rs", "Verify"),
    ("core/restore/src/parts.rs", "Restore"),
    ("core/engine/src/execute/parts.rs", "BackUp"),
];

fn parsed(file: &str) -> syn::File {
    syn::parse_file(&fs::read_to_string(root().join(file)).unwrap()).unwrap()
}

/// The kinds there are.
fn kinds() -> BTreeSet<String> {
    let items = parsed(KINDS).items;
    let kinds = items.iter().find_map(|item| match item {
        syn::Item::Enum(item) if item.ident == "PartKind" => Some(&item.variants),
        _ => None,
    });
    kinds.unwrap().iter().map(|v| v.ident.to_string()).collect()
}

/// The last names of paths: `Wiki` of `PartKind::Wiki`. And whether something is taken in unnamed.
#[derive(Default)]
struct Named {
    names: BTreeSet<String>,
    wildcard: bool,
}

impl Named {
    fn name(&mut self, path: &syn::Path) {
        let name = path
            .segments
            .last()
            .map(|segment| segment.ident.to_string());
        self.names.extend(name);
    }
}

impl Visit<'_> for Named {
    fn visit_pat(&mut self, pattern: &syn::Pat) {
        match pattern {
            syn::Pat::Wild(_) | syn::Pat::Ident(_) => self.wildcard = true,
            syn::Pat::Path(path) => self.name(&path.path),
            _ => {}
        }
        visit::visit_pat(self, pattern);
    }
}

/// The table of a trait: `fn of_kind(kind: PartKind) -> &'static dyn Trait`.
fn table(file: &str, of: &str) -> syn::ItemFn {
    let returned = format!("dyn {of}");
    let table = parsed(file).items.into_iter().find_map(|item| match item {
        syn::Item::Fn(function) if function.sig.ident == "of_kind" => Some(function),
        _ => None,
    });
    let table = table.unwrap_or_else(|| panic!("{file} has no of_kind"));
    let syn::ReturnType::Type(_, returns) = &table.sig.output else {
        panic!("{file}: of_kind returns nothing");
    };
    let syn::Type::Reference(reference) = &**returns else {
        panic!("{file}: of_kind returns no reference");
    };
    let syn::Type::TraitObject(object) = &*reference.elem else {
        panic!("{file}: of_kind returns no {returned}");
    };
    let mut named = Named::default();
    for bound in &object.bounds {
        if let syn::TypeParamBound::Trait(bound) = bound {
            named.name(&bound.path);
        }
    }
    assert!(
        named.names.contains(of),
        "{file}: of_kind is no table of {of}"
    );
    table
}

#[test]
fn each_verb_has_a_way_for_each_kind_of_part() {
    let kinds = kinds();
    assert!(kinds.contains("Repository") && kinds.contains("Wiki"));
    for (file, verb) in VERBS {
        let table = table(file, verb);
        let [syn::Stmt::Expr(syn::Expr::Match(table), None)] = table.block.stmts.as_slice() else {
            panic!("{file}: the table of {verb} is no match");
        };
        let mut named = Named::default();
        for arm in &table.arms {
            named.visit_pat(&arm.pat);
        }
        assert!(
            !named.wildcard,
            "{file}: the table of {verb} has a wildcard"
        );
        assert_eq!(named.names, kinds, "{file}: the table of {verb}");
    }
}

#[test]
fn all_kinds_of_parts_are_all() {
    struct All(Named);
    impl Visit<'_> for All {
        fn visit_impl_item_const(&mut self, constant: &syn::ImplItemConst) {
            if let (true, syn::Expr::Array(all)) = (constant.ident == "ALL", &constant.expr) {
                for kind in &all.elems {
                    if let syn::Expr::Path(path) = kind {
                        self.0.name(&path.path);
                    }
                }
            }
        }
    }
    let mut all = All(Named::default());
    all.visit_file(&parsed(KINDS));
    assert_eq!(all.0.names, kinds());
}

/// The names on disk stand in one table; whoever writes one elsewhere knows one kind by heart.
#[test]
fn nobody_else_knows_the_name_of_a_further_part() {
    for crate_folder in ["store", "verify", "restore", "mirror", "engine"] {
        let mut files = Vec::new();
        sources(&root().join("core").join(crate_folder), &mut files);
        for entry in files {
            let text = fs::read_to_string(&entry).unwrap();
            let source = text.split("#[cfg(test)]").next().unwrap();
            let file = entry.strip_prefix(root()).unwrap();
            let file = file.to_str().unwrap().replace('\\', "/");
            let knows = file.ends_with("tests.rs")
                || [KINDS, "core/store/src/layout.rs"].contains(&file.as_str());
            let code = source
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            let mut named = code.filter(|line| line.contains("\"wiki\"") || line.contains("WIKI"));
            assert!(knows || named.next().is_none(), "{file} names the wiki");
        }
    }
}
