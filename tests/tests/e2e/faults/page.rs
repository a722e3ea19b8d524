//! `docs/failures.md`: the table in it is made of what the runs really did.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use forgekeep_tests::RequestKind;

use super::cases::Case;

const BEGIN: &str =
    "<!-- made by tests/tests/e2e/faults; FORGEKEEP_UPDATE_DOCS=1 writes it anew -->\n";
const END: &str = "<!-- end of what is made -->\n";

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
                RequestKind::Other => "elsewhere",
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
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/failures.md");
    let text = fs::read_to_string(&path).unwrap();
    let (head, rest) = text.split_once(BEGIN).expect("the begin of the table");
    let (_, tail) = rest.split_once(END).expect("the end of the table");
    let made = format!("{head}{BEGIN}{}{END}{tail}", table(rows));
    if text == made {
        return;
    }
    assert!(
        std::env::var_os("FORGEKEEP_UPDATE_DOCS").is_some(),
        "docs/failures.md is not what happens; FORGEKEEP_UPDATE_DOCS=1 writes it anew:\n{made}"
    );
    fs::write(&path, made).unwrap();
}
