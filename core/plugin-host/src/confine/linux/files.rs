//! Rules for files: Landlock.

use forgekeep_untrusted::Untrusted;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, LandlockStatus, RestrictionStatus, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, Scope, path_beneath_rules,
};

/// What the rules are written for; an older kernel takes as much of them as it knows.
const RULES: ABI = ABI::V6;

/// The oldest kernel's that keeps a file from being read, written, cut off and made. What later ones
/// add (TCP, devices, signals) the filter for system calls refuses as well.
const ENOUGH: ABI = ABI::V3;

/// Where libraries are, and what the loader looks them up in.
const SYSTEM: [&str; 15] = [
    "/lib",
    "/lib32",
    "/lib64",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/local/lib",
    "/usr/local/lib64",
    "/etc/ld.so.cache",
    "/etc/ld-musl-x86_64.path",
    "/etc/ld-musl-aarch64.path",
    // Time zones, which a plugin may read when it starts.
    "/usr/share/zoneinfo",
    // Where NixOS and Guix have their libraries.
    "/nix/store",
    "/gnu/store",
];

/// From now on this thread, and those that it starts, read the system's libraries and the plugin's
/// folder, and nothing else.
pub(super) fn only_what_loading_needs(plugin: &Path) -> Result<(), String> {
    let mut readable: Vec<PathBuf> = SYSTEM.iter().map(PathBuf::from).collect();
    // Whoever has the C library elsewhere has the others there too.
    readable.extend(folders_of_libraries(
        &fs::read_to_string("/proc/self/maps").unwrap_or_default(),
    ));
    for path in [Ok(plugin.to_owned()), plugin.canonicalize()] {
        readable.extend(path.ok().and_then(|path| path.parent().map(Path::to_owned)));
    }
    apply(|ruleset| {
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        ruleset.add_rules(path_beneath_rules(readable, read))
    })
}

/// The folders of the libraries that a process has loaded (`/proc/<pid>/maps`).
fn folders_of_libraries(maps: &str) -> BTreeSet<PathBuf> {
    let paths = maps
        .lines()
        .filter_map(|line| Some(&line[line.find('/')?..]));
    let libraries = paths.map(Path::new).filter(|path| {
        let name = Untrusted::of_path(path.file_name().unwrap_or_default());
        let name = name.raw();
        name.ends_with(".so") || name.contains(".so.")
    });
    let folders = libraries.filter_map(Path::parent);
    // The root would be everything.
    let folders = folders.filter(|folder| folder.parent().is_some());
    folders.map(Path::to_owned).collect()
}

/// From now on this thread, and those that it starts, open no file.
pub(super) fn none() -> Result<(), String> {
    apply(Ok)
}

fn apply(
    rules: impl FnOnce(RulesetCreated) -> Result<RulesetCreated, RulesetError>,
) -> Result<(), String> {
    let restrict = || -> Result<RestrictionStatus, RulesetError> {
        let ruleset = Ruleset::default()
            .handle_access(AccessFs::from_all(RULES))?
            .handle_access(AccessNet::from_all(RULES))?
            .scope(Scope::from_all(RULES))?
            .create()?;
        rules(ruleset)?.restrict_self()
    };
    let status = restrict().map_err(|error| error.to_string())?;
    match status.landlock {
        LandlockStatus::NotEnabled => Err("Landlock is switched off in this kernel".to_owned()),
        LandlockStatus::NotImplemented => Err("this kernel has no Landlock".to_owned()),
        LandlockStatus::Available { effective_abi, .. } if effective_abi < ENOUGH => Err(format!(
            "this kernel's Landlock is too old (version {}, and {} is needed)",
            effective_abi as i32, ENOUGH as i32
        )),
        LandlockStatus::Available { .. } => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_libraries_are_read_off_the_maps() {
        let maps = "\
55d0a0000000-55d0a0001000 r--p 00000000 fe:00 12 /usr/bin/forgekeep
7f0000000000-7f0000001000 r--p 00000000 fe:00 13 /opt/a b/lib/libc.so.6
7f0000001000-7f0000002000 r-xp 00001000 fe:00 13 /opt/a b/lib/libc.so.6
7f0000002000-7f0000003000 r--p 00000000 fe:00 14 /opt/lib64/ld-linux-x86-64.so.2
7f0000003000-7f0000004000 r--p 00000000 fe:00 15 /libodd.so
7f0000004000-7f0000005000 rw-p 00000000 00:00 0
7ffc00000000-7ffc00001000 rw-p 00000000 00:00 0 [stack]
";
        let folders: Vec<_> = folders_of_libraries(maps).into_iter().collect();
        assert_eq!(folders, ["/opt/a b/lib", "/opt/lib64"].map(PathBuf::from));
    }
}
