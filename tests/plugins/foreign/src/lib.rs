//! A library that is no plugin: it opens, and has no header symbol.

// Exports a C function by name.
#![allow(unsafe_code)]

/// The one thing this library exports.
// SAFETY: no other symbol of the process has this name.
#[unsafe(no_mangle)]
pub extern "C" fn forgekeep_test_foreign_answer() -> i32 {
    42
}
