//! The forms of a secret, and how it is taken out of text that comes from elsewhere.
//!
//! Our own types cannot print secrets. But a plugin may log one, and a server may send one back, in
//! an error message as well as in the name of a repository: such text goes through a [`Redactor`]
//! before anything else sees it. Nobody else knows what a secret can look like.
//!
//! Looked for are: the secret itself; its bytes in hex; its bytes in base64 or base64url, alone or in
//! the midst of a longer text, as in HTTP Basic after a user name; all of this in any mixture of
//! upper and lower case, and in whatever escapes a text may have come through, up to two of them,
//! one inside the other: percent-encoding and HTML forms, backslashes as in JSON, entities as in
//! HTML, quoted-printable. Text is decoded for the search, so it does not matter which characters
//! somebody chose to escape.

mod escapes;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use escapes::{Decoded, ESCAPES, MARKS};

use crate::secret::Secret;

/// What stands for a secret.
pub const REDACTED: &str = "**redacted**";

/// Shorter secrets are not looked for: they would be found in every other word, and no hoster
/// issues one.
const SHORTEST: usize = 6;

/// Longest text in which escapes are looked through. None that is shown is nearly as long; what is
/// beyond is searched as it is.
const MAX_DECODED: usize = 1024 * 1024;

/// Knows some secrets and the forms they travel in.
#[derive(Clone, Default)]
pub struct Redactor {
    forms: Option<AhoCorasick>,
    count: usize,
}

impl Redactor {
    /// A redactor for the secrets given.
    pub fn new(secrets: &[&Secret]) -> Self {
        let mut forms: Vec<String> = secrets.iter().flat_map(|secret| forms(secret)).collect();
        forms.sort();
        forms.dedup();
        let count = forms.len();
        // Fails only for more patterns than memory holds; then every text goes as a whole.
        let forms = (count > 0).then(|| {
            AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .match_kind(MatchKind::LeftmostLongest)
                .build(&forms)
        });
        match forms.transpose() {
            Ok(forms) => Self { forms, count },
            Err(error) => {
                log::error!("secrets cannot be looked for: {error}");
                Self { forms: None, count }
            }
        }
    }

    /// Whether a text holds a secret, in any form.
    pub fn finds(&self, text: &str) -> bool {
        !self.places(text).is_empty()
    }

    /// The text with every secret replaced by [`REDACTED`].
    pub fn clean<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let places = self.places(text);
        if places.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut clean = String::with_capacity(text.len());
        let mut done = 0;
        for place in places {
            clean.push_str(text.get(done..place.start).unwrap_or_default());
            clean.push_str(REDACTED);
            done = place.end;
        }
        clean.push_str(text.get(done..).unwrap_or_default());
        Cow::Owned(clean)
    }

    /// JSON with the secrets taken out of its strings, whatever the strings' escapes; all else of it
    /// stays as it is, also order and white space.
    pub fn clean_json<'a>(&self, text: &'a str) -> Cow<'a, str> {
        // In a longer one escapes are not looked through: but in its strings they are.
        if text.len() <= MAX_DECODED && !self.finds(text) {
            return Cow::Borrowed(text);
        }
        let mut clean = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find('"') {
            clean.push_str(&rest[..start]);
            let end = start + string_length(&rest[start..]);
            let written = &rest[start..end];
            match serde_json::from_str::<String>(written) {
                Ok(value) => match self.clean(&value) {
                    Cow::Borrowed(_) => clean.push_str(written),
                    Cow::Owned(value) => {
                        clean.push_str(&serde_json::Value::from(value).to_string());
                    }
                },
                Err(_) => clean.push_str(&self.clean(written)),
            }
            rest = &rest[end..];
        }
        clean.push_str(rest);
        Cow::Owned(clean)
    }

    /// Where secrets are, in order and apart.
    fn places(&self, text: &str) -> Vec<Range<usize>> {
        let Some(forms) = &self.forms else {
            return match self.count {
                0 => Vec::new(),
                _ => std::iter::once(0..text.len()).collect(),
            };
        };
        let mut places: Vec<Range<usize>> = forms.find_iter(text).map(|m| m.range()).collect();
        if text.len() <= MAX_DECODED && text.bytes().any(|byte| MARKS.contains(&byte)) {
            let plain = Decoded::new(text);
            let search = |decoded: &Decoded, places: &mut Vec<_>| {
                places.extend(
                    forms
                        .find_iter(&decoded.bytes)
                        .map(|m| decoded.origin(m.range())),
                );
            };
            for outer in ESCAPES {
                let Some(once) = outer(&plain) else {
                    continue;
                };
                search(&once, &mut places);
                for inner in ESCAPES {
                    if let Some(twice) = inner(&once) {
                        search(&twice, &mut places);
                    }
                }
            }
        }
        joined(places)
    }
}

/// The length of the JSON string that a text begins with.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn joined(mut places: Vec<Range<usize>>) -> Vec<Range<usize>> {
    places.sort_by_key(|place| (place.start, place.end));
    let mut apart: Vec<Range<usize>> = Vec::with_capacity(places.len());
    for place in places {
        match apart.last_mut() {
            Some(last) if place.start < last.end => last.end = last.end.max(place.end),
            _ => apart.push(place),
        }
    }
    apart
}

/// How a secret may be written, escapes apart.
fn forms(secret: &Secret) -> Vec<String> {
    // Blanks round a token were pasted with it; a hoster's plugin may send it without.
    let trimmed = secret.expose().trim();
    if trimmed.len() < SHORTEST {
        return Vec::new();
    }
    let mut forms = Vec::new();
    for secret in [trimmed, secret.expose()] {
        forms.push(secret.to_owned());
        // What an HTML form makes of blanks.
        forms.push(secret.replace(' ', "+"));
        forms.push(secret.bytes().map(|byte| format!("{byte:02x}")).collect());
        forms.extend(inside_base64(secret));
    }
    forms
}

/// How a text looks in the middle of base64, as in HTTP Basic after a user name of any length: one
/// form for each alignment and alphabet, without the characters that depend on its neighbours.
fn inside_base64(secret: &str) -> impl Iterator<Item = String> {
    let engines = [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD];
    engines.into_iter().flat_map(move |engine| {
        [(0, 0), (1, 2), (2, 3)].map(|(before, cut)| {
            let mut bytes = vec![0; before];
            bytes.extend(secret.as_bytes());
            let encoded = engine.encode(&bytes);
            let tail = usize::from(!bytes.len().is_multiple_of(3));
            encoded[cut..encoded.len() - tail].to_owned()
        })
    })
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} forms)", self.count)
    }
}

#[cfg(test)]
mod tests;
