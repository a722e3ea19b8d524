//! The texts that people read, taken from the sources: messages, hints, what is printed and logged.
//!
//! `made_docs` holds them in one file a crate, so that no message changes without the diff being seen.
//! Help texts are in `messages/help.txt`.
//!
//! A text is a string literal outside tests that has a word in it and white space, however it is put
//! together later; where a literal goes straight into a message, one word is enough. What a program
//! alone reads (git's protocol, HTTP) may be among them: better one too many than one too few.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::visit::Visit;

use crate::architecture::{attributes, crates, is_test, root};

/// What takes words straight into a message.
const MESSAGE_MACROS: [&str; 7] = ["out", "tell", "error", "warn", "info", "debug", "trace"];
const MESSAGE_TYPES: [&str; 4] = ["Complaint", "ConfigError", "Failure", "Finding"];
const MESSAGE_METHODS: [&str; 2] = ["hint", "with_hint"];

/// What ends the process if we are wrong: no message for people.
const PANICS: [&str; 8] = [
    "assert",
    "assert_eq",
    "assert_ne",
    "debug_assert",
    "debug_assert_eq",
    "panic",
    "todo",
    "unreachable",
];

/// The texts of a source file, in the order in which they stand there, each on a line.
pub fn of_file(source: &str) -> String {
    let file = syn::parse_file(source).unwrap();
    let mut texts = Texts::default();
    if !is_test(&file.attrs) {
        texts.visit_file(&file);
    }
    texts.lines
}

/// The texts of each crate, by its folder: a heading for each file that has any, and they.
pub fn of_crates() -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let ours = crates().into_iter().filter(|(folder, _)| folder != "tests");
    for (folder, modules) in ours {
        let mut texts = String::new();
        for file in modules.files() {
            let lines = of_file(&fs::read_to_string(file).unwrap());
            let name = file.strip_prefix(root()).unwrap().to_str().unwrap();
            if !lines.is_empty() {
                let name = name.replace('\\', "/");
                write!(texts, "\n== {name}\n{lines}").unwrap();
            }
        }
        all.insert(folder, texts.trim_start().to_owned());
    }
    all
}

/// The lines that only one of two lists has, each below the heading of its file.
pub fn difference(old: &str, new: &str) -> String {
    fn lines(text: &str) -> BTreeMap<&str, Vec<&str>> {
        let mut files: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut heading = "";
        for line in text.lines().filter(|line| !line.is_empty()) {
            match line.strip_prefix("== ") {
                Some(name) => heading = name,
                None => files.entry(heading).or_default().push(line),
            }
        }
        files
    }
    let (mut old, mut new) = (lines(old), lines(new));
    let names: BTreeSet<_> = old.keys().chain(new.keys()).copied().collect();
    let mut differences = String::new();
    for name in names {
        let mut gone = old.remove(name).unwrap_or_default();
        let mut come = new.remove(name).unwrap_or_default();
        if gone == come {
            continue;
        }
        gone.retain(|line| match come.iter().position(|other| other == line) {
            Some(at) => {
                come.remove(at);
                false
            }
            None => true,
        });
        writeln!(differences, "== {name}").unwrap();
        for line in &gone {
            writeln!(differences, "- {line}").unwrap();
        }
        for line in &come {
            writeln!(differences, "+ {line}").unwrap();
        }
        if gone.is_empty() && come.is_empty() {
            writeln!(differences, "(the same texts in another order)").unwrap();
        }
    }
    differences
}

#[derive(Default)]
struct Texts {
    lines: String,
    /// Whether we are inside of what makes a message.
    message: bool,
}

impl Texts {
    fn add(&mut self, text: &str) {
        let words = without_placeholders(text);
        let has_letter = words.contains(char::is_alphabetic);
        if has_letter && (self.message || words.contains(char::is_whitespace)) {
            // One line each, without escapes for terminals, and without white space at the end
            // that an editor would take away.
            let escaped = |c: char| match c {
                '\\' => "\\\\".to_owned(),
                c if c.is_control() => c.escape_default().to_string(),
                c => c.to_string(),
            };
            let line: String = text.chars().map(escaped).collect();
            let end = line.trim_end_matches(' ').len();
            let line = format!("{}{}", &line[..end], "\\s".repeat(line.len() - end));
            self.lines.push_str(&line);
            self.lines.push('\n');
        }
    }

    /// Visits what a message is made from.
    fn inside(&mut self, visit: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.message, true);
        visit(self);
        self.message = before;
    }

    fn add_tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Literal(literal) => {
                    if let syn::Lit::Str(text) = syn::Lit::new(literal.clone()) {
                        self.add(&text.value());
                    }
                }
                TokenTree::Group(group) => {
                    let called = tokens[..at].iter().rev().find_map(|before| match before {
                        TokenTree::Punct(mark) if mark.as_char() == '!' => None,
                        TokenTree::Ident(name) => Some(Some(name.to_string())),
                        _ => Some(None),
                    });
                    let called = called.flatten().unwrap_or_default();
                    let is_call = group.delimiter() == Delimiter::Parenthesis;
                    if !(is_call && is_panic(&called) || is_attribute(&tokens[..at])) {
                        self.add_tokens(group.stream());
                    }
                }
                _ => {}
            }
        }
    }
}

fn is_panic(name: &str) -> bool {
    name == "expect" || PANICS.contains(&name)
}

/// Whether what comes after these is an attribute: a comment for documentation, most often.
fn is_attribute(before: &[TokenTree]) -> bool {
    matches!(before.last(), Some(TokenTree::Punct(mark)) if mark.as_char() == '#')
}

/// A format string without what is put into it.
fn without_placeholders(text: &str) -> String {
    let mut depth = 0_usize;
    text.chars()
        .filter(|&c| {
            match c {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && c != '}'
        })
        .collect()
}

impl<'ast> Visit<'ast> for Texts {
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

    fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
        self.add(&text.value());
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.visit_expr(&call.receiver);
        let name = call.method.to_string();
        let arguments = |texts: &mut Self| call.args.iter().for_each(|a| texts.visit_expr(a));
        match name.as_str() {
            "expect" => {}
            name if MESSAGE_METHODS.contains(&name) => self.inside(arguments),
            _ => arguments(self),
        }
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        let of_message = match &*call.func {
            syn::Expr::Path(path) => {
                let names = path.path.segments.iter().map(|s| s.ident.to_string());
                names.clone().any(|n| MESSAGE_TYPES.contains(&n.as_str()))
            }
            _ => false,
        };
        match of_message {
            true => self.inside(|texts| syn::visit::visit_expr_call(texts, call)),
            false => syn::visit::visit_expr_call(self, call),
        }
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let name = call.path.segments.last().map(|s| s.ident.to_string());
        let name = name.unwrap_or_default();
        let tokens = call.tokens.clone();
        match name.as_str() {
            name if is_panic(name) => {}
            name if MESSAGE_MACROS.contains(&name) => self.inside(|texts| texts.add_tokens(tokens)),
            _ => self.add_tokens(tokens),
        }
    }

    // Of attributes only thiserror's `error` has messages.
    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if attribute.path().is_ident("error")
            && let syn::Meta::List(list) = &attribute.meta
        {
            self.inside(|texts| texts.add_tokens(list.tokens.clone()));
        }
    }
}

#[test]
fn texts_are_what_people_read_and_not_what_programs_do() {
    let source = r##"
        //! Not this.
        #[derive(Debug, Error)]
        pub enum Error {
            /// Nor this.
            #[error("{path}: not a pack")]
            Pack { path: String },
            #[error("interrupted")]
            #[serde(rename = "no message")]
            Interrupted,
        }
        const WORD: &str = "word";
        fn f(x: Option<u8>) -> Failure {
            assert!(x.is_some(), "no message {x:?}");
            let path = x.expect("no message").join("word");
            info!("waiting");
            thread_local! {
                /// Nor this one.
                static LAST: u8 = 0;
            }
            out!("{}: {}", thing.expect("no message"), if one { "a word" } else { "word" });
            let key = format!("{a} {b}");
            Failure::new(ErrorKind::Git, format!("{key}: \"what\" failed\n  and why "))
                .with_hint("wait")
        }
        #[cfg(test)]
        mod tests { const TEXT: &str = "no message"; }
        #[test]
        fn t() { "no message" }
    "##;
    let expected = [
        "{path}: not a pack",
        "interrupted",
        "waiting",
        "a word",
        "word",
        "{key}: \"what\" failed\\n  and why\\s",
        "wait",
    ];
    assert_eq!(of_file(source).lines().collect::<Vec<_>>(), expected);
}

#[test]
fn the_difference_names_the_file_and_what_has_changed() {
    let old = "== a.rs\none text\ntwo texts\n\n== b.rs\nthe same\n";
    let new = "== a.rs\none text\n2 texts\n\n== b.rs\nthe same\n\n== c.rs\nnew one\n";
    assert_eq!(
        difference(old, new),
        "== a.rs\n- two texts\n+ 2 texts\n== c.rs\n+ new one\n"
    );
    assert_eq!(difference(old, old), "");
}
