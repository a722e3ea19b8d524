//! What goes wrong here, or on the way, while everything is brought back: a full disk, a dead server.

use super::*;
use crate::disk::commit_random;
use crate::mount::Mount;
use crate::support::files;

const MIB: usize = 1 << 20;

/// Nothing is left of what a restore needs meanwhile.
fn assert_no_leftovers(rescue: &Rescue, mount: &Mount) {
    let notes = mount.view(&rescue.notes());
    let left = files(&notes).into_iter().find(|path| {
        let below = path.strip_prefix(&notes).unwrap();
        below.iter().any(|part| part == "tmp")
    });
    assert_eq!(left, None);
}

#[test]
fn a_full_disk_fails_what_it_has_no_room_for_and_the_next_restore_goes_on() {
    let world = World::new();
    let Some(mount) = Mount::tmpfs(&world.sandbox.backup(), "80m") else {
        return;
    };
    commit_random(world.forge.repository("large"), 12 * MIB);
    world.forge.repository("small").commit("one");
    mount.backup(&world, &[]).expect(0);
    let rescue = Rescue::of(world);
    let restore = |expected: i32| {
        let arguments = ["restore", "--to-hoster", "new home", "--all", "--json"];
        document(&mount.run(&rescue.world, &arguments).expect(expected))
    };
    // Not a byte: nothing can be noted, so nothing is made.
    mount.fill(0);
    let arguments = ["restore", "--to-hoster", "new home", "--all", "--json"];
    let run = mount.run(&rescue.world, &arguments);
    assert_ne!(run.code, Some(0));
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(said.contains("No space left on device"), "{said}");
    assert!(said.contains("make room on this file system"), "{said}");
    assert_eq!(rescue.writes(), 0);

    mount.fill(4 * MIB as u64);
    let report = restore(3);
    let large = of(&report, "acme/large");
    assert_eq!(large["outcome"], "failed", "{report:#}");
    assert_eq!(large["error"]["kind"], "disk", "{report:#}");
    assert_eq!(of(&report, "acme/small")["outcome"], "restored");
    assert_no_leftovers(&rescue, &mount);

    mount.clear();
    let report = restore(0);
    assert_eq!(of(&report, "acme/small")["outcome"], "present");
    assert_eq!(rescue.names(), ["large", "small"]);
    let large = rescue.world.forge.repository("large").git_dir();
    assert_eq!(refs(&rescue.there("large")), refs(&large));
}

/// Whatever the answer is that never comes, and whether or not what was asked for was done: the next restore
/// finds what is there, and everything is there once.
#[test]
fn a_server_that_dies_at_any_moment_is_gone_on_with() {
    let rescue = Rescue::new();
    let options = json!({ "backup": { "jobs": 1 }, "network": { "retries": 0 } });
    let everything = |answers: Option<usize>| {
        let name = format!("rescue{}", answers.unwrap_or(0));
        let owner = rescue.gitea.change(|state| {
            let dev = state.accounts.iter().find(|one| one.name == "dev");
            let dev = dev.map(|dev| dev.id).unwrap();
            state.answers_left = answers;
            state.add_organisation(&name, dev, true)
        });
        let mut target = rescue.target();
        target["name"] = name.into();
        rescue.configure_with(&json!([target]), &options);
        rescue.gitea.reset_log();
        (owner, rescue.all())
    };
    let (_, run) = everything(None);
    run.expect(0);
    let number = rescue.gitea.requests().len();
    assert!(number > 20, "{number}");
    for answers in (1..=number).step_by(2) {
        let (owner, run) = everything(Some(answers));
        assert!(
            !run.code.is_none_or(|code| code == 0 || code == 101),
            "{answers}: {run:?}"
        );
        rescue.gitea.change(|state| state.answers_left = None);
        let run = rescue.all();
        assert_eq!(run.code, Some(0), "{answers} answers: {}", run.stdout);
        let made = rescue.gitea.read(|state| {
            let all = state.repositories.iter();
            let ours = all.filter(|one| one.owner == owner);
            let mut made: Vec<_> = ours.map(|one| (one.name.clone(), one.id)).collect();
            made.sort();
            made
        });
        let names: Vec<&str> = made.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["api", "empty", "web"], "{answers} answers");
        for (name, id) in &made {
            let there = rescue.gitea.git_dir(*id);
            let here = rescue.world.forge.repository(name).git_dir();
            assert_eq!(refs(&there), refs(&here), "{answers} answers");
        }
    }
}
