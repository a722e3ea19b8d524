//! Sources: validated, listed side by side, and planned.

mod remarks;
mod retitled;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use forgekeep_config::Source;
use forgekeep_config::filter::RepoFilter;
use forgekeep_failure::{ErrorKind, Failure, Finding, Severity};
use forgekeep_hoster::{self, Repository, Services, Session, SourceSpec};
use forgekeep_http::{CredentialGate, CredentialScope};
use forgekeep_store::catalogue::Catalogue;
use forgekeep_store::report::SourceReport;
use forgekeep_store::trash;
use forgekeep_untrusted::{Printable, Untrusted, names};
use rayon::prelude::*;
use url::Url;

use super::Engine;
use crate::completeness::{Counted, Key, Listings, Verdict};
use crate::event::{Event, Observer, note_of};
use crate::listing::list;
use crate::plan::{Location, Movers, Plan};
use crate::source::{OpenSource, RunSource, Server};
use crate::source_state;

pub(super) use remarks::{nothing_listed, of_filter};

/// Whether a plan is made for a run, or only to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writes {
    /// What is in the trash, or under another title, may be taken first.
    Yes,
    /// Nothing may be written.
    No,
}

/// A source that has passed its offline validation.
pub(super) struct Ready {
    /// Id of the hoster.
    pub hoster: String,
    /// Base of its API.
    pub api_url: String,
    pub session: Box<dyn Session>,
    pub services: Services,
    pub filter: RepoFilter,
    pub findings: Vec<Finding>,
}

impl Engine {
    /// Everything about a source that needs no network.
    pub(super) fn ready(&self, source: &Source, writes: Writes) -> Result<Ready, Failure> {
        // Without its secrets, a source would list what is public, and look like a success.
        if !self.config.is_settled() {
            let why = "the configuration's secrets have not been read";
            return Err(Failure::new(ErrorKind::Other, why)
                .with_hint("report it: this is a bug in Forgekeep"));
        }
        let hoster = self.registry.require(&source.hoster)?;
        let api = forgekeep_hoster::api_url(hoster.info(), source.api_url.as_ref())?;
        let spec = SourceSpec {
            title: source.title.clone(),
            name: source.name.clone(),
            kind: source.kind.clone().unwrap_or_default(),
            auth_name: source.auth_name.clone().unwrap_or_default(),
            api_auth_name: source.api_auth_name.clone().unwrap_or_default(),
            secrets: source
                .keyed_secrets()
                .map(|(key, secret)| (key.to_owned(), secret.clone()))
                .collect(),
            api_url: api.as_str().trim_end_matches('/').to_owned(),
            options: source.own_options.clone(),
            files: source.own_files.clone(),
            isolation: source.isolation,
            environment: source.plugin_environment.clone(),
        };
        let mut trusted: Vec<String> = source.trusted_origins.iter().map(Url::to_string).collect();
        trusted.extend(forgekeep_hoster::trusted_origins(hoster.info(), &api));
        let scope = CredentialScope::new(
            api.clone(),
            source.api_url.is_some(),
            &trusted,
            source.allow_insecure_http,
        );
        scope.check_address(&api)?;
        let scope = Arc::new(scope);
        for secret in source.secrets() {
            self.guard.know(secret, &scope);
        }
        let services = Services {
            http: Arc::new(self.retrying.for_source()),
            scope,
            guard: self.guard.clone(),
            max_body_bytes: self.config.options.network.max_body_bytes,
            redactor: Arc::clone(&self.redactor),
            cancel: self.cancel.clone(),
            retry_policy: self.retry_policy,
        };
        let api_url = spec.api_url.clone();
        let state = match writes {
            Writes::Yes => source_state::stored(&self.config.local_folder, &source.title),
            Writes::No => source_state::in_memory(&self.config.local_folder, &source.title),
        };
        let session = hoster.open(spec, services.clone(), state)?;
        let findings = session.validate()?;
        if let Some(error) = findings.iter().find(|f| f.severity == Severity::Error) {
            let key = if error.key.is_empty() {
                String::new()
            } else {
                format!("{}: ", error.key)
            };
            return Err(
                Failure::new(ErrorKind::Config, format!("{key}{}", error.message))
                    .with_hint(error.hint.clone()),
            );
        }
        let filter = RepoFilter::new(&source.include_repos, &source.ignore_repos)
            .map_err(|error| Failure::new(ErrorKind::Config, error.to_string()))?;
        Ok(Ready {
            hoster: hoster.info().id.clone(),
            api_url,
            session,
            services,
            filter,
            findings,
        })
    }

    /// Lists the sources side by side, and plans what to do. They come back in the order of
    /// `sources`; one that failed is not open.
    pub(super) fn plan_sources(
        &self,
        pool: &rayon::ThreadPool,
        sources: &[&Source],
        listings: &mut Listings,
        writes: Writes,
        observer: &dyn Observer,
    ) -> (Plan, Vec<RunSource>) {
        let mut asked: Vec<_> = pool.install(|| {
            sources
                .par_iter()
                .map(|source| Asked {
                    source,
                    answer: self.open_source(source, writes, observer),
                })
                .collect()
        });
        if writes == Writes::Yes {
            self.take_over(&mut asked, listings, observer);
        }
        let ids = listed_ids(&asked);
        let mut judged = Vec::new();
        for asked in asked {
            judged.push(asked.judge(listings, &ids, observer));
        }
        let mut moved = movers(&judged);
        let mut plan = Plan::default();
        let mut all = Vec::new();
        for (index, judged) in judged.into_iter().enumerate() {
            all.push(match judged {
                Judged::Failed(source) => *source,
                Judged::Listed(found, mut report) => {
                    let mut nobody = Movers::new();
                    let movers = moved.get_mut(&found.source.server);
                    plan.add_source(
                        index,
                        found.repositories,
                        &found.filter,
                        found.catalogue,
                        movers.unwrap_or(&mut nobody),
                    );
                    for note in of_filter(&found.filter) {
                        note_of(&mut report, note, observer);
                    }
                    RunSource::listed(found.source, *report)
                }
            });
        }
        for (source, report) in std::mem::take(&mut plan.left_out) {
            let of = &mut all[source].report;
            observer.event(&Event::RepositoryFinished {
                source: &of.title,
                repository: &report,
            });
            of.repositories.push(report);
        }
        plan.order();
        (plan, all)
    }

    /// What the sources listed in earlier runs.
    pub(super) fn listings(&self) -> Listings {
        Listings::read(&self.config.local_folder, self.accept_shrinkage)
    }

    /// Remembers what was listed. If that fails, the next run compares with older numbers: so no
    /// source of this one is quite in order.
    pub(super) fn remember(&self, listings: &Listings, sources: &mut [RunSource]) {
        let Err(failure) = listings.write() else {
            return;
        };
        let reports = sources.iter_mut().map(|source| &mut source.report);
        for report in reports.filter(|report| report.error.is_none()) {
            let note = error_note(failure.clone());
            note_of(report, note, &*self.observer);
        }
    }

    fn open_source(
        &self,
        source: &Source,
        writes: Writes,
        observer: &dyn Observer,
    ) -> Result<Opened, Failure> {
        let folder_name = names::encode_component(&source.title);
        let folder = self.config.local_folder.join(&folder_name);
        let ready = self.ready(source, writes)?;
        for finding in &ready.findings {
            observer.event(&Event::Note {
                source: &source.title,
                finding,
            });
        }
        let hoster_id = ready.hoster;
        let server = Server {
            hoster: hoster_id.clone(),
            api_url: ready.api_url,
        };
        let listing = list(
            &source.title,
            &*ready.session,
            &ready.services,
            self.config.options.backup.max_repositories,
            observer,
        )?;
        let mut notes = ready.findings;
        notes.extend(listing.notes);
        let mut catalogue = Catalogue::read(&folder, &hoster_id)?;
        if writes == Writes::Yes {
            let back = self.take_back(&folder, &hoster_id, &catalogue, &listing.repositories)?;
            if !back.is_empty() {
                catalogue = Catalogue::read(&folder, &hoster_id)?;
            }
            for finding in &back {
                observer.event(&Event::Note {
                    source: &source.title,
                    finding,
                });
            }
            notes.extend(back);
        }
        Ok(Opened {
            repositories: listing.repositories,
            counted: listing.counted,
            notes,
            filter: ready.filter,
            catalogue,
            has_taken: false,
            source: OpenSource {
                title: source.title.clone(),
                name: source.name.clone(),
                hoster: hoster_id,
                server,
                folder,
                folder_name,
                session: ready.session,
                services: ready.services,
                gate: CredentialGate::default(),
            },
        })
    }
}

impl Engine {
    /// Takes back from the trash what is listed again and is nowhere else in the backup.
    fn take_back(
        &self,
        folder: &Path,
        hoster: &str,
        catalogue: &Catalogue,
        listed: &[Repository],
    ) -> Result<Vec<Finding>, Failure> {
        let entries = trash::entries(&self.config.local_folder)?;
        let mut notes = Vec::new();
        for entry in entries {
            let id = &entry.state.id;
            let is_wanted = entry.state.hoster == hoster
                && catalogue.folder_of(id).is_none()
                && listed.iter().any(|repository| repository.id == *id);
            if is_wanted {
                let name = entry.state.full_name.printable();
                trash::take_back(&entry, folder)?;
                let file = match &entry.unread {
                    Some(failure) => format!("; {}: it is written again", failure.message),
                    None => String::new(),
                };
                notes.push(Finding::warning(format!(
                    "{name} is listed again: it was taken back from the trash, with its history{file}"
                )));
            }
        }
        Ok(notes)
    }
}

/// A source that is listed, with what is on disk for it.
struct Opened {
    repositories: Vec<Repository>,
    counted: Counted,
    notes: Vec<Finding>,
    filter: RepoFilter,
    catalogue: Catalogue,
    /// Whether repositories of another title were taken over: the catalogue is to be read again.
    has_taken: bool,
    source: OpenSource,
}

impl Opened {
    /// What was counted, with what the backup has of this listing. What another source lists now has
    /// only moved.
    fn compared(&self, all: &HashMap<Server, HashSet<Untrusted>>) -> Counted {
        let listing = self.source.listing();
        let listed = all.get(&self.source.server);
        let mut counted = self.counted;
        for id in self.catalogue.from_listing(&listing) {
            counted.known += 1;
            counted.lost += u64::from(!listed.is_some_and(|listed| listed.contains(id)));
        }
        counted
    }
}

/// A source that was asked for its repositories.
struct Asked<'s> {
    source: &'s Source,
    answer: Result<Opened, Failure>,
}

/// A source of which it is known what its listing is worth.
enum Judged {
    Listed(Box<Opened>, Box<SourceReport>),
    Failed(Box<RunSource>),
}

impl Asked<'_> {
    /// Compares what is listed with what was, and begins the report.
    fn judge(
        self,
        listings: &mut Listings,
        ids: &HashMap<Server, HashSet<Untrusted>>,
        observer: &dyn Observer,
    ) -> Judged {
        let source = self.source;
        let mut found = match self.answer {
            Ok(found) => found,
            Err(failure) => {
                observer.event(&Event::SourceFailed {
                    source: &source.title,
                    error: &failure,
                });
                let failed = RunSource::failed(&source.title, &source.hoster, failure);
                return Judged::Failed(Box::new(failed));
            }
        };
        let listed = found.repositories.len();
        let notes = std::mem::take(&mut found.notes);
        let mut report = SourceReport::listed(&source.title, &source.hoster, listed, notes);
        let key = Key {
            title: &source.title,
            hoster: &found.source.hoster,
            name: &source.name,
        };
        let verdict = listings.judge(key, found.compared(ids));
        let stands = verdict.errors.is_empty();
        add_verdict(&mut report, verdict, observer);
        if let (true, Some(note)) = (stands, nothing_listed(listed, &report.notes)) {
            note_of(&mut report, note, observer);
        }
        Judged::Listed(Box::new(found), Box::new(report))
    }
}

/// What was listed.
fn opened<'a>(asked: &'a [Asked<'_>]) -> impl Iterator<Item = &'a Opened> {
    asked.iter().filter_map(|asked| asked.answer.as_ref().ok())
}

/// The identities that are listed, by the server within which they are valid.
fn listed_ids(all: &[Asked<'_>]) -> HashMap<Server, HashSet<Untrusted>> {
    let mut ids: HashMap<Server, HashSet<Untrusted>> = HashMap::new();
    for found in opened(all) {
        let of_server = ids.entry(found.source.server.clone()).or_default();
        of_server.extend(found.repositories.iter().map(|r| r.id.clone()));
    }
    ids
}

/// What sources have in the backup and no longer list, by the server: another source may list it now.
/// Only whole listings tell.
fn movers(judged: &[Judged]) -> HashMap<Server, Movers> {
    let mut movers: HashMap<Server, Movers> = HashMap::new();
    for (source, judged) in judged.iter().enumerate() {
        let found = match judged {
            Judged::Listed(found, report) if report.is_whole() => found,
            _ => continue,
        };
        let listed: HashSet<&Untrusted> = found.repositories.iter().map(|r| &r.id).collect();
        let of_server = movers.entry(found.source.server.clone()).or_default();
        for (id, folder) in found.catalogue.ids() {
            if !listed.contains(id) {
                let folder = folder.to_owned();
                of_server.insert(id.clone(), Location { source, folder });
            }
        }
    }
    movers
}

/// Puts down what there is to say about a listing's completeness: the worst is the source's error,
/// and it goes on all the same.
fn add_verdict(report: &mut SourceReport, verdict: Verdict, observer: &dyn Observer) {
    let mut errors = verdict.errors.into_iter();
    report.error = errors.next();
    if let Some(failure) = &report.error {
        observer.event(&Event::Note {
            source: &report.title,
            finding: &error_note(failure.clone()),
        });
    }
    for note in verdict.notes.into_iter().chain(errors.map(error_note)) {
        note_of(report, note, observer);
    }
}

fn error_note(failure: Failure) -> Finding {
    Finding {
        severity: Severity::Error,
        key: Printable::default(),
        message: failure.message,
        hint: failure.hint,
    }
}
