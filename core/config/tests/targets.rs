//! `targets`: checked when the configuration is read, and read whole by who writes to one.

use std::path::Path;

use forgekeep_config as config;
use forgekeep_config::{Config, ConfigError, ConfigErrorKind, PluginKeys, Target};

const SOURCES: &str = "localFolder: /b\nsources:\n- {title: a, hoster: forge, name: acme}\n";

fn unset(_: &str) -> Option<String> {
    None
}

fn parse(targets: &str) -> Result<Config, ConfigError> {
    let text = format!("{SOURCES}targets:\n{targets}");
    config::parse(&text, Path::new("settings.yml"), &unset)
}

fn target(config: &Config, title: &str) -> Result<Option<Target>, ConfigError> {
    let keys = |_: &str| Some(PluginKeys::default());
    let env = |name: &str| (name == "TOKEN").then(|| "s3cret-token".to_owned());
    let found = config.target(title, &keys, &env)?;
    Ok(found.map(|(target, _)| target))
}

#[test]
fn its_secrets_are_read_when_somebody_writes_to_it() {
    let config = parse(
        "- title: home\n  hoster: forge\n  name: acme\n  password: '%TOKEN%'\n  project: SITE\n  rename: {acme/web: web2}\n- {title: other, hoster: forge, name: x, password: '%OTHER%'}\n",
    );
    let config = config.unwrap();
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    assert_eq!(config.targets().collect::<Vec<_>>(), ["home", "other"]);
    assert_eq!(config.target_hoster("home"), Some("forge"));
    assert_eq!(config.target_hoster("a"), None);
    let found = target(&config, "home").unwrap().unwrap();
    let password = found.source.password.as_ref().unwrap();
    assert_eq!(password.expose(), "s3cret-token");
    assert_eq!(found.project, "SITE");
    assert_eq!(found.rename["acme/web"], "web2");
    assert!(target(&config, "a").unwrap().is_none());
    let error = target(&config, "other").unwrap_err();
    assert_eq!(error.kind(), ConfigErrorKind::UnsetVariable);
    let alone = config.of_target(&found);
    assert!(alone.is_settled());
    assert_eq!(alone.sources.len(), 1);
}

#[test]
fn what_cannot_be_meant_is_refused_at_once() {
    for (targets, key) in [
        ("- {title: x, hoster: forge}\n", "targets[0].name"),
        ("- {hoster: forge, name: x}\n", "targets[0].title"),
        (
            "- {title: x, hoster: forge, name: x, project: ''}\n",
            "targets[0].project",
        ),
        (
            "- {title: x, hoster: forge, name: x, rename: [a]}\n",
            "targets[0].rename",
        ),
        (
            "- {title: x, hoster: forge, name: x}\n- {title: X, hoster: forge, name: y}\n",
            "targets[1].title",
        ),
    ] {
        let error = parse(targets).unwrap_err();
        assert!(error.message().contains(key), "{}", error.message());
    }
}

#[test]
fn keys_that_say_what_is_backed_up_are_ignored_with_a_warning() {
    let config = parse(
        "- {title: x, hoster: forge, name: x, includeRepos: [a], projekt: y, password: secret-of-it}\n",
    );
    let config = config.unwrap();
    let keys = |_: &str| Some(PluginKeys::default());
    let (_, warnings) = config.target("x", &keys, &unset).unwrap().unwrap();
    let said: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert!(
        said.iter().any(|one| one.contains("includeRepos")),
        "{said:?}"
    );
    assert!(
        said.iter()
            .any(|one| one.contains("did you mean `project`")),
        "{said:?}"
    );
}

#[test]
fn no_secret_of_it_is_in_the_copy() {
    let config = parse(
        "- {title: home, hoster: forge, name: acme, password: s3cret-one, clientSecret: s3cret-two, pin: s3cret-three, rename: {web: web2}}\n",
    );
    let copy = config.unwrap().masked_copy().unwrap();
    assert!(!copy.contains("s3cret"), "{copy}");
    assert!(copy.contains("web2") && copy.contains("home"), "{copy}");
}
