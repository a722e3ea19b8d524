use std::sync::Arc;

use forgekeep_command_line::{Common, ListArguments};
use forgekeep_documents::ListDocument;
use forgekeep_engine::run::{ListedSource, Selection};
use forgekeep_store::report::{Report, SourceReport};
use forgekeep_summary::{of_listing, text};
use forgekeep_terminal_text::{Tone, paint};
use jiff::Timestamp;

use crate::exit::{Complaint, ExitCode};
use crate::terminal::{say, stdout_width, tell};

/// `forgekeep list`.
pub fn run(common: &Common, arguments: &ListArguments) -> Result<ExitCode, Complaint> {
    let config = super::configuration(common)?;
    let engine = super::engine(common, config, None, Arc::new(()))?;
    super::end_on_signal(&engine)?;
    let selection = Selection {
        sources: arguments.sources.clone(),
    };
    let listed = engine.list(&selection)?;
    let exit_code = exit_code(&listed);
    if arguments.json {
        super::print_json(&ListDocument::new(exit_code, &listed))?;
    } else {
        for source in &listed {
            print_source(source, common);
        }
    }
    Ok(exit_code)
}

/// The exit code that a backup of these sources would begin with.
fn exit_code(listed: &[ListedSource]) -> ExitCode {
    let reports = listed
        .iter()
        .map(|source| {
            let found = source.repositories.as_ref();
            let found = found.map(|_| source.notes.clone()).map_err(Clone::clone);
            SourceReport::looked_at(&source.title, &source.hoster, found)
        })
        .collect();
    Report::conclude(Timestamp::now(), false, reports).exit_code
}

fn print_source(source: &ListedSource, common: &Common) {
    for note in &source.notes {
        if !common.quiet {
            tell!("{}: {}", source.title, text::finding("", note));
        }
    }
    if let Err(failure) = &source.repositories {
        let word = paint(Tone::Bad, "failed");
        tell!("{}: {word}\n{}", source.title, text::failure("  ", failure));
        return;
    }
    say!("{}", of_listing(source, stdout_width()).trim_end());
}
