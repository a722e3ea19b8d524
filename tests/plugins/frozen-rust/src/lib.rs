//! FROZEN. A small hoster plugin as it was written for ABI 1 and protocol 1, by both entrances: the plain
//! symbol, and abi_stable's root module.
//!
//! It uses nothing of this repository: `abi/` is a copy of the crate `forgekeep-abi` 1.0.0. Every later
//! Forgekeep has to run it as it is: it is never edited. What a later protocol adds gets a plugin of its
//! own, beside this one.

// It crosses the plugin boundary.
#![allow(unsafe_code)]

#[allow(dead_code)]
#[path = "abi/src/lib.rs"]
mod abi;
mod hoster;

use std::panic::catch_unwind;

use abi::abi_stable::library::{
    __call_root_module_loader, CheckTypeLayout, LibHeader, RootModuleResult,
};
use abi::abi_stable::prefix_type::PrefixTypeTrait;
use abi::{
    ABI, Answer, Bytes, ERROR, Host, MAGIC, PluginModule, PluginModule_Ref, RESULT, Request, Slice,
    Table,
};
use hoster::{Asked, Outcome};

/// The plain entrance.
// SAFETY: no other symbol of this library has this name.
#[unsafe(no_mangle)]
pub static forgekeep_plugin_1: Table = Table {
    magic: MAGIC,
    abi: ABI,
    size: size_of::<Table>() as u32,
    call: Some(call),
    drop: Some(drop_object),
};

extern "C" fn table() -> *const Table {
    &forgekeep_plugin_1
}

fn module() -> PluginModule_Ref {
    PluginModule { table }.leak_into_prefix()
}

extern "C" fn loader() -> RootModuleResult {
    __call_root_module_loader(module)
}

/// abi_stable's entrance.
// SAFETY: no other symbol of this library has this name; `loader` returns a module of the type named.
#[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
pub static HEADER: LibHeader =
    unsafe { LibHeader::from_constructor::<PluginModule_Ref>(loader, CheckTypeLayout::Yes) };

// SAFETY: called by the host, by the rules of the ABI.
unsafe extern "C" fn call(host: *const Host, request: *const Request, answer: *mut Answer) {
    // SAFETY: rule 2: good until this returns.
    let (host, request, answer) = unsafe { (&*host, &*request, &mut *answer) };
    // Rule 6: nothing unwinds across.
    let outcome = catch_unwind(std::panic::AssertUnwindSafe(|| {
        // SAFETY: rule 2.
        let (method, doc) = unsafe { (request.method.bytes(), request.doc.bytes()) };
        let asked = Asked {
            object: request.object,
            method: method.unwrap_or_default(),
            doc: doc.unwrap_or_default(),
        };
        hoster::answer(&asked, &|method, doc| ask(host, request.call, method, doc))
    }));
    let outcome = outcome.unwrap_or_else(|_| hoster::fail("plugin", "it panicked", Some("source")));
    let (status, doc) = match outcome {
        Outcome::Result(doc) => (RESULT, doc),
        Outcome::Error(doc) => (ERROR, doc),
    };
    answer.status = status;
    answer.doc = Bytes::give(doc);
}

/// Asks the host. Gives the document and the bytes beside it; nothing where it does not know the method.
fn ask(host: &Host, call: u64, method: &str, doc: &[u8]) -> Option<(Outcome, Vec<u8>)> {
    let request = Request {
        size: size_of::<Request>() as u32,
        flags: 0,
        object: 0,
        call,
        method: Slice::of(method.as_bytes()),
        doc: Slice::of(doc),
        body: Slice::of(&[]),
    };
    let mut served = Answer::blank();
    // SAFETY: all of it lives until it returns.
    unsafe { host.call?(host.context, &request, &mut served) };
    // SAFETY: rule 3: they have just come, and are taken once.
    let (doc, body) = unsafe { (served.doc.take().ok()?, served.body.take().ok()?) };
    match served.status {
        RESULT => Some((Outcome::Result(doc), body)),
        ERROR => Some((Outcome::Error(doc), body)),
        _ => None,
    }
}

// SAFETY: called by the host, by the rules of the ABI.
unsafe extern "C" fn drop_object(_host: *const Host, object: u64) {
    hoster::close(object);
}
