//! How it ends, or does not: `<way>-<method>`, where the way is one of
//!
//! - `panic`, `double-panic`: a panic; one that is met by another while it unwinds;
//! - `exit`, `thread-exit`: the process exits with code 0, by this thread or another;
//! - `abort`, `segv`, `overflow`: it dies by a signal;
//! - `hang`: the method never returns;
//!
//! and the method one of `new`, `manifest`, `validate`, `open`, `list`, `check`, `access` (of `acme/one`
//! alone), `lookup`, `drop`; or `next`, the second page of a listing.

// It is what it is about.
#![allow(unsafe_code)]

use std::{process, thread};

use crate::settings::misbehaviour;

/// Ends in a method.
type End = fn(&str);

const WAYS: [(&str, End); 8] = [
    ("panic-", |method| panic!("as wanted, in {method}")),
    ("double-panic-", |_| {
        let _guard = PanicsToo;
        panic!("the first one");
    }),
    ("exit-", |_| process::exit(0)),
    ("thread-exit-", |_| {
        let _ = thread::spawn(|| process::exit(0)).join();
    }),
    ("abort-", |_| process::abort()),
    ("segv-", |_| {
        // The first one only takes away what Rust's runtime has put there for overflows of the stack.
        for _ in 0..2 {
            // SAFETY: it ends the process, as is wanted.
            unsafe { libc::raise(libc::SIGSEGV) };
        }
    }),
    ("overflow-", |_| {
        deeper(&[0; 4096]);
    }),
    ("hang-", |_| {
        loop {
            thread::park();
        }
    }),
];

/// Ends here, if this is the method to end in.
pub(crate) fn in_method(method: &str) {
    for (prefix, end) in WAYS {
        if misbehaviour().strip_prefix(prefix) == Some(method) {
            end(method);
        }
    }
}

struct PanicsToo;

impl Drop for PanicsToo {
    fn drop(&mut self) {
        panic!("the second one");
    }
}

/// Uses up the stack.
#[allow(unconditional_recursion, reason = "it is to overflow")]
fn deeper(room: &[u8; 4096]) -> u8 {
    let mut more = std::hint::black_box(*room);
    more[0] = deeper(&more);
    std::hint::black_box(more[4095])
}
