//! Root in the folder of another user.

use std::env;
use std::path::Path;

use forgekeep_folder_check::{foreign_owner, user_name};
use forgekeep_summary::text::shell_word;
use forgekeep_untrusted::{Show as _, Untrusted};

use crate::exit::{Complaint, ExitCode};

/// Refuses to write to the backup of another user as root: what root leaves there, that user cannot write
/// to, and each later run fails.
pub fn refuse_root(folder: &Path) -> Result<(), Complaint> {
    let Some(owner) = foreign_owner(folder) else {
        return Ok(());
    };
    let shown = folder.shown();
    let message = format!(
        "the backup folder {shown} belongs to the user {}, and this is root: what root writes there, that \
        user cannot write to",
        user_name(owner).unwrap_or_else(|| owner.to_string())
    );
    let hint = format!(
        "run `sudo -u {} {}`, in a container with `--user {owner}`; to let root make backups, give root \
        the whole folder: `chown -R root {shown}`",
        user_word(owner),
        command()
    );
    Err(Complaint::new(ExitCode::Usage, message, hint))
}

/// A user as `sudo` takes it, as a word of a shell.
pub fn user_word(user: u32) -> String {
    shell_word(&user_name(user).unwrap_or_else(|| format!("#{user}")))
}

/// What was typed. No secret is ever an argument.
fn command() -> String {
    let words = env::args_os().map(|word| {
        let word = Untrusted::of_path(&word);
        shell_word(&word.printable())
    });
    words.collect::<Vec<_>>().join(" ")
}
