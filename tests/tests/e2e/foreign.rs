//! Mirrors that other programs have made or changed: formats are recognised, converted with
//! everything kept, or refused; never an empty success.

mod borrowing;
mod planted;
mod reftable;
mod steering;

use std::fs;
use std::path::{Path, PathBuf};

use forgekeep_tests::{Repo, Run, git};
use serde_json::Value;

use crate::support::World;

/// A mirror that git has made where SCM Backup would have put it.
fn adopted(world: &World, slug: &str, repository: Repo<'_>, options: &[&str]) -> PathBuf {
    let mirror = world.mirror(slug);
    fs::create_dir_all(mirror.parent().unwrap()).unwrap();
    let source = format!("file://{}", repository.git_dir().display());
    let target = mirror.to_str().unwrap();
    let mut arguments = vec!["clone", "-q", "--mirror"];
    arguments.extend(options);
    arguments.extend([source.as_str(), target]);
    git::run(Path::new("."), &arguments);
    mirror
}

/// The warnings of a repository in the report, one in each line.
fn warnings(run: &Run, name: &str) -> String {
    let all = run.repository(name)["warnings"].as_array().cloned();
    let texts = all.into_iter().flatten().map(|warning| {
        assert_eq!(warning["severity"], "warning");
        warning["message"].as_str().unwrap().to_owned()
    });
    texts.collect::<Vec<_>>().join("\n")
}

/// The refs of a restored state.
fn restored(world: &World, slug: &str, to: &str) -> PathBuf {
    let to = world.sandbox.path(to);
    let arguments = ["restore", slug, "--bare", "--to", to.to_str().unwrap()];
    world.forgekeep(&arguments).run().expect(0);
    to
}

fn verified(world: &World, code: i32) -> Value {
    let run = world.forgekeep(&["verify", "--json"]).run().expect(code);
    serde_json::from_str(&run.stdout).unwrap()
}
