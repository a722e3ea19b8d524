//! JSON files that tell when they are damaged.
//!
//! The last member of such a file is `checksum`: the id that git gives a blob with the file's text
//! before that member was added. So a flipped byte is seen that leaves valid JSON, and anybody can
//! check it by hand: take the member out, then `git hash-object`. The text is what counts, not what
//! a parser makes of it: no setting of a library may change it.

use std::io;
use std::path::Path;

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_untrusted::Show as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha1::{Digest, Sha1};

use crate::{atomic_file, regular_file};

const BEFORE: &str = ",\n  \"checksum\": \"";
const AFTER: &str = "\"\n}\n";
const END: &str = "\n}\n";

/// Digits of a checksum.
const DIGITS: usize = 40;

/// What a sealed file holds.
pub struct Unsealed {
    /// The text without its seal.
    pub text: String,
    /// Whether it had one; if so, it was right.
    pub sealed: bool,
}

/// A document as the text of a sealed file. It must be an object that is not empty.
pub fn seal(document: &impl Serialize) -> Result<Vec<u8>, Failure> {
    let mut text = serde_json::to_string_pretty(document).map_err(|error| unwritten(&error))?;
    text.push('\n');
    let checksum = checksum(&text);
    // In its place: a document may be large.
    text.truncate(text.len() - END.len());
    text.push_str(BEFORE);
    text.push_str(&checksum);
    text.push_str(AFTER);
    Ok(text.into_bytes())
}

/// How many bytes the sealed document has.
pub fn length(document: &impl Serialize) -> Result<u64, Failure> {
    struct Count(usize);

    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut count = Count(1);
    serde_json::to_writer_pretty(&mut count, document).map_err(|error| unwritten(&error))?;
    let seal = BEFORE.len() + DIGITS + AFTER.len();
    Ok((count.0 - END.len() + seal) as u64)
}

fn unwritten(error: &serde_json::Error) -> Failure {
    Failure::new(
        ErrorKind::Other,
        format!("cannot write a state file: {error}"),
    )
}

/// Checks the seal of a text and takes it off; or says what is wrong.
pub fn unseal(bytes: impl Into<Vec<u8>>) -> Result<Unsealed, String> {
    let mut text = String::from_utf8(bytes.into()).map_err(|error| error.to_string())?;
    let Some(at) = text.rfind(BEFORE) else {
        return Ok(Unsealed {
            text,
            sealed: false,
        });
    };
    let found = text[at + BEFORE.len()..].strip_suffix(AFTER);
    let found = found.map(str::to_owned);
    text.truncate(at);
    text.push_str(END);
    if found != Some(checksum(&text)) {
        return Err("its checksum does not match its content".to_owned());
    }
    Ok(Unsealed { text, sealed: true })
}

/// The id that git gives a blob with a text: gitformat-loose(5). It tells what has rotted, not what somebody
/// has forged.
#[must_use]
pub fn checksum(text: &str) -> String {
    let mut sum = Sha1::new();
    sum.update(format!("blob {}\0", text.len()));
    sum.update(text);
    sum.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Replaces a file by a sealed document. No git writes such a file.
pub fn write(path: &Path, document: &impl Serialize) -> Result<(), Failure> {
    atomic_file::remove_lock(path);
    atomic_file::replace(path, &seal(document)?)
}

/// How formats of a file are told apart.
#[derive(Clone, Copy, Debug)]
pub struct Formats {
    /// The newest format this version knows.
    pub known: u32,
    /// The first one that is sealed: from it on, a file without a seal is damaged.
    pub sealed_since: u32,
    /// Most bytes that are read.
    pub max_bytes: u64,
    /// What to do about a damaged one.
    pub hint: &'static str,
}

#[derive(serde::Deserialize)]
struct Format {
    format: u32,
}

/// Reads a sealed file; `None` if there is none.
///
/// # Errors
///
/// [`ErrorKind::Damaged`] naming the file, [`ErrorKind::Other`] if a newer version wrote it,
/// [`ErrorKind::Disk`] if it cannot be read.
pub fn read<T: DeserializeOwned>(path: &Path, formats: Formats) -> Result<Option<T>, Failure> {
    let damaged = |why: String| Failure::damaged(path, why).with_hint(formats.hint);
    let bytes = match regular_file::read_at_most(path, formats.max_bytes) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(damaged(error.to_string()));
        }
        Err(error) => return Err(Failure::disk("read", path, &error)),
    };
    let unsealed = unseal(bytes).map_err(damaged)?;
    let Format { format } =
        serde_json::from_str(&unsealed.text).map_err(|error| damaged(error.to_string()))?;
    if format > formats.known {
        return Err(newer(path, format, formats.known));
    }
    if format >= formats.sealed_since && !unsealed.sealed {
        return Err(damaged("its checksum is missing".to_owned()));
    }
    serde_json::from_str(&unsealed.text)
        .map(Some)
        .map_err(|error| damaged(error.to_string()))
}

fn newer(path: &Path, format: u32, known: u32) -> Failure {
    Failure::new(
        ErrorKind::Other,
        format!(
            "{} has format {format}, and this version of Forgekeep knows formats up to {known}",
            path.shown()
        ),
    )
    .with_hint("use the newer version that wrote it; the file was not changed")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::{Value, json};

    use super::*;

    const FORMATS: Formats = Formats {
        known: 2,
        sealed_since: 2,
        max_bytes: 1000,
        hint: "",
    };

    #[test]
    fn every_flipped_byte_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        let document = json!({"format": 2, "name": "acme/web", "n": [1, 2]});
        assert_eq!(
            length(&document).unwrap(),
            seal(&document).unwrap().len() as u64
        );
        write(&path, &document).unwrap();
        assert_eq!(read::<Value>(&path, FORMATS).unwrap().unwrap(), document);
        let good = fs::read(&path).unwrap();
        for at in 0..good.len() {
            for flip in [0x01, 0x20, 0xff] {
                let mut bad = good.clone();
                bad[at] ^= flip;
                fs::write(&path, bad).unwrap();
                assert!(read::<Value>(&path, FORMATS).is_err(), "{at} by {flip:#x}");
            }
        }
    }

    #[test]
    fn gits_own_hash_is_the_checksum() {
        let sealed = seal(&json!({"a": 1})).unwrap();
        // Of `git hash-object`, for "{\n  \"a\": 1\n}\n".
        let wanted = "8d6b85c7b3f97652ab7fdfdf53f3dd2b6dc3ccef";
        let text = String::from_utf8(sealed).unwrap();
        assert_eq!(
            text,
            format!("{{\n  \"a\": 1,\n  \"checksum\": \"{wanted}\"\n}}\n")
        );
    }

    #[test]
    fn what_a_newer_version_wrote_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        write(&path, &json!({"format": 3})).unwrap();
        let failure = read::<Value>(&path, FORMATS).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Other);
        assert!(failure.message.contains("format 3"), "{failure}");
        fs::write(&path, "{\"format\": 1}").unwrap();
        assert!(read::<Value>(&path, FORMATS).unwrap().is_some());
    }
}
