use crate::limit;
use crate::macros::{document, items, words_that_inform};
use crate::option::OptionValue;
use crate::read::Document;

document! {
    /// Who a plugin is.
    pub struct Manifest {
        /// The `hoster:` of a source: 1 to 32 lower-case letters, digits and `-`.
        pub id: String,
        /// Other values of `hoster:` it answers to; the same rule.
        pub aliases: Vec<String>,
        /// The plugin's own version.
        pub version: String,
        /// Who made it.
        pub authors: Vec<String>,
        /// One line for `forgekeep plugins list`.
        pub description: String,
        /// The kinds of source that `type:` may name, such as `user` and `org`. None: `type` makes
        /// no difference.
        pub types: Vec<String>,
        /// Address of the hoster's API, for a source without `apiUrl`. Empty: each source gives one.
        pub api_url: String,
        /// Further origins (`https://host`) that may get the hoster's credentials, such as the host
        /// that serves clones. They count only with `api_url`, the plugin's own.
        pub trusted_origins: Vec<String>,
        /// Origins that follow from a source's `apiUrl`, as patterns: `{host}` is its host, `{domain}`
        /// the host without its first label, `{port}` its port with the colon, where it gives one.
        /// Such as `https://gist.{host}`.
        pub derived_origins: Vec<String>,
        /// The plugin's own keys of a source.
        pub options: Vec<OptionSpec>,
        /// What its listing says of each repository, so that filters can rely upon it: `archived`,
        /// `fork`, `visibility`, `topics`, `languages`, `pushedAt`.
        pub attributes: Vec<String>,
        /// How many calls for one source may run at a time. 0 and absent: one.
        pub concurrency: u32,
        /// How many repositories may be asked for their refs at a time. 0 and absent: as the
        /// configuration says; never more than that.
        pub ref_questions: u32,
        /// Whether it can be a target: create, configure and remove repositories.
        pub target: bool,
        /// Whether its sources have no `name`: its own options say what there is.
        pub nameless: bool,
    }
}

/// Keys of a source that are the host's, today or in a later version of protocol 1: no option of a
/// plugin is called so.
pub const SOURCE_KEYS: [&str; 31] = [
    "title",
    "hoster",
    "type",
    "name",
    "authName",
    "apiAuthName",
    "password",
    "passwordFile",
    "passwordCommand",
    "apiUrl",
    "allowInsecureHttp",
    "trustedOrigins",
    "includeRepos",
    "ignoreRepos",
    "includeRefs",
    "excludeRefs",
    "isolation",
    "pluginEnvironment",
    "protocol",
    "sshKey",
    "sshCommand",
    "expires",
    "maxAge",
    "includeArchived",
    "includeForks",
    "visibility",
    "topics",
    "languages",
    "pushedWithin",
    "rename",
    "project",
];

words_that_inform! {
    /// What an option is, and so how the configuration is read for it. A host refuses a manifest with
    /// an option of a kind that it does not know ([`OptionKind::Other`]): it cannot tell how to read
    /// that, nor whether it is a secret.
    pub enum OptionKind, by default Text {
        /// A text.
        Text = "text",
        /// A whole number.
        Number = "number",
        /// On or off.
        Flag = "flag",
        /// Texts; or the name of a file with one a line.
        List = "list",
        /// A secret: it stands in `secrets`, and can be given by `…File` and `…Command` too.
        Secret = "secret",
        /// One of [`OptionSpec::choices`].
        Choice = "choice",
        /// The name of a file, relative to the configuration; the plugin gets its content.
        File = "file",
    }
}

document! {
    /// A key of a source that only this plugin knows.
    pub struct OptionSpec {
        /// The key as the configuration has it, in camelCase.
        pub name: String,
        /// What it is.
        pub kind: OptionKind,
        /// One line of explanation.
        pub description: String,
        /// Whether a source cannot be without it.
        pub required: bool,
        /// What counts where it is absent. The host puts it in.
        pub default: Option<OptionValue>,
        /// What a choice may be.
        pub choices: Vec<String>,
        /// Of a file: whether its content is a secret.
        pub secret: bool,
        /// Of a text: whether it is an address whose origin may get the source's credentials.
        pub trusted_origin: bool,
    }
}

items! {
    OptionSpec: limit::KEYS, "options";
}

impl OptionSpec {
    /// An option that may be absent.
    pub fn new(name: &str, kind: OptionKind, description: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            description: description.to_owned(),
            ..Self::default()
        }
    }

    /// A source cannot be without it.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

impl Document for Manifest {}
