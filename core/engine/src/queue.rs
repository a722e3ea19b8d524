//! The queue of tasks that the workers of a run share.
//!
//! Tasks come out in the order they went in, with one exception: of the heavy ones, no more than
//! [`HEAVY_AT_ONCE`] are under way at the same time. A worker that would begin one more takes the
//! next light task instead, and waits only when there is none left.

use std::collections::VecDeque;

use parking_lot::{Condvar, Mutex, MutexGuard};

/// From this size on a repository is heavy: while libgit2 indexes its pack, it needs much memory and
/// keeps the disk busy.
pub(crate) const HEAVY: u64 = 1024 * 1024 * 1024;

/// Most heavy tasks that are under way at the same time.
pub(crate) const HEAVY_AT_ONCE: usize = 2;

/// Whether a repository of this size is heavy. One of unknown size is taken for light: most are,
/// and a hoster that states no sizes would otherwise be backed up two at a time.
pub(crate) fn is_heavy(size: Option<u64>) -> bool {
    size.is_some_and(|size| size > HEAVY)
}

/// Tasks for several workers.
pub(crate) struct Queue<T> {
    state: Mutex<Tasks<T>>,
    /// Woken when a heavy task is done.
    room: Condvar,
}

struct Tasks<T> {
    light: VecDeque<(usize, T)>,
    heavy: VecDeque<(usize, T)>,
    heavy_under_way: usize,
}

/// What the state allows next.
enum Next<T> {
    Task(T, bool),
    /// Only heavy ones are left, and enough of them are under way.
    Wait,
    End,
}

impl<T> Tasks<T> {
    fn next(&mut self) -> Next<T> {
        let may = self.heavy_under_way < HEAVY_AT_ONCE;
        let number = |queue: &VecDeque<(usize, T)>| queue.front().map(|(number, _)| *number);
        let heavy_first = match (number(&self.heavy), number(&self.light)) {
            (None, None) => return Next::End,
            (Some(_), None) if !may => return Next::Wait,
            (Some(heavy), Some(light)) => may && heavy < light,
            (heavy, _) => heavy.is_some(),
        };
        let queue = match heavy_first {
            true => &mut self.heavy,
            false => &mut self.light,
        };
        match queue.pop_front() {
            Some((_, task)) => {
                self.heavy_under_way += usize::from(heavy_first);
                Next::Task(task, heavy_first)
            }
            None => Next::End,
        }
    }
}

impl<T> Queue<T> {
    /// A queue of tasks, each with whether it is heavy.
    pub(crate) fn new(tasks: impl IntoIterator<Item = (T, bool)>) -> Self {
        let (heavy, light): (Vec<_>, Vec<_>) = tasks
            .into_iter()
            .enumerate()
            .partition(|(_, (_, heavy))| *heavy);
        let numbered = |tasks: Vec<(usize, (T, bool))>| {
            let tasks = tasks.into_iter();
            tasks.map(|(number, (task, _))| (number, task)).collect()
        };
        Self {
            state: Mutex::new(Tasks {
                light: numbered(light),
                heavy: numbered(heavy),
                heavy_under_way: 0,
            }),
            room: Condvar::new(),
        }
    }

    /// One worker's work: does one task after the other, until there is none left to begin.
    pub(crate) fn work(&self, run: impl Fn(T)) {
        while let Some((task, heavy)) = self.take() {
            let _done = heavy.then(|| Done(self));
            run(task);
        }
    }

    fn take(&self) -> Option<(T, bool)> {
        let mut state = self.state();
        loop {
            match state.next() {
                Next::Task(task, heavy) => return Some((task, heavy)),
                Next::End => return None,
                Next::Wait => self.room.wait(&mut state),
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, Tasks<T>> {
        self.state.lock()
    }
}

/// Ends a heavy task, also when it panics: nobody may wait for it for ever.
struct Done<'q, T>(&'q Queue<T>);

impl<T> Drop for Done<'_, T> {
    fn drop(&mut self) {
        self.0.state().heavy_under_way -= 1;
        self.0.room.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    /// Takes as one who never finishes.
    fn taken(queue: &Queue<char>, count: usize) -> String {
        let mut state = queue.state();
        let tasks = (0..count).map_while(|_| match state.next() {
            Next::Task(task, _) => Some(task),
            Next::Wait | Next::End => None,
        });
        tasks.collect()
    }

    fn queue(tasks: &str) -> Queue<char> {
        Queue::new(tasks.chars().map(|c| (c, c.is_uppercase())))
    }

    #[test]
    fn the_order_stays_while_few_heavy_ones_are_under_way() {
        assert_eq!(taken(&queue("aBcDe"), 5), "aBcDe");
    }

    #[test]
    fn a_third_heavy_one_lets_the_light_ones_pass() {
        let queue = queue("ABCdeF");
        assert_eq!(taken(&queue, 6), "ABde");
        drop(Done(&queue));
        assert_eq!(taken(&queue, 6), "C");
        drop(Done(&queue));
        drop(Done(&queue));
        assert_eq!(taken(&queue, 6), "F");
        assert!(matches!(queue.state().next(), Next::End));
    }

    #[test]
    fn the_unknown_is_light_and_the_limit_itself_too() {
        assert!(!is_heavy(None) && !is_heavy(Some(HEAVY)) && is_heavy(Some(HEAVY + 1)));
    }

    #[test]
    fn a_panic_makes_room_too() {
        let queue = queue("ABCD");
        for _ in 0..2 {
            let run = || queue.work(|_| panic!("on purpose"));
            assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err());
        }
        assert_eq!(taken(&queue, 4), "CD");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_task_is_done_once_and_never_three_heavy_ones_at_a_time(
            heavy in proptest::collection::vec(any::<bool>(), 0..40),
            workers in 1_usize..6,
        ) {
            let queue = Queue::new(heavy.iter().copied().enumerate());
            let done: Vec<AtomicUsize> = heavy.iter().map(|_| AtomicUsize::new(0)).collect();
            let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
            thread::scope(|scope| {
                for _ in 0..workers {
                    scope.spawn(|| queue.work(|task: usize| {
                        if heavy[task] {
                            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        }
                        thread::sleep(Duration::from_micros(20));
                        done[task].fetch_add(1, Ordering::SeqCst);
                        if heavy[task] {
                            now.fetch_sub(1, Ordering::SeqCst);
                        }
                    }));
                }
            });
            prop_assert!(done.iter().all(|count| count.load(Ordering::SeqCst) == 1));
            prop_assert!(most.load(Ordering::SeqCst) <= HEAVY_AT_ONCE);
        }
    }
}
