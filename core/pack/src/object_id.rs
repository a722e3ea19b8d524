//! The id of an object: SHA-1 over its type, its size and its content, with detection of collisions
//! (Stevens and Shumow, "Speeding up detection of SHA-1 collision attacks using unavoidable attack
//! conditions"), as git itself has it.

use git2::{ObjectType, Oid};

/// Computes the id of one object, piece by piece.
pub struct IdHasher(sha1dc::Hasher);

impl IdHasher {
    /// For an object of this type and size in bytes.
    pub fn new(kind: ObjectType, size: u64) -> Self {
        let mut hasher = sha1dc::Hasher::new();
        hasher.update(kind.str().as_bytes());
        hasher.update(b" ");
        hasher.update(size.to_string().as_bytes());
        hasher.update(b"\0");
        Self(hasher)
    }

    /// For an object whose content is led by its type and size, as in the file of a loose one.
    pub fn with_header() -> Self {
        Self(sha1dc::Hasher::new())
    }

    /// A piece more of its content.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The id; `None` if the content was made to collide.
    pub fn finish(self) -> Option<Oid> {
        let digest = self.0.finalize().ok()?;
        Oid::from_bytes(digest.as_ref()).ok()
    }
}

/// The id of an object that is in memory; `None` if it was made to collide.
pub fn object_id(kind: ObjectType, content: &[u8]) -> Option<Oid> {
    let mut hasher = IdHasher::new(kind, content.len() as u64);
    hasher.update(content);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_git() {
        for kind in [
            ObjectType::Blob,
            ObjectType::Tree,
            ObjectType::Commit,
            ObjectType::Tag,
        ] {
            for content in [&b""[..], b"hello\n", &[7; 100_000]] {
                let wanted = Oid::hash_object(kind, content).unwrap();
                assert_eq!(object_id(kind, content), Some(wanted));
            }
        }
    }
}
