use forgekeep_plugin_documents::{ErrorKind, HosterError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A cursor that says more than one thing: whatever can be written as JSON.
///
/// # Errors
///
/// [`ErrorKind::Plugin`] where it cannot.
pub fn cursor<T: Serialize>(place: &T) -> Result<String, HosterError> {
    serde_json::to_string(place)
        .map_err(|error| broken(ErrorKind::Plugin, &format!("cannot be written: {error}")))
}

/// What a cursor says that [`cursor`] has made.
///
/// # Errors
///
/// [`ErrorKind::BadAnswer`] where it is none.
pub fn from_cursor<T: DeserializeOwned>(cursor: &str) -> Result<T, HosterError> {
    serde_json::from_str(cursor)
        .map_err(|_| broken(ErrorKind::BadAnswer, "is none of this listing"))
}

fn broken(kind: ErrorKind, why: &str) -> HosterError {
    HosterError::new(kind, format!("a cursor of the listing {why}"))
        .with_hint("run again, and report it to the plugin's authors if it persists")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_read_and_nothing_else() {
        let place = ("acme".to_owned(), Some(7));
        let written = cursor(&place).unwrap();
        assert_eq!(
            from_cursor::<(String, Option<u64>)>(&written).unwrap(),
            place
        );
        for none in ["", "7", "[]", "https://evil.example/"] {
            assert!(
                from_cursor::<(String, Option<u64>)>(none).is_err(),
                "{none}"
            );
        }
    }
}
