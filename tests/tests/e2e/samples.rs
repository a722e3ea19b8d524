//! The configurations in the manual of a hoster are complete, and mean what is said there.

use std::fs;
use std::path::Path;

use forgekeep_tests::Sandbox;

/// The fenced samples of a page, in pairs: in YAML, and the same in TOML.
fn samples(page: &str) -> Vec<(String, String)> {
    let of = |language: &str| -> Vec<String> {
        let fence = format!("\n```{language}\n");
        page.split(&fence)
            .skip(1)
            .map(|part| part.split("```").next().unwrap().to_owned())
            .collect()
    };
    let (yaml, toml) = (of("yaml"), of("toml"));
    assert_eq!(yaml.len(), toml.len());
    yaml.into_iter().zip(toml).collect()
}

/// What `check --offline` says of a sample, without its file's name; or why it is no good.
fn checked(file: &str, text: &str) -> Result<String, String> {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.backup()).unwrap();
    let backup = sandbox.backup().to_str().unwrap().to_owned();
    // The sample's day will come.
    let text = text.replace("2027-11-20", "2099-11-20");
    sandbox.write(file, text.replace("/srv/backup", &backup));
    // With a name to go with it, it is a person's.
    let token = match text.contains("apiAuthName") {
        true => "ATATT3xFfGF0-T3st=4711",
        false => "ATCTT3xFfGN0-access=0815",
    };
    let run = sandbox
        .forgekeep(["check", "--offline", "--config", file])
        .env("BITBUCKET_TOKEN", token)
        .env("BITBUCKET_SECRET", "s3cret-of-a-consumer")
        .run();
    let said = format!("{}{}", run.stdout, run.stderr);
    // How much room there is changes from one moment to the next.
    let lines = said.lines().filter(|line| !line.contains(" inodes free"));
    let said = lines.collect::<Vec<_>>().join("\n");
    let said = said.replace(file, "[file]").replace(&backup, "[backup]");
    let has_secret = text.contains("%BITBUCKET_");
    let is_good = run.code == Some(0)
        && (!said.contains("warning") || (!has_secret && said.contains("no credentials")));
    match is_good {
        true => Ok(said),
        false => Err(format!("{file}: {:?}\n{text}\n{said}", run.code)),
    }
}

#[test]
fn the_samples_for_bitbucket_are_good_and_in_both_languages_the_same() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/bitbucket.md");
    let page = fs::read_to_string(page).unwrap();
    let samples = samples(&page);
    assert!(samples.len() >= 6);
    for (yaml, toml) in samples {
        let in_yaml = checked("forgekeep.yml", &yaml);
        let in_toml = checked("forgekeep.toml", &toml);
        assert_eq!(in_yaml.unwrap(), in_toml.unwrap());
    }
}
