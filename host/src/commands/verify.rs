use std::io::{self, IsTerminal};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use forgekeep_command_line::{Common, ProgressMode, VerifyArguments};
use forgekeep_documents::VerifyDocument;
use forgekeep_durable::umask::OfBackup;
use forgekeep_failure::{Cancel, ErrorKind, Failure};
use forgekeep_store::health::{Damage, Health, Soundness};
use forgekeep_store::inventory::{self, Kept};
use forgekeep_summary::text;
use forgekeep_telling::{CheckOutcome, RunKind};
use forgekeep_untrusted::Show as _;
use forgekeep_verify::{Turn, Verdict, Watch, longest_ago};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use jiff::Timestamp;

use super::checked::CheckRun;
use crate::exit::{Complaint, ExitCode};
use crate::terminal::{out, tell};

/// Damages that are shown of one repository; --json has them all.
const SHOWN: usize = 10;

/// How often the bar is brought up to date.
const TICK: Duration = Duration::from_millis(100);

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
    let bar = bar(common, arguments, chosen.len());
    let cancel = watch.cancel.clone();
    super::on_signal(move || cancel.cancel())?;
    let files = arguments.repositories.is_empty();
    let turn = Turn {
        wait: arguments.lock_wait.unwrap_or_default(),
        yields: is_auto,
    };
    let mut verdict = showing(&bar, &watch, || {
        forgekeep_verify::run(&folder, &chosen, files, arguments.jobs, turn, &watch)
    })?;
    verdict.unchecked.extend(lost);
    if arguments.json {
        super::print_json(&VerifyDocument::from(&verdict))?;
    } else {
        print(common, &verdict, chosen.len(), subset.is_some() || is_auto);
    }
    if let Some(failure) = &verdict.not_kept {
        tell!("warning: {}", text::failure("", failure));
    }
    let outcome = CheckOutcome::verified(run.started, &folder, &verdict);
    run.end(outcome, &watch.cancel);
    Ok(verdict.exit_code())
}

fn print(common: &Common, verdict: &Verdict, wanted: usize, is_subset: bool) {
    for checked in &verdict.repositories {
        let name = checked.name.printable();
        if let Some(failure) = &checked.error {
            out!("{name}: could not be checked: {}", failure.message);
            if !failure.hint.is_empty() {
                out!("  hint: {}", failure.hint);
            }
        }
        print_unchecked(&name.to_string(), &checked.unchecked);
        for warning in &checked.warnings {
            tell!("warning: {warning}");
        }
        if checked.damage.is_empty() {
            continue;
        }
        out!("{name}: damaged");
        print_damage(&checked.damage);
        out!("  hint: run `forgekeep backup`: it repairs what the hoster still has");
    }
    if !verdict.files.is_empty() {
        out!("the backup folder's own files: damaged");
        print_damage(&verdict.files);
        out!(
            "  hint: move damaged files away; `forgekeep backup` clones a missing repository \
            again, without its history"
        );
    }
    for failure in &verdict.unchecked {
        out!(
            "the backup folder's own files: could not be checked: {}",
            failure.message
        );
        if !failure.hint.is_empty() {
            out!("  hint: {}", failure.hint);
        }
    }
    if common.quiet && verdict.exit_code() == ExitCode::Good {
        return;
    }
    let number = verdict.repositories.len();
    let mut line = text::count(number, "repository", "repositories");
    if verdict.interrupted || verdict.gave_way {
        line.push_str(&format!(" of {wanted}"));
    }
    let objects: u64 = verdict.repositories.iter().map(|r| r.objects).sum();
    let objects = usize::try_from(objects).unwrap_or(usize::MAX);
    let with = |outcome| {
        let all = verdict.repositories.iter();
        all.filter(|checked| checked.outcome == outcome).count()
    };
    let mut came_out = Vec::new();
    for (outcome, words) in [
        (Soundness::Damaged, "damaged"),
        (Soundness::Unchecked, "not checked in full"),
        (Soundness::Failed, "could not be checked"),
    ] {
        if with(outcome) > 0 {
            came_out.push(format!("{} {words}", with(outcome)));
        }
    }
    if came_out.is_empty() {
        let all = match (number, verdict.is_sound()) {
            (0, true) if is_subset => "no repository is in this part",
            (0, true) => "the backup holds none",
            (1.., true) => "all sound",
            (0, false) => "see above what is wrong",
            (1.., false) => "all sound, the backup folder's own files are not",
        };
        came_out.push(all.to_owned());
    }
    let interrupted = match (verdict.interrupted, verdict.gave_way) {
        (true, _) => "interrupted: ",
        (false, true) => "ended early, since another run waits: ",
        (false, false) => "",
    };
    out!(
        "{interrupted}{line}, {} verified: {}",
        text::count(objects, "object", "objects"),
        came_out.join(", ")
    );
}

fn print_unchecked(name: &str, unchecked: &[Failure]) {
    let Some(first) = unchecked.first() else {
        return;
    };
    for failure in unchecked.iter().take(SHOWN) {
        out!("{name}: not checked: {}", failure.message);
    }
    if let Some(more @ 1..) = unchecked.len().checked_sub(SHOWN) {
        out!("  … and {more} more: --json shows them all");
    }
    out!("  hint: {}", first.hint);
}

fn print_damage(damage: &[Damage]) {
    for damage in damage.iter().take(SHOWN) {
        let object = damage.object.as_deref();
        let object = object.map_or_else(String::new, |object| format!("object {object}: "));
        out!("  {}: {object}{}", damage.file.shown(), damage.what);
    }
    if let Some(more @ 1..) = damage.len().checked_sub(SHOWN) {
        out!("  … and {more} more: --json shows them all");
    }
}

/// A bar on a terminal; hidden elsewhere, as there is nothing to tell line by line.
fn bar(common: &Common, arguments: &VerifyArguments, repositories: usize) -> ProgressBar {
    let shown = match arguments.progress {
        ProgressMode::Bar => true,
        ProgressMode::Auto => !common.quiet && io::stderr().is_terminal(),
        ProgressMode::Plain | ProgressMode::Json | ProgressMode::None => false,
    };
    let target = match shown {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    };
    ProgressBar::with_draw_target(Some(repositories as u64), target)
}

/// Keeps the bar up to date while `work` is done.
fn showing<T>(bar: &ProgressBar, watch: &Watch, work: impl FnOnce() -> T) -> T {
    if bar.is_hidden() {
        return work();
    }
    let counter = watch.clone();
    let template = "{bar:20} {pos}/{len} repositories, {objects} objects, {rate}";
    let style = ProgressStyle::with_template(template);
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    let count = counter.clone();
    let style = style
        .with_key(
            "objects",
            move |_: &ProgressState, out: &mut dyn std::fmt::Write| {
                let _ = write!(out, "{}", count.objects());
            },
        )
        .with_key(
            "rate",
            move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                let rate = counter.objects() as f64 / state.elapsed().as_secs_f64().max(0.001);
                let _ = write!(out, "{rate:.0}/s");
            },
        );
    bar.set_style(style);
    let (done, end) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            while end.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                bar.set_position(watch.repositories());
                bar.tick();
            }
        });
        let result = work();
        drop(done);
        bar.finish_and_clear();
        result
    })
}
