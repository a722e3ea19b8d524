//! What a plugin gets of its own keys, and that their secrets are known to the run.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;

use forgekeep_config::{Config, OptionKind, OptionSpec, OptionValue, PluginKeys};
use forgekeep_engine::run::{Engine, Selection};
use forgekeep_failure::Failure;
use forgekeep_hoster::{Hoster, HosterInfo, Registry, Services, Session, SourceSpec, SourceState};
use parking_lot::Mutex;

/// Keeps what it is opened with, and goes no further.
#[derive(Default)]
struct Fake {
    info: HosterInfo,
    seen: Arc<Mutex<Vec<SourceSpec>>>,
}

impl Hoster for Fake {
    fn info(&self) -> &HosterInfo {
        &self.info
    }

    fn open(
        &self,
        source: SourceSpec,
        _: Services,
        _: Arc<dyn SourceState>,
    ) -> Result<Box<dyn Session>, Failure> {
        self.seen.lock().push(source);
        Err(Failure::new(forgekeep_failure::ErrorKind::Other, "seen"))
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

fn keys() -> PluginKeys {
    PluginKeys {
        types: Vec::new(),
        attributes: Vec::new(),
        options: vec![
            option("clientSecret", OptionKind::Secret),
            option("depth", OptionKind::Number),
        ],
        nameless: false,
    }
}

fn config(settled: bool) -> Config {
    let text = "localFolder: x\nsources:\n- title: a\n  hoster: fake\n  name: n\n  password: \
        a-first-token\n  clientSecret: another-token\n  depth: 3\n";
    let mut config = forgekeep_config::parse(text, Path::new("settings.yml"), &|_| None).unwrap();
    if settled {
        config.settle(&|_| Some(keys()), &|_| None).unwrap();
    }
    config
}

/// What the list of the source fails with, and what the plugin has seen.
fn list(config: Config) -> (String, Vec<SourceSpec>, Engine) {
    let fake = Fake {
        info: HosterInfo {
            id: "fake".to_owned(),
            api_url: "https://fake.example".to_owned(),
            ..HosterInfo::default()
        },
        ..Fake::default()
    };
    let seen = Arc::clone(&fake.seen);
    let mut registry = Registry::default();
    assert!(registry.add(Arc::new(fake)).is_ok());
    let engine = Engine::new(config, registry, Some(1), Arc::new(()));
    let mut listed = engine.list(&Selection::default()).unwrap();
    let failed = listed.remove(0).repositories.unwrap_err();
    let seen = seen.lock().clone();
    (failed.to_string(), seen, engine)
}

#[test]
fn a_plugin_gets_its_own_keys_and_the_run_knows_their_secrets() {
    let (failed, seen, engine) = list(config(true));
    assert!(failed.contains("seen"), "{failed}");
    let secret = |key: &str| seen[0].secrets[key].expose().to_owned();
    assert_eq!(secret("password"), "a-first-token");
    assert_eq!(secret("clientSecret"), "another-token");
    assert_eq!(seen[0].options["depth"], OptionValue::Number(3));
    for secret in ["a-first-token", "another-token"] {
        assert!(engine.redactor().finds(secret));
    }
}

#[test]
fn no_source_is_opened_without_its_secrets() {
    let (failed, seen, _) = list(config(false));
    assert!(failed.contains("not been read"), "{failed}");
    assert!(seen.is_empty());
}
