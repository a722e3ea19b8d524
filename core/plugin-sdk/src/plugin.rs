//! A hoster as the host sees it: methods by name, documents in and out, objects by number.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use forgekeep_plugin_documents::{
    AccessRequest, Built, CheckRequest, ConfigureRequest, CreateRequest, Document, Done, ErrorKind,
    ExportRequest, Findings, Hello, HelloRequest, HosterError, ListRequest, LookupRequest,
    Manifest, Opened, Protocols, Purpose, Refused, RemoveRequest, Severity, Source, method, parse,
    write,
};
use parking_lot::{Condvar, Mutex};
use serde::Serialize;

use crate::hold;
use crate::host::Host;
use crate::hoster::{Hoster, Target};
use crate::panics::{Guarded, guarded};
use crate::session::Session;
use crate::ssh::ssh_access;
use crate::wire::{Incoming, Line, Outgoing};

/// What stands for the id of a plugin that has not said it yet.
const NOT_YET_KNOWN: &str = "(not yet known)";

/// A hoster, and the sources that are open.
pub struct Plugin<H> {
    hoster: Mutex<Option<Arc<H>>>,
    id: OnceLock<String>,
    objects: Mutex<HashMap<u64, Arc<Object>>>,
    next: AtomicU64,
}

/// A source that is open.
struct Object {
    source: Source,
    /// `None` after a panic: the next call opens another one.
    session: Mutex<Option<Session>>,
    gate: Gate,
}

impl Object {
    /// The host with the session. Calls that come while it is opened wait for it, and get the same.
    fn host<'call, H: Hoster>(
        &self,
        hoster: &H,
        line: Line<'call>,
    ) -> Result<Host<'call>, HosterError> {
        let mut session = self.session.lock();
        if let Some(session) = &*session {
            return Ok(Host::new(line, session.clone()));
        }
        let host = Host::new(line, Session::none());
        let opened = hoster.open(&self.source, &host)?;
        *session = Some(opened.clone());
        Ok(host.with_session(opened))
    }
}

/// Lets so many in at a time.
struct Gate {
    most: usize,
    inside: Mutex<usize>,
    left: Condvar,
}

struct Inside<'gate>(&'gate Gate);

impl Gate {
    fn enter(&self) -> Inside<'_> {
        let mut inside = self.inside.lock();
        while *inside >= self.most {
            self.left.wait(&mut inside);
        }
        *inside += 1;
        Inside(self)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        *self.0.inside.lock() -= 1;
        self.0.left.notify_one();
    }
}

/// Whose call it was, and what came of it.
type Answered = Result<Outgoing, HosterError>;

impl<H: Hoster + Default> Default for Plugin<H> {
    fn default() -> Self {
        Self {
            hoster: Mutex::new(None),
            id: OnceLock::new(),
            objects: Mutex::new(HashMap::new()),
            next: AtomicU64::new(1),
        }
    }
}

impl<H: Hoster + Default> Plugin<H> {
    /// Answers a call. Never panics.
    pub(crate) fn call(
        &self,
        incoming: &Incoming<'_>,
        line: Line<'_>,
    ) -> Result<Outgoing, Outgoing> {
        let answered = if incoming.object == 0 {
            self.guard(incoming.method, || self.ask_plugin(incoming, line))
        } else {
            self.ask_object(incoming, line)
        };
        answered.map_err(|mut error| {
            hold::error(&mut error);
            Outgoing {
                document: write(&error),
                body: Vec::new(),
            }
        })
    }

    /// Forgets an object. Never panics.
    pub(crate) fn drop_object(&self, object: u64) {
        let gone = self.objects.lock().remove(&object);
        // What the plugin's own code does when it is dropped is under guard, and has no answer.
        let _ = guarded(self.id(), "drop", || drop(gone));
    }

    fn id(&self) -> &str {
        self.id.get().map_or(NOT_YET_KNOWN, String::as_str)
    }

    fn guard(&self, method: &str, call: impl FnOnce() -> Answered) -> Answered {
        match guarded(self.id(), method, call) {
            Guarded::Returned(answered) => answered,
            Guarded::Panicked(error) => Err(error),
        }
    }

    /// The hoster. It is made by the first call that needs it, under guard; one that could not be made
    /// is made by the next.
    fn hoster(&self) -> Arc<H> {
        let mut hoster = self.hoster.lock();
        Arc::clone(hoster.get_or_insert_with(|| Arc::new(H::default())))
    }

    fn manifest(&self) -> Manifest {
        let hoster = self.hoster();
        let mut manifest = hoster.manifest();
        manifest.target |= hoster.target().is_some();
        let _ = self.id.set(manifest.id.clone());
        manifest
    }

    fn ask_plugin(&self, incoming: &Incoming<'_>, line: Line<'_>) -> Answered {
        match incoming.method {
            method::HELLO => {
                read::<HelloRequest>(incoming)?;
                result(&hello())
            }
            method::MANIFEST => {
                read::<Done>(incoming)?;
                result(&self.manifest())
            }
            method::VALIDATE => {
                let source = source(incoming)?;
                let mut findings = self.hoster().validate(&source);
                hold::notes(&mut findings);
                result(&Findings { findings })
            }
            method::OPEN => {
                let source = source(incoming)?;
                let most = usize::try_from(self.manifest().concurrency).unwrap_or(1);
                let host = Host::new(line, Session::none());
                let mut findings = self.hoster().validate(&source).into_iter();
                if let Some(flaw) = findings.find(|found| found.severity == Severity::Error) {
                    let error = HosterError::new(ErrorKind::Other, flaw.message);
                    return Err(error.with_hint(flaw.hint));
                }
                let session = self.hoster().open(&source, &host)?;
                let object = self.next.fetch_add(1, Ordering::Relaxed);
                let opened = Object {
                    source,
                    session: Mutex::new(Some(session)),
                    gate: Gate {
                        most: most.max(1),
                        inside: Mutex::new(0),
                        left: Condvar::new(),
                    },
                };
                self.objects.lock().insert(object, Arc::new(opened));
                result(&Opened { object })
            }
            unknown => Err(unsupported(unknown)),
        }
    }

    fn ask_object(&self, incoming: &Incoming<'_>, line: Line<'_>) -> Answered {
        let object = self.objects.lock().get(&incoming.object).cloned();
        let Some(object) = object else {
            return Err(HosterError::new(
                ErrorKind::Other,
                format!("there is no object {} in this plugin", incoming.object),
            ));
        };
        let _inside = object.gate.enter();
        let called = guarded(self.id(), incoming.method, || {
            let hoster = self.hoster();
            let host = object.host(&*hoster, line)?;
            ask_hoster(&*hoster, &object.source, incoming, &host)
        });
        match called {
            Guarded::Returned(answered) => answered,
            Guarded::Panicked(error) => {
                let spoiled = object.session.lock().take();
                let _ = guarded(self.id(), "drop", || drop(spoiled));
                Err(error)
            }
        }
    }
}

/// One method of an open source.
fn ask_hoster<H: Hoster>(
    hoster: &H,
    source: &Source,
    incoming: &Incoming<'_>,
    host: &Host<'_>,
) -> Answered {
    match incoming.method {
        method::LIST => {
            let request: ListRequest = read(incoming)?;
            let mut page = hoster.list(source, request.cursor.as_deref(), host)?;
            hold::page(&mut page);
            result(&page)
        }
        method::CHECK => {
            let request: CheckRequest = read(incoming)?;
            let mut report = match request.purpose {
                Purpose::Target => target(hoster)?.examine(source, &request, host)?,
                _ => hoster.check(source, &request, host)?,
            };
            hold::report(&mut report);
            result(&report)
        }
        method::ACCESS => {
            let request: AccessRequest = read(incoming)?;
            // Whoever asks for ssh has chosen the address; the way there is the same for every hoster.
            let by_ssh = match source.is_ssh() {
                true => ssh_access(&request)?,
                false => None,
            };
            let access = match by_ssh {
                Some(access) => access,
                None => hoster.access(source, &request, host)?,
            };
            result(&access)
        }
        method::LOOKUP => {
            let request: LookupRequest = read(incoming)?;
            let mut presence = hoster.lookup(source, &request, host)?;
            hold::presence(&mut presence);
            result(&presence)
        }
        method::EXPORT => {
            let request: ExportRequest = read(incoming)?;
            let mut export = hoster.export(source, &request, host)?;
            hold::notes(&mut export.page.notes);
            Ok(Outgoing {
                document: write(&export.page),
                body: export.content,
            })
        }
        method::CREATE => {
            let request: CreateRequest = read(incoming)?;
            let mut repository = target(hoster)?.create(source, &request, host)?;
            hold::repository(&mut repository);
            result(&repository)
        }
        method::CONFIGURE => {
            let request: ConfigureRequest = read(incoming)?;
            let mut notes = target(hoster)?.configure(source, &request, host)?;
            hold::notes(&mut notes);
            result(&Done { notes })
        }
        method::REMOVE => {
            let request: RemoveRequest = read(incoming)?;
            let mut notes = target(hoster)?.remove(source, &request, host)?;
            hold::notes(&mut notes);
            result(&Done { notes })
        }
        unknown => Err(unsupported(unknown)),
    }
}

fn target<H: Hoster>(hoster: &H) -> Result<&dyn Target, HosterError> {
    hoster.target().ok_or_else(|| {
        HosterError::new(ErrorKind::Unsupported, "this plugin writes to no hoster")
            .with_hint("choose a target whose hoster's plugin can be written to")
    })
}

fn hello() -> Hello {
    let environment = match () {
        () if cfg!(target_env = "gnu") => "-gnu",
        () if cfg!(target_env = "musl") => "-musl",
        () if cfg!(target_env = "msvc") => "-msvc",
        () => "",
    };
    Hello {
        protocols: Protocols::ours(),
        features: Vec::new(),
        built: Built {
            sdk: concat!("forgekeep-plugin-sdk ", env!("CARGO_PKG_VERSION")).to_owned(),
            panic: match cfg!(panic = "unwind") {
                true => "unwind",
                false => "abort",
            }
            .to_owned(),
            target: format!(
                "{}-{}{environment}",
                std::env::consts::ARCH,
                std::env::consts::OS
            ),
        },
    }
}

fn result<T: Serialize>(document: &T) -> Answered {
    Ok(Outgoing {
        document: write(document),
        body: Vec::new(),
    })
}

fn read<T: Document>(incoming: &Incoming<'_>) -> Result<T, HosterError> {
    parse(incoming.document).map_err(|refused| not_understood(incoming.method, &refused))
}

fn source(incoming: &Incoming<'_>) -> Result<Source, HosterError> {
    Source::from_wire(incoming.document, incoming.body)
        .map_err(|refused| not_understood(incoming.method, &refused))
}

fn not_understood(method: &str, refused: &Refused) -> HosterError {
    let kind = match refused {
        Refused::Unsupported(_) => ErrorKind::Unsupported,
        _ => ErrorKind::Other,
    };
    HosterError::new(
        kind,
        format!("the plugin does not understand the document of `{method}`: {refused}"),
    )
    .with_hint("use a newer version of the plugin with this forgekeep")
}

fn unsupported(method: &str) -> HosterError {
    let shown: String = method.chars().take(40).collect();
    HosterError::new(
        ErrorKind::Unsupported,
        format!("this plugin knows no method `{shown}`"),
    )
    .with_hint("use a newer version of the plugin")
}
