//! End-to-end tests of Forgekeep, and the forge they run against.
