use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use forgekeep_command_line::{Common, ProgressMode, RestoreArguments};
use forgekeep_documents::{RestoreDocument, RestoredPart};
use forgekeep_failure::{Cancel, ErrorKind, Failure};
use forgekeep_git::packs::bytes_of_packs;
use forgekeep_restore::{Head, Manner, Outcome, RestoreItem};
use forgekeep_store::inventory::Kept;
use forgekeep_summary::{Tally, text};
use forgekeep_terminal_text::{Tone, paint};
use forgekeep_untrusted::Show as _;
use parking_lot::Mutex;

use super::super::print_json;
use super::{FAILED, branch, complaint, state, tell_damage};
use crate::exit::{Complaint, ExitCode};
use crate::progress::{self, WorkDone};
use crate::terminal::{say, stdout_width, tell};

/// `forgekeep restore --all`.
pub fn run(
    common: &Common,
    arguments: &RestoreArguments,
    backup: &Path,
    kept: &[Kept],
    manner: Manner<'_>,
) -> Result<ExitCode, Complaint> {
    let target = super::target(arguments)?;
    let chosen = of_sources(kept, &arguments.sources)?;
    forgekeep_restore::check_free(target, backup).map_err(complaint)?;
    let items = forgekeep_restore::items(&chosen);
    if items.is_empty() {
        if !common.quiet {
            say!("Nothing to restore: the backup holds no repository.");
        }
        if arguments.json {
            print_json(&RestoreDocument::to_folder(
                ExitCode::Good,
                target,
                Vec::new(),
            ))?;
        }
        return Ok(ExitCode::Good);
    }
    let cancel = Cancel::new();
    super::end_on_signal(&cancel, || {})?;
    let counts = Counts::default();
    let quiet = common.quiet || arguments.json;
    let parts = Mutex::new(BTreeMap::new());
    let sizes = items.iter().map(|item| bytes_of_packs(&item.part.folder));
    let bar = progress::bar(
        ProgressMode::Auto,
        common,
        "restored",
        items.len(),
        sizes.sum(),
    );
    let how_far = || WorkDone {
        number: counts.done.load(Ordering::Relaxed),
        bytes: manner
            .copied
            .map_or(0, |copied| copied.load(Ordering::Relaxed)),
    };
    let restored = bar.showing(how_far, || {
        forgekeep_restore::restore_all(&items, target, manner, &cancel, &|item, outcome| {
            counts.add(item, outcome, quiet);
            if arguments.json {
                parts
                    .lock()
                    .insert(item.path.clone(), of_outcome(item, outcome));
            }
        })
    });
    restored.map_err(complaint)?;
    let ending = counts.conclude(&items, target, &cancel, quiet);
    if arguments.json {
        let mut parts = parts.into_inner();
        let parts = items.iter().map(|item| {
            let known = parts.remove(&item.path);
            known.unwrap_or_else(|| part(item))
        });
        print_json(&RestoreDocument::to_folder(ending, target, parts.collect()))?;
    }
    Ok(ending)
}

fn part(item: &RestoreItem<'_>) -> RestoredPart {
    RestoredPart::new(item.kept, item.part.kind).in_folder(&item.path)
}

fn of_outcome(item: &RestoreItem<'_>, outcome: &Outcome) -> RestoredPart {
    match outcome {
        Outcome::Restored(chosen, restored) => part(item).restored(chosen, restored),
        Outcome::NotYet => part(item).not_then(),
        Outcome::Failed(failure) if failure.kind == ErrorKind::Cancelled => part(item),
        Outcome::Failed(failure) => part(item).failed(failure),
    }
}

/// The repositories of the sources that were asked for.
pub(super) fn of_sources<'k>(
    kept: &'k [Kept],
    sources: &[String],
) -> Result<Vec<&'k Kept>, Complaint> {
    for title in sources {
        if !kept.iter().any(|kept| kept.title == *title) {
            let titles = kept.iter().map(|kept| kept.title.shown().to_string());
            let mut titles: Vec<_> = titles.collect();
            titles.dedup();
            return Err(Complaint::new(
                ExitCode::Usage,
                format!("no source \"{title}\" is in the backup"),
                format!("there are: {}", titles.join(", ")),
            ));
        }
    }
    let is_chosen =
        |kept: &&Kept| sources.is_empty() || sources.iter().any(|title| kept.title == *title);
    Ok(kept.iter().filter(is_chosen).collect())
}

/// What may come of a repository, in the order of the table.
const OUTCOMES: [(&str, Option<Tone>); 5] = [
    ("restored", Some(Tone::Good)),
    ("in part", Some(Tone::Odd)),
    ("left out", None),
    ("failed", Some(Tone::Bad)),
    ("not done", Some(Tone::Odd)),
];

#[derive(Default)]
struct Counts {
    done: AtomicU64,
    restored: AtomicUsize,
    not_yet: AtomicUsize,
    failed: AtomicUsize,
    partial: AtomicUsize,
    /// What came of each that is done.
    outcomes: Mutex<HashMap<PathBuf, &'static str>>,
}

impl Counts {
    fn add(&self, item: &RestoreItem<'_>, outcome: &Outcome, quiet: bool) {
        let name = item.kept.name().printable();
        let path = item.path.shown();
        self.done.fetch_add(1, Ordering::Relaxed);
        let word = match outcome {
            Outcome::Restored(_, restored) if restored.odd.is_empty() => "restored",
            Outcome::Restored(..) => "in part",
            Outcome::NotYet => "left out",
            Outcome::Failed(failure) if failure.kind == ErrorKind::Cancelled => "not done",
            Outcome::Failed(_) => "failed",
        };
        self.outcomes.lock().insert(item.path.clone(), word);
        match outcome {
            Outcome::Restored(chosen, restored) => {
                self.restored.fetch_add(1, Ordering::Relaxed);
                tell_damage(restored);
                if !restored.odd.is_empty() {
                    self.partial.fetch_add(1, Ordering::Relaxed);
                }
                if quiet {
                    return;
                }
                let refs = text::count(restored.refs, "ref", "refs");
                let head = match &restored.head {
                    Head::Born(head) => branch(head).to_string(),
                    Head::Detached(oid) => format!("HEAD detached at {oid}"),
                    Head::Unborn(_) | Head::Unknown => "nothing checked out".to_owned(),
                };
                tell!("{path}: {refs}, {head}; {}", state(chosen));
            }
            Outcome::NotYet => {
                self.not_yet.fetch_add(1, Ordering::Relaxed);
                if !quiet {
                    tell!("{path}: left out, it was not in the backup yet");
                }
            }
            // Said once, at the end.
            Outcome::Failed(failure) if failure.kind == ErrorKind::Cancelled => {}
            Outcome::Failed(failure) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                let failed = paint(Tone::Bad, "failed");
                tell!("{path}: {failed}\n{}", of(&name, failure));
            }
        }
    }

    /// How many of each source came out how.
    fn tally(&self, items: &[RestoreItem<'_>]) -> Tally {
        let outcomes = self.outcomes.lock();
        let mut tally = Tally::new(&OUTCOMES);
        for item in items {
            let word = outcomes.get(&item.path).copied().unwrap_or("not done");
            tally.add(item.kept.title.shown().to_string(), word, 0.0);
        }
        tally
    }

    fn conclude(
        self,
        items: &[RestoreItem<'_>],
        target: &Path,
        cancel: &Cancel,
        quiet: bool,
    ) -> ExitCode {
        let table = self.tally(items).shown(stdout_width());
        let restored = self.restored.into_inner();
        let not_yet = self.not_yet.into_inner();
        let failed = self.failed.into_inner();
        let partial = self.partial.into_inner();
        let missing = items.len() - restored - not_yet - failed;
        let ending = match (cancel.is_cancelled() && missing > 0, failed + partial) {
            (true, _) => ExitCode::Interrupted,
            // As for one repository: that state is not in the backup.
            (false, 0) if restored == 0 => ExitCode::Usage,
            (false, 0) => ExitCode::Good,
            (false, _) => FAILED,
        };
        if quiet && ending == ExitCode::Good {
            return ending;
        }
        if !table.is_empty() {
            say!("{table}");
        }
        let mut parts = vec![format!("{restored} of {} restored", items.len())];
        for (count, what) in [
            (not_yet, "left out, as they were not in the backup yet"),
            (partial, "of them not with every file"),
            (failed, "failed"),
            (missing, "not begun, or given up"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        say!("{}: {}", target.shown(), parts.join(", "));
        if ending == ExitCode::Usage {
            let message = "nothing was restored: no repository was in the backup at that time";
            let hint = "give --at a later time: `forgekeep snapshots REPO` lists the times of one";
            tell!("{}", Complaint::new(ending, message, hint));
        }
        ending
    }
}

fn of(name: &str, failure: &Failure) -> String {
    text::failure("  ", &failure.clone().while_doing(name))
}
