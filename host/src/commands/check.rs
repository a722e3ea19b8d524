mod result;
mod surroundings;

use std::path::Path;
use std::sync::Arc;

use forgekeep_command_line::{CheckArguments, Common};
use forgekeep_documents::CheckDocument;
use forgekeep_engine::run::{Checked, CheckedSource, Engine, Selection};
use forgekeep_failure::Severity;
use forgekeep_hoster::{ApiLimit, OwnerSeen, Sees};
use forgekeep_http::Proxies;
use forgekeep_notify::Teller;
use forgekeep_store::report::{Report, SourceReport};
use forgekeep_summary::text;
use forgekeep_terminal_text::{Tone, paint};
use forgekeep_untrusted::Show as _;
use jiff::Timestamp;
use surroundings::Surroundings;

use crate::exit::{Complaint, ExitCode};
use crate::terminal::{say, tell};

/// `forgekeep check`.
pub fn run(common: &Common, arguments: &CheckArguments) -> Result<ExitCode, Complaint> {
    let Some(file) = &arguments.result else {
        return made(common, arguments, &|_| Ok(()));
    };
    let keep = |document: &CheckDocument| result::keep(file, document);
    made(common, arguments, &keep).inspect_err(|complaint| {
        if let Err(unwritten) = result::keep(file, &result::of_complaint(complaint)) {
            tell!("{unwritten}");
        }
    })
}

fn made(
    common: &Common,
    arguments: &CheckArguments,
    keep: &dyn Fn(&CheckDocument) -> Result<(), Complaint>,
) -> Result<ExitCode, Complaint> {
    let config = super::configuration(common)?;
    super::warn_of_configuration(common, &config);
    super::owner::refuse_root(&config.local_folder)?;
    let around = Surroundings::of(&config.local_folder)?;
    super::image::check(&config.local_folder)?;
    let (file, folder) = (config.file.clone(), config.local_folder.clone());
    if !arguments.json {
        say!("configuration: {}", config.file.shown());
        say!("backup folder: {}", config.local_folder.shown());
        around.print();
    }
    let misfits = super::schedule::misfits(&config)?;
    let told = config.notifications(&super::variable);
    let engine = super::engine(common, config, None, Arc::new(()))?;
    let teller = Teller::new(&told, Ok(Proxies::none()), &engine.redactor());
    super::end_on_signal(&engine)?;
    let selection = Selection {
        sources: arguments.sources.clone(),
    };
    let mut checked = engine.check(&selection, arguments.offline)?;
    checked.warnings.extend_from_slice(teller.unusable());
    checked.warnings.extend(around.findings());
    checked.warnings.extend(misfits);
    let reports = reports(&checked.sources);
    let exit_code = code(&checked, reports.clone());
    let checking = around.checking(&file, &folder, arguments.offline);
    let document = CheckDocument::new(exit_code, &checking, &checked, &reports);
    keep(&document)?;
    if arguments.json {
        super::print_json(&document)?;
        return Ok(exit_code);
    }
    print(&checked, arguments.offline);
    Ok(exit_code)
}

/// Checks what a new configuration has, prints it, and tells how a backup of it would begin.
pub(super) fn of_new(
    engine: &Engine,
    file: &Path,
    folder: &Path,
    offline: bool,
) -> Result<(ExitCode, CheckDocument), Complaint> {
    let around = Surroundings::of(folder)?;
    around.print();
    let mut checked = engine.check(&Selection::default(), offline)?;
    checked.warnings.extend(around.findings());
    print(&checked, offline);
    let reports = reports(&checked.sources);
    let exit_code = code(&checked, reports.clone());
    let checking = around.checking(file, folder, offline);
    let document = CheckDocument::new(exit_code, &checking, &checked, &reports);
    Ok((exit_code, document))
}

/// How a backup of these sources would begin. What is wrong with the folder ends it before any of them.
fn code(checked: &Checked, reports: Vec<SourceReport>) -> ExitCode {
    let mut findings = checked.warnings.iter();
    match findings.any(|finding| finding.severity == Severity::Error) {
        true => ExitCode::Unexpected,
        false => Report::conclude(Timestamp::now(), false, reports).exit_code,
    }
}

fn print(checked: &Checked, offline: bool) {
    for source in &checked.sources {
        print_source(source, offline);
    }
    for warning in &checked.warnings {
        say!("{}", text::finding("", warning));
    }
}

fn print_source(source: &CheckedSource, offline: bool) {
    let head = format!("{} ({})", source.title, source.hoster);
    let report = match &source.result {
        Ok(report) => report,
        Err(failure) => {
            let failed = paint(Tone::Bad, "failed");
            say!("{head}: {failed}\n{}", text::failure("  ", failure));
            return;
        }
    };
    let sound = report.findings.iter().all(|f| f.severity < Severity::Error);
    let word = match (sound, offline) {
        (false, _) => paint(Tone::Bad, "failed"),
        (true, true) => paint(Tone::Good, "ok, as far as can be checked offline"),
        (true, false) => paint(Tone::Good, "ok"),
    };
    say!("{head}: {word}");
    if !report.identity.is_empty() {
        say!("  as: {}", report.identity);
    }
    if let Some(visible) = report.visible {
        let visible = usize::try_from(visible).unwrap_or(usize::MAX);
        let private = match report.private {
            Some(private) => format!(", {private} of them private"),
            None => String::new(),
        };
        say!(
            "  sees: {}{private}",
            text::count(visible, "repository", "repositories")
        );
    }
    if !report.owners.is_empty() {
        let owners: Vec<_> = report.owners.iter().map(owner_word).collect();
        say!("  owners: {}", owners.join(", "));
    }
    if !report.scopes.is_empty() {
        say!("  scopes: {}", report.scopes.join(", "));
    }
    if let Some(expires) = report.expires {
        say!("  expires: {}", text::local(expires));
    }
    for limit in &report.limits {
        say!("  limit: {}", limit_line(limit));
    }
    for finding in &report.findings {
        say!("{}", text::finding("  ", finding));
    }
}

fn owner_word(seen: &OwnerSeen) -> String {
    let name = seen.owner.name.printable();
    match (&seen.error, seen.sees) {
        (Some(_), _) => format!("{name} (cannot be listed)"),
        (None, Sees::All) => format!("{name} (all of its repositories)"),
        (None, Sees::Selected) => format!("{name} (selected repositories)"),
        (None, Sees::Unknown) => name.to_string(),
    }
}

fn limit_line(limit: &ApiLimit) -> String {
    let left = match (limit.remaining, limit.most) {
        (Some(left), Some(most)) => format!("{left} of {most} left"),
        (Some(left), None) => format!("{left} left"),
        (None, Some(most)) => format!("{most} in all"),
        (None, None) => "it is not said how much".to_owned(),
    };
    let resets = limit.resets.map_or_else(String::new, |resets| {
        format!(", whole again at {}", text::local(resets))
    });
    format!("{}: {left}{resets}", limit.name)
}

/// What a backup of these sources would begin with.
fn reports(checked: &[CheckedSource]) -> Vec<SourceReport> {
    let reports = checked.iter().map(|source| {
        let found = source.result.as_ref();
        let found = found.map(|report| report.findings.clone());
        SourceReport::looked_at(&source.title, &source.hoster, found.map_err(Clone::clone))
    });
    reports.collect()
}
