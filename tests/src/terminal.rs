//! A pseudo-terminal, for what a command shows on one.

use std::fs::File;
use std::io::Read as _;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// A pseudo-terminal, and all that was written to it.
pub struct Terminal {
    own: File,
    name: String,
    seen: Arc<Mutex<String>>,
}

impl Terminal {
    /// One with 24 lines and this many columns.
    pub fn new(columns: u16) -> Self {
        let own = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&own).unwrap();
        unlockpt(&own).unwrap();
        let size = Winsize {
            ws_row: 24,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&own, size).unwrap();
        let name = ptsname(&own, Vec::new()).unwrap();
        Self {
            own: File::from(own),
            name: name.into_string().unwrap(),
            seen: Arc::default(),
        }
    }

    /// The side that a command has as its input or output.
    pub fn end(&self) -> File {
        let mut options = File::options();
        options.read(true).write(true);
        options.open(&self.name).unwrap()
    }

    /// The side of whoever sits there.
    pub fn own(&self) -> &File {
        &self.own
    }

    /// Reads what is written from now on, until nobody has the other side open any more: a command has to.
    pub fn watch(&self) {
        let mut own = self.own.try_clone().unwrap();
        let seen = Arc::clone(&self.seen);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            let mut rest = Vec::new();
            while let Ok(count @ 1..) = own.read(&mut bytes) {
                rest.extend_from_slice(&bytes[..count]);
                // A character may come in two pieces.
                let whole = match std::str::from_utf8(&rest) {
                    Ok(_) => rest.len(),
                    Err(error) if error.error_len().is_none() => error.valid_up_to(),
                    Err(_) => rest.len(),
                };
                let text = rest.drain(..whole).collect::<Vec<_>>();
                seen.lock().push_str(&String::from_utf8_lossy(&text));
            }
        });
    }

    /// All that was written so far.
    pub fn seen(&self) -> String {
        self.seen.lock().clone()
    }

    /// Forgets it.
    pub fn forget(&self) {
        self.seen.lock().clear();
    }

    /// Waits until this was written.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        let began = Instant::now();
        while !self.seen().contains(text) {
            let time = began.elapsed();
            assert!(
                time < Duration::from_secs(60),
                "no {text:?} in {}",
                self.seen()
            );
            thread::sleep(Duration::from_millis(2));
        }
    }
}
