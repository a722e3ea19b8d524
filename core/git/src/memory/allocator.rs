//! Where libgit2 takes its memory: from the C library, as ever, unless it is too much.

use std::ffi::{c_char, c_int, c_void};

use libgit2_sys as raw;

/// `git_allocator` of git2/sys/alloc.h.
#[repr(C)]
struct Allocator {
    malloc: extern "C" fn(usize, *const c_char, c_int) -> *mut c_void,
    realloc: extern "C" fn(*mut c_void, usize, *const c_char, c_int) -> *mut c_void,
    free: extern "C" fn(*mut c_void),
}

extern "C" fn malloc(size: usize, _file: *const c_char, _line: c_int) -> *mut c_void {
    match super::is_granted(size) {
        true => c_malloc(size),
        false => std::ptr::null_mut(),
    }
}

extern "C" fn realloc(
    old: *mut c_void,
    size: usize,
    _file: *const c_char,
    _line: c_int,
) -> *mut c_void {
    match super::is_granted(size) {
        true => c_realloc(old, size),
        false => std::ptr::null_mut(),
    }
}

#[allow(unsafe_code)]
fn c_malloc(size: usize) -> *mut c_void {
    // SAFETY: malloc takes any size.
    unsafe { libc::malloc(size) }
}

#[allow(unsafe_code)]
fn c_realloc(old: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: libgit2 hands back what it got from `malloc` or `realloc` above, or from the C library's
    // own before this was set; or NULL.
    unsafe { libc::realloc(old, size) }
}

#[allow(unsafe_code)]
extern "C" fn free(old: *mut c_void) {
    // SAFETY: as for `c_realloc`.
    unsafe { libc::free(old) }
}

/// Has libgit2 use these.
#[allow(unsafe_code)]
pub fn set_up() -> Result<(), git2::Error> {
    let mut ours = Allocator {
        malloc,
        realloc,
        free,
    };
    let option = raw::GIT_OPT_SET_ALLOCATOR as c_int;
    // SAFETY: it copies three pointers to functions out of a structure of that form. This sets
    // process-wide state without a lock: see `libgit2::initialise`, which calls it.
    let set = unsafe { raw::git_libgit2_opts(option, std::ptr::from_mut(&mut ours)) };
    match set {
        0 => Ok(()),
        _ => Err(git2::Error::from_str("it does not accept an allocator")),
    }
}
