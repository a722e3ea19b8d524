//! A plugin in this process: calls through its table, and its requests back.

// Crossing the boundary cannot be safe; what came across is checked before it is used.
#![allow(unsafe_code)]

use std::any::Any;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use forgekeep_abi::{ABI, Answer, Bytes, ERROR, Host, RESULT, Request, Slice};
use parking_lot::Mutex;

use crate::broken::{Broken, How, Rule};
use crate::library::Library;
use crate::limits::{
    Limited, MOST_BODY, MOST_DOCUMENT, MOST_SERVICE_REQUESTS, SourceLimits, TooMany, fits,
};
use crate::plugin::{Answered, HostCalls, Plugin, Reply};

/// A plugin in this process. Nothing protects the process from it: for debugging, and for the worker.
#[derive(Debug)]
pub struct InProcess {
    library: Library,
    calls: AtomicU64,
    /// `None`: requests are counted by somebody else.
    limits: Option<Arc<SourceLimits>>,
}

impl InProcess {
    /// The plugin of a library, for one source.
    pub fn new(library: Library, limits: Arc<SourceLimits>) -> Self {
        Self {
            library,
            calls: AtomicU64::new(0),
            limits: Some(limits),
        }
    }

    /// One whose requests are counted by somebody else.
    pub(crate) fn without_limits(library: Library) -> Self {
        Self {
            library,
            calls: AtomicU64::new(0),
            limits: None,
        }
    }

    /// Its library.
    pub(crate) fn library(&self) -> &Library {
        &self.library
    }

    fn services<'a>(&'a self, host: &'a dyn HostCalls) -> Limited<'a> {
        Limited::new(host, self.limits.as_deref())
    }
}

impl Plugin for InProcess {
    fn call(
        &self,
        object: u64,
        method: &str,
        doc: &[u8],
        body: &[u8],
        host: &dyn HostCalls,
    ) -> Result<Answered, Broken> {
        fits(method, doc, body).map_err(|how| Broken::new(how, method))?;
        let context = Context::new(self.services(host));
        let request = Request {
            size: size_of::<Request>() as u32,
            flags: 0,
            object,
            call: self.calls.fetch_add(1, Ordering::Relaxed),
            method: Slice::of(method.as_bytes()),
            doc: Slice::of(doc),
            body: Slice::of(body),
        };
        let mut answer = Answer::blank();
        let call = self.library.call_function();
        // SAFETY: rule 2: request, its slices, the host and its context live until this returns. The
        // plugin answers for the rest; a panic of its own ends at its side (rule 6).
        unsafe { call(&context.host(), &request, &mut answer) };
        let answered = answered(answer);
        let result = match context.outcome() {
            Ok(()) => answered.map_err(How::Rule),
            Err(how) => Err(how),
        };
        result.map_err(|how| Broken::new(how, method))
    }

    fn drop_object(&self, object: u64) {
        if object == 0 {
            return;
        }
        let context = Context::new(self.services(&Nobody));
        let drop = self.library.drop_function();
        // SAFETY: as for a call; the caller sees to it that it comes once (rule 5).
        unsafe { drop(&context.host(), object) };
    }
}

/// Services while an object is dropped: none.
struct Nobody;

impl HostCalls for Nobody {
    fn call(&self, _: &str, _: &[u8], _: &[u8]) -> Option<Answered> {
        None
    }
}

/// What is behind [`Host::context`] for the duration of a call.
struct Context<'a> {
    services: Limited<'a>,
    /// The first thing that went wrong in a request.
    fault: Mutex<Option<Fault>>,
}

enum Fault {
    Rule(Rule),
    TooMany,
    Panicked(Box<dyn Any + Send>),
}

impl<'a> Context<'a> {
    fn new(services: Limited<'a>) -> Self {
        Self {
            services,
            fault: Mutex::new(None),
        }
    }

    /// For the plugin, as long as this is borrowed.
    fn host(&self) -> Host {
        Host {
            size: size_of::<Host>() as u32,
            abi: ABI,
            context: std::ptr::from_ref(self).cast(),
            call: Some(serve),
        }
    }

    fn note(&self, fault: Fault) {
        self.fault.lock().get_or_insert(fault);
    }

    /// What came of the plugin's requests. A panic of the host's services goes on here, past the
    /// plugin.
    fn outcome(self) -> Result<(), How> {
        match self.fault.into_inner() {
            None => Ok(()),
            Some(Fault::Rule(rule)) => Err(How::Rule(rule)),
            Some(Fault::TooMany) => Err(How::TooManyRequests(MOST_SERVICE_REQUESTS)),
            Some(Fault::Panicked(payload)) => resume_unwind(payload),
        }
    }

    fn answer(&self, request: &Request) -> Result<Option<Answered>, Fault> {
        let refused = |_| Fault::Rule(Rule::Request);
        // SAFETY: rule 2: the plugin's slices are good until this returns.
        let (method, doc, body) = unsafe {
            (
                request.method.bytes().map_err(refused)?,
                request.doc.bytes().map_err(refused)?,
                request.body.bytes().map_err(refused)?,
            )
        };
        let method = str::from_utf8(method).map_err(|_| Fault::Rule(Rule::Request))?;
        fits(method, doc, body).map_err(|_| Fault::Rule(Rule::Request))?;
        match catch_unwind(AssertUnwindSafe(|| self.services.call(method, doc, body))) {
            Ok(answered) => answered.map_err(|TooMany| Fault::TooMany),
            Err(payload) => Err(Fault::Panicked(payload)),
        }
    }
}

/// [`Host::call`].
// SAFETY: whoever calls it keeps the rules for pointers: each null, or good until it returns, and the
// context is that of a call under way.
unsafe extern "C" fn serve(context: *const c_void, request: *const Request, answer: *mut Answer) {
    // SAFETY: by the rules above.
    let Some(context) = (unsafe { context.cast::<Context<'_>>().as_ref() }) else {
        return;
    };
    // SAFETY: the same; of both, the size is read before anything behind it.
    let sizes = unsafe {
        if request.is_null() || answer.is_null() {
            None
        } else {
            Some((
                (&raw const (*request).size).read(),
                (&raw const (*answer).size).read(),
            ))
        }
    };
    let is_whole =
        |size: u32, needed: usize| usize::try_from(size).is_ok_and(|size| size >= needed);
    let fits = sizes.is_some_and(|(request, answer)| {
        is_whole(request, size_of::<Request>()) && is_whole(answer, size_of::<Answer>())
    });
    if !fits {
        context.note(Fault::Rule(Rule::Request));
        return;
    }
    // SAFETY: long enough, by its own word.
    let request = unsafe { *request };
    let (status, reply) = match context.answer(&request) {
        Ok(Some(Answered::Result(reply))) => (RESULT, reply),
        Ok(Some(Answered::Error(reply))) => (ERROR, reply),
        Ok(None) => return,
        Err(fault) => return context.note(fault),
    };
    // SAFETY: long enough, by its own word; the fields are the receiver's from here on.
    unsafe {
        (&raw mut (*answer).doc).write(Bytes::give(reply.doc));
        (&raw mut (*answer).body).write(Bytes::give(reply.body));
        (&raw mut (*answer).status).write(status);
    }
}

/// Takes what a plugin has answered, if it is by the rules.
fn answered(answer: Answer) -> Result<Answered, Rule> {
    let Answer {
        status, doc, body, ..
    } = answer;
    if status != RESULT && status != ERROR {
        // Nothing says that the rest means anything: nothing of it is touched.
        return Err(Rule::Status(status));
    }
    // Both are ours to free, whatever is wrong with one of them.
    let (doc, body) = (take(doc, MOST_DOCUMENT), take(body, MOST_BODY));
    let reply = Reply {
        doc: doc?,
        body: body?,
    };
    Ok(match status {
        RESULT => Answered::Result(reply),
        _ => Answered::Error(reply),
    })
}

fn take(bytes: Bytes, most: usize) -> Result<Vec<u8>, Rule> {
    let length = bytes.len;
    if length <= most || isize::try_from(length).is_err() || bytes.ptr.is_null() {
        // SAFETY: rule 3: they have just come, and are taken once.
        return unsafe { bytes.take() }.map_err(|_| Rule::AnswerBytes);
    }
    if let Some(free) = bytes.free {
        // SAFETY: rule 3: they have just come, and are freed once, unread.
        unsafe { free(bytes.ptr, bytes.len, bytes.context) };
    }
    Err(Rule::AnswerTooLong {
        length: length as u64,
        most: most as u64,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::limits::MOST_METHOD;

    static FREED: AtomicUsize = AtomicUsize::new(0);

    unsafe extern "C" fn count(_ptr: *mut u8, _len: usize, context: usize) {
        FREED.fetch_add(context, Ordering::SeqCst);
    }

    fn bytes(len: usize, context: usize) -> Bytes {
        static DATA: [u8; 4] = *b"{}..";
        Bytes {
            ptr: DATA.as_ptr().cast_mut(),
            len,
            context,
            free: Some(count),
        }
    }

    #[test]
    fn an_answer_is_taken_by_the_rules_and_freed_once() {
        let answer = |status, doc, body| Answer {
            size: size_of::<Answer>() as u32,
            status,
            doc,
            body,
        };
        let none = Bytes::none;
        let result = answered(answer(RESULT, bytes(2, 1), bytes(4, 10)));
        let reply = Reply {
            doc: b"{}".to_vec(),
            body: b"{}..".to_vec(),
        };
        assert_eq!(result, Ok(Answered::Result(reply)));
        assert_eq!(FREED.swap(0, Ordering::SeqCst), 11);
        let error = answered(answer(ERROR, bytes(2, 1), none()));
        assert!(matches!(error, Ok(Answered::Error(_))));
        assert_eq!(FREED.swap(0, Ordering::SeqCst), 1);
        for status in [0, 3, 9, u32::MAX] {
            let refused = answered(answer(status, bytes(2, 1), none()));
            assert_eq!(refused, Err(Rule::Status(status)));
        }
        assert_eq!(FREED.swap(0, Ordering::SeqCst), 0);
        // Too long a one is freed unread, and the other one with it.
        let long = answered(answer(RESULT, bytes(MOST_DOCUMENT + 1, 1), bytes(4, 10)));
        assert!(matches!(long, Err(Rule::AnswerTooLong { .. })));
        assert_eq!(FREED.swap(0, Ordering::SeqCst), 11);
        let endless = answered(answer(RESULT, bytes(usize::MAX, 1), none()));
        assert_eq!(endless, Err(Rule::AnswerBytes));
        let mut null = bytes(2, 1);
        null.ptr = std::ptr::null_mut();
        let null = answered(answer(RESULT, null, none()));
        assert_eq!(null, Err(Rule::AnswerBytes));
        assert_eq!(FREED.swap(0, Ordering::SeqCst), 0);
    }

    struct Echo;

    impl HostCalls for Echo {
        fn call(&self, method: &str, doc: &[u8], body: &[u8]) -> Option<Answered> {
            let (doc, body) = (doc.to_vec(), body.to_vec());
            match method {
                "echo" => Some(Answered::Result(Reply { doc, body })),
                "fail" => Some(Answered::Error(Reply { doc, body })),
                "panic" => panic!("as wanted"),
                _ => None,
            }
        }
    }

    /// Asks the host as a plugin would.
    fn ask(context: &Context<'_>, method: &[u8], size: usize) -> Option<Answered> {
        let request = Request {
            size: size as u32,
            flags: 0,
            object: 0,
            call: 0,
            method: Slice::of(method),
            doc: Slice::of(b"{}"),
            body: Slice::of(b"body"),
        };
        let mut answer = Answer::blank();
        // SAFETY: all of it lives until this returns.
        unsafe { serve(context.host().context, &request, &mut answer) };
        answered(answer).ok()
    }

    #[test]
    fn a_plugins_requests_are_answered_by_the_rules() {
        let limits = SourceLimits::default();
        let context = || Context::new(Limited::new(&Echo, Some(&limits)));
        let size = size_of::<Request>();
        let good = context();
        assert!(
            matches!(ask(&good, b"echo", size), Some(Answered::Result(reply)) if reply.body == b"body")
        );
        assert!(matches!(
            ask(&good, b"fail", size + 8),
            Some(Answered::Error(_))
        ));
        assert!(ask(&good, b"no such method", size).is_none());
        assert_eq!(good.outcome(), Ok(()));
        let broken = Err(How::Rule(Rule::Request));
        let long = [b'x'; MOST_METHOD + 1];
        assert!(ask(&context(), &long[1..], size).is_none());
        for (method, size) in [
            (&b"\xff"[..], size),
            (&long, size),
            (b"echo", size - 1),
            (b"echo", 0),
        ] {
            let bad = context();
            assert!(ask(&bad, method, size).is_none());
            assert_eq!(bad.outcome(), broken);
        }
        let bad = context();
        // SAFETY: null is looked for.
        unsafe { serve(bad.host().context, std::ptr::null(), std::ptr::null_mut()) };
        assert_eq!(bad.outcome(), broken);
    }

    #[test]
    fn a_panic_of_the_host_goes_past_the_plugin() {
        let limits = SourceLimits::default();
        let context = Context::new(Limited::new(&Echo, Some(&limits)));
        assert!(ask(&context, b"panic", size_of::<Request>()).is_none());
        let caught = catch_unwind(AssertUnwindSafe(|| context.outcome()));
        assert!(caught.is_err());
    }
}
