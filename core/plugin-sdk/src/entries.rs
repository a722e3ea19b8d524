use forgekeep_plugin_documents::{ErrorKind, Finding, HosterError, HttpResponse, Severity};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::answer::json;

/// The entries of a page, each as it is documented. One that cannot be read is a note, and not the end of the
/// listing; numbers count from 1 on the page.
pub fn entries<T: DeserializeOwned>(entries: Vec<Value>, notes: &mut Vec<Finding>) -> Vec<T> {
    let mut read = Vec::with_capacity(entries.len());
    for (entry, number) in entries.into_iter().zip(1_u32..) {
        match serde_json::from_value(entry) {
            Ok(entry) => read.push(entry),
            Err(_) => notes.push(Finding::new(
                Severity::Error,
                "",
                format!("entry {number} of a page cannot be read, and is not backed up"),
            )),
        }
    }
    read
}

/// The entries of a page that is an array, or an object with the array as `key`, and how many there are in all
/// where that says so as `total_count`.
///
/// # Errors
///
/// As [`json`].
pub fn entries_in(
    answer: &HttpResponse,
    key: &str,
) -> Result<(Vec<Value>, Option<u64>), HosterError> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Entries {
        Bare(Vec<Value>),
        Wrapped(Map<String, Value>),
    }
    let mut page = match json(answer)? {
        Entries::Bare(entries) => return Ok((entries, None)),
        Entries::Wrapped(page) => page,
    };
    let total = page.get("total_count").and_then(Value::as_u64);
    match page.remove(key) {
        Some(Value::Array(entries)) => Ok((entries, total)),
        _ => Err(HosterError::new(
            ErrorKind::BadAnswer,
            format!("{} answered with a page without {key}", answer.url),
        )
        .with_hint("run again later; if it persists, the plugin needs an update")
        .with_status(answer.status)
        .transient()),
    }
}

/// The first of some texts that holds more than white space, without what is round it; empty if none does.
pub fn first_filled<'text>(texts: &[&'text str]) -> &'text str {
    let mut texts = texts.iter().map(|text| text.trim());
    texts.find(|text| !text.is_empty()).unwrap_or_default()
}

/// Texts that are written down, such as the types of a manifest.
pub fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// A text that holds something.
pub fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// Reads entries of which none may be missed, such as the owners that a listing goes on with.
///
/// # Errors
///
/// [`ErrorKind::BadAnswer`] where one cannot be read.
pub fn all_entries<T: DeserializeOwned>(entries: Vec<Value>) -> Result<Vec<T>, HosterError> {
    let read = entries.into_iter().zip(1_u32..).map(|(entry, number)| {
        serde_json::from_value(entry).map_err(|_| {
            let message = format!("entry {number} of a listing cannot be read");
            HosterError::new(ErrorKind::BadAnswer, message)
                .with_hint("run again later; if it persists, the plugin needs an update")
        })
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_entry_that_cannot_be_read_is_a_note() {
        let mut notes = Vec::new();
        let read: Vec<u8> = entries(vec![json!(1), json!("x"), json!(3)], &mut notes);
        assert_eq!(read, [1, 3]);
        assert_eq!(notes.len(), 1);
        assert!(notes[0].message.starts_with("entry 2 "), "{:?}", notes[0]);
        assert_eq!(notes[0].severity, Severity::Error);
        assert_eq!(all_entries::<u8>(vec![json!(1)]).unwrap(), [1]);
        let error = all_entries::<u8>(vec![json!(1), json!("x")]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadAnswer);
        assert!(error.message.starts_with("entry 2 "), "{}", error.message);
    }

    #[test]
    fn a_page_is_an_array_or_has_one() {
        let read = |body: &str| {
            let answer = HttpResponse {
                body: body.into(),
                ..HttpResponse::default()
            };
            entries_in(&answer, "values").map(|(entries, total)| (entries.len(), total))
        };
        assert_eq!(read("[1,2]").unwrap(), (2, None));
        assert_eq!(read(r#"{"values":[1]}"#).unwrap(), (1, None));
        let counted = read(r#"{"total_count":7,"values":[]}"#);
        assert_eq!(counted.unwrap(), (0, Some(7)));
        for bad in ["null", "7", "{}", r#"{"values":1}"#] {
            assert_eq!(read(bad).unwrap_err().kind, ErrorKind::BadAnswer, "{bad}");
        }
    }

    #[test]
    fn white_space_fills_nothing() {
        assert_eq!(first_filled(&["", " \n", " a ", "b"]), "a");
        assert_eq!(first_filled(&[""]), "");
        assert_eq!(filled(Some(String::new())), None);
        assert_eq!(filled(Some("a".into())), Some("a".to_owned()));
        assert_eq!(texts(&["a", "b"]).join(" "), "a b");
    }
}
