use std::sync::Arc;

use forgekeep_engine::run::{CheckedSource, Selection};
use forgekeep_failure::Severity;
use forgekeep_store::report::{Report, SourceReport};
use forgekeep_untrusted::Show as _;
use jiff::Timestamp;

use crate::cli::{CheckArguments, Common};
use crate::exit::{Complaint, ExitCode};
use crate::terminal::out;
use crate::text;

/// `forgekeep check`.
pub fn run(common: &Common, arguments: &CheckArguments) -> Result<ExitCode, Complaint> {
    let config = super::configuration(common)?;
    super::warn_of_configuration(common, &config);
    out!("configuration: {}", config.file.shown());
    out!("backup folder: {}", config.local_folder.shown());
    let engine = super::engine(common, config, None, Arc::new(()))?;
    super::end_on_signal(&engine)?;
    let selection = Selection {
        sources: arguments.sources.clone(),
    };
    let checked = engine.check(&selection, arguments.offline)?;
    for source in &checked.sources {
        print_source(source, arguments.offline);
    }
    for warning in &checked.warnings {
        out!("{}", text::finding("", warning));
    }
    Ok(exit_code(checked.sources))
}

fn print_source(source: &CheckedSource, offline: bool) {
    let head = format!("{} ({})", source.title, source.hoster);
    let report = match &source.result {
        Ok(report) => report,
        Err(failure) => {
            out!("{head}: failed\n{}", text::failure("  ", failure));
            return;
        }
    };
    let sound = report.findings.iter().all(|f| f.severity < Severity::Error);
    let word = match (sound, offline) {
        (false, _) => "failed",
        (true, true) => "ok, as far as can be checked offline",
        (true, false) => "ok",
    };
    out!("{head}: {word}");
    if !report.identity.is_empty() {
        out!("  as: {}", report.identity);
    }
    if let Some(visible) = report.visible {
        let visible = usize::try_from(visible).unwrap_or(usize::MAX);
        out!(
            "  sees: {}",
            text::count(visible, "repository", "repositories")
        );
    }
    for finding in &report.findings {
        out!("{}", text::finding("  ", finding));
    }
}

fn exit_code(checked: Vec<CheckedSource>) -> ExitCode {
    let reports = checked
        .into_iter()
        .map(|source| {
            let found = source.result.map(|report| report.findings);
            SourceReport::looked_at(&source.title, &source.hoster, found)
        })
        .collect();
    Report::conclude(Timestamp::now(), false, reports).exit_code
}
