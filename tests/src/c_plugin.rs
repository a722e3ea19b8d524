//! Plugins and programs in C, built for a test by the system's compiler: `$CC`, or `cc`.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The plugin in C that is never edited: a small, complete hoster on ABI 1. `-DPLUGIN_ID="<id>"` gives it
/// another id, `-DPROTOCOL_FROM=<n>` and `-DPROTOCOL_TO=<n>` other protocols.
pub const FROZEN: &str = "frozen-c/plugin.c";

/// The plugin that does what its method says, and most of that is what plugins must not do.
pub const HOSTILE: &str = "hostile/hostile.c";

/// The plugin that answers with bytes that the SDK would never write, by the name of its source.
pub const RAW: &str = "raw/raw.c";

/// How a macro names a plugin's id.
const PLUGIN_ID: &str = "-DPLUGIN_ID=";

/// Builds a plugin from a file below `tests/plugins`, with macros as the compiler takes them
/// (`-DNAME=value`), into a folder. Gives its file, which is called as plugins are: after the id that
/// `-DPLUGIN_ID="<id>"` says, or else after the folder of its source.
pub fn build(source: &str, folder: &Path, defines: &[&str]) -> PathBuf {
    let told = defines
        .iter()
        .rev()
        .find_map(|define| define.strip_prefix(PLUGIN_ID));
    let id = match told {
        Some(id) => id.trim_matches('"'),
        None => source.split('/').next().unwrap_or_default(),
    };
    let id = id.replace('-', "_");
    let file = folder.join(format!("{DLL_PREFIX}forgekeep_hoster_{id}{DLL_SUFFIX}"));
    compile(source, &file, &[&["-shared", "-fPIC"], defines].concat());
    file
}

/// Compiles a file below `tests/plugins` as the flags say. The ABI's header is the one beside it, or
/// else that of `core/abi`.
pub fn compile(source: &str, file: &Path, flags: &[&str]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let source = root.join("tests/plugins").join(source);
    let compiler = std::env::var("CC").unwrap_or_default();
    let mut words = compiler.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or("cc"));
    command.args(words).args(["-O0", "-w", "-pthread"]);
    if !source.with_file_name("forgekeep_plugin.h").exists() {
        command.arg("-I").arg(root.join("core/abi"));
    }
    command.args(flags).arg("-o").arg(file).arg(source);
    let status = command
        .status()
        .expect("a C compiler is there: `cc`, or what CC names");
    assert!(status.success(), "{command:?}");
}
