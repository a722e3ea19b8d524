//! Reports of another time: what a test cannot wait for.

use std::fs;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::support::World;

/// Where the reports are.
pub fn runs(world: &World) -> PathBuf {
    world.sandbox.backup().join(".forgekeep/runs")
}

/// Rewrites each report that is kept. Without number and checksum, as version 0.1 wrote them: nothing else
/// of it is checked.
pub fn change_reports(world: &World, change: impl Fn(&mut Value)) {
    // It knows what they looked like.
    fs::remove_file(world.sandbox.backup().join(".forgekeep/runs.json")).ok();
    for entry in fs::read_dir(runs(world)).unwrap() {
        let path = entry.unwrap().path();
        let Ok(mut report) = serde_json::from_slice::<Value>(&fs::read(&path).unwrap()) else {
            continue;
        };
        let Some(fields) = report.as_object_mut().filter(|f| f.contains_key("sources")) else {
            continue;
        };
        fields.remove("run");
        fields.remove("checksum");
        change(&mut report);
        fs::write(&path, report.to_string()).unwrap();
    }
}

/// Makes all that the reports tell of so many hours older.
pub fn age(world: &World, hours: i64) {
    change_reports(world, |report| {
        for key in ["started", "finished"] {
            let time: Timestamp = report[key].as_str().unwrap().parse().unwrap();
            let earlier = time.checked_sub(SignedDuration::from_hours(hours));
            report[key] = earlier.unwrap().to_string().into();
        }
    });
}
