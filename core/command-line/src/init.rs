//! `forgekeep init`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Everything that is not given is asked for on a terminal.
#[derive(Debug, Args)]
pub struct InitArguments {
    /// Hoster: the id of a plugin
    #[arg(long, value_name = "ID")]
    pub hoster: Option<String>,
    /// Kind of the account, where the hoster tells kinds apart
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// Name of the user, organisation, group or workspace whose repositories are backed up
    #[arg(long)]
    pub name: Option<String>,
    /// Title of the source, which names its folder in the backup [default: the name, else the hoster]
    #[arg(long)]
    pub title: Option<String>,
    /// Address of the API, or of the server, where it is not the hoster's own
    #[arg(long, value_name = "URL")]
    pub api_url: Option<String>,
    /// User name for the API, where the hoster wants one with the token
    #[arg(long, value_name = "USER")]
    pub api_auth_name: Option<String>,
    /// User name for git, where the hoster wants one with the token
    #[arg(long, value_name = "USER")]
    pub auth_name: Option<String>,
    /// A key of the hoster's own, such as `urls`; may be repeated. A secret only as %NAME%, or in a file
    /// by the key KEYFile
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub settings: Vec<String>,
    /// Backup folder
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Read the token from this file; - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "no_token")]
    pub token_file: Option<PathBuf>,
    /// Use no token: public repositories only, or a key of the hoster's own in its place
    #[arg(long)]
    pub no_token: bool,
    /// Where the configuration takes the token from
    #[arg(long, value_enum, default_value_t = TokenStore::File)]
    pub store: TokenStore,
    /// Name of the token's file, credential or variable [default: made from the title]
    #[arg(long, value_name = "NAME")]
    pub token_name: Option<String>,
    /// Contact no hoster: check only the configuration and the folder
    #[arg(long)]
    pub offline: bool,
    /// Write the configuration also if the check fails; the exit code is the check's all the same
    #[arg(long)]
    pub force: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Where the configuration takes the token from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TokenStore {
    /// A file beside the configuration, with mode 0600
    File,
    /// A credential of a systemd service; the token is stored nowhere
    Credential,
    /// An environment variable; the token is stored nowhere
    Environment,
}
