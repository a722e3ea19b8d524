//! The documents from outside: what is taken, what is refused, what it costs, and what never changes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

mod golden;
mod memory;
mod parser;
mod round;
