//! The text of a configuration, in both syntaxes.

use std::path::Path;

use forgekeep_config::{OptionSpec, PluginKeys};
use forgekeep_untrusted::Untrusted;
use serde_json::{Value, json};

use crate::{Answers, TokenPlace};

/// How a configuration is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// `.yml`, `.yaml`
    Yaml,
    /// `.toml`
    Toml,
}

impl Syntax {
    /// That of a file, by its ending.
    pub fn of(file: &Path) -> Option<Self> {
        match file.extension()?.to_str()? {
            "yml" | "yaml" => Some(Self::Yaml),
            "toml" => Some(Self::Toml),
            _ => None,
        }
    }
}

/// Keys that most users want to know of, as samples, with what they do.
const MORE_OF_SOURCE: [(&str, &str, &str); 3] = [
    ("ignoreRepos", r#"["old-*"]"#, "repositories to leave out"),
    (
        "expires",
        r#""2027-06-30""#,
        "the day on which the token expires, to be warned before",
    ),
    ("includeForks", "false", "leave out forks"),
];

/// The configuration that these answers make. It holds no secret.
pub fn text(answers: &Answers, keys: &PluginKeys, syntax: Syntax) -> String {
    let mut lines = Lines {
        syntax,
        text: String::new(),
    };
    lines.comment("Configuration of Forgekeep, written by `forgekeep init`.");
    lines.comment("`forgekeep check` says whether it works.");
    lines.blank();
    lines.comment("Where the backup goes. The disk has to be mounted before a run.");
    let folder = Untrusted::of_path(&answers.folder);
    lines.pair("", "localFolder", &json!(folder.raw()));
    lines.blank();
    lines.comment("What is backed up: one entry for each user, organisation or group.");
    let about = one_line(&answers.about);
    if !about.is_empty() {
        lines.comment(&about);
    }
    let indent = lines.begin_source(&answers.title);
    lines.pair(indent, "hoster", &json!(answers.hoster));
    for (key, value) in [
        ("type", &answers.kind),
        ("name", &answers.name),
        ("apiUrl", &answers.api_url),
        ("apiAuthName", &answers.api_auth_name),
        ("authName", &answers.auth_name),
    ] {
        if let Some(value) = value {
            lines.pair(indent, key, &json!(value));
        }
    }
    match &answers.token {
        TokenPlace::None => {}
        TokenPlace::File(name) => {
            lines.note(
                indent,
                "Looked for in $CREDENTIALS_DIRECTORY of systemd, then beside this file.",
            );
            lines.pair(indent, "passwordFile", &json!(name));
        }
        TokenPlace::Variable(name) => {
            lines.note(indent, "Taken from the environment.");
            lines.pair(indent, "password", &json!(format!("%{name}%")));
        }
    }
    for setting in &answers.settings {
        lines.pair(indent, &setting.key, &setting.value);
    }
    lines.note(indent, "More keys, all optional:");
    let is_set = |option: &&OptionSpec| answers.settings.iter().all(|s| s.key != option.name);
    for option in keys.options.iter().filter(is_set) {
        let about = one_line(&option.description);
        lines.note(indent, &format!("{}: {about}", option.name));
    }
    for (key, value, about) in MORE_OF_SOURCE {
        lines.sample(indent, key, value, about);
    }
    lines.blank();
    lines.comment("Retention, network, alerts and being told of a run: `options` and `notify`");
    lines.comment("in docs/configuration.md.");
    lines.text
}

/// A text of a plugin's that cannot end a comment.
fn one_line(text: &str) -> String {
    let clean = Untrusted::new(text).printable().to_string();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

struct Lines {
    syntax: Syntax,
    text: String,
}

impl Lines {
    fn line(&mut self, indent: &str, line: &str) {
        self.text.push_str(indent);
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn blank(&mut self) {
        self.line("", "");
    }

    fn comment(&mut self, text: &str) {
        self.note("", text);
    }

    fn note(&mut self, indent: &str, text: &str) {
        self.line(indent, &format!("# {text}"));
    }

    /// The first entry of `sources`. Returns the indent of its keys.
    fn begin_source(&mut self, title: &str) -> &'static str {
        let title = value_text(&json!(title));
        match self.syntax {
            Syntax::Yaml => {
                self.line("", "sources:");
                self.line("  - ", &format!("title: {title}"));
                "    "
            }
            Syntax::Toml => {
                self.line("", "[[sources]]");
                self.line("", &format!("title = {title}"));
                ""
            }
        }
    }

    fn pair(&mut self, indent: &str, key: &str, value: &Value) {
        let value = value_text(value);
        self.line(indent, &self.joined(key, &value));
    }

    fn sample(&mut self, indent: &str, key: &str, value: &str, about: &str) {
        let pair = self.joined(key, value);
        self.line(indent, &format!("# {pair}    # {about}"));
    }

    fn joined(&self, key: &str, value: &str) -> String {
        match self.syntax {
            Syntax::Yaml => format!("{key}: {value}"),
            Syntax::Toml => format!("{key} = {value}"),
        }
    }
}

/// A value in JSON, which both syntaxes take; but for one character that TOML wants escaped.
fn value_text(value: &Value) -> String {
    value.to_string().replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::Setting;

    fn answers(title: &str, token: TokenPlace) -> Answers {
        Answers {
            folder: PathBuf::from("/srv/it's \"here\""),
            title: title.to_owned(),
            hoster: "forge".to_owned(),
            about: "A forge\nsources: []\u{7}".to_owned(),
            kind: Some("org".to_owned()),
            name: Some("acme".to_owned()),
            api_url: None,
            api_auth_name: Some("dev@example.com".to_owned()),
            auth_name: None,
            settings: vec![Setting {
                key: "gists".to_owned(),
                value: json!(true),
            }],
            token,
        }
    }

    #[test]
    fn what_is_written_is_read_as_it_was_meant_in_both_syntaxes() {
        let hostile = [
            "acme",
            "a: b # c",
            "it's",
            "\"quoted\"",
            "\u{fc}\u{7f}",
            "- [x]",
        ];
        for (syntax, file) in [(Syntax::Yaml, "c.yml"), (Syntax::Toml, "c.toml")] {
            assert_eq!(Syntax::of(Path::new(file)), Some(syntax));
            for title in hostile {
                let answers = answers(title, TokenPlace::File("acme.token".to_owned()));
                let text = text(&answers, &PluginKeys::default(), syntax);
                let config = forgekeep_config::parse(&text, Path::new(file), &|_| None);
                let config = match config {
                    Ok(config) => config,
                    // Such a title is refused by whoever reads it, and is never another.
                    Err(_) if title.contains('\u{7f}') => continue,
                    Err(error) => panic!("{title}: {}\n{text}", error.message()),
                };
                assert_eq!(config.sources.len(), 1, "{text}");
                assert_eq!(config.sources[0].title, title, "{text}");
                assert_eq!(config.sources[0].hoster, "forge");
                assert_eq!(config.local_folder, answers.folder, "{text}");
                assert!(!config.has_literal_secret());
            }
        }
        assert_eq!(Syntax::of(Path::new("settings")), None);
        assert_eq!(Syntax::of(Path::new("settings.json")), None);
    }

    #[test]
    fn a_variable_is_named_and_never_its_value() {
        let answers = answers("acme", TokenPlace::Variable("ACME_TOKEN".to_owned()));
        let text = text(&answers, &PluginKeys::default(), Syntax::Yaml);
        assert!(text.contains("    password: \"%ACME_TOKEN%\"\n"), "{text}");
        let config = forgekeep_config::parse(&text, Path::new("c.yml"), &|name| {
            (name == "ACME_TOKEN").then(|| "t0ken-t0ken".to_owned())
        });
        assert!(config.is_ok());
    }
}
