use super::*;

#[test]
fn a_dry_run_writes_nothing_here_or_there() {
    let rescue = Rescue::new();
    let before = crate::support::content(&rescue.world.sandbox.backup());
    let run = rescue.restore(&["--all", "--dry-run", "--json"]).expect(0);
    let report = document(&run);
    assert_eq!(report["dryRun"], true);
    assert_eq!(report["expected"]["repositories"], 3);
    assert_eq!(of(&report, "acme/web")["target"]["name"], "web");
    assert_eq!(rescue.writes(), 0);
    assert!(rescue.names().is_empty());
    assert_eq!(
        crate::support::content(&rescue.world.sandbox.backup()),
        before
    );
    let text = rescue.restore(&["--all", "--dry-run"]).expect(0);
    assert!(text.stdout.contains("nothing was made"), "{}", text.stdout);
}

#[test]
fn names_that_collide_are_refused_and_rename_settles_it() {
    let rescue = Rescue::new();
    rescue.configure(&json!({ "rename": { "acme/web": "API" } }));
    let run = rescue.all().expect(10);
    assert!(
        run.stderr.contains("acme/acme/web") && run.stderr.contains("acme/acme/api"),
        "{}",
        run.stderr
    );
    assert_eq!(rescue.writes(), 0);
    rescue.configure(&json!({ "rename": { "acme/web": "API", "api": "api2" } }));
    rescue.all().expect(0);
    assert_eq!(rescue.names(), ["API", "api2", "empty"]);
    // What was made keeps its name, and that is said.
    rescue.configure(&json!({ "rename": { "acme/web": "shop", "api": "api2" } }));
    let notes = document(&rescue.all().expect(0))["notes"].to_string();
    let said = "acme/acme/web is at the target already, as rescue/API";
    assert!(notes.contains(said), "{notes}");
    assert_eq!(notes.matches("is at the target already").count(), 1);
    assert_eq!(rescue.names(), ["API", "api2", "empty"]);
    rescue.configure(&json!({ "rename": { "nothing": "x" } }));
    rescue.all().expect(10);
}

#[test]
fn targets_and_what_is_asked_for_have_their_exit_codes() {
    let rescue = Rescue::new();
    let run = |arguments: &[&str]| rescue.world.forgekeep(arguments).run();
    let unknown = run(&["restore", "--all", "--to-hoster", "acme"]).expect(10);
    assert!(unknown.stderr.contains("new home"), "{}", unknown.stderr);
    run(&["restore", "nowhere", "--to-hoster", "new home"]).expect(2);
    run(&[
        "restore",
        "--all",
        "--to-hoster",
        "new home",
        "--at",
        "abcdef12",
    ])
    .expect(2);
    run(&[
        "restore",
        "--all",
        "--to-hoster",
        "new home",
        "--source",
        "none",
    ])
    .expect(2);
    run(&["restore", "web", "api", "--to", "x"]).expect(2);
    let mut plain = rescue.target();
    plain["hoster"] = "git".into();
    rescue.configure_targets(&json!([plain]));
    rescue.all().expect(10);
    let mut azure = rescue.target();
    azure["hoster"] = "azure-devops".into();
    rescue.configure_targets(&json!([azure]));
    let run = rescue.all().expect(10);
    assert!(run.stderr.contains("project"), "{}", run.stderr);
    assert_eq!(rescue.writes(), 0);
}

#[test]
fn a_target_is_never_backed_up_and_its_variables_are_nobodys_before() {
    let rescue = Rescue::new();
    rescue.configure(&json!({ "password": "%NOT_SET_ANYWHERE%" }));
    rescue.world.backup().expect(0);
    assert!(rescue.gitea.requests().is_empty());
    let run = rescue.all().expect(10);
    assert!(run.stderr.contains("NOT_SET_ANYWHERE"), "{}", run.stderr);
}

#[test]
fn at_a_time_everything_is_as_it_was_then() {
    let rescue = Rescue::new();
    let web = rescue.world.forge.repository("web");
    let before = refs(&web.git_dir());
    let then = jiff::Timestamp::now();
    web.force_push("trunk");
    web.delete_branch("side");
    rescue.world.forge.repository("later").commit("one");
    rescue.world.backup().expect(0);
    let report = document(
        &rescue
            .restore(&["--all", "--json", "--at", &then.to_string()])
            .expect(0),
    );
    assert_eq!(refs(&rescue.there("web")), before);
    assert_eq!(of(&report, "acme/later")["outcome"], "notThen");
    assert_eq!(rescue.names(), ["api", "empty", "web"]);
}

#[test]
fn what_came_back_to_its_own_workspace_goes_on_in_its_folder() {
    let world = World::new();
    let forge = forgekeep_tests::Forge::builder()
        .writer("dev@example.com", "devuser", crate::support::TOKEN)
        .build();
    drop(world);
    let world = World::of(forge);
    world.forge.repository("web").commit("one").tag("v1");
    world.forge.repository("api").commit("one");
    world.backup().expect(0);
    let snapshots = |slug: &str| {
        fs::read_dir(world.folder(slug).join("snapshots/repo"))
            .unwrap()
            .count()
    };
    let (old_id, before) = (world.forge.repository("web").uuid(), snapshots("web"));
    let first = refs(&world.mirror("web"));
    world.forge.repository("web").delete();
    let mut target = world.source();
    target["title"] = "again".into();
    let config = json!({
        "localFolder": world.sandbox.backup(), "sources": [world.source()], "targets": [target],
    });
    world.sandbox.write("settings.yml", config.to_string());
    let restore = ["restore", "web", "--to-hoster", "again", "--json"];
    let report = document(&world.forgekeep(&restore).run().expect(0));
    let web = world.forge.repository("web");
    assert_ne!(web.uuid(), old_id);
    assert_eq!(of(&report, "acme/web")["outcome"], "restored", "{report:#}");
    assert_eq!(refs(&web.git_dir()), first);
    web.commit("two");
    world.backup().expect(0);
    world.assert_mirrored(web);
    assert_eq!(snapshots("web"), before + 1);
    let folders = fs::read_dir(world.sandbox.backup().join("acme"))
        .unwrap()
        .count();
    assert_eq!(folders, 2);
    let state = fs::read_to_string(world.folder("web").join("forgekeep.json")).unwrap();
    assert!(
        state.contains(&web.uuid()) && state.contains(&old_id),
        "{state}"
    );
}
