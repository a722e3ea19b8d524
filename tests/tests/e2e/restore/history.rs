//! Every state that ever was comes back, whatever happened to upstream since.

use std::fs;
use std::path::Path;

use forgekeep_tests::{Invocation, Repo, Sandbox, binaries, compare, git};

use super::{assert_clean, command, restore, snapshots, text, work_tree};
use crate::support::{World, files, place};

/// What upstream was at a backup.
struct State {
    refs: String,
    head: String,
    files: String,
}

impl State {
    fn of(upstream: &Path) -> Self {
        let listed = git::try_run(upstream, &["ls-tree", "-r", "--name-only", "HEAD"]);
        Self {
            refs: compare::refs(upstream),
            head: compare::head(upstream),
            files: listed.unwrap_or_default(),
        }
    }

    #[track_caller]
    fn assert_is(&self, restored: &Path) {
        assert_eq!(compare::refs(restored), self.refs);
        assert_eq!(compare::head(restored), self.head);
        compare::assert_sound(restored);
    }
}

/// What may happen to a repository, a step a day.
fn days(web: Repo<'_>) -> Vec<Box<dyn Fn() + '_>> {
    let note = |text: &str| {
        let text = text.to_owned();
        move || {
            web.git(&["notes", "add", "--force", "--message", &text, "main"]);
        }
    };
    vec![
        Box::new(move || {
            web.commit("one")
                .commit("two")
                .commit_to("feature", "three");
            web.annotated_tag("v1").tag("light");
        }),
        Box::new(note("first")),
        Box::new(move || {
            web.force_push("main");
        }),
        Box::new(move || {
            web.delete_branch("feature");
        }),
        Box::new(move || {
            web.commit("four").annotated_tag("v1").tag("light");
        }),
        Box::new(move || {
            web.commit_to("trunk", "five").default_branch("trunk");
        }),
        Box::new(note("second")),
        Box::new(move || {
            // Rewritten from the ground up, and pruned.
            for branch in ["main", "trunk"] {
                web.delete_branch(branch).commit_to(branch, "pay 3 bitcoin");
            }
            web.delete_tag("v1");
            web.git(&["reflog", "expire", "--expire=now", "--all"]);
            web.git(&["gc", "--quiet", "--prune=now"]);
        }),
        Box::new(move || {
            web.delete_branch("main").delete_branch("trunk");
            web.delete_tag("light");
            web.git(&["update-ref", "-d", "refs/notes/commits"]);
            web.git(&["gc", "--quiet", "--prune=now"]);
        }),
    ]
}

/// A backup a day; what upstream was at each, and the snapshot of it.
fn history(world: &World) -> Vec<(State, String, String)> {
    let web = world.forge.repository("web").private();
    let mut states = Vec::new();
    for day in days(web) {
        day();
        world.backup().expect(0);
        states.push(State::of(&web.git_dir()));
    }
    let found = snapshots(world, "web");
    assert_eq!(found.len(), states.len());
    let entry = |(state, found): (State, &serde_json::Value)| {
        let (id, time) = (text(found, "id"), text(found, "time"));
        (state, id.to_owned(), time.to_owned())
    };
    states.into_iter().zip(&found).map(entry).collect()
}

/// The binary alone, without plugins beside it.
fn lonely<'s>(sandbox: &'s Sandbox, arguments: &[&str], to: &str) -> Invocation<'s> {
    let program = sandbox.path("elsewhere/forgekeep");
    if !program.exists() {
        place(&binaries().forgekeep(), &program);
    }
    let invocation = sandbox.program(program, [&["restore"], arguments].concat());
    invocation.arg("--to").arg(sandbox.path(to))
}

#[test]
fn every_snapshot_comes_back_without_network_plugin_and_configuration() {
    let world = World::new();
    let history = history(&world);
    let mirror = world.mirror("web");
    world.forge.repository("web").delete();
    // Nothing that could be asked is left.
    let World { forge, sandbox } = world;
    drop(forge);
    git::run(&mirror, &["gc", "--quiet", "--prune=now"]);
    fs::rename(sandbox.path("settings.yml"), sandbox.path("lost.yml")).unwrap();
    let backup = sandbox.backup();
    let backup = backup.to_str().unwrap();
    for (number, (state, id, _)) in history.iter().enumerate() {
        let to = format!("restored-{number}");
        let run = lonely(&sandbox, &["web", "--at", id, "--folder", backup], &to).run();
        let run = run.expect(0);
        let restored = sandbox.path(&to);
        state.assert_is(&restored);
        let found: Vec<_> = work_tree(&restored);
        let found: Vec<_> = found.iter().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(found.join("\n"), state.files, "day {number}");
        if state.files.is_empty() {
            assert!(
                run.stdout.contains("nothing was checked out"),
                "{}",
                run.stdout
            );
        } else {
            assert_clean(&restored);
        }
        let bare = format!("bare-{number}");
        let arguments = ["web", "--at", id, "--folder", backup, "--bare", "-q"];
        let run = lonely(&sandbox, &arguments, &bare).run().expect(0);
        assert_eq!(run.stdout + &run.stderr, "");
        state.assert_is(&sandbox.path(&bare));
        assert!(!sandbox.path(&bare).join(".git").exists());
    }
    // The backup itself is what it was: restoring reads.
    compare::assert_sound(&mirror);
}

#[test]
fn a_state_is_named_by_id_by_the_begin_of_one_or_by_a_time() {
    let world = World::new();
    let history = history(&world);
    let (state, id, time) = &history[3];
    for (number, at) in [id.as_str(), &id[..8], time].into_iter().enumerate() {
        let to = format!("at-{number}");
        let run = restore(&world, &["acme/web", "--at", at], &to).expect(0);
        state.assert_is(&world.sandbox.path(&to));
        assert!(
            run.stdout.contains(&format!("snapshot {id}")),
            "{}",
            run.stdout
        );
    }
    // Until the next one, it is the same state.
    let (state, _, time) = &history[2];
    let digits = time.trim_end_matches('Z');
    let later = match digits.split_once('.') {
        Some((second, fraction)) => format!("{second}.{fraction:0<3}9Z"),
        None => format!("{digits}.0009Z"),
    };
    restore(&world, &["web", "--at", &later], "later").expect(0);
    state.assert_is(&world.sandbox.path("later"));
    // Without --at, and at any time to come: the newest.
    restore(&world, &["web"], "newest").expect(0);
    history[8].0.assert_is(&world.sandbox.path("newest"));
    restore(&world, &["web", "--at", "2999-12-31"], "future").expect(0);
    history[8].0.assert_is(&world.sandbox.path("future"));
}

#[test]
fn a_time_without_an_offset_is_a_local_one() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world.backup().expect(0);
    web.commit("two");
    world.backup().expect(0);
    let found = snapshots(&world, "web");
    let local = text(&found[0], "time").trim_end_matches('Z');
    // POSIX counts to the west: the same clock, read in three places.
    for (zone, wanted) in [("UTC0", &found[0]), ("WEST+5", &found[1])] {
        let run = command(&world.sandbox, &["web", "--at", local], zone).env("TZ", zone);
        let run = run.run().expect(0);
        assert!(
            run.stdout.contains(text(wanted, "id")),
            "{zone}: {}",
            run.stdout
        );
    }
    let run = command(&world.sandbox, &["web", "--at", local], "east").env("TZ", "EAST-5");
    let run = run.run().expect(2);
    assert!(run.stderr.contains("the oldest"), "{}", run.stderr);
}

#[test]
fn nothing_is_shared_with_the_backup() {
    use std::os::unix::fs::MetadataExt;

    let world = World::new();
    world.forge.repository("web").commit("one").commit("two");
    world.backup().expect(0);
    restore(&world, &["web"], "web").expect(0);
    let inode = |path: &std::path::PathBuf| fs::metadata(path).unwrap().ino();
    let backup: Vec<_> = files(&world.sandbox.backup()).iter().map(inode).collect();
    let restored = files(&world.sandbox.path("web"));
    assert!(restored.len() > 5);
    assert!(restored.iter().all(|path| !backup.contains(&inode(path))));
    let alternates = world.sandbox.path("web/.git/objects/info/alternates");
    assert!(!alternates.exists());
}

#[test]
fn a_work_tree_has_links_modes_and_odd_names_as_they_were() {
    let world = World::new();
    let web = world.forge.repository("web");
    let stream = "commit refs/heads/main\ncommitter A <a@b.c> 1700000000 +0000\ndata 1\nx\n\
        M 100755 inline run.sh\ndata 3\n#!\n\nM 120000 inline link\ndata 6\nrun.sh\n\
        M 100644 inline \"deep/er/\\303\\274 \\\"q\\\".txt\"\ndata 3\na\r\n\n\
        M 160000 1234567890123456789012345678901234567890 module\n\
        M 100644 inline .gitattributes\ndata 12\n* text=auto\n\n";
    git::run_with_input(
        &web.git_dir(),
        &["fast-import", "--quiet"],
        stream.as_bytes(),
    );
    web.git(&["pack-refs", "--all"]);
    world.backup().expect(0);
    restore(&world, &["web"], "web").expect(0);
    let restored = world.sandbox.path("web");
    assert_clean(&restored);
    assert_eq!(
        fs::read_link(restored.join("link")).unwrap(),
        Path::new("run.sh")
    );
    // And git, which reads every file again, sees no difference.
    git::run(&restored, &["update-index", "--really-refresh"]);
    git::run(&restored, &["diff", "--exit-code"]);
}

#[test]
fn a_folder_without_snapshots_gives_its_present_state() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one").tag("v1");
    world.backup().expect(0);
    fs::remove_dir_all(world.folder("web").join("snapshots")).unwrap();
    fs::remove_file(world.folder("web").join("forgekeep.json")).unwrap();
    let run = restore(&world, &["web"], "web").expect(0);
    assert!(run.stdout.contains("no snapshots"), "{}", run.stdout);
    State::of(&web.git_dir()).assert_is(&world.sandbox.path("web"));
    let run = restore(&world, &["web", "--at", "2999-01-01"], "at").expect(2);
    assert!(run.stderr.contains("no snapshot yet"), "{}", run.stderr);
}

#[test]
fn a_wiki_comes_back_on_request() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one").wiki();
    world.forge.repository("api").commit("one");
    world.backup().expect(0);
    let before = State::of(&web.wiki_dir());
    web.wiki();
    world.backup().expect(0);
    let run = restore(&world, &["web", "--wiki"], "wiki").expect(0);
    assert!(
        run.stdout.contains("the wiki of acme/web (source acme)"),
        "{}",
        run.stdout
    );
    State::of(&web.wiki_dir()).assert_is(&world.sandbox.path("wiki"));
    assert_clean(&world.sandbox.path("wiki"));
    let run = world
        .forgekeep(&["snapshots", "web", "--wiki", "--json"])
        .run();
    let found: serde_json::Value = serde_json::from_str(&run.expect(0).stdout).unwrap();
    let first = text(&found["snapshots"][0], "id");
    restore(&world, &["web", "--wiki", "--at", first], "first").expect(0);
    before.assert_is(&world.sandbox.path("first"));
    let run = restore(&world, &["api", "--wiki"], "none").expect(2);
    assert!(run.stderr.contains("has no wiki"), "{}", run.stderr);
}

#[test]
fn what_is_said_is_what_was_done() {
    let world = World::new();
    world.forge.repository("web").commit("one").tag("v1");
    world.backup().expect(0);
    let run = restore(&world, &["web"], "web").expect(0);
    insta::with_settings!({filters => vec![
        (r"snapshot [0-9a-f]{12} of \d{4}-\d\d-\d\d \d\d:\d\d \S+", "snapshot [id] of [time]"),
    ]}, {
        insta::assert_snapshot!(world.shown(&run.stdout), @r"
        restored acme/web (source acme) to [sandbox]/web
          state: snapshot [id] of [time]
          2 refs
          default branch, checked out: main
          no remote is set: git remote add origin <address>
        ");
    });
    assert_eq!(run.stderr, "");
}
