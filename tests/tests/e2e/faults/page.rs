//! `docs/failures.md`: the table in it is made of what the runs really did.

use std::fmt::Write;

use forgekeep_tests::RequestKind;

use super::cases::Case;
use crate::made_docs::compare_or_write_part;

const BEGIN: &str = "<!-- made by tests/tests/e2e/faults; `cargo update-docs` updates it -->\n";

/// A case, and what came of it each time.
pub struct Row {
    case: &'static str,
    place: &'static str,
    pub cells: Vec<String>,
}

impl Row {
    pub fn of(case: &Case) -> Self {
        Self {
            case: case.name,
            place: match case.place {
                RequestKind::Api => "listing",
                RequestKind::InfoRefs => "`info/refs`",
                RequestKind::UploadPack => "`git-upload-pack`",
                RequestKind::ReceivePack | RequestKind::Token | RequestKind::Other => "elsewhere",
            },
            cells: Vec::new(),
        }
    }
}

fn table(rows: &[Row]) -> String {
    let mut table =
        "| Case | Place | Once | Twice | For ever |\n|---|---|---|---|---|\n".to_owned();
    let mut order: Vec<&str> = Vec::new();
    for row in rows {
        if !order.contains(&row.case) {
            order.push(row.case);
        }
    }
    let sorted = order
        .iter()
        .flat_map(|case| rows.iter().filter(move |row| row.case == *case));
    for Row { case, place, cells } in sorted {
        writeln!(table, "| {case} | {place} | {} |", cells.join(" | ")).unwrap();
    }
    table
}

/// Panics unless the documentation says what was observed.
pub fn compare_or_write(rows: &[Row]) {
    compare_or_write_part("docs/failures.md", BEGIN, &table(rows));
}
