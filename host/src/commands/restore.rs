mod all;
mod hoster;
mod push;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use forgekeep_command_line::{self, Common, ProgressMode, RestoreArguments};
use forgekeep_documents::{RestoreDocument, RestoredPart};
use forgekeep_failure::{Asked, Cancel, ErrorKind, Failure};
use forgekeep_git::packs::bytes_of_packs;
use forgekeep_git::refs;
use forgekeep_restore::{Chosen, Head, Manner, RestorePoint, Restored};
use forgekeep_store::inventory::{self, Kept};
use forgekeep_store::part::PartKind;
use forgekeep_summary::text;
use forgekeep_untrusted::{Printable, Show as _, Shown};
use jiff::tz::TimeZone;

use crate::exit::{Complaint, ExitCode};
use crate::progress::{self, WorkDone};
use crate::terminal::{say, tell};

/// Exit code for something that could not be restored, or not all of it.
const FAILED: ExitCode = ExitCode::Partial;

/// `forgekeep restore`.
pub fn run(common: &Common, arguments: &RestoreArguments) -> Result<ExitCode, Complaint> {
    hoster::check(arguments)?;
    let point = restore_point(arguments)?;
    if let Some(title) = &arguments.to_hoster {
        return hoster::run(common, arguments, title, point.as_ref());
    }
    let (backup, options) = super::offline::folder_and_options(common, &arguments.place)?;
    let kept = super::offline::backup(&backup)?;
    let copied = AtomicU64::new(0);
    let manner = Manner {
        point: point.as_ref(),
        bare: arguments.bare,
        object_bytes: options.limits.object_bytes,
        in_backup: false,
        copied: Some(&copied),
    };
    let Some(asked) = arguments.repositories.first() else {
        return all::run(common, arguments, &backup, &kept, manner);
    };
    let kept = inventory::find(&kept, asked).map_err(super::offline::not_found)?;
    let part = super::offline::part(kept, forgekeep_command_line::part(arguments.wiki))?;
    let name = name(kept, part.kind);
    if let Some(url) = &arguments.push {
        return push::run(
            common,
            arguments,
            url,
            &backup,
            (kept, &part),
            &name,
            point.as_ref(),
        );
    }
    let target = target(arguments)?;
    forgekeep_restore::check_free(target, &backup).map_err(complaint)?;
    let cancel = Cancel::new();
    end_on_signal(&cancel, || {})?;
    let bytes = bytes_of_packs(&part.folder);
    let bar = progress::bar(ProgressMode::Auto, common, "repositories", 1, bytes);
    let how_far = || WorkDone {
        number: 0,
        bytes: copied.load(Ordering::Relaxed),
    };
    let restore = || forgekeep_restore::restore_part(&part, target, manner, &cancel);
    let (chosen, restored) = bar.showing(how_far, restore).map_err(complaint)?;
    tell_damage(&restored);
    if !common.quiet {
        print(&name, target, manner, &chosen, &restored);
    }
    let ending = ending(&restored);
    if arguments.json {
        let restored = RestoredPart::new(kept, part.kind).restored(&chosen, &restored);
        super::print_json(&RestoreDocument::to_folder(ending, target, vec![restored]))?;
    }
    Ok(ending)
}

/// What `--at` says.
fn restore_point(arguments: &RestoreArguments) -> Result<Option<RestorePoint>, Complaint> {
    let Some(at) = &arguments.at else {
        return Ok(None);
    };
    let point = RestorePoint::parse(at, &TimeZone::system()).map_err(complaint)?;
    if arguments.all && matches!(point, RestorePoint::Id(_)) {
        return Err(Complaint::new(
            ExitCode::Usage,
            "--all takes a time for --at: the id of a snapshot is one repository's",
            "give a time such as 2026-11-22, or name the repository",
        ));
    }
    Ok(Some(point))
}

/// `--to`, which clap asks for where there is no `--push`.
fn target(arguments: &RestoreArguments) -> Result<&Path, Complaint> {
    arguments
        .to
        .as_deref()
        .ok_or_else(|| Complaint::new(ExitCode::Usage, "--to is missing", "give a new folder"))
}

/// How a part is called: `acme/acme/web` would leave open where the source's title ends.
fn name(kept: &Kept, kind: PartKind) -> Printable {
    let name = kept.full_name.printable();
    let name = Printable::from(format!("{name} (source {})", kept.title.shown()));
    match kind {
        PartKind::Repository => name,
        further => format!("the {} of {name}", further.word()).into(),
    }
}

/// A failure that ends the command.
fn complaint(failure: Failure) -> Complaint {
    let ending = ExitCode::of(failure.kind, Asked::Restore);
    let hint = match failure.kind {
        ErrorKind::Cancelled => "run the same command again; nothing of it was left behind",
        _ => &failure.hint,
    };
    Complaint {
        kind: failure.kind,
        ..Complaint::new(ending, failure.message, hint)
    }
}

/// Ends the restore in good order at the first signal, and the process at the second.
fn end_on_signal(cancel: &Cancel, interrupt: impl Fn() + Send + 'static) -> Result<(), Complaint> {
    let cancel = cancel.clone();
    super::on_signal(move || {
        cancel.cancel();
        interrupt();
    })
}

/// Damage that did no harm this time is said all the same, also to whoever wants to hear nothing
/// else.
fn tell_damage(restored: &Restored) {
    for failure in restored.damaged.iter().chain(&restored.odd) {
        tell!("{}", text::warning(failure));
    }
}

/// How the restore of a repository ends: what is not all there is no success.
fn ending(restored: &Restored) -> ExitCode {
    match restored.odd.is_empty() {
        true => ExitCode::Good,
        false => FAILED,
    }
}

fn print(name: &str, target: &Path, manner: Manner<'_>, chosen: &Chosen, restored: &Restored) {
    let kind = match manner.bare {
        true => " (bare)",
        false => "",
    };
    say!("restored {name} to {}{kind}", target.shown());
    say!("  state: {}", state(chosen));
    say!("  {}", text::count(restored.refs, "ref", "refs"));
    match &restored.head {
        Head::Born(head) if manner.bare => say!("  default branch: {}", branch(head)),
        Head::Born(head) => say!("  default branch, checked out: {}", branch(head)),
        Head::Unborn(head) => say!(
            "  default branch: {}, which has no commit: nothing was checked out",
            branch(head)
        ),
        Head::Detached(oid) if manner.bare => say!("  HEAD: detached at {oid}"),
        Head::Detached(oid) => say!("  HEAD: detached at {oid}, checked out"),
        Head::Unknown => say!("  default branch: not known; nothing was checked out"),
    }
    say!("  no remote is set: git remote add origin <address>");
}

/// A state in words.
fn state(chosen: &Chosen) -> String {
    match &chosen.snapshot {
        Some((id, time)) => format!("snapshot {id} of {}", text::local(*time)),
        None => "as the mirror is now; it has no snapshots".to_owned(),
    }
}

/// The name of a branch as people say it.
fn branch(head: &[u8]) -> Shown<'static> {
    refs::shown(head.strip_prefix(b"refs/heads/").unwrap_or(head))
}
