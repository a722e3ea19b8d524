use std::sync::Arc;

use forgekeep_command_line::{Common, ListArguments};
use forgekeep_config::filter::Decision;
use forgekeep_documents::{ListDocument, left_out};
use forgekeep_engine::run::{ListedSource, Selection};
use forgekeep_hoster::{PartKind, Repository};
use forgekeep_store::report::{Report, SourceReport};
use forgekeep_summary::text;
use forgekeep_untrusted::{Printable, Show as _};
use jiff::Timestamp;

use crate::exit::{Complaint, ExitCode};
use crate::terminal::{out, tell};

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
    let repositories = match &source.repositories {
        Ok(repositories) => repositories,
        Err(failure) => {
            tell!("{}: failed\n{}", source.title, text::failure("  ", failure));
            return;
        }
    };
    out!(
        "{} ({}): {}",
        source.title,
        source.hoster,
        text::count(repositories.len(), "repository", "repositories")
    );
    for (repository, decision) in repositories {
        out!("  {}", line(repository, *decision));
    }
}

fn line(repository: &Repository, decision: Decision) -> Printable {
    let mut line = repository.full_name.printable();
    let mut facts = Vec::new();
    let git = repository.part(PartKind::Git);
    if repository.is_private() {
        facts.push("private".to_owned());
    }
    if repository.archived {
        facts.push("archived".to_owned());
    }
    if repository.fork {
        facts.push("fork".to_owned());
    }
    if let Some(size) = repository.size() {
        facts.push(text::bytes(size));
    }
    if let Some(branch) = git.and_then(|git| git.default_branch.as_ref()) {
        facts.push(branch.shown().to_string());
    }
    if repository.part(PartKind::Wiki).is_some() {
        facts.push("wiki".to_owned());
    }
    if let Some(why) = left_out(repository, decision) {
        facts.push(format!("not backed up: {why}"));
    }
    if !facts.is_empty() {
        line.push_str(&format!("  ({})", facts.join(", ")));
    }
    line
}
