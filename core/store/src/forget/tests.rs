use super::*;
use crate::snapshot::{Identity, Recorder};

fn oid(number: u32) -> Oid {
    Oid::from_str(&format!("{:040x}", number + 1)).unwrap()
}

fn state(refs: &[(&str, u32)]) -> RefState {
    RefState {
        head: Some(b"refs/heads/main".to_vec()),
        tips: refs
            .iter()
            .map(|(name, number)| (name.as_bytes().to_vec(), oid(*number)))
            .collect(),
    }
}

#[test]
fn what_stays_follows_on_what_stays() {
    let folder = tempfile::tempdir().unwrap();
    let identity = Identity {
        hoster: "bitbucket".to_owned(),
        id: "{1}".into(),
        full_name: "acme/web".into(),
    };
    let recorder = Recorder {
        store: Store::beside(&folder.path().join("repo")),
        identity: &identity,
    };
    let many: Vec<(String, u32)> = (0..60).map(|n| (format!("refs/tags/{n}"), n)).collect();
    let states: Vec<RefState> = (0..8)
        .map(|now| {
            let mut refs: Vec<(&str, u32)> = many.iter().map(|(n, v)| (n.as_str(), *v)).collect();
            refs.push(("refs/heads/main", 100 + now));
            refs.push(("refs/heads/other", 200 + now / 4));
            state(&refs)
        })
        .collect();
    let mut before: Option<&RefState> = None;
    for state in &states {
        let start = RefState::default();
        let mut changes = Changes::between(before.unwrap_or(&start), state);
        // The branch main only moves forward.
        if let Some(change) = changes.refs.get_mut(&b"refs/heads/main"[..])
            && let Change::Forced(old, new) = *change
        {
            *change = Change::Updated(old, new);
        }
        let pending = recorder.prepare(before, state, changes).unwrap();
        pending.commit().unwrap();
        before = Some(state);
    }
    let entries = recorder.store.entries().unwrap();
    let keeps = [false, true, false, false, true, true, false, true];
    relink(&recorder.store, &entries, &keeps).unwrap();
    for (entry, _) in entries.iter().zip(keeps).filter(|(_, keep)| !keep) {
        fs::remove_file(&entry.path).unwrap();
    }
    let left = recorder.store.entries().unwrap();
    let wanted = [1, 4, 5, 7];
    assert_eq!(left.len(), wanted.len());
    for (at, wanted) in wanted.into_iter().enumerate() {
        let state = recorder.store.state(&left, at, None).unwrap();
        assert_eq!(state, states[wanted], "{wanted}");
    }
    let second = left[1].read().unwrap();
    assert_eq!(second.previous.as_ref(), Some(&left[0].id));
    assert_eq!((second.counts.updated, second.counts.forced), (1, 1));
    // What it was is still what its name says.
    assert_eq!(second.id, entries[4].id);
}
