//! libgit2 as the client, over the smallest transport that does.

use std::io::{self, Cursor, Read, Write};
use std::sync::Once;

use forgekeep_demo_hoster::DemoHoster;
use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream, Transport};
use git2::{Direction, Repository};
use tempfile::TempDir;

use crate::client::Client;

struct Http;

/// One request: what is written is its body, what is read is the answer's.
struct Exchange {
    origin: String,
    method: &'static str,
    target: String,
    body: Vec<u8>,
    answer: Option<Cursor<Vec<u8>>>,
}

impl SmartSubtransport for Http {
    fn action(
        &self,
        url: &str,
        action: Service,
    ) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        let path = url.find("/acme/").unwrap();
        let (method, end) = match action {
            Service::UploadPackLs => ("GET", "/info/refs?service=git-upload-pack"),
            _ => ("POST", "/git-upload-pack"),
        };
        Ok(Box::new(Exchange {
            origin: url[..path].to_owned(),
            method,
            target: format!("{}{end}", &url[path..]),
            body: Vec::new(),
            answer: None,
        }))
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

impl Read for Exchange {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Self {
            origin,
            method,
            target,
            body,
            ..
        } = self;
        let send = || Cursor::new(Client::new(origin).send(method, target, None, body).body);
        self.answer.get_or_insert_with(send).read(buffer)
    }
}

impl Write for Exchange {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.body.extend(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn libgit2_clones_and_fetches() {
    static REGISTERED: Once = Once::new();
    // SAFETY: no other test registers or makes a transport.
    REGISTERED.call_once(|| unsafe {
        git2::transport::register("http", |remote| Transport::smart(remote, true, Http)).unwrap();
    });
    let folder = TempDir::new().unwrap();
    let hoster = DemoHoster::start().unwrap();
    let open = |name: &str| Repository::init_bare(folder.path().join(name)).unwrap();
    let fetch = |repository: &Repository, name: &str| {
        let url = format!("{}/acme/{name}.git", hoster.api_url());
        let mut remote = repository.remote_anonymous(&url).unwrap();
        remote.fetch(&["+refs/*:refs/*"], None, None).unwrap();
        remote.stats().total_objects()
    };
    let web = open("web");
    assert!(fetch(&web, "web") > 10);
    let main = web.find_reference("refs/heads/main").unwrap().target();
    let empty = open("playground");
    assert_eq!(fetch(&empty, "playground"), 0);

    hoster.change_upstream().unwrap();
    // A commit, two trees, a blob.
    assert_eq!(fetch(&web, "web"), 4);
    assert_ne!(
        web.find_reference("refs/heads/main").unwrap().target(),
        main
    );

    let url = format!("{}/acme/handbook.git", hoster.api_url());
    let mut remote = empty.remote_anonymous(&url).unwrap();
    remote.connect(Direction::Fetch).unwrap();
    assert_eq!(&*remote.default_branch().unwrap(), b"refs/heads/trunk");
}
