//! What a worker process may not do, as far as the system can enforce it.
//!
//! The steps, in their order: no new privileges, a filter for system calls, rules for files (read what
//! the system's loader needs, and the plugin's folder) → the plugin is loaded and says hello → rules
//! that allow no file at all.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;

use std::fmt;
use std::path::Path;

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
use other as system;
use serde::{Deserialize, Deserializer, Serialize};

use crate::unfit::said;

/// Whether a worker is to be confined: `plugins.confinement`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConfinementMode {
    /// As far as the system can.
    #[default]
    Auto,
    /// Entirely, or no plugin is loaded.
    Require,
    /// Not at all.
    Off,
}

/// A part of the confinement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// A program cannot give it rights (`no_new_privs`), and it has none of root's (capabilities).
    Privileges,
    /// No sockets, programs, signals to others, and so on (seccomp).
    SystemCalls,
    /// No files (Landlock).
    Files,
    /// Memory (`RLIMIT_DATA`).
    Memory,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Privileges => "privileges",
            Self::SystemCalls => "system calls",
            Self::Files => "files",
            Self::Memory => "memory",
        })
    }
}

/// How a part of the confinement stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Held {
    /// It is enforced.
    Yes,
    /// It is not, and this is why: one line.
    No(#[serde(deserialize_with = "said")] String),
}

/// What a worker process is confined to: for `plugins info`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    #[serde(deserialize_with = "one_of_each")]
    parts: Vec<(Part, Held)>,
}

impl Confinement {
    /// Each part, and how it stands.
    pub fn parts(&self) -> &[(Part, Held)] {
        &self.parts
    }

    /// Whether all parts are enforced.
    pub fn is_whole(&self) -> bool {
        !self.parts.is_empty() && self.missing().is_empty()
    }

    /// The parts that are not enforced, with the reasons; empty where all are.
    pub fn missing(&self) -> String {
        let missing = self.parts.iter().filter_map(|(part, held)| match held {
            Held::Yes => None,
            Held::No(why) => Some(format!("{part}: {why}")),
        });
        missing.collect::<Vec<_>>().join("; ")
    }

    /// Says how a part stands; what is missing already stays missing.
    pub(crate) fn note(&mut self, part: Part, result: Result<(), String>) {
        let held = result.map_or_else(Held::No, |()| Held::Yes);
        match self.parts.iter_mut().find(|(known, _)| *known == part) {
            None => self.parts.push((part, held)),
            Some((_, known)) if *known == Held::Yes => *known = held,
            Some(_) => {}
        }
    }
}

/// What a worker says: a list of any length is one of each part at most.
fn one_of_each<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(Part, Held)>, D::Error> {
    let mut confinement = Confinement::default();
    for (part, held) in Vec::<(Part, Held)>::deserialize(from)? {
        let result = match held {
            Held::Yes => Ok(()),
            Held::No(why) => Err(why),
        };
        confinement.note(part, result);
    }
    Ok(confinement.parts)
}

/// The system's part in it. Each step says how far it went.
pub(crate) trait System {
    /// In the host, before its first worker: other processes of this user cannot read its memory and
    /// its environment.
    fn protect_host(&self);

    /// In the worker, first of all: nobody but the host ends it, it ends with the host, and leaves no
    /// core.
    fn settle(&self, memory: u64, confinement: &mut Confinement);

    /// In the worker, before the plugin is opened.
    fn before_opening(&self, plugin: &Path, confinement: &mut Confinement);

    /// In the worker, on each of its threads that go on, after the plugin has said hello.
    fn after_hello(&self, confinement: &mut Confinement);
}

/// This system's.
pub(crate) fn system() -> impl System {
    system::This
}

/// Ctrl-C reaches all processes of a terminal: without this it would look like the end of the plugin.
#[cfg(unix)]
#[allow(unsafe_code)]
fn ignore_signals() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        // SAFETY: no handler is installed.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_worker_says_has_one_line_for_each_part() {
        let said =
            r#"{"parts":[["Files",{"No":"a\n\u001b[2Jb"}],["Files","Yes"],["Memory","Yes"]]}"#;
        let confinement: Confinement = serde_json::from_str(said).unwrap();
        assert_eq!(confinement.missing(), r"files: a \u{1b}[2Jb");
        assert_eq!(confinement.parts().len(), 2);
        let own = serde_json::to_string(&confinement).unwrap();
        assert_eq!(
            serde_json::from_str::<Confinement>(&own).unwrap(),
            confinement
        );
    }

    #[test]
    fn what_is_missing_once_is_missing() {
        let mut confinement = Confinement::default();
        assert!(!confinement.is_whole());
        confinement.note(Part::Files, Ok(()));
        assert!(confinement.is_whole());
        confinement.note(Part::Files, Err("no Landlock".to_owned()));
        confinement.note(Part::Files, Ok(()));
        assert_eq!(confinement.missing(), "files: no Landlock");
    }
}
