//! Objects that are larger than memory, or than the limit on what is held in memory.

#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;

use forgekeep_tests::{compare, git};
use serde_json::{Value, json};

use crate::support::{World, error};
use crate::verify::damage::{flip, only, verify};

/// Room for addresses, in kilobytes, that is less than what is needed for `LARGE` bytes.
const ROOM: &str = "-v 330000";
const LARGE: usize = 256 << 20;

/// The limit that is configured.
const LIMIT: u64 = 1 << 20;

/// Makes these files the only commit of upstream's `web`.
pub fn publish(world: &World, contents: &[(&str, &[u8])]) -> Vec<String> {
    let folder = world.forge.repository("web").git_dir();
    let blobs: Vec<String> = contents
        .iter()
        .map(|(_, content)| {
            git::run_with_input(&folder, &["hash-object", "-w", "--stdin"], content)
        })
        .collect();
    let lines = contents.iter().zip(&blobs);
    let tree: String = lines
        .map(|((name, _), blob)| format!("100644 blob {blob}\t{name}\n"))
        .collect();
    let tree = git::run_with_input(&folder, &["mktree"], tree.as_bytes());
    let commit = git::run(&folder, &["commit-tree", "-m", "large", &tree]);
    git::run(&folder, &["update-ref", "refs/heads/main", &commit]);
    blobs
}

/// What does not compress.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(|_| next()).collect()
}

/// A backup of two blobs one of which is a delta, with a limit below their size. Returns the blob
/// that is a delta, and its name.
fn with_delta() -> (World, String, &'static str) {
    let world = World::new();
    world.configure_with(
        &[world.source()],
        &json!({"limits": {"objectBytes": LIMIT}, "network": {"retries": 0}}),
    );
    let one = noise(3 << 20);
    let mut two = one.clone();
    two.extend(b"and more");
    let blobs = publish(&world, &[("one", &one), ("two", &two)]);
    let folder = world.forge.repository("web").git_dir();
    git::run(&folder, &["repack", "-a", "-d", "-f", "-q"]);
    world.backup().expect(0);
    let index = only(&world.mirror("web").join("objects/pack"), ".idx");
    let listed = git::run(
        &world.mirror("web"),
        &["verify-pack", "-v", index.to_str().unwrap()],
    );
    let is_delta = |blob: &String| {
        let mut lines = listed.lines();
        let line = lines.find(|line| line.starts_with(blob.as_str())).unwrap();
        line.split_whitespace().count() == 7
    };
    let deltas: Vec<_> = blobs.iter().zip(["one", "two"]).collect();
    let mut deltas = deltas.into_iter().filter(|(blob, _)| is_delta(blob));
    let (blob, name) = deltas.next().unwrap();
    assert!(deltas.next().is_none(), "{listed}");
    let blob = blob.clone();
    (world, blob, name)
}

fn size_of(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len()
}

#[test]
fn a_blob_larger_than_memory_is_verified_and_restored() {
    let world = World::new();
    let blob = publish(&world, &[("large", &vec![0; LARGE])]).remove(0);
    // A ref that points to it needs no more.
    let folder = world.forge.repository("web").git_dir();
    git::run(&folder, &["update-ref", "refs/tags/blob", &blob]);
    world.backup().expect(0);
    let verified = world
        .forgekeep(&["verify", "--json", "--jobs", "1"])
        .limited(ROOM)
        .run()
        .expect(0);
    let document: Value = serde_json::from_str(&verified.stdout).unwrap();
    assert_eq!(document["outcome"], "ok", "{document:#}");
    assert_eq!(document["repositories"][0]["unchecked"], json!([]));
    let target = world.sandbox.path("restored");
    let to = target.to_str().unwrap();
    world
        .forgekeep(&["restore", "acme/web", "--to", to])
        .limited(ROOM)
        .run()
        .expect(0);
    assert_eq!(size_of(&target.join("large")), LARGE as u64);
    assert_eq!(git::run(&target, &["hash-object", "large"]), blob);
    assert_eq!(git::run(&target, &["status", "--porcelain"]), "");
    // Loose, as somebody's git may leave it; and it is checked indeed.
    let mirror = world.mirror("web");
    let pack = only(&mirror.join("objects/pack"), ".pack");
    let bytes = fs::read(&pack).unwrap();
    for ending in ["pack", "idx", "rev"] {
        fs::remove_file(pack.with_extension(ending)).ok();
    }
    git::run_with_input(&mirror, &["unpack-objects", "-q"], &bytes);
    let verified = world.forgekeep(&["verify", "--jobs", "1"]).limited(ROOM);
    verified.run().expect(0);
    let loose = mirror.join("objects").join(&blob[..2]).join(&blob[2..]);
    // In its checksum: of zeros, a distance that is another copies zeros all the same.
    flip(&loose, usize::try_from(size_of(&loose)).unwrap() - 1);
    let verified = world.forgekeep(&["verify", "--jobs", "1"]).limited(ROOM);
    let said = verified.run().expect(3).stdout;
    assert!(said.contains(&format!("object {blob}")), "{said}");
}

#[test]
fn a_delta_larger_than_memory_is_restored() {
    let world = World::new();
    // Bytes on a file of their own do not count here.
    let (size, room) = (128 << 20, "-d 180000");
    let one = vec![0; size];
    let mut two = one.clone();
    two.extend(b"and more");
    let blobs = publish(&world, &[("one", &one), ("two", &two)]);
    let folder = world.forge.repository("web").git_dir();
    git::run(&folder, &["repack", "-a", "-d", "-f", "-q"]);
    world.backup().expect(0);
    let index = only(&world.mirror("web").join("objects/pack"), ".idx");
    let verify = ["verify-pack", "-v", index.to_str().unwrap()];
    let listed = git::run(&world.mirror("web"), &verify);
    let is_delta = |line: &str| line.contains(" blob ") && line.split_whitespace().count() == 7;
    assert!(listed.lines().any(is_delta), "{listed}");
    let target = world.sandbox.path("restored");
    let to = target.to_str().unwrap();
    let restored = world.forgekeep(&["restore", "acme/web", "--to", to]);
    restored.limited(room).run().expect(0);
    for (name, blob) in ["one", "two"].iter().zip(&blobs) {
        assert_eq!(git::run(&target, &["hash-object", name]), *blob);
    }
}

#[test]
fn a_torn_blob_that_is_read_piece_by_piece_is_damage() {
    let (world, delta, _) = with_delta();
    let pack = only(&world.mirror("web").join("objects/pack"), ".pack");
    flip(&pack, usize::try_from(size_of(&pack)).unwrap() / 2);
    let document = verify(&world, 3);
    assert_eq!(document["outcome"], "damaged", "{document:#}");
    let damage = document["repositories"][0]["damage"].as_array().unwrap();
    let objects: Vec<_> = damage.iter().filter_map(|d| d["object"].as_str()).collect();
    assert!(!objects.is_empty(), "{document:#}");
    let run = world.backup().expect(0);
    assert!(run.stderr.contains("is repaired"), "{}", run.stderr);
    let document = verify(&world, 3);
    assert_eq!(document["outcome"], "failed", "{document:#}");
    let unchecked = &document["repositories"][0]["unchecked"];
    let said = unchecked[0]["message"].as_str().unwrap();
    assert!(said.contains(&delta), "{document:#}");
}

#[test]
fn a_delta_above_the_limit_is_not_checked_and_not_damaged() {
    let (world, delta, name) = with_delta();
    let document = verify(&world, 3);
    assert_eq!(document["outcome"], "failed", "{document:#}");
    let web = &document["repositories"][0];
    assert_eq!(web["outcome"], "unchecked", "{document:#}");
    assert_eq!(web["damage"], json!([]), "{document:#}");
    let unchecked = web["unchecked"].as_array().unwrap();
    assert_eq!(unchecked.len(), 1, "{document:#}");
    let said = unchecked[0]["message"].as_str().unwrap();
    assert!(said.contains(&delta), "{said}");
    assert!(said.contains("options.limits.objectBytes"), "{said}");
    let shown = world.forgekeep(&["verify"]).run().expect(3).stdout;
    assert!(shown.contains("acme/web: not checked: "), "{shown}");
    assert!(shown.contains("1 not checked in full"), "{shown}");
    assert!(!shown.contains("damaged\n"), "{shown}");
    // Nothing is remembered, repaired or told of.
    let backup = world.backup().expect(0);
    let text = format!("{}{}", backup.stdout, backup.stderr);
    assert!(!text.contains("damaged"), "{text}");
    assert!(!world.folder("web").join("damaged").exists());
    // Restored is all but that file.
    let target = world.sandbox.path("restored");
    let to = target.to_str().unwrap();
    let restored = world.forgekeep(&["restore", "acme/web", "--to", to]).run();
    let restored = restored.expect(3);
    let said = &restored.stderr;
    assert!(said.contains(name), "{said}");
    assert!(said.contains("options.limits.objectBytes"), "{said}");
    assert!(!target.join(name).exists());
    let other = if name == "one" { "two" } else { "one" };
    assert!(size_of(&target.join(other)) >= 3 << 20);
    let deleted = git::run(&target, &["status", "--porcelain"]);
    assert_eq!(deleted.trim(), format!("D {name}"));
    // Its content is in the repository, for whoever has more memory.
    git::run(&target, &["checkout", "--", name]);
    world.configure_with(&[world.source()], &json!({}));
    verify(&world, 0);
    let target = world.sandbox.path("whole");
    let to = target.to_str().unwrap();
    let restored = world.forgekeep(&["restore", "acme/web", "--to", to]).run();
    restored.expect(0);
}

#[test]
fn a_pack_above_its_limits_fails_its_repository_and_leaves_the_backup_as_it_was() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world.forge.repository("api").commit("one");
    world.backup().expect(0);
    let refs = compare::refs(&world.mirror("web"));
    publish(&world, &[("large", &noise(3 << 20))]);
    let limits = json!({"network": {"retries": 0}, "limits": {"packBytes": 1 << 20}});
    world.configure_with(&[world.source()], &limits);
    let run = world.backup().expect(3);
    let entry = run.repository("acme/web");
    assert_eq!(entry["error"]["kind"], "policy", "{entry:#}");
    let said = error(entry);
    assert!(
        said.contains("1048576 bytes") && said.contains("options.limits.packBytes"),
        "{said}"
    );
    assert_eq!(compare::refs(&world.mirror("web")), refs);
    assert!(
        !world
            .mirror("web")
            .join("objects/forgekeep-incoming")
            .exists()
    );
    assert_eq!(run.outcome("acme/api"), "unchanged");
    world.configure(&[world.source()]);
    world.backup().expect(0);
    world.assert_mirrored(web);
}
