//! What listings are worth. That of one source is compared with what all of its server list: what
//! another source lists now has only moved.

use forgekeep_failure::{Failure, Finding, Severity};
use forgekeep_store::report::SourceReport;
use forgekeep_untrusted::Printable;

use super::{ListedSource, Planner, State};
use crate::completeness::{Counted, Verdict};
use crate::event::{Event, Observer, note_of};
use crate::owners;
use crate::plan::Task;
use crate::run::sources::{nothing_listed, of_filter};

impl Planner<'_> {
    /// All sources were listed, or failed: what is left to decide is decided, and what there is to say
    /// about the listings is said, and remembered unless nothing may be written.
    pub fn all_listed(&mut self) -> Vec<Task> {
        self.are_all_listed = true;
        let may_write = self.cases.is_some();
        if may_write {
            self.take_same_listings();
        }
        for index in 0..self.sources.len() {
            self.judge(index);
        }
        let tasks = self.decide();
        if may_write {
            self.remember();
            for source in &mut self.sources {
                if let State::Listed(listed) = &mut source.state {
                    listed.run.is_whole = listed.run.report.is_whole();
                    listed.run.doubtful_owners = listed.doubtful_owners();
                }
            }
        }
        tasks
    }

    /// Whether there is no doubt about a source's listing; `None` if others have to be listed first.
    pub(super) fn is_whole(&self, index: usize) -> Option<bool> {
        let listed = self.sources[index].listed()?;
        let report = &listed.run.report;
        let is_doubtful = report.notes.iter().any(|n| n.severity == Severity::Error);
        if report.error.is_some() || is_doubtful || !listed.doubtful_owners().is_empty() {
            return Some(false);
        }
        if self.are_all_listed {
            return Some(true);
        }
        let stands = |counted| self.listings.stands(self.sources[index].key(), counted);
        let counted = self.compared(index, listed);
        // Whatever the others list, it can only lessen what is lost.
        let best = Counted { lost: 0, ..counted };
        match (stands(counted), stands(best)) {
            (_, false) => Some(false),
            // What it has under its old title, and lists no more, counts too, and is not taken yet.
            (true, true) if !self.has_old_title(index) => Some(true),
            _ => None,
        }
    }

    /// What was counted, with what the backup has of this listing.
    fn compared(&self, index: usize, listed: &ListedSource) -> Counted {
        let mut counted = listed.counted;
        let Some(open) = &listed.run.open else {
            return counted;
        };
        for id in self.sources[index].catalogue.from_listing(&open.listing()) {
            counted.known += 1;
            let is_listed = listed.listed.contains_key(id)
                || self
                    .of_server(index)
                    .any(|other| self.sources[other].lists(id));
            counted.lost += u64::from(!is_listed);
        }
        counted
    }

    /// Compares what is listed with what was.
    fn judge(&mut self, index: usize) {
        let Some(listed) = self.sources[index].listed() else {
            return;
        };
        let counted = self.compared(index, listed);
        let owners = listed.owners.clone();
        let source = &mut self.sources[index];
        let verdict = self.listings.judge(source.key(), counted, &owners);
        let State::Listed(listed) = &mut source.state else {
            return;
        };
        for (id, failure) in &verdict.of_owners {
            if let Some(owner) = listed.owners.get_mut(id) {
                owner.error = Some(failure.clone());
            }
            self.observer.event(&Event::Note {
                source: &source.source.title,
                finding: &error_note(failure.clone()),
            });
        }
        let report = &mut listed.run.report;
        report.owners = owners::reports(&listed.owners);
        let stands = verdict.errors.is_empty() && verdict.of_owners.is_empty();
        add_verdict(report, verdict, self.observer);
        if let (true, Some(note)) = (stands, nothing_listed(report.listed, &report.notes)) {
            note_of(report, note, self.observer);
        }
        for note in of_filter(&listed.filter) {
            note_of(report, note, self.observer);
        }
    }

    /// Remembers what was listed. If that fails, the next run compares with older numbers: so no
    /// source of this one is quite in order.
    fn remember(&mut self) {
        let Err(failure) = self.listings.write() else {
            return;
        };
        for source in &mut self.sources {
            let run = match &mut source.state {
                State::Listed(listed) => &mut listed.run,
                State::Failed(run) => run,
                State::Awaited => continue,
            };
            if run.report.error.is_none() {
                let note = error_note(failure.clone());
                note_of(&mut run.report, note, self.observer);
            }
        }
    }
}

/// Puts down what there is to say about a listing's completeness: the worst is the source's error,
/// and it goes on all the same.
fn add_verdict(report: &mut SourceReport, verdict: Verdict, observer: &dyn Observer) {
    let mut errors = verdict.errors.into_iter();
    report.error = errors.next();
    if let Some(failure) = &report.error {
        observer.event(&Event::Note {
            source: &report.title,
            finding: &error_note(failure.clone()),
        });
    }
    for note in verdict.notes.into_iter().chain(errors.map(error_note)) {
        note_of(report, note, observer);
    }
}

pub(in crate::run) fn error_note(failure: Failure) -> Finding {
    Finding {
        severity: Severity::Error,
        key: Printable::default(),
        message: failure.message,
        hint: failure.hint,
    }
}
