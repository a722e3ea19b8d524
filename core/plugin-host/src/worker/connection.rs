//! What goes from the worker to the host, and the answers that come back.

use std::collections::HashMap;
use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

use forgekeep_abi::{ERROR, RESULT};
use parking_lot::Mutex;
use serde::Serialize;

use super::document;
use crate::frame::{Frame, Kind, Outgoing};
use crate::plugin::{Answered, HostCalls, Reply};

/// The way to the host.
pub(super) struct Connection {
    to: Mutex<File>,
    asked: Mutex<HashMap<u64, SyncSender<Frame>>>,
    next: AtomicU64,
}

impl Connection {
    pub(super) fn new(to: File) -> Self {
        Self {
            to: Mutex::new(to),
            asked: Mutex::default(),
            next: AtomicU64::new(0),
        }
    }

    /// Sends a frame. If the host is gone, so is the reason for this process: the thread that listens
    /// ends it.
    pub(super) fn send(&self, frame: Outgoing<'_>) {
        let _ = frame.write(&mut *self.to.lock());
    }

    pub(super) fn send_document(&self, kind: Kind, call: u64, document_of: &impl Serialize) {
        // Only a path that is no text fails, and those are in words besides.
        let doc = serde_json::to_vec(document_of).unwrap_or_default();
        self.send(document(kind, call, &doc));
    }

    /// Hands an answer to the request that waits for it.
    pub(super) fn served(&self, frame: Frame) {
        if let Some(asked) = self.asked.lock().remove(&frame.item) {
            let _ = asked.send(frame);
        }
    }
}

/// The services of one call: the host's, at the other end.
pub(super) struct Services<'a> {
    pub(super) connection: &'a Connection,
    pub(super) call: u64,
}

impl HostCalls for Services<'_> {
    fn call(&self, method: &str, doc: &[u8], body: &[u8]) -> Option<Answered> {
        let item = self.connection.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = sync_channel(1);
        self.connection.asked.lock().insert(item, sender);
        self.connection.send(Outgoing {
            kind: Kind::Ask,
            status: 0,
            call: self.call,
            item,
            method,
            doc,
            body,
        });
        let Frame {
            status, doc, body, ..
        } = receiver.recv().ok()?;
        let reply = Reply { doc, body };
        match u32::from(status) {
            RESULT => Some(Answered::Result(reply)),
            ERROR => Some(Answered::Error(reply)),
            _ => None,
        }
    }
}
