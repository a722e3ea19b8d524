//! What happens upstream between two runs, and what stays in the backup all the same.

use std::path::Path;

use forgekeep_tests::{Repo, RequestKind, compare, git};

use crate::support::{World, kept};

#[test]
fn only_what_changed_is_fetched() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    let api = world.forge.repository("api").private().commit("one");
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "cloned");
    assert!(
        run.repository("acme/web")["bytesReceived"]
            .as_u64()
            .unwrap()
            > 0
    );
    web.commit("two");
    world.forge.reset_log();
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "updated");
    assert_eq!(run.repository("acme/web")["refs"]["updated"], 1);
    assert_eq!(run.outcome("acme/api"), "unchanged");
    let requests = world.forge.requests();
    let packs: Vec<_> = requests
        .iter()
        .filter(|r| r.kind == RequestKind::UploadPack)
        .map(|r| r.repository.as_deref())
        .collect();
    assert!(!packs.is_empty() && packs.iter().all(|slug| *slug == Some("web")));
    world.assert_mirrored(web);
    world.assert_mirrored(api);
}

/// Many refs that stay as they are are no reason to send more, or to talk for longer.
#[test]
fn an_update_takes_two_requests_and_what_git_would_take() {
    let world = World::new();
    let web = world.forge.repository("web");
    for number in 0..60 {
        let text = format!("{number}\n").repeat(400);
        web.commit(&text).tag(&format!("v{number}"));
        if number % 5 == 0 {
            web.commit_to(&format!("feature/{number}"), &text);
        }
    }
    world.backup().expect(0);
    let root = world.sandbox.path("");
    let url = format!("{}/acme/web.git", world.forge.git_url());
    git::run(&root, &["clone", "-q", "--mirror", &url, "theirs"]);
    web.commit("new").commit_to("feature/5", "newer");
    world.forge.reset_log();
    git::run(&root.join("theirs"), &["fetch", "-q"]);
    let theirs = world.forge.pack_bytes();
    world.forge.reset_log();
    world.backup().expect(0);
    let ours = world.forge.pack_bytes();
    assert!(
        ours * 10 <= theirs * 11,
        "{ours} bytes, and {theirs} for git"
    );
    let requests = world.forge.requests();
    let of_web = requests
        .iter()
        .filter(|r| r.repository.as_deref() == Some("web"));
    assert_eq!(of_web.count(), 2);
    world.assert_mirrored(web);
}

#[test]
fn new_tags_and_branches_arrive() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world.backup().expect(0);
    web.tag("light")
        .annotated_tag("v1")
        .commit_to("feature/x", "two");
    let run = world.backup().expect(0);
    assert_eq!(run.repository("acme/web")["refs"]["created"], 3);
    world.assert_mirrored(web);
}

/// The commit is in the mirror for good, and plain git brings it back.
fn assert_restorable(world: &World, slug: &str, commit: &str) {
    let mirror = world.mirror(slug);
    let name = format!("refs/forgekeep/kept/{commit}");
    assert_eq!(git::run(&mirror, &["rev-parse", &name]), commit);
    git::run(&mirror, &["reflog", "expire", "--expire=now", "--all"]);
    git::run(&mirror, &["gc", "--quiet", "--prune=now"]);
    assert_eq!(git::run(&mirror, &["cat-file", "-t", commit]), "commit");
    compare::assert_sound(&mirror);
    let root = world.sandbox.path("");
    let source = mirror.to_str().unwrap();
    git::run(&root, &["clone", "-q", source, "restored"]);
    let clone = root.join("restored");
    let refspec = format!("{name}:refs/heads/rescued");
    git::run(&clone, &["fetch", "-q", "origin", &refspec]);
    git::run(&clone, &["checkout", "-q", "rescued"]);
    assert_eq!(git::run(&clone, &["rev-parse", "HEAD"]), commit);
}

#[test]
fn a_force_push_keeps_the_old_tip() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one").commit("two");
    let old = web.rev_parse("main");
    world.backup().expect(0);
    web.force_push("main");
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "updated");
    assert_eq!(run.repository("acme/web")["refs"]["forced"], 1);
    world.assert_mirrored(web);
    assert_restorable(&world, "web", &old);
    // What git packed again is still a mirror.
    web.commit("three");
    world.backup().expect(0);
    world.assert_mirrored(web);
    assert_eq!(kept(&world.mirror("web")).len(), 1);
}

#[test]
fn a_deleted_branch_keeps_its_tip() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    web.commit_to("feature", "two");
    let old = web.rev_parse("feature");
    world.backup().expect(0);
    web.delete_branch("feature");
    let run = world.backup().expect(0);
    assert_eq!(run.repository("acme/web")["refs"]["deleted"], 1);
    world.assert_mirrored(web);
    assert_restorable(&world, "web", &old);
}

#[test]
fn a_moved_tag_keeps_what_it_was() {
    let world = World::new();
    let web = world
        .forge
        .repository("web")
        .commit("one")
        .annotated_tag("v1");
    let old = web.rev_parse("v1");
    world.backup().expect(0);
    web.commit("two").annotated_tag("v1");
    let run = world.backup().expect(0);
    assert_eq!(run.repository("acme/web")["refs"]["forced"], 1);
    let name = format!("refs/forgekeep/kept/{old}");
    assert_eq!(git::run(&world.mirror("web"), &["rev-parse", &name]), old);
    world.assert_mirrored(web);
}

#[test]
fn a_wiped_repository_keeps_everything_it_had() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    web.commit_to("side", "two").annotated_tag("v1");
    let tips = ["main", "side", "v1"].map(|name| web.rev_parse(name));
    world.backup().expect(0);
    web.delete_branch("main")
        .delete_branch("side")
        .delete_tag("v1");
    let run = world.backup().expect(0);
    assert_eq!(run.repository("acme/web")["refs"]["deleted"], 3);
    let mirror = world.mirror("web");
    for tip in tips {
        let name = format!("refs/forgekeep/kept/{tip}");
        assert_eq!(git::run(&mirror, &["rev-parse", &name]), tip);
    }
    compare::assert_sound(&mirror);
    // And again: what is kept stays, and is not upstream's.
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "empty");
    assert_eq!(kept(&mirror).len(), 3);
}

#[test]
fn an_empty_repository_is_backed_up_and_grows() {
    let world = World::new();
    let web = world.forge.repository("web");
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "empty");
    compare::assert_sound(&world.mirror("web"));
    assert_eq!(world.backup().expect(0).outcome("acme/web"), "empty");
    web.commit("one");
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "updated");
    world.assert_mirrored(web);
}

fn branch_after_clone(world: &World, into: &str) -> String {
    let root = world.sandbox.path("");
    let mirror = world.mirror("web");
    git::run(&root, &["clone", "-q", mirror.to_str().unwrap(), into]);
    git::run(&root.join(into), &["symbolic-ref", "--short", "HEAD"])
}

#[test]
fn a_clone_of_the_mirror_checks_out_the_default_branch_also_after_a_change_of_it() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    web.branch("trunk", "main")
        .default_branch("trunk")
        .commit("two");
    web.commit_to("develop", "three");
    world.backup().expect(0);
    assert_eq!(branch_after_clone(&world, "first"), "trunk");
    web.default_branch("develop");
    world.forge.reset_log();
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "updated");
    assert_eq!(world.forge.count(RequestKind::UploadPack), 0);
    assert_eq!(branch_after_clone(&world, "second"), "develop");
    world.assert_mirrored(web);
    assert_eq!(world.backup().expect(0).outcome("acme/web"), "unchanged");
}

/// Gives a repository a branch and tags on a commit without an e-mail, as old programs wrote them.
/// libgit2 cannot parse it.
pub fn malformed(web: Repo<'_>, branch: &str) -> String {
    let folder = web.git_dir();
    let tree = web.rev_parse("main^{tree}");
    let parent = web.rev_parse("main");
    let commit = format!(
        "tree {tree}\nparent {parent}\nauthor John 1200000000 +0000\n\
         committer John <john@example.com> 1200000000 +0000\n\nold\n"
    );
    let write = |kind: &str, content: &str| {
        let arguments = ["hash-object", "-t", kind, "-w", "--stdin", "--literally"];
        git::run_with_input(&folder, &arguments, content.as_bytes())
    };
    let commit = write("commit", &commit);
    let tag = |of: &str, kind: &str| {
        let tag = format!(
            "object {of}\ntype {kind}\ntag t\ntagger Ada <ada@example.com> 1200000000 +0000\n\nt\n"
        );
        write("tag", &tag)
    };
    let inner = tag(&commit, "commit");
    let outer = tag(&inner, "tag");
    for (name, oid) in [
        (format!("refs/heads/{branch}"), &commit),
        ("refs/tags/inner".to_owned(), &inner),
        ("refs/tags/outer".to_owned(), &outer),
    ] {
        web.git(&["update-ref", &name, oid]);
    }
    commit
}

#[test]
fn tags_of_a_commit_that_libgit2_cannot_parse_are_backed_up() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    let commit = malformed(web, "old");
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "cloned");
    let mirror = world.mirror("web");
    let of = |folder: &Path| (compare::refs(folder), git::run(folder, &["show-ref", "-d"]));
    assert_eq!(of(&mirror), of(&web.git_dir()));
    let peeled = format!("{commit} refs/tags/outer^{{}}");
    assert!(of(&mirror).1.contains(&peeled), "{}", of(&mirror).1);
    assert_eq!(world.backup().expect(0).outcome("acme/web"), "unchanged");
}

#[test]
fn a_commit_that_libgit2_cannot_parse_may_come_later_and_others_after_it() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world.backup().expect(0);
    malformed(web, "old");
    let same = || {
        let of = |folder: &Path| git::run(folder, &["show-ref", "-d"]);
        assert_eq!(of(&world.mirror("web")), of(&web.git_dir()));
    };
    world.backup().expect(0);
    same();
    web.commit("two").commit_to("side", "three");
    let run = world.backup().expect(0);
    assert_eq!(run.repository("acme/web")["refs"]["forced"], 0);
    same();
    assert_eq!(world.backup().expect(0).outcome("acme/web"), "unchanged");
    world.forgekeep(&["verify"]).run().expect(0);
}

/// A commit on top of the main branch that has this line for its author.
fn odd(web: Repo<'_>, author: &str) -> String {
    let commit = format!(
        "tree {}\nparent {}\n{author}\ncommitter John <john@example.com> 1200000000 +0000\n\nold\n",
        web.rev_parse("main^{tree}"),
        web.rev_parse("main")
    );
    let write = [
        "hash-object",
        "-t",
        "commit",
        "-w",
        "--stdin",
        "--literally",
    ];
    git::run_with_input(&web.git_dir(), &write, commit.as_bytes())
}

#[test]
fn a_history_that_libgit2_cannot_parse_moves_forward_as_git_has_it() {
    for author in [
        "author John 1200000000 +0000",
        "author John <john@example.com",
        "author John <john@example.com> never +0000",
        "author John <john@example.com> 1200000000 nowhere",
        "author",
        "auteur John <john@example.com> 1200000000 +0000",
    ] {
        let world = World::new();
        let web = world.forge.repository("web").commit("one");
        world.backup().expect(0);
        let assert_moved = |to: &str, forced: u64| {
            web.git(&["update-ref", "refs/heads/main", to]);
            let run = world.backup().expect(0);
            let entry = run.repository("acme/web");
            assert_eq!(entry["refs"]["forced"], forced, "{author}: {entry:#}");
            assert_eq!(entry["refs"]["updated"], 1 - forced, "{author}");
            assert_eq!(entry.get("alert").is_some(), forced > 0, "{author}");
            let mirror = world.mirror("web");
            assert_eq!(compare::refs(&mirror), compare::refs(&web.git_dir()));
        };
        let first = web.rev_parse("main");
        assert_moved(&odd(web, author), 0);
        // On top of one, and over several at once.
        assert_moved(&odd(web, author), 0);
        let bad = odd(web, author);
        web.git(&["update-ref", "refs/heads/main", &bad]);
        assert_moved(&odd(web, author), 0);
        let tree = web.rev_parse("main^{tree}");
        let good = git::run(
            &web.git_dir(),
            &["commit-tree", "-m", "good", "-p", "main", &tree],
        );
        assert_moved(&good, 0);
        // A branch that was renamed is no loss, wherever it moved to.
        let next = odd(web, author);
        web.branch("trunk", &next).default_branch("trunk");
        web.git(&["symbolic-ref", "HEAD", "refs/heads/trunk"]);
        web.delete_branch("main");
        let run = world.backup().expect(0);
        assert_eq!(run.repository("acme/web").get("alert"), None, "{author}");
        web.branch("main", &next).default_branch("main");
        web.git(&["symbolic-ref", "HEAD", "refs/heads/main"]);
        web.delete_branch("trunk");
        world.backup().expect(0);
        // Back is not forward.
        assert_moved(&first, 1);
    }
}
