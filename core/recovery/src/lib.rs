//! Brings repositories back to a hoster: the day after the disaster.
//!
//! The data goes one way. What is chosen of the backup becomes a [`Plan`]: which state of each, under which name
//! (`names`, and the target's own rules), what is at the target already, and what the target is going to refuse
//! (`survey`, `fsck`). The plan is whole before anything is made; a dry run ends with it. A [`Run`] carries it
//! out, side by side: each repository is noted, made private and set up (`made`), pushed with the default
//! branch first and an outcome for each ref (`push`), read back and compared (`compare`), and noted once more.
//! What came of it is a [`RestoreReport`](report::RestoreReport).
//!
//! Nothing is overwritten at the target: a ref is made or moved forward, and a repository that no restore has
//! made is used only while it is empty and private. A run that was killed is gone on with: what was made is
//! known by its id, from `restore-notes`.

#![cfg_attr(test, allow(clippy::disallowed_methods))]

mod begun;
mod compare;
mod conclude;
pub mod drill;
mod fsck;
mod item;
mod made;
mod names;
mod plan;
mod push;
pub mod report;
mod run;
mod surroundings;
mod survey;
mod there;
mod wiki;

pub use conclude::conclude;
pub use item::{Item, Order, Step, Then, Whose};
pub use plan::{NoPlan, Plan, check_target, place};
pub use run::Run;
pub use surroundings::Surroundings;
