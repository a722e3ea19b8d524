//! The ways to a server, and whom to ask by which.

use std::io::{self, Read};

use forgekeep_failure::Failure;
use forgekeep_http::{Authorization, Services};
use forgekeep_untrusted::Untrusted;
use forgekeep_upload_pack::UploadPack;

use super::advertisement::{Advertisement, most_advertised};
use super::conversation::Duplex;
use super::http::{self, HttpConnection, HttpRemote};
use super::library::{self, LibraryConnection};
use super::pipes::{self, PipedConnection};

/// How to come to a repository.
#[derive(Clone, Debug)]
pub enum Way {
    /// By HTTP, at its address, with these credentials.
    Http(Authorization),
    /// Over the pipes of a program.
    Pipes(UploadPack),
}

/// Whom to ask.
#[derive(Clone, Copy)]
pub struct Remote<'a> {
    /// Clone URL as the hoster gave it.
    pub url: &'a Untrusted,
    /// How to come there.
    pub way: &'a Way,
    /// Client, rules and interruption.
    pub services: &'a Services,
}

/// A server that has answered.
#[derive(Clone)]
pub struct Connection<'a>(By<'a>);

#[derive(Clone)]
enum By<'a> {
    Http(HttpConnection<'a>),
    Pipes(Box<PipedConnection>),
    Library(LibraryConnection),
}

/// Asks for the refs upstream has.
///
/// # Errors
///
/// There is no answer, or it is none of git's.
pub fn advertise<'a>(upstream: &Remote<'a>) -> Result<(Advertisement, Connection<'a>), Failure> {
    match upstream.way {
        Way::Http(authorization) => {
            let (advertisement, connection) = http::advertise(&HttpRemote {
                url: upstream.url,
                authorization,
                services: upstream.services,
            })?;
            Ok((advertisement, Connection(By::Http(connection))))
        }
        Way::Pipes(what) => {
            if let Some(path) = what.without_git() {
                let cancel = &upstream.services.cancel;
                let (advertisement, connection) = library::advertise(path, cancel)?;
                return Ok((advertisement, Connection(By::Library(connection))));
            }
            let most = most_advertised(upstream.services.max_body_bytes);
            let (advertisement, connection) = pipes::advertise(what, most)?;
            Ok((advertisement, Connection(By::Pipes(Box::new(connection)))))
        }
    }
}

impl Connection<'_> {
    fn by(&mut self) -> &mut dyn Duplex {
        match &mut self.0 {
            By::Http(connection) => connection,
            By::Pipes(connection) => &mut **connection,
            By::Library(connection) => connection,
        }
    }
}

impl Duplex for Connection<'_> {
    fn is_stateless(&self) -> bool {
        match &self.0 {
            By::Http(connection) => connection.is_stateless(),
            By::Pipes(connection) => connection.is_stateless(),
            By::Library(connection) => connection.is_stateless(),
        }
    }

    fn exchange(&mut self, request: Vec<u8>) -> Result<Box<dyn Read + '_>, Failure> {
        self.by().exchange(request)
    }

    fn broken(&mut self, error: &io::Error) -> Failure {
        self.by().broken(error)
    }

    fn told(&self, failure: Failure) -> Failure {
        match &self.0 {
            By::Http(connection) => connection.told(failure),
            By::Pipes(connection) => connection.told(failure),
            By::Library(connection) => connection.told(failure),
        }
    }
}
