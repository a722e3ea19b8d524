//! The forms of a secret, and how it is taken out of text that comes from elsewhere.
//!
//! Our own types cannot print secrets. But a plugin may log one, and a server may send one back, in
//! an error message as well as in the name of a repository: such text goes through a [`Redactor`]
//! before anything else sees it. And whoever sends something asks whether there is a secret in it, by the
//! same forms. Nobody else knows what a secret can look like.
//!
//! Looked for are: the secret itself; its bytes in hex; its bytes in base64 or base64url, alone or in
//! the midst of a longer text, as in HTTP Basic after a user name; all of this in any mixture of
//! upper and lower case, and in whatever escapes a text may have come through, up to two of them,
//! one inside the other: percent-encoding and HTML forms, backslashes as in JSON, entities as in
//! HTML, quoted-printable. Text is decoded for the search, so it does not matter which characters
//! somebody chose to escape.

mod escapes;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use escapes::{Decoded, ESCAPES, MARKS};
use parking_lot::RwLock;
use zeroize::Zeroize;

use crate::secret::Secret;

/// What stands for a secret.
pub const REDACTED: &str = "**redacted**";

/// Shorter secrets are not looked for: they would be found in every other word, and no hoster
/// issues one.
const SHORTEST: usize = 6;

/// The longest a secret can be in its longest form, to be found across two windows: 4 KiB, each byte as
/// nine and those as nine again.
const LONGEST: usize = 4 * 1024 * 9 * 9;

/// Longest text in which escapes are looked through. None that is shown is nearly as long; what is
/// beyond is searched as it is.
const MAX_DECODED: usize = 1024 * 1024;

/// Knows the secrets of a run and the forms they travel in. Clones share what they know: a secret that
/// turns up in the midst of a run (a token that a plugin was given) is taken out of all that is said from
/// then on.
#[derive(Clone, Default)]
pub struct Redactor {
    known: Arc<RwLock<Known>>,
}

/// Which secret of a [`Redactor`] it is, in the order in which they were told.
pub type SecretIndex = usize;

#[derive(Default)]
struct Known {
    secrets: Vec<Secret>,
    /// By the secret, its index.
    indexes: HashMap<Secret, SecretIndex>,
    /// The newest last, and each at least twice as large as the next: a thousand secrets, told one by
    /// one, are compiled ten times each, not five hundred times.
    layers: Vec<Layer>,
    /// There are forms that cannot be looked for: then every text goes as a whole.
    is_blind: bool,
}

/// Some secrets, ready to be looked for.
struct Layer {
    secrets: Range<SecretIndex>,
    forms: Option<AhoCorasick>,
    /// Whose each form is.
    of: Vec<SecretIndex>,
}

impl Layer {
    fn new(all: &[Secret], secrets: Range<SecretIndex>) -> Result<Self, TooMany> {
        let mut of = Vec::new();
        let mut patterns: Vec<String> = Vec::new();
        for index in secrets.clone() {
            for form in forms(&all[index]) {
                of.push(index);
                patterns.push(form);
            }
        }
        let built = (!patterns.is_empty()).then(|| {
            AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .match_kind(MatchKind::LeftmostLongest)
                .build(&patterns)
        });
        patterns.iter_mut().for_each(Zeroize::zeroize);
        let forms = built.transpose()?;
        Ok(Self { secrets, forms, of })
    }
}

/// There are more forms than can be looked for.
type TooMany = aho_corasick::BuildError;

fn tell(compiled: Result<(), TooMany>) {
    if let Err(error) = compiled {
        log::error!("secrets cannot be looked for, so nothing is shown: {error}");
    }
}

impl Known {
    fn push(&mut self, secret: &Secret) -> SecretIndex {
        let index = self.secrets.len();
        self.secrets.push(secret.clone());
        self.indexes.insert(secret.clone(), index);
        index
    }

    fn compile(&mut self, mut secrets: Range<SecretIndex>) -> Result<(), TooMany> {
        while let Some(last) = self.layers.last()
            && last.secrets.len() <= secrets.len()
        {
            secrets.start = last.secrets.start;
            self.layers.pop();
        }
        let layer = Layer::new(&self.secrets, secrets).inspect_err(|_| self.is_blind = true)?;
        self.layers.push(layer);
        Ok(())
    }
}

impl Redactor {
    /// A redactor for the secrets given.
    pub fn new(secrets: &[&Secret]) -> Self {
        let mut known = Known::default();
        for secret in secrets {
            if !known.indexes.contains_key(*secret) {
                known.push(secret);
            }
        }
        let all = 0..known.secrets.len();
        tell(known.compile(all));
        Self {
            known: Arc::new(RwLock::new(known)),
        }
    }

    /// Tells of one more secret. Which one it is now.
    pub fn add(&self, secret: &Secret) -> SecretIndex {
        if let Some(index) = self.known.read().indexes.get(secret) {
            return *index;
        }
        let mut known = self.known.write();
        // Another thread may have been faster.
        if let Some(index) = known.indexes.get(secret) {
            return *index;
        }
        let index = known.push(secret);
        let compiled = known.compile(index..index + 1);
        // What is logged goes through this redactor.
        drop(known);
        tell(compiled);
        index
    }

    /// Which secrets of at least `shortest` characters are in some bytes, in any form.
    pub fn found_in(&self, bytes: &[u8], shortest: usize) -> BTreeSet<SecretIndex> {
        let known = self.known.read();
        if known.is_blind {
            return (0..known.secrets.len()).collect();
        }
        let mut found = BTreeSet::new();
        let mut start = 0;
        // Escapes are looked through in windows; a secret over the border of one is whole in the next.
        loop {
            let window = &bytes[start..bytes.len().min(start + MAX_DECODED)];
            known.search(window, &mut |index, _| {
                found.insert(index);
            });
            if start + window.len() >= bytes.len() {
                break;
            }
            start += MAX_DECODED - LONGEST;
        }
        found.retain(|index| known.secrets[*index].expose().trim().len() >= shortest);
        found
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
        let known = self.known.read();
        if known.is_blind {
            return std::iter::once(0..text.len()).collect();
        }
        let mut places = Vec::new();
        known.search(text.as_bytes(), &mut |_, place| places.push(place));
        joined(places)
    }
}

impl Known {
    /// Tells of each secret that is found, and where.
    fn search(&self, bytes: &[u8], tell: &mut dyn FnMut(SecretIndex, Range<usize>)) {
        self.search_plain(bytes, &mut |index, place| tell(index, place));
        if bytes.len() > MAX_DECODED || !bytes.iter().any(|byte| MARKS.contains(byte)) {
            return;
        }
        let plain = Decoded::new(bytes);
        for outer in ESCAPES {
            let Some(once) = outer(&plain) else {
                continue;
            };
            self.search_plain(&once.bytes, &mut |index, place| {
                tell(index, once.origin(place));
            });
            for inner in ESCAPES {
                if let Some(twice) = inner(&once) {
                    self.search_plain(&twice.bytes, &mut |index, place| {
                        tell(index, twice.origin(place));
                    });
                }
            }
        }
    }

    fn search_plain(&self, bytes: &[u8], tell: &mut dyn FnMut(SecretIndex, Range<usize>)) {
        for layer in &self.layers {
            for found in layer.forms.iter().flat_map(|forms| forms.find_iter(bytes)) {
                tell(layer.of[found.pattern().as_usize()], found.range());
            }
        }
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
        write!(f, "Redactor({} secrets)", self.known.read().secrets.len())
    }
}

#[cfg(test)]
mod tests;
