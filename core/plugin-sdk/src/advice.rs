use forgekeep_plugin_documents::{Advice, RefAdvice};

/// What to know of some refs, by their patterns.
///
/// ```
/// # use forgekeep_plugin_sdk::{Advice, ref_advice};
/// let made = ref_advice(&[("refs/pull/*", &[Advice::NotPushed, Advice::Volatile])]);
/// assert_eq!(made.len(), 2);
/// ```
pub fn ref_advice(made: &[(&str, &[Advice])]) -> Vec<RefAdvice> {
    let each = made.iter().flat_map(|(pattern, advice)| {
        advice.iter().map(|advice| RefAdvice {
            pattern: (*pattern).to_owned(),
            advice: *advice,
        })
    });
    each.collect()
}

/// Refs of the hoster's own, which it does not take when a repository is pushed back.
pub fn not_pushed(patterns: &[&str]) -> Vec<RefAdvice> {
    let each = patterns.iter();
    each.map(|pattern| RefAdvice::new(*pattern, Advice::NotPushed))
        .collect()
}
