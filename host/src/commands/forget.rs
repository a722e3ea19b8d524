use forgekeep_command_line::{self, Common, ForgetArguments};
use forgekeep_config::HistoryOptions;
use forgekeep_documents::{ForgetDocument, ForgetPart};
use forgekeep_durable::umask::OfBackup;
use forgekeep_failure::Cancel;
use forgekeep_store::forget::{self, OfPart, Pruned, Request};
use forgekeep_store::inventory;
use forgekeep_summary::text;
use forgekeep_untrusted::Show as _;

use crate::exit::{Complaint, ExitCode};
use crate::terminal::{say, tell};

/// `forgekeep forget`.
pub fn run(common: &Common, arguments: &ForgetArguments) -> Result<ExitCode, Complaint> {
    let config = super::offline::configuration(common)?;
    let _umask = OfBackup::set(config.options.backup.umask);
    let folder = &config.local_folder;
    if !arguments.dry_run {
        super::owner::refuse_root(folder)?;
    }
    let options = &config.options.history;
    let all = super::offline::backup(folder)?;
    let mut chosen = Vec::new();
    for asked in &arguments.repositories {
        chosen.push(inventory::find(&all, asked).map_err(super::offline::not_found)?);
    }
    if arguments.repositories.is_empty() {
        chosen = all.iter().collect();
    }
    let by_name = !arguments.snapshots.is_empty();
    if by_name && chosen.len() != 1 {
        let message = "--snapshot needs exactly one repository";
        return Err(Complaint::new(
            ExitCode::Usage,
            message,
            "name that repository",
        ));
    }
    let part = forgekeep_command_line::part(arguments.wiki);
    if let (true, [kept]) = (by_name, chosen.as_slice()) {
        super::offline::part(kept, part)?;
    }
    if *options == HistoryOptions::default() && !by_name && !common.quiet {
        tell!("note: options.history has no rule, so every snapshot is kept");
    }
    let cancel = Cancel::new();
    super::on_signal({
        let cancel = cancel.clone();
        move || cancel.cancel()
    })?;
    let request = Request {
        options,
        snapshots: &arguments.snapshots,
        part,
        dry_run: arguments.dry_run,
        prune: arguments.prune,
        cancel: &cancel,
    };
    let mut rows = Vec::new();
    forget::run(folder, &chosen, request, &mut |mirror| {
        if !arguments.json {
            print(mirror, arguments, common);
        }
        rows.push(ForgetPart::from(mirror));
    })?;
    let exit_code = match (
        cancel.is_cancelled(),
        rows.iter().any(|r| r.error.is_some()),
    ) {
        (true, _) => ExitCode::Interrupted,
        (false, true) => ExitCode::Partial,
        (false, false) => ExitCode::Good,
    };
    if arguments.json {
        super::print_json(&ForgetDocument::new(exit_code, arguments.dry_run, &rows))?;
    } else if !common.quiet {
        print_summary(&rows, arguments);
    }
    Ok(exit_code)
}

/// A line for each mirror with something to say, and with `-v` one for each snapshot.
fn print(mirror: &OfPart, arguments: &ForgetArguments, common: &Common) {
    let path = mirror.path.shown();
    let done = match &mirror.result {
        Ok(done) => done,
        Err(failure) => {
            tell!("{path}: failed");
            tell!("{}", text::failure("  ", failure));
            return;
        }
    };
    if common.quiet || (done.dropped.is_empty() && done.pruned == Pruned::default()) {
        return;
    }
    let word = match arguments.dry_run {
        true => "would forget",
        false => "forgot",
    };
    let dropped = text::count(done.dropped.len(), "snapshot", "snapshots");
    let mut line = format!("{path}: {word} {dropped}, {} left", done.kept.len());
    if done.pruned.objects > 0 {
        line.push_str(&format!(
            "; removed {}, {}",
            text::count(done.pruned.objects, "object", "objects"),
            text::bytes(done.pruned.bytes)
        ));
    }
    say!("{line}");
    if common.verbose > 0 || arguments.dry_run {
        for entry in &done.dropped {
            say!("  {}  {}", entry.id, text::to_the_second(entry.time));
        }
    }
}

fn print_summary(rows: &[ForgetPart], arguments: &ForgetArguments) {
    let forgotten: usize = rows.iter().map(|row| row.forgotten.len()).sum();
    let bytes: u64 = rows.iter().map(|row| row.pruned.bytes).sum();
    let failed = rows.iter().any(|row| row.error.is_some());
    if forgotten == 0 && bytes == 0 && !failed {
        let why = match rows.is_empty() {
            true => ": the backup holds no repository",
            false => "",
        };
        say!("Nothing to forget{why}.");
        return;
    }
    let forgotten = text::count(forgotten, "snapshot", "snapshots");
    match (arguments.dry_run, arguments.prune) {
        (true, _) => say!("Nothing was changed: {forgotten} would be forgotten."),
        (false, true) => say!("{forgotten} forgotten, {} freed.", text::bytes(bytes)),
        (false, false) => {
            say!("{forgotten} forgotten. Their objects stay until `forgekeep forget --prune`.")
        }
    }
}
