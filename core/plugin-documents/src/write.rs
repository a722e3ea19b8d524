use serde::Serialize;

/// A document as bytes.
pub fn write<T: Serialize>(document: &T) -> Vec<u8> {
    // Only maps with other keys than strings, and a `Serialize` that fails, are errors: there are none.
    serde_json::to_vec(document).unwrap_or_else(|_| b"{}".to_vec())
}

/// Whether a field may be left out.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
