//! After the work: what is remembered of versions, and whether they can be believed.

use std::collections::HashMap;

use forgekeep_failure::{Failure, Finding, Severity};
use forgekeep_hoster::PartKind;
use forgekeep_store::report::{RefChanges, SourceOutcome};
use forgekeep_store::versions::{Ended, SourceVersions};
use forgekeep_untrusted::{Printable, Untrusted};
use jiff::Zoned;

use super::{Asking, Done};
use crate::event::{Event, Observer, note_of};
use crate::listing::list;
use crate::plan::ByListing;
use crate::source::{OpenSource, RunSource};

const HINT: &str = "run `forgekeep backup --full`: if it finds no such change, unchanged repositories are \
                    skipped again; report it to the plugin's authors if it comes back";

/// A change that the listing knows nothing of.
struct Hidden {
    id: Untrusted,
    /// Its place among the repositories of the report.
    index: usize,
    /// The version it was found under.
    version: Option<Untrusted>,
}

/// Takes in what came of a source's repositories: into its report, and into what is remembered of
/// versions. `is_over` says that the run was not interrupted.
pub(crate) fn conclude(
    source: &mut RunSource,
    done: Vec<Done>,
    asking: Asking,
    most: usize,
    is_over: bool,
    observer: &dyn Observer,
) {
    let mut hidden = Vec::new();
    let was_compared = done.iter().any(|done| done.by_listing == ByListing::Same);
    let mut versions = source.versions.take();
    for done in done {
        let report = &mut source.report;
        let is_hidden =
            done.by_listing == ByListing::Same && done.report.refs != RefChanges::default();
        if is_hidden {
            hidden.push(Hidden {
                id: done.id.clone(),
                index: report.repositories.len(),
                version: done.version.clone(),
            });
        }
        if let Some(versions) = &mut versions {
            take_in(versions, &done);
        }
        report.repositories.push(done.report);
    }
    let Some(mut versions) = versions else {
        return;
    };
    // Where they are not believed anyway, one more such change is no news, unless somebody asks.
    let is_news = versions.ended().is_none() || asking.all;
    if is_news && !hidden.is_empty() {
        match (&source.open, is_over) {
            (Some(open), true) => keep_hidden(&mut hidden, open, most),
            // Without another look at the listing, any push during the run would be one: the next full
            // check finds what it was.
            _ => hidden.clear(),
        }
        tell(&hidden, &mut versions, source, asking, observer);
    }
    if let (Some(ended), true) = (versions.ended().cloned(), hidden.is_empty() || !is_news) {
        let mut so_far = source.report.clone();
        so_far.conclude();
        let is_clean = so_far.outcome == SourceOutcome::Ok && hidden.is_empty();
        if asking.all && is_over && is_clean && was_compared {
            versions.set_ended(None);
        } else {
            note_of(&mut source.report, still_ended(&ended), observer);
        }
    }
    if let Err(failure) = versions.write() {
        note_of(&mut source.report, unwritten(failure), observer);
    }
    source.versions = Some(versions);
}

/// Remembers a version, or that nothing is known.
fn take_in(versions: &mut SourceVersions, done: &Done) {
    match &done.known {
        Some(known) => versions.set(done.id.clone(), known.clone()),
        // It stays as it is known. But a wiki may have failed.
        None if done.by_listing.is_unchanged() && done.report.proof.is_some() => {}
        None => versions.forget(&done.id),
    }
}

/// Lists the source again, and leaves out what has another version now: it was pushed to after it had
/// been listed, and the listing knows of that. If it cannot be listed, all stay.
fn keep_hidden(hidden: &mut Vec<Hidden>, open: &OpenSource, most: usize) {
    let now = match list(
        &open.title,
        &*open.session,
        &open.services,
        most,
        &(),
        |_| (),
    ) {
        Ok(now) => now,
        Err(failure) => {
            log::info!("{}: not listed again: {failure}", open.title);
            return;
        }
    };
    let now: HashMap<Untrusted, Option<Untrusted>> = now
        .repositories
        .into_iter()
        .map(|listed| {
            let version = listed
                .part(PartKind::Git)
                .and_then(|git| git.version.clone());
            (listed.id, version)
        })
        .collect();
    // One that is listed no more may be of an owner that could not be listed this time.
    hidden.retain(|of| now.get(&of.id).is_none_or(|listed| *listed == of.version));
}

/// Tells of changes that the listing hid: from here on it proves nothing.
fn tell(
    hidden: &[Hidden],
    versions: &mut SourceVersions,
    source: &mut RunSource,
    asking: Asking,
    observer: &dyn Observer,
) {
    for of in hidden {
        let Some(repository) = source.report.repositories.get_mut(of.index) else {
            continue;
        };
        let message = Printable::from(
            "refs changed upstream, but the hoster's listing still has the same version: it does not show \
            every change, so git is asked for every repository of this source from now on",
        );
        observer.event(&Event::Alert {
            source: &source.report.title,
            repository: Some(&repository.name),
            message: &message,
            hint: HINT,
        });
        repository.add_alert(&message);
        versions.set_ended(Some(Ended {
            at: asking.now,
            repository: repository.name.as_str().into(),
        }));
    }
}

fn still_ended(ended: &Ended) -> Finding {
    let at = ended.at.to_zoned(Zoned::now().time_zone().clone());
    Finding {
        severity: Severity::Info,
        hint: HINT.into(),
        ..Finding::warning(format!(
            "git is asked for every repository: the listing of {} did not show a change of {}",
            at.strftime("%Y-%m-%d"),
            ended.repository.printable()
        ))
    }
}

fn unwritten(failure: Failure) -> Finding {
    Finding {
        hint: failure.hint,
        ..Finding::warning(format!(
            "the versions of repositories were not recorded, so the next run asks git for every one: {}",
            failure.message
        ))
    }
}
