//! Files that schedulers read, and the programs that go with them.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use forgekeep_durable::atomic_file;
use forgekeep_failure::Failure;
use forgekeep_untrusted::Untrusted;

use super::failed;

/// Whether this is the superuser.
pub fn is_root() -> bool {
    #[cfg(unix)]
    return rustix::process::geteuid().is_root();
    #[cfg(not(unix))]
    false
}

/// Writes a file that everybody may read, and the folders that it is in. Nothing in it is a secret.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(|error| Failure::disk("create", folder, &error))?;
    atomic_file::replace(path, text.as_bytes())?;
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        let set = fs::set_permissions(path, mode);
        set.map_err(|error| Failure::disk("set the mode of", path, &error))?;
    }
    Ok(())
}

/// Removes a file, if it is there; and its folder, if that is one of drop-ins and nothing else is in it.
pub(super) fn remove(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::disk("remove", path, &error))
        }
        _ => {
            let folder = path
                .parent()
                .filter(|folder| folder.extension().is_some_and(|it| it == "d"));
            let _ = folder.map(fs::remove_dir);
            Ok(())
        }
    }
}

/// Runs a program, and returns what it prints.
pub(super) fn run(
    program: &str,
    arguments: &[&str],
    input: Option<&str>,
    hint: &str,
) -> Result<String, Failure> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(if input.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(program, &error.to_string(), hint))?;
    if let (Some(input), Some(mut to)) = (input, child.stdin.take()) {
        // A program that ends before it has read all says why.
        let _ = to.write_all(input.as_bytes());
    }
    let output = child.wait_with_output();
    let output = output.map_err(|error| failed(program, &error.to_string(), hint))?;
    if output.status.success() {
        return Ok(Untrusted::lossy(&output.stdout).into_raw());
    }
    let said = Untrusted::lossy(&output.stderr);
    let said = forgekeep_untrusted::Show::shown(&said).to_string();
    let why = match said.trim() {
        "" => output.status.to_string(),
        said => said.to_owned(),
    };
    Err(failed(program, &why, hint))
}
