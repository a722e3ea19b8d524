//! How long a server lives: the last request is carried out, and its answer is lost.

use std::io;

use forgekeep_demo_hoster::{Body, Reply, Response};
use parking_lot::Mutex;

/// How many requests a server answers yet; all of them by default.
#[derive(Debug, Default)]
pub(crate) struct Life(Mutex<Option<usize>>);

impl Life {
    /// From the last of so many answers on, connections are closed without a word.
    pub(crate) fn ends_after(&self, answers: Option<usize>) {
        *self.0.lock() = answers;
    }

    /// Answers, or does what was asked for and does not tell, or neither.
    pub(crate) fn answer(&self, reply: impl FnOnce() -> Reply) -> Reply {
        let left = self.0.lock().as_mut().map(|left| {
            let now = *left;
            *left = now.saturating_sub(1);
            now
        });
        match left {
            Some(0) => {}
            Some(1) => {
                let reply = reply();
                // What git sends is taken in while it is answered.
                if let Reply::Response(Response {
                    body: Body::Stream(write),
                    ..
                }) = reply
                {
                    write(&mut io::sink()).ok();
                }
            }
            _ => return reply(),
        }
        Reply::TakeOver(Box::new(|_| Ok(())))
    }
}
