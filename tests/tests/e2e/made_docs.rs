//! What tests and code make of the documentation: it must be in it as it would be made now, and
//! `FORGEKEEP_UPDATE_DOCS=1` writes it anew.

use std::fs;
use std::path::{Path, PathBuf};

use forgekeep_failure::ExitCode;

const END: &str = "<!-- end of what is made -->\n";

/// A file of the repository.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// Panics unless what stands in a page between a line and the end of what is made is `made`; or puts
/// it there.
pub fn compare_or_write_part(page: &str, begin: &str, made: &str) {
    let text = fs::read_to_string(file(page)).unwrap();
    let (head, rest) = text.split_once(begin).expect("the begin of what is made");
    let (_, tail) = rest.split_once(END).expect("the end of what is made");
    compare_or_write(page, &text, &format!("{head}{begin}{made}{END}{tail}"));
}

fn compare_or_write(name: &str, text: &str, made: &str) {
    if text == made {
        return;
    }
    assert!(
        std::env::var_os("FORGEKEEP_UPDATE_DOCS").is_some(),
        "{name} is not as it would be made; FORGEKEEP_UPDATE_DOCS=1 writes it anew:\n{made}"
    );
    fs::write(file(name), made).unwrap();
}

#[test]
fn the_table_of_exit_codes_is_made_from_the_code() {
    let begin = "<!-- made from core/failure/src/exit_code.rs; FORGEKEEP_UPDATE_DOCS=1 writes it anew -->\n";
    compare_or_write_part("docs/operations.md", begin, &ExitCode::table());
}

#[test]
fn the_schema_of_reports_is_made_from_their_types() {
    let name = "schema/report.schema.json";
    let text = fs::read_to_string(file(name)).unwrap();
    compare_or_write(name, &text, &forgekeep_store::report::schema());
}
