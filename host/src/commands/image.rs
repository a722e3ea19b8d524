//! A backup in a container's own layer goes away with the container. The image says so, by a variable, and
//! then such a folder is refused.

use std::env;
use std::path::Path;

use forgekeep_untrusted::Show as _;

use crate::exit::{Complaint, ExitCode};

/// `refuse` in the image; anything else, and its absence, accepts the folder.
const VARIABLE: &str = "FORGEKEEP_BACKUP_ON_IMAGE_LAYER";

/// Complains about a backup folder on the image's own layer, in a container of ours.
pub fn check(folder: &Path) -> Result<(), Complaint> {
    if env::var_os(VARIABLE).is_none_or(|word| word != "refuse") || !is_on_root(folder) {
        return Ok(());
    }
    let message = format!(
        "the backup folder {} is in the container's own layer and would be removed with the container",
        folder.shown()
    );
    let hint = format!("mount a folder or a named volume there, or set {VARIABLE}=accept");
    Err(Complaint::new(ExitCode::Configuration, message, hint))
}

/// Whether a folder, or the one it is to be made in, is on the file system of `/`: what is mounted is not.
#[cfg(unix)]
fn is_on_root(folder: &Path) -> bool {
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev()).ok();
    let of_folder = folder.ancestors().find_map(device);
    of_folder.is_some() && of_folder == device(Path::new("/"))
}

/// There are no images of ours for other systems.
#[cfg(not(unix))]
fn is_on_root(_folder: &Path) -> bool {
    false
}
