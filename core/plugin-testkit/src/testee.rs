use forgekeep_plugin_documents::{
    Access, AccessRequest, CheckReport, CheckRequest, ConfigureRequest, CreateRequest, Document,
    Done, ErrorKind, ExportPage, ExportRequest, Finding, Findings, Hello, HelloRequest,
    HosterError, ListRequest, LookupRequest, Manifest, Page, Part, Presence, Protocols, Purpose,
    RemoveRequest, Repository, Source, method, parse, write,
};
use forgekeep_plugin_sdk::__private::Exported;
use forgekeep_plugin_sdk::{Deed, Export};
use serde::Serialize;

use crate::script::Script;
use crate::wire::{Answered, Behind, Callee};

/// A plugin in a test: called through its exported table, with documents both ways. What breaks the
/// rules panics.
#[derive(Clone, Copy, Debug)]
pub struct Testee {
    behind: Behind,
}

impl Testee {
    /// The plugin that `export_hoster!` has exported.
    pub fn of<H: Exported>() -> Self {
        Self {
            behind: Behind(H::table()),
        }
    }

    /// It, to be called by the names of methods.
    pub fn callee(&self) -> &dyn Callee {
        &self.behind
    }

    /// What it speaks, and how it was built.
    ///
    /// # Errors
    ///
    /// The plugin's.
    pub fn hello(&self) -> Result<Hello, HosterError> {
        let request = HelloRequest {
            protocols: Protocols::ours(),
            ..HelloRequest::default()
        };
        self.ask(&Script::new(), 0, method::HELLO, &request)
    }

    /// Who it is.
    ///
    /// # Errors
    ///
    /// The plugin's.
    pub fn manifest(&self) -> Result<Manifest, HosterError> {
        self.ask(&Script::new(), 0, method::MANIFEST, &Done::default())
    }

    /// What it finds wrong with a source.
    ///
    /// # Errors
    ///
    /// The plugin's.
    pub fn validate(&self, source: &Source) -> Result<Vec<Finding>, HosterError> {
        let (document, body) = source.to_wire();
        let script = Script::new();
        let answered = self
            .behind
            .call(&script, 0, method::VALIDATE, &document, &body);
        taken::<Findings>(method::VALIDATE, answered).map(|(findings, _)| findings.findings)
    }

    /// Opens a source, for which `script` is the forge.
    ///
    /// # Errors
    ///
    /// The plugin's.
    pub fn open(&self, source: &Source, script: &Script) -> Result<Opened, HosterError> {
        let (document, body) = source.to_wire();
        let answered = self.behind.call(script, 0, method::OPEN, &document, &body);
        let (opened, _) = taken::<forgekeep_plugin_documents::Opened>(method::OPEN, answered)?;
        Ok(Opened {
            testee: *self,
            script: script.clone(),
            object: opened.object,
        })
    }

    fn ask<Q: Serialize, A: Document>(
        &self,
        script: &Script,
        object: u64,
        method: &str,
        question: &Q,
    ) -> Result<A, HosterError> {
        let answered = self
            .behind
            .call(script, object, method, &write(question), &[]);
        taken(method, answered).map(|(answer, _)| answer)
    }
}

fn taken<A: Document>(method: &str, answered: Answered) -> Result<(A, Vec<u8>), HosterError> {
    match answered {
        Answered::Result(document, body) => match parse(&document) {
            Ok(answer) => Ok((answer, body)),
            Err(refused) => panic!("the answer to `{method}` cannot be read: {refused}"),
        },
        Answered::Error(error) => Err(error),
        Answered::Broken(how) => panic!("`{method}`: {how}"),
    }
}

/// A source that is open. Dropped at the end.
#[derive(Debug)]
pub struct Opened {
    testee: Testee,
    script: Script,
    object: u64,
}

impl Opened {
    /// Number of the object.
    pub fn object(&self) -> u64 {
        self.object
    }

    /// A page.
    ///
    /// # Errors
    ///
    /// The plugin's.
    pub fn list(&self, cursor: Option<&str>) -> Result<Page, HosterError> {
        let cursor = cursor.map(str::to_owned);
        self.ask(method::LIST, &ListRequest { cursor })
    }

    /// All pages to the end, or to an error. A cursor that comes twice is one, as it is to a host: that
    /// listing does not end.
    pub fn all(&self) -> (Vec<Page>, Option<HosterError>) {
        let mut pages: Vec<Page> = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = match self.list(cursor.as_deref()) {
                Ok(page) => page,
                Err(error) => return (pages, Some(error)),
            };
            cursor.clone_from(&page.next);
            let twice = cursor.is_some() && pages.iter().any(|page| page.next == cursor);
            pages.push(page);
            if twice {
                let error = HosterError::new(
                    ErrorKind::BadAnswer,
                    "the listing does not end: a cursor came twice",
                );
                return (pages, Some(error));
            }
            if cursor.is_none() {
                return (pages, None);
            }
        }
    }

    /// Whether the source works.
    ///
    /// # Errors
    ///
    /// The plugin's.
    pub fn check(&self) -> Result<CheckReport, HosterError> {
        self.ask(method::CHECK, &CheckRequest::default())
    }

    /// The way to fetch a part of a repository.
    ///
    /// # Errors
    ///
    /// The plugin's.
    pub fn fetch(&self, repository: &Repository, part: &Part) -> Result<Access, HosterError> {
        self.access(&AccessRequest::new(repository, part, Deed::Fetch))
    }

    /// The way to a part of a repository.
    ///
    /// # Errors
    ///
    /// The plugin's.
    pub fn access(&self, what: &AccessRequest) -> Result<Access, HosterError> {
        self.ask(method::ACCESS, what)
    }

    /// What became of the repository with an identity.
    ///
    /// # Errors
    ///
    /// The plugin's.
    pub fn lookup(&self, id: &str) -> Result<Presence, HosterError> {
        self.look_up(&LookupRequest {
            id: id.to_owned(),
            ..LookupRequest::default()
        })
    }

    /// The same for a plugin that goes by more than the identity.
    ///
    /// # Errors
    ///
    /// The plugin's.
    pub fn look_up(&self, what: &LookupRequest) -> Result<Presence, HosterError> {
        self.ask(method::LOOKUP, what)
    }

    /// A page of an export.
    ///
    /// # Errors
    ///
    /// The plugin's.
    pub fn export(&self, what: &ExportRequest) -> Result<Export, HosterError> {
        let answered =
            self.testee
                .behind
                .call(&self.script, self.object, method::EXPORT, &write(what), &[]);
        let (page, content) = taken::<ExportPage>(method::EXPORT, answered)?;
        Ok(Export { page, content })
    }

    /// Makes a repository.
    ///
    /// # Errors
    ///
    /// The plugin's.
    pub fn create(&self, what: &CreateRequest) -> Result<Repository, HosterError> {
        self.ask(method::CREATE, what)
    }

    /// Sets a repository up.
    ///
    /// # Errors
    ///
    /// The plugin's.
    pub fn configure(&self, what: &ConfigureRequest) -> Result<Vec<Finding>, HosterError> {
        self.ask::<_, Done>(method::CONFIGURE, what)
            .map(|done| done.notes)
    }

    /// Removes a repository.
    ///
    /// # Errors
    ///
    /// The plugin's.
    pub fn remove(&self, what: &RemoveRequest) -> Result<Vec<Finding>, HosterError> {
        self.ask::<_, Done>(method::REMOVE, what)
            .map(|done| done.notes)
    }

    /// What a target says of its rights, its room and the names.
    ///
    /// # Errors
    ///
    /// The plugin's.
    pub fn examine(&self, names: &[&str]) -> Result<CheckReport, HosterError> {
        let request = CheckRequest {
            purpose: Purpose::Target,
            names: names.iter().map(|&name| name.to_owned()).collect(),
        };
        self.ask(method::CHECK, &request)
    }

    fn ask<Q: Serialize, A: Document>(&self, method: &str, question: &Q) -> Result<A, HosterError> {
        self.testee.ask(&self.script, self.object, method, question)
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.testee.behind.drop_object(self.object);
    }
}
