//! The listing: to the end, again, in a new process, in circles, with hostile names.

use std::collections::BTreeSet;

use forgekeep_plugin_documents::{ErrorKind, Page, PartKind, Repository};
use url::Url;

use super::asker::Asker;
use super::identity::HOSTILE;
use super::{Entry, Forge};
use crate::script::Script;

/// More calls than any listing here has pages.
const MANY: usize = 50;

pub(super) fn check(asker: &mut Asker<'_>, forge: &dyn Forge) {
    to_the_end(asker, forge);
    empty(asker, forge);
    in_circles(asker, forge);
    hostile_names(asker, forge);
}

pub(super) fn three_pages() -> [Vec<Entry>; 3] {
    [
        vec![Entry::new(1, "one"), Entry::new(2, "two")],
        vec![Entry::new(3, "three")],
        vec![Entry::new(4, "four")],
    ]
}

/// All pages. Whether it ended, and not by an error or in a circle, is the second.
fn walk(asker: &mut Asker<'_>, script: &Script, object: u64) -> (Vec<Page>, bool) {
    let mut pages: Vec<Page> = Vec::new();
    let mut cursors = BTreeSet::new();
    let mut cursor: Option<String> = None;
    for _ in 0..MANY {
        let Some(Ok(page)) = asker.list(script, object, cursor.as_deref()) else {
            return (pages, false);
        };
        cursor.clone_from(&page.next);
        pages.push(page);
        match &cursor {
            None => return (pages, true),
            // A host ends the listing here, as one that does not end.
            Some(next) if !cursors.insert(next.clone()) => return (pages, false),
            Some(_) => {}
        }
    }
    asker.fault(format!("it goes on after {MANY} pages"));
    (pages, false)
}

fn sound(asker: &mut Asker<'_>, repository: &Repository) {
    let name = &repository.full_name;
    asker.expect(!repository.id.is_empty(), format!("{name} has no id"));
    asker.expect(
        repository.id != repository.full_name,
        format!("{name}: its id is its name, which may change"),
    );
    if repository.skip.is_some() {
        return;
    }
    let Some(git) = repository.part(&PartKind::Git) else {
        asker.fault(format!(
            "{name} has no git repository, and no reason to skip it"
        ));
        return;
    };
    let address = Url::parse(&git.url)
        .is_ok_and(|url| url.has_host() && url.username().is_empty() && url.password().is_none());
    asker.expect(
        address,
        format!(
            "{name}: {} is no address without user and password",
            git.url
        ),
    );
}

fn to_the_end(asker: &mut Asker<'_>, forge: &dyn Forge) {
    asker.step("the listing");
    let pages = three_pages();
    let entries: Vec<_> = pages.iter().flatten().collect();
    let script = forge.script(&pages);
    let Some(object) = asker.open(&forge.source(), &script) else {
        return;
    };
    let (listed, ended) = walk(asker, &script, object);
    asker.expect(ended, "it does not come to its end");
    let found: Vec<_> = listed.iter().flat_map(|page| &page.repositories).collect();
    let shown: Vec<_> = found
        .iter()
        .map(|found| (&found.id, &found.full_name))
        .collect();
    let expected: Vec<_> = entries
        .iter()
        .map(|entry| (forge.id(entry), forge.full_name(entry)))
        .collect();
    let same = shown.len() == expected.len()
        && shown
            .iter()
            .zip(&expected)
            .all(|((id, name), (wanted_id, wanted))| *id == wanted_id && *name == wanted);
    asker.expect(same, format!("it lists {shown:?}, not {expected:?}"));
    for repository in &found {
        sound(asker, repository);
    }

    asker.step("the listing, each page again");
    let mut cursor: Option<String> = None;
    for page in &listed {
        match asker.list(&script, object, cursor.as_deref()) {
            Some(Ok(again)) => asker.expect(again == *page, "a page asked for again is another"),
            Some(Err(error)) => asker.fault(format!("a page asked for again fails: {error}")),
            None => {}
        }
        cursor.clone_from(&page.next);
    }
    asker.drop_object(object);

    asker.step("the listing, once more");
    let second = forge.script(&pages);
    if let Some(object) = asker.open(&forge.source(), &second) {
        let (again, _) = walk(asker, &second, object);
        asker.expect(again == listed, "the same answers make another listing");
        let urls = |script: &Script| -> Vec<String> {
            let requests = script.requests().into_iter();
            requests.map(|request| request.url).collect()
        };
        let first = urls(&script);
        let again = urls(&second);
        asker.expect(
            first.starts_with(&again),
            "the same listing makes other requests",
        );
        asker.drop_object(object);
    }

    asker.step("the listing, from its second page in a new process");
    let third = forge.script(&pages);
    if let (Some(object), [first, second, ..]) =
        (asker.open(&forge.source(), &third), listed.as_slice())
    {
        match asker.list(&third, object, first.next.as_deref()) {
            Some(Ok(page)) => {
                let same = page.repositories == second.repositories && page.next == second.next;
                asker.expect(same, "the page is another");
            }
            Some(Err(error)) => asker.fault(format!("the cursor is not good there: {error}")),
            None => {}
        }
        asker.drop_object(object);
    }

    asker.step("the listing, from cursors that are none");
    if let Some(object) = asker.open(&forge.source(), &script) {
        for cursor in [
            "",
            "nonsense",
            "-1",
            "\u{0}",
            "https://evil.example/",
            "+https://evil.example/",
        ] {
            let _ = asker.list(&script, object, Some(cursor));
        }
        asker.drop_object(object);
    }
}

fn empty(asker: &mut Asker<'_>, forge: &dyn Forge) {
    asker.step("an empty listing");
    let script = forge.script(&[Vec::new()]);
    if let Some(object) = asker.open(&forge.source(), &script) {
        let (pages, ended) = walk(asker, &script, object);
        asker.expect(ended, "it does not come to its end");
        let none = pages.iter().all(|page| page.repositories.is_empty());
        asker.expect(none, "it lists something");
        asker.drop_object(object);
    }
}

fn in_circles(asker: &mut Asker<'_>, forge: &dyn Forge) {
    let first = forge.address(0);
    for (step, next) in [
        ("a listing whose first page names itself", first.as_str()),
        (
            "a listing that leads to another origin",
            "https://evil.example/page/2",
        ),
        ("a listing that leads to no address", "::"),
    ] {
        asker.step(step);
        let Some(script) = forge.linked(next) else {
            continue;
        };
        let Some(object) = asker.open(&forge.source(), &script) else {
            continue;
        };
        let (pages, ended) = walk(asker, &script, object);
        asker.expect(!ended, "it is taken for whole");
        asker.expect(!pages.is_empty(), "the page before it is lost");
        asker.drop_object(object);
    }
}

fn hostile_names(asker: &mut Asker<'_>, forge: &dyn Forge) {
    asker.step("hostile names");
    let long = "x".repeat(2_000);
    let names = HOSTILE.into_iter().chain([long.as_str()]);
    let entries: Vec<_> = names
        .zip(1..)
        .map(|(name, number)| Entry::new(number, name))
        .collect();
    let script = forge.script(std::slice::from_ref(&entries));
    let Some(object) = asker.open(&forge.source(), &script) else {
        return;
    };
    match asker.list(&script, object, None) {
        Some(Ok(page)) => {
            let ids: Vec<_> = page.repositories.iter().map(|found| &found.id).collect();
            for entry in &entries {
                let id = forge.id(entry);
                asker.expect(
                    ids.contains(&&id),
                    format!("the repository called {:?} is left out", entry.name),
                );
            }
        }
        Some(Err(error)) => asker.expect(
            error.kind == ErrorKind::BadAnswer,
            format!("the listing fails: {error}"),
        ),
        None => {}
    }
    asker.drop_object(object);
}
