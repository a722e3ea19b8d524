//! Keys of a source that only its hoster's plugin knows.

use std::fmt;

/// The largest text, and the largest entry of a list, in bytes: as plugin protocol 1 has it.
pub(super) const MAX_TEXT: usize = 64 << 10;

/// The most entries of a list.
pub(super) const MAX_ENTRIES: usize = 10_000;

/// The largest file that is an option's value, in bytes.
pub(super) const MAX_FILE: usize = 1 << 20;

/// The largest whole number, either way: what JSON holds exactly everywhere.
pub const MAX_NUMBER: i64 = (1 << 53) - 1;

/// What a hoster's plugin says of the keys of its sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PluginKeys {
    /// What `type` may be; none where it makes no difference.
    pub types: Vec<String>,
    /// What its listing says of each repository, for filters.
    pub attributes: Vec<String>,
    /// Its own keys.
    pub options: Vec<OptionSpec>,
    /// Whether its sources have no `name`.
    pub nameless: bool,
}

/// What a plugin's own key is, and so how it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionKind {
    /// A text.
    Text,
    /// A whole number.
    Number,
    /// On or off.
    Flag,
    /// Texts; or the name of a file with one a line.
    List,
    /// A secret. It can be given by `…File` and `…Command` too.
    Secret,
    /// One of [`OptionSpec::choices`].
    Choice,
    /// The name of a file, relative to the configuration; the plugin gets its content.
    File,
}

/// A key that only one hoster's plugin knows, by its manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionSpec {
    /// The key, in camelCase.
    pub name: String,
    /// What it is.
    pub kind: OptionKind,
    /// One line of explanation.
    pub description: String,
    /// Whether a source cannot be without it.
    pub required: bool,
    /// What counts where it is absent.
    pub default: Option<OptionValue>,
    /// What a choice may be.
    pub choices: Vec<String>,
    /// Of a file: whether its content is a secret.
    pub secret: bool,
    /// Of a text: whether it is an address whose origin may get the source's credentials. Of a list: the
    /// same of each entry that is an address of HTTP.
    pub trusted_origin: bool,
}

/// The value of a plugin's own key, but for secrets and files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptionValue {
    /// A text, or one of the choices.
    Text(String),
    /// A whole number.
    Number(i64),
    /// On or off.
    Flag(bool),
    /// Texts.
    List(Vec<String>),
}

/// The content of a file. It may be a secret: `Debug` shows its length alone.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct FileContent(Vec<u8>);

impl FileContent {
    /// These bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes. Never put them into a message, an address or a log.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for FileContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// Where a source's plugin runs: `isolation`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// In a process of its own.
    #[default]
    Process,
    /// In this process, which it can take down: for debugging.
    InProcess,
}

/// The options that are secrets.
pub(super) fn secret_keys(options: &[OptionSpec]) -> impl Iterator<Item = &str> {
    options
        .iter()
        .filter(|spec| spec.kind == OptionKind::Secret)
        .map(|spec| spec.name.as_str())
}
