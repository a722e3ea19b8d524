//! The plan, carried out: repositories side by side, each made, pushed, compared, and noted.

use forgekeep_failure::{Cancel, ErrorKind, Failure, Finding};
use forgekeep_hoster::{NewRepository, Repository, Setup, Visibility};
use forgekeep_restore::Chosen;
use forgekeep_store::part::PartKind;
use forgekeep_store::restores::Note;
use forgekeep_untrusted::{Printable, Redactor};
use parking_lot::Mutex;
use rayon::prelude::*;

use crate::compare::compare;
use crate::made::{
    Maker, Pace, automation_off, check_private, default_branch, git_part, patiently, refs_there,
    taken,
};
use crate::plan::{Item, Step, Whose};
use crate::push::{Destination, Sender, Sent};
use crate::report::{AtTarget, RefCounts, Refused, RepositoryRestored, RestoreOutcome};
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

impl Run<'_> {
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
        let one = One {
            run: self,
            pace: Pace::of(&self.surroundings.plan.report.takes),
            said: Mutex::new(Vec::new()),
            stopped: Mutex::new(None),
        };
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
                    Step::Make => RestoreOutcome::Planned,
                    Step::GoOn(found, whose) => match self.check_found(item, found, *whose) {
                        Ok(()) => RestoreOutcome::Planned,
                        Err(failure) => {
                            restored.error = Some(failure);
                            RestoreOutcome::Failed
                        }
                    },
                };
                restored
            })
            .collect()
    }

    /// Whether what was found at the target may be pushed to.
    fn check_found(
        &self,
        item: &Item<'_>,
        found: &Repository,
        whose: Whose,
    ) -> Result<(), Failure> {
        if whose == Whose::Ours {
            return check_private(found);
        }
        let session = self.surroundings.target.session()?;
        let work = self.surroundings.folder()?;
        let mirror = item.kept.part(PartKind::Repository);
        let part = git_part(found)?;
        let refs = refs_there(
            self.surroundings.target,
            session,
            found,
            part,
            work.path(),
            &mirror.folder,
        )?;
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

impl One<'_> {
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
                let something = restored.target.as_ref().is_some_and(|at| at.id.is_some());
                restored.outcome = match something {
                    true => RestoreOutcome::Failed,
                    false => RestoreOutcome::NotDone,
                };
                restored.error = something.then_some(failure);
            }
            Err(failure) => {
                self.stop_by(&failure);
                restored.outcome = RestoreOutcome::Failed;
                restored.error = Some(self.cleaned(failure));
            }
        }
        restored
    }

    /// Whether the next repository fares no better.
    fn stop_by(&self, failure: &Failure) {
        let ended = self
            .run
            .surroundings
            .target
            .session()
            .ok()
            .and_then(|target| target.ended());
        let is_public = failure.kind == ErrorKind::Policy;
        if ended.is_some() || is_public {
            self.stopped.lock().get_or_insert_with(|| failure.clone());
        }
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
        let Some(chosen) = &item.chosen else {
            return Ok(());
        };
        let place = &self.run.surroundings.plan.place;
        let mut note = Note::new(
            place,
            item.origin.clone(),
            item.full_name.clone(),
            item.name.clone(),
        );
        note.drill = self.run.drill;
        let found = match &item.step {
            Step::GoOn(found, whose) => {
                self.run.check_found(item, found, *whose)?;
                if let Some(known) = self.run.surroundings.noted_of(item) {
                    note.wiki.clone_from(&known.wiki);
                    note.begun = known.begun;
                }
                note.made = Some(found.id.clone());
                note.made_name = Some(found.full_name.clone());
                self.run.surroundings.notes.write(&note)?;
                Some((**found).clone())
            }
            _ => None,
        };
        let is_new = found.is_none();
        let mut repository = match found {
            Some(found) => found,
            None => self.make(item, &mut note)?,
        };
        restored.target = Some(AtTarget {
            id: Some(repository.id.clone()),
            name: repository.full_name.clone(),
        });
        // What was archived takes no push; a restore that ended just before its note is gone on with.
        if repository.archived && item.is_archived() {
            self.configure(&repository, &archived(false))?;
        }
        if is_new || !repository.archived {
            self.configure(&repository, &automation_off())?;
        }
        let begun = wiki::Begun::of(
            &self.run.surroundings,
            item,
            &mut repository,
            &mut note,
            is_new,
        )?;
        let sent = self.send(item, chosen, &repository, is_new, restored)?;
        restored.bytes_sent += sent.bytes;
        restored.refs.there = sent.there;
        restored.refs.before = sent.before;
        self.refuse(restored, sent);
        wiki::send(&self.run.surroundings, item, &repository, &begun, restored);
        if item.is_archived() {
            self.configure(&repository, &archived(true))?;
        }
        let all_before = restored.refs.before == restored.refs.wanted - restored.refs.at_home;
        restored.outcome = match restored.refused.is_empty() && wiki::is_good(restored) {
            true if !is_new && all_before => RestoreOutcome::Present,
            true => RestoreOutcome::Restored,
            false => RestoreOutcome::Partial,
        };
        note.complete = restored.outcome != RestoreOutcome::Partial;
        self.run.surroundings.notes.write(&note)
    }

    fn make(&self, item: &Item<'_>, note: &mut Note) -> Result<Repository, Failure> {
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
        maker.make(note, &what)
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
        chosen: &Chosen,
        repository: &Repository,
        is_new: bool,
        restored: &mut RepositoryRestored,
    ) -> Result<Sent, Failure> {
        let part = git_part(repository)?;
        let session = self.run.surroundings.target.session()?;
        let to = Destination {
            session,
            services: &self.run.surroundings.target.services,
            repository,
            part,
            takes: &self.run.surroundings.plan.report.takes,
        };
        let mirror = item.kept.part(PartKind::Repository);
        let tips = &item.survey.tips;
        if tips.is_empty() {
            return Ok(Sent::default());
        }
        let work = self.run.surroundings.folder()?;
        let mut sender = Sender::begin(&to, &mirror.folder, tips, work.path(), is_new)?;
        let head = chosen.state.default_branch();
        let head = head.filter(|head| tips.contains_key(*head));
        let mut wants_head = None;
        if let Some(head) = head
            && sender.first(head)?
        {
            match default_branch(head) {
                Some(setup) => {
                    self.configure(repository, &setup)?;
                    wants_head = Some((head, setup));
                }
                None => restored
                    .notes
                    .push("the default branch is not set: its name is no text".into()),
            }
        }
        let mut sent = sender.rest(head)?;
        let authorization = || to.authorization();
        let mut seen = compare(
            &self.run.surroundings.target.services,
            part,
            &authorization,
            tips,
        )?;
        if let Some((head, setup)) = wants_head
            && seen.head.as_ref() != Some(head)
        {
            self.configure(repository, &setup)?;
            seen = compare(
                &self.run.surroundings.target.services,
                part,
                &authorization,
                tips,
            )?;
            if seen.head.as_ref() != Some(head) {
                restored.refused.push(Refused {
                    name: "HEAD".into(),
                    why: "the default branch is another one there, though it was set".into(),
                });
            }
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

fn archived(archived: bool) -> Setup {
    Setup {
        archived: Some(archived),
        ..Setup::default()
    }
}

/// What is known of a repository before anything is done.
fn begun(item: &Item<'_>, redactor: &Redactor) -> RepositoryRestored {
    let chosen = item.chosen.as_ref();
    let snapshot = chosen.and_then(|chosen| chosen.snapshot.as_ref());
    let head = chosen.and_then(|chosen| chosen.state.default_branch());
    let refused = item.survey.refused.iter().map(|refused| Refused {
        name: refused.name.clone(),
        why: refused.why.clone(),
    });
    let remarks = item.survey.remarks.iter();
    let mut notes: Vec<Printable> = remarks
        .map(|remark| Printable::from(redactor.clean(remark).into_owned()))
        .collect();
    if let Some(oid) = chosen.and_then(|chosen| chosen.state.detached()) {
        notes.push(
            format!(
                "HEAD was detached at {oid}: hosters have none, and their default branch stays"
            )
            .into(),
        );
    }
    RepositoryRestored {
        source: item.kept.title.clone(),
        id: item.kept.id().cloned(),
        name: item.full_name.clone(),
        snapshot: snapshot.map(|(id, time)| format!("{id} of {time}").into()),
        target: match &item.step {
            Step::Make => Some(AtTarget {
                id: None,
                name: item.name.clone(),
            }),
            Step::GoOn(found, _) => Some(AtTarget {
                id: Some(found.id.clone()),
                name: found.full_name.clone(),
            }),
            Step::NotThen | Step::Refuse(_) => None,
        },
        outcome: match item.step {
            Step::NotThen => RestoreOutcome::NotThen,
            _ => RestoreOutcome::NotDone,
        },
        refs: RefCounts {
            wanted: chosen.map_or(0, |chosen| chosen.state.tips.len()),
            at_home: item.survey.at_home,
            ..RefCounts::default()
        },
        refused: refused.collect(),
        default_branch: head.map(|head| {
            let short = head.strip_prefix(b"refs/heads/").unwrap_or(head);
            forgekeep_git::refs::shown(short).into()
        }),
        wiki: None,
        bytes_sent: 0,
        notes,
        error: None,
    }
}
