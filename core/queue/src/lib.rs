//! The queue of tasks that the workers of a run share. It grows while they are at work.
//!
//! A task comes in one of two lanes:
//!
//! - *Transfers* may download at once: clones. So many are under way at a time as there are jobs.
//! - *Questions* only ask upstream whether there is anything to download: updates. Many more of them
//!   are under way at a time. Mostly nothing has changed, and that was all. A question that finds
//!   something to do asks for its [`Turn`]: it goes on at once if a transfer may begin now, else it
//!   is given back and waits among the transfers, holding nothing meanwhile.
//!
//! In each lane, what an earlier run had no time for comes first; then the largest task that is known
//! comes first; one of unknown size may be any, and comes before it. Of the heavy ones, no more than [`HEAVY_AT_ONCE`] of a lane are under way at the same
//! time: a worker that would begin one more takes the next light task instead. The questions of
//! several sources take turns.

#![cfg_attr(test, allow(clippy::disallowed_methods))]

use std::cell::Cell;
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap};

use parking_lot::{Condvar, Mutex, MutexGuard};

/// From this size on a repository is heavy: while its pack is indexed, that needs much memory and keeps the
/// disk busy.
pub const HEAVY: u64 = 1024 * 1024 * 1024;

/// Most heavy tasks of a lane that are under way at the same time.
pub const HEAVY_AT_ONCE: usize = 2;

/// Whether a repository of this size is heavy. One of unknown size is taken for light: most are,
/// and a hoster that states no sizes would otherwise be backed up two at a time.
pub fn is_heavy(size: Option<u64>) -> bool {
    size.is_some_and(|size| size > HEAVY)
}

/// How many tasks may be under way at the same time.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Transfers.
    pub transfers: usize,
    /// Questions, of all sources together.
    pub questions: usize,
}

impl Limits {
    /// How many workers it takes to have as many under way.
    pub fn workers(self) -> usize {
        self.transfers.saturating_add(self.questions)
    }
}

/// What a task begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// A transfer.
    Transfer,
    /// A question.
    Question {
        /// Index of the source.
        source: usize,
        /// How many questions of that source may be under way at the same time.
        most: usize,
    },
}

/// What came of a task.
pub enum Worked<T> {
    /// It is done.
    Done,
    /// It has found something to transfer, and got no turn.
    Waits(T),
}

/// Tasks for several workers.
pub struct Queue<T> {
    limits: Limits,
    /// Done to a task when it is taken, before another one can be.
    on_take: fn(&mut T),
    state: Mutex<State<T>>,
    /// Woken whenever something may begin that could not before.
    changed: Condvar,
}

struct State<T> {
    /// Whether nothing more is added from outside.
    closed: bool,
    /// Counts tasks: of equals, the first is the first.
    added: u64,
    transfers: Tasks<T>,
    transferring: UnderWay,
    /// Questions under way that wait for a transfer, holding what they have found.
    waiting: usize,
    questions: BTreeMap<usize, Questions<T>>,
    asking: UnderWay,
}

#[derive(Default)]
struct UnderWay {
    all: usize,
    heavy: usize,
}

impl UnderWay {
    fn begin(&mut self, heavy: bool) {
        self.all += 1;
        self.heavy += usize::from(heavy);
    }

    fn end(&mut self, heavy: bool) {
        self.all -= 1;
        self.heavy -= usize::from(heavy);
    }
}

/// The questions of a source.
struct Questions<T> {
    tasks: Tasks<T>,
    under_way: usize,
    most: usize,
}

/// Tasks that have not begun, the largest first.
struct Tasks<T> {
    light: BinaryHeap<Ranked<T>>,
    heavy: BinaryHeap<Ranked<T>>,
}

struct Ranked<T> {
    /// Whether it comes before all others of its lane.
    first: bool,
    size: Option<u64>,
    /// By the order in which they came.
    number: u64,
    task: T,
}

impl<T> Ranked<T> {
    fn rank(&self) -> (bool, u64, Reverse<u64>) {
        let size = self.size.unwrap_or(u64::MAX);
        (self.first, size, Reverse(self.number))
    }
}

impl<T> Ord for Ranked<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl<T> PartialOrd for Ranked<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Ranked<T> {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl<T> Eq for Ranked<T> {}

impl<T> Default for Tasks<T> {
    fn default() -> Self {
        Self {
            light: BinaryHeap::new(),
            heavy: BinaryHeap::new(),
        }
    }
}

impl<T> Tasks<T> {
    fn add(&mut self, task: Ranked<T>) {
        match is_heavy(task.size) {
            true => self.heavy.push(task),
            false => self.light.push(task),
        }
    }

    fn is_empty(&self) -> bool {
        self.light.is_empty() && self.heavy.is_empty()
    }

    /// Whether one may begin.
    fn has_next(&self, may_be_heavy: bool) -> bool {
        !self.light.is_empty() || may_be_heavy && !self.heavy.is_empty()
    }

    fn take(&mut self, may_be_heavy: bool) -> Option<Ranked<T>> {
        match self.heavy.peek() {
            Some(heavy) if may_be_heavy && self.light.peek().is_none_or(|light| heavy > light) => {
                self.heavy.pop()
            }
            _ => self.light.pop(),
        }
    }
}

/// What the state allows next.
enum Next<T> {
    Task(Ranked<T>, Lane),
    Wait,
    End,
}

impl<T> State<T> {
    fn add(&mut self, task: T, size: Option<u64>, lane: Lane, first: bool) {
        self.added += 1;
        let task = Ranked {
            first,
            size,
            number: self.added,
            task,
        };
        match lane {
            Lane::Transfer => self.transfers.add(task),
            Lane::Question { source, most } => {
                let questions = self.questions.entry(source).or_insert_with(|| Questions {
                    tasks: Tasks::default(),
                    under_way: 0,
                    most: most.max(1),
                });
                questions.tasks.add(task);
            }
        }
    }

    /// Whether a transfer may begin, besides those that are waited for already.
    fn has_room(&self, limits: Limits) -> bool {
        self.transferring.all + self.waiting < limits.transfers
    }

    fn next(&mut self, limits: Limits) -> Next<T> {
        if self.has_room(limits) {
            let may_be_heavy = self.transferring.heavy < HEAVY_AT_ONCE;
            if let Some(task) = self.transfers.take(may_be_heavy) {
                self.transferring.begin(is_heavy(task.size));
                return Next::Task(task, Lane::Transfer);
            }
        }
        if let Some((task, lane)) = self.next_question(limits) {
            return Next::Task(task, lane);
        }
        let is_over = self.transfers.is_empty()
            && self.questions.values().all(|of| of.tasks.is_empty())
            // One of them may be given back as a transfer.
            && self.asking.all == 0;
        match self.closed && is_over {
            true => Next::End,
            false => Next::Wait,
        }
    }

    /// A question of the source that has the fewest under way.
    fn next_question(&mut self, limits: Limits) -> Option<(Ranked<T>, Lane)> {
        if self.asking.all >= limits.questions {
            return None;
        }
        let may_be_heavy = self.asking.heavy < HEAVY_AT_ONCE;
        let may_ask = |of: &Questions<T>| of.under_way < of.most && of.tasks.has_next(may_be_heavy);
        let (source, questions) = self
            .questions
            .iter_mut()
            .filter(|(_, of)| may_ask(of))
            .min_by_key(|(_, of)| of.under_way)?;
        let task = questions.tasks.take(may_be_heavy)?;
        questions.under_way += 1;
        self.asking.begin(is_heavy(task.size));
        let (source, most) = (*source, questions.most);
        Some((task, Lane::Question { source, most }))
    }

    fn end_question(&mut self, source: usize, heavy: bool) {
        self.asking.end(heavy);
        if let Some(questions) = self.questions.get_mut(&source) {
            questions.under_way -= 1;
        }
    }
}

impl<T> Queue<T> {
    /// A queue to which tasks are yet to come.
    #[cfg(test)]
    pub fn new(limits: Limits) -> Self {
        Self::with(limits, |_| {})
    }

    /// The same. `on_take` is done to each task when a worker takes it, in the order in which they are
    /// taken: what the workers do then is in none.
    pub fn with(limits: Limits, on_take: fn(&mut T)) -> Self {
        let limits = Limits {
            transfers: limits.transfers.max(1),
            questions: limits.questions.max(1),
        };
        Self {
            limits,
            on_take,
            state: Mutex::new(State {
                closed: false,
                added: 0,
                transfers: Tasks::default(),
                transferring: UnderWay::default(),
                waiting: 0,
                questions: BTreeMap::new(),
                asking: UnderWay::default(),
            }),
            changed: Condvar::new(),
        }
    }

    /// Adds tasks, each with its size in bytes, if that is known.
    #[cfg(test)]
    pub fn add(&self, tasks: impl IntoIterator<Item = (T, Option<u64>, Lane)>) {
        let tasks = tasks.into_iter();
        self.add_ranked(tasks.map(|(task, size, lane)| (task, size, lane, false)));
    }

    /// Adds tasks, each with its size in bytes, if that is known, and whether it comes before all others of
    /// its lane.
    pub fn add_ranked(&self, tasks: impl IntoIterator<Item = (T, Option<u64>, Lane, bool)>) {
        let mut state = self.state();
        for (task, size, lane, first) in tasks {
            state.add(task, size, lane, first);
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Nothing more will be added: workers end when all is done.
    pub fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// One worker's work: does one task after the other, until there is none left to begin, and none
    /// to come.
    pub fn work(&self, run: impl Fn(T, &Turn<'_, T>) -> Worked<T>) {
        while let Some((task, lane)) = self.take() {
            let turn = Turn {
                queue: self,
                heavy: is_heavy(task.size),
                lane: Cell::new(lane),
                counts_as_heavy: Cell::new(is_heavy(task.size)),
            };
            if let Worked::Waits(given_back) = run(task.task, &turn) {
                let (size, first) = (task.size, task.first);
                self.state().add(given_back, size, Lane::Transfer, first);
            }
        }
    }

    fn take(&self) -> Option<(Ranked<T>, Lane)> {
        let mut state = self.state();
        loop {
            match state.next(self.limits) {
                Next::Task(mut task, lane) => {
                    (self.on_take)(&mut task.task);
                    return Some((task, lane));
                }
                Next::End => return None,
                Next::Wait => self.changed.wait(&mut state),
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock()
    }
}

/// A task's place among those under way; given back on drop, also by a panic: nobody may wait for it
/// for ever.
pub struct Turn<'q, T> {
    queue: &'q Queue<T>,
    heavy: bool,
    lane: Cell<Lane>,
    counts_as_heavy: Cell<bool>,
}

impl<T> Turn<'_, T> {
    /// Whether the task may transfer now. If not, it is to be given back.
    pub fn take(&self) -> bool {
        let Lane::Question { source, .. } = self.lane.get() else {
            return true;
        };
        let mut state = self.queue.state();
        let is_heavy_free = !self.heavy || state.transferring.heavy < HEAVY_AT_ONCE;
        let may = is_heavy_free && state.has_room(self.queue.limits);
        if may {
            self.change_lane(&mut state, source, self.heavy);
        }
        may
    }

    /// Waits until the task may transfer, before those that have not begun. For one that has done
    /// something already that is not to be done twice. It counts as light.
    pub fn wait(&self) {
        let Lane::Question { source, .. } = self.lane.get() else {
            return;
        };
        let mut state = self.queue.state();
        state.waiting += 1;
        while state.transferring.all >= self.queue.limits.transfers {
            self.queue.changed.wait(&mut state);
        }
        state.waiting -= 1;
        self.change_lane(&mut state, source, false);
    }

    fn change_lane(&self, state: &mut State<T>, source: usize, heavy: bool) {
        state.end_question(source, self.counts_as_heavy.get());
        state.transferring.begin(heavy);
        self.lane.set(Lane::Transfer);
        self.counts_as_heavy.set(heavy);
        self.queue.changed.notify_all();
    }
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        let mut state = self.queue.state();
        let heavy = self.counts_as_heavy.get();
        match self.lane.get() {
            Lane::Transfer => state.transferring.end(heavy),
            Lane::Question { source, .. } => state.end_question(source, heavy),
        }
        drop(state);
        self.queue.changed.notify_all();
    }
}

#[cfg(test)]
mod tests;
