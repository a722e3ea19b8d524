//! The documentation as a book: `docs/SUMMARY.md` has every page, and every link leads somewhere, also to a
//! place within a page.
//!
//! Links are looked at in the sources, as a code host shows them, and read by the parser that mdBook has. Where
//! `FORGEKEEP_BOOK` names the folder of a book that was built (`.ci/book`), its pages are looked at too.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// The parts of the book, by what a reader wants at that time (https://diataxis.fr).
const PARTS: [&str; 4] = ["Tutorial", "How-to guides", "Reference", "Explanation"];

/// The page that everything begins with.
const FRONT: &str = "index.md";

/// The page that may not be far from anywhere.
const DISASTER: &str = "disaster.md";

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    root.canonicalize().unwrap()
}

/// What the test needs of a page.
#[derive(Default)]
struct Page {
    title: String,
    anchors: BTreeSet<String>,
    links: Vec<Link>,
    /// Headings of the first level, each with its links: the parts of a table of contents.
    parts: Vec<(String, Vec<Link>)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Link {
    to: String,
    text: String,
}

impl Page {
    fn read(file: &Path) -> Self {
        let text = fs::read_to_string(file).unwrap();
        // mdBook's.
        let options = Options::ENABLE_TABLES
            | Options::ENABLE_FOOTNOTES
            | Options::ENABLE_STRIKETHROUGH
            | Options::ENABLE_TASKLISTS
            | Options::ENABLE_HEADING_ATTRIBUTES;
        let mut page = Self::default();
        let (mut words, mut links) = (String::new(), Vec::new());
        for event in Parser::new_ext(&text, options) {
            match event {
                Event::Start(Tag::Heading { .. }) => words.clear(),
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    links.push((dest_url.to_string(), words.len()));
                }
                Event::Text(text) | Event::Code(text) => words.push_str(&text),
                Event::SoftBreak | Event::HardBreak => words.push(' '),
                Event::End(TagEnd::Link | TagEnd::Image) => {
                    let (to, begin) = links.pop().unwrap();
                    let text = words[begin..].to_owned();
                    let link = Link { to, text };
                    if let Some((_, of_part)) = page.parts.last_mut() {
                        of_part.push(link.clone());
                    }
                    page.links.push(link);
                }
                Event::End(TagEnd::Heading(level)) => {
                    let anchor = unique(anchor(&words), &page.anchors);
                    page.anchors.insert(anchor);
                    if page.title.is_empty() {
                        page.title.clone_from(&words);
                    }
                    if level == pulldown_cmark::HeadingLevel::H1 {
                        page.parts.push((words.clone(), Vec::new()));
                    }
                }
                _ => {}
            }
        }
        page
    }
}

/// The place that a heading makes, as mdBook 0.5 and code hosts call it.
fn anchor(heading: &str) -> String {
    let letters = heading.trim().to_lowercase();
    let letters = letters.chars().filter_map(|letter| match letter {
        '-' | '_' => Some(letter),
        _ if letter.is_alphanumeric() => Some(letter),
        _ if letter.is_whitespace() => Some('-'),
        _ => None,
    });
    letters.collect()
}

fn unique(anchor: String, used: &BTreeSet<String>) -> String {
    let others = (1..).map(|number| format!("{anchor}-{number}"));
    let mut all = std::iter::once(anchor.clone()).chain(others);
    all.find(|one| !used.contains(one)).unwrap()
}

/// The pages of the book, and those beside it, by their path from the root.
fn pages() -> BTreeMap<String, Page> {
    let root = root();
    let mut names: Vec<_> = [
        "README.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "CHANGELOG.md",
    ]
    .map(str::to_owned)
    .to_vec();
    names.extend(of_docs().into_iter().map(|name| format!("docs/{name}")));
    let pages = names.into_iter().map(|name| {
        let page = Page::read(&root.join(&name));
        (name, page)
    });
    pages.collect()
}

fn of_docs() -> BTreeSet<String> {
    let files = fs::read_dir(root().join("docs")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".md")).collect()
}

/// A path without `.` and `..`; none where it leaves the root.
fn flat(path: &Path) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => parts.push(name.to_str()?),
            Component::ParentDir => drop(parts.pop()?),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts.join("/"))
}

/// Whether a link leads out of this repository. Those are not followed: tests need no network.
fn is_outside(to: &str) -> bool {
    to.starts_with("https://") || to.starts_with("http://") || to.starts_with("mailto:")
}

/// What is wrong with a link, if anything is.
fn wrong(from: &str, to: &str, pages: &BTreeMap<String, Page>) -> Option<String> {
    let (path, place) = to.split_once('#').unwrap_or((to, ""));
    let folder = Path::new(from).parent().unwrap();
    let target = match path {
        "" => from.to_owned(),
        _ => match flat(&folder.join(path)) {
            Some(target) => target,
            None => return Some("it leads out of the repository".to_owned()),
        },
    };
    if !root().join(&target).exists() {
        return Some(format!("there is no {target}"));
    }
    let of_book = |name: &str| name.starts_with("docs/");
    if of_book(from) && !of_book(&target) && !root().join(&target).is_file() {
        // A code host shows folders, a book does not.
        return Some("it leads out of the book, to no file".to_owned());
    }
    if of_book(from) && !of_book(&target) && target.ends_with(".md") {
        // mdBook takes it for one of its pages.
        return Some("it leads to a page that the book does not have".to_owned());
    }
    match pages.get(&target) {
        Some(page) if !place.is_empty() && !page.anchors.contains(place) => {
            Some(format!("{target} has no heading for #{place}"))
        }
        None if !place.is_empty() => Some(format!("{target} is no page, and has no #{place}")),
        _ => None,
    }
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    let (mut count, mut all_wrong) = (0, String::new());
    for (name, page) in &pages {
        for link in page.links.iter().filter(|link| !is_outside(&link.to)) {
            count += 1;
            if let Some(why) = wrong(name, &link.to, &pages) {
                all_wrong += &format!("{name}: [{}]({}): {why}\n", link.text, link.to);
            }
        }
    }
    assert!(all_wrong.is_empty(), "{all_wrong}");
    assert!(count > 300, "only {count} links were found");
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let pages = pages();
    let wrong = |to: &str| wrong("docs/index.md", to, &pages);
    assert_eq!(wrong("restore.md#one-file"), None);
    assert_eq!(wrong("../schema/report.schema.json"), None);
    for to in [
        "restored.md",
        "restore.md#two-files",
        "#two-files",
        "../README.md",
        "../plugins/github",
        "../../README.md",
        "/srv",
        "monitoring/forgekeep.rules.yml#groups",
    ] {
        assert!(wrong(to).is_some(), "{to}");
    }
}

#[test]
fn the_table_of_contents_has_each_page_once_by_its_title() {
    let summary = Page::read(&root().join("docs/SUMMARY.md"));
    let mut parts = summary.parts.iter();
    let (_, before) = parts.next().unwrap();
    assert_eq!(before.len(), 1);
    assert_eq!(before[0].to, FRONT);
    let parts: Vec<_> = parts.collect();
    let names: Vec<_> = parts.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, PARTS);
    assert!(parts.iter().all(|(_, links)| !links.is_empty()));
    let mut left = of_docs();
    left.remove("SUMMARY.md");
    for link in &summary.links {
        assert!(left.remove(&link.to), "{} is twice, or not there", link.to);
        let page = Page::read(&root().join("docs").join(&link.to));
        let first_of_page = (link.to != FRONT).then_some(page.title);
        let title = first_of_page.unwrap_or_else(|| link.text.clone());
        assert_eq!(link.text, title, "the title of {}", link.to);
    }
    assert!(left.is_empty(), "in no part of docs/SUMMARY.md: {left:?}");
}

#[test]
fn the_day_after_the_disaster_is_one_click_away() {
    let links = |name: &str| Page::read(&root().join(name)).links;
    let leads = |name: &str, to: &str| links(name).iter().any(|link| link.to == to);
    assert!(leads(&format!("docs/{FRONT}"), DISASTER));
    assert!(leads("README.md", &format!("docs/{DISASTER}")));
}

/// What messages, comments, packages and scripts call `docs/….md`.
#[test]
fn pages_that_code_names_are_there() {
    let pages = pages();
    let mut all_wrong = String::new();
    let mut count = 0;
    for folder in ["core", "host", "plugins", "tests", "schema", ".ci"] {
        for file in files(&root().join(folder)) {
            let Ok(text) = fs::read_to_string(&file) else {
                continue;
            };
            for (begin, _) in text.match_indices("docs/") {
                let is_end = |c: char| !(c.is_alphanumeric() || "/.-_#".contains(c));
                let name = text[begin..].split(is_end).next().unwrap();
                let name = name.trim_end_matches('.');
                let page = name.split('#').next().unwrap();
                if !page.ends_with(".md") {
                    continue;
                }
                count += 1;
                if let Some(why) = wrong("README.md", name, &pages) {
                    all_wrong += &format!("{}: {name}: {why}\n", file.display());
                }
            }
        }
    }
    assert!(all_wrong.is_empty(), "{all_wrong}");
    assert!(count > 20, "only {count} were found");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true if path.ends_with("target") => {}
            true => all.extend(files(&path)),
            false => all.push(path),
        }
    }
    all
}

/// The values of an attribute in a page of HTML.
fn values<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
    let begin = format!(" {attribute}=\"");
    let parts = html.split(begin.as_str()).skip(1);
    parts.filter_map(|part| part.split('"').next()).collect()
}

#[test]
fn the_book_that_was_built_has_what_its_links_name() {
    let Some(book) = std::env::var_os("FORGEKEEP_BOOK") else {
        eprintln!("skipped: FORGEKEEP_BOOK names no book: `.ci/book` builds one, and runs this");
        return;
    };
    let book = Path::new(&book).join("docs");
    let html = |name: &str| book.join(name).with_extension("html");
    let mut all_wrong = String::new();
    for name in of_docs().iter().filter(|name| *name != "SUMMARY.md") {
        let text = fs::read_to_string(html(name)).unwrap();
        let ids: BTreeSet<_> = values(&text, "id").into_iter().collect();
        for anchor in Page::read(&root().join("docs").join(name)).anchors {
            if !ids.contains(anchor.as_str()) {
                all_wrong += &format!("{name}: the book has no #{anchor}\n");
            }
        }
        let mut links = values(&text, "href");
        links.extend(values(&text, "src"));
        for to in links {
            if is_outside(to) {
                continue;
            }
            let (path, place) = to.split_once('#').unwrap_or((to, ""));
            let target = match path {
                "" => html(name),
                _ => book.join(path),
            };
            let Ok(bytes) = fs::read(&target) else {
                all_wrong += &format!("{name}: the book has no {to}\n");
                continue;
            };
            let there = String::from_utf8_lossy(&bytes);
            if !place.is_empty() && !values(&there, "id").contains(&place) {
                all_wrong += &format!("{name}: the book has no {to}\n");
            }
        }
    }
    assert!(all_wrong.is_empty(), "{all_wrong}");
}
