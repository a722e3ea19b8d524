//! Pictures of the page, for people and for docs/: of a backup that has run for months.

use std::fs;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{aged, chromium, level, open, page_of};
use crate::support::World;

/// Days with reports: fewer than are kept.
const DAYS: i64 = 95;

/// A world of some repositories, with a report of each day before today.
fn months_of_backups() -> World {
    let world = World::new();
    for name in ["web", "api", "docs", "infrastructure", "mobile-app"] {
        world.forge.repository(name).commit("one");
    }
    let expires = Timestamp::now() + SignedDuration::from_hours(24 * 120);
    let expires = expires.strftime("%Y-%m-%d").to_string();
    world.configure(&[world.source_with("expires", expires)]);
    world.backup().expect(0);
    let state = world.sandbox.backup().join(".forgekeep");
    let runs = state.join("runs");
    let newest = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().path();
    let report = fs::read_dir(&runs).unwrap().map(newest).max().unwrap();
    let report: Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    // What is not counted yet is counted from the reports.
    fs::remove_dir_all(state.join("days")).unwrap();
    fs::remove_dir_all(&runs).unwrap();
    fs::create_dir(&runs).unwrap();
    for ago in 1..DAYS {
        let started = Timestamp::now() - SignedDuration::from_hours(24 * ago);
        let took = 40 + (ago * 37) % 23;
        let mut report = report.clone();
        // Whatever has no number is older than what has one.
        report.as_object_mut().unwrap().remove("run");
        report["started"] = started.to_string().into();
        report["finished"] = (started + SignedDuration::from_secs(took))
            .to_string()
            .into();
        let source = &mut report["sources"][0];
        let listed = if ago > 60 { 4 } else { 5 };
        source["listed"] = listed.into();
        for repository in source["repositories"].as_array_mut().unwrap() {
            repository["outcome"] = "updated".into();
            repository["bytesReceived"] = (200_000 + (ago * 7919) % 90_000).into();
            repository["seconds"] = (took / 5).into();
        }
        if ago == 40 {
            let error = json!({"kind": "network", "message": "connection refused", "hint": ""});
            source["outcome"] = "failed".into();
            source["error"] = error;
            source["repositories"] = json!([]);
            report["outcome"] = "failed".into();
            report["exitCode"] = 1.into();
        }
        let name = started.strftime("%Y-%m-%dT%H-%M-%S%.3fZ.json").to_string();
        fs::write(runs.join(name), report.to_string()).unwrap();
    }
    for command in ["backup", "verify", "drill"] {
        world.forgekeep(&[command]).run().expect(0);
    }
    world.backup().expect(0);
    world
}

#[test]
fn a_browser_makes_pictures_of_it() {
    let Some(chromium) = chromium() else {
        println!("skipped: there is no chromium on the PATH");
        return;
    };
    let world = months_of_backups();
    let sandbox = &world.sandbox;
    let page = fs::read_to_string(page_of(&world)).unwrap();
    assert_eq!(level(&page), "good", "{page}");
    assert!(page.contains("89 good, 0 partial, 1 failed"), "{page}");
    // As a reader would have it, and the same from one making to the next as far as can be.
    let folder = sandbox.backup();
    let folder = folder.to_str().unwrap().replace('/', "&#x2f;");
    assert!(page.contains(&folder), "{page}");
    let page = page.replace(&folder, "&#x2f;srv&#x2f;backup");
    let fresh = sandbox.write("fresh.html", &page);
    let old = sandbox.write("old.html", aged(&page));
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("status-page");
    fs::create_dir_all(&made).unwrap();
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/images");
    let dark = "--blink-settings=preferredColorScheme=0";
    for (name, page, arguments) in [
        ("status-light.png", &fresh, &["--window-size=1280,1000"][..]),
        (
            "status-dark.png",
            &fresh,
            &["--window-size=1280,1000", dark],
        ),
        ("status-narrow.png", &fresh, &["--window-size=500,1600"]),
        ("status-out-of-date.png", &old, &["--window-size=1280,400"]),
        ("status-print.pdf", &fresh, &["--no-pdf-header-footer"]),
    ] {
        let file = made.join(name);
        let _ = fs::remove_file(&file);
        let what = match name.ends_with(".pdf") {
            true => "print-to-pdf",
            false => "screenshot",
        };
        let take = format!("--{what}={}", file.to_str().unwrap());
        let mut all = arguments.to_vec();
        all.push(&take);
        open(sandbox, &chromium, page, &all);
        let size = fs::metadata(&file).map_or(0, |found| found.len());
        assert!(size > 5_000, "{name}: {size} bytes");
        println!("{}", file.to_str().unwrap());
        if std::env::var_os("FORGEKEEP_UPDATE_DOCS").is_some_and(|value| value == "1") {
            fs::create_dir_all(&docs).unwrap();
            fs::copy(&file, docs.join(name)).unwrap();
        }
        assert!(docs.join(name).is_file(), "docs/images/{name} is missing");
    }
    let read = |name: &str| fs::read(made.join(name)).unwrap();
    assert_ne!(read("status-light.png"), read("status-dark.png"));
}
