//! Runs: a backup, a list, a check. Here the rooms of the engine are put in a row.

use std::fs;
use std::io;
use std::sync::Arc;

use jiff::Timestamp;
use rayon::prelude::*;
use thiserror::Error;

use crate::cancel::Cancel;
use crate::catalogue::{self, Catalogue};
use crate::config::{self, Config, Source, SourceKind};
use crate::event::{Event, Observer};
use crate::execute::{OpenSource, Standing, execute};
use crate::filter::{Decision, RepoFilter};
use crate::hoster::{
    self, CheckReport, Finding, Hoster, Registry, Repository, Services, Severity, SourceSpec,
};
use crate::http::{Client, CredentialScope, Settings};
use crate::listing::{Listing, list};
use crate::lock::{Holder, LockError, RunLock};
use crate::mirror;
use crate::plan::Plan;
use crate::redact::Redactor;
use crate::report::{Report, SourceReport};
use crate::{ErrorKind, Failure, atomic_file, names};

/// Connections kept beyond one for each worker: for sources that are listed meanwhile.
const SPARE_CONNECTIONS: usize = 4;

/// Why a run could not be made at all.
#[derive(Debug, Error)]
pub enum RunError {
    /// A title was asked for that the configuration does not have.
    #[error("the configuration has no source with the title \"{title}\"")]
    UnknownSource {
        /// What was asked for.
        title: String,
        /// The titles there are.
        known: Vec<String>,
    },
    /// Another run is in the same folder.
    #[error("another run holds {lock}{}", held_by(holder.as_ref()))]
    Locked {
        /// The lock file.
        lock: String,
        /// Who holds it, as far as known.
        holder: Option<Holder>,
    },
    /// The backup folder cannot be used.
    #[error("{0}")]
    Folder(Failure),
}

fn held_by(holder: Option<&Holder>) -> String {
    holder.map_or_else(String::new, |holder| {
        format!(
            ": process {} on {}, since {}",
            holder.pid,
            names::printable(&holder.host),
            holder
                .since
                .round(jiff::Unit::Second)
                .unwrap_or(holder.since)
        )
    })
}

impl RunError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::UnknownSource { known, .. } => format!("its sources are: {}", known.join(", ")),
            Self::Locked { .. } => {
                "wait until it is done; a run that has died never holds the lock".to_owned()
            }
            Self::Folder(failure) => failure.hint.clone(),
        }
    }

    /// The same as a failure, for the report.
    pub fn to_failure(&self) -> Failure {
        let kind = match self {
            Self::UnknownSource { .. } => ErrorKind::Config,
            Self::Locked { .. } => ErrorKind::Other,
            Self::Folder(failure) => failure.kind,
        };
        Failure::new(kind, self.to_string()).with_hint(self.hint())
    }
}

/// A configured engine.
pub struct Engine {
    config: Config,
    registry: Registry,
    client: Client,
    cancel: Cancel,
    jobs: usize,
}

/// What to back up, and how.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Titles of sources; none for all.
    pub sources: Vec<String>,
}

/// A source listed, for `forgekeep list`.
pub struct ListedSource {
    /// Title in the configuration.
    pub title: String,
    /// Hoster in the configuration.
    pub hoster: String,
    /// Its repositories with what the filters say of each, or why there are none.
    pub repositories: Result<Vec<(Repository, Decision)>, Failure>,
    /// What there is to say.
    pub notes: Vec<Finding>,
}

/// A source checked, for `forgekeep check`.
pub struct CheckedSource {
    /// Title in the configuration.
    pub title: String,
    /// Hoster in the configuration.
    pub hoster: String,
    /// What was found, or why nothing could be.
    pub result: Result<CheckReport, Failure>,
}

/// A source that has passed its offline validation.
struct Ready {
    hoster: Arc<dyn Hoster>,
    spec: SourceSpec,
    services: Services,
    filter: RepoFilter,
    findings: Vec<Finding>,
}

impl Engine {
    /// An engine for a configuration. `jobs` overrides the configuration's.
    pub fn new(config: Config, registry: Registry, jobs: Option<usize>) -> Self {
        let jobs = jobs.unwrap_or(config.options.backup.jobs).max(1);
        let client = Client::new(&Settings {
            connect: config.options.network.connect,
            stall: config.options.network.stall,
            connections: jobs + SPARE_CONNECTIONS,
        });
        Self {
            config,
            registry,
            client,
            cancel: Cancel::new(),
            jobs,
        }
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Something to end the run early with, from another thread: what is under way is given up,
    /// what is finished stays.
    pub fn interrupter(&self) -> impl Fn() + Send + 'static {
        let (cancel, client) = (self.cancel.clone(), self.client.clone());
        move || {
            cancel.cancel();
            client.shutdown();
        }
    }

    /// Backs up.
    ///
    /// # Errors
    ///
    /// Only if the run could not be made at all; what fails in it is in the report.
    pub fn backup(
        &self,
        selection: &Selection,
        observer: &dyn Observer,
    ) -> Result<Report, RunError> {
        let started = Timestamp::now();
        let sources = self.select(selection)?;
        self.prepare_folder()?;
        let _lock = self.lock()?;
        self.copy_config().map_err(RunError::Folder)?;
        mirror::initialise().map_err(RunError::Folder)?;
        let pool = self.pool()?;
        let (plan, mut reports, open) = self.plan_sources(&pool, &sources, observer);
        for source in open.iter().flatten() {
            if let Err(failure) = catalogue::remove_leftovers(&source.folder) {
                log::warn!("{failure}");
            }
        }
        observer.event(&Event::Planned {
            repositories: plan.tasks.len(),
            bytes: plan.tasks.iter().filter_map(|t| t.repository.size).sum(),
        });
        for (source, report) in execute(&pool, &plan.tasks, &open, observer) {
            reports[source].repositories.push(report);
        }
        // In the order of names, whatever the order of work was.
        for report in &mut reports {
            report
                .repositories
                .sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
            report.conclude();
        }
        let report = Report::conclude(started, self.cancel.is_cancelled(), reports);
        observer.event(&Event::Finished { report: &report });
        Ok(report)
    }

    /// What [`Engine::backup`] would do, by title of the source: nothing is written.
    ///
    /// # Errors
    ///
    /// As [`Engine::backup`].
    pub fn dry_run(
        &self,
        selection: &Selection,
        observer: &dyn Observer,
    ) -> Result<(Plan, Vec<SourceReport>), RunError> {
        let sources = self.select(selection)?;
        let pool = self.pool()?;
        let (plan, mut reports, _) = self.plan_sources(&pool, &sources, observer);
        for report in &mut reports {
            report.conclude();
        }
        Ok((plan, reports))
    }

    /// Lists the sources side by side.
    ///
    /// # Errors
    ///
    /// As [`Engine::backup`].
    pub fn list(
        &self,
        selection: &Selection,
        observer: &dyn Observer,
    ) -> Result<Vec<ListedSource>, RunError> {
        let sources = self.select(selection)?;
        let pool = self.pool()?;
        let listed = pool.install(|| {
            sources
                .par_iter()
                .map(|source| {
                    let mut notes = Vec::new();
                    let repositories = self.ready(source).and_then(|ready| {
                        notes.clone_from(&ready.findings);
                        let Listing {
                            repositories,
                            notes: more,
                            ..
                        } = list(&*ready.hoster, ready.spec, &ready.services, observer)?;
                        notes.extend(more);
                        let decided = repositories.into_iter().map(|repository| {
                            let decision = ready.filter.decide(&repository.full_name);
                            (repository, decision)
                        });
                        let decided = decided.collect();
                        notes.extend(unused_patterns(&ready.filter));
                        Ok(decided)
                    });
                    ListedSource {
                        title: source.title.clone(),
                        hoster: source.hoster.clone(),
                        repositories,
                        notes,
                    }
                })
                .collect()
        });
        Ok(listed)
    }

    /// Checks the sources: offline by their plugins, and online unless told otherwise.
    ///
    /// # Errors
    ///
    /// As [`Engine::backup`].
    pub fn check(
        &self,
        selection: &Selection,
        offline: bool,
    ) -> Result<Vec<CheckedSource>, RunError> {
        let sources = self.select(selection)?;
        let pool = self.pool()?;
        let check = |source: &Source| {
            let ready = self.ready(source)?;
            let mut report = CheckReport::default();
            if !offline {
                let mut session = ready.hoster.open(ready.spec, ready.services)?;
                report = session.check()?;
            }
            report.findings.splice(0..0, ready.findings);
            Ok(report)
        };
        Ok(pool.install(|| {
            sources
                .par_iter()
                .map(|source| CheckedSource {
                    title: source.title.clone(),
                    hoster: source.hoster.clone(),
                    result: check(source),
                })
                .collect()
        }))
    }

    fn select(&self, selection: &Selection) -> Result<Vec<&Source>, RunError> {
        let has = |title: &String| self.config.sources.iter().any(|s| s.title == *title);
        if let Some(title) = selection.sources.iter().find(|title| !has(title)) {
            return Err(RunError::UnknownSource {
                title: names::printable(title).to_string(),
                known: self
                    .config
                    .sources
                    .iter()
                    .map(|s| s.title.clone())
                    .collect(),
            });
        }
        let chosen = |source: &&Source| {
            selection.sources.is_empty() || selection.sources.contains(&source.title)
        };
        Ok(self.config.sources.iter().filter(chosen).collect())
    }

    fn pool(&self) -> Result<rayon::ThreadPool, RunError> {
        rayon::ThreadPoolBuilder::new()
            .num_threads(self.jobs)
            .thread_name(|n| format!("worker-{n}"))
            .build()
            .map_err(|error| {
                RunError::Folder(
                    Failure::new(
                        ErrorKind::Other,
                        format!("no threads can be started: {error}"),
                    )
                    .with_hint("lower --jobs, or raise the limit on processes"),
                )
            })
    }

    /// The backup folder must be there. It is only made if the folder it is in exists: one that is
    /// missing with all its parents is more likely a disk that is not mounted.
    fn prepare_folder(&self) -> Result<(), RunError> {
        let folder = &self.config.local_folder;
        match fs::create_dir(folder) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let failure = Failure::disk("create the backup folder", folder, &error)
                    .with_hint("neither it nor the folder it is in exists: is the disk mounted? If so, create it");
                Err(RunError::Folder(failure))
            }
            Err(error) => Err(RunError::Folder(Failure::disk(
                "use the backup folder",
                folder,
                &error,
            ))),
        }
    }

    fn lock(&self) -> Result<RunLock, RunError> {
        RunLock::take(&self.config.local_folder).map_err(|error| match error {
            LockError::Held(path, holder) => RunError::Locked {
                lock: path.display().to_string(),
                holder,
            },
            LockError::Disk(failure) => RunError::Folder(failure),
        })
    }

    /// Puts a copy of the configuration beside the backup, as SCM Backup does, but without secrets.
    fn copy_config(&self) -> Result<(), Failure> {
        let Some(name) = self.config.file.file_name() else {
            return Ok(());
        };
        let read = config::read(&self.config.file);
        let masked = read.and_then(|text| config::masked_copy(&text, &self.config.file));
        let masked = masked.map_err(|error| {
            Failure::new(ErrorKind::Config, error.message()).with_hint(error.hint())
        })?;
        let folder = self.config.local_folder.join("_config");
        let path = folder.join(name);
        if fs::read(&path).is_ok_and(|old| old == masked.as_bytes()) {
            return Ok(());
        }
        fs::create_dir_all(&folder).map_err(|error| Failure::disk("create", &folder, &error))?;
        atomic_file::replace(&path, masked.as_bytes())
    }

    /// Everything about a source that needs no network.
    fn ready(&self, source: &Source) -> Result<Ready, Failure> {
        let hoster = self.registry.require(&source.hoster)?;
        let api = hoster::api_url(hoster.info(), source.api_url.as_ref())?;
        let spec = SourceSpec {
            title: source.title.clone(),
            name: source.name.clone(),
            kind: match source.kind {
                Some(SourceKind::User) => "user".to_owned(),
                Some(SourceKind::Org) => "org".to_owned(),
                None => String::new(),
            },
            auth_name: source.auth_name.clone().unwrap_or_default(),
            api_auth_name: source.api_auth_name.clone().unwrap_or_default(),
            secret: source.password.clone(),
            api_url: api.as_str().trim_end_matches('/').to_owned(),
        };
        let scope = CredentialScope::new(
            api.clone(),
            source.api_url.is_some(),
            &hoster.info().trusted_origins,
            source.allow_insecure_http,
        );
        scope.check_address(&api)?;
        let services = Services {
            http: Arc::new(self.client.clone()),
            scope: Arc::new(scope),
            max_body_bytes: self.config.options.network.max_body_bytes,
            redactor: Arc::new(Redactor::new(&spec.secret.iter().collect::<Vec<_>>())),
            cancel: self.cancel.clone(),
        };
        let findings = hoster.validate(&spec)?;
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
            hoster,
            spec,
            services,
            filter,
            findings,
        })
    }

    /// Lists the sources side by side, and plans what to do. The reports and open sources are in
    /// the order of `sources`; a source that failed is not open.
    fn plan_sources(
        &self,
        pool: &rayon::ThreadPool,
        sources: &[&Source],
        observer: &dyn Observer,
    ) -> (Plan, Vec<SourceReport>, Vec<Option<OpenSource>>) {
        let listed: Vec<_> = pool.install(|| {
            sources
                .par_iter()
                .map(|source| self.open_source(source, observer))
                .collect()
        });
        let mut plan = Plan::default();
        let (mut reports, mut open) = (Vec::new(), Vec::new());
        for (index, (source, result)) in sources.iter().zip(listed).enumerate() {
            match result {
                Ok(mut opened) => {
                    let listed = opened.repositories.len();
                    let mut report =
                        SourceReport::listed(&source.title, &source.hoster, listed, opened.notes);
                    let repositories = std::mem::take(&mut opened.repositories);
                    plan.add_source(index, repositories, &opened.filter, opened.catalogue);
                    for note in unused_patterns(&opened.filter) {
                        observer.event(&Event::Note {
                            source: &source.title,
                            finding: &note,
                        });
                        report.notes.push(note);
                    }
                    reports.push(report);
                    open.push(Some(opened.source));
                }
                Err(failure) => {
                    observer.event(&Event::SourceFailed {
                        source: &source.title,
                        error: &failure,
                    });
                    reports.push(SourceReport::failed(&source.title, &source.hoster, failure));
                    open.push(None);
                }
            }
        }
        for (source, report) in std::mem::take(&mut plan.left_out) {
            observer.event(&Event::RepositoryFinished {
                source: &reports[source].title,
                repository: &report,
            });
            reports[source].repositories.push(report);
        }
        plan.order();
        (plan, reports, open)
    }

    fn open_source(&self, source: &Source, observer: &dyn Observer) -> Result<Opened, Failure> {
        let folder_name = names::encode_component(&source.title);
        let folder = self.config.local_folder.join(&folder_name);
        let ready = self.ready(source)?;
        for finding in &ready.findings {
            observer.event(&Event::Note {
                source: &source.title,
                finding,
            });
        }
        let hoster_id = ready.hoster.info().id.clone();
        let listing = list(&*ready.hoster, ready.spec, &ready.services, observer)?;
        let catalogue = Catalogue::read(&folder, &hoster_id)?;
        let mut notes = ready.findings;
        notes.extend(listing.notes);
        Ok(Opened {
            repositories: listing.repositories,
            notes,
            filter: ready.filter,
            catalogue,
            source: OpenSource {
                title: source.title.clone(),
                hoster: hoster_id,
                folder,
                folder_name,
                session: listing.session,
                services: ready.services,
                standing: Standing::default(),
            },
        })
    }
}

/// A source that is listed, with what is on disk for it.
struct Opened {
    repositories: Vec<Repository>,
    notes: Vec<Finding>,
    filter: RepoFilter,
    catalogue: Catalogue,
    source: OpenSource,
}

/// A pattern that matches nothing is a typing error, or a repository that is gone: either way,
/// something is not backed up that somebody believes is.
fn unused_patterns(filter: &RepoFilter) -> Vec<Finding> {
    filter
        .unused()
        .into_iter()
        .map(|unused| {
            let mut finding = Finding::warning(format!(
                "\"{}\" in {} matches no repository",
                names::printable(&unused.pattern),
                unused.key
            ));
            finding.key = unused.key.to_owned();
            finding
        })
        .collect()
}
