//! Which plugins may be loaded, and where they run.

use std::path::Path;

use forgekeep_config::{
    self as config, Config, ConfigError, Confinement, Isolation, PluginOptions, PluginVerdict,
};

const HASH: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const OTHER: &str = "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn parse(lines: &str) -> Result<Config, ConfigError> {
    let text =
        format!("localFolder: x\nsources:\n  - title: a\n    hoster: b\n    name: c\n{lines}\n");
    config::parse(&text, Path::new("a.yml"), &|_| None)
}

#[track_caller]
fn plugins(lines: &str) -> PluginOptions {
    match parse(lines) {
        Ok(config) => {
            assert!(config.warnings.is_empty(), "{lines}");
            config.plugins
        }
        Err(error) => panic!("{error}"),
    }
}

#[track_caller]
fn words(lines: &str) -> String {
    match parse(lines) {
        Ok(_) => panic!("loaded: {lines}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn absent_allows_all_and_empty_none() {
    for lines in [
        "",
        "plugins:",
        "plugins: {}",
        "plugins: {confinement: auto}",
    ] {
        let plugins = plugins(lines);
        assert_eq!(plugins, PluginOptions::default());
        assert_eq!(plugins.allows("any", HASH), PluginVerdict::Allowed);
    }
    let none = plugins("plugins: {allow: []}");
    assert_eq!(none.allows("bitbucket", HASH), PluginVerdict::NotNamed);
    insta::assert_snapshot!(words("plugins:\n  allow:"), @r"
    a.yml, line 7, column 3: `plugins.allow` has no value: it could mean all plugins, or none
      hint: write `[]` for none, or remove the key for all
    ");
}

#[test]
fn a_plugin_is_allowed_by_name_or_by_name_and_file() {
    let upper = HASH.to_uppercase();
    let plugins = plugins(&format!(
        "plugins: {{allow: [Bitbucket, 'gitea@sha256:{upper}', 'azure-devops@sha256:{HASH}', \
         azure-devops]}}"
    ));
    use PluginVerdict::{Allowed, NotNamed, OtherFile};
    for (id, hash, verdict) in [
        ("bitbucket", HASH, Allowed),
        ("bitbucket", OTHER, Allowed),
        ("gitea", HASH, Allowed),
        ("gitea", upper.as_str(), Allowed),
        ("gitea", OTHER, OtherFile),
        ("gitea", "", OtherFile),
        ("azure-devops", OTHER, Allowed),
        ("github", HASH, NotNamed),
        ("bit", HASH, NotNamed),
        ("", HASH, NotNamed),
    ] {
        assert_eq!(plugins.allows(id, hash), verdict, "{id} {hash}");
    }
}

#[test]
fn confinement_is_one_of_three_words() {
    for (word, confinement) in [
        ("auto", Confinement::Auto),
        ("''", Confinement::Auto),
        ("require", Confinement::Require),
        ("Require", Confinement::Require),
        ("off", Confinement::Off),
        ("'off'", Confinement::Off),
    ] {
        let read = plugins(&format!("plugins: {{confinement: {word}}}"));
        assert_eq!(read.confinement, confinement, "{word}");
    }
}

#[test]
fn the_words() {
    insta::assert_snapshot!(words("plugins: {confinement: none}"), @r"
    a.yml, line 6, column 11: `plugins.confinement` has a value that cannot be used: `none` is neither `auto`, `require` nor `off`
      hint: write `auto`, `require` or `off`, or leave the key out
    ");
    insta::assert_snapshot!(words("plugins: {allow: bitbucket}"), @r"
    a.yml, line 6, column 11: `plugins.allow` has the wrong type: expected a list, found text
      hint: write each item on a line of its own, after `- `
    ");
    insta::assert_snapshot!(words("plugins: {allow: ['../x']}"), @r"
    a.yml, line 6, column 19: `plugins.allow[0]` has a value that cannot be used: the id of a plugin has only letters a to z, digits and `-`
      hint: write the id of a plugin as `forgekeep plugins list` shows it, or its id and the SHA-256 of its file: `id@sha256:…`
    ");
    insta::assert_snapshot!(words("plugins: {allow: ['gitea@sha256:12']}"), @r"
    a.yml, line 6, column 19: `plugins.allow[0]` has a value that cannot be used: what follows the `@` is not a SHA-256
      hint: write `gitea@sha256:` and the 64 digits that `sha256sum` prints
    ");
    for entry in ["gitea@", "gitea@md5:1", "@sha256:1", "''", "a b", "~"] {
        assert!(
            parse(&format!("plugins: {{allow: [{entry}]}}")).is_err(),
            "{entry}"
        );
    }
    let config = parse("plugins: {allows: []}").map(|config| config.warnings);
    let told: Vec<String> = config.iter().flatten().map(ToString::to_string).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    a.yml, line 6, column 11: `plugins.allows` is not a known key and is ignored; did you mean `allow`?
    ");
}

#[test]
fn where_a_plugin_runs() {
    let of = |lines: &str| {
        let sources = parse(lines).map(|config| config.sources);
        sources.map(|mut sources| sources.remove(0))
    };
    for (word, isolation) in [
        ("process", Isolation::Process),
        ("''", Isolation::Process),
        ("inProcess", Isolation::InProcess),
    ] {
        let read = of(&format!("    isolation: {word}"));
        assert_eq!(read.map(|source| source.isolation).ok(), Some(isolation));
    }
    let read = of("    pluginEnvironment: [SSL_CERT_FILE, HTTP_PROXY]");
    let names = read.map(|source| source.plugin_environment).ok();
    assert_eq!(
        names,
        Some(vec!["SSL_CERT_FILE".to_owned(), "HTTP_PROXY".to_owned()])
    );
    assert!(of("    pluginEnvironment: ['A=b']").is_err());
    insta::assert_snapshot!(words("    isolation: none"), @r"
    a.yml, line 6, column 5: `sources[0].isolation` has a value that cannot be used: `none` is neither `process` nor `inProcess`
      hint: remove the key: `inProcess` is for debugging a plugin
    ");
}

#[test]
fn questions_for_refs() {
    let read = |lines: &str| parse(lines).map(|config| config.options.network.ref_questions);
    assert_eq!(read("").ok(), Some(32));
    assert_eq!(
        read("options: {network: {refQuestions: 256}}").ok(),
        Some(256)
    );
    assert!(read("options: {network: {refQuestions: 0}}").is_err());
    assert!(read("options: {network: {refQuestions: 257}}").is_err());
}
