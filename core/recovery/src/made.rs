//! One repository at the target: made or found, and set up so far that it can be pushed to.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use forgekeep_engine::run::OpenTarget;
use forgekeep_failure::{Cancel, ErrorKind, Failure};
use forgekeep_hoster::{
    NewRepository, Part, PartKind, PushLimits, Repository, Setup, TargetSession, Visibility,
};
use forgekeep_restore_notes::{Note, Notes};
use forgekeep_untrusted::{Show as _, Untrusted};
use parking_lot::Mutex;

/// A minute, of which a target says how many repositories may be made in it.
const MINUTE: Duration = Duration::from_secs(60);

/// Lets no more repositories be made in a minute than a target takes.
pub(crate) struct Pace {
    most: Option<usize>,
    made: Mutex<VecDeque<Instant>>,
}

impl Pace {
    pub(crate) fn of(takes: &PushLimits) -> Self {
        let most = takes.creates_per_minute;
        Self {
            most: most.and_then(|most| usize::try_from(most.max(1)).ok()),
            made: Mutex::default(),
        }
    }

    /// Waits for its turn.
    pub(crate) fn wait(&self, cancel: &Cancel) -> Result<(), Failure> {
        loop {
            cancel.check()?;
            let Some(wait) = self.turn(Instant::now()) else {
                return Ok(());
            };
            cancel.wait(wait)?;
        }
    }

    /// How long it is until the next turn; none if it is taken now.
    fn turn(&self, now: Instant) -> Option<Duration> {
        let most = self.most?;
        let mut made = self.made.lock();
        while made
            .front()
            .is_some_and(|at| now.saturating_duration_since(*at) >= MINUTE)
        {
            made.pop_front();
        }
        if made.len() < most {
            made.push_back(now);
            return None;
        }
        let first = made.front().copied().unwrap_or(now);
        Some(MINUTE.saturating_sub(now.saturating_duration_since(first)))
    }
}

/// Asks a target, and once more after each limit on requests that it tells of: nothing was done then.
///
/// # Errors
///
/// That of the target; there was no time to wait for a limit.
pub(crate) fn patiently<T>(
    target: &OpenTarget,
    ask: impl Fn(&dyn TargetSession) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let session = target.session()?;
    let mut absent = 0;
    loop {
        match ask(session) {
            Err(failure) if target.services.wait_out_api(&failure)? => {
                log::info!("{failure}; it is asked again");
            }
            // What was made a moment ago is not known everywhere at once; its plugin says so.
            Err(failure)
                if failure.kind == ErrorKind::NotFound
                    && !failure.permanent
                    && absent < MOST_ABSENT =>
            {
                let policy = &target.services.retry_policy;
                target.services.cancel.wait(policy.wait(absent, 1.0))?;
                absent += 1;
            }
            answered => return answered,
        }
    }
}

/// How often what was made a moment ago is asked for until it is known.
const MOST_ABSENT: u32 = 5;

/// Makes repositories, and notes each before and after.
pub(crate) struct Maker<'a> {
    pub target: &'a OpenTarget,
    pub notes: &'a Notes,
    pub pace: &'a Pace,
    pub cancel: &'a Cancel,
}

impl Maker<'_> {
    /// Makes a repository. `former` is what was noted of it before: it counts on if none is made.
    ///
    /// # Errors
    ///
    /// There is none now, or it is not known whether there is.
    pub(crate) fn make(
        &self,
        note: &mut Note,
        former: Option<&Note>,
        what: &NewRepository,
    ) -> Result<Repository, Failure> {
        self.pace.wait(self.cancel)?;
        if let Some(former) = former {
            note.made_before.clone_from(&former.made_before);
            note.made_before.extend(former.made.clone());
        }
        self.notes.write(note)?;
        let made = match patiently(self.target, |session| session.create(what)) {
            Ok(made) => made,
            Err(failure) => self.after(note, former, failure)?,
        };
        note.made = Some(made.id.clone());
        note.made_name = Some(made.full_name.clone());
        self.notes.write(note)?;
        Ok(made)
    }

    /// What there is after a request to make it has failed: it may have done its work.
    fn after(
        &self,
        note: &Note,
        former: Option<&Note>,
        failure: Failure,
    ) -> Result<Repository, Failure> {
        let failure = self.cancel.explain(failure);
        let is_refused = match failure.status {
            Some(status) => (400..500).contains(&status),
            None => matches!(failure.kind, ErrorKind::Config | ErrorKind::Policy),
        };
        match former {
            // Nothing was made: what was known counts on.
            Some(former) if is_refused => self.notes.write(former)?,
            None if is_refused => self.notes.remove(note)?,
            // It may have been made, and is looked for by its name.
            _ => {}
        }
        Err(failure)
    }
}

/// What was made public by mistake gets no ref.
pub(crate) fn check_private(made: &Repository) -> Result<(), Failure> {
    if made.visibility == Visibility::Private {
        return Ok(());
    }
    let message = format!(
        "{} at the target is not private, and only private repositories are pushed to",
        made.full_name.shown()
    );
    Err(Failure::new(ErrorKind::Policy, message).with_hint(
        "make it private there, or delete it, and run the same command again; a plan without private repositories has to be another one",
    ))
}

/// The git repository of what is at a target.
pub(crate) fn git_part(repository: &Repository) -> Result<&Part, Failure> {
    repository.part(PartKind::Git).ok_or_else(|| {
        let message = format!(
            "the hoster gives no address to push \"{}\" to",
            repository.full_name.shown()
        );
        Failure::new(ErrorKind::BadAnswer, message)
            .with_hint("report it to the hoster, or to the plugin's authors")
    })
}

/// That somebody's repository has the name.
pub(crate) fn taken(repository: &Repository, refs: usize) -> Failure {
    let name = repository.full_name.shown();
    let message = match refs {
        0 => format!(
            "{name} at the target, which no restore has made, is empty and not private: it was left as it is"
        ),
        1 => format!(
            "{name} at the target, which no restore has made, holds 1 ref: it was left as it is"
        ),
        number => format!(
            "{name} at the target, which no restore has made, holds {number} refs: it was left as it is"
        ),
    };
    let hint = match refs {
        0 => "make it private there to have it used, or set `rename` in the target for this one",
        _ => "set `rename` in the target for this one, or rename the other one there",
    };
    Failure::new(ErrorKind::ForeignFolder, message).with_hint(hint)
}

/// Only what is named is set.
pub(crate) fn automation_off() -> Setup {
    Setup {
        automation: Some(false),
        ..Setup::default()
    }
}

/// A branch to be the default one, where its name is text.
pub(crate) fn default_branch(name: &[u8]) -> Option<Setup> {
    let short = name.strip_prefix(b"refs/heads/")?;
    let short = std::str::from_utf8(short).ok()?;
    Some(Setup {
        default_branch: Some(Untrusted::new(short)),
        ..Setup::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_made_in_a_minute_than_a_target_takes() {
        let takes = PushLimits {
            creates_per_minute: Some(2),
            ..PushLimits::default()
        };
        let pace = Pace::of(&takes);
        let begin = Instant::now();
        assert_eq!(pace.turn(begin), None);
        assert_eq!(pace.turn(begin + Duration::from_secs(10)), None);
        let wait = pace.turn(begin + Duration::from_secs(20));
        assert_eq!(wait, Some(Duration::from_secs(40)));
        assert_eq!(pace.turn(begin + MINUTE), None);
        assert_eq!(Pace::of(&PushLimits::default()).turn(begin), None);
    }
}
