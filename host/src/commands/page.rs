//! The page about a backup: in its folder after each run, and for `status --html`.

use forgekeep_config::Config;
use forgekeep_durable::atomic_file;
use forgekeep_durable::umask::OfBackup;
use forgekeep_failure::{Failure, Finding};
use forgekeep_status::Status;
use forgekeep_status_page::Page;
use forgekeep_store::history;
use forgekeep_store::report::{Report, RunOutcome};
use forgekeep_untrusted::{Redactor, Show as _};
use jiff::tz::TimeZone;

/// Its name in the backup folder.
const FILE: &str = "status.html";

/// The page about how a backup stands.
///
/// # Errors
///
/// As [`Page::render`].
pub fn render(status: &Status) -> Result<String, Failure> {
    let page = Page {
        status,
        zone: TimeZone::system(),
        version: env!("CARGO_PKG_VERSION"),
    };
    page.render()
}

/// Writes the page after a run. That it cannot be written is a warning of the run: the backup is as good as it
/// is. The end of a run that was interrupted is awaited: the page stays the one of the run before.
pub fn after_run(config: &Config, report: &mut Report, redactor: &Redactor) {
    if !config.options.status.page || report.outcome == RunOutcome::Interrupted {
        return;
    }
    let _umask = OfBackup::set(config.options.backup.umask);
    let path = config.local_folder.join(FILE);
    let page = Status::read(config).and_then(|status| render(&status));
    let written = page.and_then(|page| atomic_file::replace(&path, page.as_bytes()));
    let Err(failure) = written else {
        return;
    };
    let message = format!("the page {} was not written: {failure}", path.shown());
    report.warnings.push(Finding {
        hint: failure.hint,
        ..Finding::warning(message)
    });
    if let Err(failure) = history::amend(&config.local_folder, report, redactor) {
        log::warn!("the report that is kept does not say that the page was not written: {failure}");
    }
}
