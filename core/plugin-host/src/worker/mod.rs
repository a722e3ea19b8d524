//! The worker process: one plugin, confined, at the other end of two pipes.

mod connection;
mod descriptors;
mod work;

use std::process::ExitCode;
use std::sync::Arc;

use connection::Connection;
use descriptors::Pipes;
use work::Work;

use crate::confine::{self, Confinement, ConfinementMode, System};
use crate::frame::{Frame, Kind, NoFrame, Outgoing};
use crate::in_process::InProcess;
use crate::library::{Library, PluginFile};
use crate::start::{self, Refusal, Start, Started};

/// Exit code where what was said first cannot be understood (`EX_PROTOCOL` of sysexits.h).
const NOT_UNDERSTOOD: u8 = 76;

/// Exit code where the process cannot be set up (`EX_OSERR` of sysexits.h).
const NOT_SET_UP: u8 = 71;

/// What `forgekeep plugin-worker` does: it serves one plugin to the process that has started it, over
/// standard input and output, until that closes them. It has to be the first thing that the process
/// does: what it confines are this thread and those that it starts.
pub fn worker_main() -> ExitCode {
    let pipes = match descriptors::take() {
        Ok(pipes) => pipes,
        Err(_) => return ExitCode::from(NOT_SET_UP),
    };
    let Pipes { mut from, to } = pipes;
    let connection = Arc::new(Connection::new(to));
    let first = match Frame::read(&mut from) {
        Ok(frame) if frame.kind == Kind::Start => frame,
        Err(NoFrame::End) => return ExitCode::SUCCESS,
        Ok(_) | Err(NoFrame::Fault(_)) => return ExitCode::from(NOT_UNDERSTOOD),
    };
    let mut confinement = Confinement::default();
    let (plugin, mode) = match prepare(first, &mut confinement) {
        Ok(prepared) => prepared,
        Err(refusal) => {
            connection.send_document(Kind::Refused, 0, &refusal);
            return ExitCode::SUCCESS;
        }
    };
    let started = Started {
        sha256: plugin.library().sha256(),
        confinement: confinement.clone(),
    };
    connection.send_document(Kind::Started, 0, &started);
    let work = Arc::new(Work::new(plugin, connection));
    work::listen(from, Arc::clone(&work), mode);
    // The first call, which is hello, is answered by this thread.
    work.answer_first(|| {
        if mode != ConfinementMode::Off {
            confine::system().after_hello(&mut confinement);
        }
        let sealed = work.connection();
        if mode == ConfinementMode::Require && !confinement.is_whole() {
            let refusal = Refusal::NotConfined(confinement.missing());
            sealed.send_document(Kind::Refused, 0, &refusal);
        } else {
            sealed.send_document(Kind::Sealed, 0, &confinement);
        }
    });
    // Threads that answer inherit the confinement of the one that starts them.
    work.answer_all();
    ExitCode::SUCCESS
}

/// Confines this process, and loads the plugin.
fn prepare(
    first: Frame,
    confinement: &mut Confinement,
) -> Result<(InProcess, ConfinementMode), Refusal> {
    if first.method != start::build() {
        return Err(Refusal::OtherBuild);
    }
    let start: Start = serde_json::from_slice(&first.doc).map_err(|_| Refusal::OtherBuild)?;
    let path = start::path_of_bytes(first.body);
    let system = confine::system();
    system.settle(start.memory, confinement);
    let mode = start.confinement;
    match mode {
        ConfinementMode::Off => *confinement = Confinement::default(),
        _ => system.before_opening(&path, confinement),
    }
    if mode == ConfinementMode::Require && !confinement.is_whole() {
        return Err(Refusal::NotConfined(confinement.missing()));
    }
    let file = PluginFile::examine(&path).and_then(|file| match start.sha256 {
        Some(sha256) => file.expect(sha256),
        None => Ok(file),
    });
    let library = file.and_then(Library::load).map_err(Refusal::Unfit)?;
    // The host counts what its plugin asks.
    Ok((InProcess::without_limits(library), mode))
}

/// A frame with a document and no more.
fn document(kind: Kind, call: u64, doc: &[u8]) -> Outgoing<'_> {
    Outgoing {
        doc,
        ..Outgoing::bare(kind, call, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_of_another_build_is_refused_before_anything_is_done() {
        let first = Frame {
            kind: Kind::Start,
            status: 0,
            call: 0,
            item: 0,
            method: format!("{}x", start::build()),
            doc: b"of another form".to_vec(),
            body: b"/no/such/plugin".to_vec(),
        };
        let mut confinement = Confinement::default();
        let refused = prepare(first, &mut confinement).map(|_| ());
        assert!(matches!(refused, Err(Refusal::OtherBuild)));
        assert!(confinement.parts().is_empty());
    }
}
