use forgekeep_command_line::{self, Common, SnapshotsArguments};
use forgekeep_documents::SnapshotsDocument;
use forgekeep_failure::Failure;
use forgekeep_git::refs;
use forgekeep_store::inventory;
use forgekeep_store::snapshot::{Origin, Snapshot, SnapshotFile};
use forgekeep_summary::text;

use crate::exit::{Complaint, ExitCode};
use crate::terminal::{out, tell};

/// Exit code for a history of which a part cannot be read.
const DAMAGED: ExitCode = ExitCode::Partial;

/// `forgekeep snapshots`.
pub fn run(common: &Common, arguments: &SnapshotsArguments) -> Result<ExitCode, Complaint> {
    let folder = super::offline::folder(common, &arguments.place)?;
    let all = super::offline::backup(&folder)?;
    let kept = inventory::find(&all, &arguments.repository).map_err(super::offline::not_found)?;
    let part = super::offline::part(kept, forgekeep_command_line::part(arguments.wiki))?;
    let entries = part
        .snapshots()
        .entries()
        .map_err(super::offline::complaint)?;
    let read: Vec<_> = entries.iter().map(|entry| (entry, entry.read())).collect();
    let damaged = read.iter().any(|(_, read)| read.is_err());
    let exit_code = if damaged { DAMAGED } else { ExitCode::Good };
    if arguments.json {
        super::print_json(&SnapshotsDocument::new(exit_code, kept, &read))?;
    } else {
        print(&kept.name().printable(), &read);
    }
    Ok(exit_code)
}

fn print(name: &str, read: &[(&SnapshotFile, Result<Snapshot, Failure>)]) {
    if read.is_empty() {
        out!("{name}: no snapshots yet");
        return;
    }
    for (entry, read) in read {
        let what = match read {
            Ok(snapshot) => changes(snapshot),
            Err(failure) => {
                tell!("{}", text::failure("", failure));
                "cannot be read".to_owned()
            }
        };
        out!("{}  {}  {what}", entry.id, text::to_the_second(entry.time));
    }
}

/// What a snapshot is, in a line.
fn changes(snapshot: &Snapshot) -> String {
    let counts = &snapshot.counts;
    let mut parts = vec![text::count(counts.refs, "ref", "refs")];
    for (number, word) in [
        (counts.created, "new"),
        (counts.updated, "updated"),
        (counts.forced, "forced"),
        (counts.deleted, "deleted"),
    ] {
        if number > 0 {
            parts.push(format!("{number} {word}"));
        }
    }
    if let Some(head) = &snapshot.head {
        let detached = refs::detached(head).is_some();
        let branch = head.strip_prefix(b"refs/heads/").unwrap_or(head);
        let how = if detached { "detached at " } else { "" };
        parts.push(format!("HEAD {how}{}", refs::shown(branch)));
    }
    let origin = match snapshot.origin {
        Origin::Run => "",
        Origin::Adopted => "  (as it was first found)",
        Origin::Found => "  (changed by another program)",
        Origin::Rebuilt => "  (rebuilt after damage)",
    };
    parts.join(", ") + origin
}
