//! Where plugins are looked for.

use std::collections::HashSet;
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Start of a plugin's file name, after the platform's prefix.
const STEM: &str = "forgekeep_hoster_";

/// A file that has the name of a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginFile {
    /// The file.
    pub path: PathBuf,
    /// The id in its name.
    pub id: String,
}

/// The folders, in the documented order; see `docs/plugins.md`.
pub fn folders(first: &[PathBuf]) -> Vec<PathBuf> {
    let binary = env::current_exe().ok();
    let binary = binary
        .map(|path| path.canonicalize().unwrap_or(path))
        .and_then(|path| path.parent().map(Path::to_owned));
    let mut folders = first.to_vec();
    if let Some(path) = env::var_os("FORGEKEEP_PLUGIN_PATH") {
        folders.extend(env::split_paths(&path).filter(|path| !path.as_os_str().is_empty()));
    }
    if let Some(binary) = binary {
        folders.push(binary.clone());
        folders.push(binary.join("../lib/forgekeep/plugins"));
    }
    // An XDG folder that is not absolute is to be ignored (XDG Base Directory Specification).
    let data = env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| env::home_dir().map(|home| home.join(".local/share")));
    folders.extend(data.map(|data| data.join("forgekeep/plugins")));
    if cfg!(unix) {
        folders.push("/usr/local/lib/forgekeep/plugins".into());
        folders.push("/usr/lib/forgekeep/plugins".into());
    }
    folders
}

/// The files with a plugin's name in these folders: in the order of the folders, and by name
/// within one. A folder that is named twice, or is not there, is no error.
pub fn find(folders: &[PathBuf]) -> Vec<PluginFile> {
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for folder in folders {
        let Ok(folder) = folder.canonicalize() else {
            continue;
        };
        if !seen.insert(folder.clone()) {
            continue;
        }
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        let mut here: Vec<PluginFile> = entries
            .flatten()
            .filter_map(|entry| {
                let id = id_of(entry.file_name().to_str()?)?;
                Some(PluginFile {
                    path: entry.path(),
                    id,
                })
            })
            .collect();
        here.sort_by(|a, b| a.path.cmp(&b.path));
        found.extend(here);
    }
    found
}

/// The id in the name of a plugin's file.
fn id_of(name: &str) -> Option<String> {
    let id = name
        .strip_prefix(DLL_PREFIX)?
        .strip_prefix(STEM)?
        .strip_suffix(DLL_SUFFIX)?;
    // Rust writes a crate's `-` as `_` in the file's name.
    (!id.is_empty()).then(|| id.replace('_', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plugins_name_is_one() {
        let name = format!("{DLL_PREFIX}{STEM}bitbucket_dc{DLL_SUFFIX}");
        assert_eq!(id_of(&name).as_deref(), Some("bitbucket-dc"));
        for other in [
            "libfoo.so",
            "libforgekeep_hoster_.so",
            "forgekeep_hoster_x.txt",
        ] {
            assert_eq!(id_of(other), None, "{other}");
        }
    }

    #[test]
    fn the_order_is_the_folders() {
        let one = tempfile::tempdir().unwrap();
        let two = tempfile::tempdir().unwrap();
        let name = |id: &str| format!("{DLL_PREFIX}{STEM}{id}{DLL_SUFFIX}");
        fs::write(one.path().join(name("b")), "").unwrap();
        fs::write(two.path().join(name("a")), "").unwrap();
        fs::write(two.path().join("README"), "").unwrap();
        let folders = [
            one.path().to_owned(),
            two.path().to_owned(),
            one.path().to_owned(),
        ];
        let ids: Vec<_> = find(&folders).into_iter().map(|f| f.id).collect();
        assert_eq!(ids, ["b", "a"]);
    }
}
