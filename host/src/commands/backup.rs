use forgekeep_command_line::{BackupArguments, Common, ProgressMode};
use forgekeep_config::Config;
use forgekeep_documents::PlanDocument;
use forgekeep_durable::state_folder::state_folder;
use forgekeep_durable::umask::OfBackup;
use forgekeep_engine::run::{Engine, Selection};
use forgekeep_store::report::{Report, RunOutcome};
use forgekeep_summary as summary;
use forgekeep_summary::text;
use forgekeep_telling::{RunKind, Telling, invocation};
use forgekeep_untrusted::Show as _;
use forgekeep_untrusted::names::encode_component;
use jiff::Timestamp;

use super::metrics::{self, Metrics};
use super::page;
use crate::exit::{Complaint, ExitCode};
use crate::progress;
use crate::report_file::{REPORT, ReportFile};
use crate::terminal::{self, hidden_json, say, stderr_width, stdout_width, tell};

/// `forgekeep backup`.
pub fn run(common: &Common, arguments: &BackupArguments) -> Result<ExitCode, Complaint> {
    let started = Timestamp::now();
    let json = arguments.json && !arguments.dry_run;
    let file = output(arguments).inspect_err(|complaint| {
        if json {
            print_report(&refused(started, complaint));
        }
    })?;
    let mut attempt = Attempt {
        file,
        json,
        telling: None,
        metrics: None,
    };
    let result = attempt.made(common, arguments);
    let result = result.map_err(|complaint| attempt.refused(started, complaint));
    if let Some(metrics) = attempt.metrics {
        let ending = match &result {
            Ok(code) => *code,
            Err(complaint) => complaint.ending,
        };
        metrics.write(started, ending);
    }
    result
}

/// Where the report goes, if it is asked for. Nothing of what is asked for may be in the way of another.
fn output(arguments: &BackupArguments) -> Result<Option<ReportFile>, Complaint> {
    let file = match &arguments.report {
        Some(path) if !arguments.dry_run => Some(ReportFile::prepare(path, REPORT)?),
        _ => None,
    };
    let takes_stdout = [
        (
            file.as_ref().is_some_and(ReportFile::takes_stdout),
            "--report",
        ),
        (arguments.progress == ProgressMode::Json, "--progress json"),
        (arguments.json, "--json"),
    ];
    let takes_stdout = takes_stdout.into_iter().filter(|(takes, _)| *takes);
    if let [one, other, ..] = takes_stdout.map(|(_, option)| option).collect::<Vec<_>>()[..] {
        return Err(Complaint::new(
            ExitCode::Usage,
            format!("{one} and {other} would both write to standard output"),
            "give --report a file, or leave one of them out",
        ));
    }
    if let Some(path) = &arguments.metrics {
        metrics::check(path)?;
    }
    Ok(file)
}

/// A run, with what is to be done if it cannot be made.
struct Attempt {
    /// Taken once the report is written, or must not be.
    file: Option<ReportFile>,
    /// Whether the report is printed.
    json: bool,
    /// Taken once everybody was told.
    telling: Option<Telling>,
    /// Written at the very end.
    metrics: Option<Metrics>,
}

impl Attempt {
    /// A run that could not be made has a report too, and is told of: whoever waits for it must see why.
    fn refused(&mut self, started: Timestamp, complaint: Complaint) -> Complaint {
        let mut report = refused(started, &complaint);
        if let Some(metrics) = &mut self.metrics {
            metrics.look();
        }
        if let Some(telling) = self.telling.take()
            && complaint.ending != ExitCode::Locked
        {
            // Where no engine has come so far.
            terminal::hide(telling.redactor());
            telling.end(&mut report);
            invocation::note_told(RunKind::Backup);
            for warning in &report.warnings {
                tell!("{}", text::finding("", warning));
            }
        }
        if let Some(file) = &self.file
            && let Err(unwritten) = write_report(file, &report)
        {
            tell!("{unwritten}");
        }
        if self.json {
            print_report(&report);
        }
        complaint
    }

    fn made(
        &mut self,
        common: &Common,
        arguments: &BackupArguments,
    ) -> Result<ExitCode, Complaint> {
        let selection = Selection {
            sources: arguments.sources.clone(),
        };
        let config = super::configuration(common).inspect_err(|_| {
            if !arguments.dry_run {
                let named = common.config.as_deref();
                self.telling = Telling::of_broken_run(RunKind::Backup, named, &super::variable);
            }
        })?;
        super::warn_of_configuration(common, &config);
        if !arguments.dry_run {
            let asked = &selection.sources;
            let (telling, odd) = Telling::of(RunKind::Backup, &config, asked, &super::variable);
            super::warn(common, &odd);
            self.telling = Some(telling);
            self.metrics = Metrics::of(&config, arguments.metrics.as_deref());
        }
        if !arguments.accept_folder {
            super::image::check(&config.local_folder)?;
        }
        if !arguments.dry_run {
            super::owner::refuse_root(&config.local_folder)?;
        }
        let umask = config.options.backup.umask;
        if let Some(complaint) = self
            .file
            .as_ref()
            .and_then(|file| in_the_way("--report", file, &config))
        {
            self.file = None;
            return Err(complaint);
        }
        let log_all = config.options.backup.log_repo_finished;
        let mode = if arguments.dry_run {
            ProgressMode::Plain
        } else {
            arguments.progress
        };
        let observer = progress::observer(mode, common, log_all);
        let lock_wait = arguments.lock_wait.unwrap_or_default();
        let of_page = config.clone();
        let engine = super::engine(common, config, arguments.jobs, observer)?
            .accepting_shrinkage(arguments.accept_shrinkage)
            .knowing_folder(state_folder(), arguments.accept_folder)
            .asking_all(arguments.full)
            .waiting_for_lock(lock_wait)
            .waiting_for_network(arguments.network_wait.unwrap_or_default());
        super::end_on_signal(&engine)?;
        if arguments.dry_run {
            return dry_run(&engine, &selection, arguments.json);
        }
        if let Some(telling) = &mut self.telling {
            telling.with(engine.redactor(), engine.cancel());
            Telling::keep_copy(&of_page);
            telling.begin(lock_wait)?;
        }
        let mut report = {
            let _umask = OfBackup::set(umask);
            engine.backup(&selection)?
        };
        // What is run afterwards may unmount the folder.
        if let Some(metrics) = &mut self.metrics {
            metrics.look();
        }
        let of_run = report.warnings.len();
        page::after_run(&of_page, &mut report, &engine.redactor());
        if let Some(telling) = self.telling.take() {
            telling.end(&mut report);
            invocation::note_told(RunKind::Backup);
        }
        if arguments.progress == ProgressMode::Json {
            // Those of the run were events.
            for warning in &report.warnings[of_run..] {
                tell!("{}", text::finding("", warning));
            }
        }
        self.conclude(common, arguments, &report)
    }

    fn conclude(
        &mut self,
        common: &Common,
        arguments: &BackupArguments,
        report: &Report,
    ) -> Result<ExitCode, Complaint> {
        let file = self.file.take();
        let written = file
            .as_ref()
            .map_or(Ok(()), |file| write_report(file, report));
        if self.json {
            print_report(report);
        }
        let wrong = report.outcome != RunOutcome::Ok || report.has_alert() || report.has_warning();
        if arguments.progress != ProgressMode::Json && (wrong || !common.quiet) {
            match file.is_some_and(|file| file.takes_stdout()) {
                true => tell!("{}", summary::of_run(report, stderr_width()).trim_end()),
                false => say!("{}", summary::of_run(report, stdout_width()).trim_end()),
            }
        }
        if let Some(failure) = &report.error {
            let (message, hint) = (failure.message.clone(), failure.hint.clone());
            tell!("{}", Complaint::new(ExitCode::Unexpected, message, hint));
        }
        match written {
            Ok(()) => Ok(report.exit_code),
            Err(complaint) if report.exit_code == ExitCode::Good => Err(complaint),
            // The run's own exit code says more.
            Err(complaint) => {
                tell!("{complaint}");
                Ok(report.exit_code)
            }
        }
    }
}

/// Why a report, or a page, must not be written to a file: it would replace something of ours or the user's
/// that is neither.
pub(super) fn in_the_way(option: &str, file: &ReportFile, config: &Config) -> Option<Complaint> {
    let path = file.path()?;
    let refused = |what: &str| {
        let message = format!("{option} {} would replace {what}", path.shown());
        let hint =
            format!("give {option} a file of its own, outside the folders in the backup folder");
        Some(Complaint::new(ExitCode::Usage, message, hint))
    };
    if config.file.canonicalize().is_ok_and(|own| own == path) {
        return refused("the configuration");
    }
    let backup = config.local_folder.canonicalize().ok()?;
    let mut below = path.strip_prefix(&backup).ok()?.components();
    let first = below.next()?.as_os_str().to_str()?;
    let titles = config.sources.iter().map(|source| &source.title);
    let ours = [
        forgekeep_config::STATE_FOLDER,
        forgekeep_config::COPY_FOLDER,
    ]
    .contains(&first)
        || titles
            .into_iter()
            .any(|title| encode_component(title) == first);
    match ours {
        true => refused("a file of the backup"),
        false => None,
    }
}

fn dry_run(engine: &Engine, selection: &Selection, json: bool) -> Result<ExitCode, Complaint> {
    let (plan, reports) = engine.dry_run(selection)?;
    say!("{}", summary::of_plan(&plan, &reports).trim_end());
    let report = Report::conclude(Timestamp::now(), false, reports);
    if json {
        let document = PlanDocument::new(report.exit_code, &plan, report.sources);
        super::print_json(&document)?;
    }
    Ok(report.exit_code)
}

fn refused(started: Timestamp, complaint: &Complaint) -> Report {
    Report::refused(started, complaint.ending, complaint.to_failure())
}

fn print_report(report: &Report) {
    if let Err(unprinted) = super::print_json(report) {
        tell!("{unprinted}");
    }
}

fn write_report(file: &ReportFile, report: &Report) -> Result<(), Complaint> {
    let text = serde_json::to_string_pretty(report).map_err(|error| {
        Complaint::new(
            ExitCode::Unexpected,
            format!("the report cannot be written: {error}"),
            "",
        )
    })?;
    let text = hidden_json(&text).into_owned() + "\n";
    file.write(text.as_bytes(), REPORT)
}
