mod check;

use std::path::Path;

use forgekeep_command_line::{Common, StatusArguments};
use forgekeep_config::Config;
use forgekeep_failure::Failure;
use forgekeep_status::Status;
use forgekeep_summary::text;

use super::backup::in_the_way;
use super::page;
use crate::exit::{Complaint, Ending, ExitCode};
use crate::report_file::{PAGE, ReportFile};
use crate::terminal::{say, stdout_width, tell};

/// `forgekeep status`.
pub fn run(common: &Common, arguments: &StatusArguments) -> Result<Ending, Complaint> {
    if arguments.check {
        return check::run(common, arguments);
    }
    if let Some(folder) = &arguments.place.folder {
        let status = Status::read_folder(folder).map_err(untold)?;
        tell_skipped(&status);
        return show(common, arguments, &status);
    }
    let config = super::offline::configuration(common)?;
    if let Some(path) = &arguments.html {
        return write_page(&config, path);
    }
    let status = Status::read(&config).map_err(untold)?;
    tell_skipped(&status);
    show(common, arguments, &status)
}

fn untold(failure: Failure) -> Complaint {
    Complaint::new(ExitCode::Unexpected, failure.message, failure.hint)
}

fn tell_skipped(status: &Status) {
    for file in &status.unreadable {
        let skipped = format!("{} is skipped: {}", file.file, file.why);
        tell!("{}", text::warn(skipped));
    }
}

fn show(
    common: &Common,
    arguments: &StatusArguments,
    status: &Status,
) -> Result<Ending, Complaint> {
    if arguments.json {
        super::print_json(status)?;
    } else {
        let all = common.verbose > 0;
        let text = forgekeep_summary::of_status(status, all, stdout_width());
        say!("{}", text.trim_end());
    }
    Ok(ExitCode::Good.into())
}

fn write_page(config: &Config, path: &Path) -> Result<Ending, Complaint> {
    let file = ReportFile::prepare(path, PAGE)?;
    if let Some(complaint) = in_the_way("--html", &file, config) {
        return Err(complaint);
    }
    let status = Status::read(config).map_err(untold)?;
    tell_skipped(&status);
    let page = page::render(&status).map_err(untold)?;
    file.write(page.as_bytes(), PAGE)?;
    Ok(ExitCode::Good.into())
}
