//! The `forgekeep` command.

fn main() {}
