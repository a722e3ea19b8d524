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

/// A hoster that can die.
struct Mortal<'h> {
    /// Makes something to restore below.
    place: &'h dyn Fn(&str),
    /// The target with it.
    target: &'h dyn Fn(&str) -> Value,
    /// Lets it die after so many answers.
    ends_after: &'h dyn Fn(Option<usize>),
    /// How many requests it had; they are forgotten.
    requests: &'h dyn Fn() -> usize,
    /// Names and folders of all that it has.
    made: &'h dyn Fn() -> Vec<(String, PathBuf)>,
    /// The exit code of a restore in which nothing goes wrong.
    code: i32,
}

/// Whatever the answer is that never comes, and whether or not what was asked for was done: the next restore
/// finds what is there, and everything is there once. Each `step`th answer is tried.
fn dies_at_any_moment(rescue: &Rescue, hoster: &Mortal<'_>, step: usize) {
    let options = json!({ "backup": { "jobs": 1 }, "network": { "retries": 0 } });
    let restore = |answers: Option<usize>| {
        let name = format!("rescue{}", answers.unwrap_or(0));
        (hoster.place)(&name);
        rescue.configure_with(&json!([(hoster.target)(&name)]), &options);
        (hoster.requests)();
        (hoster.ends_after)(answers);
        let run = rescue.all();
        (hoster.ends_after)(None);
        run
    };
    restore(None).expect(hoster.code);
    let number = (hoster.requests)();
    assert!(number > 20, "{number}");
    let mut before = (hoster.made)().len();
    for answers in (1..=number).step_by(step) {
        let run = restore(Some(answers));
        let ends = [Some(2), Some(3), Some(12)];
        assert!(ends.contains(&run.code), "{answers} answers: {run:?}");
        let run = rescue.all();
        let said = &run.stdout;
        assert_eq!(run.code, Some(hoster.code), "{answers} answers: {said}");
        let all = (hoster.made)();
        let (_, made) = all.split_at(before);
        before = all.len();
        let mut names: Vec<&str> = made.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["api", "empty", "web"], "{answers} answers: {said}");
        for (name, there) in made {
            let here = rescue.world.forge.repository(name).git_dir();
            assert_eq!(refs(there), refs(&here), "{answers} answers: {name}");
        }
    }
}

#[test]
fn gitea_dies_at_any_moment_and_is_gone_on_with() {
    let rescue = Rescue::new();
    let gitea = &rescue.gitea;
    let hoster = Mortal {
        place: &|name| {
            gitea.change(|state| {
                let dev = state.accounts.iter().find(|one| one.name == "dev");
                let dev = dev.map(|dev| dev.id).unwrap();
                state.add_organisation(name, dev, true);
            });
        },
        target: &|name| {
            let mut target = rescue.target();
            target["name"] = name.into();
            target
        },
        ends_after: &|answers| gitea.ends_after(answers),
        requests: &|| {
            let number = gitea.requests().len();
            gitea.reset_log();
            number
        },
        made: &|| {
            let all = gitea.read(|state| state.repositories.clone());
            let all = all.into_iter();
            all.map(|one| (one.name, gitea.git_dir(one.id))).collect()
        },
        code: 0,
    };
    dies_at_any_moment(&rescue, &hoster, 2);
}

#[test]
fn github_dies_at_any_moment_and_is_gone_on_with() {
    use forgekeep_test_hosters::github::GitHub;

    const SECRET: &str = "ghp_0123456789abcdef0123456789abcdef0123";
    let rescue = Rescue::new();
    let github = GitHub::new();
    let dev = github.change(|state| {
        let dev = state.add_user("dev");
        state.add_token(dev, SECRET, Some(&["repo", "workflow", "read:org"]));
        dev
    });
    let hoster = Mortal {
        place: &|name| {
            github.change(|state| state.add_organisation(name, dev, true));
        },
        target: &|name| {
            json!({
                "title": "new home", "hoster": "github", "type": "org", "name": name,
                "apiUrl": github.api_url(), "password": SECRET,
            })
        },
        ends_after: &|answers| github.ends_after(answers),
        requests: &|| {
            let number = github.requests().len();
            github.reset_log();
            number
        },
        made: &|| {
            let all = github.read(|state| state.repositories.clone());
            let all = all.into_iter();
            all.map(|one| (one.name, github.git_dir(one.id))).collect()
        },
        // The wiki is to be begun in a browser.
        code: 3,
    };
    dies_at_any_moment(&rescue, &hoster, 3);
}

#[test]
fn gitlab_dies_at_any_moment_and_is_gone_on_with() {
    use forgekeep_test_hosters::gitlab::Gitlab;

    const SECRET: &str = "glpat-T3stT3stT3stT3stT3st";
    let rescue = Rescue::new();
    let gitlab = Gitlab::new();
    let user = gitlab.change(|state| {
        let dev = state.add_user("dev");
        state.add_token(dev, SECRET, &["api", "write_repository"]);
        state.namespace_mut(dev).user.unwrap()
    });
    let hoster = Mortal {
        place: &|name| {
            gitlab.change(|state| {
                let group = state.add_group(name, None);
                state.namespace_mut(group).members.push((user, 50));
            });
        },
        target: &|name| {
            json!({
                "title": "new home", "hoster": "gitlab", "name": name, "apiUrl": gitlab.url(),
                "password": SECRET, "rename": { "acme/api": "tools/api" },
            })
        },
        ends_after: &|answers| gitlab.ends_after(answers),
        requests: &|| {
            let number = gitlab.requests().len();
            gitlab.reset_log();
            number
        },
        made: &|| {
            let all = gitlab.read(|state| state.projects.clone());
            let all = all.into_iter();
            all.map(|one| (one.path, gitlab.git_dir(one.id))).collect()
        },
        code: 0,
    };
    dies_at_any_moment(&rescue, &hoster, 3);
}

#[test]
fn a_drill_that_ends_at_any_moment_leaves_nothing_once_another_is_over() {
    let rescue = Rescue::new();
    let options = json!({ "network": { "retries": 0 } });
    rescue.configure_with(&json!([rescue.target()]), &options);
    let arguments = ["drill", "web", "--to-hoster", "new home", "--json"];
    let drill = || rescue.world.forgekeep(&arguments).run();
    drill().expect(0);
    let number = rescue.gitea.requests().len();
    assert!(number > 10, "{number}");
    for answers in (1..number).step_by(2) {
        rescue.gitea.ends_after(Some(answers));
        let run = drill();
        let ends = [Some(2), Some(3), Some(12)];
        assert!(ends.contains(&run.code), "{answers} answers: {run:?}");
        rescue.gitea.ends_after(None);
        let run = drill();
        assert_eq!(run.code, Some(0), "{answers} answers: {}", run.stdout);
        assert_eq!(rescue.names(), [""; 0], "{answers} answers: {}", run.stdout);
    }
}
