//! A server behind two pipes: `git-upload-pack` as a child, here or behind ssh. It remembers what was said
//! before, for as long as it runs.

use std::io::{self, Read, Write as _};

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_pkt_line::Packets;
use forgekeep_upload_pack::{Running, UploadPack};

use super::advertisement::Advertisement;
use super::conversation::Duplex;

/// A server behind two pipes. It is started for each conversation, and ended after it: nobody holds a
/// connection to a host while waiting for something else.
pub(super) struct PipedConnection {
    what: UploadPack,
    most: u64,
    running: Option<Running>,
}

/// The same server, not started yet.
impl Clone for PipedConnection {
    fn clone(&self) -> Self {
        Self {
            what: self.what.clone(),
            most: self.most,
            running: None,
        }
    }
}

/// Asks for the refs upstream has, which such a server sends unasked; `most` bytes of them are read.
pub(super) fn advertise(
    what: &UploadPack,
    most: u64,
) -> Result<(Advertisement, PipedConnection), Failure> {
    let (advertisement, running) = open(what, most)?;
    running.end();
    let connection = PipedConnection {
        what: what.clone(),
        most,
        running: None,
    };
    Ok((advertisement, connection))
}

fn open(what: &UploadPack, most: u64) -> Result<(Advertisement, Running), Failure> {
    what.open(&|running| Advertisement::read(&mut Packets::new(running.take(most))))
}

impl PipedConnection {
    fn running(&mut self) -> Result<&mut Running, Failure> {
        if self.running.is_none() {
            // What it sends first is what was asked for a moment ago: the refs. What was wanted then and
            // is gone now, the server refuses by itself.
            self.running = Some(open(&self.what, self.most)?.1);
        }
        self.running
            .as_mut()
            .ok_or_else(|| Failure::new(ErrorKind::Other, "the connection is gone"))
    }
}

impl Duplex for PipedConnection {
    fn is_stateless(&self) -> bool {
        false
    }

    fn exchange(&mut self, request: Vec<u8>) -> Result<Box<dyn Read + '_>, Failure> {
        let running = self.running()?;
        let sent = running.write_all(&request).and_then(|()| running.flush());
        match sent {
            Ok(()) => Ok(Box::new(running)),
            Err(error) => Err(UploadPack::explain(running, too_early(&error))),
        }
    }

    fn broken(&mut self, error: &io::Error) -> Failure {
        let failure = too_early(error);
        match &mut self.running {
            Some(running) => UploadPack::explain(running, failure),
            None => failure,
        }
    }

    fn told(&self, failure: Failure) -> Failure {
        self.what.told(failure)
    }
}

fn too_early(error: &io::Error) -> Failure {
    Failure::new(
        ErrorKind::Network,
        format!("git-upload-pack at the other end ended too early: {error}"),
    )
    .with_hint("run again later")
    .transient()
}
