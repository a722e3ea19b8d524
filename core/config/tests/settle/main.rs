//! What is read when the plugins are known: their own keys, and secrets from files and commands.
// A failed step ends the test, and the panic says which one it was.
#![allow(clippy::unwrap_used)]

mod options;
mod secrets;
mod ssh;
mod together;

use std::path::PathBuf;

use forgekeep_config::{self as config, Config, ConfigError, OptionKind, OptionSpec, PluginKeys};

fn env(name: &str) -> Option<String> {
    match name {
        "SECRET" => Some("hunter2-from-env".to_owned()),
        "WORD" => Some("deep".to_owned()),
        "PEM" => Some("-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\n-----END".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

fn option(name: &str, kind: OptionKind) -> OptionSpec {
    OptionSpec {
        name: name.to_owned(),
        kind,
        description: String::new(),
        required: false,
        default: None,
        choices: Vec::new(),
        secret: false,
        trusted_origin: false,
    }
}

/// The keys of a plugin with one option of each kind.
fn keys() -> PluginKeys {
    use OptionKind::{Choice, File, Flag, List, Number, Secret, Text};
    PluginKeys {
        types: vec!["user".to_owned(), "org".to_owned()],
        attributes: Vec::new(),
        options: vec![
            option("clientId", Text),
            OptionSpec {
                trusted_origin: true,
                ..option("oauthUrl", Text)
            },
            option("depth", Number),
            option("includeGists", Flag),
            option("urls", List),
            option("clientSecret", Secret),
            OptionSpec {
                choices: vec!["deep".to_owned(), "shallow".to_owned()],
                ..option("mode", Choice)
            },
            option("caFile", File),
            OptionSpec {
                secret: true,
                ..option("privateKeyFile", File)
            },
        ],
        nameless: false,
    }
}

/// A folder with a configuration of one source with these lines.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(&path, mode).unwrap();
        }
        path
    }

    fn text(lines: &str) -> String {
        let lines = lines.replace('\n', "\n    ");
        format!(
            "localFolder: x\nsources:\n  - title: one\n    hoster: h\n    name: n\n    {lines}\n"
        )
    }

    fn settle_with(&self, lines: &str, keys: Option<PluginKeys>) -> Result<Config, ConfigError> {
        self.settle_text(&Self::text(lines), keys)
    }

    fn settle_text(&self, text: &str, keys: Option<PluginKeys>) -> Result<Config, ConfigError> {
        let path = self.0.path().join("a.yml");
        let mut config = config::parse(text, &path, &env)?;
        let told = config.settle(&|hoster| (hoster == "h").then(|| keys.clone())?, &env)?;
        assert!(told.iter().all(|warning| config.warnings.contains(warning)));
        assert!(config.is_settled());
        Ok(config)
    }

    fn settle(&self, lines: &str) -> Result<Config, ConfigError> {
        self.settle_with(lines, Some(keys()))
    }

    #[track_caller]
    fn good(&self, lines: &str) -> Config {
        match self.settle(lines) {
            Ok(config) => config,
            Err(error) => panic!("{error}\n{lines}"),
        }
    }

    /// What is said of a refused configuration, without the folder.
    #[track_caller]
    fn refused(&self, lines: &str) -> ConfigError {
        let error = match self.settle(lines) {
            Ok(_) => panic!("settled:\n{lines}"),
            Err(error) => error,
        };
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        error
    }

    fn words(&self, error: &ConfigError) -> String {
        let folder = format!("{}/", self.0.path().to_str().unwrap());
        error.to_string().replace(&folder, "")
    }
}

fn warnings(config: &Config) -> Vec<String> {
    config
        .warnings
        .iter()
        .map(|w| w.message.to_string())
        .collect()
}
