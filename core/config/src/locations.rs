//! Where the configuration is looked for.

use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::error::{ConfigError, ConfigErrorKind};
use forgekeep_untrusted::Show as _;

/// The environment variable that names the file.
const VARIABLE: &str = "FORGEKEEP_CONFIG";

/// Finds the configuration file: `explicit` (`--config`), else the file that `FORGEKEEP_CONFIG`
/// names, else the first that exists of `./forgekeep.toml`, `./forgekeep.yml`, `./settings.yml`,
/// `config.toml` and `config.yml` in `$XDG_CONFIG_HOME/forgekeep` (or `$HOME/.config/forgekeep`),
/// and the same two in `/etc/forgekeep`.
///
/// `exists` says whether a path is an existing file.
///
/// # Errors
/// [`ConfigErrorKind::NoneFound`], with the list of places. A file that was named but isn't there
/// is an error too: another one is not taken instead.
pub fn find(
    explicit: Option<&Path>,
    env: &dyn Fn(&str) -> Option<String>,
    exists: &dyn Fn(&Path) -> bool,
) -> Result<PathBuf, ConfigError> {
    let set = |name: &str| env(name).filter(|value| !value.is_empty());
    let named = match explicit {
        Some(path) => Some((path.to_owned(), "--config")),
        None => set(VARIABLE).map(|path| (PathBuf::from(path), VARIABLE)),
    };
    if let Some((path, by)) = named {
        return if exists(&path) {
            Ok(path)
        } else {
            Err(ConfigError::general(
                ConfigErrorKind::NotFound,
                format!("the configuration {} does not exist", shown(&path)),
                format!("{by} names it"),
                "correct the path, or create the file",
            ))
        };
    }
    let places = usual_places(&set);
    if let Some(found) = places.iter().find(|path| exists(path)) {
        return Ok(found.clone());
    }
    let list: Vec<_> = places.iter().map(|path| shown(path)).collect();
    Err(ConfigError::general(
        ConfigErrorKind::NoneFound,
        "no configuration was found",
        format!("none of these files exists: {}", list.join(", ")),
        format!("create one of them, or name your file with --config or {VARIABLE}"),
    ))
}

fn usual_places(set: Environment<'_>) -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = ["forgekeep.toml", "forgekeep.yml", "settings.yml"]
        .iter()
        .map(|name| Path::new(".").join(name))
        .collect();
    // The XDG specification has relative paths ignored.
    let user = set("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| set("HOME").map(|home| Path::new(&home).join(".config")));
    for base in user.into_iter().chain([PathBuf::from("/etc")]) {
        for name in ["config.toml", "config.yml"] {
            places.push(base.join("forgekeep").join(name));
        }
    }
    places
}

fn shown(path: &Path) -> String {
    path.shown().to_string()
}
