//! The structs of the ABI as a caller makes them: sizes, and who frees what.

use std::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering};

use forgekeep_plugin_sdk::__private::Exported;
use forgekeep_plugin_sdk::__private::abi::{
    self, Answer, Bytes, ERROR, Host as AbiHost, NOT_ANSWERED, RESULT, Request, Slice,
};

use super::Odd;

/// A call with structs of the caller's own making.
fn raw(size_of_request: u32, size_of_answer: u32, host: Option<&AbiHost>, name: &str) -> Answer {
    let request = Request {
        size: size_of_request,
        flags: 0,
        object: 0,
        call: 1,
        method: Slice::of(name.as_bytes()),
        doc: Slice::of(b"{}"),
        body: Slice::of(b""),
    };
    let mut answer = Answer {
        size: size_of_answer,
        ..Answer::blank()
    };
    let host = host.map_or(std::ptr::null(), |host| &raw const *host);
    let call = Odd::table().call.unwrap();
    // SAFETY: all of them outlive the call.
    unsafe { call(host, &raw const request, &raw mut answer) };
    answer
}

/// Frees what an answer holds.
fn free(answer: Answer) -> Vec<u8> {
    // SAFETY: the plugin's answer, taken once.
    unsafe {
        answer.body.take().unwrap();
        answer.doc.take().unwrap()
    }
}

#[test]
fn nobody_reads_or_writes_beyond_a_size() {
    let (request, answer) = (size_of::<Request>() as u32, size_of::<Answer>() as u32);
    for (of_request, of_answer) in [
        (0, answer),
        (request - 1, answer),
        (request, 0),
        (request, answer - 1),
    ] {
        let given = raw(of_request, of_answer, None, "hello");
        assert_eq!(given.status, NOT_ANSWERED);
        assert!(given.doc.ptr.is_null());
        assert_eq!(given.size, of_answer);
    }
    // A later version may be larger.
    let given = raw(request + 8, answer + 8, None, "hello");
    assert_eq!((given.status, given.size), (RESULT, answer + 8));
    free(given);
    // Neither request nor answer at all.
    let call = Odd::table().call.unwrap();
    let mut answer = Answer::blank();
    // SAFETY: null is what rule 1 does not allow, and is survived.
    unsafe { call(std::ptr::null(), std::ptr::null(), &raw mut answer) };
    assert_eq!(answer.status, NOT_ANSWERED);
    // SAFETY: as above.
    unsafe { call(std::ptr::null(), std::ptr::null(), std::ptr::null_mut()) };
    // A method that is no text.
    let request = Request {
        size: size_of::<Request>() as u32,
        flags: 0,
        object: 0,
        call: 1,
        method: Slice::of(b"\xff"),
        doc: Slice::of(b"{}"),
        body: Slice::of(b""),
    };
    // SAFETY: all of them outlive the call.
    unsafe { call(std::ptr::null(), &raw const request, &raw mut answer) };
    assert_eq!(answer.status, NOT_ANSWERED);
}

/// Bytes that a host has given, and those that came back.
static GIVEN: AtomicUsize = AtomicUsize::new(0);
static FREED: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" fn freed(ptr: *mut u8, len: usize, context: usize) {
    assert_eq!(context, 42);
    FREED.fetch_add(1, Ordering::SeqCst);
    // SAFETY: what `given` has forgotten, with its length, once.
    drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(ptr, len)) });
}

fn given(text: &[u8]) -> Bytes {
    GIVEN.fetch_add(1, Ordering::SeqCst);
    let boxed: Box<[u8]> = text.into();
    let len = boxed.len();
    Bytes {
        ptr: Box::into_raw(boxed).cast(),
        len,
        context: 42,
        free: Some(freed),
    }
}

/// A host that answers with the status in its context.
unsafe extern "C" fn answering(
    context: *const c_void,
    _request: *const Request,
    answer: *mut Answer,
) {
    // SAFETY: the status, which outlives the call; the answer is ours to write until this returns.
    unsafe {
        (*answer).status = *context.cast::<u32>();
        (*answer).doc = given(b"{\"kind\":\"tls\",\"message\":\"m\"}");
        (*answer).body = given(b"body");
    }
}

#[test]
fn bytes_of_the_host_are_freed_once_whatever_its_answer() {
    for status in [RESULT, ERROR, NOT_ANSWERED, 99] {
        let host = AbiHost {
            size: size_of::<AbiHost>() as u32,
            abi: abi::ABI,
            context: (&raw const status).cast(),
            call: Some(answering),
        };
        // `open` logs a line.
        let answer = raw(
            size_of::<Request>() as u32,
            size_of::<Answer>() as u32,
            Some(&host),
            "open",
        );
        assert_eq!(answer.status, RESULT);
        free(answer);
        let given = GIVEN.load(Ordering::SeqCst);
        assert!(given > 0);
        assert_eq!(FREED.load(Ordering::SeqCst), given, "status {status}");
    }
}
