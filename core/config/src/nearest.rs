//! What a word is probably meant to be.

/// The known key that `key` is probably meant to be.
pub(super) fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    // Long nonsense is nobody's typing error, and comparing it takes quadratic time.
    if key.len() > 40 {
        return None;
    }
    let folded = |key: &str| key.to_lowercase().replace(['_', '-', ' '], "");
    let key = folded(key);
    known
        .iter()
        .map(|&known| (strsim::damerau_levenshtein(&key, &folded(known)), known))
        .filter(|(distance, known)| *distance <= (known.len() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Words as a message has them: `one`, `two` or `three`.
pub(super) fn listed(words: &[impl AsRef<str>]) -> String {
    let quoted: Vec<String> = words
        .iter()
        .map(|word| format!("`{}`", word.as_ref()))
        .collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// The same for what is none of them: `neither `one` nor `two``.
pub(super) fn neither(words: &[impl AsRef<str>]) -> String {
    let quoted: Vec<String> = words
        .iter()
        .map(|word| format!("`{}`", word.as_ref()))
        .collect();
    match quoted.split_last() {
        Some((last, [])) => format!("not {last}"),
        Some((last, rest)) => format!("neither {} nor {last}", rest.join(", ")),
        None => "not known".to_owned(),
    }
}
