use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits {
    transfers: 8,
    questions: 8,
};

const HUGE: u64 = HEAVY + 1;

fn question(source: usize) -> Lane {
    Lane::Question { source, most: 8 }
}

/// Transfers by letters: the earlier in the alphabet, the larger; capital ones are heavy.
fn queue(tasks: &str) -> Queue<char> {
    let queue = Queue::new(LIMITS);
    add(&queue, tasks, Lane::Transfer);
    queue
}

fn add(queue: &Queue<char>, tasks: &str, lane: Lane) {
    queue.add(tasks.chars().map(|c| (c, Some(size(c)), lane)));
}

fn size(letter: char) -> u64 {
    let letter_size = 1000 - u64::from(letter.to_ascii_lowercase());
    match letter.is_uppercase() {
        true => HUGE + letter_size,
        false => letter_size,
    }
}

/// Takes as one who never finishes.
fn taken(queue: &Queue<char>, count: usize) -> String {
    let mut state = queue.state();
    let tasks = (0..count).map_while(|_| match state.next(queue.limits) {
        Next::Task(task, _) => Some(task.task),
        Next::Wait | Next::End => None,
    });
    tasks.collect()
}

fn turn<T>(queue: &Queue<T>, lane: Lane, heavy: bool) -> Turn<'_, T> {
    Turn {
        queue,
        heavy,
        lane: Cell::new(lane),
        counts_as_heavy: Cell::new(heavy),
    }
}

#[test]
fn what_was_postponed_comes_before_what_is_larger() {
    let queue = queue("bA");
    let lane = Lane::Transfer;
    queue.add_ranked([('z', Some(1), lane, true), ('y', Some(2), lane, true)]);
    assert_eq!(taken(&queue, 4), "yzAb");
}

#[test]
fn the_largest_comes_first_of_what_is_known_and_the_unknown_before_it() {
    let queue = queue("cab");
    assert_eq!(taken(&queue, 1), "a");
    add(&queue, "dA", Lane::Transfer);
    queue.add([('?', None, Lane::Transfer), ('!', None, Lane::Transfer)]);
    assert_eq!(taken(&queue, 9), "?!Abcd");
}

#[test]
fn a_third_heavy_one_lets_the_light_ones_pass() {
    let queue = queue("ABCdeF");
    assert_eq!(taken(&queue, 6), "ABde");
    drop(turn(&queue, Lane::Transfer, true));
    assert_eq!(taken(&queue, 6), "C");
    drop(turn(&queue, Lane::Transfer, true));
    drop(turn(&queue, Lane::Transfer, true));
    assert_eq!(taken(&queue, 6), "F");
    queue.close();
    assert!(matches!(queue.state().next(LIMITS), Next::End));
}

#[test]
fn the_unknown_is_light_and_the_limit_itself_too() {
    assert!(!is_heavy(None) && !is_heavy(Some(HEAVY)) && is_heavy(Some(HEAVY + 1)));
}

#[test]
fn no_transfer_holds_up_a_question_and_no_question_a_transfer() {
    let queue = queue("abcdefghij");
    assert_eq!(taken(&queue, 20), "abcdefgh");
    add(&queue, "lk", question(0));
    assert_eq!(taken(&queue, 20), "kl");
    // One that has found something gets no turn while all are taken, and one as soon as there is room.
    let asked = turn(&queue, question(0), false);
    assert!(!asked.take());
    drop(turn(&queue, Lane::Transfer, false));
    assert!(asked.take() && asked.take());
    assert_eq!(taken(&queue, 20), "");
    drop(asked);
    assert_eq!(taken(&queue, 20), "i");
}

#[test]
fn sources_take_turns_to_ask_and_each_keeps_its_own_limit() {
    let queue = Queue::new(LIMITS);
    add(&queue, "abcdefg", question(0));
    assert_eq!(taken(&queue, 4), "abcd");
    add(&queue, "hij", Lane::Question { source: 1, most: 2 });
    add(&queue, "k", question(2));
    assert_eq!(taken(&queue, 20), "hkie");
    drop(turn(&queue, question(1), false));
    assert_eq!(taken(&queue, 20), "j");
    // Of heavy ones two at a time here too.
    let queue = Queue::new(LIMITS);
    add(&queue, "ABCd", question(0));
    assert_eq!(taken(&queue, 20), "ABd");
}

#[test]
fn one_that_waits_for_its_turn_goes_before_those_that_have_not_begun() {
    let limits = Limits {
        transfers: 1,
        questions: 1,
    };
    let queue = Queue::new(limits);
    add(&queue, "ab", Lane::Transfer);
    add(&queue, "c", question(0));
    assert_eq!(taken(&queue, 9), "ac");
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let asked = turn(&queue, question(0), false);
            asked.wait();
            assert_eq!(taken(&queue, 9), "");
        });
        while queue.state().waiting == 0 {
            thread::sleep(Duration::from_micros(50));
        }
        let first = turn(&queue, Lane::Transfer, false);
        drop(first);
        waiter.join().unwrap();
    });
    assert_eq!(taken(&queue, 9), "b");
}

#[test]
fn a_panic_makes_room_too() {
    let queue = queue("ABCD");
    add(&queue, "EF", question(0));
    for _ in 0..4 {
        let run = || queue.work(|_, _| panic!("on purpose"));
        assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
    }
    assert_eq!(taken(&queue, 4), "EF");
    assert_eq!(queue.state().transferring.all, 0);
}

#[test]
fn workers_wait_for_what_is_to_come_and_end_when_nothing_is() {
    let queue = Queue::new(LIMITS);
    let done = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                queue.work(|_: usize, _| {
                    done.fetch_add(1, SeqCst);
                    Worked::Done
                });
            });
        }
        for number in 1..5 {
            queue.add([(number, None, Lane::Transfer)]);
            while done.load(SeqCst) < number {
                thread::sleep(Duration::from_micros(50));
            }
        }
        queue.close();
    });
    assert_eq!(done.load(SeqCst), 4);
}

/// How many of something there are, and have been at most.
#[derive(Default)]
struct Gauge {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Gauge {
    fn during(&self, what: impl FnOnce()) {
        self.most
            .fetch_max(self.now.fetch_add(1, SeqCst) + 1, SeqCst);
        what();
        self.now.fetch_sub(1, SeqCst);
    }
}

#[derive(Clone, Copy, Debug)]
struct Made {
    size: Option<u64>,
    source: Option<usize>,
    changed: bool,
    waits: bool,
}

fn made() -> impl Strategy<Value = Made> {
    let size = prop_oneof![Just(None), (0_u64..9).prop_map(Some), Just(Some(HUGE))];
    let source = proptest::option::of(0_usize..3);
    (size, source, any::<bool>(), any::<bool>()).prop_map(|(size, source, changed, waits)| Made {
        size,
        source,
        changed,
        waits,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// One worker alone, and tasks that come in portions: the next is always the largest there is.
    #[test]
    fn what_grows_stays_in_order(
        portions in proptest::collection::vec(
            proptest::collection::vec(proptest::option::of(0_u64..20), 0..6), 1..6
        ),
    ) {
        let queue = Queue::new(Limits { transfers: 1, questions: 1 });
        let mut known: Vec<Option<u64>> = Vec::new();
        let rank = |size: &Option<u64>| size.unwrap_or(u64::MAX);
        for portion in portions {
            queue.add(portion.iter().map(|size| (*size, *size, Lane::Transfer)));
            known.extend(portion);
            for _ in 0..2 {
                let Some(largest) = known.iter().map(rank).max() else { break };
                let Next::Task(next, lane) = queue.state().next(queue.limits) else {
                    panic!("there is one");
                };
                prop_assert_eq!(rank(&next.size), largest);
                let at = known.iter().position(|size| *size == next.task);
                known.remove(at.unwrap());
                drop(turn(&queue, lane, false));
            }
        }
    }

    #[test]
    fn every_task_is_done_once_within_all_limits(
        tasks in proptest::collection::vec(made(), 0..40),
        transfers in 1_usize..5,
        questions in 1_usize..5,
        most in 1_usize..3,
    ) {
        let limits = Limits { transfers, questions };
        let queue = Queue::new(limits);
        let done: Vec<AtomicUsize> = tasks.iter().map(|_| AtomicUsize::new(0)).collect();
        let (transferring, heavy, asking) = (Gauge::default(), Gauge::default(), Gauge::default());
        let pause = || thread::sleep(Duration::from_micros(20));
        let transfer = |number: usize| {
            transferring.during(|| match is_heavy(tasks[number].size) {
                true => heavy.during(pause),
                false => pause(),
            });
            done[number].fetch_add(1, SeqCst);
            Worked::Done
        };
        thread::scope(|scope| {
            for _ in 0..limits.workers() {
                scope.spawn(|| queue.work(|number: usize, turn: &Turn<'_, usize>| {
                    let task = tasks[number];
                    if turn.lane.get() == Lane::Transfer {
                        return transfer(number);
                    }
                    asking.during(pause);
                    if !task.changed {
                        done[number].fetch_add(1, SeqCst);
                        return Worked::Done;
                    }
                    // Only what is light waits in place: it counts as light.
                    if task.waits && !is_heavy(task.size) {
                        turn.wait();
                        return transfer(number);
                    }
                    match turn.take() {
                        true => transfer(number),
                        false => Worked::Waits(number),
                    }
                }));
            }
            for (number, task) in tasks.iter().enumerate() {
                let lane = match task.source {
                    Some(source) => Lane::Question { source, most },
                    None => Lane::Transfer,
                };
                queue.add([(number, task.size, lane)]);
            }
            queue.close();
        });
        prop_assert!(done.iter().all(|count| count.load(SeqCst) == 1));
        prop_assert!(transferring.most.load(SeqCst) <= transfers);
        prop_assert!(asking.most.load(SeqCst) <= questions);
        prop_assert!(heavy.most.load(SeqCst) <= HEAVY_AT_ONCE);
        let state = queue.state();
        prop_assert_eq!((state.transferring.all, state.asking.all, state.waiting), (0, 0, 0));
    }
}
