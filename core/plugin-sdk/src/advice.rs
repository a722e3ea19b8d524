use forgekeep_plugin_documents::{Advice, RefAdvice};

/// Something to know of the refs that a pattern names.
pub fn ref_advice(pattern: &str, advice: Advice) -> RefAdvice {
    RefAdvice {
        pattern: pattern.to_owned(),
        advice,
    }
}
