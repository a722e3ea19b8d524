//! The configuration: found, read, checked.
//!
//! One schema in two syntaxes, told apart by the file's ending. The keys are those of SCM Backup,
//! whose `settings.yml` loads unchanged; what Forgekeep doesn't act on becomes a warning. See
//! `docs/configuration.md` for every key.

mod address;
mod beside;
mod document;
mod environment;
mod error;
mod file;
mod filter_keys;
mod hooks;
pub mod keys;
mod locations;
mod masked;
mod nearest;
mod node;
mod notify;
mod options;
mod own;
mod own_value;
mod plausible;
mod plugins;
mod predecessor;
mod reader;
mod rendered;
mod schema;
mod secret_files;
mod secrets;
mod settle;
mod ssh;
mod target;
mod together;
mod toml;
mod umask;
mod yaml;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use document::ConfigDocument;
use forgekeep_untrusted::Secret;
use reader::Reader;

pub use error::{ConfigError, ConfigErrorKind, ConfigWarning, Position};
pub use file::read;
pub use forgekeep_filter as filter;
pub use forgekeep_filter::Within;
pub use hooks::{HookCommand, Hooks};
pub use locations::find;
pub use masked::masked_copy;
pub use notify::{
    Channel, ChannelKind, Mail, MailSecurity, Notifications, On, Ping, Preset, Webhook,
    notifications_of, notifications_of_copy,
};
pub use own::{FileContent, Isolation, OptionKind, OptionSpec, OptionValue, PluginKeys};
pub use plugins::{AllowedPlugin, Confinement, PluginOptions, PluginVerdict};
pub use secret_files::SecretFile;
pub use ssh::{Protocol, SshOptions};
pub use target::{Target, unknown_target};
pub use umask::DEFAULT_UMASK;

/// `options.limits.objectBytes`, where the configuration has none.
pub const OBJECT_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// `options.limits.objectsPerPack`, where the configuration has none.
pub const OBJECTS_PER_PACK: u64 = 50_000_000;

/// From how many days before on it is told that credentials expire.
pub const EXPIRY_DAYS: i64 = 14;

/// Stands for a variable that is not set, where nobody needs it yet.
const NOT_SET: &str = "\u{fffd}unset\u{fffd}";

/// The largest configuration file that is read.
pub const MAX_FILE_BYTES: usize = 1024 * 1024;

/// The folder below `localFolder` that holds the masked copy of the configuration. No source may
/// have this title.
pub const COPY_FOLDER: &str = "_config";

/// The folder below `localFolder` for Forgekeep's own files. No source may have this title.
pub const STATE_FOLDER: &str = ".forgekeep";

/// A checked configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file it was read from.
    pub file: PathBuf,
    /// Where the backups go. A relative path is against the current directory, as in SCM Backup.
    pub local_folder: PathBuf,
    /// What to back up: at least one, with titles that make different folders.
    pub sources: Vec<Source>,
    /// How to do it.
    pub options: Options,
    /// Which plugins may be loaded, and how they are confined.
    pub plugins: PluginOptions,
    /// What was ignored, in the order of the file.
    pub warnings: Vec<ConfigWarning>,
    /// The file's text, which may hold secrets.
    text: Secret,
    /// The targets, as far as they are read before somebody writes to one.
    targets: Vec<target::Named>,
    /// What the plugins of the sources know, by source; none before they are asked.
    own_keys: Vec<masked::OwnKeys>,
    /// Whether any part of a secret of those who are told stands in the configuration itself.
    literal_notify: bool,
    is_pending: bool,
    has_settled: bool,
}

impl Config {
    /// All secrets that are known by now, each of which has to stay out of whatever is said.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.sources.iter().flat_map(Source::secrets)
    }

    /// Whether any part of a secret stands in the configuration itself.
    pub fn has_literal_secret(&self) -> bool {
        let mut sources = self.sources.iter();
        self.literal_notify || sources.any(|source| source.literal_password)
    }

    /// The text to keep beside the backups: [`masked_copy`] of the text that this was read from, with
    /// what the plugins say of their own keys.
    ///
    /// # Errors
    ///
    /// As [`masked_copy`].
    pub fn masked_copy(&self) -> Result<String, ConfigError> {
        masked::copy(self.text.expose(), &self.file, &self.own_keys)
    }
}

/// One account at one hoster.
#[derive(Debug, Clone)]
pub struct Source {
    /// The source's name in the configuration, and (encoded, see [`forgekeep_untrusted::names`]) its folder.
    pub title: String,
    /// The hoster plugin's id or alias, in lower case.
    pub hoster: String,
    /// What `name` is, such as `user` or `org`, where that makes a difference: a word that the hoster's
    /// plugin knows.
    pub kind: Option<String>,
    /// The user, organisation, workspace or group at the hoster. Where its plugin knows no names, the
    /// title from [`settle`](Config::settle) on.
    pub name: String,
    /// The user name for git, and for the API where there is no `api_auth_name`.
    pub auth_name: Option<String>,
    /// The user name for the API, where it differs: the account's e-mail address, say.
    pub api_auth_name: Option<String>,
    /// Password or token. Never empty. One from a file or a command is there from
    /// [`settle`](Config::settle) on.
    pub password: Option<Secret>,
    /// Whether any part of a secret stands in the configuration itself.
    pub literal_password: bool,
    /// Another base address for the hoster's API: http or https, without user, query or fragment.
    pub api_url: Option<url::Url>,
    /// Whether plain http to other hosts than this one is allowed.
    pub allow_insecure_http: bool,
    /// Further origins that may get the source's credentials.
    pub trusted_origins: Vec<url::Url>,
    /// Valid patterns for [`crate::filter::RepoFilter`]; empty means all repositories.
    pub include_repos: Vec<String>,
    /// Valid patterns for [`crate::filter::RepoFilter`].
    pub ignore_repos: Vec<String>,
    /// What else leaves repositories out.
    pub attribute_filters: filter::AttributeFilters,
    /// Names of refs, and patterns with `*` for any characters, that are backed up whatever the plugin
    /// advises.
    pub include_refs: Vec<String>,
    /// The same of refs that are not backed up.
    pub exclude_refs: Vec<String>,
    /// The day on which its credentials expire, for warnings.
    pub expires: Option<jiff::civil::Date>,
    /// How old its last good run may be; `options.status.maxAge` where it does not say.
    pub max_age: Option<Within>,
    /// How git is fetched.
    pub ssh: SshOptions,
    /// Where its plugin runs.
    pub isolation: Isolation,
    /// Names of variables that its plugin's process gets from the environment.
    pub plugin_environment: Vec<String>,
    /// Secrets of the plugin's own keys.
    pub own_secrets: BTreeMap<String, Secret>,
    /// Values of the plugin's own keys, but for secrets and files.
    pub own_options: BTreeMap<String, OptionValue>,
    /// Contents of the plugin's own keys that are files.
    pub own_files: BTreeMap<String, FileContent>,
    /// Secret files, and lines of secrets that have several, to be recognised wherever they turn up.
    pub secret_pieces: Vec<Secret>,
}

impl Source {
    /// All its secrets.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.keyed_secrets()
            .map(|(_, secret)| secret)
            .chain(&self.secret_pieces)
    }

    /// The secrets that its plugin is given, by key.
    pub fn keyed_secrets(&self) -> impl Iterator<Item = (&str, &Secret)> {
        let own = self.own_secrets.iter();
        let password = self
            .password
            .iter()
            .map(|secret| (schema::PASSWORD, secret));
        password.chain(own.map(|(key, secret)| (key.as_str(), secret)))
    }
}

/// The `options` of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// `options.backup`.
    pub backup: BackupOptions,
    /// `options.network`.
    pub network: NetworkOptions,
    /// `options.history`.
    pub history: HistoryOptions,
    /// `options.alert`.
    pub alert: AlertOptions,
    /// `options.limits`.
    pub limits: LimitOptions,
    /// `options.status`.
    pub status: StatusOptions,
}

/// The `options.backup` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupOptions {
    /// Whether what is gone upstream is removed from the backup, after the grace period and after
    /// the hoster has confirmed it.
    pub remove_deleted_repos: bool,
    /// How many days it is kept first.
    pub deleted_grace_days: u32,
    /// Within how many days git is asked for a repository of which the hoster's listing proves that it
    /// has not changed: 0 in each run.
    pub full_check_days: u32,
    /// Whether each finished repository gets a line.
    pub log_repo_finished: bool,
    /// How many repositories are worked on at a time: 1 to 64.
    pub jobs: usize,
    /// Most repositories that a source may list.
    pub max_repositories: usize,
    /// What is taken from the permissions of new files and folders: three octal digits.
    pub umask: u32,
}

impl Default for BackupOptions {
    fn default() -> Self {
        Self {
            remove_deleted_repos: false,
            deleted_grace_days: 30,
            full_check_days: 7,
            log_repo_finished: false,
            jobs: 8,
            max_repositories: 100_000,
            umask: DEFAULT_UMASK,
        }
    }
}

/// The `options.network` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkOptions {
    /// How long to wait for a connection.
    pub connect: Duration,
    /// How long a connection may stay without a byte. There is no limit on the whole transfer.
    pub stall: Duration,
    /// How often a request that failed for now is made again.
    pub retries: u32,
    /// Requests to one host in an hour, API and git together; `None` for no limit of ours.
    pub requests_per_hour: Option<u32>,
    /// Requests to one host at the same time, API and git together; `None` for as many as there are
    /// `ref_questions`, or jobs if those are more.
    pub connections_per_host: Option<usize>,
    /// How many repositories are asked for their refs at the same time, besides those that are
    /// transferred: 1 to 256.
    pub ref_questions: usize,
    /// Connections to one ssh host at the same time: 1 to 64.
    pub ssh_connections_per_host: usize,
    /// The longest wait before a retry, and the longest `Retry-After` that is obeyed, but for
    /// request limits.
    pub longest_wait: Duration,
    /// How long a source may wait for request limits in a run, in all.
    pub limit_wait: Duration,
    /// The largest answer of an API that is read, in bytes. It doesn't apply to git.
    pub max_body_bytes: u64,
}

impl Default for NetworkOptions {
    fn default() -> Self {
        Self {
            // An attempt to connect cannot be interrupted, and an interrupted run shall end soon.
            connect: Duration::from_secs(10),
            stall: Duration::from_secs(60),
            retries: 3,
            requests_per_hour: None,
            connections_per_host: None,
            ref_questions: 32,
            // sshd drops connections at random from 10 on that have not logged in yet.
            ssh_connections_per_host: 4,
            longest_wait: Duration::from_secs(120),
            limit_wait: Duration::from_secs(60 * 60),
            max_body_bytes: 32 * 1024 * 1024,
        }
    }
}

/// The `options.limits` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitOptions {
    /// The largest object that is held at once, in bytes.
    pub object_bytes: u64,
    /// The largest pack that is taken in, in bytes; `None` for no limit.
    pub pack_bytes: Option<u64>,
    /// The most objects of a pack that is taken in.
    pub objects_per_pack: u64,
}

impl Default for LimitOptions {
    fn default() -> Self {
        Self {
            object_bytes: OBJECT_BYTES,
            pack_bytes: None,
            objects_per_pack: OBJECTS_PER_PACK,
        }
    }
}

/// The `options.history` of the configuration: which snapshots `forget` keeps. By default, all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryOptions {
    /// The last of each of so many days that have any.
    pub keep_daily: u32,
    /// The last of each of so many weeks that have any.
    pub keep_weekly: u32,
    /// The last of each of so many months that have any.
    pub keep_monthly: u32,
    /// The last of each of so many years that have any.
    pub keep_yearly: u32,
    /// All that are no older than this, counted from the newest.
    pub keep_within: Option<Within>,
}

/// What a run does when upstream has lost so much that somebody should look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AlertAction {
    /// Nothing.
    Off,
    /// It says so.
    #[default]
    Warn,
    /// It says so, and does not end with exit code 0.
    Fail,
}

/// The `options.alert` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertOptions {
    /// What to do.
    pub action: AlertAction,
    /// Which part of a repository's branches has to be forced or deleted, in percent.
    pub branches_percent: u32,
    /// In which part of a source's repositories branches have to be forced or deleted, in percent.
    pub repositories_percent: u32,
}

impl Default for AlertOptions {
    fn default() -> Self {
        Self {
            action: AlertAction::Warn,
            branches_percent: 100,
            repositories_percent: 25,
        }
    }
}

/// The `options.status` of the configuration: what `status` expects, and what each run leaves about the backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusOptions {
    /// Whether each run writes a page about the backup into its folder.
    pub page: bool,
    /// How old the last good run of a source may be, where the source does not say.
    pub max_age: Within,
    /// The file for Prometheus, if any.
    pub metrics: Option<PathBuf>,
}

/// How the file with metrics has to be called: others read no file that is called otherwise.
pub const METRICS_ENDING: &str = ".prom";

impl Default for StatusOptions {
    fn default() -> Self {
        Self {
            page: true,
            // A run each night, which may take the day, and a time zone that changes.
            max_age: Within {
                hours: 36,
                ..Within::default()
            },
            metrics: None,
        }
    }
}

/// Reads and checks the file. `env` looks up an environment variable.
///
/// # Errors
/// Whatever [`ConfigErrorKind`] lists, but for [`find`]'s list of places.
pub fn load(path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
    let text = read(path)?;
    checked(&text, path, env, true)
}

/// Checks the text of a configuration; `path` gives the syntax by its ending, and the name for
/// messages. `env` looks up an environment variable.
///
/// # Errors
/// Anything about the content that [`ConfigErrorKind`] lists.
pub fn parse(
    text: &str,
    path: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, ConfigError> {
    checked(text, path, env, false)
}

/// `is_here` says whether the configuration is for this machine, so that its paths must be too.
fn checked(
    text: &str,
    path: &Path,
    env: &dyn Fn(&str) -> Option<String>,
    is_here: bool,
) -> Result<Config, ConfigError> {
    let document = ConfigDocument::parse(text, path)?;
    document.refuse_merge_keys(path)?;
    let reader = Reader::new(&document, path, env);
    let root = reader.root();
    let local_folder = schema::local_folder(&root, is_here)?;
    let (sources, is_pending) = schema::sources(&root)?;
    let options = options::options(&root)?;
    let plugins = plugins::plugins(&root)?;
    predecessor::warn_top_level(&root);
    schema::warn_unknown_top_level(&root);
    drop(root);
    let (targets, of_targets) = target::named(&document, path, env)?;
    let mut warnings = reader.into_warnings();
    warnings.extend(of_targets);
    let told = notify::check(&document, path, env)?;
    warnings.extend(told.warnings);
    reader::in_order(&mut warnings);
    Ok(Config {
        file: path.to_owned(),
        local_folder,
        sources,
        options,
        plugins,
        warnings,
        text: Secret::new(text),
        targets,
        own_keys: Vec::new(),
        literal_notify: told.is_literal,
        is_pending,
        has_settled: false,
    })
}
