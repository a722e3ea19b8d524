//! What workers do, and when: jobs in their lanes, and questions that come before their jobs.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_hoster::Repository;
use forgekeep_queue::{Lane, Turn, Worked};
use forgekeep_store::report::RepositoryReport;
use forgekeep_untrusted::Untrusted;

use super::{Errand, Execution, Job};
use crate::early::{EarlyQuestion, EarlySource};
use crate::event::Event;
use crate::plan::Action;

impl Execution<'_> {
    /// Adds jobs. What is in the backup already begins with a question.
    pub fn add(&self, jobs: Vec<Job>) {
        if jobs.is_empty() {
            return;
        }
        let sizes = jobs.iter().filter_map(|job| job.task.repository.size());
        let new = jobs.iter().filter_map(|job| job.task.size_of_new());
        self.observer.event(&Event::Planned {
            repositories: jobs.len(),
            bytes: sizes.fold(0, u64::saturating_add),
            new_bytes: new.fold(0, u64::saturating_add),
        });
        let (proved, jobs): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(Job::is_proved);
        for job in &proved {
            self.pass_over(job);
        }
        for job in &jobs {
            if job.task.action == Action::Clone {
                let folder = job.source.folder.join(&job.task.folder);
                self.space.expect_clone(&folder, job.task.repository.size());
            }
        }
        let jobs = jobs.into_iter();
        let jobs = jobs.filter_map(|job| {
            let key = (job.task.source, job.task.repository.id.clone());
            let (mut job, answer) = self.early.decided(key, Box::new(job))?;
            job.answer = answer;
            Some(job)
        });
        self.queue.add_ranked(jobs.map(|job| {
            let lane = match job.task.action {
                Action::Update => Lane::Question {
                    source: job.task.source,
                    most: job.source.ref_questions.min(self.limits.questions),
                },
                Action::Clone | Action::Adopt => Lane::Transfer,
            };
            let size = job.task.repository.size();
            let first = (self.postponed).has(&job.source.title, &job.task.repository.id);
            (Errand::Job(job), size, lane, first)
        }));
    }

    /// Has git asked early, once it is known what is in the backup of each source.
    pub fn know_in_backup(&self, in_backup: Vec<HashSet<Untrusted>>) {
        self.add_early(self.early.know(in_backup));
    }

    /// Has git asked for what a part of a listing has.
    pub fn ask_early(&self, source: &mut EarlySource, listed: &[Box<Repository>]) {
        self.add_early(self.early.of_page(source, listed));
    }

    fn add_early(&self, questions: Vec<EarlyQuestion>) {
        self.queue.add_ranked(questions.into_iter().map(|question| {
            let lane = question.lane(self.limits.questions);
            let size = question.size();
            (Errand::Ask(Box::new(question)), size, lane, false)
        }));
    }

    pub(super) fn run_errand(&self, errand: Errand, turn: &Turn<'_, Errand>) -> Worked<Errand> {
        let mut question = match errand {
            Errand::Job(job) => return self.work_on(job, turn),
            Errand::Ask(question) => question,
        };
        if !self.early.begin(&question) {
            return Worked::Done;
        }
        let answer = catch_unwind(AssertUnwindSafe(|| question.ask()));
        match self.early.end(question.key(), answer.ok().flatten()) {
            // Its source was listed meanwhile.
            Some((mut job, answer)) => {
                job.answer = answer;
                self.work_on(job, turn)
            }
            None => Worked::Done,
        }
    }

    fn work_on(&self, mut job: Box<Job>, turn: &Turn<'_, Errand>) -> Worked<Errand> {
        // A bug of ours, met on one repository, must not end the others.
        let run = || self.run_job(&mut job, turn);
        let (report, known) = match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Some(came)) => came,
            Ok(None) => return Worked::Waits(Errand::Job(job)),
            Err(_) => (self.panicked(&job), None),
        };
        self.done.lock().push(job.done(report, known));
        Worked::Done
    }

    fn panicked(&self, job: &Job) -> RepositoryReport {
        let failure = Failure::new(
            ErrorKind::Other,
            "Forgekeep panicked while mirroring this repository",
        )
        .with_hint("report it with what was printed before this line: this is a bug in Forgekeep");
        let report = job.blank_report().failed(failure);
        self.finished(job, &report);
        report
    }
}
