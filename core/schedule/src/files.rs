//! Files that schedulers read, and the programs that go with them.

use std::fs;
use std::path::Path;
use std::time::Duration;

use forgekeep_command::{Unanswered, Why, output};
use forgekeep_durable::atomic_file;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_untrusted::{Shown, Untrusted};

/// How long a program may take, and how many bytes it may print.
const TIME: Duration = Duration::from_secs(90);
const MOST: usize = 1024 * 1024;

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
pub(super) fn run(program: &str, arguments: &[&str], hint: &str) -> Result<String, Failure> {
    printed(program, arguments).map_err(|unanswered| explain(program, &unanswered, hint))
}

/// The same, where it counts how it failed.
pub(super) fn printed(program: &str, arguments: &[&str]) -> Result<String, Unanswered> {
    printed_within(program, arguments, TIME)
}

/// The same within another time.
pub(super) fn printed_within(
    program: &str,
    arguments: &[&str],
    time: Duration,
) -> Result<String, Unanswered> {
    let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
    let printed = output(program, &arguments, MOST, time)?;
    Ok(Untrusted::lossy(&printed).into_raw())
}

/// What it means that a program gave nothing.
pub(super) fn explain(program: &str, unanswered: &Unanswered, hint: &str) -> Failure {
    let why = match &unanswered.why {
        Why::Unstarted(error) => format!("it cannot be run: {error}"),
        Why::TimedOut => "it did not end in time".to_owned(),
        Why::TooLong => format!("it printed more than {MOST} bytes"),
        Why::Failed(status, _) => status.to_string(),
    };
    let said = Untrusted::lossy(&unanswered.words);
    let why = match said.raw().trim() {
        "" => why,
        said => Shown::of(said).to_string(),
    };
    Failure::new(ErrorKind::Machine, format!("{program} failed: {why}")).with_hint(hint.to_owned())
}
