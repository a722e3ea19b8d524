//! A verification or a drill, which tells of itself as a backup does.

use forgekeep_command_line::{Common, FolderArgument};
use forgekeep_failure::{Cancel, Failure};
use forgekeep_summary::text;
use forgekeep_telling::{CheckOutcome, RunKind, Telling, invocation};
use jiff::Timestamp;

use crate::exit::{Complaint, ExitCode};
use crate::terminal::{self, tell};

/// A run that is under way.
pub struct CheckRun<'a> {
    common: &'a Common,
    kind: RunKind,
    /// Whether there is a configuration, which says who is told.
    is_configured: bool,
    /// When it began.
    pub started: Timestamp,
}

impl<'a> CheckRun<'a> {
    /// Of the configuration that the command goes by, if it goes by one.
    pub fn begin(common: &'a Common, place: &FolderArgument, kind: RunKind) -> Self {
        Self {
            common,
            kind,
            is_configured: place.folder.is_none(),
            started: Timestamp::now(),
        }
    }

    /// Tells what has come of it; `cancel` is what a signal has ended.
    pub fn end(&self, outcome: CheckOutcome, cancel: &Cancel) {
        if !self.is_configured {
            return;
        }
        let (kind, named) = (self.kind, self.common.config.as_deref());
        let telling = match super::offline::configuration_of(named) {
            Ok(config) => Some(Telling::of(kind, &config, &[], &super::variable).0),
            Err(_) => Telling::of_broken_run(kind, named, &super::variable),
        };
        let Some(mut telling) = telling else { return };
        telling.with(telling.redactor(), cancel.clone());
        terminal::hide(telling.redactor());
        for finding in telling.end_check(outcome) {
            tell!("{}", text::finding("", &finding));
        }
        invocation::note_told(kind);
    }

    /// Tells why it could not be made, and gives that back. What was typed wrong is nobody else's matter, and
    /// another run that is at work tells of itself.
    pub fn refused(&self, complaint: Complaint) -> Complaint {
        if !matches!(complaint.ending, ExitCode::Locked | ExitCode::Usage) {
            let failure = Failure::new(complaint.kind, complaint.message.clone())
                .with_hint(complaint.hint.clone());
            let outcome = CheckOutcome::refused(self.started, complaint.ending, failure);
            self.end(outcome, &Cancel::new());
        }
        complaint
    }
}
