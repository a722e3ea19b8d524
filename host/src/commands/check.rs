mod surroundings;

use std::path::Path;
use std::sync::Arc;

use forgekeep_command_line::{CheckArguments, Common};
use forgekeep_engine::run::{Checked, CheckedSource, Engine, Selection};
use forgekeep_failure::Severity;
use forgekeep_hoster::{ApiLimit, CheckReport, OwnerSeen, Sees};
use forgekeep_http::Proxies;
use forgekeep_notify::Teller;
use forgekeep_store::report::{Report, SourceReport};
use forgekeep_summary::text;
use forgekeep_terminal_text::{Tone, paint};
use forgekeep_untrusted::{Show as _, Untrusted};
use jiff::Timestamp;
use serde_json::{Value, json};
use surroundings::Surroundings;

use crate::exit::{Complaint, ExitCode};
use crate::terminal::say;

/// `forgekeep check`.
pub fn run(common: &Common, arguments: &CheckArguments) -> Result<ExitCode, Complaint> {
    let config = super::configuration(common)?;
    super::warn_of_configuration(common, &config);
    super::owner::refuse_root(&config.local_folder)?;
    let around = Surroundings::of(&config.local_folder)?;
    super::image::check(&config.local_folder)?;
    let head = json!({
        "schema": 1,
        "configuration": Untrusted::of_path(&config.file),
        "backupFolder": Untrusted::of_path(&config.local_folder),
        "offline": arguments.offline,
        "folder": around.folder,
        "network": around.network,
    });
    if !arguments.json {
        say!("configuration: {}", config.file.shown());
        say!("backup folder: {}", config.local_folder.shown());
        around.print();
    }
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
    let reports = reports(&checked.sources);
    let exit_code = code(&checked, reports.clone());
    if arguments.json {
        super::print_json(&document(head, &checked, &reports, exit_code))?;
        return Ok(exit_code);
    }
    print(&checked, arguments.offline);
    Ok(exit_code)
}

/// Checks what a new configuration has, prints it, and tells how a backup of it would begin.
pub(super) fn of_new(engine: &Engine, folder: &Path, offline: bool) -> Result<ExitCode, Complaint> {
    let around = Surroundings::of(folder)?;
    around.print();
    let mut checked = engine.check(&Selection::default(), offline)?;
    checked.warnings.extend(around.findings());
    print(&checked, offline);
    Ok(code(&checked, reports(&checked.sources)))
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

/// All that was found, each thing in a field of its own.
fn document(
    mut head: Value,
    checked: &Checked,
    reports: &[SourceReport],
    exit_code: ExitCode,
) -> Value {
    let sources = checked.sources.iter().zip(reports);
    let sources: Vec<Value> = sources
        .map(|(source, report)| {
            let found = source.result.as_ref();
            let mut entry = json!(found.unwrap_or(&CheckReport::default()));
            for (key, value) in [
                ("title", json!(source.title)),
                ("hoster", json!(source.hoster)),
                ("outcome", json!(report.outcome)),
                ("error", json!(found.err())),
            ] {
                entry[key] = value;
            }
            entry
        })
        .collect();
    for (key, value) in [
        ("sources", json!(sources)),
        ("warnings", json!(checked.warnings)),
        ("exitCode", json!(exit_code)),
    ] {
        head[key] = value;
    }
    head
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
