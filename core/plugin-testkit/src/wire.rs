//! The host's side of the boundary, in this process.

use std::ffi::c_void;
use std::sync::atomic::{AtomicU64, Ordering};

use forgekeep_plugin_documents::{HosterError, parse, write};
use forgekeep_plugin_sdk::__private::abi::{
    ABI, Answer, Bytes, ERROR, Host, RESULT, Request, Slice, Table,
};

use crate::script::Script;

/// What a plugin has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    /// A result: document and bytes.
    Result(Vec<u8>, Vec<u8>),
    /// An error.
    Error(HosterError),
    /// None, or one that breaks the rules; and how.
    Broken(String),
}

/// A plugin that can be called, in whatever way. It must be good for threads, as plugins are.
pub trait Callee: Sync {
    /// Calls a method of an object, while `script` does what the host does.
    fn call(
        &self,
        script: &Script,
        object: u64,
        method: &str,
        document: &[u8],
        body: &[u8],
    ) -> Answered;

    /// Says that an object is no longer needed.
    fn drop_object(&self, object: u64);
}

/// A plugin behind its table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Behind(pub(crate) &'static Table);

/// What the host's function gets back.
struct Context<'call> {
    script: &'call Script,
    /// Calls of it that are under way.
    under_way: AtomicU64,
}

impl Callee for Behind {
    fn call(
        &self,
        script: &Script,
        object: u64,
        method: &str,
        document: &[u8],
        body: &[u8],
    ) -> Answered {
        static CALLS: AtomicU64 = AtomicU64::new(1);
        let Some(call) = self.0.call else {
            return Answered::Broken("its table has no call".to_owned());
        };
        let context = Context {
            script,
            under_way: AtomicU64::new(0),
        };
        let host = Host {
            size: size_of::<Host>() as u32,
            abi: ABI,
            context: (&raw const context).cast(),
            call: Some(host_call),
        };
        let request = Request {
            size: size_of::<Request>() as u32,
            flags: 0,
            object,
            call: CALLS.fetch_add(1, Ordering::Relaxed),
            method: Slice::of(method.as_bytes()),
            doc: Slice::of(document),
            body: Slice::of(body),
        };
        let mut answer = Answer::blank();
        // SAFETY: rule 2: host, request, slices and answer outlive the call.
        unsafe { call(&raw const host, &raw const request, &raw mut answer) };
        if context.under_way.load(Ordering::SeqCst) != 0 {
            return Answered::Broken("it returned before its calls of the host did".to_owned());
        }
        // SAFETY: rule 3: they are the plugin's answer, and each is taken once.
        let taken = unsafe { (answer.doc.take(), answer.body.take()) };
        let (Ok(document), Ok(body)) = taken else {
            return Answered::Broken("it gave bytes that cannot be".to_owned());
        };
        match answer.status {
            RESULT => Answered::Result(document, body),
            ERROR => match parse(&document) {
                Ok(error) => Answered::Error(error),
                Err(refused) => Answered::Broken(format!("its error cannot be read: {refused}")),
            },
            other => Answered::Broken(format!("it answered with status {other}")),
        }
    }

    fn drop_object(&self, object: u64) {
        let host = Host {
            size: size_of::<Host>() as u32,
            abi: ABI,
            context: std::ptr::null(),
            call: None,
        };
        if let Some(drop) = self.0.drop {
            // SAFETY: the host outlives the call.
            unsafe { drop(&raw const host, object) };
        }
    }
}

/// [`Host::call`].
///
/// # Safety
///
/// Rule 2, by the plugin: within the call that the context belongs to.
// SAFETY: for the plugin to keep, as said above.
unsafe extern "C" fn host_call(
    context: *const c_void,
    request: *const Request,
    answer: *mut Answer,
) {
    // SAFETY: the context of `Behind::call`, which has not returned yet.
    let context = unsafe { &*context.cast::<Context<'_>>() };
    context.under_way.fetch_add(1, Ordering::SeqCst);
    // SAFETY: request and slices are valid until this returns.
    let (method, document, body) = unsafe {
        let request = &*request;
        (
            request.method.bytes().unwrap_or_default(),
            request.doc.bytes().unwrap_or_default(),
            request.body.bytes().unwrap_or_default(),
        )
    };
    let method = std::str::from_utf8(method).unwrap_or_default();
    if let Some(served) = context.script.serve(method, document, body) {
        let (status, document, body) = match served {
            Ok((document, body)) => (RESULT, document, body),
            Err(error) => (ERROR, write(&error), Vec::new()),
        };
        // SAFETY: the answer is the plugin's, and ours to write until this returns.
        unsafe {
            (*answer).status = status;
            (*answer).doc = Bytes::give(document);
            (*answer).body = Bytes::give(body);
        }
    }
    context.under_way.fetch_sub(1, Ordering::SeqCst);
}
