//! `%NAME%` in values.

/// Looks up an environment variable.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A text whose references were replaced.
pub(super) struct Expanded {
    pub(super) value: String,
    /// The names of the variables that were used, in their order.
    pub(super) variables: Vec<String>,
}

/// Replaces each `%NAME%` by the variable's value, once: what comes from the environment is data
/// and is not looked at again. Any other `%` stays. Fails with the name of an unset variable.
pub(super) fn expand(text: &str, environment: Environment<'_>) -> Result<Expanded, String> {
    let mut value = String::with_capacity(text.len());
    let mut variables = Vec::new();
    let mut rest = text;
    while let Some(percent) = rest.find('%') {
        let (before, from) = rest.split_at(percent);
        value.push_str(before);
        if let Some(name) = leading_reference(from) {
            value.push_str(&environment(name).ok_or_else(|| name.to_owned())?);
            variables.push(name.to_owned());
            rest = &from[name.len() + 2..];
        } else {
            value.push('%');
            rest = &from[1..];
        }
    }
    value.push_str(rest);
    Ok(Expanded { value, variables })
}

/// Whether the text is a single reference and nothing else.
pub(super) fn is_reference(text: &str) -> bool {
    leading_reference(text).is_some_and(|name| name.len() + 2 == text.len())
}

/// The parts of a text that are not references.
pub(super) fn literal_parts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut index = 0;
    while let Some(percent) = text[index..].find('%') {
        let at = index + percent;
        match leading_reference(&text[at..]) {
            Some(name) => {
                parts.push(&text[start..at]);
                index = at + name.len() + 2;
                start = index;
            }
            None => index = at + 1,
        }
    }
    parts.push(&text[start..]);
    parts.retain(|part| !part.is_empty());
    parts
}

/// The name in the reference that `text` starts with.
fn leading_reference(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('%')?;
    let name = &inner[..inner.find('%')?];
    let mut bytes = name.bytes();
    let first = bytes.next()?;
    let valid = (first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    valid.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<String, String> {
        let environment = |name: &str| match name {
            "TOKEN" => Some("s%TOKEN%e\n- x: ".to_owned()),
            "_a1" => Some("é".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        expand(text, &environment).map(|expanded| expanded.value)
    }

    #[test]
    fn references_are_replaced_once_and_other_percent_signs_stay() {
        for (text, value) in [
            ("%TOKEN%", "s%TOKEN%e\n- x: "),
            ("a%_a1%b%EMPTY%c", "aébc"),
            ("100%", "100%"),
            ("%%", "%%"),
            ("%2F%2f", "%2F%2f"),
            ("%%_a1%%", "%é%"),
            ("% TOKEN%", "% TOKEN%"),
            ("%_a1", "%_a1"),
            ("50%_a1%é%", "50éé%"),
            ("", ""),
        ] {
            assert_eq!(expanded(text).as_deref(), Ok(value), "{text}");
        }
        assert_eq!(expanded("x%NOT_SET%"), Err("NOT_SET".to_owned()));
    }

    #[test]
    fn lone_references_and_literal_parts() {
        assert!(is_reference("%TOKEN%") && is_reference("%_%"));
        assert!(!is_reference("x%TOKEN%") && !is_reference("%TOKEN%%TOKEN%"));
        assert!(!is_reference("%%") && !is_reference("%1%") && !is_reference(""));
        assert_eq!(literal_parts("ab%T%cd%"), ["ab", "cd%"]);
        assert_eq!(literal_parts("%T%"), Vec::<&str>::new());
    }
}
