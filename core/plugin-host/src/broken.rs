//! A plugin that did not answer by the rules, or not at all.

use std::time::Duration;

use forgekeep_untrusted::Untrusted;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A call that came to nothing because of the plugin, or of the process it runs in.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{how} (in `{method}`)")]
pub struct Broken {
    /// What happened.
    pub how: How,
    /// The method that was asked; `start` before the first one.
    pub method: String,
    /// Whether this call is to blame.
    pub blame: Blame,
    /// The last lines that the plugin's process has printed, as it has. They may hold whatever the plugin
    /// knows: whoever shows them has the redactor clean them first, then makes them safe for a terminal,
    /// and cuts them last of all, since half a secret is not recognised. A line that was too long to be
    /// kept ends with `…`, in place of the word that was cut.
    pub output: Vec<Untrusted>,
}

impl Broken {
    /// What happened in a method, by its own fault, with nothing printed.
    pub fn new(how: How, method: &str) -> Self {
        Self {
            how,
            method: method.to_owned(),
            blame: Blame::This,
            output: Vec::new(),
        }
    }
}

/// Whether a call is to blame for the end of its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// It was the only one under way, or it is known to be the one.
    This,
    /// It is not: another call of the same process is, or the host has ended it, or it had ended before
    /// this call began.
    Another,
    /// Several were under way.
    Unknown,
}

/// What happened to a call.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum How {
    /// The plugin's process ended by itself.
    #[error("the plugin's process exited with code {0}")]
    Exited(i32),
    /// A signal ended it, which did not come from here.
    #[error("the plugin's process was ended by signal {0}{name}", name = signal_name(*.0))]
    Signal(i32),
    /// It did not answer in time, and was ended.
    #[error("the plugin did not answer within {0:?} and was stopped")]
    Deadline(Duration),
    /// It closed its side of the connection, and went on without it.
    #[error("the plugin's process closed its connection to forgekeep")]
    ClosedPipe,
    /// What came from its process is no frame.
    #[error("the plugin's process sent a frame that cannot be: {0}")]
    Frame(FrameFault),
    /// The plugin broke a rule of the ABI.
    #[error("the plugin broke a rule of the plugin ABI: {0}")]
    Rule(Rule),
    /// Within one call it asked for more than a call may.
    #[error("the plugin made more than {0} requests to forgekeep within one call")]
    TooManyRequests(usize),
    /// What was to be sent to it is longer than may be sent.
    #[error("{length} bytes are too many to be sent to the plugin (at most {most})")]
    TooLarge {
        /// Bytes.
        length: usize,
        /// As many as there may be.
        most: usize,
    },
    /// It was stopped from here: the run was interrupted, or it is no longer needed.
    #[error("the plugin was stopped")]
    Stopped,
    /// Its process could not be started.
    #[error("the plugin's process cannot be started: {0}")]
    NotStarted(String),
    /// The program that was started is another build than this one.
    #[error("the plugin's process is another build of forgekeep than this one")]
    OtherBuild,
    /// Confinement is required, and not to be had.
    #[error("the plugin's process cannot be confined: {0}")]
    NotConfined(String),
    /// It was started again as often as it may be; this is how it ended last.
    #[error("the plugin was started {starts} times and ended each time; last: {last}")]
    Spent {
        /// How often it was started.
        starts: usize,
        /// How it ended last.
        last: Box<How>,
    },
}

impl How {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Stopped => "run the command again",
            Self::NotStarted(_) => {
                "check that the forgekeep binary can be run, and that there is memory and room for processes"
            }
            Self::OtherBuild => {
                "run the command again: forgekeep was replaced while it was running"
            }
            Self::NotConfined(_) => {
                "use a kernel with Landlock and seccomp, or set `plugins.confinement` to `auto`"
            }
            Self::Deadline(_)
            | Self::Exited(_)
            | Self::Signal(_)
            | Self::ClosedPipe
            | Self::Frame(_)
            | Self::Rule(_)
            | Self::TooManyRequests(_)
            | Self::TooLarge { .. }
            | Self::Spent { .. } => "report it to the plugin's authors",
        }
    }
}

/// What is wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FrameFault {
    /// A part of it is longer than it may be.
    #[error("a part of {length} bytes, of at most {most}")]
    TooLong {
        /// Bytes that it says it has.
        length: u64,
        /// As many as there may be.
        most: u64,
    },
    /// Its lengths contradict each other, or it is of no known kind.
    #[error("its head makes no sense")]
    Head,
    /// Nobody waits for it.
    #[error("nobody asked for it")]
    Unasked,
    /// More requests than are let wait.
    #[error("too many requests at a time")]
    Flood,
}

/// A rule of the ABI that a plugin broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum Rule {
    /// The status of an answer is neither result nor error.
    #[error("an answer of status {0}")]
    Status(u32),
    /// The bytes of an answer cannot be: no address, or longer than memory.
    #[error("an answer whose bytes cannot be")]
    AnswerBytes,
    /// An answer is longer than it may be.
    #[error("an answer of {length} bytes, of at most {most}")]
    AnswerTooLong {
        /// Bytes.
        length: u64,
        /// As many as there may be.
        most: u64,
    },
    /// A request cannot be: too short a struct, no address, a method's name that is no text, or a part
    /// that is too long.
    #[error("a request that cannot be")]
    Request,
}

/// The name of a common signal, for people.
#[cfg(unix)]
fn signal_name(signal: i32) -> &'static str {
    match signal {
        libc::SIGILL => " (illegal instruction)",
        libc::SIGABRT => " (aborted)",
        libc::SIGBUS => " (bus error)",
        libc::SIGFPE => " (arithmetic error)",
        libc::SIGKILL => " (killed: by the system for want of memory, or by somebody)",
        libc::SIGSEGV => " (segmentation fault)",
        libc::SIGTERM => " (terminated)",
        libc::SIGSYS => " (a system call that is not allowed)",
        _ => "",
    }
}

/// There are none here.
#[cfg(not(unix))]
fn signal_name(_signal: i32) -> &'static str {
    ""
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn signals_are_named_by_this_systems_numbers() {
        let shown = |signal| How::Signal(signal).to_string();
        assert!(shown(libc::SIGBUS).ends_with(" (bus error)"));
        assert!(shown(libc::SIGSYS).ends_with(" (a system call that is not allowed)"));
        assert!(shown(libc::SIGUSR1).ends_with(&format!(" {}", libc::SIGUSR1)));
    }
}
