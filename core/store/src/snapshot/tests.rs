use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::*;

fn oid(number: u32) -> Oid {
    Oid::from_str(&format!("{:040x}", number + 1)).unwrap()
}

fn state(head: &str, refs: &[(&str, u32)]) -> RefState {
    RefState {
        head: Some(head.as_bytes().to_vec()),
        tips: refs
            .iter()
            .map(|(name, number)| (name.as_bytes().to_vec(), oid(*number)))
            .collect(),
    }
}

fn identity() -> Identity {
    Identity {
        hoster: "bitbucket".to_owned(),
        id: "{1}".into(),
        full_name: "acme/web".into(),
    }
}

fn recorder<'a>(folder: &Path, identity: &'a Identity) -> Recorder<'a> {
    Recorder {
        store: Store::beside(&folder.join("repo")),
        identity,
    }
}

/// Records states as runs do, and returns the entries.
fn record(folder: &Path, states: &[RefState]) -> Vec<SnapshotFile> {
    let identity = identity();
    let recorder = recorder(folder, &identity);
    let mut before: Option<RefState> = None;
    for state in states {
        let changes = Changes::between(&before.clone().unwrap_or_default(), state);
        let pending = recorder.prepare(before.as_ref(), state, changes).unwrap();
        pending.commit().unwrap();
        before = Some(state.clone());
    }
    recorder.store.entries().unwrap()
}

/// A hundred refs, of which each state moves one: most snapshots are changes only.
fn long_history(count: u32) -> Vec<RefState> {
    let names: Vec<String> = (0..100).map(|n| format!("refs/heads/b{n:03}")).collect();
    (0..count)
        .map(|now| {
            let value = |n: u32| if n <= now { 1000 + n } else { n };
            RefState {
                head: Some(format!("refs/heads/b{:03}", now % 2).into_bytes()),
                tips: (0u32..)
                    .zip(&names)
                    .map(|(n, name)| (name.clone().into_bytes(), oid(value(n))))
                    .collect(),
            }
        })
        .collect()
}

fn states(
    folder: &Path,
    entries: &[SnapshotFile],
    present: Option<&RefState>,
) -> Vec<Option<RefState>> {
    let store = Store::beside(&folder.join("repo"));
    let mut found = Vec::new();
    let visited: Result<(), ()> = store.each_state(entries, present, |at, state| {
        let state = state.ok().cloned();
        assert_eq!(state, store.state(entries, at, present).ok());
        found.push(state);
        Ok(())
    });
    visited.unwrap();
    found
}

fn is_settled(store: &Store, state: &RefState) -> bool {
    store.is_settled(store.newest().as_ref(), state)
}

#[test]
fn every_state_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let history = long_history(40);
    let entries = record(folder.path(), &history);
    let full = entries.iter().filter(|e| e.read().unwrap().tips.is_some());
    let full = full.count();
    assert!((2..20).contains(&full), "{full} full lists");
    let wanted: Vec<_> = history.into_iter().map(Some).collect();
    assert_eq!(states(folder.path(), &entries, None), wanted);
}

#[test]
fn a_damaged_file_costs_no_other_state_and_mostly_not_even_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let history = long_history(30);
    let entries = record(folder.path(), &history);
    let wanted: Vec<_> = history.iter().cloned().map(Some).collect();
    for entry in &entries {
        let good = fs::read(&entry.path).unwrap();
        let mut bad = good.clone();
        bad[good.len() / 2] ^= 1;
        fs::write(&entry.path, bad).unwrap();
        assert_eq!(entry.read().unwrap_err().kind, ErrorKind::Damaged);
        assert_eq!(
            states(folder.path(), &entries, history.last()),
            wanted,
            "{}",
            entry.path.display()
        );
        fs::write(&entry.path, good).unwrap();
    }
}

#[test]
fn what_cannot_be_told_is_said_and_never_guessed() {
    let folder = tempfile::tempdir().unwrap();
    let history = long_history(12);
    let entries = record(folder.path(), &history);
    for entry in &entries[2..5] {
        fs::write(&entry.path, "{}").unwrap();
    }
    for (state, wanted) in states(folder.path(), &entries, history.last())
        .iter()
        .zip(&history)
    {
        assert!(state.is_none() || state.as_ref() == Some(wanted));
    }
    let store = Store::beside(&folder.path().join("repo"));
    let failure = store.state(&entries, 3, None).unwrap_err();
    assert!(failure.message.contains("000004-"), "{failure}");
}

#[test]
fn what_a_killed_run_left_is_finished_or_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let identity = identity();
    let recorder = recorder(folder.path(), &identity);
    let one = state("refs/heads/a", &[("refs/heads/a", 1)]);
    let two = state("refs/heads/b", &[("refs/heads/b", 2)]);
    let entries = record(folder.path(), std::slice::from_ref(&one));
    assert!(is_settled(&recorder.store, &one));
    assert!(!is_settled(&recorder.store, &two));
    let prepare = || {
        let changes = Changes::between(&one, &two);
        drop(recorder.prepare(Some(&one), &two, changes).unwrap());
        assert!(!is_settled(&recorder.store, &one));
    };
    // Killed before the refs were switched.
    prepare();
    assert_eq!(recorder.settle(&one).unwrap().base, one);
    assert_eq!(recorder.store.entries().unwrap(), entries);
    assert!(is_settled(&recorder.store, &one));
    // Killed after it, and before HEAD was.
    prepare();
    let half = RefState {
        head: one.head.clone(),
        tips: two.tips.clone(),
    };
    let settled = recorder.settle(&half).unwrap();
    assert_eq!(settled.base, two);
    // The alert about it is still to be raised.
    assert_eq!(settled.untold.unwrap().refs.len(), 2);
    assert_eq!(recorder.store.entries().unwrap().len(), 2);
    // Whatever is in it: half a file is no snapshot.
    fs::write(&recorder.store.pending, "{\"format\": 1").unwrap();
    recorder.settle(&two).unwrap();
    assert_eq!(recorder.store.entries().unwrap().len(), 2);
    assert!(is_settled(&recorder.store, &two));
}

#[cfg(unix)]
#[test]
fn a_lock_that_a_killed_run_left_is_in_nobodys_way() {
    let one = state("refs/heads/a", &[("refs/heads/a", 1)]);
    let two = state("refs/heads/a", &[("refs/heads/a", 2)]);
    // Killed after the snapshot had its name, and before the lock went; with the refs switched or not.
    for found in [&two, &one] {
        let folder = tempfile::tempdir().unwrap();
        let identity = identity();
        let recorder = recorder(folder.path(), &identity);
        record(folder.path(), std::slice::from_ref(&one));
        let lock = folder.path().join("snapshots/repo.pending.lock");
        let prepare = || {
            let changes = Changes::between(&one, &two);
            recorder.prepare(Some(&one), &two, changes).unwrap()
        };
        drop(prepare());
        fs::hard_link(&recorder.store.pending, &lock).unwrap();
        recorder.settle(found).unwrap();
        assert!(!lock.exists());
        // Also one that an earlier version has not removed.
        fs::write(&lock, "").unwrap();
        let before = recorder.store.entries().unwrap().len();
        prepare().commit().unwrap();
        assert!(!lock.exists());
        assert_eq!(recorder.store.entries().unwrap().len(), before + 1);
    }
}

#[test]
fn a_state_that_is_found_becomes_a_snapshot_and_what_it_lost_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let identity = identity();
    let recorder = recorder(folder.path(), &identity);
    let found = state("refs/heads/a", &[("refs/heads/a", 1)]);
    recorder.settle(&found).unwrap();
    let moved = state("refs/heads/a", &[("refs/heads/a", 2), ("refs/heads/x", 3)]);
    let settled = recorder.settle(&moved).unwrap().found.unwrap();
    assert_eq!(settled.lost, [oid(1)]);
    // It does not count before that is held.
    assert_eq!(recorder.store.entries().unwrap().len(), 1);
    // Nor after a kill before it was: then it is named again.
    let settled = recorder.settle(&moved).unwrap().found.unwrap();
    assert_eq!(settled.lost, [oid(1)]);
    settled.pending.commit().unwrap();
    let entries = recorder.store.entries().unwrap();
    let origins = entries.iter().map(|entry| entry.read().unwrap().origin);
    assert_eq!(
        origins.collect::<Vec<_>>(),
        [Origin::Adopted, Origin::Found]
    );
    assert!(recorder.settle(&moved).unwrap().found.is_none());
    assert_eq!(recorder.store.entries().unwrap(), entries);
}

#[test]
fn the_file_is_readable() {
    let folder = tempfile::tempdir().unwrap();
    let one = state("refs/heads/a", &[("refs/heads/a", 1), ("refs/tags/v%", 2)]);
    let two = state("refs/heads/b", &[("refs/heads/b", 2), ("refs/tags/v%", 3)]);
    let entries = record(folder.path(), &[one, two]);
    let text = fs::read_to_string(&entries[1].path).unwrap();
    insta::with_settings!({filters => vec![
        (r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "[time]"),
        (r#""(id|previous|checksum)": "[0-9a-f]+""#, "\"$1\": \"[hex]\""),
    ]}, { insta::assert_snapshot!(text) });
}

proptest! {
    #[test]
    fn names_come_back(name in proptest::collection::vec(any::<u8>(), 0..20)) {
        let mut full = b"refs/".to_vec();
        full.extend(name);
        prop_assume!(forgekeep_git::refs::is_valid_name(&full));
        let folder = tempfile::tempdir().unwrap();
        let state = RefState { head: Some(full.clone()), tips: [(full, oid(1))].into() };
        let entries = record(folder.path(), std::slice::from_ref(&state));
        prop_assert_eq!(states(folder.path(), &entries, None), vec![Some(state)]);
    }

    #[test]
    fn changes_are_undone(before in tips(), after in tips()) {
        let changes = Changes::between(&before, &after);
        prop_assert_eq!(changes.apply(&before.tips), Some(after.tips.clone()));
        prop_assert_eq!(changes.undo(&after), Some(before));
    }
}

fn tips() -> impl Strategy<Value = RefState> {
    let refs = proptest::collection::btree_map("refs/heads/[a-d]", 0u32..4, 0..4);
    (refs, 0u32..3).prop_map(|(refs, head)| RefState {
        head: Some(format!("refs/heads/{head}").into_bytes()),
        tips: refs
            .into_iter()
            .map(|(name, number)| (name.into_bytes(), oid(number)))
            .collect(),
    })
}
