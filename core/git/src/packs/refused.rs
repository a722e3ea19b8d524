//! What it means that a pack cannot be taken in.

use std::path::Path;

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_pack::Unsound;
use forgekeep_untrusted::Show as _;

use crate::{libgit2, memory};

/// A pack for the mirror at `folder` cannot be taken in. The mirror is what the user knows: files are named by
/// it.
pub fn refused(unsound: &Unsound, folder: &Path) -> Failure {
    match unsound {
        Unsound::Failed(failure) => failure.clone(),
        Unsound::Disk(doing, _, error) => Failure::disk(doing, folder, error),
        Unsound::TooLarge(size) => {
            let why = memory::modest_refusal(*size);
            let message = format!("an object for {} is too large: {why}", folder.shown());
            libgit2::too_large(message, &why)
        }
        Unsound::Collision => {
            let message = format!("the fetch failed: {}", unsound.why());
            Failure::new(ErrorKind::Git, message)
                .with_hint("report it to the owner of the repository; git refuses this object, too")
        }
        Unsound::Invalid(_) | Unsound::NoBase(_) => {
            let message = format!("the fetch failed: the pack is not valid: {}", unsound.why());
            Failure::new(ErrorKind::Git, message)
                .with_hint("run again later; if it persists, report it to the hoster")
                .transient()
        }
    }
}
