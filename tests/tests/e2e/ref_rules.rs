//! Refs that are left out, and repositories with more refs than a server serves at once.

use forgekeep_tests::{Action, Fault, Repo, RequestKind, git};
use serde_json::{Value, json};

use crate::support::{World, error, kept};

/// Gives each of these refs a commit of its own.
fn add_refs(repository: Repo<'_>, names: impl Iterator<Item = String>) {
    let mut stream = String::new();
    for (name, number) in names.zip(1..) {
        let message = format!("commit {number}\n");
        stream += &format!(
            "commit {name}\ncommitter dev <dev@example.com> {} +0000\ndata {}\n{message}\n",
            1_700_000_000 + number,
            message.len()
        );
    }
    git::run_with_input(
        &repository.git_dir(),
        &["fast-import", "--quiet"],
        stream.as_bytes(),
    );
}

fn changes(run: &forgekeep_tests::Run) -> Value {
    run.repository("acme/web")["refs"].clone()
}

fn names(world: &World) -> Vec<String> {
    let refs = git::run(
        &world.mirror("web"),
        &["for-each-ref", "--format=%(refname)"],
    );
    refs.lines().map(str::to_owned).collect()
}

#[test]
fn a_ref_that_is_left_out_from_now_on_is_kept_and_no_news() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    let refs = ["refs/pull/1/merge", "refs/pull/1/head", "refs/heads/tmp/a"];
    add_refs(web, refs.iter().map(|&name| name.to_owned()));
    let old: Vec<String> = refs.iter().map(|name| web.rev_parse(name)).collect();
    world.backup().expect(0);
    assert!(names(&world).contains(&"refs/pull/1/merge".to_owned()));
    let none = json!({"created": 0, "updated": 0, "forced": 0, "deleted": 0});

    let excluded = world.source_with("excludeRefs", vec!["refs/pull/*/merge", "refs/heads/tmp/*"]);
    let strict =
        json!({"alert": {"action": "fail", "branchesPercent": 1, "repositoriesPercent": 1}});
    world.configure_with(&[excluded], &strict);
    web.git(&["update-ref", "refs/pull/1/merge", "refs/heads/main"]);
    let run = world.backup().expect(0);
    assert_eq!(changes(&run), none);
    let now = names(&world);
    assert!(now.contains(&"refs/pull/1/head".to_owned()), "{now:?}");
    assert!(
        !now.iter().any(|name| refs[0] == name || refs[2] == name),
        "{now:?}"
    );
    let held = kept(&world.mirror("web"));
    let is_held = |oid: &String| held.iter().any(|name| name.ends_with(oid.as_str()));
    assert!(is_held(&old[0]) && is_held(&old[2]), "{held:?}");
    assert_eq!(world.backup().expect(0).outcome("acme/web"), "unchanged");
    let list = world
        .forgekeep(&["snapshots", "web", "--json"])
        .run()
        .expect(0);
    let list: Value = serde_json::from_str(&list.stdout).unwrap();
    let newest = &list["snapshots"].as_array().unwrap().last().unwrap()["counts"];
    assert_eq!(newest["deleted"], 0, "{list:#}");

    world.configure_with(&[world.source()], &strict);
    let run = world.backup().expect(0);
    assert_eq!(changes(&run)["created"], 2, "{:#}", changes(&run));
    assert_eq!(changes(&run)["forced"], 0);
    assert_eq!(run.repository("acme/web").get("alert"), None);
    world.assert_mirrored(web);
    world.forgekeep(&["verify"]).run().expect(0);
}

#[test]
fn the_branch_that_head_names_can_be_left_out() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    web.git(&["branch", "next"]);
    web.commit("only on main");
    world.configure(&[world.source_with("excludeRefs", vec!["refs/heads/main"])]);
    world.backup().expect(0);
    assert_eq!(names(&world), ["refs/heads/next"]);
    let main = web.rev_parse("refs/heads/main");
    assert!(git::try_run(&world.mirror("web"), &["cat-file", "-e", &main]).is_err());
    assert_eq!(world.backup().expect(0).outcome("acme/web"), "unchanged");
    world.forgekeep(&["verify"]).run().expect(0);
}

#[test]
fn what_is_no_name_of_a_ref_is_an_error() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    for (key, value) in [
        ("excludeRefs", "main"),
        ("includeRefs", "heads/*"),
        ("excludeRefs", "refs/heads/a b"),
    ] {
        world.configure(&[world.source_with(key, vec![value])]);
        let said = world.backup().expect(10).stderr;
        assert!(said.contains(&format!("`sources[0].{key}`")), "{said}");
        assert!(said.contains("`refs/pull/*/merge`"), "{said}");
    }
}

/// A world whose server answers 408 to requests for more than some hundred objects, or to all but the smallest.
fn giant(most: Most) -> World {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    web.git(&["branch", "next"]);
    add_refs(
        web,
        (1..=300).map(|number| format!("refs/pull/{number}/head")),
    );
    world.forge.inject(Fault::on(
        RequestKind::UploadPack,
        Action::Depends(match most {
            Most::Hundred => |logged| refuse_over(logged, 5_500),
            Most::Few => |logged| refuse_over(logged, 1_000),
        }),
    ));
    world
}

enum Most {
    Hundred,
    Few,
}

/// Each object that is asked for is a line of 50 bytes.
fn refuse_over(logged: &forgekeep_tests::Logged, bytes: usize) -> Action {
    let length = logged
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = length.and_then(|(_, length)| length.parse().ok()).unwrap();
    match length > bytes {
        true => Action::status(408),
        false => Action::Delay(std::time::Duration::ZERO),
    }
}

#[test]
fn a_repository_with_too_many_refs_for_one_request_comes_in_slices() {
    let world = giant(Most::Hundred);
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "cloned");
    world.assert_mirrored(world.forge.repository("web"));
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "unchanged");
}

#[test]
fn what_does_not_come_even_in_small_slices_is_named_and_the_branches_are_there() {
    let world = giant(Most::Few);
    let run = world.backup().expect(3);
    let report = run.repository("acme/web");
    assert_eq!(report["outcome"], "partial", "{report:#}");
    let said = error(report);
    assert!(
        said.contains("300 refs") && said.contains("refs/pull/1/head"),
        "{said}"
    );
    assert!(said.contains("and 297 more"), "{said}");
    let now = names(&world);
    assert_eq!(now, ["refs/heads/main", "refs/heads/next"]);
    world.forgekeep(&["verify"]).run().expect(0);
    // One of those that are there moves on; the others stay as they are.
    let web = world.forge.repository("web").commit("two");
    let run = world.backup().expect(3);
    assert_eq!(changes(&run)["updated"], 1, "{:#}", changes(&run));
    assert_eq!(changes(&run)["deleted"], 0);
    world.forge.clear_faults();
    let run = world.backup().expect(0);
    assert_eq!(changes(&run)["created"], 300);
    world.assert_mirrored(web);
}
