//! The real binary and the plugins, built once for each test process.

use std::env::consts::EXE_SUFFIX;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Names a folder with ready binaries; then nothing is built.
const READY: &str = "FORGEKEEP_TEST_BIN_DIR";

/// Where the binary and the plugins are.
#[derive(Debug)]
pub struct Binaries {
    /// The folder with the binary, and the plugins beside it.
    pub folder: PathBuf,
}

impl Binaries {
    /// The binary.
    pub fn forgekeep(&self) -> PathBuf {
        self.folder.join(format!("forgekeep{EXE_SUFFIX}"))
    }

    /// The file of a dynamic library of the workspace, by its library's name: the plugin of a hoster
    /// is `forgekeep_hoster_<id>`.
    pub fn library(&self, name: &str) -> PathBuf {
        use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
        self.folder.join(format!("{DLL_PREFIX}{name}{DLL_SUFFIX}"))
    }
}

/// Builds the whole workspace the first time, in the profile and the target folder of this test:
/// `cargo test` alone builds no plugins.
pub fn binaries() -> &'static Binaries {
    static BUILT: OnceLock<Binaries> = OnceLock::new();
    BUILT.get_or_init(|| match std::env::var_os(READY) {
        Some(folder) => Binaries {
            folder: folder.into(),
        },
        None => build(),
    })
}

fn build() -> Binaries {
    let test = std::env::current_exe().expect("a test knows its own file");
    // <target>/<profile>/deps/<test>
    let folder = test
        .ancestors()
        .nth(2)
        .expect("a test is in a target folder");
    let target = folder.parent().expect("a profile is in a target folder");
    let profile = folder
        .file_name()
        .and_then(|name| name.to_str())
        .expect("a profile has a name");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let mut command = Command::new(cargo);
    command
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .args(["build", "--quiet", "--workspace", "--lib", "--bins"])
        .args([
            "--profile",
            if profile == "debug" { "dev" } else { profile },
        ])
        .arg("--target-dir")
        .arg(target);
    // What cargo says to a test of the test's package: build scripts that look at it would run again each
    // time, and what stands on theirs would be built anew.
    for (name, _) in std::env::vars_os() {
        let is_of_package =
            |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        if name.to_str().is_some_and(is_of_package) {
            command.env_remove(name);
        }
    }
    let status = command.status().expect("cargo can be started");
    assert!(
        status.success(),
        "{command:?} failed; {READY} can name a folder with ready binaries"
    );
    Binaries {
        folder: folder.to_owned(),
    }
}
