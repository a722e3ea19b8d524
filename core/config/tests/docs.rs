//! The samples in the manual load, and its lists are complete.

use std::path::{Path, PathBuf};

use forgekeep_config as config;

fn manual(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    match std::fs::read_to_string(path.join(name)) {
        Ok(page) => page,
        Err(error) => panic!("{name}: {error}"),
    }
}

/// The fenced samples of a page in one language, without the indentation of their fence.
fn samples(page: &str, language: &str) -> Vec<String> {
    let mut samples = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let indent = line.len() - line.trim_start().len();
        if line.trim_start() == format!("```{language}") {
            let body = lines.by_ref().take_while(|line| line.trim() != "```");
            samples.push(
                body.map(|line| line.get(indent..).unwrap_or_default().to_owned() + "\n")
                    .collect(),
            );
        }
    }
    samples
}

#[test]
fn every_sample_in_the_manual_loads_without_a_warning() {
    let env = |_: &str| Some("value".to_owned());
    let mut count = 0;
    for page in [
        "configuration.md",
        "migrating-from-scm-backup.md",
        "notify.md",
    ] {
        for (language, file) in [("yaml", "settings.yml"), ("toml", "forgekeep.toml")] {
            for sample in samples(&manual(page), language) {
                count += 1;
                match config::parse(&sample, Path::new(file), &env) {
                    Ok(config) => assert!(config.warnings.is_empty(), "{page}:\n{sample}"),
                    Err(error) => panic!("{page}: {error}\n{sample}"),
                }
                assert!(config::masked_copy(&sample, Path::new(file)).is_ok());
            }
        }
    }
    assert_eq!(count, 12);
}

#[test]
fn both_samples_of_the_manual_say_the_same() {
    let env = |name: &str| Some(name.to_owned());
    let page = manual("configuration.md");
    let shown = |sample: &str, file: &str| {
        let config = match config::parse(sample, Path::new(file), &env) {
            Ok(config) => config,
            Err(error) => panic!("{error}"),
        };
        format!(
            "{:?} {:?} {:?}",
            config.local_folder, config.sources, config.options
        )
    };
    assert_eq!(
        shown(&samples(&page, "yaml")[0], "a.yml"),
        shown(&samples(&page, "toml")[0], "a.toml")
    );
}

#[test]
fn the_manual_names_every_key() {
    let settings = include_str!("fixtures/settings.yml");
    let migrating = manual("migrating-from-scm-backup.md");
    let configuration = manual("configuration.md");
    // The keys of SCM Backup but for those inside `scms` and `email`.
    let keys = settings
        .lines()
        .filter_map(|line| line.trim().trim_start_matches("- ").split_once(':'))
        .map(|(key, _)| key.trim())
        .filter(|key| !key.contains(' '))
        .filter(|key| !["path", "from", "to", "server", "port", "useSsl", "userName"].contains(key))
        .filter(|key| !["options", "backup"].contains(key));
    for key in keys {
        assert!(
            migrating.contains(&format!("`{key}`")) || migrating.contains(&format!(".{key}`")),
            "{key}"
        );
        assert!(configuration.contains(&format!("`{key}`")), "{key}");
    }
}
