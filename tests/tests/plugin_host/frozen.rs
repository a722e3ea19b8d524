//! Plugins as they were written for ABI 1 and protocol 1, in C and in Rust. They are never edited: every
//! later Forgekeep has to run them as they are.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use forgekeep_plugin_documents::{
    Access, AccessRequest, Auth, CheckReport, CheckRequest, Deed, Document, Done, ErrorKind,
    Findings, Hello, HelloRequest, HosterError, HttpRequest, HttpResponse, ListRequest,
    LookupRequest, Manifest, Opened, OptionKind, OptionValue, Page, Part, PartKind, Presence,
    Protocols, Sees, Severity, Source, Visibility, method, parse, write,
};
use forgekeep_plugin_host::{
    Answered, HostCalls, InProcess, Library, Plugin, PluginFile, Reply, Workers,
};
use forgekeep_tests::c_plugin;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use crate::support::{library, settings};

fn plugins() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins")
}

/// Every file below a folder, by its path below `tests/plugins`, with slashes.
fn files(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            let path = path.strip_prefix(plugins()).unwrap();
            found.push(path.to_str().unwrap().replace('\\', "/"));
        }
    }
}

#[test]
fn the_frozen_plugins_are_pinned_new_ones_are_added_old_ones_never_edited() {
    let mut all = Vec::new();
    for entry in fs::read_dir(plugins()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name.starts_with("frozen-") {
            files(&path, &mut all);
        }
    }
    all.sort();
    let lines = all.iter().map(|name| {
        let text = fs::read_to_string(plugins().join(name)).unwrap();
        // A checkout may have turned the line ends.
        let digest = Sha256::digest(text.replace("\r\n", "\n"));
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{digest}  {name}\n")
    });
    let found: String = lines.collect();
    let pinned = fs::read_to_string(plugins().join("FROZEN")).unwrap();
    assert_eq!(
        found,
        pinned.replace("\r\n", "\n"),
        "tests/plugins/FROZEN: a file was edited, removed, or not yet pinned. These plugins are frozen: add a new one beside it (a folder frozen-…, with a line here for each file), never edit an old one"
    );
}

#[test]
fn the_header_of_abi_1_is_the_one_that_was_frozen() {
    let read = |path: PathBuf| fs::read_to_string(path).unwrap().replace("\r\n", "\n");
    let ours = read(plugins().join("../../core/abi/forgekeep_plugin.h"));
    for copy in ["frozen-c", "frozen-rust/src/abi"] {
        let frozen = read(plugins().join(copy).join("forgekeep_plugin.h"));
        assert!(
            ours == frozen,
            "core/abi/forgekeep_plugin.h differs from {copy}: ABI 1 is frozen; a change of it is forgekeep_plugin_2 beside it"
        );
    }
}

/// A host that answers `http` with this status and body, and nothing else.
struct Api {
    status: u16,
    body: &'static str,
    asked: Mutex<Vec<HttpRequest>>,
}

impl Api {
    fn new(status: u16, body: &'static str) -> Self {
        let asked = Mutex::default();
        Self {
            status,
            body,
            asked,
        }
    }

    /// With one repository, whose name has what JSON escapes in it.
    fn sound() -> Self {
        let body = r#"{"pagelen":1,"values":[{"type":"repository","full_name":"acme/\"web\"\\"}]}"#;
        Self::new(200, body)
    }
}

impl HostCalls for Api {
    fn call(&self, asked: &str, doc: &[u8], body: &[u8]) -> Option<Answered> {
        if asked != method::HTTP {
            return None;
        }
        assert!(body.is_empty());
        let request: HttpRequest = parse(doc).unwrap();
        let response = HttpResponse {
            status: self.status,
            url: request.url.clone(),
            ..HttpResponse::default()
        };
        self.asked.lock().push(request);
        let reply = Reply {
            doc: write(&response),
            body: self.body.as_bytes().to_vec(),
        };
        Some(Answered::Result(reply))
    }
}

/// A host that has an error for everything.
struct Failing;

impl HostCalls for Failing {
    fn call(&self, _: &str, _: &[u8], _: &[u8]) -> Option<Answered> {
        let error = HosterError {
            kind: ErrorKind::Tls,
            said: "as \"it\" was".to_owned(),
            ..HosterError::default()
        };
        let (doc, body) = (write(&error), Vec::new());
        Some(Answered::Error(Reply { doc, body }))
    }
}

/// A host without any method.
struct Nothing;

impl HostCalls for Nothing {
    fn call(&self, _: &str, _: &[u8], _: &[u8]) -> Option<Answered> {
        None
    }
}

/// Asks one of the plugin's objects.
struct Asker<'a> {
    plugin: &'a dyn Plugin,
    host: &'a dyn HostCalls,
    object: u64,
}

impl Asker<'_> {
    fn bytes<A: Document>(&self, method: &str, doc: &[u8]) -> Result<A, HosterError> {
        let answered = self.plugin.call(self.object, method, doc, b"", self.host);
        match answered.unwrap() {
            Answered::Result(reply) => Ok(parse(&reply.doc).unwrap()),
            Answered::Error(reply) => Err(parse(&reply.doc).unwrap()),
        }
    }

    fn ask<A: Document>(
        &self,
        method: &str,
        request: &impl serde::Serialize,
    ) -> Result<A, HosterError> {
        self.bytes(method, &write(request))
    }

    /// The kind of the error that there has to be.
    fn fails(&self, method: &str, request: &impl serde::Serialize) -> ErrorKind {
        let answered = self.ask::<Done>(method, request);
        answered.unwrap_err().kind
    }

    fn list(&self, cursor: Option<&str>) -> Result<Page, HosterError> {
        let cursor = cursor.map(str::to_owned);
        self.ask(method::LIST, &ListRequest { cursor })
    }
}

fn source() -> Source {
    Source {
        title: "a title, with a \"name\": no more than that".to_owned(),
        name: "acme".to_owned(),
        kind: "org".to_owned(),
        auth_name: "dev".to_owned(),
        api_auth_name: "dev@example.com".to_owned(),
        secrets: BTreeMap::from([("password".to_owned(), "hunter\"2\\".into())]),
        api_url: "https://api.example".to_owned(),
        ..Source::default()
    }
}

fn conversation(plugin: &dyn Plugin, id: &str) {
    let api = Api::sound();
    let host: &dyn HostCalls = &api;
    let asker = |object| Asker {
        plugin,
        host,
        object,
    };
    let itself = asker(0);

    let hello = HelloRequest {
        protocols: Protocols { from: 1, to: 99 },
        features: vec!["what there is not yet".to_owned()],
        host: "forgekeep 99.0.0".to_owned(),
    };
    let hello: Hello = itself.ask(method::HELLO, &hello).unwrap();
    assert_eq!(hello.protocols.common(&Protocols::ours()), Some(1));
    assert_ne!(hello.built.panic, "abort");

    let newer = br#"{"a field of a newer host":{"requires":["x"]},"requires":[]}"#;
    let manifest: Manifest = itself.bytes(method::MANIFEST, b"{}").unwrap();
    assert_eq!(manifest.id, id);
    assert_eq!(
        itself.bytes::<Manifest>(method::MANIFEST, newer).unwrap(),
        manifest
    );
    assert_eq!(manifest.version, "1.0.0");
    assert_eq!(manifest.types, ["user", "org"]);
    assert_eq!(manifest.options[0].name, "cloneUrl");
    assert_eq!(manifest.options[0].kind, OptionKind::Text);
    assert!(manifest.options[0].trusted_origin);

    // What there is not, and what is required and not known.
    for method in ["frobnicate", "", method::LIST, method::EXPORT] {
        assert_eq!(
            itself.fails(method, &Done::default()),
            ErrorKind::Unsupported
        );
    }
    let demanding = br#"{ "requires" : [ "what nobody knows" ] }"#;
    let refused = itself.bytes::<Manifest>(method::MANIFEST, demanding);
    assert_eq!(refused.unwrap_err().kind, ErrorKind::Unsupported);
    assert_eq!(
        asker(1 << 52).fails(method::LIST, &ListRequest::default()),
        ErrorKind::Plugin
    );

    let found: Findings = itself.ask(method::VALIDATE, &source()).unwrap();
    assert!(found.findings.is_empty());
    let nameless = Source {
        name: String::new(),
        ..source()
    };
    let found: Findings = itself.ask(method::VALIDATE, &nameless).unwrap();
    assert_eq!(found.findings[0].severity, Severity::Error);
    assert_eq!(found.findings[0].key, "name");
    assert_eq!(itself.fails(method::OPEN, &nameless), ErrorKind::NotFound);

    let open = || {
        itself
            .ask::<Opened>(method::OPEN, &source())
            .unwrap()
            .object
    };
    let (first, second) = (open(), open());
    assert_ne!(first, second);
    opened(plugin, &api, first);
    for method in ["frobnicate", method::CREATE, method::HELLO] {
        let request = Done::default();
        assert_eq!(asker(first).fails(method, &request), ErrorKind::Unsupported);
    }

    // Dropped is gone; the other one stays; no id comes again.
    plugin.drop_object(first);
    let gone = asker(first).fails(method::LIST, &ListRequest::default());
    assert_eq!(gone, ErrorKind::Plugin);
    assert!(asker(second).list(Some("2")).is_ok());
    assert!(open() > second);
    plugin.drop_object(second);
}

/// What an object of the plugin answers.
fn opened(plugin: &dyn Plugin, api: &Api, object: u64) {
    let it = Asker {
        plugin,
        host: api,
        object,
    };
    let without_page = |host: &dyn HostCalls| Asker { host, ..it }.list(None).unwrap_err();
    let request = CheckRequest::default();
    let report: CheckReport = it.ask(method::CHECK, &request).unwrap();
    assert_eq!(report.identity, "dev@example.com");
    assert_eq!(report.visible, Some(2));

    let page = it.list(None).unwrap();
    let asked = api.asked.lock().pop().unwrap();
    assert_eq!(asked.method, "GET");
    assert_eq!(
        asked.url,
        "https://api.example/2.0/repositories/acme?pagelen=1"
    );
    let secret = "hunter\"2\\".into();
    assert_eq!(asked.auth, Auth::basic("dev@example.com", &secret));
    let one = &page.repositories[0];
    assert_eq!(one.id, "1");
    // This came from the host.
    assert_eq!(one.full_name, "acme/\"web\"\\");
    assert_eq!(one.visibility, Visibility::Private);
    let part = one.part(&PartKind::Git).unwrap();
    assert_eq!(part.url, "https://api.example/acme/\"web\"\\.git");
    assert_eq!(page.owners[0].sees, Sees::All);
    assert_eq!((page.total, page.next.as_deref()), (Some(2), Some("2")));
    assert_eq!(it.list(None).unwrap(), page);

    let last = it.list(page.next.as_deref()).unwrap();
    assert_eq!(last.repositories[0].full_name, "acme/second");
    assert!(last.repositories[0].archived && last.repositories[0].skip.is_some());
    assert_eq!((last.notes.len(), last.next), (1, None));
    assert_eq!(it.list(Some("3")).unwrap_err().kind, ErrorKind::BadAnswer);
    let without_http = without_page(&Nothing);
    assert_eq!(without_http.kind, ErrorKind::Unsupported);
    let passed_on = without_page(&Failing);
    assert_eq!(
        (passed_on.kind, passed_on.said.as_str()),
        (ErrorKind::Tls, "as \"it\" was")
    );
    for (api, kind) in [
        (Api::new(503, "{}"), ErrorKind::Unavailable),
        (Api::new(200, "{}"), ErrorKind::BadAnswer),
        (Api::new(200, ""), ErrorKind::BadAnswer),
    ] {
        assert_eq!(without_page(&api).kind, kind);
    }

    let access = AccessRequest::new(one, part, Deed::Fetch);
    let given: Access = it.ask(method::ACCESS, &access).unwrap();
    assert_eq!(given, Access::http(Auth::basic("dev", &secret)));
    let push = AccessRequest::new(one, part, Deed::Push);
    assert_eq!(it.fails(method::ACCESS, &push), ErrorKind::Forbidden);
    let again = AccessRequest {
        refused_before: true,
        ..access
    };
    assert_eq!(it.fails(method::ACCESS, &again), ErrorKind::Credentials);

    let lookup = |id: &str| {
        let request = LookupRequest {
            id: id.to_owned(),
            ..LookupRequest::default()
        };
        it.ask::<Presence>(method::LOOKUP, &request).unwrap()
    };
    assert_eq!(lookup("2"), Presence::present(last.repositories[0].clone()));
    assert!(matches!(lookup("3"), Presence::Deleted { .. }));
    assert_eq!(lookup("another"), Presence::Hidden);
}

/// Several calls at a time, on one object and on several: the plugins are built for that.
fn at_a_time(plugin: &dyn Plugin) {
    let api = Api::sound();
    let host: &dyn HostCalls = &api;
    thread::scope(|scope| {
        for number in 0..8 {
            scope.spawn(move || {
                let itself = Asker {
                    plugin,
                    host,
                    object: 0,
                };
                for round in 0..10 {
                    let source = Source {
                        name: format!("acme-{number}-{round}"),
                        ..source()
                    };
                    let object = itself.ask::<Opened>(method::OPEN, &source).unwrap().object;
                    let opened = Asker { object, ..itself };
                    let page = opened.list(Some("2")).unwrap();
                    let expected = format!("{}/second", source.name);
                    assert_eq!(page.repositories[0].full_name, expected);
                    plugin.drop_object(object);
                }
            });
        }
    });
}

/// In a worker, and in this process.
fn everywhere(file: &Path, id: &str) {
    let worker = Workers::new(settings(file)).current().unwrap();
    let examined = PluginFile::examine(file).unwrap();
    let in_process = InProcess::new(Library::load(examined).unwrap(), Arc::default());
    for plugin in [worker.as_ref() as &dyn Plugin, &in_process] {
        conversation(plugin, id);
        at_a_time(plugin);
    }
    assert!(worker.is_alive());
}

#[test]
fn the_frozen_plugin_in_c_works() {
    let folder = tempfile::tempdir().unwrap();
    let file = c_plugin::build(c_plugin::FROZEN, folder.path(), &[]);
    assert_eq!(PluginFile::id_in_name(&file).unwrap(), "frozen-c");
    everywhere(&file, "frozen-c");
}

#[test]
fn the_frozen_plugin_in_rust_works() {
    everywhere(&library("test_plugin_frozen"), "frozen-rust");
}

#[test]
fn a_frozen_plugin_takes_an_option_of_its_own() {
    let file = library("test_plugin_frozen");
    let folder = tempfile::tempdir().unwrap();
    let in_c = c_plugin::build(c_plugin::FROZEN, folder.path(), &[]);
    for file in [file, in_c] {
        let worker = Workers::new(settings(&file)).current().unwrap();
        let clone_url = OptionValue::Text("https://git.example".to_owned());
        let source = Source {
            options: BTreeMap::from([("cloneUrl".to_owned(), clone_url)]),
            secrets: BTreeMap::new(),
            ..source()
        };
        let itself = Asker {
            plugin: worker.as_ref(),
            host: &Api::sound(),
            object: 0,
        };
        let object = itself.ask::<Opened>(method::OPEN, &source).unwrap().object;
        let opened = Asker { object, ..itself };
        let page = opened.list(None).unwrap();
        let one = &page.repositories[0];
        assert_eq!(one.parts[0].url, "https://git.example/acme/\"web\"\\.git");
        let access = AccessRequest::new(one, &Part::default(), Deed::Fetch);
        let given: Access = opened.ask(method::ACCESS, &access).unwrap();
        assert_eq!(given, Access::http(Auth::None));
    }
}

#[test]
fn a_plugin_of_later_protocols_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let defines = [
        "-DPLUGIN_ID=\"frozen-later\"",
        "-DPROTOCOL_FROM=2",
        "-DPROTOCOL_TO=3",
    ];
    let file = c_plugin::build(c_plugin::FROZEN, folder.path(), &defines);
    assert_eq!(PluginFile::id_in_name(&file).unwrap(), "frozen-later");
    let worker = Workers::new(settings(&file)).current().unwrap();
    let itself = Asker {
        plugin: worker.as_ref(),
        host: &Nothing,
        object: 0,
    };
    let request = HelloRequest {
        protocols: Protocols::ours(),
        ..HelloRequest::default()
    };
    let hello: Hello = itself.ask(method::HELLO, &request).unwrap();
    assert_eq!(hello.protocols, Protocols { from: 2, to: 3 });
    assert_eq!(hello.protocols.common(&Protocols::ours()), None);
    let manifest: Manifest = itself.bytes(method::MANIFEST, b"{}").unwrap();
    assert_eq!(manifest.id, "frozen-later");
}
