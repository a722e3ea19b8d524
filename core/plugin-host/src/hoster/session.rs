//! A source's session: the worker process that its plugin runs in, and the object in it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use forgekeep_failure::{ErrorKind, Failure, Finding, Told};
use forgekeep_hoster::{
    Access as HosterAccess, CheckReport, Cursor, Page, Part, Presence, Repository, Session,
    SourceSpec, TargetSession,
};
use forgekeep_plugin_documents as documents;
use forgekeep_plugin_documents::{
    Access, AccessRequest, CheckRequest, Concern, Deed, Document, Findings, ListRequest,
    LookupRequest, Opened, method, write,
};
use forgekeep_untrusted::{REDACTED, Redactor, Untrusted};
use parking_lot::Mutex;

use super::ask::{NoAnswer, ask};
use super::gate::Gate;
use super::notes::Notes;
use super::services::HostServices;
use super::ways::Ways;
use super::{Unusable, convert, hello};
use crate::broken::{Blame, Broken, How};
use crate::client::{NoWorker, WorkerSettings, Workers};
use crate::in_process::InProcess;
use crate::library::{Library, PluginFile, Sha256};
use crate::limits::SourceLimits;
use crate::plugin::Plugin;
use crate::unfit::Unfit;

/// How often a question is put, where it is not to blame for the end of its process.
const TRIES: usize = 3;

/// Where a source's plugin runs.
pub(super) enum Runner {
    /// In processes of its own, one after the other.
    Worker(Arc<Workers>),
    /// In this process.
    InProcess(Arc<InProcess>),
}

impl Runner {
    /// In a process of its own, which is not started yet.
    pub(super) fn worker(settings: WorkerSettings) -> Self {
        Self::Worker(Arc::new(Workers::new(settings)))
    }

    /// In this process.
    pub(super) fn in_process(file: &Path, sha256: Sha256) -> Result<Self, Unfit> {
        let file = PluginFile::examine(file)?.expect(sha256)?;
        let library = Library::load(file)?;
        let limits = Arc::<SourceLimits>::default();
        Ok(Self::InProcess(Arc::new(InProcess::new(library, limits))))
    }

    fn current(&self) -> Result<Running, NoWorker> {
        Ok(match self {
            Self::Worker(workers) => {
                let worker = workers.current()?;
                let generation = worker.generation();
                Running {
                    plugin: worker,
                    generation,
                }
            }
            Self::InProcess(plugin) => Running {
                plugin: Arc::clone(plugin) as _,
                generation: 0,
            },
        })
    }
}

/// A plugin that runs. Objects are those of one generation.
#[derive(Clone)]
struct Running {
    plugin: Arc<dyn Plugin>,
    generation: u64,
}

/// What was done with the running plugin so far.
#[derive(Default)]
struct Progress {
    /// The one that has said hello.
    greeted: Option<Running>,
    /// The object that stands for the source in it.
    object: Option<u64>,
}

/// A source's session.
pub(super) struct PluginSession {
    plugin: String,
    /// The source's document and the bytes beside it. They hold its secrets.
    source: (Vec<u8>, Vec<u8>),
    runner: Runner,
    progress: Mutex<Progress>,
    gate: Gate,
    pub(super) ways: Ways,
    pub(super) services: HostServices,
    /// Identity and name, as the plugin gave them, of the repositories in which there is a secret: by the
    /// identity that the engine knows.
    originals: Mutex<HashMap<Untrusted, (String, String)>>,
    /// What there is to say of where the plugin runs.
    remark: Option<Finding>,
    /// What the listing has said so far.
    notes: Mutex<Notes>,
    /// What has ended the whole source.
    pub(super) ended: Mutex<Option<Failure>>,
    /// Ends the process when the run is interrupted.
    _told: Option<Told>,
}

impl PluginSession {
    /// A session, of which nothing is started.
    pub(super) fn new(
        plugin: String,
        source: &SourceSpec,
        services: HostServices,
        runner: Runner,
        concurrency: usize,
        remark: Option<Finding>,
    ) -> Self {
        let told = match &runner {
            Runner::Worker(workers) => {
                let workers = Arc::downgrade(workers);
                Some(services.of_run().cancel.tell(move || {
                    if let Some(workers) = workers.upgrade() {
                        workers.stop();
                    }
                }))
            }
            Runner::InProcess(_) => None,
        };
        Self {
            services,
            ways: Ways::of(&plugin, source),
            plugin,
            source: convert::source(source).to_wire(),
            runner,
            progress: Mutex::default(),
            gate: Gate::new(concurrency),
            originals: Mutex::default(),
            remark,
            notes: Mutex::default(),
            ended: Mutex::default(),
            _told: told,
        }
    }

    pub(super) fn redactor(&self) -> &Redactor {
        &self.services.of_run().redactor
    }

    /// The plugin, started and greeted.
    fn running(&self, progress: &mut Progress) -> Result<Running, NoAnswer> {
        let current = self.runner.current().map_err(|error| match error {
            NoWorker::Broken(broken) => NoAnswer::Broken(broken),
            NoWorker::Unfit(unfit) => unusable(&self.plugin, Unusable::Unfit(unfit)),
        })?;
        if let Some(greeted) = &progress.greeted
            && greeted.generation == current.generation
        {
            return Ok(greeted.clone());
        }
        *progress = Progress::default();
        hello(&*current.plugin).map_err(|why| unusable(&self.plugin, why))?;
        progress.greeted = Some(current.clone());
        Ok(current)
    }

    /// The object that stands for the source, in a plugin that runs.
    fn open(&self) -> Result<(Running, u64), NoAnswer> {
        let mut progress = self.progress.lock();
        let running = self.running(&mut progress)?;
        if let Some(object) = progress.object {
            return Ok((running, object));
        }
        let (doc, body) = &self.source;
        let opened: Opened = self.put(&running, 0, method::OPEN, doc, body)?;
        progress.object = Some(opened.object);
        Ok((running, opened.object))
    }

    /// Puts a question. Where a request of the plugin was made once only, as it may have done its work,
    /// that is part of why there is no answer.
    fn put<T: Document>(
        &self,
        running: &Running,
        object: u64,
        method: &str,
        doc: &[u8],
        body: &[u8],
    ) -> Result<T, NoAnswer> {
        let services = self.services.for_call();
        let mut answered = ask(&*running.plugin, object, method, doc, body, &services);
        if let (Err(NoAnswer::Error(error)), Some(sent)) = (&mut answered, services.sent_once()) {
            error.message.push_str(&format!(
                "; the plugin {} sent it in `{method}`, and it was not repeated, since it may have \
                 done its work: {sent}",
                self.plugin
            ));
        }
        answered
    }

    /// Asks the source's object.
    pub(super) fn ask<T: Document>(&self, method: &'static str, doc: &[u8]) -> Result<T, Failure> {
        self.call(|| {
            let (running, object) = self.open()?;
            self.put(&running, object, method, doc, b"")
        })
    }

    /// A call, put once more where it is not to blame for having no answer.
    fn call<T>(&self, call: impl Fn() -> Result<T, NoAnswer>) -> Result<T, Failure> {
        let cancel = &self.services.of_run().cancel;
        for last in (0..TRIES).rev() {
            if let Some(failure) = &*self.ended.lock() {
                return Err(failure.clone());
            }
            let inside = self.gate.enter(cancel)?;
            let answered = call();
            drop(inside);
            let why = match answered {
                Ok(answer) => return Ok(answer),
                Err(why) => why,
            };
            match &why {
                NoAnswer::Broken(broken) if last > 0 && is_worth_another(broken) => {
                    if broken.blame == Blame::Unknown {
                        self.gate.narrow();
                    }
                    log::debug!("{}: {broken}; it is asked again", self.plugin);
                    continue;
                }
                _ => {}
            }
            let ends_all = ends_source(&why);
            let failure = why.into_failure(&self.plugin, self.redactor());
            let failure = cancel.explain(failure);
            if ends_all {
                *self.ended.lock() = Some(failure.clone());
            }
            return Err(failure);
        }
        // Not reached: the last time round returns.
        Err(Failure::cancelled())
    }

    fn remember(&self, page: &documents::Page) {
        let redactor = self.redactor();
        let mut originals = self.originals.lock();
        for repository in &page.repositories {
            let original = [&repository.id, &repository.full_name];
            if original.iter().any(|text| redactor.finds(text)) {
                let [id, name] = original.map(Clone::clone);
                originals.insert(redactor.clean(&id).into_owned().into(), (id, name));
            }
        }
    }
}

/// Whether a call that came to nothing was not to blame, so that it may be put once more.
fn is_worth_another(broken: &Broken) -> bool {
    let is_over = matches!(broken.how, How::Stopped | How::Spent { .. });
    !is_over && matches!(broken.blame, Blame::Another | Blame::Unknown)
}

/// Whether an error ends the source: the next repository fares no better.
fn ends_source(why: &NoAnswer) -> bool {
    match why {
        NoAnswer::Error(error) => error.concerns == Concern::Source && error.permanent,
        NoAnswer::Broken(broken) => matches!(broken.how, How::Spent { .. }),
        NoAnswer::Refused { .. } => false,
    }
}

/// Why a plugin that could be used a moment ago cannot be used now.
fn unusable(plugin: &str, why: Unusable) -> NoAnswer {
    match why {
        Unusable::Broken(broken) => NoAnswer::Broken(broken),
        why => {
            let message = format!("the plugin {plugin} cannot be started: {why}");
            let error = documents::HosterError::new(documents::ErrorKind::Plugin, message);
            let error = error.with_hint(why.hint()).about(Concern::Source);
            NoAnswer::Error(Box::new(error))
        }
    }
}

/// The end of a source whose plugin cannot be loaded.
pub(super) fn unfit(plugin: &str, unfit: &Unfit) -> Failure {
    Failure::new(
        ErrorKind::PluginMissing,
        format!("the plugin {plugin}: {unfit}"),
    )
    .with_hint(unfit.hint())
}

impl Session for PluginSession {
    fn validate(&self) -> Result<Vec<Finding>, Failure> {
        let (doc, body) = &self.source;
        let found: Findings = self.call(|| {
            let running = self.running(&mut self.progress.lock())?;
            self.put(&running, 0, method::VALIDATE, doc, body)
        })?;
        let redactor = self.redactor();
        let mut findings = Notes::all(&found.findings, redactor);
        findings.extend(self.remark.clone());
        Ok(findings)
    }

    fn check(&self) -> Result<CheckReport, Failure> {
        let report: documents::CheckReport =
            self.ask(method::CHECK, &write(&CheckRequest::default()))?;
        let findings = Notes::all(&report.findings, self.redactor());
        Ok(convert::check_report(&report, findings, self.redactor()))
    }

    fn page(&self, cursor: Option<&Cursor>) -> Result<Page, Failure> {
        let request = ListRequest {
            cursor: cursor.map(|cursor| cursor.as_str().to_owned()),
        };
        let page: documents::Page = self.ask(method::LIST, &write(&request))?;
        self.remember(&page);
        let mut notes = self.notes.lock();
        if cursor.is_none() {
            *notes = Notes::default();
        }
        let said = notes.of_page(&page, self.redactor());
        Ok(convert::page(page, said, self.redactor()))
    }

    fn lookup(&self, id: &Untrusted, full_name: &Untrusted) -> Result<Presence, Failure> {
        let original = self.originals.lock().get(id).cloned();
        let (id, full_name) = match original {
            Some(original) => original,
            // Asked for by a name that is none of its own, the hoster would say that it is gone.
            None if id.raw().contains(REDACTED) => {
                let message = "its identity held a secret, and is not kept";
                return Err(Failure::new(ErrorKind::Policy, message));
            }
            None => (id.raw().to_owned(), full_name.raw().to_owned()),
        };
        let request = LookupRequest {
            id,
            full_name,
            ..LookupRequest::default()
        };
        let presence: documents::Presence = self.ask(method::LOOKUP, &write(&request))?;
        let redactor = self.redactor();
        Ok(match presence {
            documents::Presence::Present(found) => {
                Presence::There(Box::new(convert::repository(*found, redactor)))
            }
            documents::Presence::Hidden => Presence::Hidden,
            documents::Presence::Deleted { proof } => Presence::Deleted {
                proof: convert::text(&proof, redactor),
            },
        })
    }

    fn access(
        &self,
        repository: &Repository,
        part: &Part,
        refused_before: bool,
    ) -> Result<HosterAccess, Failure> {
        let original = self.originals.lock().get(&repository.id).cloned();
        let (id, full_name) = original.unwrap_or_else(|| {
            let raw = |text: &Untrusted| text.raw().to_owned();
            (raw(&repository.id), raw(&repository.full_name))
        });
        let request = AccessRequest {
            id,
            handle: repository.handle.raw().to_owned(),
            full_name,
            part: convert::part_ref(part),
            url: part.url.raw().to_owned(),
            deed: Deed::Fetch,
            refused_before,
        };
        let access: Access = self.ask(method::ACCESS, &write(&request))?;
        let scope = &self.services.of_run().scope;
        self.ways.access(access, part.url.raw(), scope)
    }

    fn target(&self) -> Option<&dyn TargetSession> {
        Some(self)
    }
}

impl Drop for PluginSession {
    fn drop(&mut self) {
        let progress = self.progress.get_mut();
        if let (Some(running), Some(object)) = (&progress.greeted, progress.object) {
            running.plugin.drop_object(object);
        }
        if let Runner::Worker(workers) = &self.runner {
            let left_out = workers.limits().lines_left_out();
            if left_out > 0 {
                log::warn!(
                    "{}: {left_out} more lines of its log were left out",
                    self.plugin
                );
            }
            workers.stop();
        }
    }
}
