//! Forgekeep's engine: configuration, listing, plan, mirrors, report.
