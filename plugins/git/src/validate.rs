use std::collections::{BTreeSet, HashMap};

use forgekeep_plugin_sdk::{Finding, Severity, Source, credential_findings, token};

use crate::URLS;
use crate::address::{Address, Place, entries};

/// Judges a source without a network.
pub(crate) fn validate(source: &Source) -> Vec<Finding> {
    let mut findings = credential_findings(source);
    let mut wrong = |key: &str, message: String, hint: &str| {
        findings.push(Finding::new(Severity::Error, key, message).with_hint(hint));
    };
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut origins = BTreeSet::new();
    for (number, entry) in entries(source.list(URLS)) {
        let address = match Address::read(entry) {
            Ok(address) => address,
            Err(unfit) => {
                let message = format!("entry {number} of {URLS} cannot be used: {}", unfit.why);
                wrong(URLS, message, &unfit.hint);
                continue;
            }
        };
        if let Place::Https(url) = &address.place {
            origins.insert(url.origin().ascii_serialization());
        }
        let name = address.name;
        if let Some(earlier) = known.get(&name) {
            let message =
                format!("entries {earlier} and {number} of {URLS} are for one folder: {name}");
            wrong(
                URLS,
                message,
                "remove one of them; to have both, put one into a source of its own",
            );
            continue;
        }
        known.insert(name, number);
    }
    if known.is_empty() {
        wrong(
            URLS,
            format!("{URLS} holds no address"),
            "write at least one address; a line that begins with # is a remark",
        );
    }
    if token(source).is_some() && origins.len() > 1 {
        let all: Vec<String> = origins.into_iter().collect();
        let message = format!(
            "one password would go to {} hosts: {}",
            all.len(),
            all.join(", ")
        );
        wrong("password", message, "make one source for each host");
    }
    findings
}
