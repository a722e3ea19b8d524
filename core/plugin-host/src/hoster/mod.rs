//! A plugin as one of the engine's hosters: documents over bytes.
//!
//! [`PluginHoster::meet`] says hello to a plugin, in a worker process without secrets, and reads its
//! manifest. A source then gets a session ([`session`]): a worker process of its own, in which one
//! object stands for the source, and [`services`] for what the plugin asks of the host. [`convert`] is
//! the one place where what comes from a plugin becomes a value of the engine's; there it is cleaned.

mod ask;
mod convert;
mod gate;
mod keep;
mod manifest;
mod notes;
mod services;
mod session;
mod target;
mod unusable;
mod ways;

use std::path::Path;
use std::sync::Arc;

use ask::{Nobody, ask};
use forgekeep_config::Isolation;
use forgekeep_failure::{ErrorKind, Failure, Finding, Severity};
use forgekeep_hoster::{Hoster, HosterInfo, Services, Session, SourceSpec, SourceState};
use forgekeep_plugin_documents::{
    Done, Hello, HelloRequest, Manifest, PROTOCOL, Protocols, method, write,
};
use forgekeep_untrusted::{Printable, Redactor};
use services::HostServices;
use session::PluginSession;
pub use unusable::Unusable;

use crate::client::{WorkerProgram, WorkerSettings, Workers};
use crate::confine::{Confinement, ConfinementMode};
use crate::library::{PluginFile, Sha256};
use crate::plugin::Plugin;

/// How plugins are started.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    /// What runs as the worker.
    pub program: WorkerProgram,
    /// Whether workers are confined.
    pub confinement: ConfinementMode,
}

/// What is known of a plugin beside what its manifest says.
#[derive(Clone, Debug)]
pub struct About {
    /// Hash of its file, as the host has read it.
    pub sha256: Sha256,
    /// The protocol that is spoken with it.
    pub protocol: u32,
    /// The SDK that it was built with; empty where it does not say.
    pub sdk: Printable,
    /// Processor and system that it was built for; empty where it does not say.
    pub target: Printable,
    /// How many calls for one source it takes at a time.
    pub concurrency: usize,
    /// What its process is confined to.
    pub confinement: Confinement,
}

/// A plugin, as a hoster.
pub struct PluginHoster {
    info: HosterInfo,
    about: About,
    launch: Launch,
}

impl PluginHoster {
    /// Says hello to the plugin in a file, in a worker process without secrets, and reads its manifest.
    /// The process is gone when this returns.
    ///
    /// # Errors
    ///
    /// It cannot be used.
    pub fn meet(path: &Path, sha256: Sha256, launch: &Launch) -> Result<Self, Unusable> {
        let workers = Workers::new(WorkerSettings {
            sha256: Some(sha256),
            program: launch.program.clone(),
            confinement: launch.confinement,
            ..WorkerSettings::new(path)
        });
        let worker = workers.current()?;
        let (protocol, hello) = hello(&*worker)?;
        let nothing = Redactor::default();
        let manifest: Manifest = ask(
            &*worker,
            0,
            method::MANIFEST,
            &write(&Done::default()),
            b"",
            &Nobody,
        )
        .map_err(|why| why.of_plugin(method::MANIFEST, &nothing))?;
        let mut info = manifest::read(&manifest).map_err(Unusable::BadManifest)?;
        path.clone_into(&mut info.file);
        info.sha256 = sha256.to_string();
        check_name(&info, path)?;
        let text = |text: &str| convert::text(text, &nothing);
        let about = About {
            sha256,
            protocol,
            sdk: text(&hello.built.sdk),
            target: text(&hello.built.target),
            concurrency: usize::try_from(manifest.concurrency)
                .unwrap_or(1)
                .clamp(1, MOST_CALLS),
            confinement: worker.confinement(),
        };
        workers.stop();
        Ok(Self {
            info,
            about,
            launch: launch.clone(),
        })
    }

    /// What is known of it beside its manifest.
    pub fn about(&self) -> &About {
        &self.about
    }

    fn worker_settings(&self, source: &SourceSpec) -> WorkerSettings {
        WorkerSettings {
            sha256: Some(self.about.sha256),
            program: self.launch.program.clone(),
            confinement: self.launch.confinement,
            environment: source.environment.iter().map(Into::into).collect(),
            ..WorkerSettings::new(&self.info.file)
        }
    }
}

/// Calls for one source that are let in at a time at most: a worker answers with so many threads.
const MOST_CALLS: usize = 64;

impl Hoster for PluginHoster {
    fn info(&self) -> &HosterInfo {
        &self.info
    }

    fn open(
        &self,
        source: SourceSpec,
        services: Services,
        state: Arc<dyn SourceState>,
    ) -> Result<Box<dyn Session>, Failure> {
        let id = self.info.id.clone();
        let (runner, remark) = match source.isolation {
            Isolation::Process => {
                let runner = session::Runner::worker(self.worker_settings(&source));
                (runner, unconfined(&id, &self.about.confinement))
            }
            Isolation::InProcess if self.launch.confinement == ConfinementMode::Require => {
                return Err(Failure::new(
                    ErrorKind::Config,
                    "`isolation: inProcess` is not possible with `plugins.confinement: require`: a plugin inside forgekeep is not confined",
                )
                .with_hint("remove one of the two"));
            }
            Isolation::InProcess => {
                let runner = session::Runner::in_process(&self.info.file, self.about.sha256)
                    .map_err(|unfit| session::unfit(&id, &unfit))?;
                (runner, Some(in_process(&id)))
            }
        };
        let services = HostServices::new(id.clone(), services, state);
        let concurrency = self.about.concurrency;
        let session = PluginSession::new(id, &source, services, runner, concurrency, remark);
        Ok(Box::new(session))
    }
}

/// What there is to say in each run of a plugin that is not confined in all ways there are.
fn unconfined(id: &str, confinement: &Confinement) -> Option<Finding> {
    if confinement.is_whole() {
        return None;
    }
    let why = match confinement.missing() {
        missing if missing.is_empty() => "`plugins.confinement` is `off`".to_owned(),
        missing => missing,
    };
    let message = format!("the process of the plugin {id} is not confined: {why}");
    Some(Finding {
        severity: Severity::Info,
        ..Finding::warning(message)
    })
}

/// What there is to say in each run of a plugin without a process of its own.
fn in_process(id: &str) -> Finding {
    let message = format!(
        "the plugin {id} runs inside forgekeep, which it can end or read: `isolation: inProcess` is for debugging"
    );
    let mut warning = Finding::warning(message);
    warning.key = "isolation".into();
    warning.hint = "remove isolation from this source".into();
    warning
}

/// The first call to each worker: what is spoken with it.
fn hello(plugin: &dyn Plugin) -> Result<(u32, Hello), Unusable> {
    let request = HelloRequest {
        protocols: Protocols::ours(),
        features: Vec::new(),
        host: concat!("forgekeep ", env!("CARGO_PKG_VERSION")).to_owned(),
    };
    let hello: Hello = ask(plugin, 0, method::HELLO, &write(&request), b"", &Nobody)
        .map_err(|why| why.of_plugin(method::HELLO, &Redactor::default()))?;
    let Some(protocol) = Protocols::ours().common(&hello.protocols) else {
        return Err(Unusable::OtherProtocol {
            from: hello.protocols.from,
            to: hello.protocols.to,
            ours: PROTOCOL,
        });
    };
    match hello.built.panic.as_str() {
        "abort" => Err(Unusable::Aborts),
        _ => Ok((protocol, hello)),
    }
}

/// A file is found by the id in its name: that of its plugin, or an alias.
fn check_name(info: &HosterInfo, path: &Path) -> Result<(), Unusable> {
    match PluginFile::id_in_name(path) {
        Some(named) if named != info.id && !info.aliases.contains(&named) => {
            Err(Unusable::WrongName {
                id: info.id.clone(),
                named,
            })
        }
        _ => Ok(()),
    }
}
