//! The way across the boundary: the one place of the SDK that reads and writes the structs of ABI 1.

use std::marker::PhantomData;

use forgekeep_abi::{Answer, Bytes, ERROR, Host, RESULT, Request, Slice};

/// What came in.
pub(crate) struct Incoming<'call> {
    pub(crate) object: u64,
    pub(crate) call: u64,
    pub(crate) method: &'call str,
    pub(crate) document: &'call [u8],
    pub(crate) body: &'call [u8],
}

/// What goes out: document and bytes.
#[derive(Default)]
pub(crate) struct Outgoing {
    pub(crate) document: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

/// What the host has answered.
pub(crate) enum Replied {
    Result(Outgoing),
    Error(Outgoing),
    /// It does not know the method.
    Unknown,
    /// It broke the rules.
    Broken,
}

/// Reads a request. `None` if it cannot be one.
///
/// # Safety
///
/// Rule 2: the request and what it points to are valid for `'call`.
// SAFETY: for the callers to keep, as said above.
pub(crate) unsafe fn incoming<'call>(request: *const Request) -> Option<Incoming<'call>> {
    if request.is_null() {
        return None;
    }
    // SAFETY: `size` is the first field, and every request has it.
    let size = unsafe { (*request).size };
    if usize::try_from(size).ok()? < size_of::<Request>() {
        return None;
    }
    // SAFETY: valid by the caller's promise, and as large as we know it.
    let request = unsafe { *request };
    // SAFETY: as above; slices live as long as the request.
    let slices = unsafe {
        (
            request.method.bytes(),
            request.doc.bytes(),
            request.body.bytes(),
        )
    };
    Some(Incoming {
        object: request.object,
        call: request.call,
        method: std::str::from_utf8(slices.0.ok()?).ok()?,
        document: slices.1.ok()?,
        body: slices.2.ok()?,
    })
}

/// Writes an answer, as far as the caller has room for one.
///
/// # Safety
///
/// Rule 1: `answer` is null, or as large as its `size` says, and nobody else writes to it.
// SAFETY: for the callers to keep, as said above.
pub(crate) unsafe fn answer(answer: *mut Answer, given: Result<Outgoing, Outgoing>) {
    if answer.is_null() {
        return;
    }
    // SAFETY: `size` is the first field, and every answer has it.
    let size = unsafe { (*answer).size };
    if usize::try_from(size).is_ok_and(|size| size < size_of::<Answer>()) {
        return;
    }
    let (status, given) = match given {
        Ok(given) => (RESULT, given),
        Err(given) => (ERROR, given),
    };
    // SAFETY: it is as large as we know it, and ours until we return. What it holds was zeroed by the
    // caller, so nothing is lost by writing over it; the caller's `size` stays.
    unsafe {
        (*answer).doc = Bytes::give(given.document);
        (*answer).body = Bytes::give(given.body);
        (*answer).status = status;
    }
}

/// The host's side, for the duration of a call.
pub(crate) struct Line<'call> {
    host: Option<Host>,
    call: u64,
    duration: PhantomData<&'call ()>,
}

// SAFETY: rule 2: within a call, the host may be called from any thread, several at a time; `'call`
// ends with it. The context is the host's own, and never looked at here.
unsafe impl Sync for Line<'_> {}

// SAFETY: as above.
unsafe impl Send for Line<'_> {}

impl Line<'_> {
    /// Takes a host.
    ///
    /// # Safety
    ///
    /// Rule 2: `host` is null or valid for as long as the line is used.
    // SAFETY: for the callers to keep, as said above.
    pub(crate) unsafe fn of(host: *const Host, call: u64) -> Self {
        let read = || {
            if host.is_null() {
                return None;
            }
            // SAFETY: `size` is the first field, and every host has it.
            let size = unsafe { (*host).size };
            if usize::try_from(size).ok()? < size_of::<Host>() {
                return None;
            }
            // SAFETY: valid by the caller's promise, and as large as we know it.
            Some(unsafe { *host })
        };
        Self {
            host: read(),
            call,
            duration: PhantomData,
        }
    }

    /// Asks the host.
    pub(crate) fn ask(&self, method: &str, document: &[u8], body: &[u8]) -> Replied {
        let Some((host, call)) = self.host.and_then(|host| Some((host, host.call?))) else {
            return Replied::Unknown;
        };
        let request = Request {
            size: size_of::<Request>() as u32,
            flags: 0,
            object: 0,
            call: self.call,
            method: Slice::of(method.as_bytes()),
            doc: Slice::of(document),
            body: Slice::of(body),
        };
        let mut answer = Answer::blank();
        // SAFETY: request, slices and answer outlive the call; the host is valid by `of`.
        unsafe { call(host.context, &raw const request, &raw mut answer) };
        // SAFETY: rule 3: they are the host's answer, and each is taken once.
        let taken = unsafe { (answer.doc.take(), answer.body.take()) };
        let (Ok(document), Ok(body)) = taken else {
            return Replied::Broken;
        };
        let outgoing = Outgoing { document, body };
        match answer.status {
            RESULT => Replied::Result(outgoing),
            ERROR => Replied::Error(outgoing),
            _ => Replied::Unknown,
        }
    }
}
