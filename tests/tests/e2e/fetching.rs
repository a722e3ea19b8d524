//! Our own client of git's protocol: only what is new comes, odd parts cost themselves alone, and what
//! a server says is told.

use std::fs;
use std::path::{Path, PathBuf};

use forgekeep_tests::{Action, Fault, RequestKind, compare, git, pkt_line};

use crate::changes::malformed;
use crate::support::{World, error, files};

fn bytes(path: &Path) -> u64 {
    let all = files(path);
    all.iter()
        .map(|file| fs::metadata(file).unwrap().len())
        .sum()
}

/// Bytes that do not compress.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// As `assert_mirrored`, where `git fsck` complains of what upstream has.
fn assert_same(world: &World, upstream: &Path) {
    let mirror = world.mirror("web");
    assert_eq!(compare::refs(&mirror), compare::refs(upstream));
    git::run(&mirror, &["fsck", "--connectivity-only"]);
}

#[test]
fn a_malformed_old_branch_does_not_make_updates_fetch_everything() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    // Something that would be noticed.
    let noise = noise(400_000);
    let blob = git::run_with_input(&web.git_dir(), &["hash-object", "-w", "--stdin"], &noise);
    web.git(&["update-ref", "refs/tags/noise", &blob]);
    malformed(web, "old");
    world.backup().expect(0);
    let before = bytes(&world.mirror("web").join("objects"));
    for number in 0..12 {
        web.commit(&format!("more {number}"));
        let run = world.backup().expect(0);
        let entry = run.repository("acme/web");
        assert_eq!(entry["outcome"], "updated");
        let received = entry["bytesReceived"].as_u64().unwrap();
        assert!((1..4000).contains(&received), "{received}");
    }
    let after = bytes(&world.mirror("web").join("objects"));
    assert!(after < before + 60_000, "{before} became {after}");
    assert_same(&world, &web.git_dir());
}

#[test]
fn a_tag_of_what_libgit2_cannot_parse_does_not_freeze_its_repository() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    malformed(web, "old");
    // The tag alone holds the commit.
    web.delete_branch("old");
    world.backup().expect(0);
    for message in ["two", "three"] {
        web.commit(message);
        let run = world.backup().expect(0);
        assert_eq!(run.outcome("acme/web"), "updated");
        assert_same(&world, &web.git_dir());
    }
}

/// Brings all that upstream's `main` has into the mirror, and no ref: as a run that did not finish.
/// Returns the pack.
fn left_by_a_run(world: &World, upstream: &Path) -> PathBuf {
    let place = world.sandbox.path("left");
    let arguments = ["pack-objects", "-q", "--revs", place.to_str().unwrap()];
    let name = git::run_with_input(upstream, &arguments, b"main\n");
    let packs = world.mirror("web").join("objects/pack");
    for ending in ["pack", "idx"] {
        let from = place.with_file_name(format!("left-{name}.{ending}"));
        fs::copy(from, packs.join(format!("pack-{name}.{ending}"))).unwrap();
    }
    packs.join(format!("pack-{name}.pack"))
}

#[test]
fn what_a_run_before_a_power_loss_has_left_torn_is_fetched_again() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world.backup().expect(0);
    // One large new file: what is torn is in it, and no commit or tree.
    let noise = noise(300_000);
    let blob = git::run_with_input(&web.git_dir(), &["hash-object", "-w", "--stdin"], &noise);
    let tree = format!("100644 blob {blob}\tlarge\n");
    let tree = git::run_with_input(&web.git_dir(), &["mktree"], tree.as_bytes());
    let main = web.rev_parse("main");
    let new = git::run(
        &web.git_dir(),
        &["commit-tree", "-p", &main, "-m", "large", &tree],
    );
    web.git(&["update-ref", "refs/heads/main", &new]);
    let pack = left_by_a_run(&world, &web.git_dir());
    let mut torn = fs::read(&pack).unwrap();
    let middle = torn.len() / 2;
    torn[middle - 40_000..middle + 40_000].fill(0);
    fs::remove_file(&pack).unwrap();
    fs::write(&pack, torn).unwrap();
    let run = world.backup();
    assert!(run.code == Some(0) || run.code == Some(3), "{}", run.stderr);
    assert!(
        run.repository("acme/web")["bytesReceived"]
            .as_u64()
            .unwrap()
            > 200_000
    );
    world.assert_mirrored(web);
    world.backup().expect(0);
    world.forgekeep(&["verify"]).run().expect(0);
    git::run(&world.mirror("web"), &["fsck", "--full"]);
}

#[test]
fn what_a_killed_run_was_taking_in_is_removed() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world.backup().expect(0);
    let incoming = world.mirror("web").join("objects/forgekeep-incoming");
    fs::create_dir(&incoming).unwrap();
    fs::write(incoming.join("pack_git2_0011"), "half").unwrap();
    web.commit("two");
    world.backup().expect(0);
    assert!(!incoming.exists());
    world.assert_mirrored(web);
}

#[test]
fn a_ref_name_that_git_does_not_allow_costs_that_ref_alone() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    let fault = Action::Alter(|answer| {
        let oid = "1234567890123456789012345678901234567890";
        assert!(answer.body.ends_with(pkt_line::FLUSH));
        answer.body.truncate(answer.body.len() - 4);
        for name in [
            "refs/heads/x.lock",
            "heads/outside",
            "refs/../../config",
            "refs/heads/a\u{1b}[31m",
        ] {
            pkt_line::push(&mut answer.body, format!("{oid} {name}\n"));
        }
        answer.body.extend(pkt_line::FLUSH);
    });
    world
        .forge
        .inject(Fault::on(RequestKind::InfoRefs, fault).repository("web"));
    for _ in 0..2 {
        let run = world.backup().expect(3);
        assert_eq!(run.outcome("acme/web"), "partial", "{}", run.stderr);
        assert!(run.stderr.contains("x.lock"), "{}", run.stderr);
        assert!(!run.stderr.contains('\u{1b}'), "{}", run.stderr);
        world.assert_mirrored(web);
        web.commit("more");
    }
    world.backup().expect(3);
    world.assert_mirrored(web);
    world.forge.clear_faults();
    world.backup().expect(0);
}

#[test]
fn a_name_that_is_not_utf_8_is_backed_up_and_restored() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    let name = OsStr::from_bytes(b"refs/heads/caf\xe9");
    let main = web.rev_parse("main");
    let packed = [main.as_bytes(), b" ", name.as_bytes(), b"\n"].concat();
    let file = web.git_dir().join("packed-refs");
    let known = fs::read(&file).unwrap_or_default();
    fs::write(&file, [known, packed].concat()).unwrap();
    world.backup().expect(0);
    let stored = fs::read(world.mirror("web").join("packed-refs")).unwrap();
    assert!(
        stored
            .windows(name.len())
            .any(|part| part == name.as_bytes())
    );
    web.commit("two");
    world.backup().expect(0);
    let to = world.sandbox.path("restored");
    let restore = ["restore", "web", "--bare", "--to"];
    world.forgekeep(&restore).arg(&to).run().expect(0);
    let restored = fs::read(to.join("packed-refs")).unwrap();
    assert!(
        restored
            .windows(name.len())
            .any(|part| part == name.as_bytes())
    );
    world.forgekeep(&["verify"]).run().expect(0);
}

#[test]
fn a_request_that_is_too_large_is_made_in_parts() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    for number in 0..9 {
        web.commit_to(&format!("side-{number}"), &number.to_string());
    }
    let fault = Fault::on(RequestKind::UploadPack, Action::status(413)).first(1);
    world.forge.inject(fault);
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "cloned");
    assert!(world.forge.count(RequestKind::UploadPack) > 3);
    world.assert_mirrored(web);
    compare::assert_sound(&world.mirror("web"));
}

#[test]
fn a_want_that_is_answered_without_a_pack_leaves_the_refs() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world.backup().expect(0);
    let refs = compare::refs(&world.mirror("web"));
    web.commit("two");
    let fault = Action::Alter(|answer| answer.body = b"0008NAK\n".to_vec());
    world
        .forge
        .inject(Fault::on(RequestKind::UploadPack, fault));
    let run = world.backup().expect(3);
    assert_eq!(run.repository("acme/web")["error"]["kind"], "bad-answer");
    assert_eq!(compare::refs(&world.mirror("web")), refs);
    world.forge.clear_faults();
    world.backup().expect(0);
    world.assert_mirrored(web);
}

#[test]
fn a_list_of_refs_that_ends_after_its_service_deletes_nothing() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    world.backup().expect(0);
    let refs = compare::refs(&world.mirror("web"));
    let fault = Action::Alter(|answer| {
        answer.body.clear();
        pkt_line::push(&mut answer.body, "# service=git-upload-pack\n");
        answer.body.extend(pkt_line::FLUSH);
    });
    world.forge.inject(Fault::on(RequestKind::InfoRefs, fault));
    let run = world.backup().expect(3);
    assert_eq!(run.outcome("acme/web"), "failed");
    assert_eq!(compare::refs(&world.mirror("web")), refs);
}

#[test]
fn what_a_server_says_is_shown() {
    let said = |status: u16, kind: &str, body: &str| Action::Respond {
        status,
        headers: vec![("Content-Type".to_owned(), kind.to_owned())],
        body: body.into(),
    };
    let refs = "1234567890123456789012345678901234567890\trefs/heads/main\n";
    for (action, kind, words) in [
        (
            said(403, "text/plain", "An admin must whitelist your IP\n"),
            "forbidden",
            "An admin must whitelist your IP",
        ),
        (
            said(451, "text/html", "<html><title>DMCA takedown</title>"),
            "forbidden",
            "DMCA takedown",
        ),
        (
            said(402, "text/plain", "the plan has ended"),
            "forbidden",
            "the plan has ended",
        ),
        (
            said(200, "text/html", "<html><title>Sign in</title>"),
            "bad-answer",
            "Sign in",
        ),
        (
            said(
                403,
                "text/html",
                "<title>403 Forbidden</title><h1>403 Forbidden</h1><p>Ask &quot;ops&quot; for access",
            ),
            "forbidden",
            "403 Forbidden Ask \"ops\" for access",
        ),
        (
            said(
                400,
                "application/json",
                r#"{"error": {"message": "No", "detail": "the branch is locked"}}"#,
            ),
            "bad-answer",
            "No the branch is locked",
        ),
        (said(200, "text/plain", refs), "bad-answer", "dumb"),
        (
            Action::GitError("rate limit exceeded".to_owned()),
            "rate-limited",
            "rate limit exceeded",
        ),
    ] {
        let world = World::new();
        world.forge.repository("web").commit("one");
        world.forge.repository("api").commit("one");
        let fault = Fault::on(RequestKind::InfoRefs, action);
        world.forge.inject(fault.repository("web"));
        let run = world.backup().expect(3);
        let entry = run.repository("acme/web");
        assert_eq!(entry["error"]["kind"], kind, "{}", error(entry));
        assert!(error(entry).contains(words), "{}", error(entry));
    }
}

#[test]
fn the_side_band_of_a_broken_server_is_shown() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    world.forge.repository("api").commit("one");
    let fault = Action::Alter(|answer| {
        answer.body = b"0008NAK\n".to_vec();
        pkt_line::push(&mut answer.body, "\u{3}fatal: unable to read tree 4711\n");
    });
    world
        .forge
        .inject(Fault::on(RequestKind::UploadPack, fault).repository("web"));
    let run = world.backup().expect(3);
    let error = error(run.repository("acme/web"));
    assert!(error.contains("unable to read tree 4711"), "{error}");
}

/// Makes a repository of the forge shallow: without what is behind a commit.
fn cut_off(upstream: &Path, at: &str) {
    fs::write(upstream.join("shallow"), format!("{at}\n")).unwrap();
}

#[test]
fn an_upstream_that_turned_shallow_goes_on_being_mirrored() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one").commit("two");
    world.backup().expect(0);
    let first = web.rev_parse("main~1");
    cut_off(&web.git_dir(), &web.rev_parse("main"));
    web.commit("three");
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "updated");
    let mirror = world.mirror("web");
    assert_eq!(compare::refs(&mirror), compare::refs(&web.git_dir()));
    let history = git::run(&mirror, &["rev-list", "main"]);
    assert!(history.contains(&first), "{history}");
    git::run(&mirror, &["fsck", "--full"]);
    assert_eq!(world.backup().expect(0).outcome("acme/web"), "unchanged");
}

#[test]
fn a_clone_of_a_shallow_upstream_is_partial_until_the_rest_comes() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one").commit("two");
    cut_off(&web.git_dir(), &web.rev_parse("main"));
    for _ in 0..2 {
        let run = world.backup().expect(3);
        assert_eq!(run.outcome("acme/web"), "partial", "{}", run.stderr);
        assert!(run.stderr.contains("shallow"), "{}", run.stderr);
        git::run(&world.mirror("web"), &["fsck", "--full"]);
    }
    web.commit("three");
    let run = world.backup().expect(3);
    assert_eq!(run.outcome("acme/web"), "partial");
    fs::remove_file(web.git_dir().join("shallow")).unwrap();
    world.backup().expect(0);
    world.assert_mirrored(web);
    assert!(!world.mirror("web").join("shallow").exists());
}
