//! The plan, carried out: repositories side by side, each made, pushed, compared, and noted.

use forgekeep_failure::{Cancel, ErrorKind, Failure, Finding};
use forgekeep_hoster::{NewRepository, Repository, Setup, Visibility};
use forgekeep_restore_notes::Note;
use forgekeep_store::part::PartKind;

use forgekeep_untrusted::Printable;
use parking_lot::Mutex;
use rayon::prelude::*;

use crate::begun::{begun, sendable};
use crate::compare::compare;
use crate::item::{Item, Step, Whose};
use crate::made::{
    Maker, Pace, automation_off, check_private, default_branch, git_part, patiently, taken,
};
use crate::push::{Sender, Sent};
use crate::report::{AtTarget, Refused, RepositoryRestored, RestoreOutcome, WIKI_IS_THERE};
use crate::surroundings::Surroundings;
use crate::wiki;

/// A plan under way.
pub struct Run<'a> {
    /// What its repositories have in common.
    pub surroundings: Surroundings<'a>,
    /// Repositories at a time.
    pub jobs: usize,
    /// Whether what is made is removed again.
    pub drill: bool,
    /// Ends it early.
    pub cancel: &'a Cancel,
}

impl<'r> Run<'r> {
    /// Brings everything back. `done` is told of each repository.
    ///
    /// # Errors
    ///
    /// Only if no threads can be started.
    pub fn all(
        &self,
        done: &(dyn Fn(&RepositoryRestored) + Sync),
    ) -> Result<(Vec<RepositoryRestored>, Vec<Finding>), Failure> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.jobs)
            .build()
            .map_err(|error| {
                Failure::new(ErrorKind::Machine, format!("cannot start threads: {error}"))
                    .with_hint("raise the limit on processes")
            })?;
        let one = One::of(self);
        let restored = pool.install(|| {
            let items = self.surroundings.plan.items.par_iter().with_max_len(1);
            let restored = items.map(|item| {
                let restored = one.restore(item);
                done(&restored);
                restored
            });
            restored.collect()
        });
        Ok((restored, one.said.into_inner()))
    }

    /// What would come of each: nothing is written, here or there.
    pub fn planned(&self) -> Vec<RepositoryRestored> {
        let items = self.surroundings.plan.items.par_iter().with_max_len(1);
        items
            .map(|item| {
                let mut restored = begun(item, self.surroundings.redactor());
                restored.outcome = match &item.step {
                    Step::NotThen => RestoreOutcome::NotThen,
                    Step::Refuse(failure) => {
                        restored.error = Some(failure.clone());
                        RestoreOutcome::Failed
                    }
                    Step::Make => {
                        let lost = restored.wiki.take();
                        restored.wiki = lost.or_else(|| self.wiki_planned(item));
                        RestoreOutcome::Planned
                    }
                    Step::GoOn(found, whose) => {
                        match self.look_at(item, found, *whose, &mut restored) {
                            Ok(outcome) => outcome,
                            Err(failure) => {
                                restored.error = Some(failure);
                                RestoreOutcome::Failed
                            }
                        }
                    }
                };
                restored
            })
            .collect()
    }

    /// Why the wiki of what is made would not be restored, if so.
    fn wiki_planned(&self, item: &Item<'_>) -> Option<Printable> {
        let takes = &self.surroundings.plan.report.takes;
        (item.wiki.is_some() && takes.no_new_wikis).then(|| wiki::none_there(item))
    }

    /// What there would be to do about what was found at the target.
    fn look_at(
        &self,
        item: &Item<'_>,
        found: &Repository,
        whose: Whose,
        restored: &mut RepositoryRestored,
    ) -> Result<RestoreOutcome, Failure> {
        self.check_found(item, found, whose)?;
        let one = One::of(self);
        let around = &self.surroundings;
        let is_set_up = around.is_set_up(item);
        match is_set_up && one.is_as_it_was(item, found, restored)? {
            true => Ok(RestoreOutcome::Present),
            false => Ok(RestoreOutcome::Planned),
        }
    }

    /// Whether what was found at the target may be pushed to.
    fn check_found(
        &self,
        item: &Item<'_>,
        found: &Repository,
        whose: Whose,
    ) -> Result<(), Failure> {
        if whose == Whose::Ours {
            // What was whole may have been opened since, on purpose.
            return match self.surroundings.is_set_up(item) {
                true => Ok(()),
                false => check_private(found),
            };
        }
        let around = &self.surroundings;
        let mirror = item.kept.part(PartKind::Repository);
        let refs = around.refs_there(found, git_part(found)?, &mirror.folder)?;
        match refs.is_empty() && found.visibility == Visibility::Private {
            true => Ok(()),
            false => Err(taken(found, refs.len())),
        }
    }
}

/// What the repositories of a run share.
struct One<'a> {
    run: &'a Run<'a>,
    pace: Pace,
    /// What was said of the target, each thing once.
    said: Mutex<Vec<Finding>>,
    /// Why nothing more is made.
    stopped: Mutex<Option<Failure>>,
}

impl<'a> One<'a> {
    fn of(run: &'a Run<'a>) -> Self {
        Self {
            run,
            pace: Pace::of(&run.surroundings.plan.report.takes),
            said: Mutex::new(Vec::new()),
            stopped: Mutex::new(None),
        }
    }

    fn restore(&self, item: &Item<'_>) -> RepositoryRestored {
        let mut restored = begun(item, self.run.surroundings.redactor());
        match &item.step {
            Step::NotThen => return restored,
            Step::Refuse(failure) => {
                restored.outcome = RestoreOutcome::Failed;
                restored.error = Some(failure.clone());
                return restored;
            }
            Step::Make | Step::GoOn(..) => {}
        }
        if self.run.cancel.is_cancelled() || self.stopped.lock().is_some() {
            return restored;
        }
        match self.bring_back(item, &mut restored) {
            Ok(()) => {}
            Err(failure) if failure.kind == ErrorKind::Cancelled => {
                // Once it was asked for, it may be there.
                let something = restored.outcome == RestoreOutcome::Failed;
                restored.error = something.then_some(failure);
            }
            Err(failure) => {
                self.stop_if_ended(&failure);
                restored.outcome = RestoreOutcome::Failed;
                restored.error = Some(self.cleaned(failure));
            }
        }
        restored
    }

    /// Nothing more is made where the target has ended.
    fn stop_if_ended(&self, failure: &Failure) {
        let session = self.run.surroundings.target.session().ok();
        if session.and_then(|target| target.ended()).is_some() {
            self.stop(failure);
        }
    }

    fn stop(&self, failure: &Failure) {
        self.stopped.lock().get_or_insert_with(|| failure.clone());
    }

    fn cleaned(&self, mut failure: Failure) -> Failure {
        let redactor = self.run.surroundings.redactor();
        failure.message = redactor.clean(&failure.message).into_owned().into();
        failure.hint = redactor.clean(&failure.hint).into_owned().into();
        failure
    }

    fn bring_back(
        &self,
        item: &Item<'_>,
        restored: &mut RepositoryRestored,
    ) -> Result<(), Failure> {
        let place = &self.run.surroundings.plan.place;
        let mut note = Note::new(
            place,
            item.origin.clone(),
            item.full_name.clone(),
            item.name.clone(),
        );
        note.drill = self.run.drill;
        let around = &self.run.surroundings;
        let known = around.noted_of(item).filter(|_| !self.run.drill);
        let found = match &item.step {
            Step::GoOn(found, whose) => {
                self.run.check_found(item, found, *whose)?;
                match (known, whose) {
                    (Some(known), Whose::Ours) => note.clone_from(known),
                    // Whatever it has besides refs is somebody's.
                    _ => note.wiki = wiki::somebodys(around, item, found)?,
                }
                note.made = Some(found.id.clone());
                note.made_name = Some(found.full_name.clone());
                Some((**found).clone())
            }
            _ => None,
        };
        let is_new = found.is_none();
        // Until it is known what came of it.
        restored.outcome = RestoreOutcome::Failed;
        let mut repository = match found {
            Some(found) => found,
            None => self.make(item, &mut note, known, restored)?,
        };
        restored.target = Some(AtTarget {
            id: Some(repository.id.clone()),
            name: repository.full_name.clone(),
        });
        // What was set up once is people's to set up from then on.
        let sets = !note.set_up;
        if !sets {
            if self.is_as_it_was(item, &repository, restored)? {
                restored.outcome = RestoreOutcome::Present;
                return Ok(());
            }
            check_private(&repository)?;
        }
        if !is_new {
            around.notes.write(&note)?;
        }
        // What is archived takes no push.
        let is_archived = item.is_archived() && (sets || repository.archived);
        if repository.archived && is_archived {
            self.configure(&repository, &archived(false))?;
        }
        if sets {
            self.configure(&repository, &automation_off())?;
        }
        let begun = wiki::Begun::of(around, item, &mut repository, &mut note, is_new)?;
        let manner = Manner { is_new, sets };
        let sent = self.send(item, &repository, manner, restored)?;
        note.sent = true;
        around.notes.write(&note)?;
        restored.bytes_sent += sent.bytes;
        restored.refs.there = sent.there;
        restored.refs.before = sent.before;
        self.refuse(restored, sent);
        wiki::send(around, item, &repository, &begun, restored);
        if is_archived {
            self.configure(&repository, &archived(true))?;
        }
        let sendable = restored.refs.wanted - restored.refs.at_home;
        let all_before = restored.refs.before == sendable;
        restored.outcome = match restored.refused.is_empty() && wiki::is_good(restored) {
            true if !is_new && all_before => RestoreOutcome::Present,
            true => RestoreOutcome::Restored,
            false => RestoreOutcome::Partial,
        };
        note.complete = restored.outcome != RestoreOutcome::Partial;
        note.set_up |= restored
            .refused
            .iter()
            .all(|refused| *refused.name != *HEAD);
        around.notes.write(&note)
    }

    /// Whether all of it is there, as a fetch gets it: of a repository that was set up before.
    fn is_as_it_was(
        &self,
        item: &Item<'_>,
        repository: &Repository,
        restored: &mut RepositoryRestored,
    ) -> Result<bool, Failure> {
        let around = &self.run.surroundings;
        let tips = sendable(item, repository, restored)?;
        let to = around.destination(repository, git_part(repository)?)?;
        let is_so = restored.refused.is_empty()
            && (tips.is_empty() || compare(&to, &tips)?.differs.is_empty())
            && item.wiki_lost.is_none()
            && wiki::is_as_it_was(around, item, repository)?;
        if is_so {
            (restored.refs.there, restored.refs.before) = (tips.len(), tips.len());
            restored.wiki = item.wiki.as_ref().map(|_| WIKI_IS_THERE.into());
        }
        Ok(is_so)
    }

    fn make(
        &self,
        item: &Item<'_>,
        note: &mut Note,
        former: Option<&Note>,
        restored: &mut RepositoryRestored,
    ) -> Result<Repository, Failure> {
        let maker = Maker {
            target: self.run.surroundings.target,
            notes: self.run.surroundings.notes,
            pace: &self.pace,
            cancel: self.run.cancel,
        };
        let what = NewRepository {
            name: item.name.clone(),
            description: item.description(),
            wiki: item.wiki.is_some(),
        };
        let made = maker.make(note, former, &what)?;
        restored.target = Some(AtTarget {
            id: Some(made.id.clone()),
            name: made.full_name.clone(),
        });
        // The next one would be public, too.
        check_private(&made).inspect_err(|failure| self.stop(failure))?;
        Ok(made)
    }

    /// Sets something up, and remembers what is said of it.
    fn configure(&self, repository: &Repository, what: &Setup) -> Result<(), Failure> {
        let said = patiently(self.run.surroundings.target, |session| {
            session.configure(repository, what)
        })?;
        let mut all = self.said.lock();
        for finding in said {
            if !all.contains(&finding) {
                all.push(finding);
            }
        }
        Ok(())
    }

    /// Sends the refs, the default branch first, and compares.
    fn send(
        &self,
        item: &Item<'_>,
        repository: &Repository,
        manner: Manner,
        restored: &mut RepositoryRestored,
    ) -> Result<Sent, Failure> {
        let around = &self.run.surroundings;
        let to = around.destination(repository, git_part(repository)?)?;
        let mirror = item.kept.part(PartKind::Repository);
        let tips = &sendable(item, repository, restored)?;
        let work = around.folder()?;
        let mut sender = match tips.is_empty() && item.then.detached.is_none() {
            true => return Ok(Sent::default()),
            false => Sender::begin(&to, &mirror.folder, tips, work.path(), manner.is_new)?,
        };
        if let Some(oid) = item.then.detached
            && !sender.reaches(oid)?
        {
            restored.refused.push(Refused {
                name: HEAD.into(),
                why: format!("it is detached at {oid}, which no ref holds: only refs can be pushed; restore to a folder, and make a branch of it there").into(),
            });
        }
        if tips.is_empty() {
            return Ok(Sent::default());
        }
        let head = item.then.head.as_ref();
        let head = head.filter(|head| tips.contains_key(*head));
        let is_there = match head {
            Some(head) => sender.first(head)?,
            None => false,
        };
        let setup = head.filter(|_| is_there && manner.sets).map(|head| {
            let setup = default_branch(head);
            setup.ok_or_else(|| Printable::from("its name is no text"))
        });
        let set = |setup: &Setup| match self.configure(repository, setup) {
            Err(failure) if failure.kind == ErrorKind::Cancelled => Err(failure),
            Err(failure) => Ok(Err(self.cleaned(failure).message)),
            Ok(()) => Ok(Ok(())),
        };
        // A default branch that cannot be set holds back no ref.
        let mut is_set = match &setup {
            Some(Ok(setup)) => set(setup)?,
            Some(Err(why)) => Err(why.clone()),
            None => Ok(()),
        };
        let mut sent = sender.rest(head)?;
        let mut seen = compare(&to, tips)?;
        if let (Some(Ok(setup)), true) = (&setup, is_set.is_ok())
            && seen.head.as_ref() != head
        {
            is_set = set(setup)?;
            seen = compare(&to, tips)?;
            if is_set.is_ok() && seen.head.as_ref() != head {
                is_set = Err("another branch is the default one there, though it was set".into());
            }
        }
        if let Err(why) = is_set {
            let why = format!("the default branch is not set: {why}");
            restored.refused.push(Refused {
                name: HEAD.into(),
                why: why.into(),
            });
        }
        for (name, why) in seen.differs {
            if sent.refused.iter().all(|known| known.name != name) {
                sent.there = sent.there.saturating_sub(1);
                restored.refused.push(Refused { name, why });
            }
        }
        Ok(sent)
    }

    fn refuse(&self, restored: &mut RepositoryRestored, sent: Sent) {
        let redactor = self.run.surroundings.redactor();
        let refused = sent.refused.into_iter().map(|refused| Refused {
            name: refused.name,
            why: redactor.clean(&refused.why).into_owned().into(),
        });
        restored.refused.extend(refused);
    }
}

/// What is called so in a list of refs.
const HEAD: &str = "HEAD";

/// How a repository is pushed to.
#[derive(Clone, Copy)]
struct Manner {
    /// It was made a moment ago.
    is_new: bool,
    /// Its default branch is set.
    sets: bool,
}

fn archived(archived: bool) -> Setup {
    Setup {
        archived: Some(archived),
        ..Setup::default()
    }
}
