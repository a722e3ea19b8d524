//! Questions that are asked while their source is still being listed: a listing of many pages takes as long
//! as the questions about what is on them.
//!
//! Asked is for what is in the backup already, what the filters let through so far, and of what the listing
//! itself does not tell whether it has changed. It is the question alone. Nothing is fetched, written or said before the whole
//! listing is there and its plan is decided: whatever the plan leaves out, the answer is dropped, and of what
//! it has, the answer goes along with the task. If that is what the mirror has, that was all; if not, or if
//! there is no answer, the task asks anew when its turn comes, as if nobody had asked before.
//!
//! The first question of a source that fails is the last one that is asked early: why it fails, and what
//! there is to do about that, is found out in its turn.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use forgekeep_config::filter::RepoFilter;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_hoster::{PartKind, Repository};
use forgekeep_http::{HttpClient, Services, Visit};
use forgekeep_mirror::{Answer, ask_early};
use forgekeep_protocol::Way;
use forgekeep_queue::{Lane, is_heavy};
use forgekeep_store::versions::SourceVersions;
use forgekeep_untrusted::Untrusted;
use parking_lot::Mutex;

use crate::source::OpenSource;

/// What is in the backup of each source, by the hoster's identities.
type InBackup = Vec<HashSet<Untrusted>>;

/// The index of a source, and the hoster's identity of a repository.
type Key = (usize, Untrusted);

/// A task with what upstream has said already, if anything.
type Decided<J> = (J, Option<Box<Answer>>);

/// Most questions of what is listed before the disk has been looked at.
const MOST_UNSORTED: usize = 1000;

/// The early questions of a run.
///
/// `J` is a task that may wait for an answer.
pub(crate) struct EarlyQuestions<J>(Mutex<State<J>>);

struct State<J> {
    /// Known once somebody has looked at the disk.
    in_backup: Option<InBackup>,
    /// What was listed before that, whether or not it is in the backup.
    unsorted: Vec<EarlyQuestion>,
    /// How far each is, by its source's index and the hoster's identity.
    asked: HashMap<Key, Asked<J>>,
}

impl<J> Default for EarlyQuestions<J> {
    fn default() -> Self {
        Self(Mutex::new(State {
            in_backup: None,
            unsorted: Vec::new(),
            asked: HashMap::new(),
        }))
    }
}

impl<J> State<J> {
    /// A question that is to be asked, if what it is about is in the backup; each once.
    fn sort(&mut self, question: EarlyQuestion) -> Option<EarlyQuestion> {
        let Some(in_backup) = &self.in_backup else {
            if self.unsorted.len() < MOST_UNSORTED {
                self.unsorted.push(question);
            }
            return None;
        };
        let in_backup = in_backup.get(question.source)?;
        if !in_backup.contains(&question.repository.id) {
            return None;
        }
        match self.asked.entry(question.key()) {
            Entry::Occupied(_) => None,
            Entry::Vacant(free) => {
                free.insert(Asked::Waits);
                Some(question)
            }
        }
    }
}

enum Asked<J> {
    /// It waits for a worker.
    Waits,
    /// It is asked, and the task may wait for it.
    UnderWay(Option<J>),
    Answered(Box<Answer>),
}

/// A source that is being listed.
pub(crate) struct EarlySource {
    index: usize,
    open: Arc<OpenSource>,
    /// One of its own: it counts what it leaves out.
    filter: RepoFilter,
    versions: SourceVersions,
    /// Asks once, and waits for no limit.
    http: Arc<dyn HttpClient>,
    /// How much of the listing was looked at.
    seen: usize,
    is_over: Arc<AtomicBool>,
}

/// One that a worker is to ask.
pub(crate) struct EarlyQuestion {
    source: usize,
    open: Arc<OpenSource>,
    repository: Repository,
    http: Arc<dyn HttpClient>,
    is_over: Arc<AtomicBool>,
    /// Its place among those who ask git.
    pub visit: Option<Visit>,
}

impl EarlySource {
    /// A source of which nothing is listed yet. `http` shall ask once.
    pub fn new(
        index: usize,
        open: &Arc<OpenSource>,
        filter: RepoFilter,
        versions: SourceVersions,
        http: Arc<dyn HttpClient>,
    ) -> Self {
        Self {
            index,
            open: Arc::clone(open),
            filter,
            versions,
            http,
            seen: 0,
            is_over: Arc::default(),
        }
    }

    /// Whether git may be asked for a repository, as far as can be told from a part of the listing.
    fn is_worth_it(&self, repository: &Repository) -> bool {
        let Some(git) = repository.part(PartKind::Git) else {
            return false;
        };
        // Where the listing has a version, and the backup another, it has changed: then it would be asked
        // twice. Where they are the same, it may not be asked at all.
        let is_told = git.version.is_some() && self.versions.of(&repository.id).is_some();
        !is_told
            && repository.skip.is_none()
            && !is_heavy(repository.size())
            && self.filter.decide(&repository.facts()).why().is_none()
    }
}

impl<J> EarlyQuestions<J> {
    /// Says what is in the backup: before that nothing is asked. Returns what to ask.
    pub fn know(&self, in_backup: InBackup) -> Vec<EarlyQuestion> {
        let mut state = self.0.lock();
        state.in_backup = Some(in_backup);
        let unsorted = std::mem::take(&mut state.unsorted);
        let sorted = unsorted.into_iter();
        sorted.filter_map(|one| state.sort(one)).collect()
    }

    /// Another page is listed, and not the last. Returns what to ask.
    pub fn of_page(
        &self,
        source: &mut EarlySource,
        listed: &[Box<Repository>],
    ) -> Vec<EarlyQuestion> {
        let new = listed.get(source.seen..).unwrap_or_default();
        source.seen = listed.len();
        if source.is_over.load(Relaxed) {
            return Vec::new();
        }
        let new = new.iter().filter(|one| source.is_worth_it(one));
        let questions = new.map(|one| EarlyQuestion {
            source: source.index,
            open: Arc::clone(&source.open),
            repository: (**one).clone(),
            http: Arc::clone(&source.http),
            is_over: Arc::clone(&source.is_over),
            visit: None,
        });
        let mut state = self.0.lock();
        questions.filter_map(|one| state.sort(one)).collect()
    }

    /// A task is decided. Returns it with the answer, if there is one; or nothing, if whoever asks for it
    /// right now goes on with it.
    pub fn decided(&self, key: Key, job: J) -> Option<Decided<J>> {
        let asked = &mut self.0.lock().asked;
        match asked.remove(&key) {
            Some(Asked::Answered(answer)) => Some((job, Some(answer))),
            Some(Asked::UnderWay(_)) => {
                asked.insert(key, Asked::UnderWay(Some(job)));
                None
            }
            Some(Asked::Waits) | None => Some((job, None)),
        }
    }

    /// The tasks of a source are decided, or there will be none: what was not taken is not wanted.
    pub fn forget(&self, source: usize) {
        let is_wanted = |asked: &Asked<J>| matches!(asked, Asked::UnderWay(Some(_)));
        let mut state = self.0.lock();
        (state.asked).retain(|(of, _), asked| *of != source || is_wanted(asked));
        state.unsorted.retain(|question| question.source != source);
    }

    /// A worker begins to ask. Whether that is still wanted.
    pub fn begin(&self, question: &EarlyQuestion) -> bool {
        let asked = &mut self.0.lock().asked;
        match asked.get_mut(&question.key()) {
            Some(asked) if matches!(asked, Asked::Waits) && !question.is_over.load(Relaxed) => {
                *asked = Asked::UnderWay(None);
                true
            }
            _ => false,
        }
    }

    /// A worker has asked. Returns the task that has waited for it.
    pub fn end(&self, key: Key, answer: Option<Answer>) -> Option<Decided<J>> {
        let asked = &mut self.0.lock().asked;
        let answer = answer.map(Box::new);
        match (asked.remove(&key)?, answer) {
            (Asked::UnderWay(Some(job)), answer) => return Some((job, answer)),
            (Asked::UnderWay(None), Some(answer)) => {
                asked.insert(key, Asked::Answered(answer));
            }
            _ => {}
        }
        None
    }
}

impl EarlyQuestion {
    pub fn key(&self) -> Key {
        (self.source, self.repository.id.clone())
    }

    pub fn lane(&self, most: usize) -> Lane {
        Lane::Question {
            source: self.source,
            most: self.open.ref_questions.min(most),
        }
    }

    pub fn size(&self) -> Option<u64> {
        self.repository.size()
    }

    /// Before a worker asks: the first to be taken asks first.
    pub fn take(&mut self) {
        self.visit = Some(self.open.gate.visit());
    }

    /// Asks git. A failure is nobody's yet.
    pub fn ask(&mut self) -> Option<Answer> {
        let visit = self.visit.take();
        let answer = self.ask_by(&visit.unwrap_or_else(|| self.open.gate.visit()));
        answer.unwrap_or_else(|failure| {
            self.is_over.store(true, Relaxed);
            log::debug!("asked early, and will be asked again: {failure}");
            None
        })
    }

    fn ask_by(&self, visit: &Visit) -> Result<Option<Answer>, Failure> {
        let open = &*self.open;
        let cancel = &open.services.cancel;
        cancel.check()?;
        let Some(git) = self.repository.part(PartKind::Git) else {
            return Ok(None);
        };
        let access = open.access(&self.repository, git)?;
        let way = open.programs.way(&access);
        // A program takes a login for each question, and is quick to answer.
        let Way::Http(_) = way else {
            return Ok(None);
        };
        let services = Services {
            http: visit.watch(&self.http, cancel),
            ..open.services.clone()
        };
        let rules = open.ref_rules(&self.repository);
        let asked = ask_early(&git.url, &way, &services, &rules);
        match asked {
            Err(failure) if failure.kind == ErrorKind::Credentials => {
                // The tasks are to find the source as they would have: with others, if its plugin has some.
                Err(
                    match open.other_access(&self.repository, git, &access, failure) {
                        Ok(_) => Failure::new(ErrorKind::Credentials, "there are others to try"),
                        Err(failure) => failure,
                    },
                )
            }
            asked => asked,
        }
    }
}
