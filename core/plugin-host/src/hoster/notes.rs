//! What a plugin has to say beside its answers. As much of it is passed on as people read: a plugin with a
//! word on each page would fill terminal, report and memory.

use std::collections::BTreeMap;

use forgekeep_failure::{Finding, Severity};
use forgekeep_plugin_documents as documents;
use forgekeep_untrusted::{REDACTED, Redactor};

use super::convert::{part_kind, text};

/// Notes of a listing, or of another answer, that are passed on.
const MOST: usize = 200;

/// How much was said so far.
#[derive(Default)]
pub(super) struct Notes {
    passed_on: usize,
    left_out: usize,
    /// Of those that were left out: what fails a source does so unseen, too.
    worst: Option<Severity>,
}

impl Notes {
    /// All that an answer says, which is not one of many.
    pub(super) fn all(findings: &[documents::Finding], redactor: &Redactor) -> Vec<Finding> {
        let mut notes = Self::default();
        let mut said = notes.take(findings, redactor);
        said.extend(notes.rest());
        said
    }

    /// What there is to say of a page. After the last one comes how much was left out.
    pub(super) fn of_page(&mut self, page: &documents::Page, redactor: &Redactor) -> Vec<Finding> {
        let mut said = self.take(&page.notes, redactor);
        let own = [
            secrets_in_names(&page.repositories, redactor),
            not_backed_up(&page.repositories, redactor),
        ];
        for own in own.into_iter().flatten() {
            if self.has_room(own.severity) {
                said.push(own);
            }
        }
        if page.next.is_none() {
            said.extend(self.rest());
        }
        said
    }

    fn take(&mut self, findings: &[documents::Finding], redactor: &Redactor) -> Vec<Finding> {
        let taken = findings.iter().filter(|f| self.has_room(severity(f)));
        taken.map(|f| finding(f, redactor)).collect()
    }

    /// Whether one more is passed on.
    fn has_room(&mut self, severity: Severity) -> bool {
        if self.passed_on < MOST {
            self.passed_on += 1;
            return true;
        }
        self.left_out += 1;
        self.worst = self.worst.max(Some(severity));
        false
    }

    /// What there is to say of those that were left out.
    fn rest(&self) -> Option<Finding> {
        let severity = self.worst?;
        let message = format!(
            "{} more notes were left out: a plugin may have {MOST} passed on",
            self.left_out
        );
        let mut rest = Finding::warning(message);
        rest.severity = severity;
        rest.hint = "report it to the plugin's authors".into();
        Some(rest)
    }
}

fn severity(finding: &documents::Finding) -> Severity {
    match finding.severity {
        documents::Severity::Error => Severity::Error,
        documents::Severity::Warning => Severity::Warning,
        _ => Severity::Info,
    }
}

/// Something a plugin has to say.
fn finding(finding: &documents::Finding, redactor: &Redactor) -> Finding {
    Finding {
        severity: severity(finding),
        key: text(&finding.key, redactor),
        message: text(&finding.message, redactor),
        hint: text(&finding.hint, redactor),
    }
}

/// What to say of repositories in whose names or ids there is a secret.
fn secrets_in_names(
    repositories: &[documents::Repository],
    redactor: &Redactor,
) -> Option<Finding> {
    let has_secret =
        |r: &&documents::Repository| redactor.finds(&r.id) || redactor.finds(&r.full_name);
    let telling = repositories.iter().filter(has_secret).count();
    if telling == 0 {
        return None;
    }
    let mut warning = Finding::warning(format!(
        "the hoster shows a secret of this configuration in the name or id of {telling} \
         repositories; it is replaced by {REDACTED} in folders, messages and reports"
    ));
    warning.hint = "replace that secret: others may have seen it; or, if it is a word that \
                    names share, choose one that nobody can guess"
        .into();
    Some(warning)
}

/// What to say of parts of a kind that is not known here, or of which there are several.
fn not_backed_up(repositories: &[documents::Repository], redactor: &Redactor) -> Option<Finding> {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for repository in repositories {
        let mut seen = Vec::new();
        for part in &repository.parts {
            if part_kind(&part.kind).is_none() || seen.contains(&&part.kind) {
                *kinds.entry(part.kind.word()).or_default() += 1;
            }
            seen.push(&part.kind);
        }
    }
    if kinds.is_empty() {
        return None;
    }
    let shown = kinds.iter().take(10);
    let shown: Vec<String> = shown
        .map(|(word, count)| format!("{} ({count})", text(word, redactor)))
        .collect();
    let message = format!(
        "parts of repositories are not backed up, as this forgekeep has no place for them: {}",
        shown.join(", ")
    );
    let mut warning = Finding::warning(message);
    warning.hint = "see whether a newer forgekeep backs them up".into();
    Some(warning)
}

#[cfg(test)]
mod tests {
    use forgekeep_plugin_documents::{Page, Part, PartKind, Repository};

    use super::*;

    fn page_of(severity: documents::Severity, count: usize) -> Page {
        Page {
            notes: vec![documents::Finding::new(severity, "", "x"); count],
            next: Some("next".to_owned()),
            ..Page::default()
        }
    }

    #[test]
    fn notes_are_passed_on_up_to_a_number_and_the_rest_is_counted() {
        let (mut notes, nothing) = (Notes::default(), Redactor::default());
        let warnings = page_of(documents::Severity::Warning, MOST - 1);
        assert_eq!(notes.of_page(&warnings, &nothing).len(), MOST - 1);
        assert_eq!(notes.of_page(&warnings, &nothing).len(), 1);
        assert!(notes.of_page(&warnings, &nothing).is_empty());
        // What fails the source does so whether it is seen or not.
        let error = page_of(documents::Severity::Error, 1);
        assert!(notes.of_page(&error, &nothing).is_empty());
        let last = notes.of_page(&Page::default(), &nothing);
        assert_eq!(last.len(), 1);
        assert_eq!(last[0].severity, Severity::Error);
        let left_out = format!("{} more notes", 2 * (MOST - 1) - 1 + 1);
        assert!(last[0].message.starts_with(&left_out), "{last:?}");
    }

    #[test]
    fn a_few_notes_are_all_there_is() {
        let nothing = Redactor::default();
        let few = page_of(documents::Severity::Info, MOST).notes;
        assert_eq!(Notes::all(&few, &nothing).len(), MOST);
    }

    #[test]
    fn parts_without_a_place_are_told() {
        let mut repository = Repository::new("1", "acme/web", "https://x/acme/web.git");
        for kind in ["git", "lfs", "holograms"] {
            repository
                .parts
                .push(Part::new(PartKind::of(kind), "https://x/y"));
        }
        let page = Page {
            repositories: vec![repository],
            ..Page::default()
        };
        let notes = Notes::default().of_page(&page, &Redactor::default());
        let said = notes[0].message.as_str();
        assert!(said.ends_with("git (1), holograms (1), lfs (1)"), "{said}");
    }
}
