//! One call: a document out, a document back, or why not.

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_plugin_documents::{Document, HosterError, Refused, parse};
use forgekeep_untrusted::{Printable, Redactor};

use super::convert;
use super::unusable::Unusable;
use crate::broken::{Broken, How};
use crate::plugin::{Answered, HostCalls, Plugin};

/// Most characters of a process's last words in a message.
const MOST_WORDS: usize = 400;

/// Why a call has given nothing.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// The plugin did not answer by the rules, or not at all.
    Broken(Broken),
    /// It has answered with an error.
    Error(Box<HosterError>),
    /// What it has answered is no document, or not the one that was to come.
    Refused {
        /// What it was asked.
        method: String,
        /// What is wrong.
        why: Refused,
    },
}

/// Asks an object of a plugin for a document.
pub(super) fn ask<T: Document>(
    plugin: &dyn Plugin,
    object: u64,
    method: &str,
    doc: &[u8],
    body: &[u8],
    host: &dyn HostCalls,
) -> Result<T, NoAnswer> {
    let refused = |why| NoAnswer::Refused {
        method: method.to_owned(),
        why,
    };
    match plugin.call(object, method, doc, body, host) {
        Ok(Answered::Result(reply)) => parse(&reply.doc).map_err(refused),
        Ok(Answered::Error(reply)) => match parse::<HosterError>(&reply.doc) {
            Ok(error) => Err(NoAnswer::Error(Box::new(error))),
            Err(why) => Err(refused(why)),
        },
        Err(broken) => Err(NoAnswer::Broken(broken)),
    }
}

impl NoAnswer {
    /// As the end of what was asked of a source's session.
    pub(super) fn into_failure(self, plugin: &str, redactor: &Redactor) -> Failure {
        match self {
            Self::Broken(broken) if broken.how == How::Stopped => Failure::cancelled(),
            Self::Broken(broken) => {
                let mut message = format!(
                    "the plugin {plugin} failed in `{}`: {}",
                    broken.method, broken.how
                );
                if let Some(words) = last_words(&broken, redactor) {
                    message.push_str(&format!("; its last words: {words}"));
                }
                Failure::new(ErrorKind::Plugin, message).with_hint(broken.how.hint())
            }
            Self::Error(error) => convert::failure(&error, redactor),
            Self::Refused { method, why } => Failure::new(
                ErrorKind::Plugin,
                format!(
                    "the plugin {plugin} failed in `{method}`: its answer cannot be used: {why}"
                ),
            )
            .with_hint("report it to the plugin's authors"),
        }
    }

    /// As the reason why the plugin cannot be used at all.
    pub(super) fn of_plugin(self, method: &'static str, redactor: &Redactor) -> Unusable {
        match self {
            Self::Broken(broken) => Unusable::Broken(broken),
            Self::Error(error) => Unusable::Failed(convert::text(&error.message, redactor)),
            Self::Refused { why, .. } => Unusable::BadDocument {
                method,
                why: why.to_string().into(),
            },
        }
    }
}

/// What a process has printed last, as one line. It may hold whatever the plugin knows, so secrets go
/// first: half of one would not be recognised.
fn last_words(broken: &Broken, redactor: &Redactor) -> Option<Printable> {
    let lines: Vec<&str> = broken.output.iter().map(|line| line.raw()).collect();
    let clean = redactor.clean(&lines.join("\n")).into_owned();
    let line = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown = Printable::from(line);
    let length = shown.chars().count();
    if length == 0 {
        return None;
    }
    let from = length.saturating_sub(MOST_WORDS);
    let cut: String = shown.chars().skip(from).collect();
    Some(match from {
        0 => cut.into(),
        _ => format!("…{cut}").into(),
    })
}

/// No services at all: before a plugin is known to be one.
pub(super) struct Nobody;

impl HostCalls for Nobody {
    fn call(&self, _method: &str, _doc: &[u8], _body: &[u8]) -> Option<Answered> {
        None
    }
}

#[cfg(test)]
mod tests {
    use forgekeep_untrusted::{Secret, Untrusted};

    use super::*;

    #[test]
    fn last_words_are_redacted_before_they_are_cut() {
        let secret = Secret::new("tok-0123456789");
        let redactor = Redactor::new(&[&secret]);
        let mut broken = Broken::new(How::Exited(3), "list");
        assert_eq!(last_words(&broken, &redactor), None);
        let long = format!("tok-0123456789{}", "x".repeat(MOST_WORDS - 5));
        broken.output = vec![
            Untrusted::from("\u{1b}[2Jfirst"),
            Untrusted::from(long.as_str()),
        ];
        let words = last_words(&broken, &redactor).unwrap();
        assert!(!words.contains("456789"), "{words}");
        assert!(!words.contains(char::is_control), "{words:?}");
        assert!(words.starts_with('…') && words.ends_with('x'), "{words}");
    }

    #[test]
    fn a_broken_call_names_plugin_method_and_cause() {
        let broken = Broken::new(How::Exited(0), "list");
        let failure = NoAnswer::Broken(broken).into_failure("forge", &Redactor::default());
        assert_eq!(failure.kind, ErrorKind::Plugin);
        assert_eq!(
            failure.message.as_str(),
            "the plugin forge failed in `list`: the plugin's process exited with code 0"
        );
        assert!(!failure.hint.is_empty());
    }
}
