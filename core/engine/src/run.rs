//! Runs: a backup, a list, a check. Here the rooms of the engine are put in a row.

mod check;
mod error;
mod folder;
mod sources;

use std::sync::Arc;

use forgekeep_config::filter::Decision;
use forgekeep_config::{Config, Source};
use forgekeep_durable::lock::RunLock;
use forgekeep_failure::{Cancel, ErrorKind, Failure, Finding};
use forgekeep_git::{libgit2, memory};
use forgekeep_hoster::{CheckReport, Registry, Repository};
use forgekeep_http::{
    Client, ConcurrencyLimit, CredentialGuard, OnWait, Proxies, RateLimit, RetryPolicy, Retrying,
    Settings, Wait,
};
use forgekeep_store::history::{self, Run};
use forgekeep_store::report::{Report, SourceReport};
use forgekeep_store::{layout, part};
use forgekeep_untrusted::Redactor;
use jiff::Timestamp;
use rayon::prelude::*;
use sources::{Writes, nothing_listed, of_filter};

use crate::event::{Event, Observer};
use crate::execute::execute;
use crate::listing::{Listing, list};
use crate::plan::Plan;
use crate::source::RunSource;
use crate::tombstones::{self, Tombstones};
use crate::{alert, permissions, source_state};

pub use error::RunError;

/// Connections kept beyond one for each worker: for sources that are listed meanwhile.
const SPARE_CONNECTIONS: usize = 4;

/// A configured engine.
pub struct Engine {
    config: Config,
    registry: Registry,
    client: Client,
    retrying: Retrying<RateLimit<ConcurrencyLimit<Client>>>,
    retry_policy: RetryPolicy,
    observer: Arc<dyn Observer>,
    cancel: Cancel,
    jobs: usize,
    /// Knows the secrets of all sources: one's may come back in an answer to another.
    redactor: Arc<Redactor>,
    guard: CredentialGuard,
    accept_shrinkage: bool,
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

/// What a check has found, for `forgekeep check`.
pub struct Checked {
    /// What stands in the way of a backup now, and will not for long.
    pub warnings: Vec<Finding>,
    /// The sources.
    pub sources: Vec<CheckedSource>,
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

impl Engine {
    /// An engine for a configuration that is settled, without a proxy. `jobs` overrides the configuration's;
    /// `observer` is told whatever happens.
    pub fn new(
        config: Config,
        registry: Registry,
        jobs: Option<usize>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        Self::behind(Proxies::none(), config, registry, jobs, observer)
    }

    /// The same with the proxies that requests go through.
    pub fn behind(
        proxies: Proxies,
        config: Config,
        registry: Registry,
        jobs: Option<usize>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        memory::set_limit(config.options.limits.object_bytes);
        let jobs = jobs.unwrap_or(config.options.backup.jobs).max(1);
        let network = &config.options.network;
        let of_proxies = proxies.secrets();
        let settings = Settings {
            connect: network.connect,
            stall: network.stall,
            connections: jobs + SPARE_CONNECTIONS,
        };
        let cancel = Cancel::new();
        let secrets: Vec<_> = config.secrets().chain(&of_proxies).collect();
        let redactor = Arc::new(Redactor::new(&secrets));
        let guard = CredentialGuard::new(Redactor::clone(&redactor));
        let client = Client::behind(proxies, &settings).guarded_by(guard.clone());
        let retry_policy = RetryPolicy {
            retries: network.retries,
            longest_wait: network.longest_wait,
            limit_wait: network.limit_wait,
            ..RetryPolicy::default()
        };
        let told = Arc::clone(&observer);
        let on_wait: OnWait = Arc::new(move |wait: &Wait<'_>| {
            told.event(&Event::Waiting {
                host: wait.host,
                seconds: wait.time.as_secs_f64(),
                why: wait.why,
            });
        });
        // Inside out: each retry takes from the budget too.
        let concurrent =
            ConcurrencyLimit::new(client.clone(), network.connections_per_host, cancel.clone());
        let rated = RateLimit::new(
            concurrent,
            network.requests_per_hour,
            cancel.clone(),
            Arc::clone(&on_wait),
        );
        let retrying = Retrying::new(rated, retry_policy, cancel.clone(), on_wait);
        Self {
            config,
            registry,
            client,
            retrying,
            retry_policy,
            observer,
            cancel,
            jobs,
            redactor,
            guard,
            accept_shrinkage: false,
        }
    }

    /// Whether a listing that falls short is accepted, and remembered as the one to compare with.
    #[must_use]
    pub fn accepting_shrinkage(mut self, accept: bool) -> Self {
        self.accept_shrinkage = accept;
        self
    }

    /// Knows the secrets of all sources.
    pub fn redactor(&self) -> Arc<Redactor> {
        Arc::clone(&self.redactor)
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
    pub fn backup(&self, selection: &Selection) -> Result<Report, RunError> {
        let started = Timestamp::now();
        let sources = self.select(selection)?;
        self.prepare_folder()?;
        let _lock = RunLock::take(&layout::lock_file(&self.config.local_folder))?;
        let run = Run::begin(&self.config.local_folder, started);
        for finding in &run.found {
            self.observer.event(&Event::Warning { finding });
        }
        let result = self.backup_locked(started, &sources, &run);
        let report = self.keep(started, run, result)?;
        self.observer.event(&Event::Finished { report: &report });
        Ok(report)
    }

    fn backup_locked(
        &self,
        started: Timestamp,
        sources: &[&Source],
        run: &Run,
    ) -> Result<Report, RunError> {
        let observer = &*self.observer;
        self.copy_config().map_err(RunError::folder)?;
        libgit2::initialise().map_err(RunError::folder)?;
        source_state::remove_leftovers(&self.config.local_folder);
        let pool = self.pool()?;
        let mut listings = self.listings();
        if run.lost_listings {
            listings.rebuild(history::listed(&self.config.local_folder));
        }
        let writes = Writes::Yes;
        let (plan, mut all) = self.plan_sources(&pool, sources, &mut listings, writes, observer);
        self.remember(&listings, &mut all);
        for source in &mut all {
            source.is_whole = source.report.is_whole();
        }
        tombstones::remove_leftovers(&self.config.local_folder);
        for open in all.iter().filter_map(|source| source.open.as_ref()) {
            if let Err(failure) = part::remove_leftovers(&open.folder) {
                log::warn!("{failure}");
            }
        }
        observer.event(&Event::Planned {
            repositories: plan.tasks.len(),
            bytes: plan
                .tasks
                .iter()
                .filter_map(|task| task.repository.size())
                .fold(0, u64::saturating_add),
        });
        for (source, report) in execute(&pool, &plan.tasks, &all, observer) {
            all[source].report.repositories.push(report);
        }
        let interrupted = self.cancel.is_cancelled();
        if !interrupted {
            self.tombstones(started, run).mark(&plan, &mut all);
        }
        for source in &mut all {
            let options = &self.config.options.alert;
            alert::raise(options, &mut source.report, source.newly_gone, observer);
        }
        permissions::warn(&self.config, &plan, &mut all, observer);
        let reports = all.into_iter().map(RunSource::conclude).collect();
        Ok(Report::conclude(started, interrupted, reports))
    }

    fn tombstones(&self, now: Timestamp, run: &Run) -> Tombstones<'_> {
        Tombstones {
            local_folder: &self.config.local_folder,
            options: &self.config.options.backup,
            observer: &*self.observer,
            now,
            known: run.previous.unwrap_or(Timestamp::UNIX_EPOCH),
        }
    }

    /// What [`Engine::backup`] would do, by title of the source: nothing is written.
    ///
    /// # Errors
    ///
    /// As [`Engine::backup`].
    pub fn dry_run(&self, selection: &Selection) -> Result<(Plan, Vec<SourceReport>), RunError> {
        let observer = &*self.observer;
        let sources = self.select(selection)?;
        let pool = self.pool()?;
        let mut listings = self.listings();
        let writes = Writes::No;
        let (plan, all) = self.plan_sources(&pool, &sources, &mut listings, writes, observer);
        let reports = all.into_iter().map(RunSource::conclude).collect();
        Ok((plan, reports))
    }

    /// Lists the sources side by side.
    ///
    /// # Errors
    ///
    /// As [`Engine::backup`].
    pub fn list(&self, selection: &Selection) -> Result<Vec<ListedSource>, RunError> {
        let observer = &*self.observer;
        let sources = self.select(selection)?;
        let pool = self.pool()?;
        let listed = pool.install(|| {
            sources
                .par_iter()
                .map(|source| {
                    let mut notes = Vec::new();
                    let repositories = self.ready(source, Writes::No).and_then(|ready| {
                        notes.clone_from(&ready.findings);
                        let Listing {
                            repositories,
                            notes: more,
                            ..
                        } = list(
                            &source.title,
                            &*ready.session,
                            &ready.services,
                            self.config.options.backup.max_repositories,
                            observer,
                        )?;
                        notes.extend(more);
                        let decided = repositories.into_iter().map(|repository| {
                            let decision = ready.filter.decide(repository.full_name.raw());
                            (repository, decision)
                        });
                        let decided: Vec<_> = decided.collect();
                        notes.extend(of_filter(&ready.filter));
                        let empty = nothing_listed(decided.len(), &notes);
                        notes.extend(empty);
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

    fn select(&self, selection: &Selection) -> Result<Vec<&Source>, RunError> {
        let has = |title: &String| self.config.sources.iter().any(|s| s.title == *title);
        if let Some(title) = selection.sources.iter().find(|title| !has(title)) {
            return Err(RunError::UnknownSource {
                title: title.clone(),
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
                RunError::folder(
                    Failure::new(ErrorKind::Other, format!("cannot start threads: {error}"))
                        .with_hint("lower --jobs, or raise the limit on processes"),
                )
            })
    }
}
