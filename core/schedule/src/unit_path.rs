//! Paths in units of systemd.

use std::path::Path;

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_untrusted::Show as _;

/// A path, as a unit takes it: quoted, and with what systemd would expand taken as it is. It expands `$` only
/// in the arguments of a command, and no path is one.
pub(super) fn quoted(path: &Path) -> Result<String, Failure> {
    let text = path.to_str().filter(|text| !text.contains(['\n', '\r']));
    let text = text.ok_or_else(|| {
        Failure::new(
            ErrorKind::Config,
            format!("{} cannot be named in a unit of systemd", path.shown()),
        )
        .with_hint("use a path in UTF-8 and without line breaks")
    })?;
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    let text = text.replace('%', "%%");
    let is_plain = |c: char| c.is_alphanumeric() || "/._-@+:,=~%$".contains(c);
    Ok(match text.chars().all(is_plain) {
        true => text,
        false => format!("\"{text}\""),
    })
}

/// The same where nothing is ever quoted: the rest of a line.
pub(super) fn unquoted(path: &Path) -> Result<String, Failure> {
    quoted(path)?;
    let text = path.to_str().unwrap_or_default();
    Ok(text.replace('%', "%%"))
}
