use std::fmt::Write as _;

use forgekeep_engine::run::{ListedSource, left_out};
use forgekeep_hoster::{PartKind, Repository};
use forgekeep_terminal_text::{Cell, Column, Table, Tone, paint};
use forgekeep_untrusted::{Printable, Show as _};

use crate::text;

/// What a source lists: a table, and below it what is not backed up, with the reason. A failure is told elsewhere.
pub fn of_listing(source: &ListedSource, width: Option<usize>) -> String {
    let Ok(repositories) = &source.repositories else {
        return String::new();
    };
    let number = text::count(repositories.len(), "repository", "repositories");
    let mut out = format!("{} ({}): {number}\n", source.title, source.hoster);
    let mut table = Table::new(vec![
        Column::name("repository"),
        Column::number("size"),
        Column::name("branch"),
        Column::word("about"),
    ]);
    let mut left = Vec::new();
    for (repository, decision) in repositories {
        let name = repository.full_name.printable();
        let why = left_out(repository, *decision);
        table.row(row(repository, &name, why.is_some()));
        left.extend(why.map(|why| (name, why)));
    }
    if !table.is_empty() {
        out.push_str(&table.shown("  ", width));
    }
    for (name, why) in left {
        let word = paint(Tone::Odd, "not backed up:");
        let _ = writeln!(out, "  {word} {name}: {why}");
    }
    out
}

fn row(repository: &Repository, name: &Printable, is_left_out: bool) -> Vec<Cell> {
    let git = repository.part(PartKind::Git);
    let branch = git.and_then(|git| git.default_branch.as_ref());
    let none = || Cell::toned(Tone::Faint, "-");
    let facts = [
        (repository.is_private(), "private"),
        (repository.archived, "archived"),
        (repository.fork, "fork"),
        (repository.part(PartKind::Wiki).is_some(), "wiki"),
        (is_left_out, "not backed up"),
    ];
    let facts: Vec<_> = facts.into_iter().filter(|(is_so, _)| *is_so).collect();
    let facts: Vec<_> = facts.into_iter().map(|(_, word)| word).collect();
    let facts = facts.join(", ");
    vec![
        name.to_string().into(),
        repository
            .size()
            .map_or_else(none, |size| text::bytes(size).into()),
        branch.map_or_else(none, |branch| branch.shown().to_string().into()),
        match is_left_out {
            true => Cell::toned(Tone::Odd, facts),
            false => facts.into(),
        },
    ]
}
