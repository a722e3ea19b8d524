//! Sources are asked on threads of their own: one that does not answer holds up no other, and none of
//! the workers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use forgekeep_config::Source;
use forgekeep_failure::{ErrorKind, Failure};

use super::{Engine, RunError};

/// Most sources that are asked at the same time.
pub(super) const SOURCES_AT_ONCE: usize = 16;

/// What came of asking a source, with its index.
pub(super) type Answer<A> = (usize, Result<A, Failure>);

impl Engine {
    /// Asks sources for something while `take` runs on this thread, which gets the answers as they
    /// come. Returns when all have answered: an interruption ends what waits for the network, and a
    /// plugin's call ends with its worker process or its deadline.
    ///
    /// # Errors
    ///
    /// No thread can be started.
    pub(super) fn beside<A: Send, R>(
        &self,
        sources: &[&Source],
        ask: impl Fn(&Source) -> Result<A, Failure> + Sync,
        take: impl FnOnce(Receiver<Answer<A>>) -> R,
    ) -> Result<R, RunError> {
        let (sender, receiver) = mpsc::channel();
        let next = AtomicUsize::new(0);
        let (next, ask) = (&next, &ask);
        thread::scope(|scope| {
            for number in 0..sources.len().min(SOURCES_AT_ONCE) {
                let sender = sender.clone();
                let work = move || {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(source) = sources.get(index) else {
                            break;
                        };
                        let answer = self.cancel.check().and_then(|()| ask_one(source, ask));
                        if sender.send((index, answer)).is_err() {
                            break;
                        }
                    }
                };
                let thread = thread::Builder::new().name(format!("source-{number}"));
                match thread.spawn_scoped(scope, work) {
                    Ok(_) => {}
                    Err(error) if number == 0 => return Err(no_threads(&error)),
                    // Those there are ask all of them.
                    Err(error) => {
                        log::warn!("only {number} sources are asked at a time: {error}");
                        break;
                    }
                }
            }
            drop(sender);
            Ok(take(receiver))
        })
    }

    /// The same for all answers, in the order of the sources.
    ///
    /// # Errors
    ///
    /// As [`Engine::beside`].
    pub(super) fn ask_all<A: Send>(
        &self,
        sources: &[&Source],
        ask: impl Fn(&Source) -> Result<A, Failure> + Sync,
    ) -> Result<Vec<Result<A, Failure>>, RunError> {
        let mut answers: Vec<Answer<A>> =
            self.beside(sources, ask, |answers| answers.into_iter().collect())?;
        answers.sort_by_key(|(index, _)| *index);
        Ok(answers.into_iter().map(|(_, answer)| answer).collect())
    }
}

/// A bug of ours, met on one source, must not end the others.
fn ask_one<A>(source: &Source, ask: &impl Fn(&Source) -> Result<A, Failure>) -> Result<A, Failure> {
    catch_unwind(AssertUnwindSafe(|| ask(source))).unwrap_or_else(|_| {
        Err(Failure::new(
            ErrorKind::Other,
            "Forgekeep panicked while asking this source",
        )
        .with_hint("report it with what was printed before this line: this is a bug in Forgekeep"))
    })
}

/// The system gives no threads.
pub(super) fn no_threads(error: &dyn std::fmt::Display) -> RunError {
    RunError::folder(
        Failure::new(ErrorKind::Other, format!("cannot start threads: {error}")).with_hint(
            "lower --jobs and options.network.refQuestions, or raise the limit on processes",
        ),
    )
}
