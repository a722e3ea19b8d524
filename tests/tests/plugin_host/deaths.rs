//! How a worker's process ends, what is told of it, and what it costs: what was asked, and no more.

use std::sync::Arc;
use std::thread;
use std::time::Duration;
#[cfg(target_os = "linux")]
use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use forgekeep_plugin_host::{
    Answered, Blame, Broken, ConfinementMode, FrameFault, HostCalls, How, MOST_RESTARTS, NoWorker,
    Plugin, Reply, WorkerPlugin, WorkerProgram, Workers,
};

use crate::support::{Hostile, Services, call, greeted, text};

fn with_deadline(hostile: &Hostile, time: Duration) -> Workers {
    let mut settings = hostile.settings();
    settings.deadlines.call = time;
    settings.deadlines.drop = time;
    Workers::new(settings)
}

/// The plugin in a worker does what ends it, beside another one, which goes on.
fn ended(method: &str, doc: &str) -> Broken {
    let hostile = Hostile::new();
    let beside = greeted(&hostile.workers());
    let workers = hostile.workers();
    let worker = greeted(&workers);
    let broken = call(worker.as_ref(), method, doc).unwrap_err();
    assert!(!worker.is_alive());
    assert_eq!(broken.method, method);
    assert_eq!(broken.blame, Blame::This);
    assert!(!broken.how.hint().is_empty());
    // The next call says the same, at once, and is not to blame; an object of it needs not be dropped.
    let next = call(worker.as_ref(), "echo", "").unwrap_err();
    assert_eq!((next.how, next.blame), (broken.how.clone(), Blame::Another));
    worker.drop_object(1);
    assert_eq!(text(beside.as_ref(), "echo", "still here"), "still here");
    // A new one takes its place.
    let next = greeted(&workers);
    assert_ne!(next.generation(), worker.generation());
    assert_eq!(text(next.as_ref(), "echo", "again"), "again");
    broken
}

#[test]
fn an_exit_is_told_with_its_code() {
    assert_eq!(ended("exit", "0").how, How::Exited(0));
    assert_eq!(ended("exit", "42").how, How::Exited(42));
    assert_eq!(ended("exit-in-thread", "").how, How::Exited(0));
}

#[test]
fn a_crash_is_told_with_its_signal() {
    let broken = ended("segv", "");
    assert_eq!(
        broken.to_string(),
        "the plugin's process was ended by signal 11 (segmentation fault) (in `segv`)"
    );
    assert_eq!(ended("abort", "").how, How::Signal(6));
    // The standard library's handler for it aborts; where it does not see it, it is signal 11.
    let overflow = ended("overflow", "").how;
    assert!(matches!(overflow, How::Signal(6 | 11)), "{overflow:?}");
}

#[test]
fn a_plugin_without_end_gets_no_more_memory_than_it_may_have() {
    let hostile = Hostile::new();
    let mut settings = hostile.settings();
    settings.memory = 64 << 20;
    let worker = greeted(&Workers::new(settings));
    let broken = call(worker.as_ref(), "eat", "").unwrap_err();
    assert_eq!(broken.how, How::Signal(6));
    let line = broken.output.last().unwrap();
    let eaten = line
        .raw()
        .trim_start_matches("no memory after ")
        .trim_end_matches(" MiB");
    let eaten: u64 = eaten.parse().unwrap();
    assert!((8..64).contains(&eaten), "{eaten}");
}

#[test]
fn a_connection_that_is_closed_or_misused_ends_the_process() {
    assert_eq!(ended("close-and-hang", "").how, How::ClosedPipe);
    let garbage = ended_by_frame("garbage");
    assert!(matches!(
        garbage,
        FrameFault::TooLong { .. } | FrameFault::Head
    ));
}

fn ended_by_frame(method: &str) -> FrameFault {
    let hostile = Hostile::new();
    let worker = greeted(&hostile.workers());
    match call(worker.as_ref(), method, "").unwrap_err().how {
        How::Frame(fault) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_call_without_an_answer_ends_at_its_deadline() {
    let hostile = Hostile::new();
    let beside = greeted(&hostile.workers());
    let time = Duration::from_millis(300);
    let workers = with_deadline(&hostile, time);
    let worker = greeted(&workers);
    let broken = call(worker.as_ref(), "hang", "").unwrap_err();
    assert_eq!(broken.how, How::Deadline(time));
    assert_eq!(
        broken.to_string(),
        "the plugin did not answer within 300ms and was stopped (in `hang`)"
    );
    assert_eq!(text(beside.as_ref(), "echo", "still here"), "still here");
    let next = greeted(&workers);
    next.drop_object(7);
    assert!(!next.is_alive());
    assert!(matches!(
        call(next.as_ref(), "echo", "").unwrap_err().how,
        How::Deadline(_)
    ));
}

#[test]
fn a_process_that_does_not_read_is_ended_at_the_deadline_of_who_writes() {
    let hostile = Hostile::new();
    let workers = with_deadline(&hostile, Duration::from_secs(1));
    let worker = greeted(&workers);
    thread::scope(|scope| {
        let standing = scope.spawn(|| call(worker.as_ref(), "stand-still", "").unwrap_err());
        // More than a pipe holds; whether it is written before or after the other stands still.
        let document = vec![b' '; 8 << 20];
        let mut written = Ok(Answered::Result(Reply::default()));
        while written.is_ok() {
            written = worker.call(0, "echo", &document, b"", &Services::default());
        }
        for broken in [written.unwrap_err(), standing.join().unwrap()] {
            assert!(matches!(broken.how, How::Deadline(_)), "{broken:?}");
        }
    });
}

#[test]
fn a_process_that_leaves_a_child_behind_holds_nobody_up() {
    let hostile = Hostile::new();
    let mut settings = hostile.settings();
    // Confined, it could not.
    settings.confinement = ConfinementMode::Off;
    settings.deadlines.call = Duration::from_millis(500);
    let worker = greeted(&Workers::new(settings));
    let broken = call(worker.as_ref(), "leave-a-child", "").unwrap_err();
    assert!(matches!(broken.how, How::Deadline(_)));
}

/// Whether there is a process of this number that has not ended.
#[cfg(target_os = "linux")]
fn lives(process: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = status.rsplit(')').next().unwrap_or_default();
    !matches!(state.trim_start().chars().next(), None | Some('Z' | 'X'))
}

#[cfg(target_os = "linux")]
#[test]
fn a_worker_ends_with_its_host() {
    const HOST: &str = "FORGEKEEP_TEST_HOST";
    let hostile = Hostile::new();
    if std::env::var_os(HOST).is_some() {
        // The host, which is to be killed while its plugin hangs.
        let worker = greeted(&hostile.workers());
        println!("worker {}", text(worker.as_ref(), "process", ""));
        let _ = call(worker.as_ref(), "hang", "");
        return;
    }
    let mut host = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "deaths::a_worker_ends_with_its_host",
            "--nocapture",
        ])
        .env(HOST, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(host.stdout.take().unwrap()).lines();
    let worker = lines.find_map(|line| {
        let line = line.unwrap();
        line.split("worker ").nth(1).map(str::to_owned)
    });
    let worker = worker.unwrap();
    assert!(lives(&worker));
    host.kill().unwrap();
    host.wait().unwrap();
    while lives(&worker) {
        thread::yield_now();
    }
}

#[test]
fn loading_and_hello_have_a_deadline() {
    let short = Duration::from_millis(300);
    let hostile = Hostile::with(&["-DAT_LOAD=hang()"]);
    let mut settings = hostile.settings();
    settings.deadlines.short = short;
    let Err(NoWorker::Broken(broken)) = Workers::new(settings).current() else {
        panic!();
    };
    assert_eq!(broken.how, How::Deadline(short));
    assert_eq!(broken.method, "start");
    let hostile = Hostile::with(&["-DHELLO=hang()"]);
    let mut settings = hostile.settings();
    settings.deadlines.short = Duration::from_secs(2);
    let worker = Workers::new(settings).current().unwrap();
    let broken = call(worker.as_ref(), "hello", "").unwrap_err();
    assert_eq!(broken.how, How::Deadline(Duration::from_secs(2)));
}

#[test]
fn an_exit_while_an_object_is_dropped_is_told_by_the_next_call() {
    let hostile = Hostile::new();
    let worker = greeted(&hostile.workers());
    worker.drop_object(0);
    worker.drop_object(1);
    assert_eq!(text(worker.as_ref(), "echo", ""), "");
    worker.drop_object(8);
    assert_eq!(
        call(worker.as_ref(), "echo", "").unwrap_err().how,
        How::Exited(8)
    );
}

/// Lets another call end the process while this one is under way.
struct Meanwhile<'a>(&'a WorkerPlugin, &'a str);

impl HostCalls for Meanwhile<'_> {
    fn call(&self, _: &str, _: &[u8], _: &[u8]) -> Option<Answered> {
        let broken = call(self.0, self.1, "0").unwrap_err();
        match broken.how {
            How::Exited(_) => assert_eq!(broken.blame, Blame::Unknown),
            _ => assert_eq!(broken.blame, Blame::This),
        }
        Some(Answered::Result(Reply::default()))
    }
}

#[test]
fn a_call_that_ends_by_another_is_told_so() {
    let hostile = Hostile::new();
    for (method, blame) in [("hang", Blame::Another), ("exit", Blame::Unknown)] {
        let worker = greeted(&with_deadline(&hostile, Duration::from_secs(1)));
        // The one that asks has its clock stopped; the other one runs out of time, or exits.
        let host = Meanwhile(&worker, method);
        let broken = worker.call(0, "ask", b"http", b"", &host).unwrap_err();
        assert_eq!(broken.blame, blame, "{method}");
    }
}

#[test]
fn a_worker_is_started_again_three_times() {
    let hostile = Hostile::new();
    let workers = hostile.workers();
    let mut generations = Vec::new();
    for start in 0..=MOST_RESTARTS {
        let worker = greeted(&workers);
        generations.push(worker.generation());
        let same = workers.current().unwrap();
        assert!(Arc::ptr_eq(&worker, &same));
        let code = start.to_string();
        assert!(call(worker.as_ref(), "exit", &code).is_err());
    }
    generations.dedup();
    assert_eq!(generations.len(), 4);
    let Err(NoWorker::Broken(broken)) = workers.current() else {
        panic!();
    };
    let last = Box::new(How::Exited(3));
    assert_eq!(broken.how, How::Spent { starts: 4, last });
    assert_eq!(workers.starts(), 4);
}

/// Stops the workers while a call is under way.
struct Interrupted<'a>(&'a Workers);

impl HostCalls for Interrupted<'_> {
    fn call(&self, _: &str, _: &[u8], _: &[u8]) -> Option<Answered> {
        self.0.stop();
        None
    }
}

#[test]
fn an_interruption_ends_a_call_and_starts_no_other_worker() {
    let hostile = Hostile::new();
    let workers = hostile.workers();
    let worker = greeted(&workers);
    let broken = worker.call(0, "ask", b"http", b"", &Interrupted(&workers));
    assert_eq!(broken.unwrap_err().how, How::Stopped);
    let next = workers.current();
    let Err(NoWorker::Broken(broken)) = next else {
        panic!("{next:?}");
    };
    assert_eq!((broken.how, broken.blame), (How::Stopped, Blame::Another));
    assert_eq!(workers.starts(), 1);
}

#[test]
fn an_interruption_ends_a_start() {
    let hostile = Hostile::with(&["-DAT_LOAD=hang()"]);
    let workers = Arc::new(hostile.workers());
    let starting = thread::spawn({
        let workers = Arc::clone(&workers);
        move || workers.current().map(|_| ())
    });
    // Before or after the process is there: the start ends either way.
    workers.stop();
    let ended = starting.join().unwrap();
    assert!(matches!(ended, Err(NoWorker::Broken(broken)) if broken.how == How::Stopped));
}

#[test]
fn a_program_that_is_no_worker_is_told() {
    let hostile = Hostile::new();
    let with = |path: &str| {
        let mut settings = hostile.settings();
        let arguments = Vec::new();
        settings.program = WorkerProgram::Other {
            path: path.into(),
            arguments,
        };
        match Workers::new(settings).current() {
            Err(NoWorker::Broken(broken)) => broken.how,
            other => panic!("{other:?}"),
        }
    };
    assert!(matches!(with("/no/such/program"), How::NotStarted(_)));
    assert_eq!(with("/bin/true"), How::Exited(0));
    // It says back what it hears.
    assert_eq!(with("/bin/cat"), How::Frame(FrameFault::Head));
}
