use forgekeep_command_line::{Common, VerifyArguments};
use forgekeep_documents::VerifyDocument;
use forgekeep_durable::umask::OfBackup;
use forgekeep_failure::{Cancel, ErrorKind};
use forgekeep_git::packs::bytes_of_packs;
use forgekeep_store::health::Health;
use forgekeep_store::inventory::{self, Kept};
use forgekeep_summary::{Scope, of_verdict, text};
use forgekeep_telling::{CheckOutcome, RunKind};
use forgekeep_verify::{Turn, Watch, longest_ago};
use jiff::Timestamp;

use super::checked::CheckRun;
use crate::exit::{Complaint, ExitCode};
use crate::progress::{self, WorkDone};
use crate::terminal::{say, stdout_width, tell};

/// `forgekeep verify`.
pub fn run(common: &Common, arguments: &VerifyArguments) -> Result<ExitCode, Complaint> {
    let run = CheckRun::begin(common, &arguments.place, RunKind::Verify);
    made(common, arguments, &run).map_err(|complaint| run.refused(complaint))
}

fn made(
    common: &Common,
    arguments: &VerifyArguments,
    run: &CheckRun<'_>,
) -> Result<ExitCode, Complaint> {
    let hint = "write it as --subset 3/7: the third of seven parts, or --subset auto";
    let subset = arguments.subset.as_deref();
    let is_auto = subset == Some(super::offline::AUTO);
    let subset = subset.filter(|_| !is_auto);
    let subset = subset.map(|text| super::offline::subset(text, hint));
    let subset = subset.transpose()?;
    let (folder, options) = super::offline::folder_and_options(common, &arguments.place)?;
    super::owner::refuse_root(&folder)?;
    let _umask = OfBackup::set(options.backup.umask);
    let (all, lost) = match inventory::read_backup(&folder) {
        // Verifying all tells what is missing, and which reports are damaged.
        Err(failure) if failure.kind == ErrorKind::Damaged && arguments.repositories.is_empty() => {
            (Vec::new(), Some(failure))
        }
        read => (read.map_err(super::offline::no_backup)?, None),
    };
    let mut chosen = super::offline::chosen(&all, &arguments.repositories, subset)?;
    if is_auto {
        // What cannot be read is told where the result is to be remembered.
        let known = Health::read(&folder).unwrap_or_else(|_| Health::nothing(&folder));
        let last = |kept: &Kept| {
            let known = known.of(&kept.title, kept.id(), &kept.path);
            known.map(|known| known.verified)
        };
        chosen = longest_ago(chosen, last, Timestamp::now());
    }
    let watch = Watch::new(Cancel::new(), options.limits.object_bytes);
    let bytes = bytes(&chosen);
    let bar = progress::bar(
        arguments.progress,
        common,
        "repositories",
        chosen.len(),
        bytes,
    );
    let cancel = watch.cancel.clone();
    super::on_signal(move || cancel.cancel())?;
    let files = arguments.repositories.is_empty();
    let turn = Turn {
        wait: arguments.lock_wait.unwrap_or_default(),
        yields: is_auto,
    };
    let counter = watch.clone();
    let how_far = move || WorkDone {
        number: counter.repositories(),
        bytes: counter.bytes(),
    };
    let mut verdict = bar.showing(how_far, || {
        forgekeep_verify::run(&folder, &chosen, files, arguments.jobs, turn, &watch)
    })?;
    verdict.unchecked.extend(lost);
    if arguments.json {
        super::print_json(&VerifyDocument::from(&verdict))?;
    } else {
        let warnings = verdict.repositories.iter().flat_map(|one| &one.warnings);
        for warning in warnings {
            tell!("{}", text::warn(warning));
        }
        let scope = Scope {
            chosen: &chosen,
            is_subset: subset.is_some() || is_auto,
        };
        let text = of_verdict(&verdict, scope, common.quiet, stdout_width());
        if !text.is_empty() {
            say!("{}", text.trim_end());
        }
    }
    if let Some(failure) = &verdict.not_kept {
        tell!("{}", text::warning(failure));
    }
    let outcome = CheckOutcome::verified(run.started, &folder, &verdict);
    run.end(outcome, &watch.cancel);
    Ok(verdict.exit_code())
}

/// How many bytes of packs there are to read.
fn bytes(chosen: &[&Kept]) -> u64 {
    let parts = chosen.iter().flat_map(|kept| kept.parts());
    parts.map(|part| bytes_of_packs(&part.folder)).sum()
}
