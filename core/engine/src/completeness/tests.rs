use std::fs;

use super::*;
use crate::owners::OwnerListed;

const ACME: Key<'_> = Key {
    title: "acme",
    hoster: "bitbucket",
    name: "acme",
};

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(OWN_FOLDER)).unwrap();
    folder
}

fn run(folder: &Path, key: Key<'_>, listed: u64, total: Option<u64>, accept: bool) -> Verdict {
    let mut listings = Listings::read(folder, accept);
    let verdict = listings.judge(
        key,
        Counted {
            listed,
            total,
            known: 0,
            lost: 0,
        },
        &OwnersListed::new(),
    );
    listings.write().unwrap();
    verdict
}

/// Whether it falls short, after `last` were listed.
fn falls_short(last: u64, listed: u64, total: Option<u64>) -> bool {
    let folder = folder();
    assert_eq!(
        run(folder.path(), ACME, last, None, false),
        Verdict::default()
    );
    let verdict = run(folder.path(), ACME, listed, total, false);
    assert!(
        verdict
            .errors
            .iter()
            .all(|e| e.kind == ErrorKind::Shortfall)
    );
    !verdict.errors.is_empty()
}

#[test]
fn nothing_or_less_than_half_of_last_time_falls_short() {
    for (last, listed, wanted) in [
        (0, 0, false),
        (1, 0, true),
        (3, 1, false),
        (4, 2, false),
        (4, 1, true),
        (9, 4, true),
        (10, 5, false),
        (10, 4, true),
        (10, 20, false),
    ] {
        assert_eq!(
            falls_short(last, listed, None),
            wanted,
            "{last} -> {listed}"
        );
    }
}

#[test]
fn less_than_the_hoster_counts_falls_short_also_the_first_time() {
    assert!(falls_short(10, 9, Some(10)));
    assert!(!falls_short(10, 10, Some(10)));
    // More than it counts: its number is older than its listing.
    assert!(!falls_short(10, 11, Some(10)));
    let folder = folder();
    let verdict = run(folder.path(), ACME, 0, Some(3), false);
    assert_eq!(
        verdict.errors[0].message,
        "0 repositories are listed, but the hoster counts 3"
    );
    assert!(verdict.errors[0].hint.contains("--accept-shrinkage"));
}

#[test]
fn a_shortfall_does_not_lower_the_number_and_acceptance_does() {
    let folder = folder();
    run(folder.path(), ACME, 10, None, false);
    for _ in 0..2 {
        let verdict = run(folder.path(), ACME, 1, None, false);
        let message = &verdict.errors[0].message;
        let begin = "1 repository is listed, but 10 last time (2";
        assert!(message.starts_with(begin), "{message}");
    }
    let verdict = run(folder.path(), ACME, 1, None, true);
    assert!(verdict.errors.is_empty());
    assert!(verdict.notes[0].message.contains("accepted"));
    assert_eq!(run(folder.path(), ACME, 1, None, false), Verdict::default());
}

#[test]
fn a_hoster_that_always_counts_too_many_is_accepted_once() {
    let folder = folder();
    assert!(
        !run(folder.path(), ACME, 8, Some(10), false)
            .errors
            .is_empty()
    );
    run(folder.path(), ACME, 8, Some(10), true);
    assert!(
        run(folder.path(), ACME, 8, Some(10), false)
            .errors
            .is_empty()
    );
    assert!(
        !run(folder.path(), ACME, 7, Some(10), false)
            .errors
            .is_empty()
    );
    // Once it is right, it has to stay right.
    assert!(
        run(folder.path(), ACME, 9, Some(9), false)
            .errors
            .is_empty()
    );
    assert!(
        !run(folder.path(), ACME, 8, Some(9), false)
            .errors
            .is_empty()
    );
}

#[test]
fn another_workspace_starts_again_and_the_first_is_not_forgotten() {
    let folder = folder();
    run(folder.path(), ACME, 10, None, false);
    let other = Key {
        name: "beta",
        ..ACME
    };
    assert!(run(folder.path(), other, 1, None, false).errors.is_empty());
    assert!(!run(folder.path(), ACME, 1, None, false).errors.is_empty());
}

#[test]
fn unknown_keys_are_kept() {
    let folder = folder();
    let path = folder.path().join(OWN_FOLDER).join(LISTINGS.name);
    let text = r#"{"format": 1, "newer": [1], "sources": [{"title": "acme", "hoster":
        "bitbucket", "name": "acme", "listed": 3, "at": "2026-01-01T00:00:00Z", "also": "x"}]}"#;
    fs::write(&path, text).unwrap();
    run(folder.path(), ACME, 4, None, false);
    let written: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(written["newer"], serde_json::json!([1]));
    assert_eq!(written["sources"][0]["also"], "x");
    assert_eq!(written["sources"][0]["listed"], 4);
}

#[test]
fn a_damaged_or_newer_file_is_an_error_and_stays_as_it_is() {
    let folder = folder();
    let path = folder.path().join(OWN_FOLDER).join(LISTINGS.name);
    // Cut off, without its checksum, and of a newer version.
    for (text, kind) in [
        ("{\"format\": 1, \"sou", ErrorKind::Damaged),
        (r#"{"format": 2, "sources": []}"#, ErrorKind::Damaged),
        (r#"{"format": 3, "sources": []}"#, ErrorKind::Other),
    ] {
        fs::write(&path, text).unwrap();
        for accept in [false, true] {
            let verdict = run(folder.path(), ACME, 4, None, accept);
            assert_eq!(verdict.errors[0].kind, kind);
            assert!(verdict.errors[0].message.contains(LISTINGS.name));
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }
}

/// Owners with so many repositories each.
fn owners(all: &[(&str, u64)]) -> OwnersListed {
    let all = all.iter().map(|(id, listed)| {
        let owner = OwnerListed {
            name: format!("owner-{id}"),
            listed: *listed,
            ..OwnerListed::default()
        };
        ((*id).to_owned(), owner)
    });
    all.collect()
}

fn judged(folder: &Path, owners: &OwnersListed, accept: bool) -> Verdict {
    let mut listings = Listings::read(folder, accept);
    let counted = Counted {
        listed: owners.values().map(|owner| owner.listed).sum(),
        total: None,
        known: 0,
        lost: 0,
    };
    let verdict = listings.judge(ACME, counted, owners);
    listings.write().unwrap();
    verdict
}

#[test]
fn an_owner_that_shows_less_is_seen_among_others_that_show_all() {
    let folder = folder();
    let folder = folder.path();
    assert_eq!(
        judged(folder, &owners(&[("1", 90), ("2", 10)]), false),
        Verdict::default()
    );
    for _ in 0..2 {
        let verdict = judged(folder, &owners(&[("1", 90), ("2", 4)]), false);
        assert_eq!(verdict.errors, Vec::new());
        let said = &verdict.of_owners["2"];
        assert_eq!(said.kind, ErrorKind::Shortfall);
        assert_eq!(
            said.message,
            "owner-2: 4 repositories are listed, but 10 last time"
        );
        assert_eq!(verdict.of_owners.len(), 1);
    }
    let accepted = judged(folder, &owners(&[("1", 90), ("2", 4)]), true);
    assert!(accepted.of_owners.is_empty());
    assert!(
        accepted.notes[0]
            .message
            .ends_with("accepted (--accept-shrinkage)")
    );
    assert_eq!(
        judged(folder, &owners(&[("1", 90), ("2", 4)]), false),
        Verdict::default()
    );
    // One that could not be listed is neither compared nor forgotten.
    let mut now = owners(&[("1", 90), ("2", 0)]);
    now.get_mut("2").unwrap().error = Some(Failure::new(ErrorKind::Unavailable, "503"));
    assert_eq!(judged(folder, &now, false), Verdict::default());
    let verdict = judged(folder, &owners(&[("1", 90), ("2", 1)]), false);
    assert!(verdict.of_owners.contains_key("2"));
}

#[test]
fn a_partial_listing_accepts_no_shortfall() {
    let folder = folder();
    let folder = folder.path();
    let judged = |owners: &OwnersListed| {
        let mut listings = Listings::read(folder, false);
        let counted = Counted {
            listed: 6,
            total: Some(10),
            known: 0,
            lost: 0,
        };
        let verdict = listings.judge(ACME, counted, owners);
        listings.write().unwrap();
        verdict.errors.len()
    };
    let mut now = owners(&[("1", 6), ("2", 0)]);
    now.get_mut("2").unwrap().error = Some(Failure::new(ErrorKind::Unavailable, "503"));
    assert_eq!(judged(&now), 0);
    assert_eq!(judged(&owners(&[("1", 6)])), 1);
}

#[test]
fn what_is_remembered_of_owners_has_an_end() {
    let folder = folder();
    let folder = folder.path();
    for round in 0..3 {
        let ids: Vec<String> = (0..6000).map(|n| format!("{round}-{n}")).collect();
        let now: Vec<(&str, u64)> = ids.iter().map(|id| (id.as_str(), 1)).collect();
        judged(folder, &owners(&now), false);
    }
    let listings = Listings::read(folder, false);
    let entry = listings.last(ACME).0.unwrap();
    assert!(entry.owners.len() <= 10_000);
    assert!(entry.listed_of.len() <= entry.owners.len());
}
