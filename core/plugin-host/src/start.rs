//! What host and worker say to each other before the first call.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::confine::{Confinement, ConfinementMode};
use crate::library::Sha256;
use crate::unfit::Unfit;

/// What the host says first, beside its build and the plugin's path.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Start {
    /// What the plugin's file has to be.
    pub(crate) sha256: Option<Sha256>,
    pub(crate) confinement: ConfinementMode,
    /// Bytes of memory.
    pub(crate) memory: u64,
}

/// What the worker answers when the plugin is loaded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Started {
    pub(crate) sha256: Sha256,
    pub(crate) confinement: Confinement,
}

/// Why there will be no call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Refusal {
    OtherBuild,
    NotConfined(String),
    Unfit(Unfit),
}

/// Tells one build from another that does not speak the same: the version, and the text of what both
/// ends have to agree about.
pub(crate) fn build() -> String {
    const TEXTS: [&[u8]; 3] = [
        include_bytes!("frame.rs"),
        include_bytes!("start.rs"),
        include_bytes!("confine/mod.rs"),
    ];
    // FNV-1a, 64 bits: it tells builds apart, and protects nothing.
    let hash = TEXTS
        .iter()
        .flat_map(|text| text.iter())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    format!("{}-{hash:016x}", env!("CARGO_PKG_VERSION"))
}

/// A path as bytes.
pub(crate) fn path_to_bytes(path: &Path) -> Vec<u8> {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        path.as_os_str().as_bytes().to_vec()
    }
    #[cfg(not(unix))]
    path.to_string_lossy().into_owned().into_bytes()
}

/// The path that these bytes are.
pub(crate) fn path_of_bytes(bytes: Vec<u8>) -> PathBuf {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStringExt;
        std::ffi::OsString::from_vec(bytes).into()
    }
    #[cfg(not(unix))]
    String::from_utf8_lossy(&bytes).into_owned().into()
}
