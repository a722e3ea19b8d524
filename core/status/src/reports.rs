//! The reports that runs have left, one at a time.

use std::path::Path;

use forgekeep_store::history;
use forgekeep_store::layout::DAMAGED;
use forgekeep_store::report::{self, Brief, Report};
use forgekeep_untrusted::{Printable, Show as _};
use serde::Deserialize;

use crate::model::{Unreadable, UnreadableKind};

#[derive(Deserialize)]
struct Schema {
    schema: u32,
}

/// A report; `None` for what is not meant to be one or has gone meanwhile.
pub(super) fn read(path: &Path, name: &str) -> Result<Option<Report<Brief>>, Unreadable> {
    let under_way = [".forgekeep-new", ".lock"];
    // A run that is under way is writing its report; or it was damaged, and told.
    if under_way.iter().any(|ending| name.ends_with(ending))
        || name.contains(DAMAGED)
        || history::number_of_mark(name).is_some()
    {
        return Ok(None);
    }
    let unreadable = |kind, why: Printable| Unreadable {
        file: path.shown().into(),
        kind,
        why,
    };
    if !history::is_report(name) {
        let why = "it is not named like a report".into();
        return Err(unreadable(UnreadableKind::Foreign, why));
    }
    let unread = |unread: history::Unread| match unread.damaged {
        true => unreadable(UnreadableKind::Damaged, unread.why),
        false => unreadable(UnreadableKind::Refused, unread.why),
    };
    // A run that is under way may have removed the oldest.
    let Some(text) = history::read_report(path).map_err(unread)? else {
        return Ok(None);
    };
    let damaged = |error: serde_json::Error| {
        let why = format!("it is damaged: {error}").into();
        unreadable(UnreadableKind::Damaged, why)
    };
    match serde_json::from_str::<Report<Brief>>(&text) {
        Ok(report) if report.schema == report::SCHEMA => Ok(Some(report)),
        // Its schema first: another one may lack anything else.
        unread => {
            let schema: Schema = serde_json::from_str(&text).map_err(damaged)?;
            if schema.schema != report::SCHEMA {
                let why = format!(
                    "its schema is {}, and this version knows {}",
                    schema.schema,
                    report::SCHEMA
                );
                return Err(unreadable(UnreadableKind::Damaged, why.into()));
            }
            unread.map(Some).map_err(damaged)
        }
    }
}
