//! Questions to whoever sits at the terminal.

use std::io::{self, IsTerminal as _};

use console::Term;
use forgekeep_untrusted::Secret;

use crate::exit::{Complaint, ExitCode};
use crate::terminal::{ask, tell};

/// How often an answer is asked for that cannot be used.
const TRIES: usize = 5;

/// Somebody who can be asked.
pub struct Person(());

impl Person {
    /// If there is somebody: who types, and sees what is asked.
    pub fn at_terminal() -> Option<Self> {
        let there = io::stdin().is_terminal() && io::stderr().is_terminal();
        there.then_some(Self(()))
    }

    /// An answer; the default where there is one and nothing is typed, else nothing.
    fn answer(&self, question: &str, default: &str) -> Result<String, Complaint> {
        match default.is_empty() {
            true => ask(&format!("{question}: ")),
            false => ask(&format!("{question} [{default}]: ")),
        }
        let mut line = String::new();
        let read = io::stdin().read_line(&mut line);
        if read.map_err(|error| unread(&error))? == 0 {
            // The next output begins on a line of its own.
            tell!("");
            return Err(ended());
        }
        let answer = line.trim();
        Ok(match answer.is_empty() {
            true => default.to_owned(),
            false => answer.to_owned(),
        })
    }

    /// An answer that there must be, and that `refuse` does not refuse.
    pub fn needed(
        &self,
        question: &str,
        default: &str,
        refuse: impl Fn(&str) -> Option<String>,
    ) -> Result<String, Complaint> {
        for _ in 0..TRIES {
            let answer = self.answer(question, default)?;
            match (answer.is_empty(), refuse(&answer)) {
                (true, _) => tell!("  an answer is needed"),
                (false, Some(why)) => tell!("  {why}"),
                (false, None) => return Ok(answer),
            }
        }
        Err(ended())
    }

    /// An answer that may be left out.
    pub fn optional(&self, question: &str) -> Result<Option<String>, Complaint> {
        let answer = self.answer(question, "")?;
        Ok(Some(answer).filter(|answer| !answer.is_empty()))
    }

    /// A secret, which is not echoed.
    pub fn secret(&self, question: &str) -> Result<Option<Secret>, Complaint> {
        ask(&format!("{question}: "));
        let secret = Term::stderr().read_secure_line();
        // The line break was not echoed either.
        tell!("");
        let secret = Secret::new(secret.map_err(|error| unread(&error))?);
        let secret = Secret::new(secret.expose().trim());
        Ok(Some(secret).filter(|secret| !secret.is_empty()))
    }

    /// Whether it is wanted. No answer means no.
    pub fn agrees(&self, question: &str) -> Result<bool, Complaint> {
        let answer = self.answer(&format!("{question} [y/N]"), "")?;
        Ok(matches!(answer.to_lowercase().as_str(), "y" | "yes"))
    }
}

fn unread(error: &io::Error) -> Complaint {
    Complaint::new(
        ExitCode::Unexpected,
        format!("the answer cannot be read: {error}"),
        "give the answers as options: `forgekeep init --help` lists them",
    )
}

fn ended() -> Complaint {
    Complaint::new(
        ExitCode::Usage,
        "a question was not answered, and nothing was written",
        "give the answers as options: `forgekeep init --help` lists them",
    )
}

/// Ends the process at a signal. A terminal that does not echo, since a secret was being typed, does so
/// again.
pub fn end_at_signal() -> Result<(), Complaint> {
    #[cfg(unix)]
    let found = rustix::termios::tcgetattr(io::stdin()).ok();
    let set = ctrlc::set_handler(move || {
        #[cfg(unix)]
        if let Some(found) = &found {
            let now = rustix::termios::OptionalActions::Now;
            // Nobody is left to tell of a failure.
            let _ = rustix::termios::tcsetattr(io::stdin(), now, found);
        }
        std::process::exit(i32::from(ExitCode::Interrupted.code()));
    });
    set.map_err(|error| {
        Complaint::new(
            ExitCode::Unexpected,
            format!("signals cannot be handled: {error}"),
            "",
        )
    })
}
