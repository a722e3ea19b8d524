//! What host and worker say to each other before the first call.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::confine::{Confinement, ConfinementMode};
use crate::library::Sha256;
use crate::unfit::{Unfit, said};

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
    NotConfined(#[serde(deserialize_with = "said")] String),
    Unfit(Unfit),
}

/// The text of what both ends have to agree about: frames, their limits, and whatever goes in their
/// documents.
const TEXTS: [&[u8]; 7] = [
    include_bytes!("broken.rs"),
    include_bytes!("confine/mod.rs"),
    include_bytes!("frame.rs"),
    include_bytes!("library/file.rs"),
    include_bytes!("limits.rs"),
    include_bytes!("start.rs"),
    include_bytes!("unfit.rs"),
];

/// Tells one build from another that does not speak the same: the version, and [`TEXTS`].
pub(crate) fn build() -> String {
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn check(folder: &Path, seen: &mut usize) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                check(&path, seen);
                continue;
            }
            let text = fs::read(&path).unwrap();
            let lines = str::from_utf8(&text).unwrap().lines();
            let crosses = lines
                .map(str::trim_start)
                .any(|line| line.starts_with("#[derive(") && line.contains("Deserialize"));
            if crosses || path.ends_with("limits.rs") || path.ends_with("frame.rs") {
                assert!(TEXTS.contains(&text.as_slice()), "{path:?}");
                *seen += 1;
            }
        }
    }

    #[test]
    fn a_build_is_known_by_all_that_both_ends_agree_about() {
        let mut seen = 0;
        check(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
            &mut seen,
        );
        assert_eq!(seen, TEXTS.len());
    }

    #[test]
    fn what_a_worker_says_in_refusing_takes_over_no_terminal() {
        let all = [
            r#"{"NotConfined":"a\n\u001b[2Jb"}"#,
            r#"{"Unfit":{"Unreadable":"a\n\u001b[2Jb"}}"#,
            r#"{"Unfit":{"WritableByOthers":"a\n\u001b[2Jb"}}"#,
            r#"{"Unfit":{"ForeignOwner":{"path":"a\n\u001b[2Jb","owner":1}}}"#,
            r#"{"Unfit":{"Changed":{"expected":"a\n\u001b[2Jb","found":"a\n\u001b[2Jb"}}}"#,
            r#"{"Unfit":{"NotALibrary":"a\n\u001b[2Jb"}}"#,
            r#"{"Unfit":{"NotOurs":"a\n\u001b[2Jb"}}"#,
            r#"{"Unfit":{"NotATable":"a\n\u001b[2Jb"}}"#,
            r#"{"Unfit":{"OtherAbi":{"theirs":"a\n\u001b[2Jb","ours":1}}}"#,
            r#"{"Unfit":{"Failed":"a\n\u001b[2Jb"}}"#,
        ];
        for said in all {
            let shown = match serde_json::from_str(said).unwrap() {
                Refusal::NotConfined(why) => why,
                Refusal::Unfit(unfit) => format!("{unfit}{}", unfit.hint()),
                Refusal::OtherBuild => panic!(),
            };
            assert!(!shown.contains(char::is_control), "{shown:?}");
        }
    }
}
