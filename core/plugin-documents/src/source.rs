use std::collections::BTreeMap;

use crate::limit;
use crate::macros::{document, words_that_decide};
use crate::option::{FileContent, OptionValue, Span};
use crate::read::{Document, parse};
use crate::refused::Refused;
use crate::secret::Secret;
use crate::write::write;

words_that_decide! {
    /// How git is fetched.
    pub enum Protocol, by default Https {
        /// By HTTPS.
        Https = "https",
        /// By ssh.
        Ssh = "ssh",
    }
}

document! {
    /// A source (or target) of the configuration, as its plugin sees it. An empty text is an absent key.
    pub struct Source {
        /// Title in the configuration; for messages.
        pub title: String,
        /// Workspace, organisation or user to list.
        pub name: String,
        /// Its `type`: one of the manifest's.
        #[serde(rename = "type")]
        pub kind: String,
        /// User name for git.
        pub auth_name: String,
        /// User name (for some hosters: e-mail address) for the API.
        pub api_auth_name: String,
        /// The secrets, by key: `password`, and those of the manifest's options.
        pub secrets: BTreeMap<String, Secret>,
        /// Address of the API, without a slash at the end: the source's, else the manifest's.
        pub api_url: String,
        /// Values of the manifest's options, but for secrets.
        pub options: BTreeMap<String, OptionValue>,
        /// Whether it is a target, to write to.
        pub target: bool,
        /// Of a target: the project that repositories are made in, where the hoster has projects.
        pub project: String,
        /// How git is to be fetched: `ssh`, or absent for HTTPS. Each part's address is to be one for
        /// that, and the plugin's answer for access too.
        pub protocol: Protocol,
        /// Contents of the options that are files. They travel beside the document, as bytes.
        #[serde(skip)]
        pub files: BTreeMap<String, FileContent>,
    }
}

impl Source {
    /// Whether git is to be fetched by ssh.
    pub fn is_ssh(&self) -> bool {
        self.protocol == Protocol::Ssh
    }

    /// The password or token. Never empty.
    pub fn password(&self) -> Option<&Secret> {
        self.secret("password")
    }

    /// A secret, by its key. Never empty.
    pub fn secret(&self, key: &str) -> Option<&Secret> {
        self.secrets.get(key).filter(|secret| !secret.is_empty())
    }

    /// An option that is a text or a choice.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.options.get(key)? {
            OptionValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// An option that is a number.
    pub fn number(&self, key: &str) -> Option<i64> {
        match self.options.get(key)? {
            OptionValue::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// Whether an option that is a flag is on.
    pub fn flag(&self, key: &str) -> bool {
        matches!(self.options.get(key), Some(OptionValue::Flag(true)))
    }

    /// An option that is a list; empty where it is absent.
    pub fn list(&self, key: &str) -> &[String] {
        match self.options.get(key) {
            Some(OptionValue::List(list)) => list,
            _ => &[],
        }
    }

    /// The content of an option that is a file.
    pub fn file(&self, key: &str) -> Option<&[u8]> {
        self.files.get(key).map(FileContent::expose)
    }

    /// As document and bytes.
    pub fn to_wire(&self) -> (Vec<u8>, Vec<u8>) {
        let mut source = self.clone();
        let mut bytes = Vec::new();
        for (key, content) in &self.files {
            let span = Span {
                from: bytes.len() as u64,
                length: content.expose().len() as u64,
            };
            bytes.extend_from_slice(content.expose());
            source.options.insert(key.clone(), OptionValue::File(span));
        }
        (write(&source), bytes)
    }

    /// From document and bytes.
    ///
    /// # Errors
    ///
    /// [`Refused`], where the document is, or names bytes that are not there.
    pub fn from_wire(document: &[u8], bytes: &[u8]) -> Result<Self, Refused> {
        let mut source: Self = parse(document)?;
        for (key, value) in &source.options {
            let OptionValue::File(span) = value else {
                continue;
            };
            let content = span
                .clone()
                .of(bytes)
                .filter(|content| content.len() <= limit::FILE)
                .ok_or(Refused::TooLarge("a file"))?;
            source.files.insert(key.clone(), FileContent::new(content));
        }
        source
            .options
            .retain(|_, value| !matches!(value, OptionValue::File(_)));
        Ok(source)
    }
}

document! {
    /// A source was opened.
    pub struct Opened {
        /// The object that stands for it: 1 to 2^53 − 1, never given twice.
        pub object: u64,
    }
}

impl Document for Source {}

impl Document for Opened {
    fn sound(&self) -> Result<(), Refused> {
        match self.object {
            0 => Err(Refused::malformed("object 0 is the plugin itself")),
            _ => Ok(()),
        }
    }
}
