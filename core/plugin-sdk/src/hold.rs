//! A hoster may say anything; what a document cannot hold would cost the whole answer. So it is taken
//! out or cut here, before the answer is written.

use forgekeep_plugin_documents::{
    CheckReport, Finding, HosterError, Page, Presence, Repository, Severity, limit,
};

/// Stands for what was cut off.
const MORE: &str = " …";

pub(crate) fn page(page: &mut Page) {
    number(&mut page.total);
    page.repositories.iter_mut().for_each(repository);
    notes(&mut page.notes);
}

pub(crate) fn repository(repository: &mut Repository) {
    for part in &mut repository.parts {
        number(&mut part.size);
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
