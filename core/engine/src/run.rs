//! Runs: a backup, a list, a check. Here the rooms of the engine are put in a row.

mod beside;
mod check;
mod error;
mod folder;
mod planner;
mod sources;
mod target;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use beside::{SOURCES_AT_ONCE, no_threads};
use forgekeep_config::filter::Decision;
use forgekeep_config::{Config, Source};
use forgekeep_durable::lock_wait;
use forgekeep_failure::{Cancel, Failure, Finding};
use forgekeep_git::{libgit2, memory};
use forgekeep_hoster::{Registry, Repository};
use forgekeep_http::{
    Client, ConcurrencyLimit, CredentialGuard, MadeBy, OnWait, Proxies, RateLimit, RequestCounts,
    RetryPolicy, Retrying, Settings, Wait,
};
use forgekeep_protocol::set_pack_limits;
use forgekeep_queue::Limits;
use forgekeep_store::history::{self, Run};
use forgekeep_store::layout;
use forgekeep_store::report::{Report, Requests, SourceReport};
use forgekeep_untrusted::{Printable, Redactor};
use forgekeep_upload_pack as upload_pack;
use jiff::Timestamp;
use parking_lot::Mutex;
use planner::Planner;
use sources::{Writes, nothing_listed, of_filter};

use crate::completeness::Listings;
use crate::event::{Event, Observer};
use crate::execute::Execution;
use crate::listing::list;
use crate::plan::{Plan, Task};
use crate::source::RunSource;
use crate::tombstones::{self, Tombstones};
use crate::versions::{Asking, Done};
use crate::{alert, permissions, source_state, versions};

pub use check::{Checked, CheckedSource};
pub use error::RunError;
pub use target::OpenTarget;

/// A configured engine.
pub struct Engine {
    config: Config,
    registry: Registry,
    client: Client,
    retrying: Retrying<RateLimit<ConcurrencyLimit<Client>>>,
    retry_policy: RetryPolicy,
    /// What all that is fetched by a program shares.
    upload_packs: upload_pack::Run,
    observer: Arc<dyn Observer>,
    cancel: Cancel,
    limits: Limits,
    /// Knows the secrets of all sources: one's may come back in an answer to another.
    redactor: Arc<Redactor>,
    guard: CredentialGuard,
    accept_shrinkage: bool,
    accept_folder: bool,
    lock_wait: Duration,
    /// Where it is remembered which folder was used.
    state_folder: Option<PathBuf>,
    /// Requests by title of the source.
    counts: Mutex<BTreeMap<String, RequestCounts>>,
    ask_all: bool,
}

/// What to back up, and how.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Titles of sources; none for all.
    pub sources: Vec<String>,
}

/// Repositories with what the filters say of each, or why there are none.
pub type Decided = Result<Vec<(Box<Repository>, Decision)>, Failure>;

/// A source listed, for `forgekeep list`.
pub struct ListedSource {
    /// Title in the configuration.
    pub title: String,
    /// Hoster in the configuration.
    pub hoster: String,
    /// Its repositories with what the filters say of each, or why there are none.
    pub repositories: Decided,
    /// What there is to say.
    pub notes: Vec<Finding>,
}

/// Why a repository would not be backed up, if so.
pub fn left_out(repository: &Repository, decision: Decision) -> Option<Printable> {
    let by_filter = decision.why().map(Into::into);
    by_filter.or_else(|| repository.skip.clone())
}

impl Engine {
    /// An engine for a configuration, without a proxy. `jobs` overrides the configuration's;
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
        let limits = &config.options.limits;
        memory::set_limit(limits.object_bytes);
        set_pack_limits(limits.pack_bytes, limits.objects_per_pack);
        let jobs = jobs.unwrap_or(config.options.backup.jobs).max(1);
        let network = &config.options.network;
        let limits = Limits {
            transfers: jobs,
            questions: network.ref_questions.max(1),
        };
        // What one host bears: as many questions, and never fewer transfers than there are jobs.
        let most_per_host = limits.transfers.max(limits.questions);
        let most_per_host = network.connections_per_host.unwrap_or(most_per_host);
        let of_proxies = proxies.secrets();
        let settings = Settings {
            connect: network.connect,
            stall: network.stall,
            connections: limits.workers() + SOURCES_AT_ONCE,
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
        let concurrent = ConcurrencyLimit::new(client.clone(), Some(most_per_host), cancel.clone());
        let rated = RateLimit::new(
            concurrent,
            network.requests_per_hour,
            cancel.clone(),
            Arc::clone(&on_wait),
        );
        let upload_packs = upload_pack::Run {
            hosts: upload_pack::SshHosts::new(network.ssh_connections_per_host),
            connect: network.connect,
            stall: network.stall,
            cancel: cancel.clone(),
        };
        let retrying = Retrying::new(rated, retry_policy, cancel.clone(), on_wait);
        Self {
            config,
            registry,
            client,
            retrying,
            retry_policy,
            upload_packs,
            observer,
            cancel,
            limits,
            redactor,
            guard,
            accept_shrinkage: false,
            accept_folder: false,
            lock_wait: Duration::ZERO,
            state_folder: None,
            counts: Mutex::default(),
            ask_all: false,
        }
    }

    /// Counts the requests of a source.
    fn counts_of(&self, title: &str) -> RequestCounts {
        self.counts
            .lock()
            .entry(title.to_owned())
            .or_default()
            .clone()
    }

    /// Says in a source's report how many requests it has made.
    fn add_requests(&self, report: &mut SourceReport) {
        let counts = self.counts_of(&report.title);
        report.requests = Some(Requests {
            api: counts.made(MadeBy::Plugin),
            git: counts.made(MadeBy::Host),
            api_remaining: counts.remaining(),
        });
    }

    /// Whether a listing that falls short is accepted, and remembered as the one to compare with.
    #[must_use]
    pub fn accepting_shrinkage(mut self, accept: bool) -> Self {
        self.accept_shrinkage = accept;
        self
    }

    /// Remembers in the user's folder for state which backup folder was used, and refuses one that is empty or
    /// another one now, unless that is accepted.
    #[must_use]
    pub fn knowing_folder(mut self, state: Option<PathBuf>, accept: bool) -> Self {
        self.state_folder = state;
        self.accept_folder = accept;
        self
    }

    /// How long it waits for the lock of another run.
    #[must_use]
    pub fn waiting_for_lock(mut self, most: Duration) -> Self {
        self.lock_wait = most;
        self
    }

    /// How long it waits for the network, while no host answers at all.
    #[must_use]
    pub fn waiting_for_network(mut self, most: Duration) -> Self {
        self.retrying = self.retrying.waiting_for_network(most);
        self
    }

    /// Whether git is asked for every repository, also where the hoster's listing proves that it has not
    /// changed.
    #[must_use]
    pub fn asking_all(mut self, all: bool) -> Self {
        self.ask_all = all;
        self
    }

    /// When git is asked in a run that begins now.
    fn asking(&self, now: Timestamp, previous: Option<Timestamp>) -> Asking {
        Asking {
            all: self.ask_all,
            full_check_days: self.config.options.backup.full_check_days,
            now,
            previous,
        }
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
        let lock = layout::lock_file(&self.config.local_folder);
        let _lock = lock_wait::take(&lock, self.lock_wait, &self.cancel)?;
        self.remember_folder();
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
        tombstones::remove_leftovers(&self.config.local_folder);
        let execution = Execution::new(&self.config.local_folder, self.limits, observer);
        let cases = Some(&execution.cases);
        let asking = self.asking(started, run.previous);
        let mut planner = Planner::new(self, sources, cases, listings, asking, observer);
        let ask = |source: &Source| {
            let index = sources.iter().position(|of| std::ptr::eq(*of, source));
            let early = index.map(|index| (index, &execution));
            self.list_source(source, Writes::Yes, observer, early)
        };
        // Listing, planning and mirroring go on side by side: each source as soon as it is listed.
        self.beside(sources, ask, |listed| {
            planner.look_at_disk(&pool);
            execution.know_in_backup(planner.in_backup());
            execution.run(&pool, || {
                let add = |planner: &Planner<'_>, tasks: Vec<Task>| {
                    let jobs = tasks.into_iter().filter_map(|task| planner.job(task));
                    execution.add(jobs.collect());
                };
                for (index, answer) in listed {
                    let tasks = planner.listed(index, answer);
                    add(&planner, tasks);
                    execution.early.forget(index);
                }
                let tasks = planner.all_listed();
                add(&planner, tasks);
            });
        })?;
        let (mut all, moved) = planner.finish();
        let interrupted = self.cancel.is_cancelled();
        let mut done: Vec<Vec<Done>> = all.iter().map(|_| Vec::new()).collect();
        for of in execution.into_done() {
            done[of.source].push(of);
        }
        let most = self.config.options.backup.max_repositories;
        for (source, done) in all.iter_mut().zip(done) {
            versions::conclude(source, done, asking, most, !interrupted, observer);
        }
        if !interrupted {
            self.tombstones(started, run).mark(&mut all, &moved);
        }
        for source in &mut all {
            let options = &self.config.options.alert;
            alert::raise(options, &mut source.report, source.newly_gone, observer);
        }
        permissions::warn(&self.config, &mut all, observer);
        let mut reports: Vec<_> = all.into_iter().map(RunSource::conclude).collect();
        for report in &mut reports {
            self.add_requests(report);
        }
        Ok(Report::conclude(started, interrupted, reports))
    }

    /// What the sources listed in earlier runs.
    fn listings(&self) -> Listings {
        Listings::read(&self.config.local_folder, self.accept_shrinkage)
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
        let asking = self.asking(Timestamp::now(), None);
        let mut planner = Planner::new(self, &sources, None, self.listings(), asking, observer);
        planner.look_at_disk(&pool);
        let answers = self.ask_all(&sources, |source| {
            self.list_source(source, Writes::No, observer, None)
        })?;
        let mut plan = Plan::default();
        for (index, answer) in answers.into_iter().enumerate() {
            plan.tasks.extend(planner.listed(index, answer));
        }
        plan.tasks.extend(planner.all_listed());
        plan.order();
        let (all, _) = planner.finish();
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
        let answers = self.ask_all(&sources, |source| Ok(self.list_one(source, observer)))?;
        let listed = sources.iter().zip(answers).map(|(source, answer)| {
            let (repositories, notes) = match answer {
                Ok((repositories, notes)) => (repositories, notes),
                Err(failure) => (Err(failure), Vec::new()),
            };
            ListedSource {
                title: source.title.clone(),
                hoster: source.hoster.clone(),
                repositories,
                notes,
            }
        });
        Ok(listed.collect())
    }

    /// What a source lists, and what there is to say, also if it fails on the way.
    fn list_one(&self, source: &Source, observer: &dyn Observer) -> (Decided, Vec<Finding>) {
        let mut notes = Vec::new();
        let repositories = self.ready(source, Writes::No).and_then(|ready| {
            notes.clone_from(&ready.findings);
            let most = self.config.options.backup.max_repositories;
            let (session, services) = (&*ready.session, &ready.services);
            let listing = list(&source.title, session, services, most, observer, |_| ())?;
            notes.extend(listing.notes);
            let errors = listing.owners.into_iter().filter_map(|seen| seen.error);
            notes.extend(errors.map(planner::error_note));
            let decided = listing.repositories.into_iter().map(|repository| {
                let decision = ready.filter.decide(&repository.facts());
                (repository, decision)
            });
            let decided: Vec<_> = decided.collect();
            notes.extend(of_filter(&ready.filter));
            let empty = nothing_listed(decided.len(), &notes);
            notes.extend(empty);
            Ok(decided)
        });
        (repositories, notes)
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

    /// The threads that mirror. They wait for transfers and questions, and how many of these are under
    /// way the queue says.
    fn pool(&self) -> Result<rayon::ThreadPool, RunError> {
        rayon::ThreadPoolBuilder::new()
            .num_threads(self.limits.workers())
            .thread_name(|n| format!("worker-{n}"))
            .build()
            .map_err(|error| no_threads(&error))
    }
}
