use forgekeep_plugin_documents::{
    Document, ErrorKind, Findings, HosterError, ListRequest, Manifest, Opened, Page,
    RESERVED_FIELDS, Source, method, parse, write,
};
use serde::Serialize;
use url::Url;

use crate::script::Script;
use crate::wire::{Answered, Callee};

/// Asks a plugin, watches what it says, and writes down what is wrong.
pub(crate) struct Asker<'a> {
    callee: &'a dyn Callee,
    /// What is being tried.
    step: String,
    secrets: Vec<String>,
    origins: Vec<String>,
    faults: Vec<String>,
}

impl<'a> Asker<'a> {
    pub(crate) fn new(callee: &'a dyn Callee, source: Option<&Source>) -> Self {
        let secrets = source
            .into_iter()
            .flat_map(|source| source.secrets.values());
        Self {
            callee,
            step: String::new(),
            secrets: secrets
                .map(|secret| secret.expose().to_owned())
                .filter(|secret| secret.len() >= 8)
                .collect(),
            origins: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// From here on, what is wrong is wrong in this.
    pub(crate) fn step(&mut self, step: impl Into<String>) {
        self.step = step.into();
    }

    pub(crate) fn fault(&mut self, what: impl AsRef<str>) {
        let fault = format!("{}: {}", self.step, what.as_ref());
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    /// Writes a fault down unless it is so.
    pub(crate) fn expect(&mut self, so: bool, otherwise: impl AsRef<str>) {
        if !so {
            self.fault(otherwise);
        }
    }

    pub(crate) fn into_faults(self) -> Vec<String> {
        self.faults
    }

    /// Where requests of this source may go.
    pub(crate) fn allow(&mut self, manifest: &Manifest, source: &Source) {
        let origin = |url: &str| Url::parse(url).ok().map(|url| url.origin());
        let mut urls = vec![source.api_url.clone()];
        urls.extend(manifest.trusted_origins.iter().cloned());
        let api = Url::parse(&source.api_url).ok();
        let host = api.as_ref().and_then(Url::host_str).unwrap_or_default();
        let port = api
            .as_ref()
            .and_then(Url::port)
            .map(|port| format!(":{port}"));
        for pattern in &manifest.derived_origins {
            let domain = host.split_once('.').map_or(host, |(_, domain)| domain);
            let url = pattern.replace("{host}", host).replace("{domain}", domain);
            urls.push(url.replace("{port}", &port.clone().unwrap_or_default()));
        }
        let trusted = manifest
            .options
            .iter()
            .filter(|option| option.trusted_origin);
        urls.extend(trusted.filter_map(|option| source.text(&option.name).map(str::to_owned)));
        self.origins = urls
            .iter()
            .filter_map(|url| origin(url))
            .map(|origin| origin.ascii_serialization())
            .collect();
    }

    pub(crate) fn ask<Q: Serialize, A: Document>(
        &mut self,
        script: &Script,
        object: u64,
        method: &str,
        question: &Q,
    ) -> Option<Result<A, HosterError>> {
        self.ask_bytes(script, object, method, &write(question), &[])
    }

    /// `None`, and a fault, where the answer is none.
    pub(crate) fn ask_bytes<A: Document>(
        &mut self,
        script: &Script,
        object: u64,
        method: &str,
        document: &[u8],
        body: &[u8],
    ) -> Option<Result<A, HosterError>> {
        let answered = self.callee.call(script, object, method, document, body);
        self.watch(script);
        match answered {
            Answered::Broken(how) => {
                self.fault(format!("{method}: {how}"));
                None
            }
            Answered::Error(error) => {
                if error.kind == ErrorKind::Plugin {
                    self.fault(format!("{method}: {error}"));
                }
                self.expect(
                    !error.message.is_empty(),
                    format!("{method}: an error without a message"),
                );
                self.no_secret(&format!("the error of {method}"), &write(&error));
                Some(Err(error))
            }
            Answered::Result(document, _) => {
                if method != method::ACCESS {
                    self.no_secret(&format!("the answer to {method}"), &document);
                }
                match parse(&document) {
                    Ok(answer) => Some(Ok(answer)),
                    Err(refused) => {
                        self.fault(format!("the answer to {method} is refused: {refused}"));
                        None
                    }
                }
            }
        }
    }

    fn no_secret(&mut self, place: &str, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        if self.secrets.iter().any(|secret| text.contains(secret)) {
            self.fault(format!("a secret of the source is in {place}"));
        }
    }

    /// Looks at what the plugin has asked of the host.
    fn watch(&mut self, script: &Script) {
        for (_, line) in script.log() {
            self.no_secret("the log", line.as_bytes());
        }
        for request in script.requests() {
            self.no_secret("an address", request.url.as_bytes());
            let origin = Url::parse(&request.url).map(|url| url.origin().ascii_serialization());
            let known = origin
                .as_ref()
                .is_ok_and(|origin| self.origins.contains(origin));
            self.expect(
                known,
                format!("it asks {}, which is no origin of its own", request.url),
            );
            for header in &request.headers {
                self.no_secret(
                    &format!("the header {}", header.name),
                    header.value.as_bytes(),
                );
                self.expect(
                    !RESERVED_FIELDS.contains(&header.name.to_ascii_lowercase().as_str()),
                    format!(
                        "it sets the header {}, which is the host's to set",
                        header.name
                    ),
                );
            }
        }
    }

    /// Opens a source; `None`, and a fault, where that fails.
    pub(crate) fn open(&mut self, source: &Source, script: &Script) -> Option<u64> {
        let (document, body) = source.to_wire();
        match self.ask_bytes::<Opened>(script, 0, method::OPEN, &document, &body)? {
            Ok(opened) => Some(opened.object),
            Err(error) => {
                self.fault(format!("the source does not open: {error}"));
                None
            }
        }
    }

    pub(crate) fn validate(&mut self, source: &Source) -> Option<Findings> {
        let (document, body) = source.to_wire();
        let script = Script::new();
        match self.ask_bytes(&script, 0, method::VALIDATE, &document, &body)? {
            Ok(findings) => Some(findings),
            Err(error) => {
                self.fault(format!("validate is an error: {error}"));
                None
            }
        }
    }

    pub(crate) fn list(
        &mut self,
        script: &Script,
        object: u64,
        cursor: Option<&str>,
    ) -> Option<Result<Page, HosterError>> {
        let cursor = cursor.map(str::to_owned);
        self.ask(script, object, method::LIST, &ListRequest { cursor })
    }

    pub(crate) fn drop_object(&self, object: u64) {
        self.callee.drop_object(object);
    }
}
