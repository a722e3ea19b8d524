use std::sync::Arc;

use forgekeep_command_line::{Common, ListArguments};
use forgekeep_engine::run::{ListedSource, Selection};
use forgekeep_hoster::PartKind;
use forgekeep_store::report::{Report, SourceReport};
use forgekeep_summary::{left_out, of_listing, text};
use forgekeep_terminal_text::{Tone, paint};
use jiff::Timestamp;
use serde_json::{Value, json};

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
    if arguments.json {
        let sources: Vec<Value> = listed.iter().map(as_json).collect();
        super::print_json(&json!({ "schema": 1, "sources": sources }))?;
    } else {
        for source in &listed {
            print_source(source, common);
        }
    }
    Ok(exit_code(listed))
}

/// The exit code that a backup of these sources would begin with.
fn exit_code(listed: Vec<ListedSource>) -> ExitCode {
    let reports = listed
        .into_iter()
        .map(|source| {
            let found = source.repositories.map(|_| source.notes);
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

fn as_json(source: &ListedSource) -> Value {
    let (repositories, error) = match &source.repositories {
        Ok(repositories) => (repositories.as_slice(), None),
        Err(failure) => (&[][..], Some(failure)),
    };
    let repositories: Vec<Value> = repositories
        .iter()
        .map(|(repository, decision)| {
            let git = repository.part(PartKind::Git);
            json!({
                "id": repository.id,
                "name": repository.full_name,
                "cloneUrl": repository.clone_url(),
                "wikiUrl": repository.part(PartKind::Wiki).map(|part| &part.url),
                "defaultBranch": git.and_then(|git| git.default_branch.as_ref()),
                "size": repository.size(),
                "private": repository.is_private(),
                "archived": repository.archived,
                "fork": repository.fork,
                "topics": repository.topics,
                "languages": repository.languages,
                "pushedAt": repository.pushed_at,
                "leftOut": left_out(repository, *decision),
            })
        })
        .collect();
    json!({
        "title": source.title,
        "hoster": source.hoster,
        "listed": repositories.len(),
        "repositories": repositories,
        "notes": source.notes,
        "error": error,
    })
}
