//! Takes secrets out of text that comes from elsewhere.
//!
//! Our own types cannot print secrets. But a plugin may log one, and a server may send one back in
//! an error message: such text goes through a [`Redactor`] before anything else sees it.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::secret::Secret;

/// Shorter secrets are not looked for: they would be found in every other word. The configuration
/// warns about them by other means; no hoster issues one.
const SHORTEST: usize = 6;

/// Knows some secrets and the forms they travel in.
#[derive(Clone, Default)]
pub struct Redactor {
    forms: Vec<String>,
}

impl Redactor {
    /// A redactor for the secrets given.
    pub fn new(secrets: &[&Secret]) -> Self {
        let mut forms = Vec::new();
        for secret in secrets {
            // Blanks round a token were pasted with it; a hoster's plugin may send it without.
            let secret = secret.expose().trim();
            if secret.len() < SHORTEST {
                continue;
            }
            forms.push(secret.to_owned());
            forms.push(url::form_urlencoded::byte_serialize(secret.as_bytes()).collect());
            forms.extend(inside_base64(secret));
        }
        // The longest first: a form that holds another goes as a whole.
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        forms.dedup();
        Self { forms }
    }

    /// The text with every secret replaced by `**redacted**`.
    pub fn clean<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for form in &self.forms {
            if text.contains(form.as_str()) {
                text = Cow::Owned(text.replace(form.as_str(), "**redacted**"));
            }
        }
        text
    }
}

/// How a text looks in the middle of base64, as in HTTP Basic after a user name of any length: one
/// form for each alignment, without the characters that depend on its neighbours.
fn inside_base64(secret: &str) -> impl Iterator<Item = String> {
    [(0, 0), (1, 2), (2, 3)]
        .into_iter()
        .map(move |(before, cut)| {
            let mut bytes = vec![0; before];
            bytes.extend(secret.as_bytes());
            let encoded = STANDARD_NO_PAD.encode(&bytes);
            let tail = usize::from(!bytes.len().is_multiple_of(3));
            encoded[cut..encoded.len() - tail].to_owned()
        })
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} forms)", self.forms.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_found() {
        let secret = Secret::new("ATATT3x+/secret=");
        let redactor = Redactor::new(&[&secret]);
        let mut texts = vec![
            "token ATATT3x+/secret= refused".to_owned(),
            "token ATATT3x%2B%2Fsecret%3D refused".to_owned(),
        ];
        for user in ["a", "ab", "abc", "dev@example.com"] {
            let basic = STANDARD_NO_PAD.encode(format!("{user}:ATATT3x+/secret="));
            texts.push(format!("Authorization: Basic {basic}"));
        }
        for text in texts {
            let clean = redactor.clean(&text);
            assert!(clean.contains("**redacted**"), "{clean}");
            assert!(!clean.contains("secret"), "{clean}");
        }
        assert_eq!(format!("{redactor:?}"), "Redactor(5 forms)");
    }

    #[test]
    fn other_text_is_left_alone() {
        let secret = Secret::new("ATATT3x+/secret=");
        let redactor = Redactor::new(&[&secret]);
        assert!(matches!(redactor.clean("nothing to see"), Cow::Borrowed(_)));
        // Too short to look for.
        let short = Secret::new("a");
        assert_eq!(Redactor::new(&[&short]).clean("banana"), "banana");
    }
}
