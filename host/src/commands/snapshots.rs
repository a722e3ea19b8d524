use forgekeep_command_line::{self, Common, SnapshotsArguments};
use forgekeep_failure::Failure;
use forgekeep_git::refs;
use forgekeep_git::refs::ref_text;
use forgekeep_store::inventory;
use forgekeep_store::snapshot::{Counts, Origin, Snapshot, SnapshotFile};
use forgekeep_summary::text;
use forgekeep_untrusted::Untrusted;
use jiff::Timestamp;
use serde::Serialize;

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
    if arguments.json {
        super::print_json(&SnapshotsJson {
            schema: 1,
            repository: kept.name(),
            id: kept.id(),
            path: &kept.path,
            snapshots: read.iter().map(|(entry, read)| row(entry, read)).collect(),
        })?;
    } else {
        print(&kept.name().printable(), &read);
    }
    Ok(if damaged { DAMAGED } else { ExitCode::Good })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SnapshotsJson<'a> {
    schema: u32,
    repository: Untrusted,
    id: Option<&'a Untrusted>,
    path: &'a Untrusted,
    /// The oldest first.
    snapshots: Vec<Row>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: String,
    number: u64,
    time: Timestamp,
    #[serde(flatten)]
    content: Option<Content>,
    error: Option<Failure>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    name: Untrusted,
    origin: Origin,
    head: Option<Untrusted>,
    counts: Counts,
}

fn row(entry: &SnapshotFile, read: &Result<Snapshot, Failure>) -> Row {
    let content = read.as_ref().ok().map(|snapshot| Content {
        name: snapshot.identity.full_name.clone(),
        origin: snapshot.origin,
        head: snapshot.head.as_deref().map(ref_text),
        counts: snapshot.counts,
    });
    Row {
        id: entry.id.to_string(),
        number: entry.number,
        time: entry.time,
        content,
        error: read.as_ref().err().cloned(),
    }
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
