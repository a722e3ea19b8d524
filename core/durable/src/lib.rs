//! Files that outlast a kill and a power loss, in a folder that others may write to: atomic files, sealed
//! JSON, locks, and the room there is on a disk.

pub mod atomic_file;
pub mod folder;
pub mod lock;
pub mod lock_wait;
pub mod mounts;
pub mod regular_file;
pub mod sealed;
pub mod space;
pub mod state_folder;
pub mod umask;
