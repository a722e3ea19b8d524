//! A hoster may say anything; what a document cannot hold would cost the whole answer. So it is taken
//! out or cut here, before the answer is written.

use forgekeep_plugin_documents::{
    CheckReport, Finding, HosterError, Page, Presence, Repository, Severity, limit,
};

/// Topics or languages of a repository. No hoster has nearly as many.
const MOST_WORDS: usize = 1_000;

/// Stands for what was cut off.
const MORE: &str = " …";

pub(crate) fn page(page: &mut Page) {
    number(&mut page.total);
    page.repositories.iter_mut().for_each(repository);
    notes(&mut page.notes);
}

/// What is too long to be a name or an address becomes one that the host takes, and tells of as too long.
pub(crate) fn repository(repository: &mut Repository) {
    let texts = [
        &mut repository.id,
        &mut repository.handle,
        &mut repository.full_name,
        &mut repository.description,
        &mut repository.owner.id,
        &mut repository.owner.name,
    ];
    texts.into_iter().for_each(cut);
    repository.skip.iter_mut().for_each(text);
    for part in &mut repository.parts {
        number(&mut part.size);
        [&mut part.id, &mut part.name, &mut part.url]
            .into_iter()
            .for_each(cut);
        // Half a version is another one; half a branch, too.
        let fits = |text: &String| text.len() <= limit::STRING;
        part.version = part.version.take().filter(fits);
        part.default_branch = part.default_branch.take().filter(fits);
    }
    repository.parts.truncate(limit::PARTS);
    let attributes = &mut repository.attributes;
    for words in [&mut attributes.topics, &mut attributes.languages] {
        words.truncate(MOST_WORDS);
        words.iter_mut().for_each(cut);
    }
}

fn cut(text: &mut String) {
    if text.len() > limit::STRING {
        text.truncate(text.floor_char_boundary(limit::STRING));
    }
}

pub(crate) fn presence(presence: &mut Presence) {
    if let Presence::Present(found) = presence {
        repository(found);
    }
}

pub(crate) fn report(report: &mut CheckReport) {
    for limit in &mut report.limits {
        number(&mut limit.remaining);
        number(&mut limit.most);
    }
    number(&mut report.visible);
    number(&mut report.private);
    number(&mut report.room);
    number(&mut report.repositories);
    let takes = &mut report.takes;
    for limit in [
        &mut takes.file_bytes,
        &mut takes.push_bytes,
        &mut takes.repository_bytes,
        &mut takes.ref_bytes,
        &mut takes.creates_per_minute,
    ] {
        number(limit);
    }
    for name in &mut report.names {
        cut(&mut name.name);
        name.refused.iter_mut().for_each(text);
    }
    notes(&mut report.findings);
}

pub(crate) fn error(error: &mut HosterError) {
    text(&mut error.message);
    text(&mut error.hint);
    text(&mut error.said);
    number(&mut error.retry_after);
}

/// So many notes as an answer may have; the last one says how many there are besides, as bad as the
/// worst of them.
pub(crate) fn notes(notes: &mut Vec<Finding>) {
    if notes.len() > limit::NOTES {
        let rest = notes.split_off(limit::NOTES - 1);
        let worst = [Severity::Error, Severity::Warning]
            .into_iter()
            .find(|severity| rest.iter().any(|note| note.severity == *severity));
        let more = format!("and {} more", rest.len());
        notes.push(Finding::new(worst.unwrap_or(Severity::Info), "", more));
    }
    for note in notes {
        text(&mut note.message);
        text(&mut note.hint);
    }
}

fn number(number: &mut Option<u64>) {
    *number = number.filter(|number| *number <= limit::INTEGER);
}

/// Cuts at the end of a word. Half a word may be half a secret, and nobody would know it again.
fn text(text: &mut String) {
    if text.len() <= limit::STRING {
        return;
    }
    let end = text.floor_char_boundary(limit::STRING - MORE.len());
    let whole = text[..end].rsplit_once(char::is_whitespace);
    let words = whole.map_or(0, |(words, _)| words.len());
    text.truncate(words);
    text.push_str(if words == 0 { MORE.trim_start() } else { MORE });
}
