//! A plugin on ABI 1 alone, by both entrances. It answers each call with its method's name, and asks
//! the host for `echo` in between; but `page` with a page of 100 repositories, and `nothing` at once.
//! `FORGEKEEP_WAIST=two-tables` makes the entrances lead to different tables.

// It crosses the plugin boundary.
#![allow(unsafe_code)]

use std::sync::OnceLock;

use forgekeep_abi::abi_stable::library::{
    __call_root_module_loader, CheckTypeLayout, LibHeader, RootModuleResult,
};
use forgekeep_abi::abi_stable::prefix_type::PrefixTypeTrait;
use forgekeep_abi::{
    ABI, Answer, Bytes, ERROR, Host, MAGIC, PluginModule, PluginModule_Ref, RESULT, Request, Slice,
    Table,
};

const TABLE: Table = Table {
    magic: MAGIC,
    abi: ABI,
    size: size_of::<Table>() as u32,
    call: Some(call),
    drop: Some(drop_object),
};

/// The plain entrance.
// SAFETY: no other symbol of this library has this name.
#[unsafe(no_mangle)]
pub static forgekeep_plugin_1: Table = TABLE;

static OTHER: Table = TABLE;

extern "C" fn table() -> *const Table {
    let two = std::env::var_os("FORGEKEEP_WAIST").is_some_and(|value| value == "two-tables");
    if two { &OTHER } else { &forgekeep_plugin_1 }
}

fn module() -> PluginModule_Ref {
    PluginModule { table }.leak_into_prefix()
}

extern "C" fn loader() -> RootModuleResult {
    __call_root_module_loader(module)
}

// SAFETY: no other symbol of this library has this name; `loader` returns a module of the type named.
#[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
static HEADER: LibHeader =
    unsafe { LibHeader::from_constructor::<PluginModule_Ref>(loader, CheckTypeLayout::Yes) };

// SAFETY: called by the host, by the rules of the ABI.
unsafe extern "C" fn call(host: *const Host, request: *const Request, answer: *mut Answer) {
    // SAFETY: rule 2: good until this returns.
    let (host, request, answer) = unsafe { (&*host, &*request, &mut *answer) };
    // SAFETY: the same.
    let method = unsafe { request.method.bytes() }.unwrap_or_default();
    let at_once = match method {
        b"nothing" => Some(b"{}".to_vec()),
        b"page" => Some(page().as_bytes().to_vec()),
        _ => None,
    };
    if let Some(doc) = at_once {
        answer.status = RESULT;
        answer.doc = Bytes::give(doc);
        return;
    }
    let asked = Request {
        size: size_of::<Request>() as u32,
        flags: 0,
        object: 0,
        call: request.call,
        method: Slice::of(b"echo"),
        doc: Slice::of(method),
        body: request.body,
    };
    let mut served = Answer::blank();
    if let Some(ask) = host.call {
        // SAFETY: all of it lives until it returns.
        unsafe { ask(host.context, &asked, &mut served) };
    }
    // SAFETY: rule 3: they have just come.
    let taken = unsafe { (served.doc.take(), served.body.take()) };
    let (Ok(doc), Ok(body)) = taken else {
        return;
    };
    answer.status = if method == b"fail" { ERROR } else { RESULT };
    answer.doc = Bytes::give(doc);
    answer.body = Bytes::give(body);
}

/// A page as a hoster's plugin would make it.
fn page() -> &'static str {
    static PAGE: OnceLock<String> = OnceLock::new();
    PAGE.get_or_init(|| {
        let repository = |number: usize| {
            format!(
                r#"{{"id":"{{6f0a9e1c-8f1b-4c0d-9e0a-{number:012}}}","handle":"acme/repository-{number}","fullName":"acme/repository-{number}","owner":{{"id":"{{a3c1e0d2-1111-4222-8333-444455556666}}","name":"acme"}},"visibility":"private","archived":false,"fork":false,"defaultBranch":"main","description":"What repository {number} is for, in a line of usual length","parts":[{{"kind":"git","url":"https://bitbucket.org/acme/repository-{number}.git","version":"2026-11-30T06:00:00Z"}},{{"kind":"wiki","url":"https://bitbucket.org/acme/repository-{number}.git/wiki"}}]}}"#
            )
        };
        let all: Vec<_> = (0..100).map(repository).collect();
        format!(r#"{{"repositories":[{}],"next":"2"}}"#, all.join(","))
    })
}

extern "C" fn drop_object(_host: *const Host, _object: u64) {}
