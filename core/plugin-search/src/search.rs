//! Where plugins are looked for.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

use forgekeep_plugin_host::PluginFile;

/// Where distributions put plugins, unless the build says otherwise.
const OF_DISTRIBUTIONS: &str = match option_env!("FORGEKEEP_PLUGIN_DIR") {
    Some(folder) => folder,
    None => "/usr/lib/forgekeep/plugins",
};

/// A file that has the name of a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundFile {
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
        folders.push(binary.join("../lib64/forgekeep/plugins"));
        if let Some(triplet) = triplet() {
            folders.push(binary.join(format!("../lib/{triplet}/forgekeep/plugins")));
        }
    }
    // An XDG folder that is not absolute is to be ignored (XDG Base Directory Specification).
    let data = env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| env::home_dir().map(|home| home.join(".local/share")));
    folders.extend(data.map(|data| data.join("forgekeep/plugins")));
    if cfg!(unix) {
        folders.push("/usr/local/lib/forgekeep/plugins".into());
        folders.push(OF_DISTRIBUTIONS.into());
    }
    folders
}

/// What Debian and its kin call this processor and system in the names of folders.
fn triplet() -> Option<&'static str> {
    match (env::consts::OS, env::consts::ARCH) {
        ("linux", "x86_64") => Some("x86_64-linux-gnu"),
        ("linux", "aarch64") => Some("aarch64-linux-gnu"),
        ("linux", "riscv64") => Some("riscv64-linux-gnu"),
        ("linux", "s390x") => Some("s390x-linux-gnu"),
        ("linux", "powerpc64") if cfg!(target_endian = "little") => Some("powerpc64le-linux-gnu"),
        _ => None,
    }
}

/// The files with a plugin's name in these folders: in the order of the folders, and by name
/// within one. A folder that is named twice, or is not there, is no error.
pub fn find(folders: &[PathBuf]) -> Vec<FoundFile> {
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
        let mut here: Vec<FoundFile> = entries
            .flatten()
            .filter_map(|entry| {
                let path = entry.path();
                let id = PluginFile::id_in_name(&path)?;
                Some(FoundFile { path, id })
            })
            .collect();
        here.sort_by(|a, b| a.path.cmp(&b.path));
        found.extend(here);
    }
    found
}

#[cfg(test)]
mod tests {
    use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};

    use super::*;

    #[test]
    fn the_order_is_the_folders() {
        let one = tempfile::tempdir().unwrap();
        let two = tempfile::tempdir().unwrap();
        let name = |id: &str| format!("{DLL_PREFIX}forgekeep_hoster_{id}{DLL_SUFFIX}");
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
